"""Storms: many incidents at once are one outage, and people want one page for it."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace

from tocsin.alerts.holders import Holder, Holders
from tocsin.alerts.rules import StormRule
from tocsin.base.ids import IncidentId
from tocsin.base.times import humane

OPENINGS_KEPT = 1_000
GROUPS_KEPT = 5_000
"""Of more groups than this, those that joined last are not known any more once the storm is over."""


class Opening(msgspec.Struct, frozen=True):
    """An alert opened an incident at a time (UTC)."""

    incident: IncidentId
    at: datetime


class Storm(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of storms in the incidents of one playbook (`group`, "" for the default one).

    `openings` are the last incidents that alerts opened. `major` is the incident under which a storm was
    gathered, `last_at` when it last took an alert that would have opened another. `groups` leads from the
    groups that were gathered to their incident.
    """

    group: str
    openings: tuple[Opening, ...] = ()
    major: IncidentId | None = None
    last_at: datetime | None = None
    groups: dict[str, IncidentId] = {}


def opened(storm: Storm, incident: IncidentId, rule: StormRule, now: datetime) -> Storm:
    """An alert has opened an incident."""
    openings = (*recent(storm, rule, now), Opening(incident, now))
    return replace(storm, openings=openings[-OPENINGS_KEPT:])


def recent(storm: Storm, rule: StormRule, now: datetime) -> tuple[Opening, ...]:
    """The openings that still count at `now`; one that lies ahead is of before the clock was set back."""
    return tuple(each for each in storm.openings if each.at <= now < each.at + rule.within)


def rages(storm: Storm, rule: StormRule, holders: Holders, now: datetime) -> bool:
    """Whether a storm is under way, whose incident is open and not taken on yet: whoever works on it must
    not be given what nobody has looked at."""
    if storm.major is None or storm.last_at is None:
        return False
    major = holders.get(storm.major)
    if major is None or not _is_open(major) or major.taken_on:
        return False
    return storm.last_at <= now < storm.last_at + rule.within


def gathered_in(
    storm: Storm, rule: StormRule, holders: Holders, now: datetime
) -> tuple[IncidentId, bool] | None:
    """The incident under which an alert is gathered that would open another one, and whether that is the
    beginning of a storm; None where there is no storm.

    A storm begins with the oldest of the incidents that nobody has taken on. What somebody works on already
    stays as it is, so that nobody finds their own work in an incident that is not theirs.
    """
    if rages(storm, rule, holders, now):
        assert storm.major is not None, "a storm has an incident"
        return storm.major, False
    fresh = recent(storm, rule, now)
    if len(fresh) < rule.incidents:
        return None
    major = next(iter(to_gather(storm, rule, holders, now)), None)
    return None if major is None else (major, True)


def to_gather(storm: Storm, rule: StormRule, holders: Holders, now: datetime) -> list[IncidentId]:
    """The incidents of a storm that nobody has taken on, the oldest first."""
    found = (holders.get(each.incident) for each in recent(storm, rule, now))
    return [each.id for each in found if each is not None and _is_open(each) and not each.taken_on]


def begun(storm: Storm, major: IncidentId, key: str, now: datetime) -> Storm:
    """An alert of the group `key` was gathered under this incident."""
    room = key in storm.groups or len(storm.groups) < GROUPS_KEPT
    groups = {**storm.groups, key: major} if room else storm.groups
    return replace(storm, major=major, last_at=now, groups=groups)


def known_group(storm: Storm, key: str, holders: Holders) -> IncidentId | None:
    """The open incident under which alerts of this group were gathered."""
    incident = storm.groups.get(key)
    return incident if incident is not None and _is_open(holders.get(incident)) else None


def pruned(storm: Storm, rule: StormRule, holders: Holders, now: datetime) -> Storm:
    """Without what has passed, so that nothing grows for ever."""
    groups: Mapping[str, IncidentId] = {
        key: incident for key, incident in storm.groups.items() if holders.get(incident) is not None
    }
    major = storm.major if storm.major is not None and holders.get(storm.major) is not None else None
    return replace(storm, openings=recent(storm, rule, now), major=major, groups=dict(groups))


def because(rule: StormRule) -> str:
    """Why an alert in a storm opens no incident of its own."""
    return (
        f"alerts opened more than {rule.incidents} incidents within {humane(rule.within)}: "
        "this incident stands for all of that storm"
    )


def _is_open(holder: Holder | None) -> bool:
    return holder is not None and holder.resolved_at is None
