"""Bash read by a real parser: its top-level pieces, its commands with their words, its variables."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache

import msgspec
import tree_sitter_bash
from tree_sitter import Language, Node, Parser

_BASH = Language(tree_sitter_bash.language())

_UPPER = r"<[A-Z][A-Z0-9_]*>"
_LOWER = r"(?<![<\w])<[A-Za-z][\w-]*(?: [\w-]+){0,5}>(?=[\s\"'/:.,;)\]}?&=@]|$)"
_BRACES = r"(?<![\$\\{])\{\{? ?[A-Za-z][\w-]*(?: [\w-]+){0,4} ?\}\}?(?![\w}])"
PLACEHOLDER = re.compile(rf"{_UPPER}|{_LOWER}|{_BRACES}", re.MULTILINE)
"""`<NAME>`, `<pod-name>`, `{name}`, `{{ name }}`."""

_WORDS = frozenset(
    """
    word string raw_string concatenation number simple_expansion expansion command_substitution
    ansi_c_string translated_string process_substitution brace_expression arithmetic_expansion
    extglob_pattern regex variable_name
    """.strip().split()
)
NESTING_MAX = 150
"""Code nested more deeply than this is not looked into; its effect then counts as unknown."""


class Command(msgspec.Struct, frozen=True):
    """A simple command: the program, its arguments without quotes, and the row (from 0) it starts on.

    `into_file` says that its output replaces or extends a file. `input` is the text of a
    here-document or here-string, "" without one.
    """

    program: str
    arguments: tuple[str, ...]
    row: int
    into_file: bool = False
    input: str = ""


class Script(msgspec.Struct, frozen=True):
    """A parsed piece of bash. `parses` is False where the parser found an error."""

    commands: tuple[Command, ...]
    variables: tuple[str, ...]
    parses: bool
    too_deep: bool = False


class Piece(msgspec.Struct, frozen=True):
    """A top-level statement or comment, by the rows (from 0) at which it begins and ends."""

    is_comment: bool
    first: int
    last: int
    text: str
    alone: bool


def placeholders(text: str, *, shell: bool = True) -> Iterator[re.Match[str]]:
    """The placeholders of a text in order. Braces in single quotes belong to awk and jq, not to us."""
    marks = [found.start() for found in re.finditer("'", text)] if shell else []
    for found in PLACEHOLDER.finditer(text):
        is_quoted = bisect_left(marks, found.start()) % 2 == 1 and bisect_left(marks, found.end()) < len(
            marks
        )
        if not (found[0].startswith("{") and is_quoted):
            yield found


def placeholder_name(text: str) -> str:
    """The name inside a placeholder's brackets, without spaces."""
    return re.sub(r"\s+", "_", text.strip("<>{} "))


def _masked(text: str) -> bytes:
    """The script with its placeholders replaced by words of the same length, so that the shell's grammar
    sees no redirections in them and every position stays."""
    chars = list(text)
    for found in placeholders(text):
        for at in range(found.start(), found.end()):
            if chars[at] != "\n":
                chars[at] = "_"
    return "".join(chars).encode("utf-8", "replace")


@lru_cache(maxsize=16)
def _root(source: bytes) -> Node:
    # Each script is looked at several times, and broken ones take the parser long.
    return Parser(_BASH).parse(source).root_node


def tree(text: str) -> tuple[Node, bytes]:
    """The root of a script's syntax tree, for rules that look at its structure, and the bytes to which
    its positions refer. The tree is that of the script with its placeholders masked as words."""
    source = _masked(text)
    return _root(source), _words(text, source)


def _words(text: str, masked: bytes) -> bytes:
    """The bytes of a script in which the positions of the masked one hold."""
    original = text.encode("utf-8", "replace")
    # A mask keeps the number of characters; where it does not keep that of bytes, words are masked ones.
    return original if len(original) == len(masked) else masked


def pieces(text: str) -> tuple[Piece, ...]:
    """The top-level comments and statements of a block. `alone` comments have no code before them."""
    source = _masked(text)
    original = text.encode("utf-8", "replace").split(b"\n")
    found: list[Piece] = []
    for node in _root(source).children:
        first, last = node.start_point.row, node.end_point.row
        if node.end_point.column == 0 and last > first:
            last -= 1
        is_comment = node.type == "comment"
        line = original[first] if first < len(original) else b""
        alone = not line[: node.start_point.column].strip()
        words = line[node.start_point.column :].decode("utf-8", "replace") if is_comment else ""
        found.append(Piece(is_comment, first, last, words.strip(), alone))
    return tuple(found)


