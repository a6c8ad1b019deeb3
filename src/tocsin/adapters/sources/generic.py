"""The source `generic`: our own simple JSON, for anything that can send a request."""

import difflib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import cast

from tocsin.adapters.alertjson import (
    Fields,
    RefusedAlert,
    decode,
    few,
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

KIND = "generic"
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


def sources(settings: Settings, secret: Secrets) -> Sequence[Source]:
    """The source; it has no settings of its own."""
    return (GenericSource(),)


class GenericSource(PlainSource):
    """Reads one alert, a list of them, or an object with a list under `alerts`."""

    kind = KIND

    async def parse(self, arrival: Arrival) -> Parsed:
        """Read a request.

        Raises:
            SourceError: it is no JSON, or nothing of it is an alert that can be kept.
        """
        received_at = require_utc(arrival.received_at)
        document = decode(arrival.body)
        if isinstance(document, list):
            return _batch(cast("list[object]", document), "", received_at)
        if not isinstance(document, dict):
            raise SourceError([wrong_type("the body", document, "an object with a title, or a list of them")])
        values = cast("dict[str, object]", document)
        if "alerts" not in values:
            return _single(values, received_at)
        alerts = values["alerts"]
        if not isinstance(alerts, list):
            raise SourceError([wrong_type("alerts", alerts, "a list of alerts")])
        return _batch(cast("list[object]", alerts), "alerts", received_at)


def _batch(values: list[object], place: str, received_at: datetime) -> Parsed:
    return read_batch(values, place, lambda fields: _alert(fields, received_at))


def _single(values: dict[str, object], received_at: datetime) -> Parsed:
    notes: list[Problem] = []
    try:
        alert = _alert(Fields(values, "", notes), received_at)
    except RefusedAlert as error:
        raise SourceError(few([error.problem, *notes])) from None
    return Parsed(alerts=(alert,), problems=few(notes))


def _alert(fields: Fields, received_at: datetime) -> Alert:
    _look_for_typos(fields)
    title = fields.text("title", limits.title_chars_max)
    if not title:
        message = f"{fields.at('title')} is missing."
        raise refuse(
            "missing-field", fields.at("title"), message, "Send a title: what is wrong, in a few words."
        )
    status = _status(fields)
    labels = fields.texts("labels", limits.labels_per_alert_max, limits.label_value_chars_max, _as_text)
    labels.setdefault("alertname", title)
    for name in ("severity", "source"):
        if text := fields.text(name, limits.label_value_chars_max):
            labels[name] = text
    annotations = fields.texts(
        "annotations", limits.labels_per_alert_max, limits.annotation_chars_max, _as_text, prose=True
    )
    annotations.setdefault("summary", title)
    if description := fields.prose("description", limits.annotation_chars_max):
        annotations["description"] = description
    dedup_key = fields.text("dedup_key", DEDUP_KEY_CHARS_MAX)
    ends_at = fields.instant("ends_at")
    return Alert(
        # Labels always hold an alertname, so that no set of them has the fingerprint of a key.
        fingerprint=fingerprint({"": dedup_key} if dedup_key else labels),
        status=status,
        labels=labels,
        annotations=annotations,
        starts_at=fields.instant("starts_at") or received_at,
        received_at=received_at,
        source=KIND,
        ends_at=(ends_at or received_at) if status is AlertStatus.RESOLVED else None,
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


def _as_text(value: object) -> str | None:
    """People write numbers and truths as labels too; they are taken as JSON shows them."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return None


def _look_for_typos(fields: Fields) -> None:
    """A field that we do not know is not worth losing an alert over, but its sender should hear of it."""
    for key in fields.values:
        if key not in FIELDS:
            near = difflib.get_close_matches(key[:64], FIELDS, n=1)
            mend = f"Did you mean {near[0]!r}?" if near else "Put it into labels or annotations."
            message = f"{fields.at(key)} is no field of an alert, and is left out."
            fields.notes.append(problem("unknown-field", fields.at(key), message, mend, Weight.WARNING))
