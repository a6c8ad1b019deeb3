"""The incidents to which alerts may belong, as grouping sees them, found by alert and by group."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from tocsin.base.ids import IncidentId, incident_number


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of an incident, not yet closed, that grouping needs. `resolved_at` is UTC; `taken_on` says
    that somebody works on it or has done so."""

    id: IncidentId
    group_key: str
    fingerprints: frozenset[str]
    resolved_at: datetime | None = None
    taken_on: bool = False


class Holders:
    """An index of holders, kept up to date within one transaction, so that a storm of alerts does not
    read them all again for each."""

    def __init__(self, holders: Iterable[Holder]) -> None:
        self._holders: dict[IncidentId, Holder] = {}
        self._by_fingerprint: dict[str, list[IncidentId]] = {}
        self._by_group: dict[str, list[IncidentId]] = {}
        for holder in holders:
            self.put(holder)

    def of_alert(self, fingerprint: str) -> list[Holder]:
        """Those that hold an alert, newest first."""
        return self._newest_first(self._by_fingerprint.get(fingerprint, ()))

    def of_group(self, group_key: str) -> list[Holder]:
        """Those of a group, newest first."""
        return self._newest_first(self._by_group.get(group_key, ()))

    def get(self, incident: IncidentId) -> Holder | None:
        """The holder of this id; None where the incident has ended or is not there."""
        return self._holders.get(incident)

    def all(self) -> list[Holder]:
        """Every holder, newest first."""
        return self._newest_first(self._holders)

    def put(self, holder: Holder) -> None:
        """Take note of what an incident has become."""
        before = self._holders.get(holder.id)
        self._holders[holder.id] = holder
        for fingerprint in holder.fingerprints - (before.fingerprints if before else frozenset()):
            self._by_fingerprint.setdefault(fingerprint, []).append(holder.id)
        if before is None:
            self._by_group.setdefault(holder.group_key, []).append(holder.id)

    def drop(self, incident: IncidentId) -> None:
        """Forget an incident that has ended."""
        holder = self._holders.pop(incident, None)
        if holder is None:
            return
        self._by_group[holder.group_key].remove(incident)
        for fingerprint in holder.fingerprints:
            self._by_fingerprint[fingerprint].remove(incident)

    def _newest_first(self, incidents: Iterable[IncidentId]) -> list[Holder]:
        return [self._holders[each] for each in sorted(set(incidents), key=incident_number, reverse=True)]
