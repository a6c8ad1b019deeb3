"""Trees that people draw with lines, read in two dimensions.

A branch belongs to the label from whose column its stem comes down, so one drawing can hold several
stems side by side.
"""

import re

import msgspec

from tocsin.playbook.outline import ARROW

TAB = 4
LINES_MAX = 200
COLUMNS_MAX = 400
"""A drawing that is larger is read as far as this; nobody can look at it either."""

_ASCII = (
    (re.compile(r"(?<![\w|+`\\])[+|](?=-{1,3}[->\s])"), "├"),
    (re.compile(r"(?<![\w`])[`\\](?=-{1,3}[->\s])"), "└"),
    (re.compile(r"(?<![\w|])\|(?![\w|-])"), "│"),
)
_BRANCH = re.compile(r"(?P<fork>[├└╰┣┗╠╚])(?P<arm>[─━═\-]+[>▶►→]?)\s*(?=[^\s─━═┘┛╝┤┐┐│┴┬])")
_SIDE_STEM = re.compile(r"\s{2,}[│┃║].*$")
STEMS = frozenset("│┃║├└╰┣┗╠╚┬┳╦┼")
_LINE_CHARS = re.compile(r"[│┃║├└╰┣┗╠╚─━═┬┴┼╦╩]")


class Node(msgspec.Struct):
    """A label of the drawing: its text, and the columns it covers on its row. The words of a condition
    before it count as covered, since simple drawings hang their branches under these."""

    text: str
    row: int
    start: int
    end: int


class Branch(msgspec.Struct, frozen=True):
    """What hangs under a label: the condition before the first arrow ("" without), and the label.

    `parent` is None for what stands at the root. A chain `A → B → C` gives one branch a hop.
    """

    parent: Node | None
    condition: str
    node: Node


def looks_like_tree(text: str) -> bool:
    """Whether a drawing has a fork somewhere."""
    return bool(_BRANCH.search(_unified(text[: LINES_MAX * 80])))


def read_tree(text: str) -> tuple[tuple[Branch, int], ...]:
    """The branches of a drawing, each with its row from 0, from top to bottom."""
    rows = [_unified(line.expandtabs(TAB))[:COLUMNS_MAX] for line in text.split("\n")[:LINES_MAX]]
    nodes: list[list[Node]] = [[] for _ in rows]
    found: list[tuple[Branch, int]] = []
    for row, line in enumerate(rows):
        forks = list(_BRANCH.finditer(line))
        for fork, following in zip(forks, [*forks[1:], None], strict=False):
            label = _SIDE_STEM.sub("", line[fork.end() : following.start() if following else None]).rstrip()
            parent = _parent(rows, nodes, row, fork.start())
            found += [(each, row) for each in _chain(label, row, fork.end(), parent, nodes[row])]
        if not forks:
            for label, start in _root_labels(line):
                found += [(each, row) for each in _chain(label, row, start, None, nodes[row])]
    return tuple(found)


def _root_labels(line: str) -> list[tuple[str, int]]:
    """The labels of a line without forks: the whole line with arrows, else what wide gaps set apart."""
    if not _LINE_CHARS.sub("", line).strip() or _LINE_CHARS.match(line.lstrip()):
        return []
    if ARROW.search(line):
        return [(line.strip(), len(line) - len(line.lstrip()))]
    return [(each[0], each.start()) for each in re.finditer(r"[^\s│┃║]+(?: {1,2}[^\s│┃║]+)*", line)]


def _unified(text: str) -> str:
    for pattern, drawn in _ASCII:
        text = pattern.sub(drawn, text)
    return text


def _chain(label: str, row: int, start: int, parent: Node | None, nodes: list[Node]) -> list[Branch]:
    """The hops of a label with arrows. Under a parent the words before the first arrow are its
    condition; at the root they are the first role."""
    parts: list[tuple[str, int]] = []
    at = 0
    for arrow in ARROW.finditer(label):
        parts.append((label[at : arrow.start()], start + at))
        at = arrow.end()
    parts.append((label[at:], start + at))
    condition, covered_from = "", start
    if len(parts) > 1 and parent is not None:
        condition = parts.pop(0)[0].strip()
    branches: list[Branch] = []
    for text, column in parts:
        if not text.strip():
            continue
        node = Node(text.strip(), row, min(covered_from, column), column + len(text))
        covered_from = COLUMNS_MAX
        nodes.append(node)
        branches.append(Branch(parent, condition, node))
        parent, condition = node, ""
    return branches


def _parent(rows: list[str], nodes: list[list[Node]], row: int, column: int) -> Node | None:
    """Climb the stem at this column to the row where a label covers it."""
    fallback: Node | None = None
    for above in range(row - 1, -1, -1):
        here = rows[above][column] if column < len(rows[above]) else " "
        if here in STEMS:
            continue
        left = [node for node in nodes[above] if node.start <= column]
        if not left:
            continue
        nearest = left[-1]
        if column <= nearest.end + 1:
            return nearest
        fallback = fallback or nearest
    return fallback
