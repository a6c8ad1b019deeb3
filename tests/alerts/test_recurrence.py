"""Recurrence rules against dateutil's reading of RFC 5545, plain words, and maintenance windows over both
changes of the clocks."""

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tocsin.alerts.matchers import parse_matchers
from tocsin.alerts.recurrence import (
    Every,
    Recurrence,
    Weekday,
    parse_rule,
    parse_words,
    starts_on,
)
from tocsin.alerts.rules import Window
from tocsin.alerts.windows import Windows, occurrence, open_until, window_of

DAYS = st.lists(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), max_size=3, unique=True)
NUMBERED = st.lists(
    st.builds(
        lambda number, day: f"{number}{day}",
        st.sampled_from([1, 2, 3, 4, 5, -1, -2]),
        st.sampled_from(["MO", "WE", "SA", "SU"]),
    ),
    max_size=2,
    unique=True,
)
MONTHDAYS = st.lists(st.sampled_from([1, 2, 15, 28, 29, 30, 31, -1, -2, -31]), max_size=3, unique=True)
MONTHS = st.lists(st.integers(1, 12), max_size=3, unique=True)


@st.composite
def rules(draw: st.DrawFn) -> str:
    every = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={every}", f"INTERVAL={draw(st.integers(1, 5))}", f"BYHOUR={draw(st.integers(0, 23))}"]
    days = draw(st.one_of(DAYS, NUMBERED) if every in ("MONTHLY", "YEARLY") else DAYS)
    monthdays = draw(MONTHDAYS) if every != "WEEKLY" else []
    for name, values in (("BYDAY", days), ("BYMONTHDAY", monthdays), ("BYMONTH", draw(MONTHS))):
        if values:
            parts.append(f"{name}={','.join(map(str, values))}")
    if draw(st.booleans()):
        parts.append("UNTIL=20261115")
    return ";".join(parts)


@settings(max_examples=300, deadline=None)
@given(rules(), st.dates(date(2023, 1, 1), date(2025, 12, 31)))
def test_a_rule_means_what_rfc_5545_says(text: str, since: date) -> None:
    ours = parse_rule(text, since)
    last = date(2028, 12, 31)
    bounded = text if "UNTIL" in text else f"{text};UNTIL=20281231"
    # The end in RFC 5545 is a moment; a day of ours is all of it.
    theirs = rrulestr(
        bounded.replace("UNTIL=20261115", "UNTIL=20261115T235959").replace(
            "UNTIL=20281231", "UNTIL=20281231T235959"
        ),
        dtstart=datetime.combine(since, time(0)),
    )
    # A rule that never comes true runs to the last year there, which takes long.
    possible = any(ours.falls_on(since + timedelta(days=n)) for n in range(366 * 12))
    if not possible and ours.until is None:
        return
    wanted = {
        each.date() for each in theirs.between(datetime(2023, 1, 1), datetime(2028, 12, 31, 23, 59), inc=True)
    }
    found = {day for n in range((last - since).days + 1) if ours.falls_on(day := since + timedelta(days=n))}
    assert found == wanted


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("every day 02:00 for 2h", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("every Sunday 02:00 for 2h", [1, 8]),
        ("every sundays at 02:00, for 2 hours", [1, 8]),
        ("every sat and sun 02:00 for 90m", [1, 7, 8]),
        ("every mon, wed and friday at 2:00 for 30 minutes", [2, 4, 6]),
        ("every weekday 02:00 for 1h", [2, 3, 4, 5, 6]),
        ("every weekend 02:00 for 1h", [1, 7, 8]),
        ("every first saturday of the month 02:00 for 1h", [7]),
        ("every month on the 3rd at 02:00 for 1h", [3]),
    ],
)
def test_plain_words_are_understood(text: str, days: list[int]) -> None:
    rule, lasts = parse_words(text)
    assert lasts > timedelta(0)
    assert rule.times == (time(2),)
    assert [n for n in range(1, 9) if rule.falls_on(date(2026, 3, n))] == days


