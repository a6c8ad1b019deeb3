"""Silences: while one is active, the alerts that match it open nothing and page nobody."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from tocsin.alerts.matchers import Matcher


class SilenceState(StrEnum):
    """Where a silence is in its life, in the words of Alertmanager's API, version 2."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """One silence. All its matchers must hold. Times are UTC; `ends_at` is not in it any more.

    `created_by` is who made it, as a name for people; `comment` says why, and is never empty.
    """

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    updated_at: datetime

    def state(self, now: datetime) -> SilenceState:
        """Where it is at `now` (UTC)."""
        if now >= self.ends_at:
            return SilenceState.EXPIRED
        return SilenceState.ACTIVE if now >= self.starts_at else SilenceState.PENDING

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether it speaks of an alert with these labels."""
        return all(matcher.matches(labels) for matcher in self.matchers)


def silencing(silences: Iterable[Silence], labels: Mapping[str, str], now: datetime) -> list[Silence]:
    """Those that silence an alert with these labels at `now` (UTC), the last to end first."""
    found = (each for each in silences if each.state(now) is SilenceState.ACTIVE and each.matches(labels))
    return sorted(found, key=lambda each: (each.ends_at, each.id), reverse=True)
