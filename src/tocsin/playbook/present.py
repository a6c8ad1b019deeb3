"""The playbook as a document for `tocsin show --json`: fixed keys in a fixed order, durations as ISO 8601."""

from datetime import timedelta
from typing import Any

import msgspec

from tocsin.alerts.matchers import Matchers
from tocsin.alerts.rules import NoiseRules
from tocsin.base.times import iso_duration
from tocsin.playbook.model import (
    Action,
    ChecklistItem,
    Condition,
    Contact,
    Edge,
    Handling,
    MessageTemplate,
    Phase,
    Playbook,
    Postmortem,
    Severity,
    TriageRule,
)
from tocsin.playbook.slots import find_slots

Json = dict[str, Any]


def to_document(playbook: Playbook) -> Json:
    """The whole playbook in plain values; the same playbook always gives the same keys in the same order.

    Keys that are never absent: those of section 7 of the dialect, then what else was understood
    (alerts, options, reference), `findings`, and what is about the reading itself last.
    """
    return {
        "title": playbook.title,
        "metadata": dict(playbook.metadata),
        "severities": [_severity(each) for each in playbook.severities],
        "phases": [_phase(each) for each in playbook.phases],
        "detection": [
            {"mode": each.mode.value, "source": each.source, "target": each.target, "adapter": each.adapter}
            for each in playbook.detection
        ],
        "triage": [_rule(each) for each in playbook.triage],
        "command": [{"levels": list(each.levels), "roles": list(each.roles)} for each in playbook.command],
        "actions": [_action(each) for each in playbook.actions],
        "postmortem": _postmortem(playbook.postmortem),
        "templates": [_template(each) for each in playbook.templates],
        "escalation": [_edge(each) for each in playbook.escalation],
        "contacts": [_contact(each) for each in playbook.contacts],
        "alerts": list(playbook.alerts),
        "options": _options(playbook),
        "reference": [
            {"title": each.title, "text": each.text, "line": each.line} for each in playbook.reference
        ],
        "findings": [
            {
                "code": each.code,
                "severity": each.severity.value,
                "line": each.line,
                "message": each.message,
                "mend": each.mend,
            }
            for each in playbook.findings
        ],
        "escalation_steps": [_item(each) for each in playbook.escalation_steps],
        "recognised": [
            {
                "kind": each.kind,
                "line": each.line,
                "how": each.how,
                "confidence": each.confidence.value,
            }
            for each in playbook.recognised
        ],
    }


def _span(span: timedelta | None) -> str | None:
    return None if span is None else iso_duration(span)


def _severity(severity: Severity) -> Json:
    return {
        "level": severity.level,
        "rank": severity.rank,
        "name": severity.name,
        "description": severity.description,
        "respond_within": _span(severity.respond_within),
        "update_every": _span(severity.update_every),
        "examples": list(severity.examples),
    }


def _phase(phase: Phase) -> Json:
    return {
        "number": phase.number,
        "name": phase.name,
        "starts_after": _span(phase.starts_after),
        "ends_after": _span(phase.ends_after),
        "checklist": [_item(item) for item in phase.checklist],
    }


def _item(item: ChecklistItem) -> Json:
    return {"id": item.id, "title": item.title, "text": item.text, "line": item.line}


def _rule(rule: TriageRule) -> Json:
    return {
        "question": rule.question,
        **({"sets": rule.sets} if rule.sets is not None else {"shifts": rule.shifts}),
        "when": _matchers(rule.when),
    }


def _matchers(matchers: Matchers | None) -> str | None:
    return None if matchers is None else matchers.text


