"""A process that is killed at a random moment has kept everything that it was told is kept."""

import random
import subprocess
import sys
import time

from tocsin.adapters.store.sql import connect
from tocsin.incident.evolve import fold
from tocsin.testing.store_samples import INC_1, open_one

WRITER = """
import asyncio, sys
from tocsin.adapters.store.sql import connect
from tocsin.incident.evolve import fold
from tocsin.testing.store_samples import INC_1, extend, noted, send

async def main():
    store = await connect(sys.argv[1], fold)
    while True:
        async with store.transaction() as unit:
            incident = await extend(unit, INC_1, noted("more"))
            await unit.enqueue([send(f"k{incident.seq}")])
        print(incident.seq, flush=True)

asyncio.run(main())
"""


async def test_a_killed_process_has_kept_what_it_said(database_url: str) -> None:
    store = await connect(database_url, fold)
    await open_one(store)
    await store.close()
    chance = random.Random(7)
    said = 1
    for _ in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, database_url],
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": ":".join(sys.path)},
            text=True,
        )
        assert writer.stdout
        first = writer.stdout.readline()
        time.sleep(chance.random() / 10)
        writer.kill()
        lines = [first, *writer.stdout]
        writer.stdout.close()
        writer.wait()
        whole = [int(line) for line in lines if line.endswith("\n")]
        store = await connect(database_url, fold)
        async with store.reading() as reader:
            links = await reader.timeline(INC_1)
            keys = {row.key for row in await reader.outbox(limit=10_000)}
        assert len(links) in (whole[-1], whole[-1] + 1)
        assert len(links) > said
        assert keys == {f"k{link.entry.seq}" for link in links[1:]}
        assert await store.verify() == []
        await store.close()
        said = len(links)
