"""The tree of a document: sections, and the blocks under them with their lines (from 1)."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec


class Line(msgspec.Struct, frozen=True):
    """A line of prose without its markup. `lead` is the strong text at its beginning, "" without one;
    `whole` says that all of it is strong; `comments` are the HTML comments in it."""

    text: str
    lead: str
    whole: bool
    number: int
    code: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()


class Paragraph(msgspec.Struct, frozen=True):
    """Prose, one element a written line."""

    lines: tuple[Line, ...]
    line: int

    @property
    def text(self) -> str:
        """The whole paragraph in one line."""
        return " ".join(each.text for each in self.lines).strip()

    @property
    def label(self) -> str:
        """The words of a paragraph that stands as a label over what follows (all strong, or ending in a
        colon with a strong beginning); "" for ordinary prose."""
        only = self.lines[0] if len(self.lines) == 1 else None
        if only is None or len(only.text) > 120:
            return ""
        if only.whole or (only.lead and only.text.rstrip().endswith(":") and not only.text.count(". ")):
            return only.text.strip().rstrip(":").strip()
        return ""


class Row(msgspec.Struct, frozen=True):
    """A row of a table, its cells without markup; it has as many cells as the head."""

    cells: tuple[str, ...]
    line: int
    code: tuple[str, ...] = ()


class Table(msgspec.Struct, frozen=True):
    """A table: the head's cells and the rows under it."""

    head: tuple[str, ...]
    rows: tuple[Row, ...]
    line: int


class Fence(msgspec.Struct, frozen=True):
    """A code block. `line` is the line of the first line of its content, `info` all after the ticks."""

    info: str
    content: str
    line: int

    @property
    def language(self) -> str:
        """The first word of the info string in lower case; "" where there is none."""
        word = re.match(r"[^\s{]+", self.info.strip())
        return word[0].casefold() if word else ""


class Item(msgspec.Struct, frozen=True):
    """An item of a list: its own words in `lines`, then the blocks under it. `task` is None for an item
    without a check box, else whether it is ticked."""

    lines: tuple[Line, ...]
    task: bool | None
    line: int
    blocks: "tuple[Block, ...]" = ()
    comments: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The item's own words in one line."""
        return " ".join(each.text for each in self.lines).strip()

    @property
    def lead(self) -> str:
        """The strong words with which it begins, "" without."""
        return self.lines[0].lead if self.lines else ""


class Listing(msgspec.Struct, frozen=True):
    """A list, ordered or not."""

    ordered: bool
    items: tuple[Item, ...]
    line: int


class Comment(msgspec.Struct, frozen=True):
    """Raw HTML between blocks, mostly a comment."""

    text: str
    line: int


class Ruler(msgspec.Struct, frozen=True):
    """A thematic break."""

    line: int


Block = Paragraph | Table | Fence | Listing | Comment | Ruler


class Section(msgspec.Struct, frozen=True):
    """A heading with the blocks under it and the sections inside it. The root has level 0."""

    title: str
    level: int
    line: int
    blocks: tuple[Block, ...] = ()
    sections: "tuple[Section, ...]" = ()

    def walk(self) -> "Iterator[Section]":
        """This section and every one inside it, in document order."""
        waiting: list[Section] = [self]
        while waiting:
            here = waiting.pop()
            yield here
            waiting.extend(reversed(here.sections))


class Trouble(msgspec.Struct, frozen=True):
    """Front matter that cannot be read: where, and why."""

    line: int
    why: str


class Document(msgspec.Struct, frozen=True):
    """A whole document. `front` is the YAML front matter, empty without one."""

    root: Section
    lines: tuple[str, ...]
    front: dict[str, Any]
    front_trouble: Trouble | None = None

    def sections(self) -> Iterator[Section]:
        """Every section in document order, the root first."""
        return self.root.walk()
