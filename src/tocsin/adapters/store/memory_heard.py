"""Alerts and their history in the memory store; what each method does is said at the ports."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from tocsin.adapters.store.steps import OnStep
from tocsin.adapters.store.tables import Draft, Tables
from tocsin.alerts.model import AlertStatus
from tocsin.base.ids import IncidentId
from tocsin.engine.records import AlertRecord, AlertStep, Repeats
from tocsin.incident.commands import Tally


class MemoryHeardReader:
    """What is known of alerts."""

    def __init__(self, tables: Tables, on_step: OnStep) -> None:
        self._tables = tables
        self._step = on_step

    async def alert(self, fingerprint: str) -> AlertRecord | None:
        self._step("alert")
        return self._tables.alerts.get(fingerprint)

    async def alert_records(self, fingerprints: Sequence[str]) -> list[AlertRecord]:
        self._step("alert_records")
        known = self._tables.alerts
        return [known[each] for each in dict.fromkeys(fingerprints) if each in known]

    async def alert_steps(self, fingerprint: str, limit: int = 200) -> list[AlertStep]:
        self._step("alert_steps")
        every = reversed(self._tables.alert_steps.values())
        return [step for step in every if step.fingerprint == fingerprint][:limit]

    async def alert_tallies(self, incidents: Collection[IncidentId]) -> dict[IncidentId, Tally]:
        self._step("alert_tallies")
        every: Counter[IncidentId] = Counter()
        firing: Counter[IncidentId] = Counter()
        for record in self._tables.alerts.values():
            if record.incident in incidents and record.incident is not None:
                every[record.incident] += 1
                firing[record.incident] += record.firing
        return {incident: Tally(count, firing[incident]) for incident, count in every.items()}

    async def expired_alerts(self, now: datetime, limit: int) -> list[AlertRecord]:
        self._step("expired_alerts")
        due = [(at, key, record) for at, key, record in self._expiring() if at <= now]
        return [record for _, _, record in sorted(due, key=lambda each: each[:2])[:limit]]

    async def next_expiry_at(self) -> datetime | None:
        self._step("next_expiry_at")
        return min((at for at, _, _ in self._expiring()), default=None)

    def _expiring(self) -> list[tuple[datetime, str, AlertRecord]]:
        return [
            (record.alert.expires_at, key, record)
            for key, record in self._tables.alerts.items()
            if record.alert.expires_at is not None
        ]

    async def alerts(
        self,
        limit: int = 200,
        incident: IncidentId | None = None,
        after: tuple[datetime, str] | None = None,
    ) -> list[AlertRecord]:
        self._step("alerts")
        found = [each for each in self._tables.alerts.values() if incident in (None, each.incident)]
        found.sort(key=lambda record: record.alert.fingerprint)
        found.sort(key=lambda record: record.last_seen_at, reverse=True)
        if after is not None:
            at, last = after
            found = [
                each
                for each in found
                if each.last_seen_at < at or (each.last_seen_at == at and each.alert.fingerprint > last)
            ]
        return found[:limit]

    async def count_alerts(self) -> int:
        self._step("count_alerts")
        return len(self._tables.alerts)


class MemoryHeardUnit(MemoryHeardReader):
    """And what is written of them, into a transaction's own tables."""

    def __init__(self, draft: Draft, on_step: OnStep) -> None:
        self._draft = draft
        super().__init__(draft.tables, on_step)

    async def save_alerts(self, records: Sequence[AlertRecord]) -> None:
        self._step("save_alerts")
        table = self._draft.table("alerts")
        for record in records:
            alert = record.alert
            if alert.status is AlertStatus.RESOLVED:
                alert = replace(alert, expires_at=None)
            table[alert.fingerprint] = replace(record, alert=alert)

    async def add_alert_steps(self, steps: Sequence[AlertStep]) -> None:
        self._step("add_alert_steps")
        self._add(steps)

    def _add(self, steps: Sequence[AlertStep]) -> None:
        table = self._draft.table("alert_steps")
        for step in steps:
            table[len(table)] = step

    async def repeat_alerts(self, repeats: Mapping[str, Repeats]) -> None:
        self._step("repeat_alerts")
        table: dict[str, AlertRecord] = self._draft.table("alerts")
        for fingerprint, each in repeats.items():
            known = table.get(fingerprint)
            if known is not None and known.firing:
                table[fingerprint] = replace(
                    known,
                    alert=replace(known.alert, expires_at=each.expires_at),
                    last_seen_at=each.last_seen_at,
                    times=known.times + each.times,
                )

    async def move_alerts(self, source: IncidentId, into: IncidentId, at: datetime, because: str) -> int:
        self._step("move_alerts")
        table: dict[str, AlertRecord] = self._draft.table("alerts")
        moved = {key: record for key, record in table.items() if record.incident == source}
        for key, record in moved.items():
            table[key] = replace(record, incident=into, because=because)
        self._add(
            [
                AlertStep(fingerprint=key, at=at, status=record.alert.status, incident=into, because=because)
                for key, record in moved.items()
            ]
        )
        return len(moved)
