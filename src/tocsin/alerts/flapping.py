"""Flapping: an alert that comes and goes is one trouble, not many."""

from collections.abc import Sequence
from datetime import datetime

from tocsin.alerts.model import Alert, AlertStatus
from tocsin.alerts.rules import Flapping
from tocsin.base.times import humane

CHANGES_KEPT = 20
"""So many of an alert's last changes of state are kept."""


def changed(before: Sequence[datetime], was: AlertStatus | None, alert: Alert) -> tuple[datetime, ...]:
    """The times (UTC) of an alert's last changes of state, after this message of it. `was` is its state
    before, None where it was never seen. What lies ahead was kept before the clock was set back."""
    if was is None or was is alert.status:
        return tuple(before)
    kept = [each for each in before if each <= alert.received_at]
    return (*kept[-(CHANGES_KEPT - 1) :], alert.received_at)


def flaps(changes: Sequence[datetime], now: datetime, rule: Flapping) -> bool:
    """Whether an alert with these changes flaps at `now` (UTC): it changed as often as the rule says
    within its time, and has not kept one state for as long since."""
    if len(changes) < rule.changes or now - changes[-1] >= rule.within:
        return False
    flapping = False
    for place, at in enumerate(changes):
        if place and at - changes[place - 1] >= rule.within:
            flapping = False
        first = place - rule.changes + 1
        if first >= 0 and at - changes[first] <= rule.within:
            flapping = True
    return flapping


def because(rule: Flapping) -> str:
    """Why the end of a flapping alert does not clear it."""
    return (
        f"it is flapping ({rule.changes} changes or more within {humane(rule.within)}): it counts as ended "
        f"once it has kept quiet for {humane(rule.within)}"
    )
