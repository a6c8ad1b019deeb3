"""How incidents are noticed: the sources, what they lead to, and the intake that serves each."""

import re

from tocsin.playbook.blocks import Item, Listing
from tocsin.playbook.model import Detection, Mode
from tocsin.playbook.outline import ARROW, Outline, Place
from tocsin.playbook.phases import Phased, phase_of

_AUTOMATED = re.compile(r"\bautomat|\bmonitoring\b|\balert(?:ing|s)?\s+(?:sources?|detection)", re.IGNORECASE)
_MANUAL = re.compile(r"\bmanual|\bhuman\b|\breported by\b", re.IGNORECASE)
_DETECTION = re.compile(r"\bdetect|\bsources?\b|\bintake\b|\bnoticed\b", re.IGNORECASE)
_BY_MACHINE = re.compile(r"\balert|\bmonitor|\bautomat|\bprobe|\bcheck|\bdashboard|\bpipeline", re.IGNORECASE)

_ADAPTERS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bcloudflare\b", re.IGNORECASE), "cloudflare"),
    (re.compile(r"\bprometheus\b|\balertmanager\b", re.IGNORECASE), "prometheus"),
    (re.compile(r"\bgithub\b|\bCI\b|\bCD\b|\bworkflow\b|\bpipeline\b|\bactions?\b", re.IGNORECASE), "github"),
    (re.compile(r"\bgrafana\b", re.IGNORECASE), "prometheus"),
    (
        re.compile(r"\b(?:users?|customers?|clients?|public|social media|support)\b", re.IGNORECASE),
        "user-report",
    ),
    (
        re.compile(
            r"\b(?:team|engineers?|staff|members?|employees?|colleagues?|internal|operators?)\b",
            re.IGNORECASE,
        ),
        "team-report",
    ),
)


def read_detection(outline: Outline, phased: tuple[Phased, ...]) -> tuple[Detection, ...]:
    """The list items under automated and under manual detection, in document order."""
    found: list[Detection] = []
    for place, listing in outline.lists():
        mode = _mode(place, listing, phased)
        if mode is None or place.depth or outline.is_claimed(place):
            continue
        outline.claim(place.line)
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
