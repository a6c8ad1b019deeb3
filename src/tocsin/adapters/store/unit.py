"""The `Unit` port on SQLAlchemy Core: what a writing transaction can do, besides reading."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Table, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from tocsin.adapters.store import mail, rows
from tocsin.adapters.store.address import Address
from tocsin.adapters.store.codec import GENESIS, audit_hash, canonical_text
from tocsin.adapters.store.reader import SqlReader
from tocsin.adapters.store.schema import (
    accounts,
    audit,
    events,
    heads,
    incidents,
    playbooks,
    records,
    sessions,
    settings,
    tokens,
)
from tocsin.adapters.store.steps import OnStep, step
from tocsin.alerts.holders import Holder
from tocsin.base.ids import IncidentId, PageId, incident_id
from tocsin.base.times import format_instant
from tocsin.engine.ports import ConflictError
from tocsin.engine.records import (
    Account,
    AlertRecord,
    AlertStep,
    ChainedEntry,
    OutboxRow,
    OutboxStatus,
    PlaybookVersion,
    Repeats,
    Session,
    Token,
)
from tocsin.incident.events import Actor, Entry
from tocsin.incident.outgoing import RaiseAlert, Send
from tocsin.incident.state import Incident

UNUSED_NUMBERS = "store.unused-numbers"
"""The setting that lists numbers which were taken and never used, so that `verify` does not miss them."""

_OPENING = 0x70C51_0001
"""The advisory lock that lets one node at a time decide where alerts belong."""


_CHANGED = (
    update(incidents)
    .where(incidents.c.number == bindparam("at_number"))
    .values({column.name: bindparam(column.name) for column in incidents.columns if not column.primary_key})
)


class SqlUnit(SqlReader):
    """One writing transaction; what each method does is said at the port."""

    def __init__(self, connection: AsyncConnection, address: Address, on_step: OnStep) -> None:
        super().__init__(connection, address, on_step)
        self._tips: dict[str, tuple[int, str]] = {}
        self._numbers: set[int] = set()

    def _insert(self, table: Table) -> Any:
        return sqlite.insert(table) if self._address.sqlite else postgresql.insert(table)

    async def _upsert(self, table: Table, values: Mapping[str, Any]) -> None:
        keys = [column.name for column in table.primary_key]
        changed = {name: value for name, value in values.items() if name not in keys}
        statement = self._insert(table).values(**values)
        await self.connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))

    @step
    async def holders(self) -> list[Holder]:
        """As the port says; and until this transaction ends no other one can ask, so that two nodes never
        open two incidents for one alert. (On SQLite there is only one writer anyway.)"""
        if not self._address.sqlite:
            await self.connection.execute(select(func.pg_advisory_xact_lock(_OPENING)))
        return await self._holders()

    @step
    async def new_incident_id(self) -> IncidentId:
        taken = (
            update(heads)
            .where(heads.c.name == "incidents")
            .values(number=heads.c.number + 1)
            .returning(heads.c.number)
        )
        number = (await self.connection.execute(taken)).scalar_one()
        self._numbers.add(number)
        return incident_id(number)

    @step
    async def lock(self, incident: IncidentId) -> Incident | None:
        return (await self._lock([incident])).get(incident)

    @step
    async def lock_all(self, incidents: Collection[IncidentId]) -> dict[IncidentId, Incident]:
        return await self._lock(incidents)

    async def _lock(self, wanted: Collection[IncidentId]) -> dict[IncidentId, Incident]:
        found = await self._heads(wanted, incidents.c.body)
        return {row[0]: rows.read_body(row[3], Incident) for row in found}

    async def _heads(self, wanted: Collection[IncidentId], *more: Any) -> Sequence[Any]:
        """Lock the rows, always in the same order, and remember where their chains stand."""
        columns = (incidents.c.id, incidents.c.last_seq, incidents.c.last_hash, *more)
        query = select(*columns).where(incidents.c.id.in_(wanted)).order_by(incidents.c.number)
        found = (await self.connection.execute(query.with_for_update())).all()
        self._tips.update({row[0]: (row[1], row[2]) for row in found})
        return found

    @step
    async def append(
        self, entries: Sequence[Entry], incident: Incident, next_due_at: datetime | None
    ) -> None:
        await self._append([(entries, incident, next_due_at)])

    @step
    async def append_all(self, appended: Sequence[tuple[Sequence[Entry], Incident, datetime | None]]) -> None:
        await self._append(appended)

    async def _append(self, appended: Sequence[tuple[Sequence[Entry], Incident, datetime | None]]) -> None:
        unknown = [incident.id for _, incident, _ in appended if incident.id not in self._tips]
        if unknown:
            await self._heads(unknown)
        opening: list[rows.Columns] = []
        changed: list[rows.Columns] = []
        links: list[ChainedEntry] = []
        for entries, incident, next_due_at in appended:
            last_seq, last_hash = self._tips.get(incident.id, (0, GENESIS))
            follows = range(last_seq + 1, last_seq + 1 + len(entries))
            if [entry.seq for entry in entries] != list(follows) or incident.seq != last_seq + len(entries):
                raise ConflictError(f"{incident.id} has {last_seq} entries; what comes now does not follow")
            assert all(entry.incident == incident.id for entry in entries), "entries of another incident"
            linked = rows.chain(entries, last_hash)
            links += linked
            tip = (incident.seq, linked[-1].hash if linked else last_hash)
            columns = rows.incident_columns(incident, next_due_at, tip[1])
            (changed if last_seq else opening).append(columns)
            self._tips[incident.id] = tip
            self._numbers.discard(columns["number"])
        await self._write_incidents(opening, changed)
        if links:
            await self.connection.execute(events.insert(), [rows.event_columns(link) for link in links])

    async def _write_incidents(self, opening: list[rows.Columns], changed: list[rows.Columns]) -> None:
        for columns in opening:
            inserted = self._insert(incidents).values(**columns).on_conflict_do_nothing()
            opened = await self.connection.execute(inserted.returning(incidents.c.number))
            if opened.first() is None:
                raise ConflictError(f"{columns['id']} was opened by another writer first")
        if changed:
            values = [{**columns, "at_number": columns["number"]} for columns in changed]
            await self.connection.execute(_CHANGED, values)

    @step
    async def save_alerts(self, records: Sequence[AlertRecord]) -> None:
        await self.heard.save(records)

    @step
    async def add_alert_steps(self, steps: Sequence[AlertStep]) -> None:
        await self.heard.add_steps(steps)

    @step
    async def repeat_alerts(self, repeats: Mapping[str, Repeats]) -> None:
        await self.heard.repeat(repeats)

    @step
    async def move_alerts(self, source: IncidentId, into: IncidentId, at: datetime, because: str) -> int:
        return await self.heard.move(source, into, at, because)

    @step
    async def enqueue(self, effects: Sequence[Send | RaiseAlert]) -> None:
        await mail.enqueue(self.connection, effects, self._insert)

    @step
    async def cancel(self, incident: IncidentId, pages: Sequence[PageId]) -> int:
        return await mail.cancel(self.connection, incident, pages)

    @step
    async def claim(
        self, now: datetime, lease_until: datetime, limit: int, held: Collection[str] = ()
    ) -> list[OutboxRow]:
        return await mail.claim(self.connection, now, lease_until, limit, held)

    @step
    async def finish(
        self, key: str, status: OutboxStatus, at: datetime, error: str = "", retry_at: datetime | None = None
    ) -> None:
        await mail.finish(self.connection, key, status, at, error, retry_at)

    @step
    async def save_playbook(self, version: PlaybookVersion) -> None:
        statement = self._insert(playbooks).values(**msgspec.structs.asdict(version))
        await self.connection.execute(statement.on_conflict_do_nothing(index_elements=["hash"]))

    @step
    async def save_account(self, account: Account) -> None:
        await self._upsert(accounts, {"key": account.name.casefold(), "body": canonical_text(account)})

    @step
    async def save_token(self, token: Token) -> None:
        await self._upsert(
            tokens,
            {
                "id": token.id,
                "secret_hash": token.secret_hash,
                "created_at": token.created_at,
                "body": canonical_text(token),
            },
        )

    @step
    async def save_session(self, session: Session) -> None:
        await self._upsert(
            sessions,
            {
                "secret_hash": session.secret_hash,
                "expires_at": session.expires_at,
                "body": canonical_text(session),
            },
        )

    @step
    async def drop_session(self, secret_hash: str) -> None:
        await self.connection.execute(sessions.delete().where(sessions.c.secret_hash == secret_hash))

    @step
    async def set_setting(self, key: str, value: str) -> None:
        await self._upsert(settings, {"key": key, "value": value})

    @step
    async def keep(self, key: str, record: msgspec.Struct, at: datetime) -> None:
        name = type(record).__name__
        await self._upsert(records, {"shape": name, "key": key, "at": at, "body": canonical_text(record)})

    @step
    async def forget(self, shape: type[msgspec.Struct], key: str) -> None:
        mine = (records.c.shape == shape.__name__) & (records.c.key == key)
        await self.connection.execute(records.delete().where(mine))

    @step
    async def forget_before(self, shape: type[msgspec.Struct], at: datetime) -> int:
        old = (records.c.shape == shape.__name__) & (records.c.at < at)
        return (await self.connection.execute(records.delete().where(old))).rowcount

    @step
    async def record_audit(self, at: datetime, actor: Actor, action: str, detail: Mapping[str, str]) -> None:
        tip = select(heads.c.number, heads.c.hash).where(heads.c.name == "audit").with_for_update()
        last, previous = (await self.connection.execute(tip)).one()
        line = {
            "actor": canonical_text(actor),
            "action": action.replace("\x00", "\u2400"),
            "detail": canonical_text(dict(detail)),
            "previous": previous,
        }
        seq = last + 1
        link = audit_hash(seq=seq, at=format_instant(at), **line)
        await self.connection.execute(audit.insert().values(seq=seq, at=at, hash=link, **line))
        moved = update(heads).where(heads.c.name == "audit").values(number=seq, hash=link)
        await self.connection.execute(moved)

    async def note_unused_numbers(self) -> None:
        """Keep the numbers that were taken and not used; called before the commit."""
        if not self._numbers:
            return
        query = select(settings.c.value).where(settings.c.key == UNUSED_NUMBERS).with_for_update()
        known = (await self.connection.execute(query)).scalar_one_or_none()
        numbers = sorted({*msgspec.json.decode(known or "[]", type=set[int]), *self._numbers})
        await self._upsert(settings, {"key": UNUSED_NUMBERS, "value": canonical_text(numbers)})
