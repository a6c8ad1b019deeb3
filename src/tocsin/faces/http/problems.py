"""Errors as RFC 9457 problem documents: one shape for every one of them."""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, cast

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    InternalServerException,
    MethodNotAllowedException,
    NotAuthorizedException,
)

from tocsin.base.problems import Problem, ProblemsError
from tocsin.engine.access import AccessError, LockedError
from tocsin.engine.desk import RefusedError, UnknownIncidentError
from tocsin.engine.hub import HubFullError
from tocsin.engine.intake import IntakeFullError
from tocsin.engine.ports import ConflictError, StoreUnavailableError
from tocsin.engine.sources import SourceUnavailableError
from tocsin.faces.requests import wants_html

log = structlog.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]
RETRY_AFTER_SECONDS = "5"
GONE = "client disconnected prematurely"
"""The framework's words for a request that broke off."""
CHALLENGE = 'Bearer realm="tocsin", Basic realm="tocsin"'
MEDIA_TYPE = "application/problem+json"

_CODES = {
    400: "bad-request",
    401: "not-signed-in",
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    408: "too-slow",
    409: "refused",
    413: "too-large",
    415: "wrong-content-type",
    422: "wrong-content",
    429: "too-many",
    503: "unavailable",
}


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with the request: where, what, and what to do about it."""

    code: str
    field: str
    message: str
    mend: str


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every error. `type` ends in a stable code, `detail` is a sentence for people."""

    type: str
    title: str
    status: int
    detail: str
    problems: tuple[FieldProblem, ...] = ()


class ApiError(HTTPException):
    """An error of this face: status, stable code, sentence, and what is wrong in detail."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        problems: Iterable[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail=detail, status_code=status, headers=dict(headers or {}))
        self.code = code
        self.problems = tuple(problems)


def fields_of(problems: Iterable[Problem]) -> tuple[FieldProblem, ...]:
    """Problems as they stand in a document."""
    return tuple(
        FieldProblem(code=each.code, field=each.field, message=each.message, mend=each.mend)
        for each in problems
    )


def document(status: int, code: str, detail: str, problems: tuple[FieldProblem, ...] = ()) -> ProblemDocument:
    """The document of an error."""
    return ProblemDocument(
        type=f"urn:tocsin:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        problems=problems,
    )


ErrorPage = Callable[[AnyRequest, int, str], Response[Any]]
"""Makes a page for people of a status and a sentence."""


class Problems:
    """Turns exceptions into responses; into pages where a browser asks and there is an `error_page`."""

    def __init__(self, error_page: ErrorPage | None) -> None:
        self._error_page = error_page

    def handler(self, request: AnyRequest, error: Exception) -> Response[Any]:
        """The response to any exception. What is not ours to tell is logged and told as a plain 500."""
        found, headers = _read(error)
        if _is_gone(error):
            log.info("a client went away before its request was whole", method=request.method)
        elif found.status >= 500 and not isinstance(error, StoreUnavailableError | ApiError):
            log.error("a request failed", method=request.method, exc_info=error)
        if self._error_page is not None and wants_html(request):
            page = self._error_page(request, found.status, found.detail)
            page.headers.update(headers)
            return page
        return Response(
            content=msgspec.json.encode(found),
            status_code=found.status,
            headers=headers,
            media_type=MEDIA_TYPE,
        )


def _is_gone(error: Exception) -> bool:
    """Whether the other side broke off; the framework calls that an error of the server's."""
    return isinstance(error, InternalServerException) and error.detail == GONE


def _read(error: Exception) -> tuple[ProblemDocument, dict[str, str]]:
    wait = {"Retry-After": RETRY_AFTER_SECONDS}
    match error:
        case RefusedError():
            return document(409, error.code, error.message), {}
        case AccessError():
            return document(429 if isinstance(error, LockedError) else 422, error.code, error.message), {}
        case UnknownIncidentError():
            return document(404, "unknown-incident", str(error)), {}
        case ProblemsError():
            problems = fields_of(error.problems)
            detail = problems[0].message if problems else "The request is not understood."
            return document(422, _CODES[422], detail, problems), {}
        case StoreUnavailableError():
            return document(503, "store-unavailable", str(error)), wait
        case ConflictError():
            return document(503, "busy", "Others were writing at the same time; try again."), wait
        case IntakeFullError():
            return document(429, "intake-full", str(error)), wait
        case SourceUnavailableError():
            return document(503, "source-unavailable", str(error)), wait
        case HubFullError():
            return document(503, "too-many-readers", str(error)), wait
        case HTTPException():
            return _read_http(error)
        case _:
            return document(500, "internal", "The server failed; its log says why."), {}


def _read_http(error: HTTPException) -> tuple[ProblemDocument, dict[str, str]]:
    status = error.status_code
    headers = dict(error.headers or {})
    if isinstance(error, NotAuthorizedException) or status == 401:
        headers["WWW-Authenticate"] = CHALLENGE
    if isinstance(error, ApiError):
        return document(status, error.code, error.detail, fields_of(error.problems)), headers
    if status >= 500:
        return document(500, "internal", "The server failed; its log says why."), {}
    details = {
        404: "There is nothing at this address.",
        405: "This address does not take that method.",
        413: "The request is larger than 5 MB; send less at a time.",
    }
    listed = _listed(error)
    detail = error.detail if status in (401, 403) else details.get(status, error.detail)
    if listed:
        detail = " ".join(f"{each.field}: {each.message}" for each in listed)
    if isinstance(error, MethodNotAllowedException):
        headers = {name: value for name, value in headers.items() if name.casefold() == "allow"}
    return document(status, _CODES.get(status, "bad-request"), detail, listed), headers


def _listed(error: HTTPException) -> tuple[FieldProblem, ...]:
    """What the framework found wrong with parameters, each with its name."""
    extra: object = error.extra
    found: list[FieldProblem] = []
    for each in cast(list[object], extra) if isinstance(extra, list) else []:
        if isinstance(each, dict):
            named = cast(dict[str, Any], each)
            found.append(
                FieldProblem(
                    code="bad-field",
                    field=str(named.get("key", "")),
                    message=f"{named.get('message', 'Not understood')}.",
                    mend="Send the kind of value that is named.",
                )
            )
    return tuple(found)
