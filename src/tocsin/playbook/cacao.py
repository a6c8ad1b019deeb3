"""A playbook as CACAO Security Playbook 2.0. One way only: much of a playbook has no place there, and
stands in an extension."""

import re
from collections.abc import Sequence
from datetime import date
from typing import cast

import msgspec

from tocsin.playbook import present
from tocsin.playbook.cacao_flow import Branch, Flow, Part, chained
from tocsin.playbook.cacao_steps import Steps
from tocsin.playbook.cacao_words import Json, label, redact, uuid5, words
from tocsin.playbook.model import Action, ActionRole, Edge, MessageKind, Playbook

FLAVORS = ("plain", "soarca")
NO_DATE = "1970-01-01T00:00:00.000Z"

_UPDATED = re.compile(r"^(?!.{0,40}\bnext\b).{0,60}(?:updat|review|modif|version|date|revis)", re.IGNORECASE)
_CREATED = re.compile(r"^(?:creat|written|first)", re.IGNORECASE)
_OWNER = re.compile(r"^(?:owners?|teams?|authors?|maintainers?)$", re.IGNORECASE)
_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")


class Export(msgspec.Struct, frozen=True):
    """A CACAO playbook, the STIX identity of its author, and remarks on what a reader of it must know."""

    document: Json
    identity: Json
    remarks: tuple[str, ...]


def to_cacao(playbook: Playbook, *, origin: str, flavor: str = "plain") -> Export:
    """Export a playbook. The same playbook, origin and flavor always give the same document.

    `origin` is where the playbook lives (a repository and path): it makes the identifiers. `flavor` is
    `plain`, or `soarca` for an executor that knows agents by their names.
    """
    assert flavor in FLAVORS, "an unknown flavor of export"
    root = uuid5("playbook", origin)
    extension = f"extension-definition--{uuid5('extension', 'tocsin', '1')}"
    identity = _identity(playbook)
    flow = Flow(root, flavor, extension)
    flow.first_role = _first_role(playbook)
    flow.escalation_text = _escalation_text(playbook.escalation)
    steps = Steps(playbook, flow)
    parts = _parts(playbook, flow, steps)
    main = Branch(flow, "main")
    start = flow.add("start", "start", {"name": "Start", "on_completion": chained(parts, main.end, main)})
    for name in _roles(playbook):
        flow.role(name)
    exception = flow.escalation("exception", flow.add("end", "exception/end", {"name": "End"}))
    created, modified = _dates(playbook)
    workflow = _in_order(flow.steps, [start, exception])
    made: Json = {
        "type": "playbook",
        "spec_version": "cacao-2.0",
        "id": f"playbook--{root}",
        "name": label(playbook.title, "Playbook"),
        "description": _description(playbook),
        "playbook_types": _types(playbook),
        "playbook_activities": activities(workflow),
        "playbook_processing_summary": summary(workflow),
        "created_by": identity["id"],
        "created": created,
        "modified": modified,
        "playbook_variables": flow.variables.declared,
        "workflow_start": start,
        "workflow_exception": exception,
        "workflow": workflow,
        "playbook_extensions": {extension: _about(playbook)},
        "agent_definitions": flow.agents,
        "target_definitions": flow.targets,
        "extension_definitions": {extension: _definition(cast(str, identity["id"]))},
    }
    if steps.authentication:
        made["authentication_info_definitions"] = steps.authentication
    remarks = list(dict.fromkeys(steps.remarks))
    if modified == NO_DATE:
        remarks.append("The playbook names no date of its last change, so that `modified` is in 1970")
    return Export(made, identity, tuple(remarks))


def _parts(playbook: Playbook, flow: Flow, steps: Steps) -> list[Part]:
    """Look, decide the level, tell, then phase by phase, and write it up."""
    look = [each for each in playbook.actions if each.role is ActionRole.DIAGNOSTIC]
    rest = [each for each in playbook.actions if each.role is not ActionRole.DIAGNOSTIC]
    parts: list[Part] = []
    by_group: dict[str, list[Action]] = {}
    for each in look:
        by_group.setdefault(f"{each.phase}\0{each.group}", []).append(each)
    for own in by_group.values():
        parts += steps.group(own)
    if playbook.severities or playbook.triage:
        text = _triage_text(playbook)
        asked = [steps.level()]
        parts.append(
            flow.manual("triage", "Decide the level", text, "analyze-collected-data", out_args=asked)
        )
    parts += steps.messages([MessageKind.INITIAL, MessageKind.UPDATE])
    named = {phase.name for phase in playbook.phases}
    parts += steps.groups([each for each in rest if each.phase not in named])
    for phase in playbook.phases:
        own = [each for each in rest if each.phase == phase.name]
        parts += steps.groups([each for each in own if each.role is not ActionRole.VERIFICATION])
        parts += steps.groups([each for each in own if each.role is ActionRole.VERIFICATION])
        parts += steps.checklist(phase)
    parts += steps.messages([MessageKind.RESOLUTION])
    if playbook.postmortem:
        text = words(playbook.postmortem.template) or "Write the post-mortem."
        parts.append(flow.manual("postmortem", "Write the post-mortem", text, "compose-content"))
    if not parts:
        text = "Read the playbook, and do what it says."
        parts.append(flow.manual("read", "Read the playbook", text, "step-sequence"))
    return parts


def _triage_text(playbook: Playbook) -> str:
    lines = ["Set the level of the incident to one of these:"]
    lines += [
        f"- {each.level}" + (f" ({each.name})" if each.name else "") + f": {each.description}"
        for each in playbook.severities
    ]
    for rule in playbook.triage:
        yes = (
            rule.sets
            or f"{abs(rule.shifts or 0)} levels {'less' if (rule.shifts or 0) > 0 else 'more'} severe"
        )
        lines.append(f"- {rule.question} If yes: {yes}")
    return words("\n".join(lines))


