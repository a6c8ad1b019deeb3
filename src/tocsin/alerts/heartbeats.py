"""Heartbeats: what has to be heard from again and again, and what its silence means.

A heartbeat is expected every so often, or at the times of a cron expression in a zone; `cronsim` follows
Debian's cron across changes of the clock: what a change leaves out runs right after it, and what it repeats
runs once, unless the hour is a wildcard.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from cronsim import CronSim, CronSimError
from msgspec.structs import replace

from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base.times import humane, in_zone, require_utc, zone

KIND = "heartbeat"
ALERT_NAME = "HeartbeatMissed"

EARLY_MAX = timedelta(minutes=1)
"""A ping this long before an expected time counts for it: clocks differ a little."""

EXCUSED_WITHIN = timedelta(hours=1)
"""What was expected while Tocsin did not listen is excused where it is expected again this soon. Else it
gets its grace once more, since it would stay unnoticed for too long."""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """One that has to be heard from: every `every`, or by `cron` in `timezone`; exactly one of them is set.

    It may be late by `grace`. A run that told of its start may take `runs_at_most`, where that is set.
    `key` is the secret in its address; empty where it is pinged with a token only.
    """

    name: str
    every: timedelta | None = None
    cron: str = ""
    timezone: str = "UTC"
    grace: timedelta = timedelta(minutes=5)
    runs_at_most: timedelta | None = None
    labels: dict[str, str] = {}
    key: str = ""

    def __repr__(self) -> str:
        """A short form, so that no log ever shows the key."""
        return f"Heartbeat(name={self.name!r})"


class Said(StrEnum):
    """What a ping says."""

    ALIVE = "alive"
    START = "start"
    FAIL = "fail"


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a heartbeat; kept. All times are UTC.

    `since` is when it was first watched, `changed_at` when any of this last changed. `heard_at` is the last
    ping that was not a start, `took` the time from the last start to the ping after it. `output` is what
    that ping carried. `alerting` says that its alert was raised and not yet cleared.
    """

    name: str
    since: datetime
    changed_at: datetime
    heard_at: datetime | None = None
    heard_by: str = ""
    began_at: datetime | None = None
    took: timedelta | None = None
    failed: bool = False
    output: str = ""
    alerting: bool = False


class Gap(msgspec.Struct, frozen=True):
    """A time in which no ping could be received: Tocsin was down, or its clock jumped."""

    since: datetime
    until: datetime


class BeatState(StrEnum):
    """How a heartbeat stands."""

    NEW = "new"
    FINE = "fine"
    LATE = "late"
    MISSED = "missed"
    FAILED = "failed"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a heartbeat, when it is next expected, when its alert fires without (both UTC), and
    why, in one sentence."""

    state: BeatState
    expected_at: datetime
    deadline: datetime
    because: str

    @property
    def is_down(self) -> bool:
        """Whether its alert fires."""
        return self.state in (BeatState.MISSED, BeatState.FAILED)


def check_cron(cron: str, timezone: str, at: datetime) -> str:
    """What is wrong with a cron expression, in a few words; "" where it comes due again after `at`.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        next(CronSim(cron, require_utc(at).astimezone(zone(timezone))))
    except CronSimError as error:
        return str(error).lower()
    except StopIteration:
        return "it never comes due"
    return ""


def rhythm(heartbeat: Heartbeat) -> str:
    """How often it is expected, in words."""
    if heartbeat.every is not None:
        return f"every {humane(heartbeat.every)}"
    return f"by the schedule {heartbeat.cron} ({heartbeat.timezone})"


def expected_after(heartbeat: Heartbeat, at: datetime) -> datetime:
    """When the next ping is expected after one at a time (UTC)."""
    if heartbeat.every is not None:
        return at + heartbeat.every
    times = CronSim(heartbeat.cron, require_utc(at).astimezone(zone(heartbeat.timezone)))
    first, second = require_utc(next(times)), require_utc(next(times))
    early = min(EARLY_MAX, heartbeat.grace, (second - first) / 4)
    return second if first - at <= early else first


def heard(beat: Beat, said: Said, at: datetime, by: str, output: str = "") -> Beat:
    """What is known after a ping."""
    if said is Said.START:
        return replace(beat, began_at=at, changed_at=at)
    return replace(
        beat,
        heard_at=at,
        heard_by=by,
        began_at=None,
        took=max(at - beat.began_at, timedelta(0)) if beat.began_at else beat.took,
        failed=said is Said.FAIL,
        output=output,
        changed_at=at,
    )


def set_back(beat: Beat, now: datetime) -> Beat:
    """The same where the clock was set back: what was heard in the future was heard now."""
    return replace(
        beat,
        since=min(beat.since, now),
        heard_at=min(beat.heard_at, now) if beat.heard_at else None,
        began_at=min(beat.began_at, now) if beat.began_at else None,
        changed_at=min(beat.changed_at, now),
    )


