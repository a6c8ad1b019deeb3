"""Markdown to a tree of sections, tables, lists, fences and paragraphs, each with its line.

The only file that knows the Markdown library. Lines count from 1 in the document as it was received.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.front_matter import front_matter_plugin

from tocsin.playbook.blocks import (
    Block,
    Comment,
    Document,
    Fence,
    Item,
    Line,
    Listing,
    Paragraph,
    Row,
    Ruler,
    Section,
    Table,
    Trouble,
)

NESTING_MAX = 60
"""Lists and quotes nested more deeply than this are left out; nobody writes them by hand."""

_TASK = re.compile(r"\[(?P<mark>[ xX])\]\s+")
_BOX_CHARS = 3
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)


def parse_document(text: str) -> Document:
    """Read Markdown (CommonMark with tables and front matter). Total: any text gives a document.

    Line ends are expected as `\\n`; the caller makes them so.
    """
    reader = MarkdownIt("commonmark", {"maxNesting": NESTING_MAX}).enable("table").use(front_matter_plugin)
    tokens = reader.parse(text)
    front: dict[str, Any] = {}
    trouble: Trouble | None = None
    if tokens and tokens[0].type == "front_matter":
        front, trouble = _front_matter(tokens.pop(0).content)
    blocks = _Blocks(tokens)
    return Document(_nest(blocks.read()), tuple(text.split("\n")), front, trouble)


def _front_matter(text: str) -> tuple[dict[str, Any], Trouble | None]:
    try:
        loaded: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = 2 + int(getattr(mark, "line", 0))
        return {}, Trouble(line, str(getattr(error, "problem", None) or "it is no YAML"))
    except (ValueError, RecursionError, TypeError) as error:
        # PyYAML lets errors of its constructors through: a date such as 2026-13-45, a key that is a list.
        return {}, Trouble(2, str(error))
    if loaded is None:
        return {}, None
    if not isinstance(loaded, dict):
        return {}, Trouble(2, "it is no mapping of keys to values")
    pairs: dict[object, object] = loaded  # pyright: ignore[reportUnknownVariableType]
    return {str(key): value for key, value in pairs.items()}, None


class _Head(msgspec.Struct, frozen=True):
    title: str
    level: int
    line: int


class _Blocks:
    """Walks the flat list of tokens once."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def read(self, until: str = "") -> list[Block | _Head]:
        """The blocks up to the closing token of this type, or all."""
        found: list[Block | _Head] = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.type == until:
                break
            found.extend(self._block(token))
        return found

    def _block(self, token: Token) -> list[Block | _Head]:
        line = token.map[0] + 1 if token.map else 0
        match token.type:
            case "heading_open":
                return [_Head(self._inline_text("heading_close"), int(token.tag[1:]), line)]
            case "paragraph_open":
                return [Paragraph(self._inline_lines("paragraph_close"), line)]
            case "fence":
                return [Fence(token.info.strip(), token.content, line + 1)]
            case "code_block":
                return [Fence("", token.content, line)]
            case "table_open":
                return [self._table(line)]
            case "bullet_list_open" | "ordered_list_open":
                return [self._list(token.type.replace("_open", "_close"), line)]
            case "html_block":
                return [Comment(token.content, line)]
            case "hr":
                return [Ruler(line)]
            case _:
                # Quotes are read through: what is in them counts as if it stood outside.
                return []

    def _inline_lines(self, closing: str) -> tuple[Line, ...]:
        lines: list[Line] = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.type == closing:
                break
            if token.type == "inline":
                lines.extend(_lines(token))
        return tuple(lines)

    def _inline_text(self, closing: str) -> str:
        return " ".join(line.text for line in self._inline_lines(closing)).strip()

    def _list(self, closing: str, line: int) -> Listing:
        items: list[Item] = []
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            if token.type == closing:
                break
            if token.type == "list_item_open":
                start = token.map[0] + 1 if token.map else line
                blocks = [each for each in self.read("list_item_close") if not isinstance(each, _Head)]
                items.append(_item(blocks, start))
        return Listing(closing.startswith("ordered"), tuple(items), line)

    def _table(self, line: int) -> Table:
        head: tuple[str, ...] = ()
        rows: list[Row] = []
        cells: list[str] = []
        code: list[str] = []
        row_line = line
        is_head = True
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            match token.type:
                case "table_close":
                    break
                case "tr_open":
                    cells, code = [], []
                    row_line = token.map[0] + 1 if token.map else row_line
                case "inline":
                    lines = _lines(token)
                    cells.append(" ".join(each.text for each in lines).strip())
                    code.extend(span for each in lines for span in each.code)
                case "tr_close" if is_head:
                    head, is_head = tuple(cells), False
                case "tr_close":
                    rows.append(Row(tuple(cells), row_line, tuple(code)))
                case _:
                    continue
        return Table(head, tuple(rows), line)


