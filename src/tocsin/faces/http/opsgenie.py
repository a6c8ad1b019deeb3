"""Where senders that speak Opsgenie's API send to: alerts and what is asked of them, and pings of heartbeats
(https://docs.opsgenie.com/docs/alert-api, https://docs.opsgenie.com/docs/heartbeat-api)."""

from collections.abc import Awaitable, Callable
from hmac import compare_digest
from typing import Any, cast
from urllib.parse import unquote

import msgspec
from litestar import Request, Router, delete, get, post, route
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from tocsin.alerts.keys import fingerprint_of_key
from tocsin.alerts.model import Alert, AlertStatus
from tocsin.base.ids import IncidentId
from tocsin.base.times import in_zone, parse_instant
from tocsin.engine.engine import Engine
from tocsin.engine.intake import IntakeFullError
from tocsin.engine.ports import ConflictError, StoreUnavailableError
from tocsin.engine.records import AlertRecord
from tocsin.engine.remote import UNKNOWN, Outcome
from tocsin.engine.sources import Arrival, SourceError
from tocsin.engine.verbs import may
from tocsin.engine.views import Principal
from tocsin.faces.http.door import Door
from tocsin.faces.http.genie import (
    Answer,
    GenieError,
    Receipts,
    Stopwatch,
    accepted,
    alert_document,
    receipt_document,
    refused,
    shown,
)
from tocsin.faces.http.guards import may_tell
from tocsin.faces.http.metrics import TheMetrics
from tocsin.faces.requests import Face, TheFace, address_of, credential_of

KIND = "opsgenie"
ALERTS = "/v2/alerts/"
LOOKED_THROUGH_MAX = 1_000
LISTED_USUALLY, LISTED_MAX = 20, 100
NOTE_CHARS_MAX = 16_000
ALERT_BYTES_MAX = 1024 * 1024
ACTIONS = ("close", "acknowledge", "unacknowledge", "notes", "snooze")

AnyRequest = Request[Any, Any, Any]
TheReceipts = NamedDependency[Receipts]
TheDoor = NamedDependency[Door]


def router(engine: Engine) -> Router:
    """The addresses of the Alert API and of the Heartbeat API."""
    receipts = Receipts(engine.clock, engine.randomness)
    return Router(
        "/v2",
        route_handlers=[create_alert, list_alerts, act_on_alert, delete_alert, read_alert, ping],
        dependencies={"receipts": Provide(lambda: receipts, sync_to_thread=False)},
        include_in_schema=False,
    )


async def _answered(
    request: AnyRequest,
    face: Face,
    receipts: Receipts,
    door: Door,
    work: Callable[[Principal | None], Awaitable[Answer]],
) -> Answer:
    """Let the request in, and answer it in the words that its sender reads."""
    watch = Stopwatch(face.engine.clock)
    try:
        door.check_rate(KIND, address_of(request))
        return await work(await _admit(request, face))
    except GenieError as error:
        found = error
    except SourceError as error:
        errors = {each.field or "body": f"{each.message} {each.mend}" for each in error.problems}
        found = GenieError(422, "Request body is not processable. Please check the errors.", errors)
    except HTTPException as error:
        if error.status_code >= 500:
            raise
        found = GenieError(error.status_code, error.detail)
    except IntakeFullError as error:
        found = GenieError(429, str(error))
    except (ConflictError, StoreUnavailableError) as error:
        found = GenieError(503, str(error))
    return refused(found, receipts.identifier(), watch)


async def _admit(request: AnyRequest, face: Face) -> Principal | None:
    """Let a request in by its key, which is a token, that of the settings, or any where senders need none.
    Returns whom the key stands for, where it is a token.

    Raises:
        GenieError: the key is missing or wrong.
    """
    if KIND not in face.sources:
        raise GenieError(404, "Alerts of Opsgenie are not taken here.")
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    key = rest.strip() if scheme.casefold() == "geniekey" else credential_of(request) or ""
    own = face.source_tokens.get(KIND)
    if own and compare_digest(own.encode(), key.encode()):
        return None
    principal = await face.engine.access.principal_of_token(key, via="source") if key else None
    if principal is not None:
        reads = request.method == "GET" and "/heartbeats/" not in request.url.path
        if not reads and not may_tell(principal):
            raise GenieError(403, "This takes a token of the scope `source`, or of a responder.")
        return principal
    if face.allow_unauthenticated_sources and own is None and not key.startswith("tsn_"):
        return None
    raise GenieError(401, "Could not authenticate: send `Authorization: GenieKey` with a token of Tocsin's.")


