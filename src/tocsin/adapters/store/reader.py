"""The `Reader` port on SQLAlchemy Core."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Executable, Text, func, select, type_coerce

from tocsin.adapters.store import rows
from tocsin.adapters.store.heard import Heard
from tocsin.adapters.store.schema import (
    accounts,
    alerts,
    audit,
    events,
    incidents,
    outbox,
    playbooks,
    records,
    sessions,
    settings,
    tokens,
)
from tocsin.adapters.store.steps import Connected, step
from tocsin.alerts.holders import Holder
from tocsin.base.ids import IncidentId
from tocsin.engine.records import (
    Account,
    AlertRecord,
    AlertStep,
    AuditEntry,
    ChainedEntry,
    OutboxRow,
    OutboxStatus,
    PlaybookVersion,
    Session,
    Token,
)
from tocsin.incident.commands import Tally
from tocsin.incident.state import ENDED, Incident, State

T = TypeVar("T", bound=msgspec.Struct)

HOLDING = tuple(state.value for state in State if state not in ENDED)

STORED_EVENT = (
    events.c.incident,
    events.c.seq,
    type_coerce(events.c.at, Text).label("at"),
    events.c.actor,
    events.c.kind,
    events.c.data,
    events.c.previous,
    events.c.hash,
)
"""An event's columns with the time as it is stored."""

_YIELD_EVERY = 100


