"""What an editor is told about a playbook: what a line was understood as, and what may be written next."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from tocsin.base.times import humane
from tocsin.playbook.annotations import known_keys
from tocsin.playbook.model import Action, Condition, Playbook
from tocsin.playbook.options import option_keys

_DIRECTIVE = re.compile(r"^\s*#@\s(?P<before>.*)$")
_INFO = re.compile(r"^\s*(?:`{3,}|~{3,})\s*[\w+-]+\s*\{(?P<before>[^}]*)$")
_VALUE = re.compile(r"(?P<key>[A-Za-z_]\w*)=(?P<value>[^\s\"=]*)$")
_LINE_CHARS_MAX = 2_000


class Offer(msgspec.Struct, frozen=True):
    """Something that may be written: its words, what they are for, and what is put in."""

    label: str
    detail: str
    text: str


def understood(playbook: Playbook, line: int, end_of: int = 0) -> str:
    """What the line (from 1) was understood as, in Markdown; "" where nothing was. `end_of` is the last line
    of the block that the line stands in, where the caller knows it."""
    whole = _spans(playbook)
    exact = [text for first, text in whole if first == line]
    if exact:
        return "\n\n".join(exact)
    for action in playbook.actions:
        if action.line <= line < action.line + action.script.count("\n") + 1:
            return _action(action)
    return ""


def _spans(playbook: Playbook) -> Iterator[tuple[int, str]]:
    for each in playbook.severities:
        clock = f", answered within {humane(each.respond_within)}" if each.respond_within else ""
        name = f" ({each.name})" if each.name else ""
        yield each.line, f"**Severity** {each.level}{name}, rank {each.rank}{clock}"
    for each in playbook.phases:
        yield each.line, f"**Phase** {each.number}: {each.name}, {len(each.checklist)} items"
        yield from ((item.line, f"**Checklist item** `{item.id}`") for item in each.checklist)
    for each in playbook.detection:
        yield each.line, f"**Detection**, {each.mode.value}: {each.source} → {each.target} ({each.adapter})"
    for each in playbook.triage:
        moves = abs(each.shifts or 0)
        way = "less" if (each.shifts or 0) > 0 else "more"
        yield each.line, f"**Triage question**: a yes means {each.sets or f'{moves} levels {way} severe'}"
    for each in playbook.command:
        yield each.line, f"**Command** at {', '.join(each.levels)}: {', else '.join(each.roles)}"
    for each in playbook.templates:
        fields = ", ".join(each.fields) or "no fields"
        yield each.line, f"**Message** for {each.level}, {each.kind.value}: {fields}"
    for each in playbook.escalation:
        yield each.line, f"**Escalation**: {each.source} → {each.to}, {_condition(each.condition)}"
    for each in playbook.contacts:
        trigger = each.trigger
        levels = ", ".join(trigger.levels) or "every level"
        paged = f"paged for {levels}" if trigger.readable else "paged by hand only"
        yield each.line, f"**Contact** {each.role}: {paged}"
    for each in playbook.actions:
        yield each.line, _action(each)
    for each in playbook.reference:
        yield each.line, "**Not recognised**: kept as text for reading"
    if playbook.postmortem and playbook.postmortem.line:
        due = playbook.postmortem.due_within
        yield playbook.postmortem.line, f"**Post-mortem**{f', due within {humane(due)}' if due else ''}"


def _condition(condition: Condition) -> str:
    if condition.category is not None:
        return f"about {condition.category}"
    if condition.unresolved_for is not None:
        return f"unresolved for {humane(condition.unresolved_for)}"
    if condition.unacknowledged_for is not None:
        return f"unacknowledged for {humane(condition.unacknowledged_for)}"
    return "when it is not acknowledged"


def _action(action: Action) -> str:
    if action.opens is not None:
        return f"**Link** `{action.id}`, shown to a person"
    told = [f"**Step** `{action.id}` in {action.group}: it would **{action.effect.value}**"]
    if action.parameters:
        asked = ", ".join(f"`{each.name}` ({each.type.value})" for each in action.parameters)
        told.append(f"Asks for {asked}")
    if action.secrets:
        told.append("Secrets: " + ", ".join(f"`{name}`" for name in action.secrets))
    if action.needs:
        told.append("Needs " + ", ".join(f"`{name}`" for name in action.needs))
    return "  \n".join(told)


def offers(lines: Sequence[str], line: int, before: str) -> tuple[Offer, ...]:
    """What may follow `before`, the text of the line (from 1) up to the cursor."""
    if len(before) > _LINE_CHARS_MAX:
        return ()
    found = _DIRECTIVE.match(before) or _INFO.match(before)
    if found:
        return tuple(_annotation(found["before"]))
    if (depth := _front_depth(lines, line)) is not None and ":" not in before:
        indent = len(before) - len(before.lstrip())
        if indent and depth:
            return tuple(Offer(key, "option of Tocsin", f"{key}: ") for key in option_keys())
        if not indent:
            return (Offer("tocsin", "options of Tocsin", "tocsin:\n  "),)
    return ()


def _annotation(before: str) -> Iterator[Offer]:
    keys = known_keys()
    value = _VALUE.search(before)
    if value:
        yield from (Offer(each, f"value of {value['key']}", each) for each in keys.get(value["key"], ()))
        return
    if before.count('"') % 2:
        return
    given = set(re.findall(r"(?:^|\s)(\w+)(?==|\s)", before))
    for key, values in keys.items():
        if key not in given:
            yield Offer(key, "one of " + ", ".join(values) if values else "annotation", f"{key}=")


def _front_depth(lines: Sequence[str], line: int) -> int | None:
    """None outside the front matter; 1 under its key `tocsin`, else 0."""
    if not lines or lines[0].strip() != "---" or line < 2:
        return None
    under = 0
    for text in lines[1 : line - 1]:
        if text.strip() in ("---", "..."):
            return None
        if text[:1].strip():
            under = int(text.startswith("tocsin:"))
    return under
