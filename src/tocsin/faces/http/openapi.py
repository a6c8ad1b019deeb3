"""What the OpenAPI document says beyond the handlers' signatures: bodies of verbs, tokens, errors."""

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Response, Router
from litestar.exceptions import NotFoundException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, OpenAPIMediaType, Operation, RequestBody, Schema, SecurityScheme
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.status_codes import HTTP_404_NOT_FOUND

from tocsin import __version__
from tocsin.engine.verbs import VERBS
from tocsin.faces.http.alertmanager_shapes import PostableSilence
from tocsin.faces.http.shapes import HowHandled, NewAccount, NewReport, NewToken
from tocsin.faces.http.shapes_silences import NewSilence
from tocsin.incident import commands as c

_KINDS = {each.value: each for each in OpenAPIType}


def _schema(described: dict[str, Any]) -> Schema:
    """A JSON schema as msgspec writes it, in the framework's own words."""
    kind = described.get("type")
    options: list[dict[str, Any]] = described.get("anyOf", [])
    items: dict[str, Any] = described.get("items", {})
    inner: dict[str, Any] = described.get("properties", {})
    return Schema(
        type=_KINDS.get(str(kind)),
        any_of=[_schema(each) for each in options] or None,
        enum=described.get("enum"),
        items=_schema(items) if items else None,
        properties={name: _schema(each) for name, each in inner.items()} or None,
        required=described.get("required"),
        title=described.get("title"),
        description=described.get("description"),
    )


def schema_of(kind: type[Any], title: str = "") -> Schema:
    """The schema of a flat record; the tag that commands carry in the store is left out."""
    (described,), components = msgspec.json.schema_components([kind])
    top = dict(components[described["$ref"].rpartition("/")[2]])
    inner = {name: _inline(each, components) for name, each in top["properties"].items() if name != "command"}
    required = [name for name in top.get("required", []) if name != "command" and name != "person"]
    top.update(properties=inner, required=required, title=title or kind.__name__)
    return _schema(top)


def _inline(described: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in described:
        return components[described["$ref"].rpartition("/")[2]]
    return described


def _json(schema: Schema) -> RequestBody:
    return RequestBody(content={"application/json": OpenAPIMediaType(schema=schema)})


@dataclass
class DeclareOperation(Operation):
    """An operation that takes a declaration."""

    def __post_init__(self) -> None:
        self.request_body = _json(schema_of(c.Declare, "Declare"))


@dataclass
class VerbOperation(Operation):
    """An operation that takes the fields of any verb."""

    def __post_init__(self) -> None:
        fields = [schema_of(verb.command, verb.name) for verb in VERBS.values()]
        self.request_body = _json(Schema(any_of=list(fields), description="The fields of the verb."))


@dataclass
class PostmortemOperation(Operation):
    """An operation that takes a post-mortem."""

    def __post_init__(self) -> None:
        self.request_body = _json(schema_of(c.PublishPostmortem, "postmortem"))


@dataclass
class TokenOperation(Operation):
    """An operation that takes what a token is made from."""

    def __post_init__(self) -> None:
        self.request_body = _json(schema_of(NewToken))


@dataclass
class AccountOperation(Operation):
    """An operation that takes what an account is made from."""

    def __post_init__(self) -> None:
        self.request_body = _json(schema_of(NewAccount))


@dataclass
class ReportOperation(Operation):
    """An operation that takes what somebody reports."""

    def __post_init__(self) -> None:
        self.request_body = _json(schema_of(NewReport))


@dataclass
class HandledOperation(Operation):
    """An operation that takes what was done about a weakness."""

    def __post_init__(self) -> None:
        self.request_body = _json(schema_of(HowHandled))


@dataclass
class AlertsOperation(Operation):
    """An operation that takes whatever a sender of alerts sends."""

    def __post_init__(self) -> None:
        anything = Schema(type=OpenAPIType.OBJECT, description="A request in the sender's own format.")
        self.request_body = _json(anything)


@dataclass
class PostableAlertsOperation(Operation):
    """An operation that takes alerts as Prometheus sends them."""

    def __post_init__(self) -> None:
        texts = Schema(type=OpenAPIType.OBJECT, additional_properties=Schema(type=OpenAPIType.STRING))
        time = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME)
        alert = Schema(
            type=OpenAPIType.OBJECT,
            properties={
                "labels": texts,
                "annotations": texts,
                "startsAt": time,
                "endsAt": time,
                "generatorURL": Schema(type=OpenAPIType.STRING),
            },
            required=["labels"],
        )
        self.request_body = _json(Schema(type=OpenAPIType.ARRAY, items=alert))


@dataclass
class PostableSilenceOperation(Operation):
    """An operation that takes a silence as amtool and Grafana send it."""

    def __post_init__(self) -> None:
        self.request_body = _json(schema_of(PostableSilence))


@dataclass
class SilenceOperation(Operation):
    """An operation that takes a silence in our own words."""

    def __post_init__(self) -> None:
        self.request_body = _json(schema_of(NewSilence))


async def _no_page_of_its_own(response: Response[Any]) -> Response[Any]:
    """The framework's page for unknown addresses gives way to our problem document."""
    if response.status_code == HTTP_404_NOT_FOUND:
        raise NotFoundException
    return response


def openapi_config() -> OpenAPIConfig:
    """The document at `/api/openapi.json`, and no page that would load anything from elsewhere."""
    return OpenAPIConfig(
        title="Tocsin",
        version=__version__,
        description=(
            "Incidents, run by your playbook. Every error is a problem document (RFC 9457). "
            "Times are RFC 3339 in UTC, durations ISO 8601."
        ),
        openapi_router=Router(
            "/api", route_handlers=[], after_request=_no_page_of_its_own, include_in_schema=False
        ),
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        components=Components(
            security_schemes={
                "token": SecurityScheme(type="http", scheme="bearer", description="A token: `tsn_…`."),
                "basic": SecurityScheme(
                    type="http", scheme="basic", description="The token as the password."
                ),
            }
        ),
        security=[{"token": []}, {"basic": []}],
        use_handler_docstrings=True,
    )
