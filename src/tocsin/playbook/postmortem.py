"""The post-mortem: its template, and when it is due."""

import re
from collections.abc import Iterator
from datetime import timedelta

from tocsin.base.ids import LevelId
from tocsin.playbook.blocks import Fence, Listing, Paragraph, Section
from tocsin.playbook.levels import Known
from tocsin.playbook.model import Postmortem
from tocsin.playbook.outline import Outline, cell
from tocsin.playbook.phases import Phased
from tocsin.playbook.spans import read_span
from tocsin.playbook.vocabulary import in_english, pattern

POSTMORTEM = pattern("postmortem")
_DUE_WORDS = pattern("due_words")
_DUE = re.compile(
    r"(?P<span>(?:\d+\s*(?:-|–|to)\s*)?\d+\s*(?:hours?|hrs?|h|(?:business |working )?days?|d|weeks?)\b)"
    r"(?:\s*(?:for\s+|\()(?P<levels>[^)(.;]{1,40}))?",
    re.IGNORECASE,
)


def read_postmortem(outline: Outline, phased: tuple[Phased, ...], known: Known) -> Postmortem | None:
    """The author's own template and the due times, from any section about the post-mortem; None where
    the playbook has none of it."""
    due: timedelta | None = None
    by_level: dict[LevelId, timedelta] = {}
    line = 0
    for each in phased:
        if POSTMORTEM.search(each.phase.name):
            due, line = each.phase.ends_after, each.section.line
    for section in outline.document.sections():
        if not POSTMORTEM.search(section.title):
            continue
        line = line or section.line
        for text in map(in_english, _prose(section)):
            for span, levels in _due(text, known):
                outline.claim(section.line)
                outline.note("post-mortem", section.line, "a time in a section about the post-mortem")
                due = span if due is None else due
                by_level.update(dict.fromkeys(levels, span))
    for level, span, row in _in_tables(outline, known):
        by_level.setdefault(level, span)
        line = line or row
    template, template_line = _template(outline)
    if due is None and not by_level and not template and not line:
        return None
    return Postmortem(due_within=due, due_by_level=by_level, template=template, line=template_line or line)


def _prose(section: Section) -> Iterator[str]:
    for block in section.blocks:
        if isinstance(block, Paragraph):
            yield block.text
        elif isinstance(block, Listing):
            yield from (item.text for item in block.items)


def _due(text: str, known: Known) -> Iterator[tuple[timedelta, tuple[LevelId, ...]]]:
    if not _DUE_WORDS.search(text):
        return
    for found in _DUE.finditer(text):
        span = read_span(found["span"])
        if span is not None:
            yield span, known.find(found["levels"] or "")


def _in_tables(outline: Outline, known: Known) -> Iterator[tuple[LevelId, timedelta, int]]:
    """The row of a table with a level a column that says when each level is reviewed."""
    for _, table in outline.tables():
        columns = [(at, known.find(text)) for at, text in enumerate(table.head) if at]
        if sum(1 for _, levels in columns if len(levels) == 1) < 2:
            continue
        for row in table.rows:
            if not row.cells or not POSTMORTEM.search(row.cells[0]):
                continue
            for at, levels in columns:
                span = read_span(cell(row.cells, at))
                if span is not None:
                    yield from ((level, span, row.line) for level in levels[:1])


def _template(outline: Outline) -> tuple[str, int]:
    for place, fence in outline.fences():
        if _is_template(fence) and place.under(POSTMORTEM) and not outline.is_claimed(place):
            outline.recognise("post-mortem", place, "a template in a section about the post-mortem")
            return fence.content, fence.line
    return "", 0


def _is_template(fence: Fence) -> bool:
    if fence.language in ("markdown", "md"):
        return True
    headings = len(re.findall(r"^#{1,4} ", fence.content, re.MULTILINE))
    return fence.language in ("", "text") and headings >= 2
