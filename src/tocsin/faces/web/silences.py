"""The pages of silences: which there are, making one (from an alert, filled in), and ending one."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from tocsin.alerts.matchers import Matcher, parse_matchers
from tocsin.alerts.silences import SilenceState
from tocsin.base.problems import ProblemsError
from tocsin.base.times import in_zone, parse_duration, parse_instant
from tocsin.engine.maintenance import planned
from tocsin.engine.records import AlertRecord
from tocsin.engine.silencing import UnknownSilenceError
from tocsin.engine.told import SOURCE
from tocsin.engine.verbs import may
from tocsin.engine.views import Principal
from tocsin.faces.requests import Face, TheFace, actor_of, denied
from tocsin.faces.web.alertview import matcher_line, matcher_words, silence_rows, window_rows
from tocsin.faces.web.forms import read_form, why_not
from tocsin.faces.web.pages import signed_in
from tocsin.faces.web.render import AnyRequest, go, page

LASTS = {
    "30m": "30 minutes",
    "2h": "2 hours",
    "8h": "8 hours",
    "24h": "one day",
    "72h": "3 days",
    "7 days": "one week",
}
USUALLY_LASTS = "2h"
ENDED_SHOWN = 50
MATCHERS_CHARS_MAX = 16_384


class _Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What the form holds. `left_out` are labels of the alert that a matcher cannot name."""

    matchers: str = ""
    lasts: str = USUALLY_LASTS
    starts: str = ""
    reason: str = ""
    left_out: tuple[str, ...] = ()


@get("/silences", include_in_schema=False)
async def show_silences(request: AnyRequest, face: TheFace) -> Response[Any]:
    """Every silence: active, pending and ended; and the maintenance windows of the playbooks."""
    principal, now = await signed_in(request), face.engine.clock.now()
    silences = await face.engine.silencing.list()
    return await page(
        request,
        "silences.html",
        "Silences",
        principal=principal,
        here="silences",
        active=silence_rows(silences, SilenceState.ACTIVE, now),
        pending=silence_rows(silences, SilenceState.PENDING, now),
        ended=silence_rows(silences, SilenceState.EXPIRED, now)[:ENDED_SHOWN],
        windows=window_rows(planned(face.engine.library.current, now), now),
        may_silence=may(principal, "responder"),
    )


@get("/silences/new", include_in_schema=False)
async def show_silence_form(request: AnyRequest, face: TheFace, alert: FromQuery[str] = "") -> Response[Any]:
    """The form that makes a silence; filled in for an alert, so that one click is left."""
    principal = await signed_in(request)
    if not may(principal, "responder"):
        return go(face, "/silences", denied(principal, "responder"), refused=True)
    record = await face.engine.alerts.record(alert) if alert else None
    return await _form(request, face, principal, _suggested(record) if record else _Draft())


@post("/silences", include_in_schema=False)
async def make_silence(request: AnyRequest, face: TheFace) -> Response[Any]:
    """Make a silence from the form, or say what it would match."""
    principal = await signed_in(request)
    if not may(principal, "responder"):
        return go(face, "/silences", denied(principal, "responder"), refused=True)
    form = await read_form(request)
    draft = _Draft(
        matchers=form.get("matchers", "")[:MATCHERS_CHARS_MAX],
        lasts=form.get("lasts", USUALLY_LASTS),
        starts=form.get("starts", "").strip(),
        reason=form.get("reason", ""),
    )
    if form.get("do") == "look":
        return await _form(request, face, principal, draft)
    now = face.engine.clock.now()
    try:
        starts = _starts(draft.starts) if draft.starts else now
        span = parse_duration(draft.lasts) or timedelta(0)
        made = await face.engine.silencing.create(
            _matchers(draft.matchers),
            starts,
            max(starts, now) + span,
            draft.reason,
            actor_of(principal, face.engine),
        )
    except ProblemsError as error:
        return await _form(request, face, principal, draft, why_not(error))
    except ValueError as error:
        return await _form(request, face, principal, draft, _sentence(error))
    except OverflowError:
        return await _form(request, face, principal, draft, "The silence would end after the last year.")
    return go(face, "/silences", f"Silenced until {in_zone(made.ends_at, 'UTC')}.")


@post("/silences/{silence:str}/end", include_in_schema=False)
async def end_silence(request: AnyRequest, silence: FromPath[str], face: TheFace) -> Response[Any]:
    """End a silence now."""
    principal = await signed_in(request)
    if not may(principal, "responder"):
        return go(face, "/silences", denied(principal, "responder"), refused=True)
    try:
        await face.engine.silencing.expire(silence, actor_of(principal, face.engine))
    except UnknownSilenceError as error:
        return go(face, "/silences", str(error), refused=True)
    return go(
        face,
        "/silences",
        "The silence has ended. What it silenced and still fires is placed again within seconds.",
    )


async def _form(
    request: AnyRequest, face: Face, principal: Principal, draft: _Draft, wrong: str = ""
) -> Response[Any]:
    matchers: tuple[Matcher, ...] = ()
    try:
        matchers = _matchers(draft.matchers)
    except ValueError as error:
        wrong = wrong or _sentence(error)
    return await page(
        request,
        "silence.html",
        "Silence alerts",
        principal=principal,
        here="silences",
        status=422 if wrong else 200,
        draft=draft,
        lasts=LASTS,
        words=[matcher_words(each) for each in matchers],
        matching=await face.engine.alerts.matching(matchers),
        wrong=wrong,
    )


def _sentence(error: ValueError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _suggested(record: AlertRecord) -> _Draft:
    alert = record.alert
    labels = dict(sorted(alert.labels.items()))
    if alert.source == SOURCE:
        # Each report has a number of its own, so that a silence with it would meet no other.
        labels.pop("report", None)
    lines = {name: matcher_line(name, value) for name, value in labels.items()}
    work = f"{record.incident} is being worked on" if record.incident else "Known, and no reason to be paged"
    return _Draft(
        matchers="\n".join(line for line in lines.values() if line),
        reason=f"{work}: {alert.name}",
        left_out=tuple(name for name, line in lines.items() if not line),
    )


def _matchers(text: str) -> tuple[Matcher, ...]:
    """One matcher a line, or several with commas between them.

    Raises:
        ValueError: a line cannot be read.
    """
    return tuple(each for line in text.splitlines() if line.strip() for each in parse_matchers(line).all)


def _starts(text: str) -> datetime:
    """The time of the form's field, which is in UTC and names no zone.

    Raises:
        ValueError: it is no time.
    """
    try:
        return parse_instant(f"{text}Z")
    except ValueError:
        raise ValueError(
            f"the time {text[:40]!r} cannot be read; write one such as 2026-12-25T03:00"
        ) from None
