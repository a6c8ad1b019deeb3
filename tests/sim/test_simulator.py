"""Random lives of a whole Tocsin, each decided by its seed. `make simulate SEEDS=1000` runs more."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.sim.world import World
from tocsin.adapters.store.memory import MemoryStore
from tocsin.adapters.store.sql import connect
from tocsin.engine.ports import Store
from tocsin.incident.evolve import fold

SEEDS = int(os.environ.get("TOCSIN_SEEDS", "200"))
FIRST = int(os.environ.get("TOCSIN_FIRST_SEED", "1"))
TURNS = 60
SQLITE_SHARE = 20
"""One seed in so many runs on SQLite, the others on the memory store."""

Opener = Callable[[Callable[[str], None]], Awaitable[Store]]


def opener(seed: int, folder: Path) -> Opener:
    if seed % SQLITE_SHARE == 0:

        async def open_sqlite(step: Callable[[str], None]) -> Store:
            return await connect(f"sqlite:///{folder / 'sim.db'}", fold, on_step=step)

        return open_sqlite
    memory: list[MemoryStore] = []

    async def open_memory(step: Callable[[str], None]) -> Store:
        if not memory:
            memory.append(MemoryStore(fold, on_step=step))
        return memory[0]

    return open_memory


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_nothing_is_lost_and_nobody_is_paged_in_vain(seed: int, tmp_path: Path) -> None:
    world = World(seed, opener(seed, tmp_path))
    try:
        asyncio.run(world.run(TURNS))
    except BaseException:
        print(f"seed {seed} failed; run it again with: make simulate SEEDS=1 FIRST={seed}")
        print("\n".join(world.log))
        raise
