"""What the rules of `lint` look at: the playbook, its document, and its scripts parsed once."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from tocsin.base.problems import Problem
from tocsin.playbook.blocks import Document
from tocsin.playbook.effects import program_of, unwrapped
from tocsin.playbook.model import Action, Playbook
from tocsin.playbook.programs import WRAPPERS
from tocsin.playbook.shell import Command, Script, Slot, read_script, slots

WRAPPED_MAX = 8


class Shelled(msgspec.Struct, frozen=True):
    """An action in bash with its parsed script and its placeholders."""

    action: Action
    script: Script
    slots: tuple[Slot, ...]

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
    """All that a rule may look at."""

    playbook: Playbook
    document: Document
    shelled: tuple[Shelled, ...]


Rule = Callable[[Subject], Iterable[Problem]]
"""A rule of `lint`: pure, total, and silent where it has nothing to say."""


def subject(playbook: Playbook, document: Document) -> Subject:
    """The playbook with its scripts parsed."""
    bash = (action for action in playbook.actions if action.language == "bash")
    return Subject(
        playbook,
        document,
        tuple(Shelled(action, read_script(action.script), slots(action.script)) for action in bash),
    )


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
    return " ".join(words.split())[:60]