def test_the_last_days_of_months() -> None:
    last, _ = parse_words("every month on the last day 23:00 for 1h")
    friday, _ = parse_words("every last friday of the month 23:00 for 1h")
    year = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert [day.day for day in year if last.falls_on(day)] == [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    assert [day.day for day in year if friday.falls_on(day)][:3] == [30, 27, 27]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sometimes",
        "every sunday",
        "every sunday 25:00 for 2h",
        "every sunday 02:00 for ever",
        "every 02:00",
    ],
)
def test_other_words_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"every sunday 02:00 for 2h|no time of a day|no duration"):
        parse_words(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no part"),
        ("FREQ=HOURLY;BYHOUR=1", "FREQ must be"),
        ("FREQ=DAILY", "needs a time"),
        ("FREQ=DAILY;BYHOUR=24", "0 to 23"),
        ("FREQ=DAILY;BYHOUR=1;COUNT=3", "COUNT=3"),
        ("FREQ=DAILY;BYHOUR=1;BYSETPOS=1", "BYSETPOS"),
        ("FREQ=WEEKLY;BYHOUR=1;BYDAY=1MO", "a number goes with"),
        ("FREQ=WEEKLY;BYHOUR=1;BYMONTHDAY=1", "BYMONTHDAY"),
        ("FREQ=WEEKLY;BYHOUR=1;WKST=SU", "Monday"),
        ("FREQ=WEEKLY;BYHOUR=1;BYDAY=XX", "no day"),
        ("FREQ=MONTHLY;BYHOUR=1;BYMONTHDAY=0", "from -31 to 31"),
        ("FREQ=DAILY;BYHOUR=1;UNTIL=20261231T000000Z", "UNTIL"),
        ("FREQ=DAILY;FREQ=DAILY;BYHOUR=1", "no part"),
        ("FREQ=DAILY;BYHOUR=99999999999999999999", "takes numbers"),
    ],
)
def test_what_is_not_understood_of_a_rule_is_named(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_rule(text)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (parse_rule, parse_words):
        with suppress(ValueError):
            assert read(text)


def window(text: str, zone: str = "Europe/Paris", matchers: str = 'service="db"') -> Window:
    start, lasts = parse_words(text)
    return Window(name="w", matchers=parse_matchers(matchers), start=start, lasts=lasts, zone=zone, text=text)


def at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "opens", "closes"),
    [
        # In Paris, 29 March 2026 has no 02:00 to 03:00; the day before is an ordinary one.
        ("every saturday 02:30 for 1h", at(3, 28, 1, 30), at(3, 28, 2, 30)),
        ("every sunday 02:30 for 1h", at(3, 29, 1, 30), at(3, 29, 2, 30)),
        ("every sunday 01:30 for 1h", at(3, 29, 0, 30), at(3, 29, 1, 30)),
        ("every sunday 03:00 for 1h", at(3, 29, 1), at(3, 29, 2)),
        # On 25 October 2026 it has 02:00 to 03:00 twice: the first of them is meant.
        ("every last sunday of the month 02:30 for 1h", at(10, 25, 0, 30), at(10, 25, 1, 30)),
        ("every last sunday of the month 01:00 for 3h", at(10, 24, 23), at(10, 25, 2)),
        ("every last sunday of the month 03:00 for 1h", at(10, 25, 2), at(10, 25, 3)),
    ],
)
def test_a_window_lasts_as_long_as_it_says_when_the_clocks_change(
    text: str, opens: datetime, closes: datetime
) -> None:
    one = window(text)
    second = timedelta(seconds=1)
    assert open_until(one, opens - second) is None
    assert open_until(one, opens) == closes
    assert open_until(one, closes - second) == closes
    assert open_until(one, closes) is None


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "UTC", "Pacific/Apia"]),
    st.integers(0, 23),
    st.integers(1, 40),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),
    st.lists(st.integers(-300, 900), min_size=1, max_size=30),
)
def test_what_is_kept_of_the_windows_is_what_they_say(
    zone: str, hour: int, lasts: int, start: datetime, steps: list[int]
) -> None:
    rule = Recurrence(every=Every.WEEKLY, times=(time(hour),), weekdays=(Weekday(2), Weekday(6)))
    one = Window(
        name="w",
        matchers=parse_matchers('a="b"'),
        start=rule,
        lasts=timedelta(hours=lasts),
        zone=zone,
        text="",
    )
    windows, moment = Windows((one,)), start.replace(tzinfo=UTC)
    for step in steps:
        moment += timedelta(minutes=step)
        wanted = open_until(one, moment)
        assert [each.ends_at for each in windows.open_at(moment)] == ([wanted] if wanted else [])
        begun = [
            begin
            for day in range(-4, 3)
            for begin in starts_on(rule, moment.date() + timedelta(days=day), zone)
            if begin <= moment < begin + one.lasts
        ]
        assert wanted == max((begin + one.lasts for begin in begun), default=None)


