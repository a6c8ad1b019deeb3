"""Who is called when, where no path is drawn: chains of arrows, tables of conditions, tables with a level a
column, and sentences such as "Escalate to the SRE Lead if unresolved in 15 minutes"."""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

import msgspec

from tocsin.base.ids import LevelId
from tocsin.playbook.blocks import Line, Table
from tocsin.playbook.hops import (
    Role,
    edge_of,
    is_cause,
    is_role,
    read_condition,
    read_role,
    split_roles,
    without_duty,
)
from tocsin.playbook.levels import LEVEL_SETS, Known
from tocsin.playbook.model import Condition, Contact, Edge
from tocsin.playbook.outline import ARROW, cell, column
from tocsin.playbook.spans import read_span
from tocsin.playbook.vocabulary import either, pattern

FIRST = "\0"
"""Stands for the role at which the path begins, where a table does not name it; no Markdown holds it."""

_TO = pattern("to")
_TO_EXACTLY = pattern("to_exactly")
_FROM = pattern("from")
_WHEN = pattern("when")
_ACTION = pattern("action")
_CONDITION = either(r"condition|\bwhen\b|trigger|\bif\b|criteria", "question")
_ELAPSED = re.compile(r"elapsed|since|\bT\s*\+|from (?:the )?(?:start|opening|detection)", re.IGNORECASE)
_ESCALATES = re.compile(r"\bescalate[sd]?\s+to\b", re.IGNORECASE)
_CALLS = re.compile(
    r"(?<![\w-])(?:escalate[sd]?\s+(?:it\s+)?to|page[sd]?|notify|notifies|call|inform|involve|include"
    r"|engage)\s+"
    r"(?:the\s+|our\s+|a\s+)?(?P<role>[\w/&-]+(?:\s+[\w/&-]+){0,4}?)"
    r"(?=\s*(?:$|[,.;(]|\b(?:if|when|after|within|immediately|at once|for|in|via|by|with|unless|as)\b))",
    re.IGNORECASE,
)


_LATE = re.compile(
    r"^\W*(?:if|when)\s+(?:the\s+|our\s+)?(?P<role>.{2,40}?)"
    r"\s+(?:does|do|has|have|had|cannot|can't|can|is|fails?)\b",
    re.IGNORECASE,
)


def columns_of_levels(table: Table, known: Known) -> Iterator[Edge]:
    """A table with a level a column: each cell says after what time its row's role is called at that
    level. The first role that has a part at a level is where the path of the level begins."""
    levels = [(at, found) for at, text in enumerate(table.head) if at and (found := known.find(text))]
    if len(levels) < 2 or any(len(found) != 1 for _, found in levels) or len(table.rows) < 2:
        return
    for at, level in levels:
        root: Role | None = None
        for row in table.rows:
            span = read_span(row.cells[at])
            roles = [read_role(each, known) for each in split_roles(row.cells[0])]
            if not roles or not roles[0].name or not re.search(r"\w", row.cells[at]):
                continue
            if root is None:
                root = roles[0]
                continue
            if span is None:
                continue
            for to in roles:
                yield edge_of(root, to, Condition(unresolved_for=span), row.line, level)


def sentences(items: Sequence[Line], known: Known) -> list[Edge]:
    """The hops of sentences of which at least one says to whom it is escalated. Each counts
    from the role that the sentence before it named; without any, nothing is known to come from."""
    if not any(_ESCALATES.search(item.text) for item in items):
        return []
    first: Role | None = None
    before: Role | None = None
    edges: list[Edge] = []
    for item in items:
        said = _CALLS.search(item.text)
        if said is None:
            named = without_duty(item.text)
            before = read_role(named, known) if before is None and is_role(named) else before
            continue
        over = _LATE.match(item.text[: said.start()])
        if before is None and over and is_role(over["role"]):
            before = read_role(over["role"], known)
        first = first or before
        to = read_role(said["role"], known)
        condition = read_condition(_around(item.text, said))
        # A cause calls somebody in from the beginning on, a time from where the path has come to.
        source = first if condition.category is not None else before
        if source is not None and to.name:
            edges.append(edge_of(source, to, condition, item.number))
        is_rung = before is None or condition.category is None or condition.unresolved_for is not None
        before = to if is_rung and to.name else before
    return edges


def _around(text: str, said: re.Match[str]) -> str:
    """The words about when: those behind the role, else those before the verb; a time of several levels
    counts as the first."""
    behind, over = text[said.end() :].strip(" .,;"), text[: said.start()].strip(" .,;")
    chosen = behind if _is_about_time(behind) else over if _is_about_time(over) else ""
    return chosen or over or ""


