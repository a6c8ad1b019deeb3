"""The source `alertmanager`: the webhook of Prometheus Alertmanager, version 4."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from tocsin.adapters.alertjson import (
    Fields,
    decode,
    problem,
    read_batch,
    refuse,
    wrong_type,
)
from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base import limits
from tocsin.base.problems import Problem, Weight
from tocsin.base.times import require_utc
from tocsin.config import Secrets, Settings
from tocsin.engine.sources import Arrival, Parsed, PlainSource, Source, SourceError

KIND = "alertmanager"
FINGERPRINT_CHARS_MAX = 128


def sources(settings: Settings, secret: Secrets) -> Sequence[Source]:
    """The source; it has no settings of its own."""
    return (AlertmanagerSource(),)


class AlertmanagerSource(PlainSource):
    """Reads a notification of a group of alerts. What stands outside `alerts` repeats what is in them."""

    kind = KIND

    async def parse(self, arrival: Arrival) -> Parsed:
        """Read a request.

        Raises:
            SourceError: it is no JSON, has no list of alerts, or none of the alerts can be kept.
        """
        received_at = require_utc(arrival.received_at)
        document = decode(arrival.body)
        if not isinstance(document, dict):
            raise SourceError([wrong_type("the body", document, "the webhook of Alertmanager, version 4")])
        values = cast("dict[str, object]", document)
        alerts = values.get("alerts")
        if "alerts" not in values:
            mend = "Point a webhook_configs receiver of Alertmanager here, or send to /in/generic."
            raise SourceError([problem("missing-field", "alerts", "There is no list of alerts.", mend)])
        if not isinstance(alerts, list):
            raise SourceError([wrong_type("alerts", alerts, "a list of alerts")])
        parsed = read_batch(
            cast("list[object]", alerts), "alerts", lambda fields: _alert(fields, received_at)
        )
        return Parsed(alerts=parsed.alerts, problems=(*parsed.problems, *_left_out(values)))


def _alert(fields: Fields, received_at: datetime) -> Alert:
    labels = fields.texts("labels", limits.labels_per_alert_max, limits.label_value_chars_max, _as_text)
    if not labels:
        message = f"{fields.at('labels')} is missing or empty."
        raise refuse("missing-field", fields.at("labels"), message, "Send the labels of the alert.")
    firing = _status(fields) is AlertStatus.FIRING
    ends_at = None if firing else fields.instant("endsAt") or received_at
    return Alert(
        fingerprint=fields.text("fingerprint", FINGERPRINT_CHARS_MAX) or fingerprint(labels),
        status=AlertStatus.FIRING if firing else AlertStatus.RESOLVED,
        labels=labels,
        annotations=fields.texts(
            "annotations", limits.labels_per_alert_max, limits.annotation_chars_max, _as_text, prose=True
        ),
        starts_at=fields.instant("startsAt") or received_at,
        received_at=received_at,
        source=KIND,
        ends_at=ends_at,
        generator_url=fields.url("generatorURL"),
    )


def _as_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _status(fields: Fields) -> AlertStatus:
    text = fields.text("status", 32)
    try:
        return AlertStatus(text)
    except ValueError:
        where = fields.at("status")
        message = f"{where} is {text!r}." if text else f"{where} is missing."
        raise refuse("bad-status", where, message, 'Send "firing" or "resolved".') from None


def _left_out(values: Mapping[str, object]) -> tuple[Problem, ...]:
    count = values.get("truncatedAlerts")
    if not isinstance(count, int) or count <= 0:
        return ()
    message = f"Alertmanager left {count} alerts of the group out."
    mend = "Raise max_alerts of its webhook_configs, or set it to 0."
    return (problem("left-out", "truncatedAlerts", message, mend, Weight.WARNING),)
