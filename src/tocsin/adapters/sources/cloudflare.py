"""The source `cloudflare`: notifications of Cloudflare, sent to a generic webhook.

The format is that of https://developers.cloudflare.com/notifications/reference/webhook-payload-schema/.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

import msgspec

from tocsin.adapters.alertjson import Fields, RefusedAlert, decode, few, problem, refuse, wrong_type
from tocsin.adapters.webhooks import (
    as_text,
    first_line,
    flat_texts,
    is_one_of,
    label,
    labels_of,
    secrets_of,
    within,
)
from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base import limits
from tocsin.base.problems import Problem, Weight
from tocsin.base.times import require_utc
from tocsin.config import Secrets, Settings
from tocsin.config.tables import read_table
from tocsin.engine.sources import Arrival, Parsed, PlainSource, Source, SourceError

KIND = "cloudflare"
NAME_CHARS_MAX = 512
ENDED = "ALERT_STATE_EVENT_END"
GREETING = "Hello World!"
"""How the text begins with which Cloudflare tries a destination out."""

HEALTHY = frozenset({"healthy", "up", "true"})
STATUS_KEYS = ("new_health_status", "new_health", "new_status", "pool_health", "status")
REASON_KEYS = ("reason", "failure_reason", "origin_failure_reason", "pool_failure_reason")
SUBJECT_KEYS = (
    *("health_check_id", "tunnel_id", "pool_id"),
    *("health_check_name", "pool_name", "tunnel_name", "name"),
)
"""What of the data says whose health it is."""
ORIGIN_KEYS = ("origin_id", "origin_name", "origin_ip")

LABELS = {
    "account": ("account_name",),
    "zone": ("zone_name",),
    "health_check": ("health_check_name",),
    "pool": ("pool_name",),
    "origin": ("origin_name", "origin_ip"),
    "tunnel": ("tunnel_name",),
    "hostname": ("hostname", "target_hostname", "hostnames"),
    "status": STATUS_KEYS,
}
_HEALTH = ("health_check", "load_balancing_health", "tunnel_health", "origin_monitoring")
_CRITICAL = ("ddos", "dos_attack", "_origin_error", "_edge_error", "hijack", "leak")
_FOR_INFORMATION = ("maintenance", "digest", "metrics_update", "block_removed", "auto_advertisement")


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[sources.cloudflare]`."""

    secret_ref: str
    previous_secret_ref: str = ""


def sources(settings: Settings, secret: Secrets) -> Sequence[Source]:
    """The source, where the settings give it a secret.

    Raises:
        ProblemsError: its table is wrong, or a secret is missing.
    """
    if KIND not in settings.sources:
        return ()
    table = read_table(settings.sources[KIND], Table, f"sources.{KIND}")
    return (CloudflareSource(secrets_of(KIND, table.secret_ref, table.previous_secret_ref, secret)),)


class CloudflareSource(PlainSource):
    """Reads one notification."""

    kind = KIND
    json_only = False
    proves_itself = True

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._secrets = tuple(secrets)

    async def admit(self, arrival: Arrival) -> bool:
        """Whether the request carries one of the secrets."""
        given = arrival.headers.get("cf-webhook-auth", "").encode(errors="replace")
        return is_one_of(given, self._secrets)

    async def parse(self, arrival: Arrival) -> Parsed:
        """Read a request.

        Raises:
            SourceError: it is neither a notification nor the text that tries the destination out.
        """
        received_at = require_utc(arrival.received_at)
        is_json = "json" in arrival.headers.get("content-type", "").casefold()
        if not is_json and not arrival.body.lstrip().startswith((b"{", b"[")):
            return Parsed(alerts=(), said="Tocsin hears you.")
        document = decode(arrival.body)
        if not isinstance(document, dict):
            raise SourceError([wrong_type("the body", document, "a notification of Cloudflare")])
        notes: list[Problem] = []
        fields = Fields(cast("dict[str, object]", document), "", notes)
        try:
            if not fields.values.get("alert_type") and fields.prose("text", 80).startswith(GREETING):
                return Parsed(alerts=(), said="Tocsin hears you.")
            alert = _alert(fields, received_at)
        except RefusedAlert as error:
            raise SourceError(few([error.problem, *notes])) from None
        # There is no identifier of a delivery; but with its time in it, the same body is the same one.
        delivery = hashlib.sha256(arrival.body).hexdigest() if "ts" in fields.values else ""
        return Parsed(alerts=(alert,), problems=few(notes), delivery=delivery)


