"""The severities: tables with a level a row or a level a column, headings and bullets with levels."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta

import msgspec

from tocsin.base.ids import LevelId
from tocsin.playbook.blocks import Listing, Paragraph, Section, Table
from tocsin.playbook.levels import LEVEL, Known, order_of_word, split_level
from tocsin.playbook.model import Severity, Sure
from tocsin.playbook.outline import Outline, Place, cell, column
from tocsin.playbook.spans import read_rhythm, read_span
from tocsin.playbook.vocabulary import in_english, pattern

_LEVEL = pattern("level")
_RESPONSE = pattern("response")
_SLA = pattern("sla")
_DESCRIPTION = pattern("description")
_NAME = pattern("name")
_EXAMPLES = pattern("examples")
_UPDATES = pattern("updates")
_SEVERITIES = pattern("severities")
_UPDATE_EVERY = pattern("every")
_IN_TITLE = re.compile(r"\s*[(\[]\s*(?P<key>[^:()]{2,40}):\s*(?P<value>[^()]+?)\)?\s*$")
_RESPONDS = re.compile(r"(?:immediate\w*\s+)?(?:respon[sd]\w*|ack\w*|within|[<≤])[^.;]*", re.IGNORECASE)
_EVERY = re.compile(r"\b(?:every|each)\s+[^.;,]{1,30}|\bhourly\b|\bdaily\b", re.IGNORECASE)
_KEY_VALUE = re.compile(r"^(?P<key>[^:]{2,60}):\s*(?P<value>.+)$")


class _Found(msgspec.Struct):
    """A level as far as it is known; tables add to what others began."""

    level: LevelId
    line: int
    name: str | None = None
    description: str = ""
    respond_within: timedelta | None = None
    update_every: timedelta | None = None
    examples: tuple[str, ...] = ()


def read_severities(outline: Outline) -> tuple[Severity, ...]:
    """The levels of the playbook, the most severe first; empty where it names none."""
    found: dict[str, _Found] = {}
    for place, table in outline.tables():
        rows = list(_row_levels(table, is_about=bool(_SEVERITIES.search(place.group))))
        if rows and (not found or _adds(rows, found)):
            full = any(row.respond_within is not None for row in rows)
            how = "a table with a level a row" + ("" if full else ", without response times")
            outline.recognise("severities", place, how, Sure.HIGH if full else Sure.MEDIUM)
            _merge(found, rows)
    for place, table in outline.tables():
        columns = list(_column_levels(table))
        # A table with the levels as columns says more about levels; alone, it must say the response.
        timed = any(each.respond_within is not None for each in columns)
        timed = timed or (bool(found) and any(each.update_every is not None for each in columns))
        if timed:
            outline.recognise("severities", place, "a table with a level a column")
            _merge(found, columns)
    if not any(each.respond_within is not None for each in found.values()):
        _merge(found, list(_heading_levels(outline)))
        _merge(found, list(_bullet_levels(outline)))
        _merge(found, list(_paragraph_levels(outline)))
    _rhythms(outline, found)
    return _ranked(found.values())


def _adds(rows: list[_Found], found: dict[str, _Found]) -> bool:
    """Whether a second table is about the same levels and says something that the first did not."""
    known = [found.get(_key(row.level)) for row in rows]
    return all(each is not None for each in known) and any(
        each and each.respond_within is None and row.respond_within is not None
        for each, row in zip(known, rows, strict=True)
    )


def _merge(found: dict[str, _Found], more: Iterable[_Found]) -> None:
    for each in more:
        known = found.setdefault(_key(each.level), each)
        known.name = known.name or each.name
        known.description = known.description or each.description
        known.examples = known.examples or each.examples
        if known.respond_within is None:
            known.respond_within = each.respond_within
        if known.update_every is None:
            known.update_every = each.update_every


def _key(level: str) -> str:
    return re.sub(r"[\W_]", "", level).casefold()


def _row_levels(table: Table, *, is_about: bool) -> Iterator[_Found]:
    """A table with a level a row: a column of levels and one of response times, descriptions or names."""
    head = table.head
    level_at = next(
        (at for at in range(len(head)) if _LEVEL.search(head[at]) and _all_levels(table, at)), None
    )
    if level_at is None or len(table.rows) < 2:
        return
    response_at = column(head, _RESPONSE, (level_at,))
    response_at = column(head, _SLA, (level_at,)) if response_at is None else response_at
    examples_at = column(head, _EXAMPLES, (level_at, response_at))
    name_at = column(head, _NAME, (level_at, response_at, examples_at))
    description_at = column(head, _DESCRIPTION, (level_at, response_at, examples_at, name_at))
    update_at = column(head, _UPDATES, (level_at, response_at, examples_at, name_at, description_at))
    if (
        response_at is None
        and examples_at is None
        and not (is_about and description_at is not None and _each_once(table, level_at))
    ):
        return
    for row in table.rows:
        parts = split_level(row.cells[level_at])
        if parts is None:
            continue
        rhythm = cell(row.cells, update_at)
        yield _Found(
            level=parts[0],
            line=row.line,
            name=parts[1] or cell(row.cells, name_at) or None,
            description=cell(row.cells, description_at),
            respond_within=read_span(cell(row.cells, response_at)),
            update_every=read_rhythm(rhythm) if _UPDATE_EVERY.search(rhythm) else None,
            examples=_split_examples(cell(row.cells, examples_at)),
        )


def _each_once(table: Table, at: int) -> bool:
    """Whether a table is a list of levels, and no list of things that have one."""
    return len({_key(row.cells[at]) for row in table.rows}) == len(table.rows)


def _all_levels(table: Table, at: int) -> bool:
    return bool(table.rows) and all(at < len(row.cells) and split_level(row.cells[at]) for row in table.rows)


def _split_examples(text: str) -> tuple[str, ...]:
    """Split at commas and semicolons that do not stand in brackets."""
    parts = re.split(r"[,;](?![^()]*\))", text)
    return tuple(part.strip() for part in parts if part.strip())


def _column_levels(table: Table) -> Iterator[_Found]:
    """A table with a level a column; its rows are response, rhythm of updates, review."""
    columns = [(at, parts) for at, text in enumerate(table.head) if at and (parts := split_level(text))]
    if len(columns) < 2 or len(columns) < len(table.head) - 1:
        return
    response = _best_row(table, _RESPONSE)
    rhythm = _best_row(table, _UPDATES)
    if response is None and rhythm is None:
        return
    for at, (level, name) in columns:
        yield _Found(
            level=level,
            line=table.line,
            name=name,
            respond_within=read_span(cell(response, at)) if response else None,
            update_every=read_rhythm(cell(rhythm, at)) if rhythm else None,
        )


def _best_row(table: Table, pattern: re.Pattern[str]) -> tuple[str, ...] | None:
    return next((row.cells for row in table.rows if row.cells and pattern.search(row.cells[0])), None)


def _heading_levels(outline: Outline) -> Iterator[_Found]:
    """Headings that name a level, with their facts under them as a table or as `Key: value` lines."""
    for section in outline.document.sections():
        if not section.title or not section.sections or not _SEVERITIES.search(section.title):
            continue
        found = [(inner, parts) for inner in section.sections if (parts := split_level(inner.title))]
        if len(found) < 2:
            continue
        outline.claim(section.line)
        outline.note("severities", section.line, "headings that are levels, with their facts under them")
        for inner, (level, name) in found:
            outline.claim(inner.line)
            yield _from_facts(level, name, inner)


def _from_facts(level: LevelId, name: str | None, section: Section) -> _Found:
    facts = list(_facts(section))
    if bracket := _IN_TITLE.search(section.title):
        facts.append((bracket["key"], bracket["value"]))
    response = next((value for key, value in facts if _RESPONSE.search(key)), "")
    rhythm = next((value for key, value in facts if _UPDATES.search(key)), "")
    impact = next((value for key, value in facts if _DESCRIPTION.search(key)), "")
    examples = next((value for key, value in facts if _EXAMPLES.search(key)), "")
    texts = (each.text for each in section.blocks if isinstance(each, Paragraph) and not each.label)
    prose = next((text for text in texts if not _KEY_VALUE.match(text)), "")
    return _Found(
        level=level,
        line=section.line,
        name=name,
        description=impact or prose,
        respond_within=read_span(response),
        update_every=read_rhythm(rhythm),
        examples=_split_examples(examples),
    )


def _facts(section: Section) -> Iterator[tuple[str, str]]:
    waiting = ""
    for block in section.blocks:
        if waiting and isinstance(block, Listing):
            yield waiting, ", ".join(item.text for item in block.items)
        ends = block.lines[-1].text if isinstance(block, Paragraph) and block.lines else ""
        waiting = ends.rstrip(" :") if ends.rstrip().endswith(":") else ""
        if isinstance(block, Table) and len(block.head) == 2:
            if len(block.rows) < 2:
                yield block.head
            yield from ((row.cells[0], row.cells[1]) for row in block.rows)
        lines = list(block.lines) if isinstance(block, Paragraph) else []
        lines += [line for item in block.items for line in item.lines] if isinstance(block, Listing) else []
        for line in lines:
            if found := _KEY_VALUE.match(line.text):
                yield found["key"].strip(), found["value"].strip()
        for item in block.items if isinstance(block, Listing) else ():
            inner = [each.text for own in item.blocks if isinstance(own, Listing) for each in own.items]
            if inner and item.text.rstrip().endswith(":"):
                yield item.text.rstrip(" :"), ", ".join(inner)


def _bullet_levels(outline: Outline) -> Iterator[_Found]:
    """Bullets such as `SEV1 (Critical): everything is down, respond within 15 minutes`."""
    for place, listing in outline.lists():
        if not _is_about_levels(place):
            continue
        found = [(item, parts) for item in listing.items if (parts := _bullet(item.text))]
        if len(found) < 2 or len(found) < len(listing.items):
            continue
        outline.recognise("severities", place, "bullets that begin with a level", Sure.MEDIUM)
        yield from (_from_bullet(*parts, item.line) for item, parts in found)


def _paragraph_levels(outline: Outline) -> Iterator[_Found]:
    """Paragraphs that begin with a level in bold and go on as a bullet would."""
    for section in outline.document.sections():
        if not _SEVERITIES.search(section.title):
            continue
        lines = [line for block in section.blocks if isinstance(block, Paragraph) for line in block.lines]
        found = [(line, parts) for line in lines if line.lead and (parts := _bullet(line.text))]
        if len(found) < 2:
            continue
        outline.claim(section.line)
        outline.note("severities", section.line, "paragraphs that begin with a level", Sure.MEDIUM)
        yield from (_from_bullet(*parts, line.number) for line, parts in found)


def _from_bullet(level: LevelId, name: str | None, rest: str, line: int) -> _Found:
    words = in_english(rest)
    said = _RESPONDS.search(words)
    rhythm = _EVERY.search(words)
    return _Found(
        level=level,
        line=line,
        name=name,
        description=rest,
        respond_within=read_span(said[0]) if said else None,
        update_every=read_rhythm(rhythm[0]) if rhythm else None,
    )


def _rhythms(outline: Outline, found: dict[str, _Found]) -> None:
    """Bullets about status updates that say for each level how often: `SEV2: every 30 minutes`."""
    known = Known([each.level for each in found.values()])
    for place, listing in outline.lists():
        if found and _RESPONSE.search(place.group) and not outline.is_claimed(place):
            for item in listing.items:
                head, colon, rest = item.text.partition(":")
                span = read_span(rest) if colon else None
                for level in known.find(head) if span is not None else ():
                    each = found[_key(level)]
                    each.respond_within = span if each.respond_within is None else each.respond_within
                    outline.recognise("severities", place, "bullets that say how soon a level is answered")
        if not _UPDATES.search(place.group) or outline.is_claimed(place) or not found:
            continue
        for item in listing.items:
            head, colon, rest = item.text.partition(":")
            rhythm = _EVERY.search(in_english(rest)) if colon else None
            span = read_rhythm(rhythm[0]) if rhythm else None
            for level in known.find(head) if span else ():
                each = found[_key(level)]
                each.update_every = each.update_every or span
                outline.recognise("updates", place, "bullets that say how often a level is told of")


def _is_about_levels(place: Place) -> bool:
    return place.depth == 0 and bool(
        _SEVERITIES.search(" ".join((*place.titles[-1:], place.label, place.intro)))
    )


def _bullet(text: str) -> tuple[LevelId, str | None, str] | None:
    head, colon, rest = text.partition(":")
    if not colon:
        head, _, rest = text.partition(" — ")
    parts = split_level(head)
    return (*parts, rest.strip()) if parts and rest.strip() else None


def _ranked(found: Iterable[_Found]) -> tuple[Severity, ...]:
    """By number where every level has one, by the order of the words where all are words, else as written."""
    levels = list(found)
    numbers = [match["number"] if (match := LEVEL.search(each.level)) else None for each in levels]
    words = [order_of_word(each.level) for each in levels]
    if all(number is not None for number in numbers):
        order = sorted(range(len(levels)), key=lambda at: str(numbers[at]))
    elif all(word is not None for word in words):
        order = sorted(range(len(levels)), key=lambda at: words[at] or 0)
    else:
        order = list(range(len(levels)))
    return tuple(
        Severity(
            level=levels[at].level,
            rank=rank,
            name=levels[at].name,
            description=levels[at].description,
            respond_within=levels[at].respond_within,
            update_every=levels[at].update_every,
            examples=levels[at].examples,
            line=levels[at].line,
        )
        for rank, at in enumerate(order, start=1)
    )
