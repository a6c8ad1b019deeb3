"""The escalation path, in all the ways in which people write it; all become the same edges."""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

import msgspec

from tocsin.base.ids import LevelId, role_key, slug
from tocsin.base.problems import Problem
from tocsin.playbook import mermaid, trees
from tocsin.playbook.blocks import Fence, Item, Line, Listing, Paragraph, Section, Table
from tocsin.playbook.calls import chain, columns_of_levels, sentences, table_hops
from tocsin.playbook.codes import problem
from tocsin.playbook.hops import (
    Role,
    bracket_span,
    edge_of,
    is_cause,
    is_role,
    read_condition,
    read_role,
    split_roles,
    without_duty,
)
from tocsin.playbook.levels import Known
from tocsin.playbook.model import ChecklistItem, Condition, Edge, Sure
from tocsin.playbook.outline import ARROW, Outline, Place
from tocsin.playbook.phases import unique
from tocsin.playbook.spans import read_span, read_window
from tocsin.playbook.vocabulary import pattern

ESCALATION = pattern("escalation")
_DOWN = re.compile(r"^[\s│|┃]*(?:(?:[↓▼⬇⇓|]\ufe0f?)+|[vV](?=\s|$))\s*(?P<words>[^↓▼⬇⇓|]*)$")
_OFFSET = re.compile(
    r"(?<!\w)T\s*\+\s*(?P<offset>\d+(?:\s*(?:[smhdw]|secs?|min\w*|hours?|hrs?|days?|weeks?|stunden?|tage?"
    r"|horas?|heures?|jours?|d[ií]as?)(?!\w))?)\b\W*",
    re.IGNORECASE,
)
_RUNG = re.compile(r"^(?P<verb>[A-Za-z ]{3,24}?)(?:→|->|=>|:)\s*(?P<roles>.+)$")
_TITLE = re.compile(r"^[^:→]*\b(?:escalat|path|chain)[^:→]*:\s*", re.IGNORECASE)
_LADDER_HEADING = re.compile(
    r"^\W*(?:level|tier|step|stage|line)\s*(?P<number>\d)\b\W*(?P<role>.*)$", re.IGNORECASE
)
_RUNG_NAME = re.compile(r"^\W*(?:level|tier|step|stage|line|L|T)\s*-?\d\W*$", re.IGNORECASE)
_BRACKET = re.compile(r"\([^()]*\)\s*$")


class Path(msgspec.Struct, frozen=True):
    """The edges of the escalation path and what is wrong with it."""

    edges: tuple[Edge, ...]
    problems: tuple[Problem, ...]
    steps: tuple[ChecklistItem, ...] = ()


def read_escalation(outline: Outline, known: Known) -> Path:
    """Every edge in document order; the same edge said twice counts once."""
    edges: list[Edge] = []
    problems: list[Problem] = []
    steps: list[ChecklistItem] = []
    for section in outline.document.sections():
        found = list(_headings(section, known)) if ESCALATION.search(section.title) else []
        if found:
            outline.claim(section.line, *(inner.line for inner in section.sections))
            outline.note("escalation", section.line, "headings that are rungs of a ladder", Sure.MEDIUM)
            edges.extend(found)
    for place in outline.places:
        if outline.is_claimed(place) or place.depth or not _is_about_escalation(place):
            continue
        found = _edges_of(place, known)
        if found:
            outline.recognise("escalation", place, *_signs(place))
            edges.extend(found)
        elif (
            isinstance(place.block, Fence)
            and not _OFFSET.search(place.block.content)
            and trees.looks_like_tree(place.block.content)
        ):
            problems.append(problem("PB077", place.line))
        elif isinstance(place.block, Listing) and (asked := _asked(place, place.block)):
            outline.recognise("escalation steps", place, "sentences to follow, naming no path", Sure.LOW)
            steps.extend(asked)
    taken: dict[str, int] = {}
    named = (msgspec.structs.replace(each, id=unique(each.id, taken)) for each in steps)
    return Path(_once(edges), tuple(problems), tuple(named))


def _asked(place: Place, listing: Listing) -> list[ChecklistItem]:
    """What a numbered or task list of sentences asks for; `text` is the sentence over the list."""
    if len(listing.items) < 2 or not (
        listing.ordered or all(each.task is not None for each in listing.items)
    ):
        return []
    return [
        ChecklistItem(id=slug(item.text)[:80], title=item.text, text=place.intro.rstrip(":"), line=item.line)
        for item in listing.items
        if item.text
    ]


