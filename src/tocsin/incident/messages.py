"""Status messages: what is known fills the playbook's template, what is not known is asked for."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from tocsin.base.ids import slug
from tocsin.base.times import require_utc
from tocsin.incident import path
from tocsin.incident.rules import Rules
from tocsin.incident.state import Incident, State
from tocsin.playbook.model import MessageKind
from tocsin.playbook.render import fill, template_for


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A message as far as it can be written now.

    `text` still shows `[field]` where a value is missing; `fields` holds every field with the value
    that is known, or the empty string. It can be sent once nothing is in `missing`.
    """

    text: str
    fields: dict[str, str]
    missing: tuple[str, ...]


_STATUS = {
    State.OPEN: "Investigating",
    State.ACKNOWLEDGED: "Investigating",
    State.MITIGATING: "Mitigating",
    State.MITIGATED: "Mitigated, watching",
    State.RESOLVED: "Resolved",
    State.CLOSED: "Resolved",
    State.MERGED: "Part of another incident",
    State.DISMISSED: "False alarm",
}

_WAYS_TO_SAY = {
    "brief-description": "title",
    "description": "title",
    "title": "title",
    "incident": "title",
    "summary": "title",
    "incident-title": "title",
    "commander": "commander",
    "incident-commander": "commander",
    "name": "commander",
    "ic": "commander",
    "status": "status",
    "current-status": "status",
    "investigating-mitigating-resolved": "status",
    "duration": "duration",
    "x-hours-y-minutes": "duration",
    "root-cause": "cause",
    "cause": "cause",
    "known-unknown": "cause",
    "fix": "fix",
    "resolution": "fix",
    "next-update": "next_update",
    "service": "service",
    "affected-service": "service",
    "severity": "severity",
    "level": "severity",
    "incident-id": "id",
    "id": "id",
    "start-time": "started",
    "started": "started",
    "time-detected": "started",
    "post-mortem": "postmortem",
    "postmortem": "postmortem",
}


def draft(
    incident: Incident, kind: MessageKind, values: Mapping[str, str], rules: Rules, now: datetime
) -> Draft | None:
    """The message of this kind for the incident's level; None where the playbook has no template for it.

    `values` are a person's own words for fields; they stand over what is known.
    """
    template = template_for(rules.playbook, incident.level, kind)
    if template is None:
        return None
    known = facts(incident, rules, now)
    given = {slug(name): value.strip() for name, value in values.items() if value.strip()}
    fields = {
        field: given.get(slug(field)) or known.get(_WAYS_TO_SAY.get(slug(field), ""), "")
        for field in template.fields
    }
    filled = fill(template, {field: value for field, value in fields.items() if value})
    return Draft(text=filled.text, fields=fields, missing=filled.missing)


def facts(incident: Incident, rules: Rules, now: datetime) -> dict[str, str]:
    """What is known of an incident, as a stakeholder would be told it. Times are UTC and say so."""
    commander = rules.roster.person(incident.commander) if incident.commander else None
    every = path.severity(incident, rules).update_every
    until = incident.resolved_at or now
    service = next((alert.labels["service"] for alert in incident.alerts if alert.labels.get("service")), "")
    found = {
        "id": incident.id,
        "title": incident.title,
        "severity": incident.level,
        "status": _STATUS[incident.state],
        "commander": commander.name if commander else "",
        "duration": hours_and_minutes(incident.opened_at, until),
        "cause": incident.root_cause or ("" if incident.state is State.RESOLVED else "Unknown"),
        "fix": incident.fix,
        "service": service,
        "started": clock_text(incident.opened_at),
        "next_update": clock_text(now + every) if every else "",
        "postmortem": incident.postmortem_link,
    }
    return {name: value for name, value in found.items() if value}


def clock_text(at: datetime) -> str:
    """The time of day in UTC, which says that it is."""
    return require_utc(at).strftime("%H:%M UTC")


def hours_and_minutes(start: datetime, end: datetime) -> str:
    """A duration as the templates say it: `3 hours 5 minutes`; whole minutes, rounded down."""
    minutes = max(int((end - start).total_seconds()) // 60, 0)
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours} hour{'s' if hours != 1 else ''}"] if hours else []
    return " ".join([*parts, f"{rest} minute{'s' if rest != 1 else ''}"])
