"""Why: everything that was decided about one alert, in order, with the reasons."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum

import msgspec

from tocsin.alerts.matchers import Matchers
from tocsin.alerts.model import AlertStatus
from tocsin.alerts.silences import Silence, silencing
from tocsin.alerts.windows import Windows
from tocsin.base.ids import IncidentId, incident_number
from tocsin.base.times import humane
from tocsin.engine.library import Library
from tocsin.engine.ports import Clock, Reader, Store
from tocsin.engine.records import AlertRecord, AlertStep
from tocsin.engine.shelf import Book, Shelf
from tocsin.engine.silencing import Silencing
from tocsin.incident import events as e
from tocsin.incident.state import Incident
from tocsin.incident.timeline import describe

STEPS_MAX = 200
INCIDENTS_MAX = 10
"""Incidents of one alert that are told of, the latest of them."""


class About(StrEnum):
    """What a line is about."""

    ARRIVAL = "arrival"
    ROUTE = "route"
    DECISION = "decision"
    INCIDENT = "incident"
    SEVERITY = "severity"
    PAGE = "page"
    ANSWER = "answer"
    NOW = "now"


class WhyLine(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was decided or that happened, in a sentence. `at` is UTC; `incident` is the one that it
    happened in, None for what is about the alert alone."""

    at: datetime
    about: About
    text: str
    incident: IncidentId | None = None


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer: the alert as it was last seen, and the lines in order."""

    record: AlertRecord
    lines: tuple[WhyLine, ...]


_ABOUT: tuple[tuple[tuple[type[e.Event], ...], About], ...] = (
    ((e.SeverityChanged, e.TriageAnswered, e.TriageAssumed), About.SEVERITY),
    ((e.Paged, e.PageWidened, e.NobodyReachable, e.Escalated), About.PAGE),
    ((e.Acknowledged, e.PageAcknowledged), About.ANSWER),
    ((e.MergedInto, e.Absorbed, e.StormGathered, e.Resolved, e.Reopened), About.INCIDENT),
    ((e.Dismissed, e.Closed), About.INCIDENT),
)


class Explainer:
    """Puts the answer together from the alert's record and history, and the timelines of its incidents."""

    def __init__(self, store: Store, clock: Clock, library: Library, silences: Silencing) -> None:
        self._store = store
        self._clock = clock
        self._library = library
        self._silences = silences

    async def why(self, fingerprint: str) -> Why | None:
        """Everything about one alert; None where no such alert was taken in."""
        async with self._store.reading() as reader:
            record = await reader.alert(fingerprint)
            if record is None:
                return None
            steps = (await reader.alert_steps(fingerprint, STEPS_MAX))[::-1]
            told = await self._incidents(reader, record, steps)
        since = min([record.first_seen_at, *(each.at for each in steps)])
        # What the incident went through before this alert came is the story of others.
        told = [line for line in told if line.at >= since]
        lines = [*_arrival(record), *_steps(steps), *told]
        # What happened at one time is told in the order in which it was decided.
        lines.sort(key=lambda line: line.at)
        lines[1:1] = [_route(record, self._library.current)]
        now = self._clock.now()
        lines += _windows(record, self._library.current, now)
        lines += _now(record, await self._silences.list(), now)
        return Why(record=record, lines=tuple(lines))

    async def _incidents(
        self, reader: Reader, record: AlertRecord, steps: Iterable[AlertStep]
    ) -> list[WhyLine]:
        named = dict.fromkeys(each.incident for each in (*steps, record) if each.incident)
        ids = sorted(named, key=incident_number)[-INCIDENTS_MAX:]
        lines: list[WhyLine] = []
        while ids:
            found = await reader.incident(ids.pop(0))
            if found is None:
                continue
            entries = [each.entry for each in await reader.timeline(found.id)]
            lines += _of_incident(found, entries, record.alert.fingerprint)
            into = found.merged_into
            if into is not None and into not in named:
                named[into] = None
                ids.append(into)
        return lines


