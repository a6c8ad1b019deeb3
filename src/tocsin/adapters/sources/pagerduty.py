"""The source `pagerduty`: events in the format of PagerDuty's Events API, versions 2 and 1
(https://developer.pagerduty.com/docs/events-api-v2/overview/).

An alert is told from others by its key, within the routing key of the settings that it came with.
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from tocsin.adapters.alertjson import (
    Fields,
    RefusedAlert,
    decode,
    few,
    is_web_address,
    problem,
    refuse,
    wrong_type,
)
from tocsin.adapters.details import add_details, links_of, put, written
from tocsin.alerts.keys import fingerprint_of_key
from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base import limits
from tocsin.base.problems import Problem, ProblemsError, Weight
from tocsin.base.times import require_utc
from tocsin.config import Secrets, Settings
from tocsin.config.tables import read_table
from tocsin.engine.sources import Arrival, Parsed, PlainSource, Source, SourceError

KIND = "pagerduty"
ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
SUMMARY_CHARS_MAX = 1_024
KEY_CHARS_MAX = 255
ROUTING_KEY_CHARS = 32


class RoutingKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One routing key: the reference to it, and labels of every alert that comes with it."""

    key_ref: str
    labels: dict[str, str] = {}


class PagerDutyTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `sources.pagerduty`."""

    routing_keys: dict[str, RoutingKey] = {}


def sources(settings: Settings, secret: Secrets) -> Sequence[Source]:
    """The source, with the routing keys of the settings.

    Raises:
        ProblemsError: the table is wrong, or a key cannot be had or has not 32 characters.
    """
    place = f"sources.{KIND}"
    table = read_table(settings.sources.get(KIND, {}), PagerDutyTable, place)
    keys: dict[str, tuple[str, RoutingKey]] = {}
    for name, each in table.routing_keys.items():
        field = f"{place}.routing_keys.{name}.key_ref"
        key = secret(each.key_ref, field)
        if len(key) != ROUTING_KEY_CHARS:
            message = f"The routing key {name!r} has {len(key)} characters, and senders take 32."
            mend = "Make one with `openssl rand -hex 16`."
            raise ProblemsError([Problem(code="bad-setting", field=field, message=message, mend=mend)])
        keys[name] = (key, each)
    return (PagerDutySource(keys),)


class PagerDutySource(PlainSource):
    """Reads one event."""

    kind = KIND

    def __init__(self, keys: Mapping[str, tuple[str, RoutingKey]] | None = None) -> None:
        self._keys = dict(keys or {})
        self.proves_itself = bool(self._keys)

    async def admit(self, arrival: Arrival) -> bool:
        """Whether the event's routing key is one of the settings."""
        try:
            return self._key_of(decode(arrival.body)) != ""
        except SourceError:
            return False

    def _key_of(self, document: object) -> str:
        """The name of the routing key that an event carries; "" where it is none of the settings."""
        values = cast("dict[str, object]", document) if isinstance(document, dict) else {}
        given = values.get("routing_key", values.get("service_key"))
        raw = given.encode(errors="replace") if isinstance(given, str) else b""
        found = ""
        for name, (key, _) in self._keys.items():
            if hmac.compare_digest(key.encode(), raw):
                found = name
        return found

    async def parse(self, arrival: Arrival) -> Parsed:
        """Read a request.

        Raises:
            SourceError: it is no event.
        """
        document = decode(arrival.body)
        if not isinstance(document, dict):
            raise SourceError([wrong_type("the body", document, "an event of the Events API v2")])
        values = cast("dict[str, object]", document)
        strict = "event_type" not in values
        notes: list[Problem] = []
        try:
            fields = Fields(values if strict else _second_version(values), "", notes)
            return self._read(fields, require_utc(arrival.received_at), strict=strict)
        except RefusedAlert as error:
            raise SourceError(few([error.problem, *notes])) from None

    def _read(self, fields: Fields, received_at: datetime, *, strict: bool) -> Parsed:
        action = fields.text("event_action", 40)
        if action not in ACTIONS:
            message = f"'event_action' is {action!r}." if action else "'event_action' is missing."
            raise refuse("bad-action", "event_action", message, f"Send one of: {', '.join(ACTIONS)}.")
        key = fields.text("dedup_key", KEY_CHARS_MAX)
        if not key and action != "trigger":
            message = f"'dedup_key' is missing, and there is nothing to {action}."
            raise refuse("missing-field", "dedup_key", message, "Send the key of the event that triggered.")
        name = self._key_of(fields.values)
        print_of_key = fingerprint_of_key(KIND, key, name)
        if action == "acknowledge":
            return Parsed(alerts=(), acknowledged=(print_of_key,), problems=few(fields.notes))
        base = Alert(
            fingerprint=print_of_key,
            status=AlertStatus.RESOLVED,
            labels={"alertname": key},
            annotations={},
            starts_at=received_at,
            received_at=received_at,
            source=KIND,
            ends_at=received_at,
        )
        if action == "trigger":
            labels = self._keys[name][1].labels if name else {}
            base = _triggered(base, fields, labels, keyless=not key, strict=strict)
        return Parsed(alerts=(base,), problems=few(fields.notes))


