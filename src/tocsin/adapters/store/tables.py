"""The contents of the memory store at one moment, and the cheap copies that make transactions of them."""

from datetime import datetime
from typing import Any

import msgspec

from tocsin.adapters.store.codec import GENESIS
from tocsin.base.ids import IncidentId
from tocsin.engine.records import (
    Account,
    AlertRecord,
    AlertStep,
    AuditEntry,
    ChainedEntry,
    OutboxRow,
    PlaybookVersion,
    Session,
    Token,
)
from tocsin.incident.state import Incident


class Case(msgspec.Struct, frozen=True):
    """An incident with its entries, in order, and its next deadline (UTC)."""

    incident: Incident
    entries: tuple[ChainedEntry, ...]
    next_due_at: datetime | None

    @property
    def last_hash(self) -> str:
        """What the next entry follows."""
        return self.entries[-1].hash if self.entries else GENESIS


class Tables(msgspec.Struct):
    """Everything that is stored. A table is never changed once others can see it: see `Draft`.

    `waiting` has the keys of the rows of the outbox that are pending, in the order in which they came;
    `cases` are in the order of their numbers; `number` is the last that was given.
    """

    cases: dict[IncidentId, Case] = {}
    alerts: dict[str, AlertRecord] = {}
    alert_steps: dict[int, AlertStep] = {}
    outbox: dict[str, OutboxRow] = {}
    waiting: dict[str, None] = {}
    playbooks: dict[str, PlaybookVersion] = {}
    accounts: dict[str, Account] = {}
    tokens: dict[str, Token] = {}
    sessions: dict[str, Session] = {}
    settings: dict[str, str] = {}
    records: dict[tuple[str, str], tuple[datetime, msgspec.Struct]] = {}
    audit: tuple[AuditEntry, ...] = ()
    number: int = 0
    unused: frozenset[int] = frozenset()


class Draft:
    """A transaction's own tables: each is copied when it is first written to."""

    def __init__(self, base: Tables) -> None:
        self.tables = msgspec.structs.replace(base)
        self._copied: set[str] = set()

    def table(self, name: str) -> dict[Any, Any]:
        """The table of this name, to write to."""
        if name not in self._copied:
            setattr(self.tables, name, dict(getattr(self.tables, name)))
            self._copied.add(name)
        return getattr(self.tables, name)
