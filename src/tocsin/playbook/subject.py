"""What the rules of `lint` look at: the playbook, its document, and its scripts parsed once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date

import msgspec

from tocsin.base.problems import Problem
from tocsin.playbook.blocks import Document, Fence
from tocsin.playbook.effects import program_of, unwrapped
from tocsin.playbook.model import Action, Playbook
from tocsin.playbook.outline import Place, places
from tocsin.playbook.programs import WRAPPERS
from tocsin.playbook.shell import Command, Script, Slot, read_script, slots
from tocsin.playbook.syntax import Syntax, read_syntax

CODE_CHARS_MAX = 100_000
"""How much code of one document is looked into; a playbook of people has a tenth of it."""

WRAPPED_MAX = 8
SHOWN_MAX = 72
"""Characters of a command that a message shows."""


class Shelled(msgspec.Struct, frozen=True):
    """An action in bash with its parsed script, its placeholders and its structure."""

    action: Action
    script: Script
    slots: tuple[Slot, ...]
    syntax: Syntax

    def line(self, command: Command) -> int:
        """The line of the document at which a command of the script stands."""
        return self.action.line + command.row

    def calls(self) -> Iterator[Command]:
        """The commands, each also without the `sudo` or `npx` before it."""
        for command in self.script.commands:
            here: Command | None = command
            for _ in range(WRAPPED_MAX):
                if here is None:
                    break
                yield here
                here = unwrapped(here) if program_of(here) in WRAPPERS else None


class Subject(msgspec.Struct, frozen=True):
    """All that a rule may look at. `actions` are those that are looked into, as many as `CODE_CHARS_MAX`
    holds. `prose` are the lines outside code blocks with their numbers from 1; `today` is the day of the
    check, None where it does not matter."""

    playbook: Playbook
    document: Document
    actions: tuple[Action, ...]
    shelled: tuple[Shelled, ...]
    places: tuple[Place, ...]
    prose: tuple[tuple[int, str], ...]
    today: date | None = None


Rule = Callable[[Subject], Iterable[Problem]]
"""A rule of `lint`: pure, total, and silent where it has nothing to say."""


def subject(playbook: Playbook, document: Document, today: date | None = None) -> Subject:
    """The playbook with its scripts parsed."""
    actions = tuple(_looked_into(playbook.actions))
    shelled = (
        Shelled(action, read_script(action.script), slots(action.script), read_syntax(action.script))
        for action in actions
        if action.language == "bash"
    )
    found = places(document)
    prose = tuple(_prose(document, found))
    return Subject(playbook, document, actions, tuple(shelled), found, prose, today)


def _looked_into(actions: Sequence[Action]) -> Iterator[Action]:
    chars = 0
    for action in actions:
        chars += len(action.script)
        if chars > CODE_CHARS_MAX:
            return
        yield action


def _prose(document: Document, found: Sequence[Place]) -> Iterator[tuple[int, str]]:
    code: set[int] = set()
    for place in found:
        if isinstance(place.block, Fence):
            code.update(range(place.block.line, place.block.line + place.block.content.count("\n") + 1))
    for number, line in enumerate(document.lines, 1):
        if number not in code:
            yield number, line


def title_line(subject: Subject) -> int:
    """The line of the title, at which stands what is about the document as a whole; 1 without one."""
    return next((each.line for each in subject.document.sections() if each.level == 1), 1)


def compose_arguments(command: Command) -> tuple[str, ...] | None:
    """The arguments behind `docker-compose` or `docker compose`; None for any other command."""
    name = program_of(command)
    if name == "docker-compose":
        return command.arguments
    if name == "docker" and command.arguments[:1] == ("compose",):
        return command.arguments[1:]
    return None


def shown(command: Command) -> str:
    """The first words of a command, for a message."""
    words = " ".join([program_of(command), *command.arguments])
    words = " ".join(words.split())
    return words if len(words) <= SHOWN_MAX else f"{words[: SHOWN_MAX - 1]}…"


def verb_of(command: Command) -> str:
    """The verb of a container program or of `git`: its first word that is no option; "" without one."""
    words = compose_arguments(command) or command.arguments
    is_value = False
    for word in words:
        if is_value:
            is_value = False
        elif word in ("-f", "--file", "-p", "--project-name", "-n", "--namespace", "--context", "-C"):
            is_value = True
        elif not word.startswith("-"):
            return word
    return ""
