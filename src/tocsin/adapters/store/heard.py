"""Alerts and their history in bulk: plain SQL with plain values, since a storm of alerts is what has to be
fast. The columns are those of `schema.alerts` and `schema.alert_steps`."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from tocsin.adapters.store.codec import canonical_text
from tocsin.adapters.store.rows import read_body
from tocsin.alerts.model import Alert, AlertStatus
from tocsin.base.ids import IncidentId
from tocsin.base.times import format_instant, parse_instant
from tocsin.engine.records import AlertRecord, AlertStep, Repeats
from tocsin.incident.commands import Tally

_COLUMNS = (
    "fingerprint",
    "incident",
    "status",
    "because",
    "first_seen_at",
    "last_seen_at",
    "expires_at",
    "times",
    "changes",
    "body",
)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM alerts "
_SAVE = (
    f"INSERT INTO alerts ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    "ON CONFLICT (fingerprint) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])
)
_STEP = "INSERT INTO alert_steps (fingerprint, at, status, incident, because) VALUES (?, ?, ?, ?, ?)"
_REPEAT = (
    "UPDATE alerts SET times = times + ?, last_seen_at = ?, expires_at = ? "
    "WHERE fingerprint = ? AND status = 'firing'"
)


class Heard:
    """The statements on one connection. `sqlite` says which of the two dialects it speaks."""

    def __init__(self, connection: AsyncConnection, *, sqlite: bool) -> None:
        self._connection = connection
        self._sqlite = sqlite

    def _sql(self, text: str) -> str:
        return text if self._sqlite else text.replace("?", "%s")

    async def _driver(self) -> Any:
        """The driver's own connection to SQLite: each statement then costs one way to its thread and back,
        and not four."""
        return (await self._connection.get_raw_connection()).driver_connection

    async def _all(self, text: str, *values: Any) -> Sequence[Any]:
        if self._sqlite:
            return await (await self._driver()).execute_fetchall(text, values)
        return (await self._connection.exec_driver_sql(self._sql(text), values)).all()

    def _among(self, column: str, values: Collection[str]) -> tuple[str, Any]:
        if self._sqlite:
            return f"{column} IN (SELECT value FROM json_each(?))", canonical_text(list(values))
        return f"{column} = ANY(?)", list(values)

    async def records(self, fingerprints: Collection[str]) -> list[AlertRecord]:
        """The records of those of these alerts that are known."""
        if not fingerprints:
            return []
        among, value = self._among("fingerprint", [visible(each) for each in fingerprints])
        return [_record(row) for row in await self._all(f"{_SELECT} WHERE {among}", value)]

    async def newest(
        self, limit: int, incident: IncidentId | None, after: tuple[datetime, str] | None = None
    ) -> list[AlertRecord]:
        """Alerts, the last seen first; of one incident only where given, and only those behind `after`."""
        wanted: list[str] = []
        values: list[object] = []
        if incident is not None:
            wanted.append("incident = ?")
            values.append(incident)
        if after is not None:
            at, last = format_instant(after[0]), after[1]
            wanted.append("(last_seen_at < ? OR (last_seen_at = ? AND fingerprint > ?))")
            values += [at, at, last]
        where = f"WHERE {' AND '.join(wanted)} " if wanted else ""
        query = f"{_SELECT} {where}ORDER BY last_seen_at DESC, fingerprint LIMIT ?"
        return [_record(row) for row in await self._all(query, *values, limit)]

    async def expired(self, now: datetime, limit: int) -> list[AlertRecord]:
        """Those whose time has come."""
        due = f"{_SELECT} WHERE expires_at <= ? ORDER BY expires_at, fingerprint LIMIT ?"
        return [_record(row) for row in await self._all(due, format_instant(now), limit)]

    async def next_expiry_at(self) -> datetime | None:
        """The earliest time at which one ends by itself."""
        ((text,),) = await self._all("SELECT min(expires_at) FROM alerts")
        return parse_instant(text) if text else None

    async def tallies(self, incidents: Collection[IncidentId]) -> dict[IncidentId, Tally]:
        """How many alerts belong to each of these incidents."""
        if not incidents:
            return {}
        among, value = self._among("incident", incidents)
        counted = (
            "SELECT incident, count(*), sum(CASE status WHEN 'firing' THEN 1 ELSE 0 END) FROM alerts "
            f"WHERE {among} GROUP BY incident"
        )
        found = await self._all(counted, value)
        return {IncidentId(incident): Tally(every, int(firing)) for incident, every, firing in found}

    async def steps(self, fingerprint: str, limit: int) -> list[AlertStep]:
        """The history of one alert, the last step first."""
        history = (
            "SELECT at, status, incident, because FROM alert_steps WHERE fingerprint = ? "
            "ORDER BY position DESC LIMIT ?"
        )
        return [
            AlertStep(
                fingerprint=fingerprint,
                at=parse_instant(at),
                status=AlertStatus(status),
                incident=incident,
                because=because,
            )
            for at, status, incident, because in await self._all(history, visible(fingerprint), limit)
        ]

    async def _many(self, text: str, rows: list[tuple[Any, ...]]) -> None:
        if not rows:
            return
        if self._sqlite:
            cursor = await (await self._driver()).executemany(text, rows)
            await cursor.close()
        else:
            await self._connection.exec_driver_sql(self._sql(text), rows)

    async def save(self, records: Sequence[AlertRecord]) -> None:
        """Insert or replace records."""
        await self._many(_SAVE, [_row(record) for record in records])

    async def add_steps(self, steps: Sequence[AlertStep]) -> None:
        """Append to the histories."""
        rows: list[tuple[Any, ...]] = [
            (
                visible(step.fingerprint),
                format_instant(step.at),
                step.status.value,
                step.incident,
                step.because,
            )
            for step in steps
        ]
        await self._many(_STEP, rows)

    async def repeat(self, repeats: Mapping[str, Repeats]) -> None:
        """Count repetitions."""
        rows: list[tuple[Any, ...]] = [
            (each.times, format_instant(each.last_seen_at), _text(each.expires_at), visible(fingerprint))
            for fingerprint, each in repeats.items()
        ]
        await self._many(_REPEAT, rows)

    async def move(self, source: IncidentId, into: IncidentId, at: datetime, because: str) -> int:
        """Let all alerts of one incident belong to another."""
        stepped = (
            "INSERT INTO alert_steps (fingerprint, at, status, incident, because) "
            "SELECT fingerprint, ?, status, ?, ? FROM alerts WHERE incident = ?"
        )
        values = (format_instant(at), into, because, source)
        await self._connection.exec_driver_sql(self._sql(stepped), values)
        moved = "UPDATE alerts SET incident = ?, because = ? WHERE incident = ?"
        done = await self._connection.exec_driver_sql(self._sql(moved), (into, because, source))
        return done.rowcount


def visible(text: str) -> str:
    """Text as PostgreSQL can keep it (see `schema.Plain`)."""
    return text.replace("\x00", "\u2400") if "\x00" in text else text


def _text(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)


def _row(record: AlertRecord) -> tuple[Any, ...]:
    alert = record.alert
    first, last = format_instant(record.first_seen_at), format_instant(record.last_seen_at)
    return (
        visible(alert.fingerprint),
        record.incident,
        (AlertStatus.FIRING if record.firing else AlertStatus.RESOLVED).value,
        visible(record.because),
        first,
        last,
        _text(alert.expires_at) if alert.status is AlertStatus.FIRING else None,
        record.times,
        " ".join(map(format_instant, record.changes)),
        canonical_text(alert),
    )


def _record(row: Any) -> AlertRecord:
    _, incident, status, because, first, last, expires, times, changes, body = row
    alert = read_body(body, Alert)
    expires_at = parse_instant(expires) if expires else None
    if alert.expires_at != expires_at:
        alert = replace(alert, expires_at=expires_at)
    return AlertRecord(
        alert=alert,
        incident=incident,
        because=because,
        first_seen_at=parse_instant(first),
        last_seen_at=parse_instant(last),
        times=times,
        changes=tuple(map(parse_instant, changes.split())),
        held=status == AlertStatus.FIRING.value != alert.status.value,
    )
