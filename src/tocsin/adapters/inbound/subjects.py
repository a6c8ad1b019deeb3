"""Subjects of mails: what they are about, and whether they say that it is over."""

import re
from collections.abc import Sequence
from typing import NamedTuple

CLEARING = (
    *("resolved", "recovered", "recovery", "ok", "up", "cleared", "clear", "closed", "fixed", "normal"),
    *("back to normal", "behoben", "résolu", "resuelto"),
)
"""Words at the beginning of a subject that say that all is well again."""

RAISING = (
    *("firing", "problem", "alert", "alarm", "alerting", "critical", "warning", "error", "down", "failed"),
    *("failure", "triggered", "new", "open", "major", "minor", "disaster", "high", "unknown", "unreachable"),
)
"""Words there that say that something is wrong; without them a subject is the same as with them."""

_REPLY = re.compile(r"(?:re|fwd?|aw|wg|sv|tr|rv)\s*(?:\[\d{1,3}\])?\s*:\s*", re.IGNORECASE)
_FORWARD = re.compile(r"(?:fwd?|wg|tr|rv)\b", re.IGNORECASE)
_STATE = re.compile(
    r"\bis (?:now |back )?(?P<state>up|ok|normal|online|healthy|down|critical|warning|unknown|unreachable"
    r"|offline|unhealthy)\b[\s:*!.-]*",
    re.IGNORECASE,
)
_WELL = frozenset({"up", "ok", "normal", "online", "healthy"})
_KEY = re.compile(r"\[(?:dedup|key):\s*(?P<key>[^\]\s]{1,200})\s*\]", re.IGNORECASE)
_EDGE = " \t*#!|✅🔥🚨⚠️❌🟢🔴-–—:"
_ROUNDS_MAX = 8


class Subject(NamedTuple):
    """What it is about, without the words that change; whether that is over; the sender's own key for it;
    and whether it is an answer."""

    about: str
    clears: bool
    key: str
    is_reply: bool


def read_subject(text: str, clearing: Sequence[str] = ()) -> Subject:
    """Read a subject. `clearing` are more words that say that all is well.

    A word counts at the beginning, in brackets, before a colon or a dash, or in capitals; so that
    "Ok to deploy?" clears nothing. The first word that counts decides.
    """
    words = [*CLEARING, *(each.strip().casefold() for each in clearing)]
    about = " ".join(text.split())
    key = ""
    if found := _KEY.search(about):
        key = found["key"]
        about = f"{about[: found.start()]} {about[found.end() :]}"
    is_reply = bool(_REPLY.match(about)) and not _FORWARD.match(about)
    clears: bool | None = None
    for _ in range(_ROUNDS_MAX):
        before = about
        about = _REPLY.sub("", about.strip(_EDGE), count=1) if _REPLY.match(about.strip(_EDGE)) else about
        about = about.strip(_EDGE)
        for table, means in ((words, True), (RAISING, False)):
            rest = _without(about, table)
            if rest is not None:
                clears = means if clears is None else clears
                about = rest
        if about == before:
            break
    if found := _STATE.search(about):
        clears = found["state"].casefold() in _WELL if clears is None else clears
        about = f"{about[: found.start()]}: {about[found.end() :]}"
    about = re.sub(r"\s*:(?:\s*:)*\s*", ": ", about).strip(_EDGE)
    return Subject(" ".join(about.split()), bool(clears), key, is_reply)


def _without(text: str, words: Sequence[str]) -> str | None:
    """The text without the word of the table that it begins with; None where there is none."""
    folded = text.casefold()
    for word in sorted(words, key=len, reverse=True):
        if text.startswith("["):
            inner = folded[1:].lstrip()
            end = text.find("]")
            if 0 < end <= 60 and inner.startswith(word) and not inner[len(word) : len(word) + 1].isalpha():
                return text[end + 1 :]
            continue
        if not folded.startswith(word):
            continue
        rest = text[len(word) :]
        marked = re.match(r"\s*[:|*!–—]|\s+-\s|\s*\(\d{1,4}\)|\s+in\s+\d[^:]{0,30}:", rest)
        in_capitals = text[: len(word)].isupper() and (not rest or rest[0].isspace())
        if marked or in_capitals or not rest:
            return rest[marked.end() if marked else 0 :].lstrip(" :|*!–—-")
    return None
