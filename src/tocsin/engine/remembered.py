"""What the intake remembers from one transaction to the next, so that it need not be read again."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from tocsin.alerts.holders import Holders
from tocsin.alerts.model import Alert, AlertStatus
from tocsin.base.ids import IncidentId
from tocsin.engine.ports import Unit
from tocsin.engine.records import AlertRecord, Repeats
from tocsin.engine.watched import WatchedStore
from tocsin.incident.crowds import Crowd
from tocsin.incident.holding import holder_of
from tocsin.incident.state import ENDED, Incident

FIRING_MAX = 400_000
"""Of so many firing alerts it is remembered where they belong; beyond that all are read again."""


class Remembered:
    """Valid while nobody else writes to the store and no transaction comes to nothing. On a store that others
    write to, nothing outlives a transaction but what still has to be written."""

    def __init__(self, store: WatchedStore) -> None:
        self._store = store
        self._undone = store.undone
        self._holders: Holders | None = None
        self._firing: dict[str, IncidentId] = {}
        self.crowds: dict[IncidentId, Crowd] = {}
        self.repeats: dict[str, Repeats] = {}
        """Repetitions that still have to be counted in the store."""
        self.untold: dict[IncidentId, list[str]] = {}
        """Alerts, by fingerprint, that are stored with an incident which has not been told of them yet."""

    def _is_valid(self) -> bool:
        return self._store.exclusive and self._undone == self._store.undone

    async def holders(self, unit: Unit) -> Holders:
        """The incidents that can hold alerts, as they are in this transaction."""
        if self._holders is None or not self._is_valid():
            self._undone = self._store.undone
            self._holders = Holders(await unit.holders())
            self._firing.clear()
            self.crowds.clear()
        return self._holders

    def note(self, incident: Incident) -> None:
        """An incident has changed, or will have when the transaction under way is committed."""
        self.crowds.pop(incident.id, None)
        if self._holders is None:
            return
        if incident.state in ENDED:
            self._holders.drop(incident.id)
        else:
            self._holders.put(holder_of(incident))

    def keep(self, records: Iterable[AlertRecord], crowds: Mapping[IncidentId, Crowd]) -> None:
        """These were committed."""
        if not self._is_valid():
            return
        self.crowds.update(crowds)
        if len(self._firing) > FIRING_MAX:
            self._firing.clear()
        for record in records:
            if record.alert.status is AlertStatus.FIRING and record.incident is not None:
                self._firing[record.alert.fingerprint] = record.incident
            else:
                self._firing.pop(record.alert.fingerprint, None)

    def about_to_end(self, alerts: Iterable[Alert]) -> None:
        """Alerts that have ended are about to be placed: a repetition that comes meanwhile is one anew."""
        for alert in alerts:
            if alert.status is AlertStatus.RESOLVED:
                self._firing.pop(alert.fingerprint, None)

    def repeated(self, fingerprint: str, at: datetime, expires_at: datetime | None) -> IncidentId | None:
        """The active incident in which this alert is known to be firing, after counting the repetition;
        None where it has to be looked at."""
        incident = self._firing.get(fingerprint)
        if incident is None or self._holders is None or not self._is_valid():
            return None
        holder = self._holders.get(incident)
        if holder is None or holder.resolved_at is not None:
            return None
        known = self.repeats.get(fingerprint)
        if known is None:
            self.repeats[fingerprint] = Repeats(times=1, last_seen_at=at, expires_at=expires_at)
        else:
            known.times += 1
            known.last_seen_at = at
            known.expires_at = expires_at
        return incident

    def take_repeats(self) -> dict[str, Repeats]:
        """The repetitions to write; those that could not be written are given back by `give_back`."""
        taken, self.repeats = self.repeats, {}
        return taken

    def give_back(self, repeats: Mapping[str, Repeats]) -> None:
        """These were not written after all."""
        for fingerprint, each in repeats.items():
            later = self.repeats.get(fingerprint)
            if later is None:
                self.repeats[fingerprint] = each
            else:
                later.times += each.times

    def tell_later(self, joined: Mapping[IncidentId, list[str]], told: Collection[IncidentId]) -> None:
        """These alerts joined without their incidents being told; those of `told` know everything now."""
        for incident in told:
            self.untold.pop(incident, None)
        for incident, fingerprints in joined.items():
            self.untold.setdefault(incident, []).extend(fingerprints)