def _escalation_text(edges: Sequence[Edge]) -> str:
    if not edges:
        return "Page the next role of the escalation path."
    hops = [f"{each.source} to {each.to}" for each in edges]
    return words("Escalate along the path: " + ", ".join(dict.fromkeys(hops)))


def _roles(playbook: Playbook) -> list[str]:
    found = [each.role for each in playbook.contacts]
    found += [name for edge in playbook.escalation for name in (edge.source, edge.to)]
    found += [name for rule in playbook.command for name in rule.roles]
    return list(dict.fromkeys(found))


def _first_role(playbook: Playbook) -> str:
    """Who does what names nobody: the first who may command, else the first who is called."""
    commanding = next((name for rule in playbook.command for name in rule.roles), "")
    return commanding or next(iter(_roles(playbook)), "Responder")


def _description(playbook: Playbook) -> str:
    levels = ", ".join(each.level for each in playbook.severities)
    facts = [f"{key}: {value}" for key, value in playbook.metadata.items()]
    facts += [f"Levels: {levels}"] if levels else []
    facts.append("Exported from a Markdown playbook; timers, effects and approvals stand in the extension")
    return words("; ".join(facts))


def _types(playbook: Playbook) -> list[str]:
    roles = {each.role for each in playbook.actions}
    found = ["investigation"] if ActionRole.DIAGNOSTIC in roles or playbook.triage else []
    found += ["mitigation"] if roles - {ActionRole.DIAGNOSTIC, ActionRole.RESOLUTION} else []
    is_mended = ActionRole.RESOLUTION in roles or any(each.checklist for each in playbook.phases)
    found += ["remediation"] if is_mended else []
    found += ["notification"] if playbook.templates else []
    return found or ["investigation"]


def activities(workflow: Json) -> list[str]:
    """Every activity of the workflow's commands, each once, in order."""
    return list(
        dict.fromkeys(
            made["playbook_activity"] for step in workflow.values() for made in step.get("commands", ())
        )
    )


def summary(workflow: Json) -> Json:
    """The flags that tell what a reader of the workflow must be able to do."""
    steps = list(workflow.values())
    kinds = {step["type"] for step in steps}
    made = [each["type"] for step in steps for each in step.get("commands", ())]
    return {
        "manual_playbook": all(kind == "manual" for kind in made),
        "external_playbooks": "playbook-action" in kinds,
        "parallel_processing": "parallel" in kinds,
        "if_logic": "if-condition" in kinds,
        "while_logic": "while-condition" in kinds,
        "switch_logic": "switch-condition" in kinds,
        "temporal_logic": any("timeout" in step or "delay" in step for step in steps),
        "data_markings": False,
        "digital_signatures": False,
        "countersigned_signatures": False,
        "extensions": True,
    }


def _dates(playbook: Playbook) -> tuple[str, str]:
    """When the playbook was made and last changed, as far as it says so itself: a clock would give other
    bytes every time."""
    modified = _date_of(playbook, _UPDATED)
    created = _date_of(playbook, _CREATED)
    return min(created or modified or NO_DATE, modified or NO_DATE), modified or NO_DATE


def _date_of(playbook: Playbook, key: re.Pattern[str]) -> str:
    for name, value in playbook.metadata.items():
        found = _DATE.search(value) if key.match(name) else None
        if found:
            try:
                return f"{date(*(int(each) for each in found.groups())).isoformat()}T00:00:00.000Z"
            except ValueError:
                continue
    return ""


def _identity(playbook: Playbook) -> Json:
    name = next((value for key, value in playbook.metadata.items() if _OWNER.match(key)), "")
    shown = label(name, "Authors of the playbook")
    created = _dates(playbook)[0]
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": f"identity--{uuid5('identity', shown)}",
        "created": created,
        "modified": created,
        "name": shown,
        "identity_class": "group",
    }


def _definition(author: str) -> Json:
    return {
        "type": "extension-definition",
        "name": "Tocsin playbook",
        "description": "Effects, approvals, places in the document, levels, clocks and escalation.",
        "created_by": author,
        "schema": "urn:tocsin:cacao-extension:1",
        "version": "1.0.0",
    }


def _about(playbook: Playbook) -> Json:
    """What the standard has no place for, in the words of `tocsin show --json`."""
    whole = present.to_document(playbook)
    keys = ("severities", "phases", "triage", "command", "escalation", "contacts", "alerts")
    kept: Json = {key: whole[key] for key in keys}
    due = whole["postmortem"]
    kept["postmortem_due_within"] = due and due["due_within"]
    return cast(Json, _redacted(kept))


def _redacted(value: object) -> object:
    if isinstance(value, str):
        return words(redact(value))
    if isinstance(value, dict):
        return {key: _redacted(each) for key, each in cast(dict[str, object], value).items()}
    if isinstance(value, list):
        return [_redacted(each) for each in cast(list[object], value)]
    return value


def _in_order(steps: Json, first: Sequence[str]) -> Json:
    """The steps in the order in which they are reached."""
    ordered: Json = {}
    waiting = list(reversed(first))
    while waiting:
        here = waiting.pop()
        if here in ordered or here not in steps:
            continue
        step = ordered[here] = steps[here]
        after = [*step.get("cases", {}).values()]
        after += [step[key] for key in ("on_success", "on_completion", "on_failure") if key in step]
        waiting.extend(reversed(after))
    return ordered
