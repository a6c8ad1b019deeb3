"""What the official schemas of CACAO 2.0 do not see: whether the references of a playbook lead somewhere,
whether every path ends, and whether it says the same thing in two places."""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from tocsin.playbook.cacao import activities, summary
from tocsin.playbook.cacao_words import REFERENCE, VARIABLE, Json, holds_secret, strings

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_IDENTIFIER = re.compile(rf"[a-z][a-z0-9-]+[a-z0-9]--{_UUID}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")

_STEP = frozenset(
    [
        "type",
        "name",
        "description",
        "external_references",
        "delay",
        "timeout",
        "step_variables",
        "owner",
        "on_completion",
        "on_success",
        "on_failure",
        "step_extensions",
    ]
)
_ARGUMENTS = {"in_args", "out_args"}
_STEP_KEYS: dict[str, frozenset[str]] = {
    "start": _STEP,
    "end": _STEP,
    "action": _STEP | _ARGUMENTS | {"commands", "agent", "targets"},
    "playbook-action": _STEP | _ARGUMENTS | {"playbook_id", "playbook_version"},
    "parallel": _STEP | {"next_steps"},
    "if-condition": _STEP | {"condition", "on_true", "on_false"},
    "while-condition": _STEP | {"condition", "on_true"},
    "switch-condition": _STEP | {"switch", "cases"},
}
_TOP = frozenset(
    [
        "type",
        "spec_version",
        "id",
        "name",
        "description",
        "playbook_types",
        "playbook_activities",
        "playbook_processing_summary",
        "created_by",
        "created",
        "modified",
        "revoked",
        "valid_from",
        "valid_until",
        "derived_from",
        "related_to",
        "priority",
        "severity",
        "impact",
        "industry_sectors",
        "labels",
        "external_references",
        "markings",
        "playbook_variables",
        "workflow_start",
        "workflow_exception",
        "workflow",
        "playbook_extensions",
        "authentication_info_definitions",
        "agent_definitions",
        "target_definitions",
        "extension_definitions",
        "data_marking_definitions",
        "signatures",
    ]
)
_COMMAND = frozenset(
    [
        "type",
        "description",
        "version",
        "playbook_activity",
        "external_references",
        "command",
        "command_b64",
        "headers",
        "content",
        "content_b64",
    ]
)
_HOLDER = frozenset(
    [
        "type",
        "name",
        "description",
        "location",
        "agent_target_extensions",
        "contact",
        "address",
        "port",
        "authentication_info",
        "category",
    ]
)
_VARIABLE = frozenset(["type", "description", "value", "constant", "external"])
_REQUIRED = (
    "type",
    "spec_version",
    "id",
    "name",
    "created_by",
    "created",
    "modified",
    "workflow_start",
    "workflow",
)
_NEXT = ("on_completion", "on_success", "on_failure", "on_true", "on_false")


def check_cacao(playbook: Json) -> tuple[str, ...]:
    """Everything that is wrong with a CACAO playbook beyond its schemas, one sentence each; empty is good."""
    missing = [f"the key {key} is missing" for key in _REQUIRED if key not in playbook]
    if missing:
        return tuple(missing)
    checks = (
        _keys,
        _identifiers,
        _flow,
        _paths,
        _commands,
        _references,
        _variables,
        _times,
        _summary,
        _secrets,
    )
    return tuple(dict.fromkeys(found for check in checks for found in check(playbook)))


def _steps(playbook: Json) -> dict[str, Json]:
    return playbook["workflow"]


def _keys(playbook: Json) -> Iterator[str]:
    tables: list[tuple[str, dict[str, Any], frozenset[str]]] = [("the playbook", playbook, _TOP)]
    for name, step in _steps(playbook).items():
        tables.append((name, step, _STEP_KEYS.get(step.get("type", ""), frozenset())))
        tables += [(f"a command of {name}", each, _COMMAND) for each in step.get("commands", ())]
    for group in ("agent_definitions", "target_definitions"):
        tables += [(name, each, _HOLDER) for name, each in playbook.get(group, {}).items()]
    tables += [(name, each, _VARIABLE) for name, each in playbook.get("playbook_variables", {}).items()]
    for where, table, known in tables:
        for key in table:
            if key not in known:
                yield f"{where} has the key {key}, which the standard does not know"


def _identifiers(playbook: Json) -> Iterator[str]:
    seen: set[str] = set()
    listed = [playbook["id"]]
    groups = ("workflow", "agent_definitions", "target_definitions", "authentication_info_definitions")
    for group in (*groups, "extension_definitions"):
        for name, each in playbook.get(group, {}).items():
            listed.append(name)
            if not name.startswith(f"{each.get('type')}--"):
                yield f"{name} is no identifier for the type {each.get('type')}"
    for name in [*listed, playbook["created_by"]]:
        if not _IDENTIFIER.fullmatch(name):
            yield f"{name} is no identifier with a UUID of version 1 to 5"
        if name in seen:
            yield f"{name} is used twice"
        seen.add(name)


def _flow(playbook: Json) -> Iterator[str]:
    steps = _steps(playbook)
    starts = [name for name, step in steps.items() if step["type"] == "start"]
    if starts != [playbook["workflow_start"]]:
        yield "there is not exactly one start, or workflow_start does not name it"
    if not any(step["type"] in ("action", "playbook-action") for step in steps.values()):
        yield "there is no action"
    for name, step in steps.items():
        goes = {key for key in ("on_completion", "on_success", "on_failure") if key in step}
        if step["type"] == "end" and goes:
            yield f"{name} is an end and goes on"
        if step["type"] == "start" and goes != {"on_completion"}:
            yield f"{name} is a start and must have on_completion only"
        if step["type"] not in ("start", "end") and "on_completion" in goes and len(goes) > 1:
            yield f"{name} has on_completion beside on_success or on_failure"
        if step["type"] != "end" and not goes & {"on_completion", "on_success"}:
            yield f"{name} leads nowhere"
        if step["type"] == "action" and not step.get("targets"):
            yield f"{name} has no targets, and some executors run nothing then"
        if step["type"] == "action" and not step.get("timeout"):
            yield f"{name} has no timeout"
        if "delay" in step and step["delay"] < 1:
            yield f"{name} has a delay under one millisecond"


