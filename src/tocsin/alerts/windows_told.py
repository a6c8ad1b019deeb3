"""Maintenance windows in plain words, for whoever asks what a playbook does before it runs."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from tocsin.alerts.rules import Window
from tocsin.alerts.windows import Occurrence, occurrence
from tocsin.base.times import humane, in_zone

HEAD = ("Window", "Alerts", "Begins", "Lasts", "Holds")


def window_rows(windows: Iterable[Window], at: datetime) -> Iterator[tuple[str, ...]]:
    """A row under `HEAD` for each window as of `at` (UTC), in their order."""
    for each in windows:
        yield (
            each.name,
            each.matchers.text,
            each.when,
            humane(each.lasts),
            holds(occurrence(each, at)),
        )


def holds(occurs: Occurrence | None) -> str:
    """When a window holds, in words."""
    if occurs is None:
        return "does not come again"
    zone = occurs.window.zone
    until = f"until {in_zone(occurs.ends_at, zone)}"
    return f"now, {until}" if occurs.is_open else f"next {in_zone(occurs.starts_at, zone)} {until}"
