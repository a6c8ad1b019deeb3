"""Reading and writing the tables of the memory store; what each method does is said at the ports."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from tocsin.adapters.store import rows
from tocsin.adapters.store.codec import GENESIS, audit_hash, canonical_text
from tocsin.adapters.store.steps import OnStep
from tocsin.adapters.store.tables import Case, Draft, Tables
from tocsin.alerts.holders import Holder
from tocsin.base import limits
from tocsin.base.ids import IncidentId, PageId, incident_id
from tocsin.base.times import format_instant
from tocsin.engine.ports import ConflictError
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
from tocsin.incident.events import Actor, Entry
from tocsin.incident.outgoing import RaiseAlert, Send
from tocsin.incident.state import ENDED, Incident, State

T = TypeVar("T", bound=msgspec.Struct)


def _ready_at(row: OutboxRow) -> datetime:
    return row.lease_until or row.due_at


def _is_ready(row: OutboxRow, now: datetime) -> bool:
    at = _ready_at(row)
    waits_long = at > now + limits.outbox_page_wait_max
    return at <= now or (waits_long and (bool(_bundle(row)) or row.attempts > 0))


class MemoryReader:
    """A view of tables that nobody changes meanwhile."""

    def __init__(self, tables: Tables, on_step: OnStep) -> None:
        self._tables = tables
        self._step = on_step

    def _newest_cases(self) -> list[Case]:
        return list(reversed(self._tables.cases.values()))

    async def incident(self, incident: IncidentId) -> Incident | None:
        self._step("incident")
        case = self._tables.cases.get(incident)
        return case.incident if case else None

    async def incidents(
        self, states: Sequence[State] = (), limit: int = 100, before: int | None = None
    ) -> list[Incident]:
        self._step("incidents")
        found = [
            case.incident
            for case in self._newest_cases()
            if (not states or case.incident.state in states)
            and (before is None or rows.number_of(case.incident.id) < before)
        ]
        return found[:limit]

    async def count_incidents(self) -> dict[State, int]:
        self._step("count_incidents")
        counts = Counter(case.incident.state for case in self._tables.cases.values())
        return {state: counts[state] for state in State if counts[state]}

    async def timeline(self, incident: IncidentId, after: int = 0, limit: int = 10_000) -> list[ChainedEntry]:
        self._step("timeline")
        case = self._tables.cases.get(incident)
        return list(case.entries[max(after, 0) :][:limit]) if case else []

    async def holders(self) -> list[Holder]:
        self._step("holders")
        return [
            Holder(
                id=case.incident.id,
                group_key=case.incident.group_key,
                fingerprints=frozenset(alert.fingerprint for alert in case.incident.alerts),
                resolved_at=case.incident.resolved_at,
            )
            for case in self._newest_cases()
            if case.incident.state not in ENDED
        ]

    async def due(self, now: datetime, limit: int) -> list[IncidentId]:
        self._step("due")
        due = [
            (case.next_due_at, rows.number_of(key), key)
            for key, case in self._tables.cases.items()
            if case.next_due_at is not None and case.next_due_at <= now
        ]
        return [key for _, _, key in sorted(due)[:limit]]

    async def next_due_at(self) -> datetime | None:
        self._step("next_due_at")
        return min(
            (case.next_due_at for case in self._tables.cases.values() if case.next_due_at), default=None
        )

    async def next_outbox_at(self, held: Collection[str] = ()) -> datetime | None:
        self._step("next_outbox_at")
        waiting = (self._tables.outbox[key] for key in self._tables.waiting)
        return min((_ready_at(row) for row in waiting if _bundle(row) not in held), default=None)

    async def alert(self, fingerprint: str) -> AlertRecord | None:
        self._step("alert")
        return self._tables.alerts.get(fingerprint)

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

    async def alert_steps(self, fingerprint: str, limit: int = 100) -> list[AlertStep]:
        self._step("alert_steps")
        found = self._tables.alerts.get(fingerprint)
        return rows.steps_of(found)[:limit] if found else []

    async def count_alerts(self) -> int:
        self._step("count_alerts")
        return len(self._tables.alerts)

    async def outbox(
        self, status: OutboxStatus | None = None, incident: IncidentId | None = None, limit: int = 200
    ) -> list[OutboxRow]:
        self._step("outbox")
        found = [
            row
            for row in reversed(self._tables.outbox.values())
            if status in (None, row.status) and incident in (None, row.effect.incident)
        ]
        return found[:limit]

    async def playbook(self, hash: str) -> PlaybookVersion | None:
        self._step("playbook")
        return self._tables.playbooks.get(hash)

    async def account(self, name: str) -> Account | None:
        self._step("account")
        return self._tables.accounts.get(name.casefold())

    async def accounts(self) -> list[Account]:
        self._step("accounts")
        return sorted(self._tables.accounts.values(), key=lambda account: account.name.casefold())

    async def token(self, secret_hash: str) -> Token | None:
        self._step("token")
        tokens = self._tables.tokens.values()
        return next((token for token in tokens if token.secret_hash == secret_hash), None)

    async def tokens(self) -> list[Token]:
        self._step("tokens")
        found = sorted(self._tables.tokens.values(), key=lambda token: token.id)
        return sorted(found, key=lambda token: token.created_at, reverse=True)

    async def session(self, secret_hash: str) -> Session | None:
        self._step("session")
        return self._tables.sessions.get(secret_hash)

    async def setting(self, key: str) -> str | None:
        self._step("setting")
        return self._tables.settings.get(key)

    async def audit(self, limit: int = 200) -> list[AuditEntry]:
        self._step("audit")
        return list(reversed(self._tables.audit))[:limit]

    async def kept(self, shape: type[T], key: str) -> T | None:
        self._step("kept")
        found = self._tables.records.get((shape.__name__, key))
        return found[1] if found and isinstance(found[1], shape) else None

    async def all_kept(self, shape: type[T], limit: int = 1_000) -> list[T]:
        self._step("all_kept")
        mine = [(key, *row) for (_, key), row in self._tables.records.items() if isinstance(row[1], shape)]
        mine.sort(key=lambda each: each[0])
        mine.sort(key=lambda each: each[1], reverse=True)
        return [record for _, _, record in mine[:limit] if isinstance(record, shape)]


class MemoryUnit(MemoryReader):
    """A transaction: it reads and writes tables of its own, which the store takes over at the commit."""

    def __init__(self, base: Tables, on_step: OnStep) -> None:
        self._draft = Draft(base)
        self._numbers: set[int] = set()
        super().__init__(self._draft.tables, on_step)

    def result(self) -> Tables:
        """The tables after this transaction."""
        self._tables.unused = self._tables.unused | self._numbers
        return self._tables

    async def new_incident_id(self) -> IncidentId:
        self._step("new_incident_id")
        self._tables.number += 1
        self._numbers.add(self._tables.number)
        return incident_id(self._tables.number)

    async def lock(self, incident: IncidentId) -> Incident | None:
        self._step("lock")
        case = self._tables.cases.get(incident)
        return case.incident if case else None

    async def append(
        self, entries: Sequence[Entry], incident: Incident, next_due_at: datetime | None
    ) -> None:
        self._step("append")
        case = self._tables.cases.get(incident.id)
        stored = case.entries if case else ()
        last_seq = len(stored)
        follows = range(last_seq + 1, last_seq + 1 + len(entries))
        if [entry.seq for entry in entries] != list(follows) or incident.seq != last_seq + len(entries):
            raise ConflictError(f"{incident.id} has {last_seq} entries; what comes now does not follow")
        assert all(entry.incident == incident.id for entry in entries), "entries of another incident"
        number = rows.number_of(incident.id)
        links = rows.chain(entries, case.last_hash if case else GENESIS)
        self._draft.table("cases")[incident.id] = Case(incident, (*stored, *links), next_due_at)
        self._numbers.discard(number)

    async def save_alert(self, record: AlertRecord) -> None:
        self._step("save_alert")
        self._draft.table("alerts")[record.alert.fingerprint] = record

    async def enqueue(self, effects: Sequence[Send | RaiseAlert]) -> None:
        self._step("enqueue")
        for effect in effects:
            if effect.key not in self._tables.outbox:
                self._save(
                    OutboxRow(
                        key=effect.key, effect=effect, status=OutboxStatus.PENDING, due_at=effect.due_at
                    )
                )

    def _save(self, row: OutboxRow) -> None:
        self._draft.table("outbox")[row.key] = row
        waiting = self._draft.table("waiting")
        if row.status is OutboxStatus.PENDING:
            waiting.setdefault(row.key, None)
        else:
            waiting.pop(row.key, None)

    async def cancel(self, incident: IncidentId, pages: Sequence[PageId]) -> int:
        self._step("cancel")
        found: list[OutboxRow] = []
        for key in self._tables.waiting:
            row = self._tables.outbox[key]
            if isinstance(row.effect, Send) and row.effect.incident == incident and row.effect.page in pages:
                found.append(row)
        for row in found:
            self._save(replace(row, status=OutboxStatus.CANCELLED, lease_until=None))
        return len(found)

    async def claim(
        self, now: datetime, lease_until: datetime, limit: int, held: Collection[str] = ()
    ) -> list[OutboxRow]:
        self._step("claim")
        every = (self._tables.outbox[key] for key in self._tables.waiting)
        waiting = (row for row in every if _bundle(row) not in held)
        free = sorted((row for row in waiting if _is_ready(row, now)), key=lambda row: row.due_at)
        bundles = {_bundle(row) for row in free[:limit]} - {""}
        taken = free[:limit] + [row for row in free[limit:] if _bundle(row) in bundles]
        leased = [replace(row, attempts=row.attempts + 1, lease_until=lease_until) for row in taken]
        for row in leased:
            self._save(row)
        return leased

    async def finish(
        self, key: str, status: OutboxStatus, at: datetime, error: str = "", retry_at: datetime | None = None
    ) -> None:
        self._step("finish")
        row = self._tables.outbox.get(key)
        if row is None or (status is not OutboxStatus.DELIVERED and row.status is not OutboxStatus.PENDING):
            return
        ended = replace(row, status=status, lease_until=None, last_error=error)
        if status is OutboxStatus.PENDING:
            self._save(replace(ended, due_at=retry_at or at))
        else:
            self._save(replace(ended, done_at=at))

    async def save_playbook(self, version: PlaybookVersion) -> None:
        self._step("save_playbook")
        self._draft.table("playbooks").setdefault(version.hash, version)

    async def save_account(self, account: Account) -> None:
        self._step("save_account")
        self._draft.table("accounts")[account.name.casefold()] = account

    async def save_token(self, token: Token) -> None:
        self._step("save_token")
        same = (each for each in self._tables.tokens.values() if each.secret_hash == token.secret_hash)
        if any(each.id != token.id for each in same):
            raise ConflictError("another token has this secret")
        self._draft.table("tokens")[token.id] = token

    async def save_session(self, session: Session) -> None:
        self._step("save_session")
        self._draft.table("sessions")[session.secret_hash] = session

    async def drop_session(self, secret_hash: str) -> None:
        self._step("drop_session")
        self._draft.table("sessions").pop(secret_hash, None)

    async def set_setting(self, key: str, value: str) -> None:
        self._step("set_setting")
        self._draft.table("settings")[key] = value

    async def keep(self, key: str, record: msgspec.Struct, at: datetime) -> None:
        self._step("keep")
        self._draft.table("records")[type(record).__name__, key] = (at, record)

    async def forget(self, shape: type[msgspec.Struct], key: str) -> None:
        self._step("forget")
        self._draft.table("records").pop((shape.__name__, key), None)

    async def forget_before(self, shape: type[msgspec.Struct], at: datetime) -> int:
        self._step("forget_before")
        records = self._draft.table("records")
        old = [name for name, (when, _) in records.items() if name[0] == shape.__name__ and when < at]
        for name in old:
            del records[name]
        return len(old)

    async def record_audit(self, at: datetime, actor: Actor, action: str, detail: Mapping[str, str]) -> None:
        self._step("record_audit")
        lines = self._tables.audit
        previous = lines[-1].hash if lines else GENESIS
        seq = len(lines) + 1
        link = audit_hash(
            previous, seq, format_instant(at), canonical_text(actor), action, canonical_text(dict(detail))
        )
        line = AuditEntry(
            seq=seq, at=at, actor=actor, action=action, detail=dict(detail), previous=previous, hash=link
        )
        self._tables.audit = (*lines, line)


def _bundle(row: OutboxRow) -> str:
    return row.effect.bundle if isinstance(row.effect, Send) else ""