def after(step: Json) -> list[str]:
    """Every step to which a step may lead."""
    found = [step[key] for key in _NEXT if key in step]
    return [*found, *step.get("cases", {}).values(), *step.get("next_steps", ())]


def _paths(playbook: Json) -> Iterator[str]:
    """References between steps; every path ends, and none comes back."""
    steps = _steps(playbook)
    roots = [playbook["workflow_start"], *filter(None, [playbook.get("workflow_exception")])]
    state: dict[str, int] = {}
    for root in roots:
        waiting: list[tuple[str, bool]] = [(root, False)]
        while waiting:
            name, is_done = waiting.pop()
            if is_done:
                state[name] = 2
                continue
            if name not in steps:
                yield f"{name} is referred to and is no step"
                continue
            if name in state:
                continue
            state[name] = 1
            waiting.append((name, True))
            is_loop = steps[name]["type"] == "while-condition"
            for each in after(steps[name]):
                if state.get(each) == 1 and not is_loop:
                    yield f"{each} is reached again from {name}"
                waiting.append((each, False))
    for name in steps:
        if name not in state:
            yield f"{name} is never reached"
    ends: dict[str, str] = {}
    for name, step in steps.items():
        for first in [*step.get("cases", {}).values(), *step.get("next_steps", ())]:
            for end in _ends(steps, first):
                if ends.setdefault(end, first) != first:
                    yield f"two branches share the end {end}, one of them of {name}"


def _ends(steps: dict[str, Json], first: str) -> Iterator[str]:
    """The ends of a branch; those of branches inside it are their own."""
    seen: set[str] = set()
    waiting = [first]
    while waiting:
        here = waiting.pop()
        if here in seen or here not in steps:
            continue
        seen.add(here)
        if steps[here]["type"] == "end":
            yield here
        waiting += [
            steps[here][key] for key in ("on_completion", "on_success", "on_failure") if key in steps[here]
        ]


def _commands(playbook: Json) -> Iterator[str]:
    for name, step in _steps(playbook).items():
        for each in step.get("commands", ()):
            if bool(each.get("command")) == bool(each.get("command_b64")):
                yield f"a command of {name} must have one of command and command_b64"
            if each.get("command_b64") and _decoded(each["command_b64"]) is None:
                yield f"a command of {name} is no base64"


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return None


def _references(playbook: Json) -> Iterator[str]:
    agents, targets = playbook.get("agent_definitions", {}), playbook.get("target_definitions", {})
    extensions = playbook.get("extension_definitions", {})
    auth = playbook.get("authentication_info_definitions", {})
    used = [*playbook.get("playbook_extensions", {})]
    for name, step in _steps(playbook).items():
        used += step.get("step_extensions", {})
        if "agent" in step and step["agent"] not in agents:
            yield f"{name} has an agent that is not defined"
        for each in step.get("targets", ()):
            if each not in targets:
                yield f"{name} has a target that is not defined"
    for each in used:
        if each not in extensions:
            yield f"{each} is used and not defined"
    for name, each in [*agents.items(), *targets.items()]:
        if each.get("authentication_info", None) not in {None, *auth}:
            yield f"{name} has an authentication that is not defined"


def _variables(playbook: Json) -> Iterator[str]:
    declared = playbook.get("playbook_variables", {})
    for name in declared:
        if not VARIABLE.fullmatch(name):
            yield f"{name} is no name of a variable"
    for step in _steps(playbook).values():
        for name in [*step.get("in_args", ()), *step.get("out_args", ())]:
            if name not in declared:
                yield f"the variable {name} is used and not declared"
    for text in strings(playbook):
        for found in REFERENCE.finditer(text):
            if found[1] not in declared:
                yield f"the variable {found[1]} is referred to and not declared"


def _times(playbook: Json) -> Iterator[str]:
    for key in ("created", "modified"):
        if not _TIME.fullmatch(playbook[key]):
            yield f"{key} is no time in UTC with three decimals"
    if playbook["modified"] < playbook["created"]:
        yield "modified is before created"


def _summary(playbook: Json) -> Iterator[str]:
    told = playbook.get("playbook_processing_summary")
    if told is not None and told != summary(_steps(playbook)):
        yield "playbook_processing_summary does not tell what the workflow holds"
    if playbook.get("playbook_types") and not playbook.get("playbook_activities"):
        yield "playbook_types are given without playbook_activities"
    for each in playbook.get("playbook_activities", ()):
        if each not in activities(_steps(playbook)):
            yield f"the activity {each} is in no step"


def _secrets(playbook: Json) -> Iterator[str]:
    for step in _steps(playbook).values():
        for each in step.get("commands", ()):
            if holds_secret(_decoded(each.get("command_b64", "")) or ""):
                yield "a command holds a secret"
    if any(holds_secret(text) for text in strings(playbook)):
        yield "a secret stands in the playbook"
    for each in playbook.get("authentication_info_definitions", {}).values():
        if {"password", "token", "username"} & set(each):
            yield "an authentication holds a value in place of the name of its key"
