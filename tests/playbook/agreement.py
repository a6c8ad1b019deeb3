"""How far the reader agrees with what a careful reader took from a playbook, key by key."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from tocsin.base.times import parse_duration
from tocsin.playbook.model import Edge, Playbook, Severity
from tocsin.playbook.read import read_playbook
from tocsin.playbook.slots import find_slots

Json = Any


class Verdict(msgspec.Struct, frozen=True):
    """A key of an expectation: whether the reader agrees, and where not, the difference or the reason."""

    key: str
    agrees: bool
    why: str = ""


REASONS: dict[tuple[str, str], str] = {
    ("04-down-arrows", "templates"): "fields go by the label of their line (reference 2.2); the words the "
    "expectation names are given beside them, under `slots`",
}
"""Expectations that are met in another place than they say, or not at all, and why that is right."""


def span(text: object) -> object:
    return parse_duration(text) if isinstance(text, str) else None


def title(playbook: Playbook, wanted: Json) -> object:
    return playbook.title, wanted


def severities(playbook: Playbook, wanted: Json) -> object:
    def told(each: Severity, keys: Json) -> list[object]:
        have = {
            "level": each.level,
            "rank": each.rank,
            "name": each.name,
            "respond_within": each.respond_within,
            "update_every": each.update_every,
            "examples": list(each.examples),
        }
        return [have[key] for key in keys]

    def asked(each: Json) -> list[object]:
        timed = ("respond_within", "update_every")
        return [span(value) if key in timed else value for key, value in each.items()]

    if len(wanted) != len(playbook.severities):
        return [each.level for each in playbook.severities], [each["level"] for each in wanted]
    pairs = list(zip(playbook.severities, wanted, strict=True))
    return [told(have, each) for have, each in pairs], [asked(each) for each in wanted]


def phases(playbook: Playbook, wanted: Json) -> object:
    return [each.name for each in playbook.phases], wanted


def phase_windows(playbook: Playbook, wanted: Json) -> object:
    found = {each.name: [each.starts_after, each.ends_after] for each in playbook.phases}
    return {name: found.get(name) for name in wanted}, {
        name: [span(each) for each in window] for name, window in wanted.items()
    }


def checklists(playbook: Playbook, wanted: Json) -> object:
    found = {each.name: len(each.checklist) for each in playbook.phases}
    return {name: found.get(name) for name in wanted}, wanted


def postmortem(playbook: Playbook, wanted: Json) -> object:
    own = playbook.postmortem
    found = {
        "due_within": own.due_within if own else None,
        "due_by_level": own.due_by_level if own else {},
        "template": bool(own and own.template),
    }
    asked = {
        "due_within": span(wanted.get("due_within")),
        "due_by_level": {level: span(each) for level, each in wanted.get("due_by_level", {}).items()},
        "template": wanted.get("template"),
    }
    return {key: found[key] for key in wanted}, {key: asked[key] for key in wanted}


def hop(edge: Edge, keys: Json) -> list[object]:
    condition = edge.condition
    have: dict[str, object] = {
        "from": edge.source,
        "to": edge.to,
        "owns": list(edge.owns),
        "to_owns": list(edge.to_owns),
        "levels": list(edge.levels),
    }
    if "condition" in keys:
        have["condition"] = {key: getattr(condition, key) for key in keys["condition"]}
    return [have[key] for key in keys]


def escalation(playbook: Playbook, wanted: Json) -> object:
    def asked(each: Json) -> list[object]:
        timed = {"unresolved_for", "unacknowledged_for"}
        return [
            {name: span(text) if name in timed else text for name, text in value.items()}
            if key == "condition"
            else value
            for key, value in each.items()
        ]

    if len(wanted) != len(playbook.escalation):
        return [(each.source, each.to) for each in playbook.escalation], wanted
    pairs = zip(playbook.escalation, wanted, strict=True)
    return [hop(edge, each) for edge, each in pairs], [asked(each) for each in wanted]


def escalation_times(playbook: Playbook, wanted: Json) -> object:
    found: dict[str, object] = {}
    for edge in playbook.escalation:
        found.setdefault(edge.source, edge.from_time)
        found.setdefault(edge.to, edge.to_time)
    return found, {role: span(text) for role, text in wanted.items()}


def escalation_by_level(playbook: Playbook, wanted: Json) -> object:
    found: dict[str, object] = {}
    asked: dict[str, object] = {}
    for level, rungs in wanted.items():
        own = [edge for edge in playbook.escalation if level in edge.levels]
        found[level] = [
            sorted({edge.source for edge in own}),
            [(edge.condition.unresolved_for, edge.to) for edge in own],
        ]
        asked[level] = [
            sorted(rungs[0][1]),
            [(span(offset), role) for offset, roles in rungs[1:] for role in roles],
        ]
    return found, asked


def escalation_steps(playbook: Playbook, wanted: Json) -> object:
    return len(playbook.escalation_steps), wanted


def templates(playbook: Playbook, wanted: Json) -> object:
    found: list[object] = []
    asked: list[object] = []
    for each in wanted:
        levels = each.get("levels") or ([each["level"]] if "level" in each else [])
        of_kind = [own for own in playbook.templates if own.kind.value == each["kind"]]
        found.append([own.level for own in of_kind] if levels else each["kind"] if of_kind else None)
        asked.append(levels or each["kind"])
        if "fields" in each and of_kind:
            words = [slot.words for slot in find_slots(of_kind[0].body)]
            found.append(words if list(of_kind[0].fields) != each["fields"] else each["fields"])
            asked.append(each["fields"])
    return found, asked


def templates_at_least(playbook: Playbook, wanted: Json) -> object:
    return len(playbook.templates) >= len(wanted), True


def triage_shifts(playbook: Playbook, wanted: Json) -> object:
    rules = {each.question: each for each in playbook.triage}
    found = [(rules[each["trigger"]].sets, rules[each["trigger"]].shifts) for each in wanted]
    return found, [(each.get("sets"), each.get("shifts")) for each in wanted]


def alert(playbook: Playbook, wanted: Json) -> object:
    return list(playbook.alerts), wanted if isinstance(wanted, list) else [wanted]


def actions(playbook: Playbook, wanted: Json) -> object:
    if isinstance(wanted, int):
        return len(playbook.actions), wanted
    faults: list[str] = []
    titles = {each.title for each in playbook.actions}
    codes = Counter(each.code for each in playbook.findings)
    for key, value in wanted.items():
        own = [each.title for each in playbook.actions if each.role.value == key]
        checks = {
            "at_least": len(playbook.actions) >= value if isinstance(value, int) else False,
            "titles": not isinstance(value, int) and set(value) <= titles,
            "not_bash": codes["PB015"] > 0,
            "follows_forever": codes["PB043"] > 0,
        }
        of_role = len(own) >= value if isinstance(value, int) else set(value) <= set(own)
        if not checks.get(key, of_role):
            faults.append(key)
    return faults, []


def alternatives(playbook: Playbook, wanted: Json) -> object:
    """The steps of a group are alternatives where nobody numbered them."""
    return [each.title for each in playbook.actions if each.numbered], []


def parameters(playbook: Playbook, wanted: Json) -> object:
    return sorted({each.name for action in playbook.actions for each in action.parameters}), sorted(wanted)


def secrets(playbook: Playbook, wanted: Json) -> object:
    return sorted({name for action in playbook.actions for name in action.secrets}), sorted(wanted)


def effects(playbook: Playbook, wanted: Json) -> object:
    first = {
        script: next((each.effect.value for each in playbook.actions if each.script.startswith(script)), None)
        for script in wanted
    }
    return first, wanted


def not_actions(playbook: Playbook, wanted: Json) -> object:
    scripts = "\n".join(f"{each.title}\n{each.script}" for each in playbook.actions)
    return [text for text in wanted if text.removesuffix(" (hcl)") in scripts], []


def contacts(playbook: Playbook, wanted: Json) -> object:
    found = [
        [each.role, " ".join(each.trigger.levels), each.trigger.category, each.trigger.unresolved_for]
        for each in playbook.contacts
    ]
    return found, [[role, levels, category, span(after)] for role, levels, category, after in wanted]


def command(playbook: Playbook, wanted: Json) -> object:
    return [[" ".join(each.levels), list(each.roles)] for each in playbook.command], wanted


def detection(playbook: Playbook, wanted: Json) -> object:
    return [[each.mode.value, each.adapter] for each in playbook.detection], wanted


def triage(playbook: Playbook, wanted: Json) -> object:
    return [each.sets or each.shifts for each in playbook.triage], wanted


def messages(playbook: Playbook, wanted: Json) -> object:
    return [[each.level, each.kind.value] for each in playbook.templates], wanted


def steps(playbook: Playbook, wanted: Json) -> object:
    return [[each.title, each.role.value, each.effect.value] for each in playbook.actions], wanted


def metadata(playbook: Playbook, wanted: Json) -> object:
    return {key: playbook.metadata.get(key) for key in wanted}, wanted


def reference(playbook: Playbook, wanted: Json) -> object:
    return [each.title for each in playbook.reference], wanted


_COMPARED = (
    *(title, metadata, severities, phases, phase_windows, checklists, detection, triage, triage_shifts),
    *(command, alert, actions, alternatives, parameters, secrets, effects, not_actions, steps),
    *(postmortem, templates, templates_at_least, messages, escalation, escalation_times),
    *(escalation_by_level, escalation_steps, contacts, reference),
)
KEYS: dict[str, Callable[[Playbook, Json], object]] = {each.__name__: each for each in _COMPARED}
"""What each key of an expectation is compared with; each gives what was found and what is wanted."""


def judge(playbook: Playbook, expected: dict[str, Json], name: str = "") -> Iterator[Verdict]:
    """One verdict a key, in the order of the expectation; `notes` are for people."""
    for key, wanted in expected.items():
        if key == "notes":
            continue
        try:
            pair: Any = KEYS[key](playbook, wanted)
        except KeyError as error:
            yield Verdict(key, False, f"nothing was found for {error}")
            continue
        found, asked = pair
        reason = REASONS.get((name, key), "")
        yield Verdict(key, found == asked, reason if found == asked else f"found {found}, wanted {asked}")


def judge_file(document: Path, expectation: Path) -> list[Verdict]:
    """The verdicts on a document by the expectation beside it."""
    expected = json.loads(expectation.read_text(encoding="utf-8"))
    return list(judge(read_playbook(document.read_bytes(), document.name), expected, document.stem))


def as_table(verdicts: dict[str, list[Verdict]]) -> Iterator[str]:
    """The verdicts on paper: a line a key, and a line a document that counts them."""
    for name, own in verdicts.items():
        good = sum(1 for each in own if each.agrees)
        yield f"{name}: {good} of {len(own)} keys"
        for each in own:
            yield f"  {'yes' if each.agrees else 'NO ':3} {each.key:20} {each.why}".rstrip()
    keys = [each for own in verdicts.values() for each in own]
    yield f"{sum(1 for each in keys if each.agrees)} of {len(keys)} keys of {len(verdicts)} documents agree"
