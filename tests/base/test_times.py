"""Instants and durations, read from and written for people."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.base.times import (
    LONGEST,
    format_instant,
    humane,
    in_zone,
    iso_duration,
    parse_duration,
    parse_instant,
    require_utc,
    zone,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
spans = st.timedeltas(timedelta(0), timedelta(days=400)).map(lambda span: span - span % timedelta(seconds=1))
instants = st.datetimes(datetime(1971, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("< 15 minutes", 15 * MINUTE),
        ("within 1 hour", HOUR),
        ("15m", 15 * MINUTE),
        ("15 MIN", 15 * MINUTE),
        ("1.5 h", 90 * MINUTE),
        ("1,5 h", 90 * MINUTE),
        ("4 hours", 4 * HOUR),
        ("48h", 48 * HOUR),
        ("1h 30m", 90 * MINUTE),
        ("1 hour and 30 minutes", 90 * MINUTE),
        ("1 hour, 30 minutes", 90 * MINUTE),
        ("30-minute", 30 * MINUTE),
        ("2 business days", 2 * DAY),
        ("1 working day", DAY),
        ("next business day", DAY),
        ("1 week", 7 * DAY),
        ("45s", timedelta(seconds=45)),
        ("immediate", timedelta(0)),
        ("Immediately!", timedelta(0)),
        ("at once", timedelta(0)),
        ("0 minutes", timedelta(0)),
        ("PT15M", 15 * MINUTE),
        ("P1DT2H", 26 * HOUR),
        ("P2W", 14 * DAY),
        ("PT0.5S", timedelta(seconds=0.5)),
        ("first 5 minutes, later 10 minutes", 5 * MINUTE),
        ("99999999999 weeks", LONGEST),
        ("P99999999999D", LONGEST),
        (" 9999999 weeks" * 100, LONGEST),
        ("", None),
        ("P", None),
        ("soon", None),
        ("15", None),
        ("3 months", None),
        ("5 mice", None),
        ("nowhere", None),
    ],
)
def test_durations_in_the_words_of_a_playbook(text: str, span: timedelta | None) -> None:
    assert parse_duration(text) == span


@given(st.text(max_size=60))
def test_any_text_is_a_duration_or_none(text: str) -> None:
    span = parse_duration(text)
    assert span is None or timedelta(0) <= span <= LONGEST


@pytest.mark.parametrize(
    ("span", "iso", "words"),
    [
        (timedelta(0), "PT0S", "0 s"),
        (timedelta(seconds=0.4), "PT0S", "0 s"),
        (timedelta(seconds=45), "PT45S", "45 s"),
        (15 * MINUTE, "PT15M", "15 min"),
        (90 * MINUTE, "PT1H30M", "1 h 30 min"),
        (HOUR + timedelta(seconds=5), "PT1H5S", "1 h"),
        (24 * HOUR, "PT24H", "24 h"),
        (48 * HOUR, "PT48H", "48 h"),
        (72 * HOUR, "PT72H", "72 h"),
        (73 * HOUR, "P3DT1H", "3 d 1 h"),
        (7 * DAY, "P7D", "7 d"),
        (-90 * MINUTE, None, "-1 h 30 min"),
    ],
)
def test_durations_are_written(span: timedelta, iso: str | None, words: str) -> None:
    if iso is not None:
        assert iso_duration(span) == iso
    assert humane(span) == words


@given(spans)
def test_a_duration_survives_iso(span: timedelta) -> None:
    assert parse_duration(iso_duration(span)) == span


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-03-02",
        "2026-03-02T09:00:00",
        "2026-13-02T09:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_what_is_no_instant_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_instant(text)


def test_an_instant_is_read_into_utc() -> None:
    assert parse_instant(" 2026-03-02T10:00:00+01:00 ") == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert parse_instant("2026-03-02T09:00:00Z").tzinfo is UTC


@given(instants, instants)
def test_instants_survive_their_text_which_sorts_as_they_do(one: datetime, other: datetime) -> None:
    assert parse_instant(format_instant(one)) == one
    assert (format_instant(one) < format_instant(other)) == (one < other)


def test_a_time_without_a_zone_is_a_fault_of_the_program() -> None:
    with pytest.raises(AssertionError):
        require_utc(datetime(2026, 3, 2))
    assert require_utc(datetime(2026, 3, 2, tzinfo=timezone(HOUR))).hour == 23


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "Europe", "Europe/Paris\0"]
)
def test_what_is_no_zone_is_told_with_the_mend(name: str) -> None:
    with pytest.raises(ValueError, match="use an IANA name"):
        zone(name)


def test_times_are_shown_as_their_reader_says_them() -> None:
    winter, summer = datetime(2026, 12, 25, 2, tzinfo=UTC), datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert in_zone(winter, "Europe/Paris") == "Fri 25 Dec 2026, 03:00 CET"
    assert in_zone(summer, "Europe/Paris") == "Wed 01 Jul 2026, 14:00 CEST"