def _item(blocks: list[Block], line: int) -> Item:
    first = blocks[0] if blocks else None
    if not isinstance(first, Paragraph):
        return Item((), None, line, tuple(blocks))
    lines, rest, task = list(first.lines), blocks[1:], None
    if lines and (box := _TASK.match(lines[0].text)):
        task = box["mark"] != " "
        lines[0] = msgspec.structs.replace(lines[0], text=lines[0].text[box.end() :])
    said = [comment for each in lines for comment in each.comments]
    said += [text for each in rest if isinstance(each, Comment) for text in _COMMENT.findall(each.text)]
    return Item(tuple(lines), task, line, tuple(rest), tuple(said))


def _lines(token: Token) -> list[Line]:
    """Split an inline token at its line breaks. The lead of a task item is looked for behind its box."""
    number = token.map[0] + 1 if token.map else 0
    lines: list[Line] = []
    gathered = _Gathered()
    for child in token.children or []:
        if child.type in ("softbreak", "hardbreak"):
            lines.append(gathered.line(number))
            number += 1
            gathered = _Gathered(gathered.depth)
        else:
            gathered.take(child)
    lines.append(gathered.line(number))
    return lines


class _Gathered:
    """The children of one written line, so far."""

    def __init__(self, depth: int = 0) -> None:
        self.depth = depth
        self._parts: list[str] = []
        self._strong: list[str] = []
        self._lead: list[str] | None = None
        self._plain = False
        self._said = 0
        self._code: list[str] = []
        self._comments: list[str] = []

    def take(self, child: Token) -> None:
        match child.type:
            case "strong_open":
                self.depth += 1
                if self._lead is None and self._said <= _BOX_CHARS and self._only_a_box():
                    self._lead = []
            case "strong_close":
                self.depth -= 1
                if self._lead is not None and not self._strong:
                    self._strong = self._lead
            case "html_inline":
                self._comments += _COMMENT.findall(child.content)
                if child.content.casefold().startswith("<br"):
                    self._add(" ")
                elif not child.content.startswith("<!--"):
                    # `<DOMAIN>` in prose looks like a tag and is a placeholder.
                    self._add(child.content)
            case "text" | "code_inline":
                if child.type == "code_inline":
                    self._code.append(child.content)
                self._add(child.content)
            case "image":
                self._add(child.content)
            case _:
                return

    def _only_a_box(self) -> bool:
        return _TASK.sub("", "".join(self._parts).lstrip() + " ").strip() == ""

    def _add(self, text: str) -> None:
        self._parts.append(text)
        self._said += len(text.strip())
        if self.depth and self._lead is not None and not self._strong:
            self._lead.append(text)
        elif not self.depth and text.strip(" :\u00a0") and not _TASK.fullmatch(text.strip() + " "):
            self._plain = True

    def line(self, number: int) -> Line:
        text = "".join(self._parts).strip()
        lead = "".join(self._strong or self._lead or []).strip()
        whole = bool(lead) and not self._plain
        return Line(
            text, lead, whole, number, tuple(self._code), tuple(each.strip() for each in self._comments)
        )


def _nest(blocks: Sequence[Block | _Head]) -> Section:
    """Hang the flat run of blocks under their headings."""
    spans: list[tuple[_Head, list[Block]]] = [(_Head("", 0, 1), [])]
    for block in blocks:
        if isinstance(block, _Head):
            spans.append((block, []))
        else:
            spans[-1][1].append(block)
    open_sections: list[tuple[_Head, list[Block], list[Section]]] = []

    def close(level: int) -> None:
        while len(open_sections) > 1 and open_sections[-1][0].level >= level:
            head, own, inner = open_sections.pop()
            open_sections[-1][2].append(Section(head.title, head.level, head.line, tuple(own), tuple(inner)))

    for head, own in spans:
        close(head.level)
        open_sections.append((head, own, []))
    close(1)
    head, own, inner = open_sections[0]
    return Section(head.title, head.level, head.line, tuple(own), tuple(inner))
