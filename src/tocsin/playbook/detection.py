"""How incidents are noticed: the sources, what they lead to, and the intake that serves each."""

import re

from tocsin.playbook.blocks import Item, Listing
from tocsin.playbook.model import Detection, Mode, Sure
from tocsin.playbook.outline import ARROW, Outline, Place
from tocsin.playbook.phases import Phased, phase_of
from tocsin.playbook.vocabulary import pattern

_AUTOMATED = pattern("automated")
_MANUAL = pattern("manual")
_DETECTION = pattern("detection")
_BY_MACHINE = pattern("by_machine")

_ADAPTERS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bcloudflare\b", re.IGNORECASE), "cloudflare"),
    (re.compile(r"\bprometheus\b|\balertmanager\b", re.IGNORECASE), "prometheus"),
    (re.compile(r"\bgithub\b|\bCI\b|\bCD\b|\bworkflow\b|\bpipeline\b|\bactions?\b", re.IGNORECASE), "github"),
    (re.compile(r"\bgrafana\b", re.IGNORECASE), "prometheus"),
    (pattern("user_report"), "user-report"),
    (pattern("team_report"), "team-report"),
)


def read_detection(outline: Outline, phased: tuple[Phased, ...]) -> tuple[Detection, ...]:
    """The list items under automated and under manual detection, in document order."""
    found: list[Detection] = []
    for place, listing in outline.lists():
        mode = _mode(place, listing, phased)
        if mode is None or place.depth or outline.is_claimed(place):
            continue
        labelled = bool(_AUTOMATED.search(place.group) or _MANUAL.search(place.group))
        how = "a list under automated or manual detection" if labelled else "a list in the detection phase"
        outline.claim(place.line)
        outline.note("detection", place.line, how, Sure.HIGH if labelled else Sure.MEDIUM)
        found.extend(
            _detection(item, mode.get(item.line, Mode.MANUAL)) for item in listing.items if item.text
        )
    return tuple(found)


def _mode(place: Place, listing: Listing, phased: tuple[Phased, ...]) -> dict[int, Mode] | None:
    """The mode of each item by its line; None where the list is about something else."""
    if any(item.task is not None for item in listing.items) or listing.ordered:
        return None
    over = place.label or place.section.title
    inside = phase_of(place, phased)
    detects = bool(inside and _DETECTION.search(inside.phase.name)) or place.under(_DETECTION)
    if not detects:
        return None
    if _MANUAL.search(over):
        return {item.line: Mode.MANUAL for item in listing.items}
    if _AUTOMATED.search(over):
        return {item.line: Mode.AUTOMATED for item in listing.items}
    if place.label or inside is None:
        return None
    # Without a label the words of each item tell whether a machine or a person notices.
    return {
        item.line: Mode.AUTOMATED if _BY_MACHINE.search(item.text) else Mode.MANUAL for item in listing.items
    }


def _detection(item: Item, mode: Mode) -> Detection:
    source, *targets = ARROW.split(item.text)
    return Detection(
        mode=mode, source=source, target=" → ".join(targets), adapter=_adapter(item.text), line=item.line
    )


def _adapter(text: str) -> str:
    return next((adapter for pattern, adapter in _ADAPTERS if pattern.search(text)), "other")
