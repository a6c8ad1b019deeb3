"""The status messages: templates by level and kind, and the rhythm of updates that they promise."""

import re
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from tocsin.base.ids import LevelId
from tocsin.playbook.blocks import Fence
from tocsin.playbook.levels import Known
from tocsin.playbook.model import MessageKind, MessageTemplate, Severity, Sure
from tocsin.playbook.outline import Outline, Place
from tocsin.playbook.slots import field_names
from tocsin.playbook.spans import read_span
from tocsin.playbook.vocabulary import pattern

_COMMUNICATION = pattern("communication")
_NOT_MESSAGES = pattern("not_messages")
_KINDS = (
    (pattern("kind_resolution"), MessageKind.RESOLUTION),
    (pattern("kind_initial"), MessageKind.INITIAL),
    (pattern("kind_update"), MessageKind.UPDATE),
    (pattern("kind_other"), MessageKind.INITIAL),
)
_PROMISE = re.compile(
    r"\bupdates?\b[^.\n]{0,24}?\bin\s+(?P<in>[^.\n]{1,30})"
    r"|\bnext update\b[^.\n]{0,40}?\bwithin\s+(?P<within>[^.\n]{1,30})",
    re.IGNORECASE,
)


class Messages(msgspec.Struct, frozen=True):
    """The templates, and how soon the messages of a level promise the next one."""

    templates: tuple[MessageTemplate, ...]
    rhythms: dict[LevelId, timedelta]


def read_messages(outline: Outline, known: Known) -> Messages:
    """Code blocks under headings or labels that name a kind of message, in a section about communication.

    One under a set of levels (`P2–P4 — Update`) is a template of each; one that names no level is
    that of the most severe, which stands in for the others, and promises nothing for it.
    """
    templates: list[MessageTemplate] = []
    rhythms: dict[LevelId, timedelta] = {}
    for place, fence in outline.fences():
        if outline.is_claimed(place) or not _may_be_message(place, fence):
            continue
        kind, body = _kind(place), fence.content.rstrip("\n")
        if kind is None or not body.strip():
            continue
        named = _named_levels(place, body, known)
        levels = named or known.levels[:1]
        if levels:
            sure = Sure.HIGH if named else Sure.MEDIUM
            how = f"a text under {place.group!r}" + ("" if named else ", which names no level")
            outline.recognise("message", place, how, sure)
        for level in levels:
            text = _for_level(body, level, levels, known)
            template = MessageTemplate(
                level=level, kind=kind, body=text, fields=field_names(text), line=fence.line
            )
            templates.append(template)
            promise = _promised_rhythm(body) if named else None
            if promise is not None:
                rhythms.setdefault(level, promise)
    return Messages(tuple(templates), rhythms)


def _may_be_message(place: Place, fence: Fence) -> bool:
    if fence.language not in ("", "text", "txt", "markdown", "md", "plain", "plaintext"):
        return False
    return place.under(_COMMUNICATION) and not any(
        _NOT_MESSAGES.search(text) for text in (place.label, place.section.title)
    )


def _kind(place: Place) -> MessageKind | None:
    for text in (place.label, *reversed(place.titles)):
        kind = next((kind for pattern, kind in _KINDS if pattern.search(text)), None)
        if kind is not None:
            return kind
    return None


def _named_levels(place: Place, body: str, known: Known) -> tuple[LevelId, ...]:
    for text in (place.label, *reversed(place.titles)):
        if levels := known.find(text):
            return levels
    return known.find(body.split("\n", 1)[0])[:1]


def _for_level(body: str, level: LevelId, levels: tuple[LevelId, ...], known: Known) -> str:
    """A body that several levels share names one of them ("[P2-HIGH]"): that of each says its own."""
    written = [each for each in levels if re.search(rf"(?<![\w-]){re.escape(each)}(?!\w)", body)]
    if len(levels) < 2 or len(written) != 1 or written[0] == level:
        return body
    other, name = re.escape(written[0]), known.names.get(written[0], "")
    behind = (
        rf"(?P<gap>\s*[-–—]\s*|\s+\(?)(?P<name>{re.escape(name)})(?!\w)" if name else r"(?P<gap>)(?P<name>$.)"
    )

    def renamed(found: re.Match[str]) -> str:
        if not found["name"]:
            return str(level)
        own = known.names.get(level, "")
        return (
            f"{level}{found['gap']}{own.upper() if found['name'].isupper() else own}" if own else str(level)
        )

    return re.sub(rf"(?<![\w-]){other}(?!\w)(?:{behind})?", renamed, body, flags=re.IGNORECASE)


def _promised_rhythm(body: str) -> timedelta | None:
    """How soon a message promises the next one: "update in 15 minutes"; None where it does not."""
    promise = _PROMISE.search(body)
    return (read_span(promise["in"] or promise["within"]) or None) if promise else None


def with_rhythms(severities: Sequence[Severity], messages: Messages) -> tuple[Severity, ...]:
    """The severities with the rhythm of updates that their messages promise, where they have none."""
    return tuple(
        msgspec.structs.replace(each, update_every=each.update_every or messages.rhythms.get(each.level))
        for each in severities
    )
