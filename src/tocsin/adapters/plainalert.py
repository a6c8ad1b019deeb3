"""Alerts in our own simple words: the fields of `generic`, which other formats may carry within them."""

import difflib
from collections.abc import Mapping
from datetime import datetime

import msgspec

from tocsin.adapters.alertjson import Fields, problem, refuse
from tocsin.adapters.webhooks import as_text
from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base import limits
from tocsin.base.problems import Weight

FIELDS = (
    "title",
    "status",
    "severity",
    "description",
    "labels",
    "annotations",
    "dedup_key",
    "source",
    "url",
    "starts_at",
    "ends_at",
)
DEDUP_KEY_CHARS_MAX = 512


class Usual(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for an alert where its own fields say nothing else. `scope` sets its dedup keys apart
    from those of others, `identity` is what makes it the same alert where it has no key; `at` is UTC."""

    title: str = ""
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    scope: Mapping[str, str] = {}
    identity: Mapping[str, str] = {}
    at: datetime | None = None


def read_alert(fields: Fields, received_at: datetime, kind: str, usual: Usual | None = None) -> Alert:
    """The alert of an object with our own fields. `kind` is the source that it came by.

    Raises:
        RefusedAlert: it cannot be kept.
    """
    usual = usual or Usual()
    title = fields.text("title", limits.title_chars_max) or usual.title
    if not title:
        message = f"{fields.at('title')} is missing."
        raise refuse(
            "missing-field", fields.at("title"), message, "Send a title: what is wrong, in a few words."
        )
    status = _status(fields)
    labels = fields.texts("labels", limits.labels_per_alert_max, limits.label_value_chars_max, as_text)
    labels = {**usual.labels, **labels}
    labels.setdefault("alertname", title)
    for name in ("severity", "source"):
        if text := fields.text(name, limits.label_value_chars_max):
            labels[name] = text
    annotations = fields.texts(
        "annotations", limits.labels_per_alert_max, limits.annotation_chars_max, as_text, prose=True
    )
    annotations = {**usual.annotations, **annotations}
    annotations.setdefault("summary", title)
    if description := fields.prose("description", limits.annotation_chars_max):
        annotations["description"] = description
    dedup_key = fields.text("dedup_key", DEDUP_KEY_CHARS_MAX)
    # Labels always hold an alertname, so that no set of them has the fingerprint of a key.
    identity = {"": dedup_key, **usual.scope} if dedup_key else usual.identity or labels
    starts_at, ends_at = fields.instant("starts_at"), fields.instant("ends_at")
    at = usual.at or received_at
    return Alert(
        fingerprint=fingerprint(identity),
        status=status,
        labels=labels,
        annotations=annotations,
        starts_at=starts_at or at,
        received_at=received_at,
        source=kind,
        ends_at=(ends_at or at) if status is AlertStatus.RESOLVED else None,
        generator_url=fields.url("url"),
    )


def _status(fields: Fields) -> AlertStatus:
    text = fields.text("status", 32).casefold() or "firing"
    try:
        return AlertStatus(text)
    except ValueError:
        where = fields.at("status")
        message = f"{where} is {text!r}."
        raise refuse("bad-status", where, message, 'Send "firing" or "resolved", or leave it out.') from None


def look_for_typos(fields: Fields) -> None:
    """A field that we do not know is not worth losing an alert over, but its sender should hear of it."""
    for key in fields.values:
        if key not in FIELDS:
            near = difflib.get_close_matches(key[:64], FIELDS, n=1)
            mend = f"Did you mean {near[0]!r}?" if near else "Put it into labels or annotations."
            message = f"{fields.at(key)} is no field of an alert, and is left out."
            fields.notes.append(problem("unknown-field", fields.at(key), message, mend, Weight.WARNING))
