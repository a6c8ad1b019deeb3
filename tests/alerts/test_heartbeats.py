"""Heartbeats: when the next is expected, also where clocks change, and what silence means."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.alerts.heartbeats import (
    Beat,
    BeatState,
    Gap,
    Heartbeat,
    Said,
    Standing,
    alert_of,
    check_cron,
    expected_after,
    gone,
    heard,
    set_back,
    standing,
)
from tocsin.alerts.model import AlertStatus

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
QUEUE = Heartbeat(name="queue", every=10 * MINUTE, grace=5 * MINUTE, labels={"service": "shop"})
BACKUP = Heartbeat(name="backup", cron="0 3 * * *", timezone="Europe/Berlin", grace=30 * MINUTE)


def new(at: datetime = NOON) -> Beat:
    return Beat(name="x", since=at, changed_at=at)


def pinged(at: datetime, said: Said = Said.ALIVE, output: str = "") -> Beat:
    return heard(new(at - DAY), said, at, "192.0.2.1", output)


def states(heartbeat: Heartbeat, beat: Beat, *at: datetime, gap: Gap | None = None) -> list[str]:
    return [standing(heartbeat, beat, (gap,) if gap else (), each).state.value for each in at]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


CHANGES = [
    # What a change leaves out runs right after it; what it repeats runs once.
    ("Europe/Berlin", "30 2 * * *", "2026-03-28 01:30", ["2026-03-29 01:00", "2026-03-30 00:30"]),
    ("Europe/Berlin", "0 3 * * *", "2026-03-28 02:00", ["2026-03-29 01:00", "2026-03-30 01:00"]),
    ("Europe/Berlin", "30 2 * * *", "2026-10-24 00:30", ["2026-10-25 00:30", "2026-10-26 01:30"]),
    ("Europe/Berlin", "0 3 * * *", "2026-10-24 01:00", ["2026-10-25 02:00", "2026-10-26 02:00"]),
    ("America/New_York", "30 2 * * *", "2026-03-07 07:30", ["2026-03-08 07:00", "2026-03-09 06:30"]),
    ("America/New_York", "30 1 * * *", "2026-10-31 05:30", ["2026-11-01 05:30", "2026-11-02 06:30"]),
    # A wildcard hour goes on through both: an hour between runs is an hour.
    ("Europe/Berlin", "0 * * * *", "2026-03-29 00:00", ["2026-03-29 01:00", "2026-03-29 02:00"]),
    ("Europe/Berlin", "0 * * * *", "2026-10-25 00:00", ["2026-10-25 01:00", "2026-10-25 02:00"]),
    ("America/New_York", "0 * * * *", "2026-11-01 05:00", ["2026-11-01 06:00", "2026-11-01 07:00"]),
]


@pytest.mark.parametrize(("zone", "cron", "at", "after"), CHANGES)
def test_expected_times_across_changes_of_the_clock(zone: str, cron: str, at: str, after: list[str]) -> None:
    heartbeat = Heartbeat(name="x", cron=cron, timezone=zone)
    last = utc(at)
    for each in after:
        last = expected_after(heartbeat, last)
        assert last == utc(each)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_a_job_that_runs_on_time_is_never_late_over_two_years(zone: str) -> None:
    heartbeat = Heartbeat(name="x", cron="15 2 * * *", timezone=zone, grace=10 * MINUTE)
    at = utc("2026-01-01 12:00")
    for _ in range(730):
        following = expected_after(heartbeat, at)
        assert 22 * HOUR <= following - at <= 26 * HOUR or at.hour == 12
        beat = pinged(at)
        assert states(heartbeat, beat, following - MINUTE, following + 9 * MINUTE) == ["fine", "late"]
        assert states(heartbeat, beat, following + 10 * MINUTE) == ["missed"]
        at = following + 3 * MINUTE


def test_an_interval() -> None:
    beat = pinged(NOON)
    at = [NOON + span * MINUTE for span in (0, 9, 10, 14, 15)]
    assert states(QUEUE, beat, *at) == ["fine", "fine", "late", "late", "missed"]
    stands = standing(QUEUE, beat, (), at[-1])
    assert stands.deadline == at[-1]
    assert stands.because == "queue was not heard since Tue 24 Nov 2026, 12:00 UTC, expected every 10 min."


def test_one_that_was_never_heard_is_missed_too() -> None:
    at = [NOON + span * MINUTE for span in (0, 11, 15)]
    assert states(QUEUE, new(), *at) == ["new", "late", "missed"]
    assert "never heard since" in standing(QUEUE, new(), (), at[-1]).because


def test_a_ping_a_little_early_counts_for_its_time() -> None:
    due = utc("2026-11-25 02:00")
    assert expected_after(BACKUP, due - timedelta(seconds=50)) == due + DAY
    assert expected_after(BACKUP, due - 2 * MINUTE) == due
    assert expected_after(BACKUP, due) == due + DAY
    each_minute = Heartbeat(name="x", cron="* * * * *", grace=MINUTE)
    assert expected_after(each_minute, due - timedelta(seconds=20)) == due


def test_a_failure_is_told_at_once_and_ends_with_the_next_ping() -> None:
    failed = pinged(NOON, Said.FAIL, "exit 1")
    assert states(QUEUE, failed, NOON, NOON + DAY) == ["failed", "failed"]
    alert = alert_of(QUEUE, failed, standing(QUEUE, failed, (), NOON), NOON)
    assert alert.status is AlertStatus.FIRING
    assert alert.annotations["output"] == "exit 1"
    assert alert.labels == {"alertname": "HeartbeatMissed", "service": "shop", "heartbeat": "queue"}
    again = heard(failed, Said.ALIVE, NOON + MINUTE, "x")
    stands = standing(QUEUE, again, (), NOON + MINUTE)
    cleared = alert_of(QUEUE, again, stands, NOON + MINUTE)
    assert (cleared.status, cleared.fingerprint) == (AlertStatus.RESOLVED, alert.fingerprint)
    assert cleared.ends_at == NOON + MINUTE
    assert gone("queue", NOON).fingerprint == alert.fingerprint


def test_a_run_is_measured_and_may_take_too_long() -> None:
    job = Heartbeat(name="job", every=DAY, runs_at_most=30 * MINUTE)
    begun = heard(pinged(NOON - HOUR), Said.START, NOON, "x")
    assert states(job, begun, NOON + 29 * MINUTE, NOON + 30 * MINUTE) == ["fine", "missed"]
    assert "has at most 30 min to end" in standing(job, begun, (), NOON + HOUR).because
    ended = heard(begun, Said.ALIVE, NOON + 12 * MINUTE, "x")
    assert ended.took == 12 * MINUTE
    assert ended.began_at is None
    assert states(job, ended, NOON + HOUR) == ["fine"]


def test_what_could_not_be_heard_is_no_silence() -> None:
    beat = pinged(NOON)
    # Nothing was heard from 12:08 to 13:00; the ping of 12:10 may have been lost.
    gap = Gap(NOON + 8 * MINUTE, NOON + HOUR)
    at = [NOON + HOUR, NOON + HOUR + 14 * MINUTE, NOON + HOUR + 15 * MINUTE]
    assert states(QUEUE, beat, *at, gap=gap) == ["late", "late", "missed"]
    assert "did not listen from" in standing(QUEUE, beat, (gap,), at[-1]).because


def test_one_gap_after_another() -> None:
    """A server that is started again and again gives each its time each time."""
    beat = pinged(NOON)
    gaps = [Gap(NOON + start * MINUTE, NOON + (start + 2) * MINUTE) for start in (8, 18, 28)]
    at = [NOON + span * MINUTE for span in (44, 45)]
    assert [standing(QUEUE, beat, gaps, each).state.value for each in at] == ["late", "missed"]
    assert standing(QUEUE, beat, gaps[::2], NOON + 25 * MINUTE).state is BeatState.MISSED


def test_a_silence_from_before_the_gap_stays_one() -> None:
    beat = pinged(NOON)
    gap = Gap(NOON + 20 * MINUTE, NOON + HOUR)
    assert states(QUEUE, beat, NOON + HOUR, gap=gap) == ["missed"]
    assert "did not listen" not in standing(QUEUE, beat, (gap,), NOON + HOUR).because


def test_a_gap_before_anything_was_due_changes_nothing() -> None:
    last = utc("2026-11-24 02:03")
    gap = Gap(utc("2026-11-24 12:00"), utc("2026-11-24 13:00"))
    due = utc("2026-11-25 02:00")
    assert standing(BACKUP, pinged(last), (gap,), due).deadline == due + 30 * MINUTE


def test_a_daily_job_that_fell_into_a_gap_has_its_grace_again() -> None:
    """It would be noticed only a day later else; its ping may come again within the grace."""
    gap = Gap(utc("2026-11-25 01:50"), utc("2026-11-25 02:20"))
    stands = standing(BACKUP, pinged(utc("2026-11-24 02:03")), (gap,), utc("2026-11-25 02:30"))
    assert stands.deadline == utc("2026-11-25 02:50")
    assert stands.state is BeatState.LATE


def test_a_clock_that_was_set_back_hides_no_silence() -> None:
    ahead = pinged(NOON + 5 * HOUR)
    mended = set_back(ahead, NOON)
    assert mended.heard_at == NOON
    assert states(QUEUE, mended, NOON + 15 * MINUTE) == ["missed"]


@pytest.mark.parametrize(
    ("cron", "wrong"), [("0 3 * * *", ""), ("0 3 * *", "x"), ("61 * * * *", "x"), ("0 0 30 2 *", "x")]
)
def test_schedules_are_checked(cron: str, wrong: str) -> None:
    assert bool(check_cron(cron, "Europe/Berlin", NOON)) == bool(wrong)


def test_the_key_is_never_shown() -> None:
    assert "tell-nobody" not in repr(Heartbeat(name="x", every=MINUTE, key="tell-nobody-tell-nobody"))


@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 400), st.integers(0, 900), st.booleans())
def test_a_gap_only_ever_gives_more_time_and_a_bounded_one(
    last: int, start: int, length: int, now: int, by_schedule: bool
) -> None:
    heartbeat = Heartbeat(name="x", cron="*/30 * * * *", grace=5 * MINUTE) if by_schedule else QUEUE
    beat = pinged(NOON + last * MINUTE)
    gap = Gap(NOON + start * MINUTE, NOON + (start + length) * MINUTE)
    without: Standing = standing(heartbeat, beat, (), NOON + now * MINUTE)
    within = standing(heartbeat, beat, (gap,), NOON + now * MINUTE)
    assert within.deadline >= without.deadline
    assert within.deadline <= max(without.deadline, gap.until + HOUR + heartbeat.grace)
    assert within.expected_at == without.expected_at
