"""Where each block of a document stands: its section, the headings above it, the label over it."""

import re
from collections.abc import Iterator

import msgspec

from tocsin.playbook.blocks import Block, Document, Fence, Item, Listing, Paragraph, Section, Table
from tocsin.playbook.model import Recognition, Sure
from tocsin.playbook.remarks import ignores_next


class Place(msgspec.Struct, frozen=True):
    """A block with what stands over it. `titles` are the headings from the outermost to its own;
    `label` is the nearest label paragraph under its own heading, "" without one; `intro` is the text
    of the paragraph right before it; `depth` counts the lists that it is nested in."""

    block: Block
    section: Section
    titles: tuple[str, ...]
    label: str
    intro: str
    depth: int = 0

    @property
    def group(self) -> str:
        """The nearest words over the block, be they a label or a heading."""
        return self.label or self.section.title

    @property
    def line(self) -> int:
        """The line at which the block starts."""
        return self.block.line

    def under(self, pattern: re.Pattern[str]) -> bool:
        """Whether a heading over the block, or its label, matches."""
        return any(pattern.search(text) for text in (*self.titles, self.label))


def places(document: Document) -> tuple[Place, ...]:
    """Every block in document order, those inside list items after their list."""
    return tuple(_walk(document.root, ()))


def _walk(root: Section, above: tuple[str, ...]) -> Iterator[Place]:
    waiting: list[tuple[Section, tuple[str, ...]]] = [(root, above)]
    while waiting:
        section, before = waiting.pop()
        titles = (*before, section.title) if section.title else before
        yield from _blocks(section.blocks, section, titles, "", 0)
        waiting.extend((inner, titles) for inner in reversed(section.sections))


def _blocks(
    blocks: tuple[Block, ...], section: Section, titles: tuple[str, ...], label: str, depth: int
) -> Iterator[Place]:
    intro, skipping = "", False
    for block in blocks:
        if skipping:
            skipping = False
            continue
        yield Place(block, section, titles, label, intro, depth)
        skipping = ignores_next(block)
        if isinstance(block, Paragraph):
            label = block.label or label
            intro = block.text
            continue
        if isinstance(block, Listing):
            for item in block.items:
                if item.blocks:
                    yield from _blocks(item.blocks, section, titles, item.lead or label, depth + 1)
        intro = ""


class Outline(msgspec.Struct, frozen=True):
    """A document with its places, and what has been recognised so far (`claimed` holds lines of blocks
    and headings, so that what is left over can be told)."""

    document: Document
    places: tuple[Place, ...]
    claimed: set[int]
    recognised: dict[tuple[str, int], Recognition]

    def recognise(self, kind: str, place: Place, how: str, sure: Sure = Sure.HIGH) -> None:
        """Say what a block was understood as, and by which signs; its section is understood with it."""
        self.claim(place.line, place.section.line)
        self.note(kind, place.line, how, sure)

    def note(self, kind: str, line: int, how: str, sure: Sure = Sure.HIGH) -> None:
        """The same of what starts at a line, without saying that nobody else may look at it."""
        self.recognised.setdefault((kind, line), Recognition(kind=kind, line=line, how=how, confidence=sure))

    def claim(self, *lines: int) -> None:
        """Say that what starts at these lines was understood."""
        self.claimed.update(lines)

    def is_claimed(self, place: Place) -> bool:
        """Whether somebody has understood this block."""
        return place.line in self.claimed

    def tables(self) -> Iterator[tuple[Place, Table]]:
        """Every table with its place."""
        for place in self.places:
            if isinstance(place.block, Table):
                yield place, place.block

    def lists(self) -> Iterator[tuple[Place, Listing]]:
        """Every list with its place, nested ones after the list they are in."""
        for place in self.places:
            if isinstance(place.block, Listing):
                yield place, place.block

    def fences(self) -> Iterator[tuple[Place, Fence]]:
        """Every code block with its place."""
        for place in self.places:
            if isinstance(place.block, Fence):
                yield place, place.block


def outline(document: Document) -> Outline:
    """The outline of a document of which nothing is recognised yet."""
    return Outline(document, places(document), set(), {})


ARROW = re.compile(r"\s*(?:→|⟶|➜|➔|⇒|=>|-{1,2}>)\s*")
"""An arrow to the right with the space around it."""


def split_lead(item: Item) -> tuple[str, str]:
    """An item's title and the words after it: the strong lead where it has one, else all of it."""
    text = item.text
    if item.lead and text.startswith(item.lead):
        rest = re.sub(r"^[\s:–—-]+", "", text[len(item.lead) :])
        return item.lead.rstrip(": "), rest
    return text, ""


def column(head: tuple[str, ...], pattern: re.Pattern[str], but: tuple[int | None, ...] = ()) -> int | None:
    """The first column whose heading matches, other than those already taken."""
    return next((at for at, cell in enumerate(head) if at not in but and pattern.search(cell)), None)


def cell(cells: tuple[str, ...], at: int | None) -> str:
    """The cell of a column that may not be there."""
    return cells[at] if at is not None and at < len(cells) else ""
