"""What a team says about noise: when alerts are kept back, which belong together, and what settles itself."""

from datetime import timedelta

import msgspec

from tocsin.alerts.matchers import Matchers
from tocsin.alerts.recurrence import Recurrence
from tocsin.base.ids import LevelId

REOPEN_WITHIN = timedelta(minutes=30)
"""An alert that comes back this soon after the resolution belongs to the same incident."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A recurring maintenance window: alerts that match and fire in it are only recorded.

    It begins by `start`, read in `zone` (an IANA name), and lasts for exactly `lasts`. `text` is how its
    author wrote the start.
    """

    name: str
    matchers: Matchers
    start: Recurrence
    lasts: timedelta
    zone: str
    text: str

    @property
    def when(self) -> str:
        """When it begins, as its author wrote it, with the zone that is meant."""
        return f"{self.text} ({self.zone})"


class InhibitRule(msgspec.Struct, frozen=True, kw_only=True):
    """While an alert that matches `source` fires, those that match `target` and have the same values of
    the labels `equal` are only recorded. A label that is absent has the empty value."""

    source: Matchers
    target: Matchers
    equal: tuple[str, ...] = ()


class Flapping(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that changed its state so often within so long flaps, until it has kept one for as long."""

    changes: int = 4
    within: timedelta = timedelta(minutes=10)


class StormRule(msgspec.Struct, frozen=True, kw_only=True):
    """More than so many incidents that alerts open within so long are gathered under one. It is over when
    none would have been opened for as long."""

    incidents: int = 10
    within: timedelta = timedelta(minutes=5)


class NoiseRules(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a playbook's front matter says about noise.

    `depends_on` names for a service those that it cannot work without; an alert's service is the first of
    its labels `service_labels` that is there. An open incident takes new alerts of its group for
    `group_window` after the last that joined, None for as long as it is open. None in place of `flapping`
    or `storm` turns that off. `auto_resolve` says at which levels an incident resolves itself, after its
    alerts have been clear for how long.
    """

    maintenance: tuple[Window, ...] = ()
    inhibit: tuple[InhibitRule, ...] = ()
    depends_on: dict[str, tuple[str, ...]] = {}
    service_labels: tuple[str, ...] = ("service", "job")
    group_window: timedelta | None = None
    reopen_within: timedelta = REOPEN_WITHIN
    flapping: Flapping | None = Flapping()
    auto_resolve: dict[LevelId, timedelta] = {}
    storm: StormRule | None = StormRule()