def test_a_window_is_for_the_alerts_that_it_names() -> None:
    windows = Windows((window("every day 02:00 for 2h"), window("every day 02:00 for 3h")))
    found = windows.open_at(at(7, 1, 0, 30))
    assert len(found) == 2
    assert window_of(found, {"service": "api"}) is None
    mine = window_of(found, {"service": "db"})
    assert mine is not None
    assert mine.because == "in the maintenance window w until Wed 01 Jul 2026, 05:00 CEST"


def window_of_test(text: str, zone: str = "Europe/Paris") -> Window:
    start, lasts = parse_words(text)
    return Window(name="w", matchers=parse_matchers('a="b"'), start=start, lasts=lasts, zone=zone, text=text)


def test_the_next_occurrence() -> None:
    sunday = window_of_test("every sunday 02:00 for 2h")
    found = occurrence(sunday, datetime(2026, 11, 24, 12, tzinfo=UTC))
    assert found is not None
    assert (found.is_open, found.starts_at, found.ends_at) == (
        False,
        datetime(2026, 11, 29, 1, tzinfo=UTC),
        datetime(2026, 11, 29, 3, tzinfo=UTC),
    )
    held = occurrence(sunday, datetime(2026, 11, 29, 1, tzinfo=UTC))
    assert held is not None
    assert (held.is_open, held.starts_at, held.ends_at) == (True, found.starts_at, found.ends_at)
    after = occurrence(sunday, found.ends_at)
    assert after is not None
    assert (after.is_open, after.starts_at) == (False, datetime(2026, 12, 6, 1, tzinfo=UTC))


def test_occurrences_far_ahead_and_none() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    leap = Window(
        name="leap",
        matchers=parse_matchers('a="b"'),
        start=parse_rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=3"),
        lasts=timedelta(hours=1),
        zone="UTC",
        text="",
    )
    found = occurrence(leap, now)
    assert found is not None
    assert found.starts_at == datetime(2028, 2, 29, 3, tzinfo=UTC)
    over = parse_rule("FREQ=DAILY;BYHOUR=3;UNTIL=20260101")
    assert occurrence(replace(leap, start=over), now) is None


@given(
    st.sampled_from(["every day 23:30 for 3h", "every weekday 02:30 for 1h", "every saturday 22:00 for 50h"]),
    st.integers(0, 366 * 24 * 60),
)
def test_an_occurrence_agrees_with_what_is_open(text: str, minutes: int) -> None:
    window, now = window_of_test(text), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    found = occurrence(window, now)
    assert found is not None
    assert found.is_open == (open_until(window, now) is not None) == (found.starts_at <= now)
    if not found.is_open:
        assert open_until(window, found.starts_at - timedelta(minutes=1)) is None
        assert open_until(window, found.starts_at) == found.ends_at
