"""Where senders that speak PagerDuty's Events API send to: `POST /v2/enqueue`, `/v2/change/enqueue`, and
version 1 at its old address. Answers have the shapes that those senders read
(https://developer.pagerduty.com/docs/events-api-v2/overview/)."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from hmac import compare_digest
from typing import Any, cast

import msgspec
from litestar import Request, Response, Router, post
from litestar.di import NamedDependency

from tocsin.base import limits
from tocsin.base.problems import Problem
from tocsin.base.times import parse_instant
from tocsin.engine.changes import Change
from tocsin.engine.intake import IntakeFullError
from tocsin.engine.ports import ConflictError, StoreUnavailableError
from tocsin.engine.sources import Arrival, SourceError
from tocsin.engine.views import Principal
from tocsin.faces.http.door import Door
from tocsin.faces.http.guards import may_tell
from tocsin.faces.http.metrics import Metrics, TheMetrics
from tocsin.faces.http.problems import RETRY_AFTER_SECONDS, ApiError
from tocsin.faces.requests import Face, TheFace, address_of

KIND = "pagerduty"
EVENT_BYTES_MAX = 512 * 1024
ROUTING_KEY_CHARS = 32
DETAILS_MAX = 40
LINKS_MAX = 10

AnyRequest = Request[Any, Any, Any]
TheDoor = NamedDependency[Door]
Answer = Response[dict[str, Any]]


class _Invalid(Exception):  # noqa: N818 - it never leaves this module
    """The event is refused."""

    def __init__(
        self,
        message: str,
        errors: Sequence[str],
        status: int = 400,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.headers = dict(headers or {})
        self.message = message
        self.errors = list(errors)
        self.status = status


def router() -> Router:
    """The addresses of the Events API."""
    return Router(
        "/",
        route_handlers=[enqueue, enqueue_change, create_event],
        include_in_schema=False,
    )


@post("/v2/enqueue", status_code=202, request_max_body_size=None)
async def enqueue(request: AnyRequest, face: TheFace, metrics: TheMetrics, door: TheDoor) -> Answer:
    """Take an event: trigger, acknowledge or resolve."""
    return await _answered(request, face, metrics, door, "dedup_key")


@post("/generic/2010-04-15/create_event.json", status_code=200, request_max_body_size=None)
async def create_event(request: AnyRequest, face: TheFace, metrics: TheMetrics, door: TheDoor) -> Answer:
    """Take an event of version 1."""
    answer = await _answered(request, face, metrics, door, "incident_key")
    if answer.status_code == 202:
        answer.status_code = 200
    return answer


@post("/v2/change/enqueue", status_code=202, request_max_body_size=None)
async def enqueue_change(request: AnyRequest, face: TheFace, door: TheDoor) -> Answer:
    """Keep a change; nobody is paged for it."""
    try:
        event = _object(await _read(request, door))
        await _admit(event, face)
        await face.engine.changes.keep(_change(event, face.engine.clock.now()))
    except _Invalid as error:
        return _invalid(error)
    except (ConflictError, StoreUnavailableError) as error:
        return _later(error, 503)
    return Response({"status": "success", "message": "Change event processed"}, status_code=202)


async def _read(request: AnyRequest, door: Door) -> bytes:
    """The body, where the sender is not too fast and the event not too large.

    Raises:
        _Invalid: 408, 413 or 429.
    """
    try:
        door.check_rate(KIND, address_of(request))
        return await door.read(request.receive, request.headers, EVENT_BYTES_MAX)
    except ApiError as error:
        raise _Invalid(error.detail, [error.detail], error.status_code, error.headers) from error


async def _answered(request: AnyRequest, face: Face, metrics: Metrics, door: Door, key_name: str) -> Answer:
    sightings = face.engine.sightings
    try:
        body = await _read(request, door)
        event = _object(body)
        principal = await _admit(event, face)
    except _Invalid as error:
        metrics.took(KIND, kept=0, refused=1)
        return _invalid(error)
    except (ConflictError, StoreUnavailableError) as error:
        return _later(error, 503)
    try:
        key = await _take(event, face, metrics, key_name, principal)
        sightings.saw(KIND, body, kept=1, refused=0)
    except _Invalid as error:
        metrics.took(KIND, kept=0, refused=1)
        sightings.saw(KIND, body, kept=0, refused=1)
        return _invalid(error)
    except IntakeFullError as error:
        return _later(error, 429)
    except (ConflictError, StoreUnavailableError) as error:
        return _later(error, 503)
    return Response({"status": "success", "message": "Event processed", key_name: key}, status_code=202)


async def _take(
    event: dict[str, Any], face: Face, metrics: Metrics, key_name: str, principal: Principal | None
) -> str:
    """Do what the event asks; returns its key, which is made where a trigger brings none."""
    action_name = "event_action" if key_name == "dedup_key" else "event_type"
    if event.get(action_name) == "trigger" and event.get(key_name) in (None, ""):
        secret = face.engine.randomness.secret().encode()
        event[key_name] = hashlib.blake2s(secret, digest_size=16).hexdigest()
    raw = msgspec.json.encode(event)
    now = face.engine.clock.now()
    try:
        parsed = await face.sources[KIND].parse(Arrival(body=raw, received_at=now))
    except SourceError as error:
        raise _Invalid("Event object is invalid", _said(error.problems)) from error
    remote = face.engine.remote
    if parsed.alerts:
        await face.engine.intake.take(await remote.completed(parsed.alerts))
    for fingerprint in parsed.acknowledged:
        await remote.acknowledge(fingerprint, "PagerDuty event", principal)
    metrics.took(KIND, kept=len(parsed.alerts), refused=0)
    return str(event.get(key_name, ""))


async def _admit(event: dict[str, Any], face: Face) -> Principal | None:
    """Let an event in by its routing key: one of the settings, a token, or any of the right length where
    senders need none. Returns whom the key stands for, where it is a token.

    Raises:
        _Invalid: the key is missing or wrong.
    """
    source = face.sources.get(KIND)
    if source is None:
        raise _Invalid("Events of PagerDuty are not taken here", ["The source is not installed"], 404)
    given = event.get("routing_key", event.get("service_key"))
    if not isinstance(given, str) or not given:
        raise _Invalid("Event object is invalid", ["'routing_key' is missing or blank"])
    key = given.strip()
    now = face.engine.clock.now()
    body = msgspec.json.encode({"routing_key": given})
    if source.proves_itself and await source.admit(Arrival(body=body, received_at=now)):
        return None
    own = face.source_tokens.get(KIND)
    if own and compare_digest(own.encode(), key.encode(errors="replace")):
        return None
    principal = await face.engine.access.principal_of_token(key, via="source")
    if principal is not None and may_tell(principal):
        return principal
    is_open = face.allow_unauthenticated_sources and own is None and not source.proves_itself
    if is_open and len(key) == ROUTING_KEY_CHARS:
        return None
    wrong_length = is_open or len(key) < ROUTING_KEY_CHARS
    why = "Length of 'routing_key' is incorrect (should be 32 characters)" if wrong_length else ""
    raise _Invalid("Event object is invalid", [why or "'routing_key' is not known"])


def _object(body: bytes) -> dict[str, Any]:
    try:
        decoded: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _Invalid("Event object format is unrecognized", ["JSON parse error"]) from None
    if not isinstance(decoded, dict):
        raise _Invalid("Event object format is unrecognized", ["The event is no JSON object"])
    return cast("dict[str, Any]", decoded)


def _change(event: dict[str, Any], now: datetime) -> Change:
    given = event.get("payload")
    payload = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    summary = _line(payload.get("summary"), limits.title_chars_max)
    if not summary:
        raise _Invalid("Change event object is invalid", ["'payload.summary' is missing or blank"])
    details = payload.get("custom_details")
    named = cast("dict[str, object]", details) if isinstance(details, dict) else {}
    links = event.get("links")
    listed = cast("list[object]", links)[:LINKS_MAX] if isinstance(links, list) else []
    pairs = [cast("dict[str, object]", each) for each in listed if isinstance(each, dict)]
    return Change(
        summary=summary,
        source=_line(payload.get("source"), limits.title_chars_max),
        at=min(_instant(payload.get("timestamp")) or now, now),
        details={
            _line(name, limits.label_name_chars_max): _line(value, limits.reason_chars_max)
            for name, value in list(named.items())[:DETAILS_MAX]
        },
        links=tuple(
            (
                _line(each.get("href"), limits.reason_chars_max),
                _line(each.get("text"), limits.title_chars_max),
            )
            for each in pairs
        ),
    )


def _line(value: object, chars_max: int) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text.replace("\0", "\ufffd").strip()[:chars_max]


def _instant(value: object) -> datetime | None:
    """The time of a change; the official client writes an offset and a Z after it."""
    text = value if isinstance(value, str) else ""
    for each in (text, text.removesuffix("Z")):
        try:
            return parse_instant(each)
        except (ValueError, OverflowError):
            continue
    return None


def _said(problems: Sequence[Problem]) -> list[str]:
    return [f"{each.message} {each.mend}" for each in problems]


def _invalid(error: _Invalid) -> Answer:
    content: dict[str, Any] = {"status": "invalid event", "message": error.message, "errors": error.errors}
    return Response(content, status_code=error.status, headers=error.headers)


def _later(error: Exception, status: int) -> Answer:
    content: dict[str, Any] = {"status": "try again", "message": str(error), "errors": []}
    return Response(content, status_code=status, headers={"Retry-After": RETRY_AFTER_SECONDS})