class SqlReader(Connected):
    """A view of the store; what each method gives is said at the port."""

    async def _all(self, query: Executable) -> Sequence[Any]:
        return (await self.connection.execute(query)).mappings().all()

    async def _value(self, query: Executable) -> Any:
        return (await self.connection.execute(query)).scalar_one_or_none()

    @step
    async def incident(self, incident: IncidentId) -> Incident | None:
        body = await self._value(select(incidents.c.body).where(incidents.c.id == incident))
        return None if body is None else rows.read_body(body, Incident)

    @step
    async def incidents(
        self, states: Sequence[State] = (), limit: int = 100, before: int | None = None
    ) -> list[Incident]:
        query = select(incidents.c.body).order_by(incidents.c.number.desc()).limit(limit)
        if states:
            query = query.where(incidents.c.state.in_([state.value for state in states]))
        if before is not None:
            query = query.where(incidents.c.number < before)
        return [rows.read_body(row["body"], Incident) for row in await self._all(query)]

    @step
    async def count_incidents(self) -> dict[State, int]:
        query = select(incidents.c.state, func.count().label("many")).group_by(incidents.c.state)
        counts = {row["state"]: row["many"] for row in await self._all(query)}
        return {state: counts[state.value] for state in State if state.value in counts}

    @step
    async def timeline(self, incident: IncidentId, after: int = 0, limit: int = 10_000) -> list[ChainedEntry]:
        query = (
            select(*STORED_EVENT)
            .where(events.c.incident == incident, events.c.seq > after)
            .order_by(events.c.seq)
            .limit(limit)
        )
        links: list[ChainedEntry] = []
        for count, row in enumerate(await self._all(query), start=1):
            links.append(rows.read_link(row))
            if count % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
        return links

    @step
    async def holders(self) -> list[Holder]:
        return await self._holders()

    async def _holders(self) -> list[Holder]:
        table = incidents.c
        columns = (table.id, table.group_key, table.resolved_at, table.state)
        query = select(*columns).where(incidents.c.state.in_(HOLDING)).order_by(incidents.c.number.desc())
        return [
            Holder(
                id=row["id"],
                group_key=row["group_key"],
                resolved_at=row["resolved_at"],
                taken_on=row["state"] != State.OPEN.value,
            )
            for row in await self._all(query)
        ]

    @step
    async def due(self, now: datetime, limit: int) -> list[IncidentId]:
        query = (
            select(incidents.c.id)
            .where(incidents.c.next_due_at <= now)
            .order_by(incidents.c.next_due_at, incidents.c.number)
            .limit(limit)
        )
        return [row["id"] for row in await self._all(query)]

    @step
    async def next_due_at(self) -> datetime | None:
        return await self._value(select(func.min(incidents.c.next_due_at)))

    @step
    async def next_outbox_at(self, held: Collection[str] = ()) -> datetime | None:
        waiting = (outbox.c.status == OutboxStatus.PENDING.value) & outbox.c.bundle.not_in(held)
        return await self._value(select(func.min(outbox.c.ready_at)).where(waiting))

    @property
    def heard(self) -> Heard:
        """The statements about alerts."""
        return Heard(self.connection, sqlite=self._address.sqlite)

    @step
    async def alert(self, fingerprint: str) -> AlertRecord | None:
        return next(iter(await self.heard.records([fingerprint])), None)

    @step
    async def alert_records(self, fingerprints: Sequence[str]) -> list[AlertRecord]:
        return await self.heard.records(fingerprints)

    @step
    async def alert_steps(self, fingerprint: str, limit: int = 200) -> list[AlertStep]:
        return await self.heard.steps(fingerprint, limit)

    @step
    async def alert_tallies(self, incidents: Collection[IncidentId]) -> dict[IncidentId, Tally]:
        return await self.heard.tallies(incidents)

    @step
    async def expired_alerts(self, now: datetime, limit: int) -> list[AlertRecord]:
        return await self.heard.expired(now, limit)

    @step
    async def next_expiry_at(self) -> datetime | None:
        return await self.heard.next_expiry_at()

    @step
    async def alerts(
        self,
        limit: int = 200,
        incident: IncidentId | None = None,
        after: tuple[datetime, str] | None = None,
    ) -> list[AlertRecord]:
        return await self.heard.newest(limit, incident, after)

    @step
    async def count_alerts(self) -> int:
        return await self._value(select(func.count()).select_from(alerts))

    @step
    async def outbox(
        self, status: OutboxStatus | None = None, incident: IncidentId | None = None, limit: int = 200
    ) -> list[OutboxRow]:
        query = select(outbox).order_by(outbox.c.position.desc()).limit(limit)
        if status is not None:
            query = query.where(outbox.c.status == status.value)
        if incident is not None:
            query = query.where(outbox.c.incident == incident)
        return [rows.read_outbox(row) for row in await self._all(query)]

    @step
    async def playbook(self, hash: str) -> PlaybookVersion | None:
        for row in await self._all(select(playbooks).where(playbooks.c.hash == hash)):
            return PlaybookVersion(**row)
        return None

    @step
    async def account(self, name: str) -> Account | None:
        body = await self._value(select(accounts.c.body).where(accounts.c.key == name.casefold()))
        return None if body is None else rows.read_body(body, Account)

    @step
    async def accounts(self) -> list[Account]:
        found = [rows.read_body(row["body"], Account) for row in await self._all(select(accounts.c.body))]
        return sorted(found, key=lambda account: account.name.casefold())

    @step
    async def token(self, secret_hash: str) -> Token | None:
        body = await self._value(select(tokens.c.body).where(tokens.c.secret_hash == secret_hash))
        return None if body is None else rows.read_body(body, Token)

    @step
    async def tokens(self) -> list[Token]:
        query = select(tokens.c.body).order_by(tokens.c.created_at.desc(), tokens.c.id)
        return [rows.read_body(row["body"], Token) for row in await self._all(query)]

    @step
    async def session(self, secret_hash: str) -> Session | None:
        body = await self._value(select(sessions.c.body).where(sessions.c.secret_hash == secret_hash))
        return None if body is None else rows.read_body(body, Session)

    @step
    async def setting(self, key: str) -> str | None:
        return await self._value(select(settings.c.value).where(settings.c.key == key))

    @step
    async def audit(self, limit: int = 200) -> list[AuditEntry]:
        query = select(audit).order_by(audit.c.seq.desc()).limit(limit)
        return [rows.read_audit(row) for row in await self._all(query)]

    @step
    async def kept(self, shape: type[T], key: str) -> T | None:
        mine = (records.c.shape == shape.__name__) & (records.c.key == key)
        body = await self._value(select(records.c.body).where(mine))
        return None if body is None else rows.read_body(body, shape)

    @step
    async def all_kept(self, shape: type[T], limit: int = 1_000) -> list[T]:
        query = select(records.c.body).where(records.c.shape == shape.__name__)
        newest_first = query.order_by(records.c.at.desc(), records.c.key).limit(limit)
        return [rows.read_body(row["body"], shape) for row in await self._all(newest_first)]
