"""The structure of a script that single commands do not show: pipes, lists, changes of the folder."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

import msgspec
from tree_sitter import Node

from tocsin.playbook.effects import program_of
from tocsin.playbook.shell import NESTING_MAX, Command, command_of, tree

_GUARDS = frozenset(["if_statement", "while_statement", "negated_command", "test_command"])


class Pipe(msgspec.Struct, frozen=True):
    """The commands of one pipe in order, two at least."""

    commands: tuple[Command, ...]


class Move(msgspec.Struct, frozen=True):
    """A command that changes the folder: `guarded` where what follows depends on its success, `inner`
    where the change ends with a subshell. `followed` says that more comes after it in the script."""

    row: int
    guarded: bool
    inner: bool
    followed: bool


class Syntax(msgspec.Struct, frozen=True):
    """What the rules want to know of a script's structure.

    `last` is the command whose exit code is that of the script, None where it is no plain command or pipe
    (`||`, `if`). `strict` says that the script ends at the first failure, `pipefail` that pipes fail with
    any of their commands.
    """

    pipes: tuple[Pipe, ...]
    moves: tuple[Move, ...]
    last: Command | None
    strict: bool
    pipefail: bool


def read_syntax(text: str) -> Syntax:
    """The structure of a bash script. Total, and linear in its length."""
    root, source = tree(text)
    pipes: list[Pipe] = []
    moves: list[Move] = []
    flags = ""
    statements = [child for child in root.named_children if child.type != "comment"]
    end = statements[-1].end_byte if statements else 0
    for node, guarded, inner in _nodes(root):
        if node.type == "pipeline":
            commands = tuple(_in_pipe(node, source))
            if len(commands) > 1:
                pipes.append(Pipe(commands))
        elif node.type == "command":
            command = command_of(node, source)
            name = program_of(command)
            if name in ("cd", "pushd"):
                moves.append(Move(command.row, guarded, inner, followed=node.end_byte < end))
            elif name == "set":
                flags += " " + " ".join(command.arguments)
    words = flags.split()
    strict = any(word.startswith("-") and "e" in word for word in words) or "errexit" in words
    return Syntax(tuple(pipes), tuple(moves), _last(statements, source), strict, "pipefail" in words)


_QUOTED = frozenset(["string", "raw_string", "heredoc_body", "comment", "ansi_c_string"])


class Quoted(msgspec.Struct, frozen=True):
    """Where a script is quoted: the bytes at which quotes, here-documents and comments begin and end, in
    order."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def holds(self, at: int) -> bool:
        """Whether a byte stands in one of them."""
        place = bisect_right(self.starts, at) - 1
        return place >= 0 and at < self.ends[place]


def read_quoted(text: str) -> Quoted:
    """What of a script is text rather than code. Total, and linear in its length."""
    root, _ = tree(text)
    spans: list[tuple[int, int]] = []
    waiting: list[tuple[Node, int]] = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        if node.type in _QUOTED or depth >= NESTING_MAX:
            spans.append((node.start_byte, node.end_byte))
        else:
            waiting.extend((child, depth + 1) for child in node.named_children)
    spans.sort()
    return Quoted(tuple(start for start, _ in spans), tuple(end for _, end in spans))


def _nodes(root: Node) -> Iterator[tuple[Node, bool, bool]]:
    """Every named node, whether its exit code is looked at, and whether it is in a subshell."""
    waiting: list[tuple[Node, int, bool, bool]] = [(root, 0, False, False)]
    while waiting:
        node, depth, guarded, inner = waiting.pop()
        yield node, guarded, inner
        if depth >= NESTING_MAX:
            continue
        guarded = guarded or node.type == "list" or node.type in _GUARDS
        inner = inner or node.type in ("subshell", "command_substitution")
        waiting.extend((child, depth + 1, guarded, inner) for child in reversed(node.named_children))


def _in_pipe(node: Node, source: bytes) -> Iterator[Command]:
    for child in node.named_children:
        inner = child
        while inner.type == "redirected_statement" and inner.named_children:
            inner = inner.named_children[0]
        if inner.type == "command":
            yield command_of(inner, source)


def _last(statements: Sequence[Node], source: bytes) -> Command | None:
    node = statements[-1] if statements else None
    for _ in range(NESTING_MAX):
        if node is None or node.type == "command":
            break
        if node.type == "redirected_statement":
            node = node.named_children[0] if node.named_children else None
        elif node.type == "pipeline" or (node.type == "list" and _is_and(node)):
            node = node.named_children[-1]
        else:
            node = None
    return command_of(node, source) if node is not None and node.type == "command" else None


def _is_and(node: Node) -> bool:
    return any(child.type == "&&" for child in node.children)
