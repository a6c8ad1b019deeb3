"""The escalation path as a drawing: edges to SVG, by nothing but arithmetic."""

import re
from collections.abc import Mapping, Sequence
from html import escape

import msgspec

from tocsin.base.ids import role_key
from tocsin.base.times import humane
from tocsin.playbook.model import Condition, Edge

BOX = 44
"""Pixels from the top of a box to its bottom."""
GAP = 14
NAME_ROW = 18
"""How much taller a box is that also holds a name."""
INDENT = 44
MARGIN = 8
CHAR = 8.2
"""A generous width of a character at 14 px, so that no label leaves its box in any font."""
ROWS_MAX = 500

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def plain(text: str) -> str:
    """The text escaped for HTML and SVG, without characters that could turn a line around."""
    return escape(" ".join(_UNSAFE.sub("", text).split()), quote=True)


class Box(msgspec.Struct, frozen=True):
    """A role in the drawing: its row, how deep it hangs, and the row of the box that it hangs from."""

    role: str
    words: str
    row: int
    depth: int
    parent: int | None


class _Size(msgspec.Struct, frozen=True):
    box: int

    @property
    def row(self) -> int:
        return self.box + GAP


def condition_words(edge: Edge) -> str:
    """When a hop is taken, in words: `unresolved for 30 min`."""
    levels = f"{'/'.join(edge.levels)}: " if edge.levels else ""
    return levels + _words(edge.condition)


def _words(condition: Condition) -> str:
    if condition.category is not None:
        return f"about {condition.category}"
    if condition.unresolved_for is not None:
        return f"unresolved for {humane(condition.unresolved_for)}"
    if condition.unacknowledged_for is not None:
        return f"unacknowledged for {humane(condition.unacknowledged_for)}"
    return "when it is not acknowledged"


def lay_out(edges: Sequence[Edge]) -> tuple[Box, ...]:
    """The boxes from top to bottom. A role that several lead to stands under each, and what follows it
    under the first only; a path that runs in a circle is cut where it closes."""
    by_source: dict[str, list[Edge]] = {}
    for edge in edges:
        by_source.setdefault(role_key(edge.source), []).append(edge)
    targets = {role_key(edge.to) for edge in edges}
    firsts = [own[0] for key, own in by_source.items() if key not in targets]
    firsts += [own[0] for own in by_source.values()]
    boxes: list[Box] = []
    unfolded: set[str] = set()
    for first in firsts:
        if role_key(first.source) in unfolded:
            continue
        waiting: list[tuple[str, str, int, int | None]] = [
            (first.source, _owned(first.owns, "begins here"), 0, None)
        ]
        while waiting and len(boxes) < ROWS_MAX:
            role, words, depth, parent = waiting.pop()
            row = len(boxes)
            boxes.append(Box(role, words, row, depth, parent))
            own = by_source.get(role_key(role), []) if role_key(role) not in unfolded else []
            unfolded.add(role_key(role))
            for edge in reversed(own):
                said = _owned(edge.to_owns, condition_words(edge))
                waiting.append((edge.to, said, depth + 1, row))
    return tuple(boxes)


def _owned(levels: Sequence[str], words: str) -> str:
    return f"{words} · owns {'/'.join(levels)}" if levels else words


def escalation_svg(edges: Sequence[Edge], people: Mapping[str, str] | None = None) -> str:
    """The path as one SVG element with a title and a description, in the colours of the text around it;
    "" where there is no path. `people` says who has each role, by its key, where that is to be shown."""
    boxes = lay_out(edges)
    if not boxes:
        return ""
    names = [(people or {}).get(role_key(each.role), "") for each in boxes]
    size = _Size(BOX + (NAME_ROW if people is not None else 0))
    widths = [
        max(len(each.role) * CHAR, len(each.words) * CHAR * 0.9, len(name) * CHAR) + 28
        for each, name in zip(boxes, names, strict=True)
    ]
    across = max(MARGIN + each.depth * INDENT + width for each, width in zip(boxes, widths, strict=True))
    down = len(boxes) * size.row
    said = ". ".join(f"{edge.source} to {edge.to}: {condition_words(edge)}" for edge in edges)
    filled = dict(zip((each.role for each in boxes), names, strict=True))
    said += "".join(f". {role} is {name}" for role, name in filled.items() if name)
    parts = [
        f'<svg class="path" role="img" aria-labelledby="path-title path-text" '
        f'viewBox="0 0 {across + MARGIN:.0f} {down + MARGIN}" width="{across + MARGIN:.0f}" '
        f'height="{down + MARGIN}" xmlns="http://www.w3.org/2000/svg" '
        'font-family="system-ui, sans-serif" fill="currentColor">',
        '<title id="path-title">Escalation path</title>',
        f'<desc id="path-text">{plain(said)}.</desc>',
    ]
    parts += [_arm(each, boxes[each.parent], size) for each in boxes if each.parent is not None]
    parts += [_box(*each, size) for each in zip(boxes, names, widths, strict=True)]
    return "\n".join([*parts, "</svg>"])


def _left(box: Box) -> float:
    return MARGIN + box.depth * INDENT


def _arm(box: Box, parent: Box, size: _Size) -> str:
    """The line down from the box above and to the right, with the head of its arrow."""
    stem, end = _left(parent) + INDENT / 2, _left(box) - 2
    top, middle = MARGIN + parent.row * size.row + size.box, MARGIN + box.row * size.row + size.box / 2
    return (
        f'<path d="M{stem:.0f} {top:.0f}V{middle:.0f}H{end:.0f}" fill="none" stroke="currentColor" '
        f'stroke-width="1.5"/><path d="M{end:.0f} {middle:.0f}l-8 -4.5v9z"/>'
    )


def _box(box: Box, name: str, width: float, size: _Size) -> str:
    left, top = _left(box), MARGIN + box.row * size.row
    third = f'<text x="{left + 14:.0f}" y="{top + 54}" font-size="14">{plain(name)}</text>' if name else ""
    return (
        f'<rect x="{left:.0f}" y="{top}" width="{width:.0f}" height="{size.box}" rx="8" fill="none" '
        'stroke="currentColor" stroke-width="1.5"/>'
        f'<text x="{left + 14:.0f}" y="{top + 18}" font-size="14" font-weight="600">{plain(box.role)}</text>'
        f'<text x="{left + 14:.0f}" y="{top + 35}" font-size="12.5">{plain(box.words)}</text>{third}'
    )
