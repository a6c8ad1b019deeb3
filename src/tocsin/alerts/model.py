"""An alert: what a monitoring system says, whoever the sender is."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec


class AlertStatus(StrEnum):
    """Whether the trouble is there or has gone."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert, in the words of Alertmanager's webhook, version 4.

    `fingerprint` identifies it: the sender's own where it gives one, else `fingerprint(labels)`.
    `starts_at` and `ends_at` are UTC; `ends_at` is None while firing. `source` is the kind of sender,
    `received_at` the time at which Tocsin took it in. `expires_at` (UTC) is when a firing alert ends by
    itself unless it is sent again; None where its sender says when it ends.
    """

    fingerprint: str
    status: AlertStatus
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    received_at: datetime
    source: str
    ends_at: datetime | None = None
    generator_url: str = ""
    expires_at: datetime | None = None

    @property
    def name(self) -> str:
        """The alert's name, or the best that its labels offer in place of one."""
        return (
            self.labels.get("alertname")
            or self.labels.get("name")
            or self.labels.get("service")
            or "Unnamed alert"
        )

    @property
    def summary(self) -> str:
        """One line for people: the summary annotation, else the description, else the name."""
        for key in ("summary", "title", "message", "description"):
            if text := self.annotations.get(key, "").strip():
                return text.splitlines()[0]
        return self.name

    @property
    def title(self) -> str:
        """One line that says which alert it is: the summary, behind the alert's name where it has none of
        the name's words. A list of summaries alone ("checkout fails") does not say which rule to look at."""
        name, summary = self.labels.get("alertname") or self.labels.get("name", ""), self.summary
        return summary if not name or _tells(summary, name) else f"{name}: {summary}"


_BORDER = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\W_]+")
_STEM_CHARS_LEAST = 4
_ENDING_CHARS_MAX = 3


def _tells(summary: str, name: str) -> bool:
    """Whether a summary holds each word of a name, in any form: `ErrorsHigh` in "High error rate"."""
    words = _words(summary)
    return all(any(_alike(word, other) for other in words) for word in _words(name))


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _BORDER.split(text[:1000]) if word}


def _alike(one: str, other: str) -> bool:
    shorter = min(len(one), len(other))
    least = max(_STEM_CHARS_LEAST, shorter - _ENDING_CHARS_MAX)
    return one == other or (shorter >= least and one[:least] == other[:least])


def fingerprint(labels: Mapping[str, str]) -> str:
    """16 hexadecimal digits that identify a label set, whatever order it came in."""
    return hashlib.sha256(msgspec.json.encode(sorted(labels.items()))).hexdigest()[:16]