def standing(heartbeat: Heartbeat, beat: Beat, gaps: Sequence[Gap], now: datetime) -> Standing:
    """How a heartbeat stands at a time (UTC), where no ping could be received in the `gaps`, the oldest of
    them first. One gap may follow another before the time that the first one gave is over."""
    last = beat.heard_at or beat.since
    expected = expected_after(heartbeat, last)
    deadline = expected + heartbeat.grace
    # What comes at an interval may come at any time, what comes by a schedule at about its time.
    could_come_from = last if heartbeat.every is not None else expected - EARLY_MAX
    excuse: Gap | None = None
    for gap in gaps:
        if gap.since < deadline and could_come_from < gap.until:
            deadline = max(deadline, _after_gap(heartbeat, gap) + heartbeat.grace)
            excuse = gap
    overrun = False
    run_ends = _end_of_run(heartbeat, beat, gaps)
    if run_ends is not None:
        overrun = run_ends < deadline
        expected, deadline = min(expected, run_ends), min(deadline, run_ends)
    if beat.failed:
        state = BeatState.FAILED
    elif now >= deadline:
        state = BeatState.MISSED
    elif now >= expected:
        state = BeatState.LATE
    else:
        state = BeatState.FINE if beat.heard_at else BeatState.NEW
    because = _because(heartbeat, beat, state, overrun)
    if excuse is not None and state is BeatState.MISSED:
        because += (
            f" Tocsin itself did not listen from {in_zone(excuse.since, heartbeat.timezone)}"
            f" to {in_zone(excuse.until, heartbeat.timezone)}, so that a ping may have been lost."
        )
    return Standing(state=state, expected_at=expected, deadline=deadline, because=because)


def _end_of_run(heartbeat: Heartbeat, beat: Beat, gaps: Sequence[Gap]) -> datetime | None:
    """By when a run that is under way has to end; None where that does not matter."""
    if beat.began_at is None or heartbeat.runs_at_most is None:
        return None
    ends = beat.began_at + heartbeat.runs_at_most
    for gap in gaps:
        if gap.since < ends and beat.began_at < gap.until:
            ends = max(ends, gap.until + heartbeat.grace)
    return ends


def _after_gap(heartbeat: Heartbeat, gap: Gap) -> datetime:
    again = expected_after(heartbeat, gap.until)
    return again if again - gap.until <= EXCUSED_WITHIN else gap.until


def _because(heartbeat: Heartbeat, beat: Beat, state: BeatState, overrun: bool) -> str:
    name, often = heartbeat.name, rhythm(heartbeat)
    if state is BeatState.FAILED:
        assert beat.heard_at is not None, "a failure was heard"
        return f"{name} reported a failure at {in_zone(beat.heard_at, heartbeat.timezone)}."
    if overrun and beat.began_at is not None and heartbeat.runs_at_most is not None:
        began = in_zone(beat.began_at, heartbeat.timezone)
        return f"{name} began at {began} and has at most {humane(heartbeat.runs_at_most)} to end."
    if beat.heard_at is None:
        return f"{name} was never heard since {in_zone(beat.since, heartbeat.timezone)}, expected {often}."
    if state is BeatState.FINE:
        return f"{name} was heard at {in_zone(beat.heard_at, heartbeat.timezone)}, expected {often}."
    return f"{name} was not heard since {in_zone(beat.heard_at, heartbeat.timezone)}, expected {often}."


def alert_of(heartbeat: Heartbeat, beat: Beat, stands: Standing, now: datetime) -> Alert:
    """The alert of a heartbeat as it stands: firing while it is missed or failed, else resolved."""
    annotations = {"summary": stands.because}
    if stands.is_down:
        if stands.state is BeatState.MISSED:
            latest = in_zone(stands.deadline, heartbeat.timezone)
            annotations["description"] = f"{stands.because} Its time was over at {latest}."
        if beat.output:
            annotations["output"] = beat.output
    began = stands.deadline if stands.state is BeatState.MISSED else beat.heard_at or now
    return Alert(
        fingerprint=_fingerprint(heartbeat.name),
        status=AlertStatus.FIRING if stands.is_down else AlertStatus.RESOLVED,
        labels={"alertname": ALERT_NAME, **heartbeat.labels, KIND: heartbeat.name},
        annotations=annotations,
        starts_at=min(began, now),
        received_at=now,
        source=KIND,
        ends_at=None if stands.is_down else now,
    )


def gone(name: str, now: datetime) -> Alert:
    """What clears the alert of a heartbeat that is not watched any more."""
    return Alert(
        fingerprint=_fingerprint(name),
        status=AlertStatus.RESOLVED,
        labels={"alertname": ALERT_NAME, KIND: name},
        annotations={"summary": f"{name} is not watched any more."},
        starts_at=now,
        received_at=now,
        source=KIND,
        ends_at=now,
    )


def _fingerprint(name: str) -> str:
    # Labels have no empty name, so that no set of them has this fingerprint.
    return fingerprint({"": f"{KIND}/{name}"})
