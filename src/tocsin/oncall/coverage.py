"""What is wrong with who is on call when: times without anybody, people in two places, too much for one."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta

import msgspec

from tocsin.base.ids import PersonId, role_key
from tocsin.base.times import require_utc, zone
from tocsin.oncall.handover import wall_clock
from tocsin.oncall.model import Roster
from tocsin.oncall.resolve import Shift, shifts

NIGHT_BEGINS, NIGHT_ENDS = time(22), time(7)
"""The hours, on the clock of the person's own zone, in which a page wakes somebody."""


class Span(msgspec.Struct, frozen=True):
    """A stretch of time (UTC, end excluded)."""

    starts_at: datetime
    ends_at: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.ends_at - self.starts_at


class Clash(msgspec.Struct, frozen=True, kw_only=True):
    """One person has two roles by turns at the same time."""

    person: PersonId
    roles: tuple[str, str]
    span: Span


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """How much one person is on call by turns, over all roles; time in several roles counts once.
    `nights` and `weekends` are the parts of it in their own zone's night, and on Saturdays and Sundays."""

    person: PersonId
    total: timedelta
    nights: timedelta
    weekends: timedelta


def gaps(roster: Roster, role: str, start: datetime, end: datetime) -> tuple[Span, ...]:
    """When, from `start` until `end` (UTC), nobody has a role; the whole where nobody fills it."""
    start, end = require_utc(start), require_utc(end)
    fill = roster.role(role)
    found: list[Span] = []
    at = start
    for shift in shifts(fill, start, end, roster.absences) if fill else ():
        if shift.starts_at > at:
            found.append(Span(at, shift.starts_at))
        at = shift.ends_at
    return (*found, Span(at, end)) if at < end else tuple(found)


def clashes(roster: Roster, start: datetime, end: datetime) -> tuple[Clash, ...]:
    """When somebody has two roles by turns at once. Named people, who have a role always, do not count."""
    turning = [(fill.role, _turns(roster, fill.role, start, end)) for fill in roster.roles]
    found: list[Clash] = []
    for place, (role, mine) in enumerate(turning):
        for other, theirs in turning[place + 1 :]:
            if role_key(role) == role_key(other):
                continue
            found += [
                Clash(person=person, roles=(role, other), span=span)
                for person in mine.keys() & theirs.keys()
                for span in _common(mine[person], theirs[person])
            ]
    return tuple(sorted(found, key=lambda each: (each.span.starts_at, each.person, each.roles)))


def loads(roster: Roster, start: datetime, end: datetime) -> tuple[Load, ...]:
    """How much each person is on call by turns from `start` until `end` (UTC), the most first. Whoever has
    no turn is left out."""
    spans: dict[PersonId, list[Span]] = {}
    for fill in roster.roles:
        for person, theirs in _turns(roster, fill.role, start, end).items():
            spans.setdefault(person, []).extend(theirs)
    found = [_load(roster, person, _merged(theirs)) for person, theirs in spans.items()]
    return tuple(sorted(found, key=lambda each: (-each.total, each.person)))


def _turns(roster: Roster, role: str, start: datetime, end: datetime) -> Mapping[PersonId, list[Span]]:
    fill = roster.role(role)
    found: dict[PersonId, list[Span]] = {}
    if fill is None or fill.turns is None:
        return found
    turns: Sequence[Shift] = shifts(fill, start, end, roster.absences)
    for shift in turns:
        for person in shift.people:
            found.setdefault(person, []).append(Span(shift.starts_at, shift.ends_at))
    return found


def _common(mine: Sequence[Span], theirs: Sequence[Span]) -> list[Span]:
    """The stretches in which both lists, each in order and without overlap, have something."""
    found: list[Span] = []
    left = right = 0
    while left < len(mine) and right < len(theirs):
        begins = max(mine[left].starts_at, theirs[right].starts_at)
        ends = min(mine[left].ends_at, theirs[right].ends_at)
        if begins < ends:
            found.append(Span(begins, ends))
        if mine[left].ends_at <= theirs[right].ends_at:
            left += 1
        else:
            right += 1
    return _merged(found)


def _merged(spans: Sequence[Span]) -> list[Span]:
    """The same time, in order, with what touches or overlaps put together."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda each: each.starts_at):
        if found and span.starts_at <= found[-1].ends_at:
            found[-1] = Span(found[-1].starts_at, max(found[-1].ends_at, span.ends_at))
        else:
            found.append(span)
    return found


def _load(roster: Roster, person: PersonId, spans: Sequence[Span]) -> Load:
    known = roster.person(person)
    zone_name = known.zone if known else "UTC"
    nights = [part for span in spans for part in _common([span], _nights(span, zone_name))]
    weekends = [part for span in spans for part in _common([span], _weekends(span, zone_name))]
    return Load(
        person=person,
        total=_sum(spans),
        nights=_sum(nights),
        weekends=_sum(weekends),
    )


def _nights(span: Span, zone_name: str) -> list[Span]:
    where = zone(zone_name)
    day = span.starts_at.astimezone(where).date() - timedelta(days=1)
    found: list[Span] = []
    while (begins := wall_clock(day, NIGHT_BEGINS, where)) < span.ends_at:
        day += timedelta(days=1)
        found.append(Span(begins, wall_clock(day, NIGHT_ENDS, where)))
    return found


def _weekends(span: Span, zone_name: str) -> list[Span]:
    where = zone(zone_name)
    first = span.starts_at.astimezone(where).date()
    day = first - timedelta(days=(first.weekday() - 5) % 7)
    found: list[Span] = []
    while (begins := wall_clock(day, time(0), where)) < span.ends_at:
        found.append(Span(begins, wall_clock(day + timedelta(days=2), time(0), where)))
        day += timedelta(days=7)
    return found


def _sum(spans: Sequence[Span]) -> timedelta:
    return sum((span.length for span in spans), timedelta(0))
