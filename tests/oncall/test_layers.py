"""Schedules of layers against a slow reference that goes through time minute by minute."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.base.ids import PersonId
from tocsin.oncall.coverage import clashes, gaps, loads
from tocsin.oncall.model import (
    Absence,
    Layer,
    Override,
    Person,
    Restriction,
    RoleFill,
    Roster,
    Rotation,
    Schedule,
)
from tocsin.oncall.resolve import on_call, shifts

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ANNA, BEN, CARA, DEV = (PersonId(name) for name in ("anna", "ben", "cara", "dev"))
PEOPLE = tuple(Person(id=each, name=each.title()) for each in (ANNA, BEN, CARA, DEV))

TRANSITIONS = (
    # What clocks did from 2020 to 2030 in zones that differ: by an hour, by half an hour, at midnight, over
    # the date line, in Ramadan, and for good.
    ("Europe/Paris", date(2026, 3, 29)),
    ("Europe/Paris", date(2026, 10, 25)),
    ("America/New_York", date(2027, 3, 14)),
    ("America/New_York", date(2027, 11, 7)),
    ("Australia/Lord_Howe", date(2024, 4, 7)),
    ("Australia/Lord_Howe", date(2024, 10, 6)),
    ("Africa/Casablanca", date(2025, 2, 23)),
    ("Africa/Casablanca", date(2025, 4, 6)),
    ("America/Santiago", date(2023, 9, 3)),
    ("Africa/Cairo", date(2024, 4, 26)),
    ("Africa/Cairo", date(2024, 10, 31)),
    ("Asia/Beirut", date(2023, 3, 26)),
    ("Europe/Volgograd", date(2020, 12, 27)),
    ("Africa/Juba", date(2021, 2, 1)),
    ("Pacific/Apia", date(2021, 4, 4)),
    ("Asia/Gaza", date(2025, 4, 12)),
    ("Asia/Kathmandu", date(2028, 2, 29)),
    ("UTC", date(2028, 2, 29)),
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Wall:
    """What the clocks of a zone have shown at the most so far, minute by minute: something that is to
    happen at a time on the wall happens in the first minute in which they show that time or a later one."""

    def __init__(self, zone: str, begin: datetime) -> None:
        self.zone = ZoneInfo(zone)
        self.most = datetime.min
        self.at = begin

    def look(self, at: datetime) -> datetime:
        self.most = max(self.most, at.astimezone(self.zone).replace(tzinfo=None))
        return self.most


class SlowLayer:
    def __init__(self, layer: Layer, begin: datetime) -> None:
        self.layer = layer
        self.wall = Wall(layer.rotation.zone, begin)
        self.turn = -1
        self.next = datetime.combine(layer.rotation.starts_on, layer.rotation.handover)

    def look(self, at: datetime, away: set[PersonId]) -> PersonId | None:
        shown = self.wall.look(at)
        rotation = self.layer.rotation
        while shown >= self.next:
            self.turn += 1
            self.next += timedelta(hours=rotation.hours) if rotation.hours else timedelta(days=rotation.days)
        if self.turn < 0 or not self.counts(shown):
            return None
        order = [rotation.people[(self.turn + step) % len(rotation.people)] for step in range(10)]
        return next((person for person in order if person not in away), None)

    def counts(self, shown: datetime) -> bool:
        if not self.layer.restrictions:
            return True
        for restriction in self.layer.restrictions:
            for day in (shown.date() - DAY, shown.date()):
                if day.weekday() not in restriction.days:
                    continue
                begins = datetime.combine(day, restriction.begins)
                ends = datetime.combine(day, restriction.ends)
                if restriction.ends <= restriction.begins:
                    ends += DAY
                if begins <= shown < ends:
                    return True
        return False


def slowly(
    schedule: Schedule, absences: tuple[Absence, ...], begin: datetime, start: datetime, end: datetime
) -> Iterator[tuple[datetime, PersonId | None]]:
    layers = [SlowLayer(layer, begin) for layer in schedule.layers]
    at = begin
    while at < end:
        away = {each.person for each in absences if each.starts_at <= at < each.ends_at}
        found = [layer.look(at, away) for layer in layers]
        person = next((each for each in reversed(found) if each is not None), None)
        for override in schedule.overrides:
            if override.starts_at <= at < override.ends_at:
                person = override.person
        if at >= start:
            yield at, person
        at += MINUTE


minutes_of_day = st.integers(0, 24 * 12 - 1).map(lambda five: time(five // 12, five % 12 * 5))
some_people = st.lists(st.sampled_from((ANNA, BEN, CARA)), min_size=1, max_size=3).map(tuple)
restrictions = st.builds(
    Restriction,
    days=st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
    begins=st.one_of(minutes_of_day, st.sampled_from((time(0), time(2), time(2, 30), time(3)))),
    ends=st.one_of(minutes_of_day, st.sampled_from((time(0), time(2), time(2, 30), time(3)))),
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Schedule, tuple[Absence, ...], datetime]:
    zone, day = draw(st.sampled_from(TRANSITIONS))
    other = draw(st.sampled_from([zone, *(each for each, _ in TRANSITIONS)]))
    start = datetime.combine(day - 2 * DAY, time(0), UTC)
    instants = st.integers(0, 5 * 24 * 60).map(lambda minutes: start + minutes * MINUTE)

    def rotation(where: str) -> Rotation:
        return Rotation(
            people=draw(some_people),
            starts_on=day - draw(st.integers(-2, 9)) * DAY,
            handover=draw(st.one_of(minutes_of_day, st.sampled_from((time(0), time(2), time(2, 30))))),
            zone=where,
            days=draw(st.integers(1, 8)),
            hours=draw(st.sampled_from((0, 0, 1, 5, 8, 12, 36))),
        )

    def span() -> tuple[datetime, datetime]:
        one, two = draw(instants), draw(instants)
        return min(one, two), max(one, two) + MINUTE

    layers = tuple(
        Layer(rotation=rotation(where), restrictions=tuple(draw(st.lists(restrictions, max_size=2))))
        for where in draw(st.sampled_from(([zone], [zone, other], [other, zone, zone])))
    )
    overrides = []
    for person in draw(st.lists(st.sampled_from((ANNA, DEV)), max_size=2)):
        begins, ends = span()
        overrides.append(Override(person=person, starts_at=begins, ends_at=ends))
    absences = []
    for person in draw(st.lists(st.sampled_from((ANNA, BEN, CARA)), max_size=3)):
        begins, ends = span()
        absences.append(Absence(person=person, starts_at=begins, ends_at=ends))
    schedule = Schedule(name="primary", layers=layers, overrides=tuple(overrides))
    return schedule, tuple(absences), start


@given(worlds())
@settings(deadline=None, max_examples=40)
def test_every_minute_has_whom_the_slow_reference_says(
    world: tuple[Schedule, tuple[Absence, ...], datetime],
) -> None:
    schedule, absences, start = world
    end = start + 4 * DAY
    begin = start - 11 * DAY
    fill = RoleFill(role="Primary", schedule=schedule)
    roster = Roster(people=PEOPLE, roles=(fill,), absences=absences)
    found = list(shifts(fill, start, end, absences))
    expected = list(slowly(schedule, absences, begin, start, end))
    quick: dict[datetime, PersonId] = {}
    for shift in found:
        assert shift.starts_at < shift.ends_at
        at = shift.starts_at
        while at < shift.ends_at:
            assert at not in quick
            quick[at] = shift.people[0]
            at += MINUTE
    for at, person in expected:
        assert quick.get(at) == person, at
    empty = gaps(roster, "primary", start, end)
    assert sum((each.length for each in empty), timedelta(0)) == MINUTE * sum(
        person is None for _, person in expected
    )
    for at, person in expected[:: 24 * 60 + 7]:
        answer = on_call(roster, "primary", at)
        assert [each.id for each in answer.people] == ([person] if person else [])
        assert bool(answer.because) == (person is None)
        if answer.until is not None and answer.until < end:
            later = on_call(roster, "primary", answer.until)
            assert later.people != answer.people


FOLLOW = Schedule(
    name="follow the sun",
    layers=(
        Layer(rotation=Rotation(people=(DEV,), starts_on=date(2026, 1, 5), handover=time(0), zone="UTC")),
        Layer(
            rotation=Rotation(
                people=(ANNA, BEN), starts_on=date(2026, 1, 5), handover=time(8), zone="Europe/Paris"
            ),
            restrictions=(Restriction(days=(0, 1, 2, 3, 4), begins=time(8), ends=time(18)),),
        ),
        Layer(
            rotation=Rotation(
                people=(CARA,), starts_on=date(2026, 1, 5), handover=time(9), zone="America/New_York"
            ),
            restrictions=(Restriction(days=(0, 1, 2, 3, 4), begins=time(12), ends=time(21)),),
        ),
    ),
)
AWAY = (Absence(person=ANNA, starts_at=utc("2026-01-06T00:00"), ends_at=utc("2026-01-07T00:00")),)
SUN = Roster(
    people=PEOPLE,
    roles=(RoleFill(role="Primary", schedule=FOLLOW), RoleFill(role="CISO", people=(ANNA, BEN))),
    absences=AWAY,
)


@pytest.mark.parametrize(
    ("at", "who", "until"),
    [
        ("2026-01-05T05:00", "dev", "2026-01-05T07:00"),
        ("2026-01-05T07:00", "anna", "2026-01-05T17:00"),
        ("2026-01-06T07:00", "ben", "2026-01-06T17:00"),
        ("2026-01-05T17:00", "cara", "2026-01-06T02:00"),
        ("2026-01-06T02:00", "dev", "2026-01-06T07:00"),
        ("2026-01-10T12:00", "dev", "2026-01-12T07:00"),
        ("2026-01-12T07:00", "ben", "2026-01-12T17:00"),
    ],
)
def test_the_work_follows_the_sun_and_turns_go_on_where_somebody_is_away(
    at: str, who: str, until: str
) -> None:
    answer = on_call(SUN, "primary", utc(at))
    assert [each.id for each in answer.people] == [who]
    assert answer.until == utc(until)


def test_named_people_who_are_away_are_left_out_until_they_are_back() -> None:
    answer = on_call(SUN, "ciso", utc("2026-01-06T12:00"))
    assert ([each.id for each in answer.people], answer.until) == ([BEN], utc("2026-01-07T00:00"))
    both = (*AWAY, Absence(person=BEN, starts_at=utc("2026-01-06T10:00"), ends_at=utc("2026-01-06T18:00")))
    nobody = on_call(Roster(people=PEOPLE, roles=SUN.roles, absences=both), "ciso", utc("2026-01-06T12:00"))
    assert nobody.people == ()
    assert nobody.because == "everybody who fills the role ciso is away (anna, ben)"
    assert nobody.until == utc("2026-01-06T18:00")


def test_a_schedule_that_has_nobody_says_so() -> None:
    office = Schedule(name="office", layers=FOLLOW.layers[1:2])
    roster = Roster(people=PEOPLE, roles=(RoleFill(role="Office", schedule=office),))
    answer = on_call(roster, "office", utc("2026-01-10T12:00"))
    assert answer.because == "the schedule of office has nobody at this time"
    assert answer.until == utc("2026-01-12T07:00")
    weekend = gaps(roster, "office", utc("2026-01-09T17:00"), utc("2026-01-12T07:00"))
    assert [(each.starts_at, each.ends_at) for each in weekend] == [
        (utc("2026-01-09T17:00"), utc("2026-01-12T07:00"))
    ]
    assert gaps(roster, "nobody's", utc("2026-01-09T17:00"), utc("2026-01-09T18:00"))[0].length == MINUTE * 60


def test_who_is_in_two_places_and_who_carries_how_much() -> None:
    start, end = utc("2026-01-05T00:00"), utc("2026-01-12T00:00")
    second = Schedule(name="second", layers=FOLLOW.layers[2:])
    roster = Roster(people=PEOPLE, roles=(SUN.roles[0], RoleFill(role="Second", schedule=second)))
    found = clashes(roster, start, end)
    assert {each.person for each in found} == {CARA}
    assert found[0].roles == ("Primary", "Second")
    assert sum((each.span.length for each in found), timedelta(0)) == 5 * 9 * 60 * MINUTE
    carried = {each.person: each for each in loads(roster, start, end)}
    assert carried[CARA].total == 5 * 9 * 60 * MINUTE
    assert carried[CARA].weekends == 2 * 60 * MINUTE
    # Before 08:00 in Paris and after 21:00 in New York, and the whole weekend; nights are by UTC here.
    assert carried[DEV].weekends == 46 * 60 * MINUTE
    assert carried[ANNA].nights == timedelta(0)
    assert carried[DEV].nights == timedelta(hours=7 + 4 * 5 + 5 + 9 + 2)
