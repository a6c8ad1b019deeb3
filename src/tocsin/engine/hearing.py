"""What the store knows of alerts: the part of its ports (see `ports`) that is about these alone."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from tocsin.base.ids import IncidentId
from tocsin.engine.records import AlertRecord, AlertStep, Repeats
from tocsin.incident.commands import Tally


class AlertReader(Protocol):
    """Alerts and their history, in one consistent view. All times are UTC."""

    async def alert(self, fingerprint: str) -> AlertRecord | None:
        """The record of one alert."""
        ...

    async def alert_records(self, fingerprints: Sequence[str]) -> list[AlertRecord]:
        """The records of those of these alerts that are known, in no order."""
        ...

    async def alert_steps(self, fingerprint: str, limit: int = 200) -> list[AlertStep]:
        """The history of one alert, the last step first."""
        ...

    async def alert_tallies(self, incidents: Collection[IncidentId]) -> dict[IncidentId, Tally]:
        """How many alerts belong to each of these incidents; those without any are left out."""
        ...

    async def expired_alerts(self, now: datetime, limit: int) -> list[AlertRecord]:
        """Firing alerts whose `expires_at` has come, the longest overdue first."""
        ...

    async def next_expiry_at(self) -> datetime | None:
        """The earliest `expires_at` of a firing alert."""
        ...

    async def alerts(
        self,
        limit: int = 200,
        incident: IncidentId | None = None,
        after: tuple[datetime, str] | None = None,
    ) -> list[AlertRecord]:
        """Alerts, the last seen first, then by fingerprint; of one incident only where given. `after` is
        the time (UTC) and the fingerprint of the last one that was read before."""
        ...

    async def count_alerts(self) -> int:
        """How many distinct alerts were ever seen."""
        ...


class AlertWriter(Protocol):
    """What is written of alerts in one transaction."""

    async def save_alerts(self, records: Sequence[AlertRecord]) -> None:
        """Insert or replace the records of alerts, by their fingerprints, each of which stands here once."""
        ...

    async def add_alert_steps(self, steps: Sequence[AlertStep]) -> None:
        """Append to the histories of alerts."""
        ...

    async def repeat_alerts(self, repeats: Mapping[str, Repeats]) -> None:
        """Count repetitions, by the fingerprints of alerts whose records are there."""
        ...

    async def move_alerts(self, source: IncidentId, into: IncidentId, at: datetime, because: str) -> int:
        """Let all alerts of one incident belong to another, with a step in the history of each; returns how
        many."""
        ...
