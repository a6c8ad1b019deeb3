"""The source `cloudevents`: CloudEvents 1.0 over HTTP, in each of its three content modes.

The formats are those of https://github.com/cloudevents/spec, version 1.0.2: the HTTP binding, the JSON
event format and its batches.
"""

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast
from urllib.parse import unquote

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
from tocsin.adapters.plainalert import Usual, read_alert
from tocsin.adapters.webhooks import as_text, flat_texts, labels_of
from tocsin.alerts.model import Alert, AlertStatus
from tocsin.base import limits
from tocsin.base.problems import Problem
from tocsin.base.times import require_utc
from tocsin.config import Secrets, Settings
from tocsin.engine.sources import Arrival, Parsed, PlainSource, Source, SourceError

KIND = "cloudevents"
VERSION = "1.0"
ATTRIBUTE_CHARS_MAX = 2_048
STRUCTURED, BATCHED = "application/cloudevents", "application/cloudevents-batch"

_ATTRIBUTE = re.compile(r"[a-z0-9]{1,64}")
_NO_LABELS = frozenset(
    (
        *("specversion", "id", "time", "datacontenttype", "dataschema", "data", "data_base64"),
        *("traceparent", "tracestate", "sequence"),
    )
)
"""Attributes that have a place of their own, or differ from event to event."""


def sources(settings: Settings, secret: Secrets) -> Sequence[Source]:
    """The source; it has no settings of its own."""
    return (CloudEventsSource(),)


class CloudEventsSource(PlainSource):
    """Reads one event or a batch of them."""

    kind = KIND
    json_only = False

    async def parse(self, arrival: Arrival) -> Parsed:
        """Read a request.

        Raises:
            SourceError: it is no event, or none of its events can be kept.
        """
        received_at = require_utc(arrival.received_at)
        content_type = arrival.headers.get("content-type", "").partition(";")[0].strip().casefold()
        if "ce-specversion" in arrival.headers and not content_type.startswith(STRUCTURED):
            return _single(_of_headers(arrival, content_type), received_at)
        document = decode(arrival.body)
        if isinstance(document, list) and not content_type.startswith(f"{STRUCTURED}+"):
            listed = cast("list[object]", document)
            parsed = read_batch(listed, "", lambda fields: _alert(fields, received_at))
            known = [_identifier(each) for each in listed]
            return Parsed(alerts=parsed.alerts, problems=parsed.problems, delivery=_delivery(known))
        if not isinstance(document, dict) or content_type.startswith(BATCHED):
            wanted = "an event as CloudEvents 1.0 writes it"
            raise SourceError([wrong_type("the body", cast(object, document), wanted)])
        return _single(cast("dict[str, object]", document), received_at)


def _single(event: Mapping[str, object], received_at: datetime) -> Parsed:
    notes: list[Problem] = []
    try:
        alert = _alert(Fields(event, "", notes), received_at)
    except RefusedAlert as error:
        raise SourceError(few([error.problem, *notes])) from None
    return Parsed(alerts=(alert,), problems=few(notes), delivery=_delivery([_identifier(event)]))


def _identifier(event: object) -> list[str]:
    """What the specification makes unique: the source and the id."""
    values = cast("dict[str, object]", event) if isinstance(event, dict) else {}
    found = [values.get("source"), values.get("id")]
    return [each for each in found if isinstance(each, str)]


def _delivery(identifiers: list[list[str]]) -> str:
    whole = bool(identifiers) and all(len(each) == 2 for each in identifiers)
    return json.dumps(identifiers) if whole else ""


def _of_headers(arrival: Arrival, content_type: str) -> dict[str, object]:
    """The event of a request in binary mode: its attributes are headers, its data the body."""
    event: dict[str, object] = {
        name.removeprefix("ce-"): _header(value)
        for name, value in arrival.headers.items()
        if name.startswith("ce-") and not name.startswith("ce-data")
    }
    if arrival.body.strip():
        is_json = content_type == "" or content_type.endswith(("/json", "+json"))
        event["data"] = decode(arrival.body) if is_json else arrival.body.decode(errors="replace")
    return event


def _header(value: str) -> str:
    """The value of a header: in quotes or not, and with what is not ASCII as percent signs and digits."""
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    return unquote(value, errors="replace")


def _alert(event: Fields, received_at: datetime) -> Alert:
    version = event.text("specversion", 32)
    if version != VERSION:
        message = f"{event.at('specversion')} is {version!r}." if version else "There is no specversion."
        raise refuse("bad-version", event.at("specversion"), message, f'Send specversion "{VERSION}".')
    needed = ("id", "source", "type")
    identifier, source, kind = (_needed(event, name) for name in needed)
    subject = event.text("subject", ATTRIBUTE_CHARS_MAX)
    data, text = _data(event)
    annotations = {} if _is_alert(data) else flat_texts(data, limits.annotation_chars_max)
    annotations["event"] = identifier
    if text:
        annotations["description"] = event.shortened(text, "data", limits.annotation_chars_max)
    own = Fields(data.values if _is_alert(data) else {}, data.place, data.notes)
    return read_alert(
        own,
        received_at,
        KIND,
        Usual(
            title=kind[: limits.title_chars_max],
            labels=_labels(event, kind, source, subject),
            annotations=annotations,
            scope={"source": source},
            identity={"": KIND, "source": source, "type": kind, "subject": subject},
            at=event.instant("time"),
        ),
    )


def _needed(event: Fields, name: str) -> str:
    text = event.text(name, ATTRIBUTE_CHARS_MAX)
    if not text:
        where = event.at(name)
        raise refuse("missing-field", where, f"{where} is missing.", "An event must have it.")
    return text


def _labels(event: Fields, kind: str, source: str, subject: str) -> dict[str, str]:
    """The attributes that tell events apart, with the extensions of whoever sends them."""
    extensions = {
        name: as_text(value) or ""
        for name, value in event.values.items()
        if name not in _NO_LABELS and _ATTRIBUTE.fullmatch(name)
    }
    room = limits.labels_per_alert_max // 2
    kept = dict(list(extensions.items())[:room])
    return labels_of({**kept, "type": kind, "source": source, "subject": subject})


def _data(event: Fields) -> tuple[Fields, str]:
    """The data as an object, and as text where it is none."""
    place, encoded = event.at("data"), event.values.get("data_base64")
    value = event.values.get("data")
    if encoded is not None:
        place = event.at("data_base64")
        value = _decoded(encoded, place)
    if isinstance(value, dict):
        return Fields(cast("dict[str, object]", value), place, event.notes), ""
    nothing = Fields({}, place, event.notes)
    if value is None:
        return nothing, ""
    return nothing, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _decoded(encoded: object, place: str) -> object:
    if not isinstance(encoded, str):
        raise RefusedAlert(wrong_type(place, encoded, "data in Base64"))
    try:
        raw = b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        mend = "Encode the data as RFC 4648 says."
        raise RefusedAlert(problem("bad-base64", place, f"{place} is no Base64.", mend)) from None
    try:
        return decode(raw)
    except SourceError:
        return raw.decode(errors="replace")


def _is_alert(data: Fields) -> bool:
    """Whether the data is an alert in our own words. Other data may use the same names for its own ends."""
    status = data.values.get("status")
    has_status = isinstance(status, str) and status.strip().casefold() in tuple(AlertStatus)
    return isinstance(data.values.get("title"), str) or has_status