def _triggered(base: Alert, fields: Fields, own: Mapping[str, str], *, keyless: bool, strict: bool) -> Alert:
    given = fields.values.get("payload")
    if not isinstance(given, dict):
        raise RefusedAlert(wrong_type("payload", given, "an object with summary, source and severity"))
    payload = Fields(cast("dict[str, Any]", given), "payload", fields.notes)
    summary = payload.prose("summary", SUMMARY_CHARS_MAX)
    severity = payload.text("severity", 40).casefold()
    for name, value in (
        ("summary", summary),
        ("source", payload.prose("source", 1_024)),
        ("severity", severity),
    ):
        if not value and (strict or name == "summary"):
            message = f"'payload.{name}' is missing or blank."
            raise refuse("missing-field", f"payload.{name}", message, f"Send a {name}.")
    if severity and severity not in SEVERITIES:
        message = f"'payload.severity' is {severity!r}."
        raise refuse("bad-severity", "payload.severity", message, f"Send one of: {', '.join(SEVERITIES)}.")
    alert = replace(
        base,
        status=AlertStatus.FIRING,
        labels={
            "alertname": summary[: limits.title_chars_max],
            **({"severity": severity} if severity else {}),
        },
        annotations={"summary": summary},
        starts_at=_began(payload) or base.received_at,
        ends_at=None,
    )
    for name in ("source", "component", "group", "class"):
        put(
            alert.labels,
            name,
            payload.prose(name, limits.label_value_chars_max),
            limits.label_value_chars_max,
        )
    _add_links(alert, fields)
    left_out = add_details(alert, payload.values.get("custom_details"), own)
    if left_out:
        message = f"{left_out} of the custom_details had no room, and are left out."
        mend = f"Send at most {limits.labels_per_alert_max} values."
        fields.notes.append(problem("too-many", "payload.custom_details", message, mend, Weight.WARNING))
    client_url = fields.values.get("client_url")
    alert = replace(alert, generator_url=_address(client_url) or alert.annotations.get("link", ""))
    if keyless:
        lasting = {name: text for name, text in alert.labels.items() if name != "severity"}
        alert = replace(alert, fingerprint=fingerprint(lasting))
    return alert


def _add_links(alert: Alert, fields: Fields) -> None:
    links, images = links_of(fields.values.get("links")), links_of(fields.values.get("images"), "src")
    found = {
        "client": fields.prose("client", limits.annotation_chars_max),
        "link": links[0][0] if links else "",
        "links": written(links),
        "images": written(images),
    }
    for name, text in found.items():
        put(alert.annotations, name, text, limits.annotation_chars_max)


def _began(payload: Fields) -> datetime | None:
    """No page is lost over the time at which its sender says that it began."""
    try:
        return payload.instant("timestamp")
    except RefusedAlert as error:
        payload.notes.append(replace(error.problem, severity=Weight.WARNING))
        return None


def _address(value: object) -> str:
    fits = isinstance(value, str) and len(value) <= limits.label_value_chars_max and is_web_address(value)
    return cast(str, value) if fits else ""


def _second_version(values: Mapping[str, object]) -> dict[str, object]:
    """An event of version 1 in the words of version 2. It knows no severity."""
    listed = values.get("contexts")
    contexts = cast("list[object]", listed) if isinstance(listed, list) else []
    typed = [cast("dict[str, object]", each) for each in contexts if isinstance(each, dict)]
    return {
        "routing_key": values.get("service_key"),
        "event_action": values.get("event_type"),
        "dedup_key": values.get("incident_key"),
        "client": values.get("client"),
        "client_url": values.get("client_url"),
        "links": [each for each in typed if each.get("type") == "link"],
        "images": [each for each in typed if each.get("type") == "image"],
        "payload": {"summary": values.get("description"), "custom_details": values.get("details")},
    }
