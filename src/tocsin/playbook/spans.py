"""Durations, windows and rhythms as playbooks write them in cells and headings."""

import re
from datetime import timedelta

from tocsin.base.times import parse_duration
from tocsin.playbook.vocabulary import in_english

_UNIT = r"(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|(?:business |working )?days?|w|weeks?|months?)"
_RANGE = re.compile(
    rf"(?P<from>\d+(?:[.,]\d+)?)\s*(?P<unit>{_UNIT})?\s*(?:-|–|—"
    rf"|to)\s*(?P<to>\d+(?:[.,]\d+)?)\s*(?P<last>{_UNIT})\b",
    re.IGNORECASE,
)
_RHYTHMS = (
    (re.compile(r"\bhourly\b|\bevery hour\b", re.IGNORECASE), timedelta(hours=1)),
    (re.compile(r"\bdaily\b|\bevery day\b|\bonce a day\b", re.IGNORECASE), timedelta(days=1)),
    (re.compile(r"\bweekly\b|\bevery week\b", re.IGNORECASE), timedelta(weeks=1)),
    (re.compile(r"\bhalf an hour\b|\bhalf hour\b", re.IGNORECASE), timedelta(minutes=30)),
)
LONGEST = timedelta(days=3660)
"""Ten years; what is longer is a misprint, and would leave the range of dates."""


def read_span(text: str) -> timedelta | None:
    """The duration of a cell, of which the first clause that has one decides; None without any.

    `Within 15 minutes; on-call + escalation` is 15 minutes, `48-72 hours` is the later end.
    """
    for clause in re.split(r"[;|]|, (?!\d)|\. ", in_english(text)):
        window = _RANGE.search(clause)
        span = _window(window)[1] if window else _bounded(clause)
        if span is not None:
            return span if span <= LONGEST else None
    return None


def read_rhythm(text: str) -> timedelta | None:
    """How often something happens: `Every 30 minutes`, `daily`; None for `as needed`, and for never."""
    text = in_english(text)
    named = next((span for pattern, span in _RHYTHMS if pattern.search(text)), None)
    span = named or read_span(text)
    return span or None


def read_window(text: str) -> tuple[timedelta | None, timedelta | None]:
    """The window of a phase's heading as start and end, counted from detection; None where open.

    `0-5 minutes` has both; `Within 48 hours` and `< 1 hour` have an end only; `Variable` has neither.
    """
    text = in_english(text)
    if window := _RANGE.search(text):
        start, end = _window(window)
        if end is None or end > LONGEST or start is None:
            return None, None
        return (None, end) if re.search(r"\bwithin\b", text, re.IGNORECASE) else (min(start, end), end)
    span = _bounded(text)
    return None, span if span is None or span <= LONGEST else None


def _window(found: re.Match[str]) -> tuple[timedelta | None, timedelta | None]:
    last = found["last"]
    start = _bounded(f"{found['from']} {found['unit'] or last}")
    return start, _bounded(f"{found['to']} {last}")


def _bounded(text: str) -> timedelta | None:
    text = text[:400]
    try:
        return parse_duration(text)
    except (OverflowError, ValueError):
        # The digits of a hostile document may count more than a duration can hold.
        return None