def _alert(fields: Fields, received_at: datetime) -> Alert:
    kind = fields.text("alert_type", NAME_CHARS_MAX)
    policy = fields.text("policy_name", NAME_CHARS_MAX) or fields.text("name", NAME_CHARS_MAX)
    if not kind and not policy:
        message = "There is neither alert_type nor name."
        raise refuse("missing-field", "alert_type", message, "Send a notification as Cloudflare does.")
    data = within(fields, "data")
    is_health = any(word in kind for word in _HEALTH)
    status = _status(data) if is_health else ""
    ended = _has_ended(fields, status)
    severity = _severity(kind, is_health, status)
    found = {name: _first(data, keys) for name, keys in LABELS.items()}
    if is_health and not (found["health_check"] or found["pool"] or found["tunnel"]):
        found["health_check"] = _first(data, ("name",))
    labels = labels_of({"alertname": kind or policy, "policy": policy, "severity": severity, **found})
    text = fields.prose("text", limits.annotation_chars_max)
    annotations = flat_texts(data, limits.annotation_chars_max)
    annotations["summary"] = _summary(data, status, is_health) or first_line(text) or policy or kind
    if text:
        annotations["description"] = text
    at = _at(fields, received_at)
    return Alert(
        fingerprint=fingerprint(_identity(fields, data, kind, policy, is_health)),
        status=AlertStatus.RESOLVED if ended else AlertStatus.FIRING,
        labels=labels,
        annotations=annotations,
        starts_at=at,
        received_at=received_at,
        source=KIND,
        ends_at=at if ended else None,
        generator_url=data.url("dashboard_link"),
    )


def _first(data: Fields, keys: Sequence[str]) -> str:
    """The first of some values of the data that says something."""
    texts = (as_text(data.values.get(key)) or "" for key in keys)
    return next((label(text.strip()) for text in texts if text.strip()), "")


def _status(data: Fields) -> str:
    """`healthy`, `unhealthy`, `degraded` and the like; tunnels write `TUNNEL_STATUS_TYPE_HEALTHY`."""
    return _first(data, STATUS_KEYS).casefold().rpartition("_")[2]


def _has_ended(fields: Fields, status: str) -> bool:
    if status:
        return status in HEALTHY
    return fields.text("alert_event", NAME_CHARS_MAX) == ENDED


def _severity(kind: str, is_health: bool, status: str) -> str:
    """Cloudflare gives none that could be relied on, so it follows from the type of the notification."""
    if is_health:
        return "warning" if status == "degraded" else "critical"
    if any(word in kind for word in _CRITICAL):
        return "critical"
    return "info" if any(word in kind for word in _FOR_INFORMATION) else "warning"


def _summary(data: Fields, status: str, is_health: bool) -> str:
    subject = _first(data, ("health_check_name", "pool_name", "tunnel_name", "name"))
    if not is_health or not subject or not status:
        return ""
    origin, reason = _first(data, ("origin_name", "origin_ip")), _first(data, REASON_KEYS)
    words = f"{subject} ({origin}) is {status}" if origin else f"{subject} is {status}"
    return label(f"{words}: {reason}" if reason and status not in HEALTHY else words)


def _identity(fields: Fields, data: Fields, kind: str, policy: str, is_health: bool) -> dict[str, str]:
    """What makes a notification of the same alert as another. That a check is healthy again need not come
    with the correlation of the notification that it was not, so of health it is the check that counts."""
    found = {"": KIND, "type": kind or policy, "account": fields.text("account_id", NAME_CHARS_MAX)}
    if is_health and (subject := _first(data, SUBJECT_KEYS)):
        # A health check knows its one origin, and may leave it out; a pool has many.
        is_pool = "load_balancing" in kind
        return {**found, "subject": subject, "origin": _first(data, ORIGIN_KEYS) if is_pool else ""}
    if correlation := fields.text("alert_correlation_id", NAME_CHARS_MAX):
        return {**found, "correlation": correlation}
    return {**found, "policy": fields.text("policy_id", NAME_CHARS_MAX) or policy}


def _at(fields: Fields, received_at: datetime) -> datetime:
    """The time of the notification; that of its arrival where it makes no sense."""
    given = fields.values.get("ts")
    if given is None:
        return received_at
    if isinstance(given, int) and not isinstance(given, bool) and 0 < given < 32_503_680_000:
        return datetime.fromtimestamp(given, UTC)
    message = "ts is no number of seconds since 1970; the time of arrival stands in for it."
    fields.notes.append(problem("bad-time", "ts", message, "Send whole seconds.", Weight.WARNING))
    return received_at