@post("/alerts", status_code=202, request_max_body_size=None)
async def create_alert(
    request: AnyRequest, face: TheFace, receipts: TheReceipts, door: TheDoor, metrics: TheMetrics
) -> Answer:
    """Create an alert, or count another occurrence of the one of the same alias."""
    watch = Stopwatch(face.engine.clock)

    async def work(_: Principal | None) -> Answer:
        raw = await door.read(request.receive, request.headers, ALERT_BYTES_MAX)
        values = _object(raw)
        if not isinstance(values.get("alias") or "", str):
            raise GenieError(422, "Request body is not processable.", {"alias": "The alias is no text."})
        values["alias"] = str(values.get("alias") or "").strip() or receipts.identifier()
        arrival = Arrival(body=msgspec.json.encode(values), received_at=face.engine.clock.now())
        try:
            parsed = await face.sources[KIND].parse(arrival)
        except SourceError:
            metrics.took(KIND, kept=0, refused=1)
            face.engine.sightings.saw(KIND, raw, kept=0, refused=1)
            raise
        await face.engine.intake.take(parsed.alerts)
        metrics.took(KIND, kept=1, refused=0)
        face.engine.sightings.saw(KIND, raw, kept=1, refused=0)
        (alert,) = parsed.alerts
        receipt = receipts.keep(
            action="Create",
            success=True,
            status="Created alert",
            alert=alert.fingerprint,
            alias=values["alias"],
        )
        return accepted(receipt, watch)

    return await _answered(request, face, receipts, door, work)


@get("/alerts")
async def list_alerts(request: AnyRequest, face: TheFace, receipts: TheReceipts, door: TheDoor) -> Answer:
    """The alerts that came in this way, the last seen first."""
    watch = Stopwatch(face.engine.clock)

    async def work(principal: Principal | None) -> Answer:
        _may_read(principal)
        query = request.query_params.get("query", "").replace(" ", "").casefold()
        if query not in ("", "status:open", "status:closed", "status=open", "status=closed"):
            why = "The query is not understood; leave it out, or ask for status:open or status:closed."
            raise GenieError(422, why)
        offset = _number(request, "offset", 0, LOOKED_THROUGH_MAX)
        limit = _number(request, "limit", LISTED_USUALLY, LISTED_MAX)
        records = [
            each
            for each in await face.engine.queries.alerts(LOOKED_THROUGH_MAX)
            if each.alert.source == KIND
            and (not query or query.endswith("open") == (each.alert.status is AlertStatus.FIRING))
        ]
        documents = [await _document(each, face) for each in records[offset : offset + limit]]
        return shown(documents, receipts.identifier(), watch, paging={})

    return await _answered(request, face, receipts, door, work)


@get("/alerts/{rest:path}")
async def read_alert(request: AnyRequest, face: TheFace, receipts: TheReceipts, door: TheDoor) -> Answer:
    """One alert, or what became of a request."""
    watch = Stopwatch(face.engine.clock)

    async def work(principal: Principal | None) -> Answer:
        rest = _rest(request)
        if rest.startswith("requests/"):
            receipt = receipts.find(rest.removeprefix("requests/"))
            if receipt is None:
                raise GenieError(404, "Request not found. Please retry with a valid request.")
            return shown(receipt_document(receipt), receipts.identifier(), watch)
        _may_read(principal)
        record = await _find(_fingerprint(request, rest), face)
        if record is None:
            raise GenieError(404, UNKNOWN.said)
        return shown(await _document(record, face), receipts.identifier(), watch)

    return await _answered(request, face, receipts, door, work)


@post("/alerts/{rest:path}", status_code=202, request_max_body_size=None)
async def act_on_alert(request: AnyRequest, face: TheFace, receipts: TheReceipts, door: TheDoor) -> Answer:
    """Close an alert, acknowledge it, note something about it."""
    watch = Stopwatch(face.engine.clock)

    async def work(principal: Principal | None) -> Answer:
        identifier, _, action = _rest(request).rpartition("/")
        if action not in ACTIONS or not identifier:
            raise GenieError(404, f"Nothing is done with alerts here but: {', '.join(ACTIONS)}.")
        values = _object(await door.read(request.receive, request.headers, ALERT_BYTES_MAX))
        fingerprint = _fingerprint(request, identifier)
        outcome = await _act(action, fingerprint, values, face, principal)
        return accepted(await _kept(receipts, action, outcome, fingerprint, face), watch)

    return await _answered(request, face, receipts, door, work)


@delete("/alerts/{rest:path}", status_code=202)
async def delete_alert(request: AnyRequest, face: TheFace, receipts: TheReceipts, door: TheDoor) -> Answer:
    """End an alert. Nothing that happened is ever removed."""
    watch = Stopwatch(face.engine.clock)

    async def work(_: Principal | None) -> Answer:
        fingerprint = _fingerprint(request, _rest(request))
        sender = _sender(dict(request.query_params.items()))
        outcome = await _close(fingerprint, sender, "deleted the alert", face)
        return accepted(await _kept(receipts, "delete", outcome, fingerprint, face), watch)

    return await _answered(request, face, receipts, door, work)


@route("/heartbeats/{name:str}/ping", http_method=["GET", "POST", "PUT", "PATCH"], status_code=202)
async def ping(
    request: AnyRequest, name: FromPath[str], face: TheFace, receipts: TheReceipts, door: TheDoor
) -> Answer:
    """A heartbeat was heard."""
    watch = Stopwatch(face.engine.clock)

    async def work(principal: Principal | None) -> Answer:
        by = principal.name if principal else KIND
        if not name.isprintable() or not await face.engine.heartbeats.ping(name, by):
            raise GenieError(404, f"There is no heartbeat {name[:80]!r} in the settings.")
        return accepted(receipts.identifier(), watch, "PONG - Heartbeat received")

    return await _answered(request, face, receipts, door, work)


