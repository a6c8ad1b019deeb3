"""What is told when the database cannot be used, and that nothing is lost or stuck by it."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from tocsin.adapters.store.address import read_address
from tocsin.adapters.store.sql import SqlStore, connect
from tocsin.base.ids import IncidentId
from tocsin.base.problems import ProblemsError
from tocsin.engine.ports import ConflictError, StoreUnavailableError
from tocsin.incident.evolve import fold
from tocsin.testing.postgres import PrivatePostgres, private_postgres
from tocsin.testing.store_samples import INC_1, extend, noted, open_one, opened


async def _note(store: SqlStore) -> None:
    async with store.transaction() as unit:
        await extend(unit, INC_1, noted())


async def _length(store: SqlStore) -> int:
    async with store.reading() as reader:
        return len(await reader.timeline(INC_1))


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("", "it is no database URL"),
        ("postgresql", "it is no database URL"),
        ("mysql://u:geheim@h/d", "'mysql' is not a database"),
        ("sqlite://", "it names no file"),
        ("sqlite:///:memory:", "it names no file"),
        ("postgresql://u:geheim@h:port/d", "it is no database URL"),
    ],
)
def test_a_url_that_cannot_be_used(url: str, what: str) -> None:
    with pytest.raises(ProblemsError) as refused:
        read_address(url)
    (problem,) = refused.value.problems
    assert what in problem.message
    assert "sqlite:///PATH" in problem.mend
    assert "geheim" not in str(refused.value)


async def test_the_folder_of_a_file_is_made(tmp_path: Path) -> None:
    store = await connect(f"sqlite:///{tmp_path / 'a' / 'b' / 'tocsin.db'}", fold)
    await open_one(store)
    await store.close()
    (path,) = (tmp_path / "a" / "b").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600, "nobody else may read the hashes of passwords"


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database " * 100)
    with pytest.raises(StoreUnavailableError, match=r"notes\.txt: the file is not a SQLite database"):
        await connect(f"sqlite:///{path}", fold)


async def test_a_path_where_no_file_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailableError, match=r"file/tocsin\.db: (Not a directory|File exists)"):
        await connect(f"sqlite:///{tmp_path / 'file' / 'tocsin.db'}", fold)
    with pytest.raises(StoreUnavailableError, match="the file cannot be opened"):
        await connect(f"sqlite:///{tmp_path}", fold)


async def test_settings_of_every_sqlite_connection(tmp_path: Path) -> None:
    store = await connect(f"sqlite:///{tmp_path / 'tocsin.db'}", fold)
    async with store.transaction() as unit:
        wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
        for name, value in wanted.items():
            assert (await unit.connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one() == value
    async with store.reading() as reader:
        assert (await reader.connection.exec_driver_sql("PRAGMA query_only")).scalar_one() == 1
    await store.close()


async def test_a_file_locked_by_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tocsin.db"
    monkeypatch.setattr("tocsin.adapters.store.address.BUSY_SECONDS", 0.1)
    store = await connect(f"sqlite:///{path}", fold)
    await open_one(store)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="another process holds it locked"):
        await _note(store)
    assert await _length(store) == 1, "reading waits for no writer"
    other.execute("ROLLBACK")
    other.close()
    await _note(store)
    assert await _length(store) == 2
    await store.close()


async def test_a_full_disk_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    store = await connect(f"sqlite:///{tmp_path / 'tocsin.db'}", fold)
    await open_one(store)
    async with store.transaction() as unit:
        pages = (await unit.connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        await unit.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    async def fill() -> None:
        async with store.transaction() as unit:
            await extend(unit, INC_1, *(noted("x" * 9000) for _ in range(9)))

    with pytest.raises(StoreUnavailableError, match="the disk is full; make room"):
        await fill()
    assert await _length(store) == 1
    async with store.transaction() as unit:
        await unit.connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    await fill()
    assert await _length(store) == 10
    assert await store.verify() == []
    await store.close()


async def test_many_who_wait_for_their_turn_can_all_be_cancelled(tmp_path: Path) -> None:
    store = await connect(f"sqlite:///{tmp_path / 'tocsin.db'}", fold)
    await open_one(store)
    tasks = [asyncio.create_task(_note(store)) for _ in range(50)]
    await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.wait_for(_note(store), 5)
    assert await store.verify() == []
    await store.close()


async def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(StoreUnavailableError) as told:
        await connect("postgresql://tocsin:geheim@127.0.0.1:1/tocsin", fold)
    assert str(told.value).startswith("The database 127.0.0.1/tocsin: it cannot be reached (")
    assert "geheim" not in str(told.value)


async def test_a_database_that_is_not_there(postgres: PrivatePostgres) -> None:
    with pytest.raises(
        StoreUnavailableError, match=r"it cannot be reached \(.*database \"nowhere\" does not exist\)"
    ):
        await connect(postgres.url("nowhere"), fold)


async def test_one_who_waits_for_a_locked_incident_can_be_cancelled(postgres_database: str) -> None:
    store = await connect(postgres_database, fold)
    await open_one(store)
    async with store.transaction() as unit:
        await unit.lock(INC_1)
        waiting = asyncio.create_task(_note(store))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiting, 2)
    await asyncio.wait_for(_note(store), 5)
    assert await _length(store) == 2
    await store.close()


async def test_two_nodes_never_decide_at_once_where_alerts_belong(postgres_database: str) -> None:
    nodes = [await connect(postgres_database, fold) for _ in range(2)]

    async def open_unless_there(store: SqlStore) -> None:
        async with store.transaction() as unit:
            if not await unit.holders():
                await asyncio.sleep(0.05)
                await extend(unit, await unit.new_incident_id(), opened())

    await asyncio.gather(*(open_unless_there(node) for node in nodes * 3))
    async with nodes[0].reading() as reader:
        assert len(await reader.incidents()) == 1
    for node in nodes:
        await node.close()


async def test_a_server_that_went_away_and_came_back_keeps_what_was_committed() -> None:
    with private_postgres(durable=True) as server:
        store = await connect(server.url(server.create()), fold)
        await open_one(store)

        async def interrupted() -> None:
            async with store.transaction() as unit:
                await extend(unit, INC_1, noted("never kept"))
                server.stop()
                await extend(unit, INC_1, noted("never kept"))

        with pytest.raises(StoreUnavailableError, match="it cannot be reached"):
            await interrupted()
        with pytest.raises(StoreUnavailableError, match="it cannot be reached"):
            await _note(store)
        server.restart()
        await _note(store)
        assert await _length(store) == 2
        assert await store.verify() == []
        await store.close()


async def test_an_incident_that_another_process_holds_too_long(postgres_database: str) -> None:
    patient = await connect(postgres_database, fold)
    hasty = await connect(postgres_database + "?options=-c%20lock_timeout%3D100ms", fold)
    await open_one(patient)
    async with patient.transaction() as unit:
        await unit.lock(INC_1)
        with pytest.raises(StoreUnavailableError, match="another process holds it locked"):
            await _note(hasty)
    await _note(hasty)
    assert await _length(patient) == 2
    for store in (patient, hasty):
        await store.close()


async def test_two_who_wait_for_each_other(postgres_database: str) -> None:
    store = await connect(postgres_database, fold)
    one, two = (await open_one(store)).id, (await open_one(store)).id

    async def hold_both(first: IncidentId, second: IncidentId) -> bool:
        try:
            async with store.transaction() as unit:
                await unit.lock(first)
                await asyncio.sleep(0.1)
                await extend(unit, second, noted())
        except ConflictError:
            return False
        return True

    assert sorted(await asyncio.gather(hold_both(one, two), hold_both(two, one))) == [False, True]
    assert await store.verify() == []
    await store.close()
