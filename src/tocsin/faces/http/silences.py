"""The API of silences, in our own words; Alertmanager's are in `alertmanager_api`."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import delete, get, post
from litestar.params import FromPath, QueryParameter

from tocsin.alerts.matchers import Matchers, parse_matchers
from tocsin.alerts.silences import SilenceState
from tocsin.base import limits
from tocsin.base.problems import Problem, ProblemsError
from tocsin.base.times import parse_duration
from tocsin.engine.maintenance import planned
from tocsin.engine.silencing import LONGEST, UnknownSilenceError
from tocsin.faces.http.alertmanager_view import in_order, read_filters, speaks_of
from tocsin.faces.http.bodies import convert, json_object
from tocsin.faces.http.guards import at_least
from tocsin.faces.http.openapi import SilenceOperation
from tocsin.faces.http.problems import AnyRequest, ApiError
from tocsin.faces.http.shapes_silences import (
    MaintenanceList,
    NewSilence,
    SilenceDocument,
    SilenceList,
    maintenance_window,
    silence_document,
)
from tocsin.faces.requests import TheFace, ThePrincipal, actor_of

_TEXT_CHARS_MAX = limits.silence_matchers_max * limits.label_value_chars_max


@get("/silences", guards=[at_least("viewer")], operation_id="listSilences", tags=["silences"])
async def list_silences(
    face: TheFace,
    filters: Annotated[
        list[str] | None,
        QueryParameter(name="filter", description="A matcher over what the silences name; may be repeated."),
    ] = None,
    ended: Annotated[
        bool, QueryParameter(name="all", description="Also those that ended in the last 30 days.")
    ] = False,
) -> SilenceList:
    """List silences: the active first, the soonest to end before others, then those to come."""
    wanted, now = read_filters(filters), face.engine.clock.now()
    kept = [each for each in await face.engine.silencing.list() if speaks_of(each, wanted)]
    found = [each for each in kept if ended or each.state(now) is not SilenceState.EXPIRED]
    return SilenceList(silences=[silence_document(each, now) for each in in_order(found, now)])


@get("/maintenance", guards=[at_least("viewer")], operation_id="listMaintenance", tags=["silences"])
async def list_maintenance(face: TheFace) -> MaintenanceList:
    """The maintenance windows of the playbooks, which silence alerts by the calendar: whether each holds
    now, and when it begins and ends or next does."""
    found = planned(face.engine.library.current, face.engine.clock.now())
    return MaintenanceList(windows=[maintenance_window(each) for each in found])


@get("/silences/{silence:str}", guards=[at_least("viewer")], operation_id="readSilence", tags=["silences"])
async def read_silence(silence: FromPath[str], face: TheFace) -> SilenceDocument:
    """Read one silence."""
    found = await face.engine.silencing.find(silence)
    if found is None:
        raise _unknown(silence)
    return silence_document(found, face.engine.clock.now())


@post(
    "/silences",
    guards=[at_least("responder")],
    status_code=201,
    operation_id="createSilence",
    operation_class=SilenceOperation,
    tags=["silences"],
)
async def create_silence(request: AnyRequest, face: TheFace, principal: ThePrincipal) -> SilenceDocument:
    """Silence alerts for a while: those that match open nothing and page nobody. A change of another silence
    keeps its id where only the end or the reason is another one."""
    wanted = convert(await json_object(request), NewSilence)
    now = face.engine.clock.now()
    starts_at, ends_at = _times(wanted, now)
    actor = actor_of(principal, face.engine)
    matchers = _matchers(wanted.matchers)
    try:
        made = await face.engine.silencing.create(
            matchers.all, starts_at, ends_at, wanted.comment, actor, replaces=wanted.replaces
        )
    except UnknownSilenceError as error:
        raise _unknown(wanted.replaces) from error
    return silence_document(made, now)


@delete(
    "/silences/{silence:str}",
    guards=[at_least("responder")],
    status_code=200,
    operation_id="expireSilence",
    tags=["silences"],
)
async def expire_silence(silence: FromPath[str], face: TheFace, principal: ThePrincipal) -> SilenceDocument:
    """End a silence now. Ending it again changes nothing."""
    try:
        ended = await face.engine.silencing.expire(silence, actor_of(principal, face.engine))
    except UnknownSilenceError as error:
        raise _unknown(silence) from error
    return silence_document(ended, face.engine.clock.now())


def _unknown(silence: str) -> ApiError:
    return ApiError(404, "unknown-silence", str(UnknownSilenceError(silence)))


def _matchers(text: str) -> Matchers:
    try:
        if len(text) > _TEXT_CHARS_MAX:
            raise ValueError("they are too long")
        return parse_matchers(text)
    except ValueError as error:
        raise _refused("matchers", f"The matchers: {error}.", 'Write alertname="X", team=~"a|b".') from error


def _times(wanted: NewSilence, now: datetime) -> tuple[datetime | None, datetime]:
    starts_at = _aware(wanted.starts_at, "starts_at")
    if (wanted.ends_at is None) == (not wanted.lasts):
        message = "The silence needs an end: `ends_at`, or `lasts`, and not both."
        raise _refused("ends_at", message, 'Give a time, or "lasts": "2h".')
    ends_at = _aware(wanted.ends_at, "ends_at")
    if ends_at is not None:
        return starts_at, ends_at
    span = parse_duration(wanted.lasts)
    if not span or span > LONGEST:
        message = f"{wanted.lasts[:40]!r} is no duration, or one of more than ten years."
        raise _refused("lasts", message, 'Write one such as "90m", "2h" or "3d".')
    try:
        return starts_at, max(starts_at or now, now) + span
    except OverflowError as error:
        raise _refused("starts_at", "The silence begins too late.", "Choose an earlier beginning.") from error


def _aware(at: datetime | None, field: str) -> datetime | None:
    if at is None:
        return None
    mend = "Send a time such as 2026-12-25T03:00:00Z."
    if at.tzinfo is None:
        raise _refused(field, f"{field} has no time zone.", mend)
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise _refused(field, f"{field} is before the first or after the last year.", mend) from error


def _refused(field: str, message: str, mend: str) -> ProblemsError:
    return ProblemsError([Problem(code="bad-silence", field=field, message=message, mend=mend)])
