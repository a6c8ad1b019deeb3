"""The runnable steps of a playbook, from its code blocks."""

import re
from collections.abc import Collection

import msgspec

from tocsin.base.ids import slug
from tocsin.base.limits import playbook_block_chars_max, playbook_block_pipes_max
from tocsin.base.problems import Problem
from tocsin.playbook import shell, splitting, sql
from tocsin.playbook.annotations import merged, of_info, read_annotations, tightened
from tocsin.playbook.blocks import Fence, Table
from tocsin.playbook.codes import problem
from tocsin.playbook.effects import effect_of_powershell, effect_of_script, program_of, unwrapped
from tocsin.playbook.handling import cross_faults, handled
from tocsin.playbook.model import Action, ActionRole, Effect, Parameter, Sure
from tocsin.playbook.outline import Outline, Place, cell, column
from tocsin.playbook.parameters import WELL_KNOWN, looks_secret, parameter
from tocsin.playbook.phases import Phased, phase_of, unique
from tocsin.playbook.programs import BUILTINS, OPENERS, WRAPPERS
from tocsin.playbook.vocabulary import pattern

_DIAGNOSTIC = pattern("diagnostic")
_MITIGATION = pattern("mitigation")
_VERIFICATION = pattern("verification")
_RESOLUTION = pattern("resolution")
_ROLES = (
    (_VERIFICATION, ActionRole.VERIFICATION),
    (_MITIGATION, ActionRole.MITIGATION),
    (_DIAGNOSTIC, ActionRole.DIAGNOSTIC),
    (_RESOLUTION, ActionRole.RESOLUTION),
)
_COMMANDS = re.compile(r"\bcommands?\b|\bexamples?\b|\brun\b|\bhow\b|\baction", re.IGNORECASE)
_COMMAND = re.compile(r"^[a-z][\w./-]*\s+\S")
_URL = re.compile(r"^['\"]?(?P<url>https?://[^\s'\"]+)")


class Steps(msgspec.Struct, frozen=True):
    """The actions of a playbook, and what is wrong with their blocks."""

    actions: tuple[Action, ...]
    problems: tuple[Problem, ...]


class _Read(msgspec.Struct, frozen=True):
    """What a script is made of, whatever its language."""

    effect: Effect
    parameters: tuple[Parameter, ...]
    env: tuple[str, ...]
    needs: tuple[str, ...]
    opens: str | None = None
    parses: bool = True


def read_steps(
    outline: Outline, phased: tuple[Phased, ...], is_service_runbook: bool, levels: Collection[str] = ()
) -> Steps:
    """Every step of every code block in a language that can be run, in document order. A step whose
    annotations have a fault is shown and never run; `levels` are those that annotations may name.

    In a runbook for one service the resolution is the mitigation.
    """
    actions: list[Action] = []
    lines: list[int] = []
    problems: list[Problem] = []
    taken: dict[str, int] = {}
    counts: dict[str, int] = {}

    def keep(action: Action, line: int, faults: tuple[str, ...] = ()) -> None:
        identifier = unique(action.id, taken)
        counts[action.group] = counts.get(action.group, 0) + 1
        told = tuple(dict.fromkeys(faults))
        order = counts[action.group]
        lines.append(line)
        actions.append(msgspec.structs.replace(action, id=identifier, order=order, faults=told))

    for place in outline.places:
        fence = place.block
        if isinstance(fence, Table) and not outline.is_claimed(place):
            for action in _tabled(outline, place, fence, phased, is_service_runbook):
                keep(handled(action).action, action.line)
        if not isinstance(fence, Fence):
            continue
        language = _language(fence)
        if not language or outline.is_claimed(place):
            continue
        outline.recognise("steps", place, f"a code block in {fence.language}")
        if bound := _over_bound(fence):
            said = f"a code block has more than {bound}; it is shown and not run"
            problems.append(problem("PB014", max(fence.line - 1, 1), said))
            continue
        block = of_info(fence.info)
        problems += [problem("PB007", max(fence.line - 1, 1), fault) for fault in block.faults]
        for step in splitting.split_block(fence.content, fence.language):
            own = read_annotations(step.annotation)
            where = fence.line + step.annotation_row
            annotations = merged(block.values, own.values)
            action = _action(place, step, language, annotations, phased, is_service_runbook)
            line = where if step.annotation else max(fence.line - 1, 1)
            made = handled(action)
            faults = (*own.faults, *_loosened(action), *made.faults)
            problems += [problem("PB007", line, fault) for fault in faults]
            keep(made.action, line, (*block.faults, *faults))
    for at, fault in cross_faults(actions, levels):
        problems.append(problem("PB007", lines[at], fault))
        actions[at] = msgspec.structs.replace(actions[at], faults=(*actions[at].faults, fault))
    return Steps(tuple(actions), tuple(problems))


