"""What is written down of an incident in the end: the post-mortem, out of what really happened."""

from collections.abc import Sequence
from datetime import datetime

from tocsin.base.times import require_utc
from tocsin.incident import events as e
from tocsin.incident.messages import hours_and_minutes
from tocsin.incident.rules import Rules
from tocsin.incident.state import Incident
from tocsin.incident.timeline import describe
from tocsin.playbook.render import PostmortemFacts, fill_postmortem

_LEFT_OUT = (
    e.PageStepped,
    e.Delivered,
    e.PhaseOverdue,
    e.ItemChecked,
    e.UpdateDue,
    e.Repinned,
    e.PostmortemOverdue,
    e.PostmortemPublished,
)
"""What would drown the story."""

PLAIN_TEMPLATE = """\
# Post-mortem: [TITLE]

**Date:** YYYY-MM-DD
**Duration:** X hours Y minutes
**Severity:** P1/P2/P3/P4
**Incident Commander:** [Name]

## Timeline
- HH:MM — First alert or report
- HH:MM — Triage began
- HH:MM — Mitigated
- HH:MM — Resolved

## Root cause
[What the cause was]

## Fix
[What mended it]

## Impact
[Who noticed what, and for how long]

## What went well
- [Item]

## What went wrong
- [Item]

## Action items
- [ ] [Action] — Owner: [Name] — Due: [Date]
"""
"""Serves a playbook that brings no template of its own."""


def postmortem(incident: Incident, entries: Sequence[e.Entry], rules: Rules) -> str:
    """The post-mortem in the playbook's own template, with the real times, which are UTC.

    What cannot be known from the events stays as the author wrote it, so that a person fills it in.
    """
    wanted = rules.playbook.postmortem
    template = wanted.template if wanted and wanted.template.strip() else PLAIN_TEMPLATE
    return fill_postmortem(template, facts_of(incident, entries, rules)).text


def facts_of(incident: Incident, entries: Sequence[e.Entry], rules: Rules) -> PostmortemFacts:
    """The facts for the template, times as `03:12` in UTC."""
    commander = rules.roster.person(incident.commander) if incident.commander else None
    until = incident.resolved_at or incident.ended_at
    mitigated = next((entry.at for entry in entries if isinstance(entry.event, e.Mitigated)), None)
    moments = {
        "opened": incident.opened_at,
        "triage": incident.first_acknowledged_at,
        "mitigated": mitigated,
        "restored": mitigated or incident.resolved_at,
        "fix-deployed": incident.resolved_at,
        "resolved": incident.resolved_at,
    }
    told = [entry for entry in entries if not isinstance(entry.event, _LEFT_OUT)]
    return PostmortemFacts(
        title=f"{incident.id} {incident.title}",
        date=require_utc(incident.opened_at).date().isoformat(),
        duration=hours_and_minutes(incident.opened_at, until) if until else "",
        severity=incident.level,
        commander=commander.name if commander else "",
        moments={kind: _time(at, incident.opened_at) for kind, at in moments.items() if at is not None},
        root_cause=incident.root_cause,
        fix=incident.fix,
        entries=tuple((_time(entry.at, incident.opened_at), _sentence(entry)) for entry in told),
    )


def _time(at: datetime, opened_at: datetime) -> str:
    """The time of day in UTC, with the day where it is not that of the opening."""
    at, opened_at = require_utc(at), require_utc(opened_at)
    day = "" if at.date() == opened_at.date() else f"{at.date().isoformat()} "
    return f"{day}{at:%H:%M}"


def _sentence(entry: e.Entry) -> str:
    first = describe(entry).splitlines()[0].rstrip(":")
    who = entry.actor.name or entry.actor.id
    return f"{first} ({who})" if entry.actor.kind is e.ActorKind.PERSON else first