def read_script(text: str) -> Script:
    """All commands of a script, those in substitutions and blocks included, in order."""
    source = _masked(text)
    words = _words(text, source)
    root = _root(source)
    commands: list[Command] = []
    used: dict[str, None] = {}
    assigned: set[str] = set()
    too_deep = False
    waiting: list[tuple[Node, int]] = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        if node.type == "command":
            commands.append(command_of(node, words))
        elif node.type in ("simple_expansion", "expansion"):
            used.update(dict.fromkeys(_names(node, source)))
        elif node.type in ("variable_assignment", "for_statement", "declaration_command", "unset_command"):
            assigned.update(_assigned(node, source))
        if depth >= NESTING_MAX:
            too_deep = too_deep or bool(node.named_child_count)
            continue
        waiting.extend((child, depth + 1) for child in reversed(node.named_children))
    free = tuple(name for name in used if name not in assigned and not name.isdigit())
    return Script(tuple(commands), free, not root.has_error, too_deep)


def _text(node: Node, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _names(node: Node, source: bytes) -> Iterator[str]:
    if node.type == "expansion" and ":=" in _text(node, source)[:80]:
        return
    for child in node.named_children:
        if child.type == "variable_name":
            yield _text(child, source)
            return


def _assigned(node: Node, source: bytes) -> Iterator[str]:
    for child in node.named_children:
        if child.type == "variable_name":
            # `TAG="$TAG" command` hands a variable on; it does not give it a value.
            if f"${_text(child, source)}" not in _text(node, source).replace("{", ""):
                yield _text(child, source)
            return


def command_of(node: Node, source: bytes) -> Command:
    """The command of a node of that type; `source` are the bytes that its words are taken from."""
    program, arguments = "", list[str]()
    for child in node.named_children:
        if child.type == "command_name":
            program = _unquoted(_text(child, source))
        elif child.type in _WORDS and program:
            arguments.append(_unquoted(_text(child, source)))
    into_file, given = _redirects(node, source)
    return Command(program, tuple(arguments), node.start_point.row, into_file, given)


def _redirects(node: Node, source: bytes) -> tuple[bool, str]:
    over = node.parent
    holders = [node]
    while over is not None and over.type in ("redirected_statement", "pipeline"):
        if over.type == "redirected_statement":
            holders.append(over)
        over = over.parent
    into_file, given = False, ""
    for holder in holders:
        for child in holder.named_children:
            if child.type == "file_redirect":
                into_file = into_file or _writes(_text(child, source))
            elif child.type in ("heredoc_redirect", "herestring_redirect"):
                given = given or _text(child, source)
    return into_file, given


def _writes(redirect: str) -> bool:
    found = re.match(r"\d*(?:&>>?|>>?\|?|<>)\s*(?P<target>\S+)", redirect)
    return bool(found and not found["target"].startswith(("&", "/dev/null", "/dev/stderr", "/dev/stdout")))


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return re.sub(r"\\\n\s*", " ", text).replace('"', "") if '"' in text else text


class Slot(msgspec.Struct, frozen=True):
    """A placeholder of a script: its text, its row from 0, and how it is quoted."""

    text: str
    row: int
    is_quoted: bool
    is_data: bool

    @property
    def name(self) -> str:
        """The name inside the brackets."""
        return placeholder_name(self.text)


_QUOTES = frozenset(["raw_string", "string", "heredoc_body", "comment", "ansi_c_string"])


def slots(text: str) -> tuple[Slot, ...]:
    """The placeholders of a script, by the parser. `is_data` ones stand in single quotes or in a
    here-document, where a value becomes a part of other data."""
    root = _root(_masked(text))
    found: list[Slot] = []
    row = reached = at = 0
    for match in placeholders(text):
        row += text.count("\n", reached, match.start())
        at += len(text[reached : match.start()].encode("utf-8", "replace"))
        reached = match.start()
        kinds = _kinds_at(root, at)
        data = bool(kinds & {"raw_string", "heredoc_body"})
        found.append(Slot(match[0], row, bool(kinds & _QUOTES), data))
    return tuple(found)


def _kinds_at(root: Node, at: int) -> set[str]:
    node = root.descendant_for_byte_range(at, at + 1)
    kinds: set[str] = set()
    while node is not None and len(kinds) < NESTING_MAX:
        kinds.add(node.type)
        node = node.parent
    return kinds