async def _act(
    action: str, fingerprint: str, values: dict[str, Any], face: Face, principal: Principal | None
) -> Outcome:
    remote, sender = face.engine.remote, _sender(values)
    if await _find(fingerprint, face) is None:
        return UNKNOWN
    text = str(values.get("note") or "").strip()[:NOTE_CHARS_MAX]
    match action:
        case "close":
            return await _close(fingerprint, sender, f"closed the alert. {text}".strip(), face)
        case "acknowledge":
            outcome = await remote.acknowledge(fingerprint, sender, principal)
            if text and outcome.found:
                await remote.note(fingerprint, sender, text)
            return outcome
        case "unacknowledge":
            said = f"{sender} says that nobody works on the alert any more. {text}".strip()
        case "snooze":
            try:
                until = parse_instant(str(values.get("endTime")))
            except (ValueError, OverflowError):
                errors = {"endTime": "endTime is no time such as 2026-03-02T09:00:00Z."}
                raise GenieError(422, "Request body is not processable.", errors) from None
            said = f"{sender} asks for silence until {in_zone(until, 'UTC')}. Pages go on. {text}".strip()
        case _:
            if not text:
                errors = {"note": "note can not be empty."}
                raise GenieError(422, "Request body is not processable.", errors)
            said = text
    return await remote.note(fingerprint, sender, said)


async def _close(fingerprint: str, sender: str, said: str, face: Face) -> Outcome:
    engine = face.engine
    record = await _find(fingerprint, face)
    if record is None:
        return UNKNOWN
    if record.alert.status is AlertStatus.RESOLVED:
        return Outcome(True, "Alert is already closed")
    now = engine.clock.now()
    ended: Alert = msgspec.structs.replace(
        record.alert, status=AlertStatus.RESOLVED, received_at=now, ends_at=now
    )
    await engine.remote.note(fingerprint, sender, f"{sender} {said}")
    await engine.intake.take([ended])
    return Outcome(True, "Closed alert")


async def _find(fingerprint: str, face: Face) -> AlertRecord | None:
    """An alert that came in this way: a key speaks of no other."""
    record = await face.engine.remote.find(fingerprint)
    return record if record is not None and record.alert.source == KIND else None


async def _kept(receipts: Receipts, action: str, outcome: Outcome, fingerprint: str, face: Face) -> str:
    name = "Add Note" if action == "notes" else action.capitalize()
    record = await _find(fingerprint, face)
    alias = record.alert.annotations.get("alias", "") if record else ""
    return receipts.keep(
        action=name, success=outcome.found, status=outcome.said, alert=fingerprint, alias=alias
    )


def _sender(values: dict[str, Any]) -> str:
    """Who says so, as the request tells."""
    named = [values.get(key) for key in ("user", "source")]
    said = next((each.strip() for each in named if isinstance(each, str) and each.strip()), "")
    return f"{said[:100]} (Opsgenie client)" if said else "An Opsgenie client"


def _rest(request: AnyRequest) -> str:
    """What stands after the alerts in the path as it came: an alias may have slashes in it."""
    path = unquote(request.scope["raw_path"].decode("ascii", "replace"))
    return path[len(ALERTS) :].rstrip("/")


def _fingerprint(request: AnyRequest, identifier: str) -> str:
    kind = request.query_params.get("identifierType", "id").casefold()
    if kind == "alias":
        return fingerprint_of_key(KIND, identifier)
    if kind == "tiny":
        digits = identifier.isascii() and identifier.isdigit() and len(identifier) <= 20
        return f"{int(identifier):016x}" if digits else ""
    if kind != "id":
        raise GenieError(422, "identifierType is none of: id, alias, tiny.")
    return identifier if identifier.isascii() and identifier.isalnum() else ""


def _may_read(principal: Principal | None) -> None:
    if principal is None or not may(principal, "viewer"):
        raise GenieError(403, "This key can only send; reading alerts takes a token of the scope viewer.")


def _number(request: AnyRequest, name: str, usual: int, most: int) -> int:
    text = str(request.query_params.get(name, ""))
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 9 else usual


async def _document(record: AlertRecord, face: Face) -> dict[str, Any]:
    found: IncidentId | None = record.incident
    return alert_document(record, await face.engine.queries.incident(found) if found else None)


def _object(raw: bytes) -> dict[str, Any]:
    """The JSON object of a body; an empty body is an empty object."""
    if not raw.strip():
        return {}
    try:
        decoded: object = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise GenieError(400, "The body cannot be read as JSON.") from None
    if not isinstance(decoded, dict):
        raise GenieError(422, "Request body is not processable.", {"body": "The body is no JSON object."})
    return cast("dict[str, Any]", decoded)
