"""How incidents are noticed: the sources, what they lead to, and the intake that serves each."""

import re

from tocsin.playbook.blocks import Fence, Item, Listing
from tocsin.playbook.model import Detection, Mode, Sure
from tocsin.playbook.outline import ARROW, Outline, Place
from tocsin.playbook.phases import Phased, phase_of
from tocsin.playbook.vocabulary import pattern

_AUTOMATED = pattern("automated")
_MANUAL = pattern("manual")
_DETECTION = pattern("detection")
_BY_MACHINE = pattern("by_machine")

_SOURCES = re.compile(r"source|detect|channel|fuente|quelle|fonte", re.IGNORECASE)
_YAML_KEY = re.compile(r"^\s*(?P<key>[^-#\s][^:#]{0,60}):\s*$")
_YAML_ITEM = re.compile(r"^\s*-\s+(?P<text>[^\s].{0,200})$")
YAML_LINES_MAX = 500
"""A block with more lines is a configuration file."""

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
    for place, fence in outline.fences():
        if fence.language in ("yaml", "yml") and not place.depth and not outline.is_claimed(place):
            found.extend(_listed_sources(outline, place, fence, phased))
    return tuple(sorted(found, key=lambda each: each.line))


def _listed_sources(
    outline: Outline, place: Place, fence: Fence, phased: tuple[Phased, ...]
) -> list[Detection]:
    """The items that a block of YAML lists as sources, under automated or manual detection."""
    inside = phase_of(place, phased)
    over = place.label or place.section.title
    mode = Mode.MANUAL if _MANUAL.search(over) else Mode.AUTOMATED if _AUTOMATED.search(over) else None
    if mode is None or not (place.under(_DETECTION) or (inside and _DETECTION.search(inside.phase.name))):
        return []
    found: list[Detection] = []
    wanted = True
    for row, line in enumerate(fence.content.split("\n")[:YAML_LINES_MAX]):
        if key := _YAML_KEY.match(line):
            wanted = bool(_SOURCES.search(key["key"]))
        elif wanted and (item := _YAML_ITEM.match(line)):
            adapter = _adapter(item["text"])
            found.append(
                Detection(mode=mode, source=item["text"], target="", adapter=adapter, line=fence.line + row)
            )
    if found:
        outline.recognise("detection", place, "a list of sources in YAML", Sure.MEDIUM)
    return found


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