def _signs(place: Place) -> tuple[str, Sure]:
    """What an escalation path was drawn as, and how sure its reading is."""
    match place.block:
        case Fence() as fence if fence.language == "mermaid":
            return "a Mermaid flowchart of roles", Sure.HIGH
        case Fence() as fence if _OFFSET.search(fence.content):
            return "a ladder of offsets", Sure.HIGH
        case Fence() as fence if trees.looks_like_tree(fence.content):
            return "a drawn tree of roles", Sure.HIGH
        case Fence():
            return "arrows between roles", Sure.HIGH
        case Table():
            return "a table with a condition and a role", Sure.HIGH
        case Listing():
            return "a list of roles", Sure.MEDIUM
        case _:
            return "arrows in a sentence", Sure.MEDIUM


def _is_about_escalation(place: Place) -> bool:
    return place.under(ESCALATION)


def _once(edges: Sequence[Edge]) -> tuple[Edge, ...]:
    seen: set[tuple[str, str, Condition, tuple[LevelId, ...]]] = set()
    kept: list[Edge] = []
    for edge in edges:
        key = (role_key(edge.source), role_key(edge.to), edge.condition, edge.levels)
        if key not in seen and role_key(edge.source) != role_key(edge.to):
            seen.add(key)
            kept.append(edge)
    return tuple(kept)


def _edges_of(place: Place, known: Known) -> list[Edge]:
    match place.block:
        case Fence() as fence if fence.language == "mermaid":
            return _mermaid(fence, known)
        case Fence() as fence if fence.language in (
            "",
            "text",
            "txt",
            "plain",
            "ascii",
            "plaintext",
            "diagram",
        ):
            return _drawing(fence, place, known)
        case Table() as table:
            return [*columns_of_levels(table, known)] or list(table_hops(table, known))
        case Listing() as listing:
            said = [line for item in listing.items for line in item.lines[:1]]
            return _listing(listing, place, known) or sentences(said, known)
        case Paragraph() as paragraph if len(ARROW.split(paragraph.text)) > 2:
            lines = [(_TITLE.sub("", line.text), line.number) for line in paragraph.lines]
            return [edge for text, number in lines for edge in chain(text, number, known)]
        case Paragraph() as paragraph:
            parts = re.split(r"(?<=[.;])\s+", paragraph.text[:PROSE_MAX])
            return sentences([Line(part, "", False, paragraph.line) for part in parts], known)
        case _:
            return []


PROSE_MAX = 2_000
"""Characters of a paragraph in which hops are looked for; longer ones tell a story."""


def _drawing(fence: Fence, place: Place, known: Known) -> list[Edge]:
    lines = fence.content.split("\n")
    if any(_OFFSET.match(_bare(line)) for line in lines):
        return _offsets(lines, fence.line, known, _levels_over(place, known))
    if trees.looks_like_tree(fence.content):
        return _tree(fence, known)
    if any(_DOWN.match(line) for line in lines):
        return _down(lines, fence.line, known)
    return [edge for row, line in enumerate(lines) for edge in chain(line, fence.line + row, known)]


def _tree(fence: Fence, known: Known) -> list[Edge]:
    edges: list[Edge] = []
    for branch, row in trees.read_tree(fence.content):
        if branch.parent is None:
            continue
        sources = [read_role(part, known) for part in split_roles(branch.parent.text)]
        for part in split_roles(branch.node.text):
            to = read_role(part, known)
            condition = read_condition(branch.condition or to.note)
            edges += [edge_of(source, to, condition, fence.line + row) for source in sources[:1] if to.name]
    return edges


def _down(lines: Sequence[str], first: int, known: Known) -> list[Edge]:
    """A ladder of roles with arrows down between them. A time in brackets is how long the role that it
    stands with has; words beside the arrow are the condition of that hop."""
    edges: list[Edge] = []
    before: tuple[Role, timedelta | None] | None = None
    words = ""
    for row, line in enumerate(lines):
        if arrow := _DOWN.match(line):
            words = f"{words} {arrow['words'].strip(' ()')}".strip()
            continue
        if not line.strip():
            continue
        to = read_role(line.strip(" │|+-┌┐└┘─"), known)
        if before and to.name:
            condition = read_condition(words) if words else Condition(unresolved_for=before[1])
            times = (before[1], bracket_span(line))
            edges.append(edge_of(before[0], to, condition, first + row, times=times))
        before, words = (to, bracket_span(line)), ""
    return edges


def _levels_over(place: Place, known: Known) -> tuple[LevelId, ...]:
    return next((found for text in (place.label, place.section.title) if (found := known.find(text))), ())


def _offsets(lines: Sequence[str], first: int, known: Known, levels: tuple[LevelId, ...]) -> list[Edge]:
    """`T+15 min │ Escalate → Lead + Manager`: every rung counts from the first role's own beginning."""
    root: Role | None = None
    edges: list[Edge] = []
    for row, line in enumerate(lines):
        text = _bare(line)
        offset = _OFFSET.match(text)
        if offset is None:
            continue
        rest = text[offset.end() :].strip(" │|:–—-")
        after = read_span(offset["offset"]) or timedelta(0)
        rung = _RUNG.match(rest)
        named = rung["roles"] if rung else without_duty(rest)
        roles = [read_role(each, known) for each in split_roles(re.sub(r"\s*\(if [^)]*\)", "", named))]
        if root is None:
            root = roles[0] if roles and _is_first(roles[0].name) else None
        elif rung:
            edges += [
                edge_of(root, to, Condition(unresolved_for=after), first + row, levels)
                for to in roles
                if to.name
            ]
    return edges