def _action(action: Action) -> Json:
    return {
        "id": action.id,
        "title": action.title,
        "group": action.group,
        "order": action.order,
        "numbered": action.numbered,
        "phase": action.phase,
        "role": action.role.value,
        "script": action.script,
        "language": action.language,
        "effect": action.effect.value,
        "parameters": [{"name": each.name, "type": each.type.value} for each in action.parameters],
        "env": list(action.env),
        "secrets": list(action.secrets),
        "needs": list(action.needs),
        "opens": action.opens,
        "annotations": dict(action.annotations),
        "run": action.run.value,
        "approvals": action.approvals,
        "timeout": iso_duration(action.handling.timeout),
        "handling": _handling(action.handling),
        "runnable": action.runnable,
        "faults": list(action.faults),
        "policy": action.policy,
        "line": action.line,
    }


def _handling(handling: Handling) -> Json:
    """Every key of how a step is run, in the order of the model, so that none is left out."""
    return {field.name: _plain(getattr(handling, field.name)) for field in msgspec.structs.fields(Handling)}


def _plain(value: timedelta | tuple[int, ...] | str | bool | int | None) -> Any:
    if isinstance(value, timedelta):
        return iso_duration(value)
    return list(value) if isinstance(value, tuple) else value


def _postmortem(postmortem: Postmortem | None) -> Json | None:
    if postmortem is None:
        return None
    return {
        "due_within": _span(postmortem.due_within),
        "due_by_level": {level: iso_duration(span) for level, span in postmortem.due_by_level.items()},
        "template": postmortem.template,
    }


def _template(template: MessageTemplate) -> Json:
    return {
        "level": template.level,
        "kind": template.kind.value,
        "body": template.body,
        "fields": list(template.fields),
        "slots": list(dict.fromkeys(slot.words for slot in find_slots(template.body))),
    }


def _condition(condition: Condition) -> Json:
    return {
        "unresolved_for": _span(condition.unresolved_for),
        "unacknowledged_for": _span(condition.unacknowledged_for),
        "category": condition.category,
    }


def _edge(edge: Edge) -> Json:
    return {
        "from": edge.source,
        "to": edge.to,
        "owns": list(edge.owns),
        "to_owns": list(edge.to_owns),
        "levels": list(edge.levels),
        "condition": _condition(edge.condition),
        "from_time": _span(edge.from_time),
        "to_time": _span(edge.to_time),
    }


def _contact(contact: Contact) -> Json:
    trigger = contact.trigger
    return {
        "role": contact.role,
        "responsibility": contact.responsibility,
        "trigger": {
            "levels": list(trigger.levels),
            "category": trigger.category,
            "unresolved_for": _span(trigger.unresolved_for),
            "text": trigger.text,
            "readable": trigger.readable,
        },
    }


def _options(playbook: Playbook) -> Json:
    options = playbook.options
    return {
        "group_by": list(options.group_by),
        "categories": {name: each.text for name, each in options.categories.items()},
        "severity": [{"when": each.when.text, "level": each.level} for each in options.severity],
        "severity_labels": dict(options.severity_labels),
        "vars": dict(options.vars),
        "routes": [each.text for each in options.routes],
        "auto_run": options.auto_run,
        **_noise(options.noise),
    }


def _noise(noise: NoiseRules) -> Json:
    return {
        "maintenance": [
            {
                "name": each.name,
                "matchers": each.matchers.text,
                "start": each.text,
                "for": _span(each.lasts),
                "zone": each.zone,
            }
            for each in noise.maintenance
        ],
        "inhibit": [
            {"source": each.source.text, "target": each.target.text, "equal": list(each.equal)}
            for each in noise.inhibit
        ],
        "depends_on": {service: list(parents) for service, parents in noise.depends_on.items()},
        "service_labels": list(noise.service_labels),
        "group_window": _span(noise.group_window),
        "reopen_within": _span(noise.reopen_within),
        "flapping": noise.flapping
        and {"changes": noise.flapping.changes, "within": _span(noise.flapping.within)},
        "auto_resolve": {level: _span(span) for level, span in noise.auto_resolve.items()},
        "storm": noise.storm and {"incidents": noise.storm.incidents, "within": _span(noise.storm.within)},
    }
