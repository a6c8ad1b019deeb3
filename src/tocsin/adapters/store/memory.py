"""The store in memory, for drills, the simulator and tests: the same promises while the process lives."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tocsin.adapters.store import rows
from tocsin.adapters.store.checking import (
    AUDIT,
    ChainCheck,
    Fold,
    as_stored,
    audit_link,
    check_incident,
    fault,
)
from tocsin.adapters.store.codec import GENESIS, canonical_text
from tocsin.adapters.store.memory_unit import MemoryReader, MemoryUnit
from tocsin.adapters.store.steps import OnStep, no_step
from tocsin.adapters.store.tables import Tables
from tocsin.base.ids import incident_id
from tocsin.base.times import format_instant
from tocsin.engine.records import Fault


class MemoryStore:
    """The `Store` port on tables in memory.

    One transaction at a time writes, on tables of its own that replace the others at the commit, so
    that reading waits for nothing and sees one state. `fold` and `on_step` are those of `sql.connect`.
    """

    exclusive = True

    def __init__(self, fold: Fold, on_step: OnStep = no_step) -> None:
        self._fold = fold
        self._on_step = on_step
        self._tables = Tables()
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[MemoryUnit, None]:
        """Begin a transaction for writing (see the port)."""
        async with self._turn:
            self._on_step("begin")
            unit = MemoryUnit(self._tables, self._on_step)
            yield unit
            self._on_step("commit")
            self._tables = unit.result()
        self._on_step("committed")

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[MemoryReader, None]:
        """A consistent view for reading (see the port)."""
        yield MemoryReader(self._tables, self._on_step)

    async def verify(self) -> list[Fault]:
        """Check every chain and read model (see the port)."""
        tables = self._tables
        given = (incident_id(number) for number in range(1, tables.number + 1) if number not in tables.unused)
        faults = [fault(each, 0, "the incident is missing") for each in given if each not in tables.cases]
        for case in tables.cases.values():
            head = as_stored(rows.incident_columns(case.incident, case.next_due_at, case.last_hash))
            events = [as_stored(rows.event_columns(link)) for link in case.entries]
            faults.extend(check_incident(head, events, self._fold))
        chain = ChainCheck(AUDIT, audit_link)
        for line in tables.audit:
            chain.add(
                {
                    "seq": line.seq,
                    "at": format_instant(line.at),
                    "actor": canonical_text(line.actor),
                    "action": line.action,
                    "detail": canonical_text(line.detail),
                    "previous": line.previous,
                    "hash": line.hash,
                }
            )
        chain.end(len(tables.audit), tables.audit[-1].hash if tables.audit else GENESIS)
        return [*faults, *chain.faults]

    async def close(self) -> None:
        """Nothing is held that has to be let go."""
