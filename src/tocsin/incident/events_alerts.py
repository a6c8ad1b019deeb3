"""Events about the coming and going of alerts, and what all events have in common (see `events`)."""

from datetime import datetime

import msgspec

from tocsin.alerts.model import Alert


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=lambda name: name):
    """Base of every event; in JSON its name stands under `kind`."""


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
