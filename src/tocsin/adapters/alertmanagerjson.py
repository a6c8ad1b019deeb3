"""An alert in the words of Alertmanager, which its own webhook, Grafana and Prometheus share."""

from datetime import datetime

from tocsin.adapters.alertjson import Fields, refuse
from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base import limits

FINGERPRINT_CHARS_MAX = 128


def notified_alert(fields: Fields, received_at: datetime, kind: str) -> Alert:
    """One alert of a notification, which says itself whether it is firing.

    Raises:
        RefusedAlert: it cannot be kept.
    """
    labels = read_labels(fields)
    firing = _status(fields) is AlertStatus.FIRING
    return Alert(
        fingerprint=fields.text("fingerprint", FINGERPRINT_CHARS_MAX) or fingerprint(labels),
        status=AlertStatus.FIRING if firing else AlertStatus.RESOLVED,
        labels=labels,
        annotations=read_annotations(fields),
        starts_at=fields.instant("startsAt") or received_at,
        received_at=received_at,
        source=kind,
        ends_at=None if firing else fields.instant("endsAt") or received_at,
        generator_url=fields.url("generatorURL"),
    )


def read_labels(fields: Fields) -> dict[str, str]:
    """The labels, of which there must be one.

    Raises:
        RefusedAlert: there are none, or they cannot be kept.
    """
    labels = fields.texts("labels", limits.labels_per_alert_max, limits.label_value_chars_max, _as_text)
    if not labels:
        message = f"{fields.at('labels')} is missing or empty."
        raise refuse("missing-field", fields.at("labels"), message, "Send the labels of the alert.")
    return labels


def read_annotations(fields: Fields) -> dict[str, str]:
    """The annotations, each cut where it is too long."""
    return fields.texts(
        "annotations", limits.labels_per_alert_max, limits.annotation_chars_max, _as_text, prose=True
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
