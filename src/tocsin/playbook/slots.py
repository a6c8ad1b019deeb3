"""The fields of a text for people: `[Brief description]`, `[down/degraded]`, `{service}`, and their names."""

import re
from collections.abc import Iterator

import msgspec

from tocsin.playbook.levels import LEVEL

_SLOT = re.compile(
    r"\[(?P<square>[^\[\]\n]{1,120})\](?!\()|\{\{?(?P<brace>[^{}\n]{1,80})\}\}?"
    r"|<(?P<angle>[A-Za-z][\w /-]{0,60})>"
)
_LITERAL = re.compile(
    r"^(?:[ xX]|RESOLVED|UPDATE|INCIDENT|INTERNAL|EXTERNAL|EXERCISE|DRILL|URGENT|ACTION REQUIRED|ALERT)$"
)
_LABEL = re.compile(r"^[\s>*_#-]*(?P<label>[^\W\d_][\w /&'’-]{0,40}?)\s*[*_]*:\s*[*_]*\s*\S")
_BANNER = re.compile(
    r"(?:incident|update|resolved|subject|alert)(?: (?:update|resolved|alert|notification))?", re.IGNORECASE
)


class Slot(msgspec.Struct, frozen=True):
    """A field: where it stands in the text, its own words, and its name."""

    start: int
    end: int
    words: str
    name: str


def find_slots(text: str) -> tuple[Slot, ...]:
    """The fields in order. One that is alone behind the label of its line is named after the label,
    since the same words mean different things on different lines; else after its own words."""
    found: list[Slot] = []
    at = 0
    for line in text.split("\n"):
        slots = list(_in_line(line))
        label = _label(line) if len(slots) == 1 else ""
        found += [Slot(at + start, at + end, words, label or words) for start, end, words in slots]
        at += len(line) + 1
    return tuple(found)


def _in_line(line: str) -> Iterator[tuple[int, int, str]]:
    for found in _SLOT.finditer(line):
        words = (found["square"] or found["brace"] or found["angle"] or "").strip()
        level = LEVEL.match(words)
        is_level = bool(level and re.fullmatch(r"[\s_–—-]*[A-Z]*", words[level.end() :]))
        if words and not _LITERAL.match(words) and not is_level and re.search(r"\w", words):
            yield found.start(), found.end(), words


def _label(line: str) -> str:
    found = _LABEL.match(line)
    if not found:
        return ""
    label = found["label"].strip()
    # "P1 INCIDENT: [Brief description]" is a headline, and what follows is not its value.
    return "" if LEVEL.search(label) or _BANNER.fullmatch(label) else label


def field_names(text: str) -> tuple[str, ...]:
    """The names of the fields in order, each once."""
    return tuple(dict.fromkeys(slot.name for slot in find_slots(text)))
