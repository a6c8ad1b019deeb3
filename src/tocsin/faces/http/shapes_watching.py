"""The bodies of the API's answers about what is watched. Times are RFC 3339 in UTC, durations ISO 8601."""

from datetime import datetime, timedelta

import msgspec

from tocsin.alerts.heartbeats import BeatState, rhythm
from tocsin.alerts.probes import Found, kind_of
from tocsin.engine.heartbeats import Watched
from tocsin.engine.probes import Shown


class HeartbeatDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A heartbeat and how it stands. `deadline` is when its alert fires without a ping, `took` how long the
    last run took that told of its start."""

    name: str
    state: BeatState
    because: str
    expected: str
    expected_at: datetime
    deadline: datetime
    heard_at: datetime | None
    heard_by: str
    began_at: datetime | None
    took: timedelta | None
    output: str
    labels: dict[str, str]


class HeartbeatList(msgspec.Struct, frozen=True, kw_only=True):
    """All heartbeats, those in trouble first, then by name."""

    heartbeats: list[HeartbeatDocument]


def heartbeat_document(watched: Watched) -> HeartbeatDocument:
    """A heartbeat as it is shown; its key is not."""
    beat, stands = watched.beat, watched.standing
    return HeartbeatDocument(
        name=beat.name,
        state=stands.state,
        because=stands.because,
        expected=rhythm(watched.heartbeat),
        expected_at=stands.expected_at,
        deadline=stands.deadline,
        heard_at=beat.heard_at,
        heard_by=beat.heard_by,
        began_at=beat.began_at,
        took=beat.took,
        output=beat.output,
        labels=watched.heartbeat.labels,
    )


class ProbeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A probe and what it found. `failing` says that its alert fires; `results` are the last looks, the
    newest first, each with an empty `reason` where all was well."""

    name: str
    kind: str
    target: str
    every: timedelta
    failing: bool
    failed_in_a_row: int
    results: list[Found]
    labels: dict[str, str]


class ProbeList(msgspec.Struct, frozen=True, kw_only=True):
    """All probes, those in trouble first, then by name."""

    probes: list[ProbeDocument]


def probe_document(shown: Shown) -> ProbeDocument:
    """A probe as it is shown; its headers are not."""
    probe, looked = shown.probe, shown.looked
    return ProbeDocument(
        name=probe.name,
        kind=kind_of(probe),
        target=probe.target,
        every=probe.every,
        failing=looked.alerting,
        failed_in_a_row=looked.failed,
        results=list(looked.results),
        labels=probe.labels,
    )
