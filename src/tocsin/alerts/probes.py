"""Probes: what is looked at again and again, and when what is found becomes an alert."""

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base import limits

KIND = "probe"
ALERT_NAME = "ProbeFailed"

STALE_AFTER_ROUNDS = 3
"""After so many rounds without a look, what was counted in a row is of no use any more."""


class HttpCheck(msgspec.Struct, frozen=True, kw_only=True, tag="http"):
    """A request and what its answer must be. `statuses` are the codes that are right; `body_has` a text and
    `body_matches` an RE2 expression that the body must hold, where they are set. `headers` may hold
    secrets."""

    url: str
    method: str = "GET"
    statuses: tuple[int, ...] = (200,)
    body_has: str = ""
    body_matches: str = ""
    slowest: timedelta | None = None
    follow_redirects: bool = False
    headers: dict[str, str] = {}
    ca_file: str = ""

    def __repr__(self) -> str:
        """A short form, so that no log ever shows a header."""
        return f"HttpCheck(method={self.method!r})"


class TcpCheck(msgspec.Struct, frozen=True, kw_only=True, tag="tcp"):
    """A connection that must be taken."""

    host: str
    port: int


class TlsCheck(msgspec.Struct, frozen=True, kw_only=True, tag="tls"):
    """A certificate that must be trusted, be of `name`, and not expire within `days`. `ca_file` has the
    authorities to trust; empty: those of this machine."""

    host: str
    port: int
    name: str
    days: int = 14
    ca_file: str = ""


class DnsCheck(msgspec.Struct, frozen=True, kw_only=True, tag="dns"):
    """Records that must be there. `expected` are values that must be among those of type `record`; without
    any, one record will do. `server` and `port` are of the name server; empty: those of this machine."""

    name: str
    record: str = "A"
    expected: tuple[str, ...] = ()
    server: str = ""
    port: int = 53


Check = HttpCheck | TcpCheck | TlsCheck | DnsCheck


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """Something to look at every `every`, within `timeout`. `failures` in a row raise its alert (at least
    two), `successes` in a row clear it. `target` is what people read of the address; it holds no secret."""

    name: str
    check: Check
    target: str
    every: timedelta = timedelta(minutes=1)
    timeout: timedelta = timedelta(seconds=10)
    failures: int = 2
    successes: int = 2
    labels: dict[str, str] = {}


class FromPlaybook(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the health checks of the playbook are looked at, and where its paths begin. Nothing of a
    document is ever called before the operator has said so."""

    allowed: bool = False
    base_url: str = ""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What one look found: `reason` says in plain words what is wrong, and is empty where nothing is.
    `at` (UTC) is when the look ended, `took` how long it took."""

    at: datetime
    reason: str
    took: timedelta

    @property
    def fine(self) -> bool:
        """Whether all was as it should be."""
        return not self.reason


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a probe; kept. `failed` and `went` count the last results in a row, `bad_since` is
    the first of the failures in a row (UTC), `results` are the last ones, the newest first."""

    name: str
    failed: int = 0
    went: int = 0
    bad_since: datetime | None = None
    alerting: bool = False
    results: tuple[Found, ...] = ()


def after(probe: Probe, looked: Looked, found: Found) -> Looked:
    """What is known after one more look. `alerting` is as it was: see `wants_alert`."""
    fresh = bool(looked.results) and found.at - looked.results[0].at <= probe.every * STALE_AFTER_ROUNDS
    results = (found, *looked.results)[: limits.probe_results_kept]
    if found.fine:
        return replace(looked, failed=0, went=looked.went + 1 if fresh else 1, results=results)
    return replace(
        looked,
        failed=looked.failed + 1 if fresh else 1,
        went=0,
        bad_since=looked.bad_since if looked.failed and fresh else found.at,
        results=results,
    )


def wants_alert(probe: Probe, looked: Looked) -> bool:
    """Whether its alert should fire: from enough failures in a row until enough successes in a row."""
    if looked.alerting:
        return looked.went < probe.successes
    return looked.failed >= probe.failures


def alert_of(probe: Probe, looked: Looked, now: datetime) -> Alert:
    """The alert of a probe, as `wants_alert` has it."""
    firing = wants_alert(probe, looked)
    latest = looked.results[0]
    if firing:
        summary = f"{probe.name}: {latest.reason}."
        said = f"{probe.target} failed {looked.failed} times in a row: {latest.reason}."
    else:
        summary = f"{probe.name} is fine again."
        said = f"{probe.target} was fine {looked.went} times in a row."
    return Alert(
        fingerprint=_fingerprint(probe.name),
        status=AlertStatus.FIRING if firing else AlertStatus.RESOLVED,
        labels={"alertname": ALERT_NAME, "check": kind_of(probe), **probe.labels, KIND: probe.name},
        annotations={"summary": summary, "description": said, "target": probe.target},
        starts_at=looked.bad_since or now,
        received_at=now,
        source=KIND,
        ends_at=None if firing else now,
    )


def kind_of(probe: Probe) -> str:
    """What is looked at: http, tcp, tls or dns."""
    return str(probe.check.__struct_config__.tag)


def gone(name: str, now: datetime) -> Alert:
    """What clears the alert of a probe that there is no more."""
    return Alert(
        fingerprint=_fingerprint(name),
        status=AlertStatus.RESOLVED,
        labels={"alertname": ALERT_NAME, KIND: name},
        annotations={"summary": f"{name} is not looked at any more."},
        starts_at=now,
        received_at=now,
        source=KIND,
        ends_at=now,
    )


def _fingerprint(name: str) -> str:
    # Labels have no empty name, so that no set of them has this fingerprint.
    return fingerprint({"": f"{KIND}/{name}"})