def _is_about_time(text: str) -> bool:
    span: timedelta | None = read_span(text)
    return bool(span) or bool(re.search(r"\bif\b|\bwhen\b|\bunresolved\b", text, re.IGNORECASE))


def chain(text: str, line: int, known: Known) -> list[Edge]:
    """`On-call → Lead → CTO`; the first part may be the condition of the whole chain."""
    parts = [part.strip() for part in ARROW.split(text) if part.strip()]
    if len(parts) < 2:
        return []
    condition, category = Condition(), False
    if len(parts) > 2 and is_cause(parts[0]):
        condition, category = read_condition(parts.pop(0)), True
    if not all(is_role(each) or len(each.split()) <= 4 for each in parts):
        return []
    edges: list[Edge] = []
    for source, to in pairwise(parts):
        left = read_role(source, known)
        own = read_condition(left.note) if left.note and not category else condition
        edges += [edge_of(left, read_role(each, known), own, line) for each in split_roles(to)]
    return edges


def table_hops(table: Table, known: Known) -> Iterator[Edge]:
    """A table with a role to escalate to; a row's role follows that of the row before where the table
    has a condition a row and no role to come from. A first row with a condition of its own comes from
    `FIRST`, since such a table leaves out whom everybody knows."""
    to_at = column(table.head, _TO_EXACTLY)
    to_at = column(table.head, _TO) if to_at is None else to_at
    to_at = _acting(table) if to_at is None else to_at
    from_at = column(table.head, _FROM, (to_at,))
    when_at = column(table.head, _CONDITION, (to_at, from_at))
    when_at = column(table.head, _WHEN, (to_at, from_at)) if when_at is None else when_at
    if to_at is None or (from_at is None and when_at is None):
        return
    before: Role | None = None
    elapsed = when_at is not None and bool(_ELAPSED.search(table.head[when_at]))
    for row in table.rows:
        target = re.sub(rf"^{ARROW.pattern}", "", cell(row.cells, to_at))
        condition, levels = _when(cell(row.cells, when_at), known)
        hops = chain(target, row.line, known) if ARROW.search(target) else []
        if hops:
            for at, hop in enumerate(hops):
                own = hop.condition if at else condition
                yield msgspec.structs.replace(hop, condition=own, levels=levels)
            continue
        roles = [role for each in split_roles(target) if (role := read_role(each, known)).name]
        source = read_role(cell(row.cells, from_at), known) if from_at is not None else before
        waits = condition.unresolved_for or condition.unacknowledged_for or condition.category
        if source is None and waits and not elapsed:
            source = Role(FIRST)
        if source is not None and source.name:
            yield from (edge_of(source, to, condition, row.line, levels) for to in roles)
        # Without a column to come from, a row with a time is the next rung, one with a category a branch.
        is_rung = condition.category is None and not levels
        # Times that have passed since the beginning all count from the first role's.
        if before is None or (is_rung and not elapsed):
            before = source if source is not None and not is_rung else roles[0] if roles else before


def _when(text: str, known: Known) -> tuple[Condition, tuple[LevelId, ...]]:
    """The condition of a row with the levels that it names; levels alone are called for at once."""
    levels = known.find(text)
    rest = LEVEL_SETS.sub(" ", text) if levels else text
    condition = read_condition(rest)
    if levels and condition == Condition():
        condition = Condition(unresolved_for=timedelta(0))
    return condition, levels


def _acting(table: Table) -> int | None:
    """The column of actions, where most of them are nothing but roles."""
    at = column(table.head, _ACTION)
    named = sum(1 for row in table.rows if is_role(re.sub(rf"^{ARROW.pattern}", "", cell(row.cells, at))))
    return at if named * 2 > len(table.rows) else None


def rooted(edges: Sequence[Edge], contacts: Sequence[Contact]) -> tuple[Edge, ...]:
    """The edges with a name for `FIRST`: the contact for all alerts, else the role where another part of
    the path begins, else the words for whoever is on call."""
    targets = {edge.to for edge in edges}
    everything = (
        each.role
        for each in contacts
        if each.trigger.readable
        and not (each.trigger.levels or each.trigger.category or each.trigger.unresolved_for)
    )
    roots = (edge.source for edge in edges if edge.source not in targets and edge.source != FIRST)
    name = next(everything, None) or next(roots, None) or "On-call"
    return tuple(
        msgspec.structs.replace(edge, source=name) if edge.source == FIRST else edge for edge in edges
    )
