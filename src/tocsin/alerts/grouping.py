"""What becomes of an alert: a new incident, part of one that is there, or a record that says why not."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum

import msgspec

from tocsin.alerts.holders import Holder
from tocsin.alerts.model import Alert, AlertStatus
from tocsin.base.ids import IncidentId

INFORMATIONAL = frozenset({"info", "informational", "none", "debug", "notice"})
"""Severity labels by which a sender says that nobody need come."""

REOPEN_WITHIN = timedelta(minutes=30)
"""An alert that comes back this soon after the resolution belongs to the same incident."""


class Because(StrEnum):
    """Why an alert went where it went; stored with the alert and shown to people."""

    FIRST_OF_GROUP = "it is the first alert of its group"
    SAME_ALERT = "the same alert is part of this incident"
    SAME_GROUP = "this incident holds alerts of the same group"
    CAME_BACK = "it fires although this incident was resolved"
    CLEARED = "it ended an alert of this incident"
    INFORMATIONAL = "its severity label says that it is for information only"
    NOTHING_TO_CLEAR = "it ended an alert that no open incident holds"


class Opens(msgspec.Struct, frozen=True):
    """The alert opens a new incident."""

    group_key: str
    because: str = Because.FIRST_OF_GROUP.value


class Attaches(msgspec.Struct, frozen=True):
    """The alert is (again) part of an incident."""

    incident: IncidentId
    because: str


class Clears(msgspec.Struct, frozen=True):
    """The alert has ended in an incident."""

    incident: IncidentId
    because: str = Because.CLEARED.value


class Recorded(msgspec.Struct, frozen=True):
    """The alert is kept, without an incident."""

    because: str


Placement = Opens | Attaches | Clears | Recorded


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
) -> Placement:
    """Decide where an alert belongs. `same` are the incidents, not closed, that hold it, and `siblings`
    those of its group, both newest first; `playbook` is as in `group_key`."""
    active = next((each for each in same if each.resolved_at is None), None)
    if alert.status is AlertStatus.RESOLVED:
        cleared = active or next(iter(same), None)
        return Clears(cleared.id) if cleared else Recorded(Because.NOTHING_TO_CLEAR.value)
    if active:
        return Attaches(active.id, Because.SAME_ALERT.value)
    if alert.labels.get("severity", "").casefold() in INFORMATIONAL:
        return Recorded(Because.INFORMATIONAL.value)
    sibling = next((each for each in siblings if each.resolved_at is None), None)
    if sibling:
        return Attaches(sibling.id, Because.SAME_GROUP.value)
    back = next((each for each in same if _came_back(alert, each)), None)
    if back:
        return Attaches(back.id, Because.CAME_BACK.value)
    return Opens(group_key(alert, group_by, playbook))


def _came_back(alert: Alert, holder: Holder) -> bool:
    if holder.resolved_at is None:
        return False
    still_the_same_fire = alert.starts_at <= holder.resolved_at
    return still_the_same_fire or alert.received_at - holder.resolved_at <= REOPEN_WITHIN
