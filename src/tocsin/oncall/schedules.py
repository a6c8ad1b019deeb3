"""Rotations, schedules and absences as they stand in the roster file."""

import re
from datetime import UTC, date, datetime, time, timedelta

from tocsin.base.ids import PersonId
from tocsin.base.times import zone
from tocsin.base.tomlread import Table, did_you_mean
from tocsin.oncall.handover import wall_clock
from tocsin.oncall.methods import read_clock, read_date, read_moment, read_zone
from tocsin.oncall.model import Absence, Layer, Override, Restriction, Rotation, Schedule

HANDOVER = time(9)
DAYS = 7
DAYS_MAX = 366
HOURS_MAX = 24 * DAYS_MAX
LENGTHS = ("days", "hours", "weeks")
LAYERS_MAX = 20
ZONE_MEND = "Use an IANA name such as Europe/Paris."
DAYS_MEND = 'Write days such as "mon-fri", "sat, sun" or "every day".'

_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_RANGE = re.compile(r"(?P<first>[a-z]{3,9})(?:\s*(?:-|\u2013|to)\s*(?P<last>[a-z]{3,9}))?")
_WORDS = {"every day": "mon-sun", "daily": "mon-sun", "weekdays": "mon-fri", "weekends": "sat-sun"}


def read_schedules(root: Table, known: frozenset[PersonId]) -> dict[str, Schedule]:
    """The schedules by name. One with faults is there all the same: the faults refuse the file."""
    table = root.table("schedules")
    return {name: _schedule(name, each, known) for name, each in table.each_table()} if table else {}


def _schedule(name: str, table: Table, known: frozenset[PersonId]) -> Schedule:
    table.only("zone", "layers", "overrides")
    zone_name = table.parsed("zone", "bad-zone", read_zone, ZONE_MEND)
    rows = table.tables("layers") or []
    if not rows and not table.values.get("layers"):
        mend = f"Add [[schedules.{name}.layers]] with people, starts_on and handover."
        table.refuse(None, "no-layers", f"The schedule {name} has no layer.", mend)
    if len(rows) > LAYERS_MAX:
        table.refuse("layers", "too-many", f"There are {len(rows)} layers.", f"Keep at most {LAYERS_MAX}.")
    layers = tuple(_layer(row, known, zone_name) for row in rows[:LAYERS_MAX])
    return Schedule(name=name, layers=layers, overrides=_overrides(table, zone_name, known))


def _layer(table: Table, known: frozenset[PersonId], zone_name: str | None) -> Layer:
    rotation = read_rotation(table, known, zone_name, beside=("name", "only"))
    restrictions = tuple(
        found for row in table.tables("only") or () if (found := _restriction(row)) is not None
    )
    return Layer(rotation=rotation, restrictions=restrictions, name=table.text("name") or "")


def _restriction(table: Table) -> Restriction | None:
    table.only("days", "from", "to")
    days = table.parsed("days", "bad-days", read_days, DAYS_MEND)
    begins = table.parsed("from", "bad-time", read_clock, 'Write a time of day such as "09:00".')
    ends = table.parsed("to", "bad-time", read_clock, 'Write a time of day such as "17:00".')
    if "days" not in table:
        days = tuple(range(7))
    if days is None:
        return None
    return Restriction(days=days, begins=begins or time(0), ends=ends or time(0))


def read_days(value: object) -> tuple[int, ...]:
    """Days of the week from words, Monday being 0: "mon-fri", "sat, sun", "fri-mon", "weekdays".

    Raises:
        ValueError: it names none.
    """
    if not isinstance(value, str):
        raise ValueError("the days are no text")
    text = value.strip().casefold()
    found: set[int] = set()
    for part in re.split(r"[,;]|\band\b", _WORDS.get(text, text)):
        span = _DAY_RANGE.fullmatch(part.strip())
        if span is None:
            raise ValueError(f"{value[:40]!r} names no days of the week")
        first = _day(span["first"], value)
        last = _day(span["last"], value) if span["last"] else first
        found.update((first + step) % 7 for step in range((last - first) % 7 + 1))
    return tuple(sorted(found))


def _day(word: str, value: str) -> int:
    if word[:3] not in _WEEK:
        raise ValueError(f"{value[:40]!r} names no days of the week")
    return _WEEK.index(word[:3])


def read_absences(root: Table, known: frozenset[PersonId], zones: dict[PersonId, str]) -> tuple[Absence, ...]:
    """Who is away when. A date stands for the whole day, and a time without an offset is by the clocks of
    the person's own zone."""
    found: list[Absence] = []
    for row in root.tables("absences") or ():
        row.only("person", "from", "until", "because")
        for key in ("person", "from", "until"):
            if key not in row:
                mend = 'Write { person = "alice", from = 2026-08-03, until = 2026-08-16 }.'
                row.refuse(None, "missing-key", f"The absence has no {key!r}.", mend)
        person = _person(row, known)
        where = zones.get(person or PersonId(""), "UTC")
        starts_at, ends_at = _bound(row, "from", where, last=False), _bound(row, "until", where, last=True)
        if person is None or starts_at is None or ends_at is None:
            continue
        if ends_at <= starts_at:
            row.refuse("until", "bad-absence", "The absence ends before it begins.", "Let it end later.")
        because = row.text("because") or ""
        found.append(Absence(person=person, starts_at=starts_at, ends_at=ends_at, because=because))
    return tuple(found)


