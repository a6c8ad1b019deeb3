"""The words around an escalation hop: the role with the levels it owns, and the condition."""

import re
from collections.abc import Iterator
from datetime import timedelta

import msgspec

from tocsin.base.ids import LevelId
from tocsin.playbook.levels import Known
from tocsin.playbook.model import Condition, Edge
from tocsin.playbook.spans import read_span
from tocsin.playbook.vocabulary import in_english, pattern

_BRACKETS = re.compile(r"\s*[(\[](?P<inner>[^()\[\]]*)[)\]]")
_UNACKNOWLEDGED = re.compile(
    r"\bunack|\bno (?:ack|response|answer|reply)|\bnot (?:ack|respond|answer|reach)|\bdoes(?: not"
    r"|n't) (?:ack|respond|answer)"
    r"|\bwithout (?:ack|response|answer)|\bunanswered|\bunavailable|\bunreachable",
    re.IGNORECASE,
)
_NOISE = re.compile(
    r"\b(?:incidents?|issues?|alerts?|problems?|troubles?|related|relating|any|all|an?|the|is|are|if"
    r"|when|in case of|case|"
    r"suspected|confirmed|detected|decisions?|matters?|concerns?|involved|events?|for|of|to|unresolved"
    r"|and|or)\b",
    re.IGNORECASE,
)
_SHORT = {
    "infra": "infrastructure",
    "sec": "security",
    "db": "database",
    "net": "network",
    "ops": "operations",
}
_ROLE = pattern("people")
_VERB = re.compile(
    r"^(?:contact|call|page|notify|retrieve|check|if|when|open|ask|follow|initiate|start|review"
    r"|update|escalate|run|use|see|"
    r"determine|assess|identify|create|post|send|wait|keep|document|severity|subject|make|get|verify"
    r"|inform|engage)\b",
    re.IGNORECASE,
)
_CAUSE = re.compile(
    r"\b(?:issues?|incidents?|problems?|breach|decisions?|alerts?|outages?|failures?|trouble"
    r"|emergency|unresolved|cannot|"
    r"can't|not|unable|after|within|if|when)\b|\d",
    re.IGNORECASE,
)
_DUTY = re.compile(
    r"\s+(?:detects?|acknowledges?|handles?|investigates?|triages?|takes?|responds?|is paged"
    r"|are paged|gets?)\b.*$",
    re.IGNORECASE,
)


class Role(msgspec.Struct, frozen=True):
    """A role as a path names it: its name, the levels it owns, and the words in its other brackets."""

    name: str
    owns: tuple[LevelId, ...] = ()
    note: str = ""


def read_role(text: str, known: Known) -> Role:
    """`Senior Engineer (P2)` as a name with the levels it owns."""
    owns: tuple[LevelId, ...] = ()
    notes: list[str] = []
    kept = text
    for found in _BRACKETS.finditer(text):
        levels = known.find(found["inner"])
        span = read_span(found["inner"])
        if levels:
            owns = owns or levels
        elif span is not None or _VERB.match(found["inner"].strip()):
            notes.append(found["inner"])
        else:
            continue
        kept = kept.replace(found[0], "", 1)
    name = re.sub(r"^[\W_]+", "", kept).strip(" .:;–—-*")
    return Role(name, owns, " ".join(notes))


def split_roles(text: str) -> Iterator[str]:
    """`CISO / Legal`, `Tier 2 + SOC Lead`, `CTO and CEO` as single roles; brackets stay with theirs."""
    for part in re.split(r"\s+/\s+|\s*\+\s*|\s*&\s*|\s*,\s*(?![^()]*\))|\s+and\s+(?=[A-Z])", text):
        if part.strip():
            yield part.strip()


def is_role(text: str) -> bool:
    """Whether a text reads as the name of a role: short, with a word for people, no sentence."""
    bare = _BRACKETS.sub("", text).strip(" .:*")
    return 0 < len(bare.split()) <= 6 and bool(_ROLE.search(bare)) and not _VERB.match(bare)


def without_duty(text: str) -> str:
    """`SOC Analyst (Tier 1) detects & acknowledges` without what the role does."""
    return _DUTY.sub("", text).strip()


def is_cause(text: str) -> bool:
    """Whether the first words of a chain say when it is taken, where they could name a role as well."""
    bare = text.strip()
    has_cause = bool(_CAUSE.search(bare))
    return has_cause and not (
        is_role(bare) and not re.search(r"\b(?:issues?|decisions?|incidents?|breach)\b", bare, re.IGNORECASE)
    )


def read_condition(text: str) -> Condition:
    """A time unresolved, a time unacknowledged, or a category; nothing for a hop without words."""
    text = in_english(text.strip(" .:;–—-"))
    if not text:
        return Condition()
    span = read_span(text)
    if span is not None:
        if _UNACKNOWLEDGED.search(text):
            return Condition(unacknowledged_for=span)
        return Condition(unresolved_for=span)
    if _UNACKNOWLEDGED.search(text):
        return Condition()
    return Condition(category=read_category(text))


def read_category(text: str) -> str | None:
    """`Infrastructure issue` as `infrastructure`, `Data breach` as `data breach`; None for noise only."""
    words = [
        word for word in re.split(r"[\s/_-]+", _NOISE.sub(" ", text).casefold()) if re.search(r"\w", word)
    ]
    kept = [_SHORT.get(word.strip(".,;:()"), word.strip(".,;:()")) for word in words]
    return " ".join(kept[:5]) or None


def bracket_span(text: str) -> timedelta | None:
    """The time that stands in brackets behind a role."""
    for found in _BRACKETS.finditer(text):
        span = read_span(found["inner"])
        if span is not None:
            return span
    return None


def edge_of(
    source: Role,
    to: Role,
    condition: Condition,
    line: int,
    levels: tuple[LevelId, ...] = (),
    times: tuple[timedelta | None, timedelta | None] = (None, None),
) -> Edge:
    """An edge from role to role; `levels` are those for which it holds, `times` the roles' own times."""
    return Edge(
        source=source.name,
        to=to.name,
        owns=source.owns,
        to_owns=to.owns,
        levels=levels,
        condition=condition,
        from_time=times[0],
        to_time=times[1],
        line=line,
    )
