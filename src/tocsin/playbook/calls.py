"""Who is called when, in the two ways that draw no path: a table with a level a column and a role a row,
and sentences such as "Escalate to the SRE Lead if unresolved in 15 minutes"."""

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta

from tocsin.playbook.blocks import Line, Table
from tocsin.playbook.hops import (
    Role,
    edge_of,
    is_role,
    read_condition,
    read_role,
    split_roles,
    without_duty,
)
from tocsin.playbook.levels import Known
from tocsin.playbook.model import Condition, Edge
from tocsin.playbook.spans import read_span

_ESCALATES = re.compile(r"\bescalate[sd]?\s+to\b", re.IGNORECASE)
_CALLS = re.compile(
    r"(?<![\w-])(?:escalate[sd]?\s+(?:it\s+)?to|page[sd]?|notify|notifies|call|inform|involve|include|engage)\s+"
    r"(?:the\s+|our\s+|a\s+)?(?P<role>[\w/&-]+(?:\s+[\w/&-]+){0,4}?)"
    r"(?=\s*(?:$|[,.;(]|\b(?:if|when|after|within|immediately|at once|for|in|via|by|with|unless|as)\b))",
    re.IGNORECASE,
)


_LATE = re.compile(
    r"^\W*(?:if|when)\s+(?:the\s+|our\s+)?(?P<role>.{2,40}?)\s+(?:does|do|has|have|had|cannot|can't|can|is|fails?)\b",
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
