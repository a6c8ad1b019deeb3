"""What happened to an incident by its alerts and by what they say. Stored for good, as all events are."""

from datetime import datetime
from typing import Literal

import msgspec

from tocsin.alerts.model import Alert
from tocsin.base.ids import IncidentId, LevelId
from tocsin.incident.events_base import Event, Evidence


class AlertAttached(Event, frozen=True, kw_only=True):
    """An alert became part of the incident, or fired again after it had ended. `alerts` and `firing` count
    all alerts of the incident from then on; None where its state keeps all of them whole."""

    alert: Alert
    because: str
    again: bool = False
    alerts: int | None = None
    firing: int | None = None


class AlertsAttached(Event, frozen=True, kw_only=True):
    """Many alerts became part of the incident at once, or fired again.

    `count` is how many; `sample` are some of them, whole. `digest` is the SHA-256, in hexadecimal, over the
    sorted fingerprints of all of them, each ended by a line feed. `alerts` and `firing` are as in
    `AlertAttached`.
    """

    count: int
    sample: tuple[Alert, ...]
    because: str
    digest: str = ""
    alerts: int | None = None
    firing: int | None = None


class AlertCleared(Event, frozen=True, kw_only=True):
    """An alert of the incident ended; `still_firing` counts those that did not."""

    fingerprint: str
    name: str
    ended_at: datetime
    still_firing: int


class AlertEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one alert, in UTC."""

    fingerprint: str
    ended_at: datetime


class AlertsCleared(Event, frozen=True, kw_only=True):
    """Many alerts of the incident ended at once: `count` of them, of which `ends` are those that the state
    keeps whole. `still_firing` counts those that did not end; `digest` is as in `AlertsAttached`."""

    count: int
    ends: tuple[AlertEnd, ...]
    still_firing: int
    digest: str = ""


class TriageAnswered(Event, frozen=True, kw_only=True):
    """A question of the severity checklist was answered."""

    rule: str
    question: str
    answer: Literal["yes", "no", "unknown"]


class TriageAssumed(Event, frozen=True, kw_only=True):
    """A question of the checklist counts as yes until somebody answers it: what is known suggests so."""

    rule: str
    question: str
    because: str


class SeverityChanged(Event, frozen=True, kw_only=True):
    """The level changed. `by_hand` says that a person chose it, so that no rule changes it again."""

    before: LevelId
    after: LevelId
    evidence: Evidence
    by_hand: bool = False


class CategoryAdded(Event, frozen=True, kw_only=True):
    """The incident was found to be of a category."""

    category: str
    because: str


class MergedInto(Event, frozen=True, kw_only=True):
    """It is part of another incident."""

    into: IncidentId


class Absorbed(Event, frozen=True, kw_only=True):
    """Another incident was merged into this one."""

    other: IncidentId
    title: str
    alerts: tuple[Alert, ...]
    alerts_in_all: int | None = None
    firing_in_all: int | None = None


class StormGathered(Event, frozen=True, kw_only=True):
    """So many incidents became one, for all of which people are paged anew; its title was `before`."""

    title: str
    before: str
    because: str
    incidents: int = 0
