"""The source `opsgenie`: alerts in the format of Opsgenie's Alert API
(https://docs.opsgenie.com/docs/alert-api).

An alert is told from others by its alias.
"""

from collections.abc import Sequence
from typing import cast

from msgspec.structs import replace

from tocsin.adapters.alertjson import Fields, RefusedAlert, decode, few, problem, refuse, wrong_type
from tocsin.adapters.details import add_details, put
from tocsin.alerts.keys import fingerprint_of_key
from tocsin.alerts.model import Alert, AlertStatus, fingerprint
from tocsin.base import limits
from tocsin.base.problems import Problem, Weight
from tocsin.base.times import require_utc
from tocsin.config import Secrets, Settings
from tocsin.engine.sources import Arrival, Parsed, PlainSource, Source, SourceError

KIND = "opsgenie"
PRIORITIES = ("P1", "P2", "P3", "P4", "P5")
USUAL_PRIORITY = "P3"
ALIAS_CHARS_MAX = 512
TAGS_MAX = 40
RESPONDERS_MAX = 50


def sources(settings: Settings, secret: Secrets) -> Sequence[Source]:
    """The source; it has no settings of its own."""
    return (OpsgenieSource(),)


class OpsgenieSource(PlainSource):
    """Reads the body of a request that creates an alert."""

    kind = KIND

    async def parse(self, arrival: Arrival) -> Parsed:
        """Read a request.

        Raises:
            SourceError: it is no alert.
        """
        document = decode(arrival.body)
        if not isinstance(document, dict):
            raise SourceError([wrong_type("the body", document, "an alert of the Alert API")])
        notes: list[Problem] = []
        fields = Fields(cast("dict[str, object]", document), "", notes)
        try:
            alert = _alert(fields, arrival)
        except RefusedAlert as error:
            raise SourceError(few([error.problem, *notes])) from None
        return Parsed(alerts=(alert,), problems=few(notes))


def _alert(fields: Fields, arrival: Arrival) -> Alert:
    received_at = require_utc(arrival.received_at)
    message = fields.prose("message", limits.title_chars_max)
    if not message:
        raise refuse("missing-field", "message", "Message can not be empty.", "Send a message.")
    alias = fields.text("alias", ALIAS_CHARS_MAX)
    priority = fields.text("priority", 8).upper() or USUAL_PRIORITY
    if priority not in PRIORITIES:
        what = f"Priority is {priority!r}."
        raise refuse("bad-priority", "priority", what, f"Send one of: {', '.join(PRIORITIES)}.")
    alert = Alert(
        fingerprint=fingerprint_of_key(KIND, alias),
        status=AlertStatus.FIRING,
        labels={"alertname": message, "priority": priority},
        annotations={"summary": message},
        starts_at=received_at,
        received_at=received_at,
        source=KIND,
    )
    for name in ("source", "entity"):
        text = fields.prose(name, limits.label_value_chars_max)
        put(alert.labels, name, text, limits.label_value_chars_max)
    told = {
        "alias": alias,
        "description": fields.prose("description", limits.annotation_chars_max),
        "note": fields.prose("note", limits.annotation_chars_max),
        "user": fields.prose("user", limits.annotation_chars_max),
        "responders": _responders(fields.values.get("responders")),
    }
    for name, text in told.items():
        put(alert.annotations, name, text, limits.annotation_chars_max)
    left_out = add_details(alert, fields.values.get("details"), {})
    if left_out:
        message = f"{left_out} of the details had no room, and are left out."
        mend = f"Send at most {limits.labels_per_alert_max} details."
        fields.notes.append(problem("too-many", "details", message, mend, Weight.WARNING))
    _add_tags(alert, fields.values.get("tags"))
    if not alias:
        lasting = {name: text for name, text in alert.labels.items() if name != "priority"}
        alert = replace(alert, fingerprint=fingerprint(lasting))
    return alert


def _add_tags(alert: Alert, value: object) -> None:
    """The tags as one label, and each of the form `name:value` as one of its own."""
    listed = cast("list[object]", value)[:TAGS_MAX] if isinstance(value, list) else []
    tags = [each.strip() for each in listed if isinstance(each, str) and each.strip()]
    put(alert.labels, "tags", ",".join(tags), limits.label_value_chars_max)
    for tag in tags:
        name, colon, text = tag.partition(":")
        if colon and name.isidentifier():
            put(alert.labels, name, text, limits.label_value_chars_max)


def _responders(value: object) -> str:
    """Whom the sender wants to be told, as text: who is paged is what the playbook says."""
    listed = cast("list[object]", value)[:RESPONDERS_MAX] if isinstance(value, list) else []
    fields = [cast("dict[str, object]", each) for each in listed if isinstance(each, dict)]
    named = [each.get("name") or each.get("username") or each.get("id") for each in fields]
    return ", ".join(name for name in named if isinstance(name, str))
