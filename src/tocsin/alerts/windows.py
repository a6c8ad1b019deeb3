"""Maintenance windows: which of them are open at a moment, whatever the clocks of their zones do."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from tocsin.alerts.recurrence import starts_on
from tocsin.alerts.rules import Window
from tocsin.base.times import in_zone, zone

LOOK_AHEAD = timedelta(hours=24)
"""So long, at most, what is open is taken for known."""

LASTS_MAX = timedelta(days=7)
"""A window that lasts longer is no recurring maintenance."""


COMES_WITHIN = timedelta(days=8 * 366)
"""So far ahead the next occurrence is looked for; the 29th of February is at most eight years away."""


class OpenWindow(msgspec.Struct, frozen=True):
    """A window that is open until `ends_at` (UTC)."""

    window: Window
    ends_at: datetime

    @property
    def because(self) -> str:
        """Why an alert in it opens nothing."""
        return f"in the maintenance window {self.window.name} until {in_zone(self.ends_at, self.window.zone)}"


def starts_around(window: Window, now: datetime) -> list[datetime]:
    """Every beginning (UTC) from which the window could still be open at `now`, and those of the next day
    and a half, in order."""
    today = now.astimezone(zone(window.zone)).date()
    back = window.lasts.days + 2
    days = (today + timedelta(days=offset) for offset in range(-back, 3))
    return sorted(start for day in days for start in starts_on(window.start, day, window.zone))


def open_until(window: Window, now: datetime) -> datetime | None:
    """When the window that is open at `now` (UTC) ends; None where it is not open."""
    ends = [start + window.lasts for start in starts_around(window, now) if start <= now]
    return max((end for end in ends if end > now), default=None)


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """A time that a window holds: now, where `is_open`, else the next one. Both ends are UTC."""

    window: Window
    starts_at: datetime
    ends_at: datetime
    is_open: bool


def occurrence(window: Window, now: datetime) -> Occurrence | None:
    """When a window holds at `now` (UTC) or next; None where it does not come again within `COMES_WITHIN`.

    Where one beginning falls into the time that another still holds, both are one occurrence.
    """
    ends_at = open_until(window, now)
    if ends_at is not None:
        begun = [start for start in starts_around(window, now) if start <= now < start + window.lasts]
        return Occurrence(window=window, starts_at=min(begun), ends_at=ends_at, is_open=True)
    today = now.astimezone(zone(window.zone)).date()
    for offset in range(-1, COMES_WITHIN.days):
        for start in starts_on(window.start, today + timedelta(days=offset), window.zone):
            if start > now:
                return Occurrence(window=window, starts_at=start, ends_at=start + window.lasts, is_open=False)
    return None


class Windows:
    """The windows of a playbook, asked over and over again."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self._windows = tuple(windows)
        self._known: tuple[OpenWindow, ...] = ()
        self._known_from = self._known_until = datetime.max.replace(tzinfo=UTC)

    def open_at(self, now: datetime) -> tuple[OpenWindow, ...]:
        """Those that are open at `now` (UTC)."""
        if self._windows and not self._known_from <= now < self._known_until:
            self._look(now)
        return self._known

    def _look(self, now: datetime) -> None:
        changes = [now + LOOK_AHEAD]
        found: list[OpenWindow] = []
        for window in self._windows:
            changes += [start for start in starts_around(window, now) if start > now]
            ends_at = open_until(window, now)
            if ends_at is not None:
                found.append(OpenWindow(window, ends_at))
                changes.append(ends_at)
        self._known, self._known_from, self._known_until = tuple(found), now, min(changes)


def window_of(windows: Sequence[OpenWindow], labels: Mapping[str, str]) -> OpenWindow | None:
    """The open window that an alert with these labels falls into, the last to end first."""
    matching = (each for each in windows if each.window.matchers.matches(labels))
    return max(matching, key=lambda each: each.ends_at, default=None)
