"""What becomes of an alert: a new incident, part of one that is there, or a record that says why not."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum

import msgspec

from tocsin.alerts.holders import Holder
from tocsin.alerts.model import Alert, AlertStatus
from tocsin.alerts.rules import REOPEN_WITHIN
from tocsin.base.ids import IncidentId

INFORMATIONAL = frozenset({"info", "informational", "none", "debug", "notice"})
"""Severity labels by which a sender says that nobody need come."""


class Because(StrEnum):
    """Why an alert went where it went; stored with the alert and shown to people."""

    FIRST_OF_GROUP = "it is the first alert of its group"
    SAME_ALERT = "the same alert is part of this incident"
    SAME_GROUP = "this incident holds alerts of the same group"
    CAME_BACK = "it fires although this incident was resolved"
    CLEARED = "it ended an alert of this incident"
    INFORMATIONAL = "its severity label says that it is for information only"
    FALSE_ALARM = "it was dismissed as a false alarm, and fires on since"
    NOTHING_TO_CLEAR = "it ended an alert that no open incident holds"


class Opens(msgspec.Struct, frozen=True):
    """The alert opens a new incident. `trail` is what the rules that were asked before said, in order."""

    group_key: str
    because: str = Because.FIRST_OF_GROUP.value
    trail: tuple[str, ...] = ()


class Attaches(msgspec.Struct, frozen=True):
    """The alert is (again) part of an incident, or it has ended and is still counted as part of it."""

    incident: IncidentId
    because: str
    trail: tuple[str, ...] = ()


class Clears(msgspec.Struct, frozen=True):
    """The alert has ended in an incident."""

    incident: IncidentId
    because: str = Because.CLEARED.value
    trail: tuple[str, ...] = ()


class Recorded(msgspec.Struct, frozen=True):
    """The alert is kept, without an incident."""

    because: str
    trail: tuple[str, ...] = ()


Placement = Opens | Attaches | Clears | Recorded


class Surroundings:
    """What else has a say in where an alert belongs. This one says nothing; `alerts/placing.py` has the
    one with a playbook's rules."""

    reopen_within: timedelta = REOPEN_WITHIN

    @property
    def trail(self) -> tuple[str, ...]:
        """What the rules that were asked about the alert have said so far, in their order."""
        return ()

    def counts_on(self, alert: Alert) -> str:
        """Why an alert that has ended still counts as firing; "" where it does not."""
        return ""

    def keeps_back(self, alert: Alert) -> str:
        """Why a firing alert that no open incident holds is only recorded; "" where it is not."""
        return ""

    def takes(self, sibling: Holder) -> bool:
        """Whether an open incident of the alert's group still takes it."""
        return True

    def joins(self, alert: Alert, key: str) -> Attaches | None:
        """The incident that the alert belongs to although it is of another group; `key` is its group."""
        return None

    def gathers(self, alert: Alert, key: str) -> Attaches | None:
        """The incident that the alert joins in place of opening one."""
        return None


ALONE = Surroundings()


def explain_placement(placed: Placement) -> tuple[str, ...]:
    """What every rule that was asked said, in the order in which they were asked; the last one decided."""
    return (*placed.trail, placed.because)


def group_key(alert: Alert, group_by: Iterable[str], playbook: str = "") -> str:
    """The text that alerts of one group share: the values of the labels in `group_by`, in that order.
    `playbook` sets the groups of one playbook apart from those of the others.

    With no label to group by, all alerts are one group. It is never empty: that is the key of an
    incident which a person declared.
    """
    values = "/".join(f"{name}={alert.labels.get(name, '')}" for name in group_by) or "all alerts"
    return f"[{playbook}] {values}" if playbook else values


def place(
    alert: Alert,
    group_by: Sequence[str],
    same: Sequence[Holder],
    siblings: Sequence[Holder],
    playbook: str = "",
    around: Surroundings = ALONE,
) -> Placement:
    """Decide where an alert belongs. `same` are the incidents, not closed, that hold it, and `siblings`
    those of its group, both newest first; `playbook` is as in `group_key`."""
    active = next((each for each in same if each.resolved_at is None), None)
    if alert.status is AlertStatus.RESOLVED:
        return _ended(alert, active, same, around)
    if active:
        return Attaches(active.id, Because.SAME_ALERT.value)
    if alert.labels.get("severity", "").casefold() in INFORMATIONAL:
        return Recorded(Because.INFORMATIONAL.value)
    if because := around.keeps_back(alert):
        return Recorded(because, around.trail)
    sibling = next((each for each in siblings if each.resolved_at is None and around.takes(each)), None)
    if sibling:
        return Attaches(sibling.id, Because.SAME_GROUP.value, around.trail)
    key = group_key(alert, group_by, playbook)
    if joined := around.joins(alert, key):
        return joined
    back = next((each for each in same if _came_back(alert, each, around.reopen_within)), None)
    if back:
        return Attaches(back.id, Because.CAME_BACK.value, around.trail)
    return around.gathers(alert, key) or Opens(key, trail=around.trail)


def _ended(
    alert: Alert, active: Holder | None, same: Sequence[Holder], around: Surroundings
) -> Attaches | Clears | Recorded:
    cleared = active or next(iter(same), None)
    if cleared is None:
        return Recorded(Because.NOTHING_TO_CLEAR.value)
    if active and (because := around.counts_on(alert)):
        return Attaches(active.id, because)
    return Clears(cleared.id)


def _came_back(alert: Alert, holder: Holder, within: timedelta) -> bool:
    if holder.resolved_at is None:
        return False
    still_the_same_fire = alert.starts_at <= holder.resolved_at
    return still_the_same_fire or alert.received_at - holder.resolved_at <= within