def _arrival(record: AlertRecord) -> Iterator[WhyLine]:
    alert = record.alert
    times = f", and {record.times} times in all until now" if record.times > 1 else ""
    yield WhyLine(
        at=record.first_seen_at,
        about=About.ARRIVAL,
        text=f"It came in for the first time, from the source {alert.source!r}{times}.",
    )


def _route(record: AlertRecord, shelf: Shelf) -> WhyLine:
    book = shelf.for_alert(record.alert)
    if len(shelf.books) == 1:
        why = "it is the only one"
    elif book is shelf.default:
        why = "no route of another playbook matches its labels"
    else:
        why = f"its route {_route_text(book, record)} matches its labels"
    text = f"The playbook “{book.playbook.title}” takes it: {why}."
    return WhyLine(at=record.first_seen_at, about=About.ROUTE, text=text)


def _route_text(book: Book, record: AlertRecord) -> str:
    matching: list[Matchers] = [
        each for each in book.playbook.options.routes if each.matches(record.alert.labels)
    ]
    return max(matching, key=lambda each: len(each.all)).text if matching else ""


def _steps(steps: Iterable[AlertStep]) -> Iterator[WhyLine]:
    for step in steps:
        state = "fires" if step.status is AlertStatus.FIRING else "has ended"
        where = f"in {step.incident}" if step.incident else "without an incident"
        yield WhyLine(
            at=step.at,
            about=About.DECISION,
            text=f"It {state}, {where}: {step.because}.",
            incident=step.incident,
        )


def _of_incident(incident: Incident, entries: Iterable[e.Entry], fingerprint: str) -> Iterator[WhyLine]:
    """The lines of an incident that are about this alert, or about everybody and everything in it."""
    for entry in entries:
        about = _about(entry.event, fingerprint)
        if about is not None:
            text = f"{incident.id}: {describe(entry)}"
            yield WhyLine(at=entry.at, about=about, text=text, incident=incident.id)


def _about(event: e.AnyEvent, fingerprint: str) -> About | None:
    match event:
        case e.Opened():
            return (
                About.SEVERITY if event.alert and event.alert.fingerprint == fingerprint else About.INCIDENT
            )
        case e.AlertAttached():
            return About.INCIDENT if event.alert.fingerprint == fingerprint else None
        case e.AlertCleared():
            return About.INCIDENT if event.fingerprint == fingerprint else None
        case _:
            return next((about for kinds, about in _ABOUT if isinstance(event, kinds)), None)


def _windows(record: AlertRecord, shelf: Shelf, now: datetime) -> Iterator[WhyLine]:
    book, labels = shelf.for_alert(record.alert), record.alert.labels
    open_now = Windows(book.playbook.options.noise.maintenance).open_at(now)
    for each in open_now:
        if each.window.matchers.matches(labels):
            left = humane(each.ends_at - now)
            text = f"The maintenance window {each.window.name} matches it, for another {left}."
            yield WhyLine(at=now, about=About.NOW, text=text)


def _now(record: AlertRecord, silences: Iterable[Silence], now: datetime) -> Iterator[WhyLine]:
    """What holds at this moment, which may be otherwise than when the alert was last decided on."""
    alert = record.alert
    for each in silencing(silences, alert.labels, now):
        left = humane(each.ends_at - now)
        text = f"A silence by {each.created_by} matches it, for another {left}: {each.comment}"
        yield WhyLine(at=now, about=About.NOW, text=text)
    if alert.status is AlertStatus.FIRING:
        where = f"in {record.incident}" if record.incident else "without an incident"
        text = f"It fires, {where}; it was last sent {humane(max(now - record.last_seen_at, now - now))} ago."
    else:
        text = f"It has ended, {humane(max(now - (alert.ends_at or record.last_seen_at), now - now))} ago."
    yield WhyLine(at=now, about=About.NOW, text=text)
