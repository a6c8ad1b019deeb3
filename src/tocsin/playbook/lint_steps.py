"""Rules about single steps: what goes wrong when they are run as they are written."""

import re
from collections.abc import Iterator
from itertools import islice

from tocsin.base.problems import Problem
from tocsin.playbook.blocks import Item, Listing
from tocsin.playbook.codes import problem
from tocsin.playbook.effects import program_of
from tocsin.playbook.model import ParameterType
from tocsin.playbook.shell import Command, Slot, read_script
from tocsin.playbook.subject import Rule, Shelled, Subject, compose_arguments, shown

NAMES_MAX = 12
"""How many names one finding lists."""

INLINE_MAX = 1000
"""How much inline code of lists is looked into."""

_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
_JOINED = re.compile("(?<=[\u2190-\U0001faff])\u200d[\u2190-\U0001faff]")
_SQL_WORDS = frozenset(["SELECT", "INSERT", "UPDATE", "DELETE", "ALTER", "DROP", "CREATE", "SHOW", "EXPLAIN"])
_HARMLESS = frozenset([ParameterType.INTEGER, ParameterType.HOSTNAME, ParameterType.IDENTIFIER])
"""Types whose values hold no character that means something in JSON, SQL or a rule language."""


def unresolved_placeholders(subject: Subject) -> Iterator[Problem]:
    """Placeholders to which no variable gives a value, where the shell or the data would suffer."""
    for each in subject.shelled:
        for slot in each.slots:
            if slot.name in subject.playbook.options.vars or not (code := _placeholder_code(each, slot)):
                continue
            why = {
                "PB010": "and outside quotes the shell reads redirections in it",
                "PB011": "and it stands in quoted data whose meaning a value could change",
            }
            said = f"the placeholder {slot.text} has no value, {why[code]}"
            yield problem(code, each.action.line + slot.row, said)


def _placeholder_code(each: Shelled, slot: Slot) -> str:
    """What is wrong with a placeholder's place; "" for one in a place that is safe."""
    if not slot.is_quoted and slot.text.startswith("<"):
        return "PB010"
    kind = next((one.type for one in each.action.parameters if one.name == slot.name), ParameterType.TEXT)
    return "PB011" if slot.is_data and kind not in _HARMLESS else ""


def undefined_names(subject: Subject) -> Iterator[Problem]:
    """Variables that nothing defines, each once, at its first use."""
    known = set(subject.playbook.options.vars)
    for action in subject.playbook.actions:
        for name in action.env:
            if name not in known:
                known.add(name)
                yield problem("PB012", action.line, f"the variable {name} is used, and nothing defines it")


def values_asked_for(subject: Subject) -> Iterator[Problem]:
    """Placeholders in safe places to which nothing gives a value; one finding a document."""
    told = {slot.name for each in subject.shelled for slot in each.slots if _placeholder_code(each, slot)}
    told.update(subject.playbook.options.vars)
    lines: dict[str, int] = {}
    for action in subject.playbook.actions:
        for each in action.parameters:
            if each.name not in told:
                lines.setdefault(each.name, action.line)
    if lines:
        names = ", ".join(list(lines)[:NAMES_MAX]) + (" and more" if len(lines) > NAMES_MAX else "")
        said = f"values are asked for when steps are run: {names}"
        yield problem("PB028", next(iter(lines.values())), said)


def unparsed(subject: Subject) -> Iterator[Problem]:
    """Scripts in which the parser found an error, and SQL that stands among commands."""
    for each in subject.shelled:
        for command in each.script.commands:
            if program_of(command).upper() in _SQL_WORDS and program_of(command).isupper():
                yield problem("PB015", each.line(command))
                break
        else:
            if not each.script.parses:
                said = f"the step {each.action.title!r} cannot be parsed as a shell script, so it is not run"
                yield problem("PB014", each.action.line, said)


def too_much_code(subject: Subject) -> Iterator[Problem]:
    """Steps behind the end of what is looked into; the first of them."""
    left = subject.playbook.actions[len(subject.actions) :]
    if left:
        said = f"the document holds more code than is looked into; {len(left)} of its steps were not checked"
        yield problem("PB029", left[0].line, said)


def invisible(subject: Subject) -> Iterator[Problem]:
    """Characters in scripts that nobody sees."""
    for action in subject.playbook.actions:
        # The joiner inside a picture of several people or things belongs to it.
        found = _INVISIBLE.search(_JOINED.sub("..", action.script))
        if found:
            line = action.line + action.script.count("\n", 0, found.start())
            yield problem("PB004", line, f"the script holds the invisible character U+{ord(found[0]):04X}")


def links(subject: Subject) -> Iterator[Problem]:
    """`open URL` is a link."""
    for action in subject.playbook.actions:
        if action.opens:
            yield problem(
                "PB044", action.line, f"`{action.script.split()[0]}` shows {action.opens}; it is a link"
            )


def endless(subject: Subject) -> Iterator[Problem]:
    """Commands that go on until somebody stops them, in steps and in the inline code of lists."""
    for each in subject.shelled:
        for command in each.calls():
            if mend := _goes_on(command):
                yield problem("PB043", each.line(command), f"`{shown(command)}` never ends by itself; {mend}")
    for item, code in islice(_inline_code(subject), INLINE_MAX):
        for command in read_script(code).commands:
            if mend := _goes_on(command):
                yield problem("PB043", item.line, f"`{shown(command)}` never ends by itself; {mend}")


def _inline_code(subject: Subject) -> Iterator[tuple[Item, str]]:
    for section in subject.document.sections():
        for block in section.blocks:
            for item in block.items if isinstance(block, Listing) else ():
                yield from ((item, code) for line in item.lines for code in line.code if len(code) < 200)


def _goes_on(command: Command) -> str:
    """How to make an endless command end; "" for one that ends."""
    name, arguments = program_of(command), set(command.arguments)
    compose = compose_arguments(command)
    follows = bool(arguments & {"-f", "--follow", "-F"})
    words = command.arguments if compose is None else compose
    first = next((word for word in words if not word.startswith("-")), "")
    if (
        name in ("docker", "podman", "docker-compose")
        and "stats" in arguments
        and "--no-stream" not in arguments
    ):
        return "it needs `--no-stream`"
    if name in ("tail", "journalctl") and follows:
        return f"leave out {'`-f`' if '-f' in arguments else 'following'}"
    if "logs" in arguments and (
        "--follow" in arguments
        or (
            compose is None
            and name in ("kubectl", "docker", "podman")
            and first == "logs"
            and "-f" in arguments
        )
        or (compose is not None and "-f" in compose[compose.index("logs") :])
    ):
        return "leave out `-f` and say how many lines are wanted"
    if name == "kubectl" and arguments & {"-w", "--watch"}:
        return "leave out watching"
    if name in ("top", "htop", "iotop", "atop") and not any(
        re.match(r"-\w*[bnl]", each) for each in arguments
    ):
        return "it needs `-b -n 1`" if name == "top" else "use `top -b -n 1`"
    if name == "watch":
        return "run the command itself"
    if name == "ping" and not any(each.startswith("-c") for each in arguments):
        return "it needs `-c 4`"
    return ""


STEP_RULES: tuple[Rule, ...] = (
    unresolved_placeholders,
    undefined_names,
    values_asked_for,
    unparsed,
    too_much_code,
    invisible,
    links,
    endless,
)
"""The rules about single steps, each on its own."""
