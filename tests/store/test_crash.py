"""A crash at any step of a transaction leaves all of it or nothing."""

from pathlib import Path

import pytest

from tocsin.adapters.store.memory import MemoryStore
from tocsin.adapters.store.sql import SqlStore, connect
from tocsin.engine.ports import Store
from tocsin.engine.records import OutboxStatus
from tocsin.incident.evolve import fold
from tocsin.testing.store_samples import ALICE, INC_1, T0, after, alert, extend, noted, open_one, record, send


class Crash(BaseException):
    """The end of the process, as far as it can be played."""


class Crashing:
    """Counts the steps, and raises at the one that it was told."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.seen: list[str] = []

    def __call__(self, name: str) -> None:
        if self.left is None:
            return
        self.seen.append(name)
        self.left -= 1
        if self.left < 0:
            self.left = None
            raise Crash(name)


async def _opened(kind: str, tmp_path: Path, crashing: Crashing) -> MemoryStore | SqlStore:
    if kind == "memory":
        return MemoryStore(fold, crashing)
    return await connect(f"sqlite:///{tmp_path / 'tocsin.db'}", fold, crashing)


async def _write(store: Store) -> None:
    async with store.transaction() as unit:
        await extend(unit, INC_1, noted("more"), next_due_at=after(5))
        await unit.save_alerts([record(alert(), INC_1)])
        await unit.enqueue([send("new", 1)])
        await unit.claim(after(0), after(1), 10)
        await unit.finish("old", OutboxStatus.DELIVERED, T0)
        await unit.record_audit(T0, ALICE, "test", {})


async def _look(store: Store) -> tuple[object, ...]:
    async with store.reading() as reader:
        return (
            await reader.incident(INC_1),
            len(await reader.timeline(INC_1)),
            await reader.next_due_at(),
            await reader.count_alerts(),
            await reader.outbox(),
            await reader.audit(),
        )


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_crash_at_any_step_leaves_all_or_nothing(kind: str, tmp_path: Path) -> None:
    crashing = Crashing()
    store = await _opened(kind, tmp_path, crashing)
    await open_one(store)
    async with store.transaction() as unit:
        await unit.enqueue([send("old")])
    before = await _look(store)
    for number in range(100):
        crashing.left, crashing.seen = number, []
        try:
            await _write(store)
        except Crash:
            crashing.left = None
            kept = crashing.seen[-1] == "committed"
            if not kept:
                assert await _look(store) == before
                assert await store.verify() == []
                continue
        break
    assert crashing.seen[0] == "begin"
    assert crashing.seen[-2:] == ["commit", "committed"]
    assert {"lock", "timeline", "append", "save_alerts", "enqueue", "claim", "finish"} < set(crashing.seen)
    assert await _look(store) != before
    assert await store.verify() == []
    await store.close()
