"""A month of a role as a calendar: weeks of days, and in each day who is on call from when to when."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec

from tocsin.base.ids import PersonId
from tocsin.base.times import zone
from tocsin.oncall.handover import wall_clock
from tocsin.oncall.model import RoleFill, Roster
from tocsin.oncall.resolve import Shift, shifts

HUES = 6
"""People are told apart by so many colours, and always by their names."""

_DAY = timedelta(days=1)


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on call in a part of a day; nobody where `who` is empty. `begins` is the time on the clock, ""
    at the start of the day; `instead` says whose turn it is, or that it is an override."""

    who: str
    hue: int
    begins: str
    instead: str


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A day of the calendar; `outside` says that it belongs to the month before or after."""

    day: date
    name: str
    outside: bool
    today: bool
    weekend: bool
    stretches: tuple[Stretch, ...]


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """A month of one role. `before` and `after` are the months beside it, as `2026-12`."""

    role: str
    title: str
    this: str
    before: str
    after: str
    zone: str
    weeks: tuple[tuple[Day, ...], ...]


def read_month(text: str, today: date) -> date:
    """The first day of a month written as `2026-12`; of the present one where nothing is written.

    Raises:
        ValueError: it is no month, or too far off to be computed.
    """
    if not text:
        return today.replace(day=1)
    first = date.fromisoformat(f"{text}-01")
    if not 2000 <= first.year <= 2100:
        raise ValueError(f"{text!r} is not from 2000 to 2100")
    return first


def month_of(roster: Roster, fill: RoleFill, first: date, zone_name: str, now: datetime) -> Month:
    """The month that begins on `first`, by the clock of a zone, in whole weeks from Monday on.
    `now` is UTC."""
    where, today = zone(zone_name), now.astimezone(zone(zone_name)).date()
    after = _next_month(first)
    begins = first - first.weekday() * _DAY
    ends = after + (-after.weekday() % 7) * _DAY
    turns = shifts(fill, _midnight(begins, where), _midnight(ends, where), roster.absences)
    hues = {person: place % HUES for place, person in enumerate(fill.everybody)}
    days = [
        _day(begins + number * _DAY, first, today, where, turns, roster, hues)
        for number in range((ends - begins).days)
    ]
    return Month(
        role=fill.role,
        title=f"{first:%B %Y}",
        this=f"{first:%Y-%m}",
        before=f"{first - _DAY:%Y-%m}",
        after=f"{after:%Y-%m}",
        zone=zone_name,
        weeks=tuple(tuple(days[at : at + 7]) for at in range(0, len(days), 7)),
    )


def _next_month(first: date) -> date:
    return (first.replace(day=28) + 4 * _DAY).replace(day=1)


def _midnight(day: date, where: tzinfo) -> datetime:
    return wall_clock(day, time(0), where).astimezone(UTC)


def _day(
    day: date,
    first: date,
    today: date,
    where: tzinfo,
    turns: Sequence[Shift],
    roster: Roster,
    hues: Mapping[PersonId, int],
) -> Day:
    starts, ends = _midnight(day, where), _midnight(day + _DAY, where)
    return Day(
        day=day,
        name=f"{day:%A}",
        outside=day.month != first.month,
        today=day == today,
        weekend=day.weekday() >= 5,
        stretches=tuple(_stretches(starts, ends, where, turns, roster, hues)),
    )


def _stretches(
    starts: datetime,
    ends: datetime,
    where: tzinfo,
    turns: Sequence[Shift],
    roster: Roster,
    hues: Mapping[PersonId, int],
) -> Iterator[Stretch]:
    at = starts
    for shift in turns:
        if shift.ends_at <= starts or shift.starts_at >= ends:
            continue
        if shift.starts_at > at:
            yield Stretch(who="", hue=0, begins=_clock(at, starts, where), instead="")
        at = max(at, shift.starts_at)
        first = shift.people[0]
        yield Stretch(
            who=roster.name_of(first),
            hue=hues.get(first, 0),
            begins=_clock(at, starts, where),
            instead=_instead(roster, shift),
        )
        at = shift.ends_at
    if at < ends:
        yield Stretch(who="", hue=0, begins=_clock(at, starts, where), instead="")


def _instead(roster: Roster, shift: Shift) -> str:
    if shift.instead_of is not None:
        return f"for {roster.name_of(shift.instead_of)}, who is away"
    return "stands in" if shift.stands_in else ""


def _clock(at: datetime, starts: datetime, where: tzinfo) -> str:
    return "" if at == starts else f"{at.astimezone(where):%H:%M}"
