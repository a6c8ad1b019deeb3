"""Rotations are exact by the clock on the wall, whatever the clocks of a zone do."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tocsin.base.ids import PersonId
from tocsin.oncall.handover import handover_at, turn_at, wall_clock
from tocsin.oncall.model import Override, Person, RoleFill, Roster, Rotation
from tocsin.oncall.resolve import may_fill, on_call, shifts

ZONES = (
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Asia/Gaza",
)
ANNA, BEN, CARA, DEV = (PersonId(name) for name in ("anna", "ben", "cara", "dev"))
PEOPLE = tuple(Person(id=each, name=each.title()) for each in (ANNA, BEN, CARA, DEV))
HOUR = timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rotation(
    *people: PersonId,
    starts_on: date = date(2026, 1, 5),
    handover: time = time(9),
    zone: str = "Europe/Paris",
    days: int = 7,
    overrides: tuple[Override, ...] = (),
) -> Rotation:
    return Rotation(
        people=people or (ANNA, BEN, CARA),
        starts_on=starts_on,
        handover=handover,
        zone=zone,
        days=days,
        overrides=overrides,
    )


def roster(turns: Rotation) -> Roster:
    return Roster(people=PEOPLE, roles=(RoleFill(role="On-Call Engineer", rotation=turns),))


def who(turns: Rotation, at: str) -> str:
    return " ".join(person.id for person in on_call(roster(turns), "on-call engineer", utc(at)).people)


@pytest.mark.parametrize(
    ("zone", "shown", "instant"),
    [
        # The gap: the first instant after it.
        ("Europe/Paris", "2026-03-29T02:00", "2026-03-29T01:00"),
        ("Europe/Paris", "2026-03-29T02:30", "2026-03-29T01:00"),
        ("Europe/Paris", "2026-03-29T02:59:59", "2026-03-29T01:00"),
        ("Europe/Paris", "2026-03-29T03:00", "2026-03-29T01:00"),
        ("Europe/Paris", "2026-03-29T01:59:59", "2026-03-29T00:59:59"),
        # The fold: the first of the two.
        ("Europe/Paris", "2026-10-25T02:00", "2026-10-25T00:00"),
        ("Europe/Paris", "2026-10-25T02:30", "2026-10-25T00:30"),
        ("Europe/Paris", "2026-10-25T03:00", "2026-10-25T02:00"),
        # Half an hour of summer time.
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45"),
        # Midnight does not exist on this day.
        ("America/Sao_Paulo", "2018-11-04T00:00", "2018-11-04T03:00"),
        # A whole day that was left out.
        ("Pacific/Apia", "2011-12-30T09:00", "2011-12-30T10:00"),
        ("Asia/Kathmandu", "2026-01-05T09:00", "2026-01-05T03:15"),
        ("Europe/Paris", "2028-02-29T09:00", "2028-02-29T08:00"),
    ],
)
def test_the_clock_on_the_wall(zone: str, shown: str, instant: str) -> None:
    wanted = datetime.fromisoformat(shown)
    assert wall_clock(wanted.date(), wanted.time(), ZoneInfo(zone)) == utc(instant)


def test_a_handover_keeps_its_wall_clock_time_over_summer_time() -> None:
    turns = rotation(ANNA, BEN)
    assert [str(handover_at(turns, turn))[:16] for turn in (11, 12)] == [
        "2026-03-23 08:00",
        "2026-03-30 07:00",
    ]
    assert who(turns, "2026-03-30T06:59:59") == "ben"
    assert who(turns, "2026-03-30T07:00") == "anna"
    assert who(turns, "2026-10-26T07:59:59") != who(turns, "2026-10-26T08:00")


def test_before_the_start_nobody_is_on_call_and_the_reason_says_when_that_ends() -> None:
    answer = on_call(roster(rotation()), "On-Call Engineer", utc("2026-01-05T07:59:59"))
    assert answer.people == ()
    assert answer.because == "the rotation of On-Call Engineer begins on Mon 05 Jan 2026, 09:00 CET"
    assert answer.until == utc("2026-01-05T08:00")
    assert who(rotation(), "2026-01-05T08:00") == "anna"
    assert turn_at(rotation(), utc("1996-01-05T08:00")) is None


def test_a_role_that_nobody_fills_says_so() -> None:
    answer = on_call(roster(rotation()), "Legal", utc("2026-02-01T00:00"))
    assert (answer.role, answer.people, answer.until) == ("Legal", (), None)
    assert answer.because == "nobody fills the role Legal in the roster"
    empty = Roster(people=PEOPLE, roles=(RoleFill(role="Legal"),))
    assert "names nobody" in on_call(empty, "legal", utc("2026-02-01T00:00")).because


def test_named_people_are_tried_in_their_order() -> None:
    named = Roster(people=PEOPLE, roles=(RoleFill(role="CISO", people=(CARA, ANNA)),))
    answer = on_call(named, "ciso", utc("2026-02-01T00:00"))
    assert [person.id for person in answer.people] == [CARA, ANNA]
    assert (answer.because, answer.until) == ("", None)


def test_somebody_who_is_not_in_the_roster_is_never_on_call() -> None:
    ghost = Roster(people=(), roles=(RoleFill(role="CISO", people=(CARA,)),))
    answer = on_call(ghost, "CISO", utc("2026-02-01T00:00"))
    assert answer.people == ()
    assert answer.because == "cara fills the role CISO but is not among the people of the roster"


def test_an_override_stands_in_and_a_later_one_wins() -> None:
    stands_in = (
        Override(person=DEV, starts_at=utc("2026-01-06T00:00"), ends_at=utc("2026-01-08T00:00")),
        Override(person=CARA, starts_at=utc("2026-01-07T00:00"), ends_at=utc("2026-01-07T12:00")),
    )
    turns = rotation(overrides=stands_in)
    seen = [who(turns, f"2026-01-0{day}T{hour}:00") for day, hour in ((5, 23), (6, "00"), (7, "00"), (7, 12))]
    assert seen == ["anna", "dev", "cara", "dev"]
    assert who(turns, "2026-01-08T00:00") == "anna"
    answer = on_call(roster(turns), "On-Call Engineer", utc("2026-01-06T00:00"))
    assert answer.until == utc("2026-01-07T00:00")


def test_an_override_before_the_start_counts() -> None:
    early = Override(person=DEV, starts_at=utc("2026-01-01T00:00"), ends_at=utc("2026-01-02T00:00"))
    turns = rotation(overrides=(early,))
    assert who(turns, "2026-01-01T12:00") == "dev"
    assert who(turns, "2026-01-02T00:00") == ""


def test_until_skips_what_changes_nothing() -> None:
    over_the_handover = Override(
        person=DEV, starts_at=utc("2026-01-11T00:00"), ends_at=utc("2026-01-13T00:00")
    )
    turns = rotation(overrides=(over_the_handover,))
    assert on_call(roster(turns), "On-Call Engineer", utc("2026-01-11T00:00")).until == utc(
        "2026-01-13T00:00"
    )
    alone = on_call(roster(rotation(ANNA)), "On-Call Engineer", utc("2026-02-01T00:00"))
    assert alone.until is None
    twice = on_call(roster(rotation(ANNA, ANNA, BEN)), "On-Call Engineer", utc("2026-01-06T00:00"))
    assert twice.until == utc("2026-01-19T08:00")


def test_a_long_override_of_short_turns_is_quick() -> None:
    forever = Override(person=DEV, starts_at=utc("2026-01-06T00:00"), ends_at=utc("2926-01-06T00:00"))
    turns = rotation(days=1, overrides=(forever,))
    answer = on_call(roster(turns), "On-Call Engineer", utc("2026-02-01T00:00"))
    assert answer.until == utc("2926-01-06T00:00")


def test_the_last_representable_time_is_answered() -> None:
    for zone in ("Pacific/Apia", "America/New_York"):
        answer = on_call(roster(rotation(zone=zone)), "On-Call Engineer", utc("9999-12-31T23:59:59"))
        assert len(answer.people) == 1
        assert answer.until is None


def test_who_may_fill_a_role() -> None:
    stands_in = Override(person=DEV, starts_at=utc("2026-01-06T00:00"), ends_at=utc("2026-01-08T00:00"))
    people = Roster(
        people=PEOPLE,
        roles=(
            RoleFill(role="On-Call Engineer", rotation=rotation(ANNA, BEN, overrides=(stands_in,))),
            RoleFill(role="CISO", people=(CARA,)),
        ),
    )
    assert may_fill(people, "on call engineer", BEN, utc("2026-01-06T00:00"))
    assert may_fill(people, "On-Call Engineer", DEV, utc("2026-01-06T00:00"))
    assert not may_fill(people, "On-Call Engineer", DEV, utc("2026-01-08T00:00"))
    assert may_fill(people, "On-Call Engineer", DEV)
    assert not may_fill(people, "On-Call Engineer", CARA)
    assert may_fill(people, "ciso", CARA)
    assert not may_fill(people, "CISO", ANNA)
    assert not may_fill(people, "Legal", ANNA)


def test_shifts_show_handovers_and_stand_ins() -> None:
    stands_in = Override(person=DEV, starts_at=utc("2026-01-06T00:00"), ends_at=utc("2026-01-08T00:00"))
    masked = Override(person=CARA, starts_at=utc("2026-01-06T12:00"), ends_at=utc("2026-01-06T13:00"))
    fill = RoleFill(role="x", rotation=rotation(ANNA, BEN, overrides=(masked, stands_in)))
    found = shifts(fill, utc("2026-01-01T00:00"), utc("2026-01-13T00:00"))
    shown = [
        f"{shift.people[0]} {shift.starts_at:%d %H} {'for another' * shift.stands_in}" for shift in found
    ]
    assert shown == ["anna 05 08 ", "dev 06 00 for another", "anna 08 00 ", "ben 12 08 "]
    assert found[-1].ends_at == utc("2026-01-13T00:00")
    named = RoleFill(role="x", people=(ANNA, BEN))
    assert [shift.people for shift in shifts(named, utc("2026-01-01T00:00"), utc("2026-01-02T00:00"))] == [
        (ANNA, BEN)
    ]
    assert shifts(fill, utc("2026-01-01T00:00"), utc("2026-01-01T00:00")) == ()


instants = st.datetimes(datetime(2009, 1, 1), datetime(2037, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))
some_overrides = st.lists(
    st.builds(
        lambda person, at, hours: Override(person=person, starts_at=at, ends_at=at + hours * HOUR),
        st.sampled_from((ANNA, BEN, DEV)),
        st.datetimes(datetime(2020, 1, 1), datetime(2020, 4, 1)).map(lambda at: at.replace(tzinfo=UTC)),
        st.integers(1, 400),
    ),
    max_size=4,
).map(tuple)
rotations = st.builds(
    Rotation,
    people=st.lists(st.sampled_from((ANNA, BEN, CARA)), min_size=1, max_size=4).map(tuple),
    starts_on=st.dates(date(2008, 1, 1), date(2030, 1, 1)),
    handover=st.one_of(
        st.times().map(lambda at: at.replace(microsecond=0)), st.sampled_from((time(0), time(2, 30)))
    ),
    zone=st.sampled_from(ZONES),
    days=st.integers(1, 31),
)


@given(rotations, instants)
def test_exactly_one_is_on_call_once_it_has_begun(turns: Rotation, at: datetime) -> None:
    begins = handover_at(turns, 0)
    assert begins is not None
    answer = on_call(roster(turns), "On-Call Engineer", at)
    assert len(answer.people) == (1 if at >= begins else 0)
    assert bool(answer.because) == (at < begins)
    if answer.until is not None:
        before = on_call(roster(turns), "On-Call Engineer", answer.until - timedelta(microseconds=1))
        after = on_call(roster(turns), "On-Call Engineer", answer.until)
        assert before.people == answer.people
        assert after.people != answer.people


@given(rotations, st.integers(0, 400))
def test_each_boundary_is_at_the_local_handover_time(turns: Rotation, turn: int) -> None:
    begins = handover_at(turns, turn)
    assert begins is not None
    where = ZoneInfo(turns.zone)
    shown = begins.astimezone(where).replace(tzinfo=None)
    wanted = datetime.combine(turns.starts_on + timedelta(days=turn * turns.days), turns.handover)
    if shown != wanted:
        # Only a leap of the clocks excuses: just before it they show less than wanted, after it more.
        just_before = (begins - timedelta(microseconds=1)).astimezone(where).replace(tzinfo=None)
        assert just_before < wanted < shown
    earlier = begins - 3 * HOUR
    while earlier < begins:
        assert earlier.astimezone(where).replace(tzinfo=None) != wanted, "the clocks showed it before"
        earlier += timedelta(minutes=15)


@given(rotations, st.datetimes(datetime(2010, 1, 1), datetime(2036, 1, 1)), st.integers(1, 120))
@settings(deadline=None)
def test_shifts_tile_time(turns: Rotation, naive: datetime, days: int) -> None:
    start = naive.replace(tzinfo=UTC)
    end = start + timedelta(days=days)
    found = shifts(RoleFill(role="x", rotation=turns), start, end)
    begins = handover_at(turns, 0)
    assert begins is not None
    assert_tiles(turns, found, max(start, begins), end)
    for shift in found[1:]:
        turn = turn_at(turns, shift.starts_at)
        assert turn is not None
        assert handover_at(turns, turn) == shift.starts_at


@given(rotations, some_overrides)
@settings(deadline=None)
def test_shifts_tile_time_with_overrides(turns: Rotation, stand_ins: tuple[Override, ...]) -> None:
    turns = replace(turns, starts_on=date(2019, 12, 1), overrides=stand_ins)
    start, end = utc("2020-01-01T00:00"), utc("2020-05-01T00:00")
    found = shifts(RoleFill(role="x", rotation=turns), start, end)
    assert_tiles(turns, found, start, end)


def assert_tiles(turns: Rotation, found: tuple, start: datetime, end: datetime) -> None:
    if start >= end:
        assert found == ()
        return
    assert found[0].starts_at == start
    assert found[-1].ends_at == end
    for before, after in pairwise(found):
        assert before.ends_at == after.starts_at
    for shift in found:
        assert shift.starts_at < shift.ends_at
        for at in (shift.starts_at, shift.ends_at - timedelta(microseconds=1)):
            answer = on_call(roster(turns), "On-Call Engineer", at)
            assert tuple(person.id for person in answer.people) == shift.people