def _is_first(name: str) -> bool:
    """Whether the words of the first rung name a role; there, one that nobody knows will do."""
    return is_role(name) or (0 < len(name.split()) <= 2 and name[:1].isupper() and not is_cause(name))


def _bare(line: str) -> str:
    """A line of a box without its sides."""
    return re.sub(r"^[\s│|┃║*-]+|[\s│|┃║]+$", "", line)


def _listing(listing: Listing, place: Place, known: Known) -> list[Edge]:
    lines = [item.text for item in listing.items]
    if any(_OFFSET.match(line) for line in lines):
        return _offsets(lines, listing.line, known, _levels_over(place, known))
    if any(ARROW.search(line) for line in lines):
        return [edge for item in listing.items for edge in chain(item.text, item.line, known)]
    if any(isinstance(block, Listing) for item in listing.items for block in item.blocks):
        return [edge for item in listing.items for edge in _nested(item, None, known, 0)]
    named = [
        item
        for item in listing.items
        if is_role(_role_words(item.text)[0]) or _RUNG_NAME.match(item.text.partition(":")[0])
    ]
    if not listing.ordered or len(named) < 2 or len(named) < len(listing.items):
        return []
    edges: list[Edge] = []
    for source, to in pairwise(named):
        before, words = _role_words(source.text)
        target, own = _role_words(to.text)
        condition = read_condition(own) if own else Condition(unresolved_for=bracket_span(source.text))
        # Words behind a role say when it is called; only the first one's can be about how long it has.
        if source is named[0] and not own and read_span(words) is not None:
            condition = read_condition(words)
        times = (bracket_span(source.text), bracket_span(to.text))
        edges.append(
            edge_of(read_role(before, known), read_role(target, known), condition, to.line, times=times)
        )
    return edges


def _role_words(text: str) -> tuple[str, str]:
    """`Team Lead: after 30 minutes` as the role and the words about it."""
    head, *rest = re.split(r"\s*(?::|\s[–—-]\s)\s*", text, maxsplit=1)
    if rest and _RUNG_NAME.match(head):
        return _role_words(rest[0])
    return head, rest[0] if rest else ""


def _nested(item: Item, parent: Role | None, known: Known, depth: int) -> list[Edge]:
    """Nested lists: what stands under an item is escalated to from it."""
    text, words = _role_words(item.text)
    parts = [part for part in ARROW.split(item.text) if part.strip()]
    if len(parts) > 1:
        words, text = parts[0], parts[-1]
    role = read_role(text, known)
    edges: list[Edge] = []
    if parent is not None and role.name:
        edges.append(edge_of(parent, role, read_condition(words or role.note), item.line))
    if depth < 20:
        inner = [each for block in item.blocks if isinstance(block, Listing) for each in block.items]
        edges += [edge for each in inner for edge in _nested(each, role, known, depth + 1)]
    return edges


def _headings(section: Section, known: Known) -> Iterator[Edge]:
    """Headings `Level 2: DevOps Lead`, each with the condition in the words under it."""
    rungs = [(match, inner) for inner in section.sections if (match := _LADDER_HEADING.match(inner.title))]
    named = [(read_role(match["role"], known), inner) for match, inner in rungs if match["role"].strip()]
    for (source, source_at), (to, inner) in pairwise(named):
        words = " ".join(_prose(inner))
        window = read_window(bracket[0]) if (bracket := _BRACKET.search(source_at.title)) else (None, None)
        said = re.search(r"(?:if|when|after|cannot|unresolved|not)\b[^.;]*", words, re.IGNORECASE)
        condition = read_condition(said[0]) if said else Condition()
        if condition == Condition() and window[0] is not None and window[1] is not None:
            # "Level 1 (0-30 minutes)" has half an hour, whenever it began.
            condition = Condition(unresolved_for=window[1] - window[0])
        yield edge_of(source, to, condition, inner.line)


def _prose(section: Section) -> Iterator[str]:
    for block in section.blocks:
        if isinstance(block, Paragraph):
            yield block.text
        elif isinstance(block, Listing):
            yield from (item.text for item in block.items)


def _mermaid(fence: Fence, known: Known) -> list[Edge]:
    edges: list[Edge] = []
    for link, row in mermaid.read_links(fence.content):
        source, condition = read_role(link.source, known), read_condition(link.words)
        line = fence.line + row
        edges += [edge_of(source, read_role(part, known), condition, line) for part in split_roles(link.to)]
    return [edge for edge in edges if is_role(edge.source) or is_role(edge.to)]
