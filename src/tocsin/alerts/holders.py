"""The incidents to which alerts may belong, as grouping sees them, found by alert and by group."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import msgspec

from tocsin.base.ids import IncidentId, incident_number


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of an incident, not yet closed, that grouping needs. `resolved_at` is UTC; `taken_on` says
    that somebody works on it or has done so."""

    id: IncidentId
    group_key: str
    resolved_at: datetime | None = None
    taken_on: bool = False


class Holders:
    """An index of holders, kept up to date, so that a storm of alerts does not read them all again for each.
    Which incident an alert belongs to is told to it for the alerts that are about to be placed."""

    def __init__(
        self, holders: Iterable[Holder], incident_of: Mapping[str, IncidentId | None] | None = None
    ) -> None:
        self._holders: dict[IncidentId, Holder] = {}
        self._incident_of: dict[str, IncidentId | None] = {}
        self._by_group: dict[str, dict[IncidentId, None]] = {}
        for holder in holders:
            self.put(holder)
        self.look_at(incident_of or {})

    def of_alert(self, fingerprint: str) -> list[Holder]:
        """The one that an alert belongs to, where it is one of these."""
        holder = self._holders.get(self._incident_of.get(fingerprint) or IncidentId(""))
        return [holder] if holder else []

    def of_group(self, group_key: str) -> list[Holder]:
        """Those of a group, newest first."""
        return self._newest_first(self._by_group.get(group_key, ()))

    def get(self, incident: IncidentId | None) -> Holder | None:
        """The holder of this id."""
        return self._holders.get(incident) if incident else None

    def all(self) -> list[Holder]:
        """Every holder, newest first."""
        return self._newest_first(self._holders)

    def look_at(self, incident_of: Mapping[str, IncidentId | None]) -> None:
        """Forget the alerts of before; these, by fingerprint, are the next to be placed."""
        self._incident_of = dict(incident_of)

    def belongs(self, fingerprint: str, incident: IncidentId | None) -> None:
        """Take note of where an alert has been placed."""
        self._incident_of[fingerprint] = incident

    def put(self, holder: Holder) -> None:
        """Take note of what an incident has become."""
        self._holders[holder.id] = holder
        self._by_group.setdefault(holder.group_key, {})[holder.id] = None

    def drop(self, incident: IncidentId) -> None:
        """Take note that an incident has ended."""
        holder = self._holders.pop(incident, None)
        if holder is not None:
            group = self._by_group[holder.group_key]
            del group[incident]
            if not group:
                del self._by_group[holder.group_key]

    def _newest_first(self, incidents: Collection[IncidentId]) -> list[Holder]:
        if len(incidents) <= 1:
            return [self._holders[each] for each in incidents]
        return [self._holders[each] for each in sorted(incidents, key=incident_number, reverse=True)]