def _tabled(
    outline: Outline, place: Place, table: Table, phased: tuple[Phased, ...], is_service_runbook: bool
) -> list[Action]:
    """The commands that stand as inline code in the rows of a table under words about diagnosing or
    mitigating; a row without one, or with a mere word in code, is prose."""
    role = _role(place, phase_of(place, phased), is_service_runbook)
    code_at = column(table.head, _COMMANDS)
    if role is ActionRole.OTHER or code_at is None or place.depth:
        return []
    found: list[Action] = []
    for row in table.rows:
        script = cell(row.cells, code_at)
        title = row.cells[0] if code_at else place.group
        if script not in row.code or not _COMMAND.match(script):
            continue
        step = splitting.Step(title=title, script=script, row=row.line - place.line, is_numbered=False)
        found.append(_action(place, step, "bash", {}, phased, is_service_runbook))
    if found:
        outline.recognise("steps", place, "commands in the rows of a table", Sure.MEDIUM)
    return found


def _over_bound(fence: Fence) -> str:
    """The bound that a block is over, in words; empty where it is over none."""
    if len(fence.content) > playbook_block_chars_max:
        return f"{playbook_block_chars_max} characters"
    if fence.content.count("|") > playbook_block_pipes_max:
        return f"{playbook_block_pipes_max} pipes"
    return ""


def _language(fence: Fence) -> str:
    """The language in which the steps of a block are run; "" for a block that is only shown."""
    if fence.language in splitting.SHELLS:
        return "bash"
    if fence.language in splitting.POWERSHELLS:
        return "powershell"
    return "sql" if fence.language in splitting.SQLS else ""


def _action(
    place: Place,
    step: splitting.Step,
    language: str,
    annotations: dict[str, str],
    phased: tuple[Phased, ...],
    is_service_runbook: bool,
) -> Action:
    group = annotations.get("group") or place.group or "Steps"
    title = annotations.get("title") or step.title or group
    read = _read(step.script, language)
    effect, _ = tightened(read.effect, annotations)
    inside = phase_of(place, phased)
    names = [*read.env, *(each.name for each in read.parameters)]
    return Action(
        id=annotations.get("id") or f"{slug(group)[:60]}/{slug(title)[:80]}",
        title=title,
        group=group,
        order=0,
        numbered=step.is_numbered,
        phase=inside.phase.name if inside else "",
        role=_role(place, inside, is_service_runbook),
        script=step.script,
        language=language,
        effect=effect,
        parameters=read.parameters,
        env=read.env,
        secrets=tuple(name for name in names if looks_secret(name)),
        needs=read.needs,
        opens=read.opens,
        annotations=annotations,
        line=_first_line(place) + step.row,
    )


def _first_line(place: Place) -> int:
    return place.block.line


def _loosened(action: Action) -> list[str]:
    if not {"effect", "risk"} & set(action.annotations):
        return []
    _, fault = tightened(_read(action.script, action.language).effect, action.annotations)
    return [fault] if fault else []


def _role(place: Place, inside: Phased | None, is_service_runbook: bool) -> ActionRole:
    """The nearest words that tell the role: the label, then the headings from the inside out, though
    the phase stands over the headings of its groups."""
    inner = (place.label, *reversed(place.titles))
    if inside is not None:
        inner = (inside.phase.name, *inner)
    for text in inner:
        role = next((role for pattern, role in _ROLES if pattern.search(text)), None)
        if role is ActionRole.RESOLUTION and is_service_runbook:
            return ActionRole.MITIGATION
        if role is not None:
            return role
    return ActionRole.OTHER


def _read(script: str, language: str) -> _Read:
    found = dict.fromkeys(slot.name for slot in _slots(script, language))
    parameters = tuple(parameter(name) for name in found)
    if language == "sql":
        return _Read(sql.effect_of_sql(script), parameters, (), ())
    if language == "powershell":
        env = tuple(dict.fromkeys(re.findall(r"\$env:(\w+)", script, re.IGNORECASE)))
        return _Read(effect_of_powershell(script), parameters, env, ())
    parsed = shell.read_script(script)
    env = tuple(name for name in parsed.variables if name not in WELL_KNOWN)
    return _Read(effect_of_script(parsed), parameters, env, _needs(parsed), _opens(parsed), parsed.parses)


def _slots(script: str, language: str) -> tuple[shell.Slot, ...]:
    if language == "bash":
        return shell.slots(script)
    return tuple(shell.Slot(found[0], 0, True, True) for found in shell.placeholders(script, shell=False))


def _needs(script: shell.Script) -> tuple[str, ...]:
    """The programs that must be installed, each once, in the order of their first call."""
    found: dict[str, None] = {}
    for command in script.commands:
        here: shell.Command | None = command
        for _ in range(8):
            if here is None:
                break
            name = program_of(here)
            if (
                name
                and name not in BUILTINS
                and name not in OPENERS
                and re.fullmatch(r"[\w.+-]*[a-z0-9][\w.+-]*", name)
            ):
                found[name] = None
            here = unwrapped(here) if name in WRAPPERS and name not in ("npx", "bunx", "pnpx") else None
    return tuple(found)


def _opens(script: shell.Script) -> str | None:
    """The link of a step that does nothing but open it; None for any other step."""
    if len(script.commands) != 1:
        return None
    command = script.commands[0]
    if program_of(command) not in OPENERS or not command.arguments:
        return None
    found = _URL.match(command.arguments[-1])
    return found["url"] if found else None