def _bound(table: Table, key: str, where: str, *, last: bool) -> datetime | None:
    value = table.values.get(key)
    if isinstance(value, date) and not isinstance(value, datetime):
        day = table.parsed(key, "bad-date", read_date, "Write a date such as 2026-08-03.")
        return (
            None if day is None else wall_clock(day + timedelta(days=1 if last else 0), time(0), zone(where))
        )
    return _instant(table, key, where)


def _person(table: Table, known: frozenset[PersonId]) -> PersonId | None:
    person = table.text("person")
    if person is not None and person not in known:
        message = f"{person!r} is not among the people of the roster."
        table.refuse("person", "unknown-person", message, did_you_mean(person, sorted(known)))
    return None if person is None else PersonId(person)


def read_named(table: Table, known: frozenset[PersonId], repeats: bool) -> tuple[PersonId, ...]:
    """The people under `people`; in a rotation somebody may be named more than once."""
    named = table.texts("people")
    if named is None:
        return ()
    if not named and not table.values.get("people"):
        table.refuse("people", "no-people", "Nobody is named.", "Name at least one person.")
    found: list[PersonId] = []
    for place, each in named:
        person = PersonId(each)
        path = (*table.path, "people", place)
        if person not in known:
            message = f"{each!r} is not among the people of the roster."
            table.report.add(path, "unknown-person", message, did_you_mean(each, sorted(known)))
        elif person in found and not repeats:
            table.report.add(path, "duplicate-person", f"{each!r} is named twice.", "Name everybody once.")
        found.append(person)
    return tuple(found)


def read_rotation(
    table: Table,
    known: frozenset[PersonId],
    zone_name: str | None = None,
    beside: tuple[str, ...] = ("overrides",),
) -> Rotation:
    """The people who take turns, and when. `zone_name` is the zone where the table need not name one,
    `beside` are further keys that the table may have."""
    table.only("people", "starts_on", "handover", "zone", "days", "hours", "weeks", *beside)
    for key, mend in (
        ("people", 'Add people = ["alice", "ben"], in the order of their turns.'),
        ("starts_on", "Add starts_on = 2026-01-05, the day of the first handover."),
        ("zone", 'Add zone = "Europe/Paris", by whose clocks the handover is.'),
    ):
        if key not in table and not (key == "zone" and zone_name):
            table.refuse(None, "missing-key", f"The rotation has no {key!r}.", mend)
    people = read_named(table, known, repeats=True)
    starts_on = table.parsed("starts_on", "bad-date", read_date, "Write a date such as 2026-01-05.")
    handover = table.parsed("handover", "bad-time", read_clock, 'Write a time of day such as "09:00".')
    name = table.parsed("zone", "bad-zone", read_zone, ZONE_MEND) or zone_name
    if len([key for key in LENGTHS if key in table]) > 1:
        message = "The rotation says more than once how long a turn is."
        table.refuse(None, "bad-rotation", message, "Keep one of days, hours and weeks.")
    weeks, days = table.whole("weeks", 1, DAYS_MAX // 7), table.whole("days", 1, DAYS_MAX)
    return Rotation(
        people=people,
        starts_on=starts_on or date(1970, 1, 1),
        handover=HANDOVER if handover is None else handover,
        zone=name or "UTC",
        days=(weeks * 7 if weeks else days) or DAYS,
        hours=table.whole("hours", 1, HOURS_MAX) or 0,
        overrides=_overrides(table, name, known) if "overrides" in beside else (),
    )


def _overrides(table: Table, where: str | None, known: frozenset[PersonId]) -> tuple[Override, ...]:
    rows = table.tables("overrides") or ()
    return tuple(found for row in rows if (found := _override(row, where, known)) is not None)


def _override(table: Table, where: str | None, known: frozenset[PersonId]) -> Override | None:
    table.only("person", "starts_at", "ends_at")
    for key in ("person", "starts_at", "ends_at"):
        if key not in table:
            mend = 'Write { person = "alice", starts_at = …, ends_at = … }.'
            table.refuse(None, "missing-key", f"The override has no {key!r}.", mend)
    person = _person(table, known)
    starts_at, ends_at = (_instant(table, key, where) for key in ("starts_at", "ends_at"))
    if starts_at is None or ends_at is None or person is None:
        return None
    if ends_at <= starts_at:
        message = "The override ends before it begins." if ends_at < starts_at else "The override is empty."
        table.refuse("ends_at", "bad-override", message, "Let it end after it begins.")
    return Override(person=person, starts_at=starts_at, ends_at=ends_at)


def _instant(table: Table, key: str, where: str | None) -> datetime | None:
    """A moment in UTC; one without an offset is by the clocks of the rotation's zone."""
    moment = table.parsed(key, "bad-time", read_moment, "Write a time such as 2026-12-24T18:00:00.")
    if moment is None:
        return None
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    # A zone that cannot be read was told of already, and refuses the file.
    return wall_clock(moment.date(), moment.time(), zone(where or "UTC"))
