"""`verify` finds every change that somebody makes behind the store's back, and says where and what."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text

from tocsin.adapters.store import rows
from tocsin.adapters.store.address import blocking_engine, read_address
from tocsin.adapters.store.schema import incidents
from tocsin.adapters.store.sql import SqlStore, connect
from tocsin.engine.records import Fault
from tocsin.incident.evolve import fold
from tocsin.testing.store_samples import ALICE, after, alert, attached, noted, open_one, opened


def tamper(url: str, *statements: str) -> None:
    engine = blocking_engine(read_address(url))
    with engine.begin() as connection:
        for statement in statements:
            assert connection.execute(text(statement)).rowcount >= 1, statement
    engine.dispose()


@pytest_asyncio.fixture
async def filled(database_url: str) -> AsyncGenerator[SqlStore, None]:
    """Three incidents of five, two and one entries, and an audit log of three lines."""
    store = await connect(database_url, fold)
    await open_one(
        store, *(noted(f"note {number}") for number in range(4)), first=opened(alert()), next_due_at=after(7)
    )
    await open_one(store, attached("b" * 16))
    await open_one(store)
    async with store.transaction() as unit:
        for number in range(3):
            await unit.record_audit(after(number), ALICE, "sign-in", {"n": str(number)})
    assert await store.verify() == []
    yield store
    await store.close()


def said(faults: list[Fault]) -> list[tuple[str, int, str]]:
    return [(fault.incident, fault.seq, fault.what) for fault in faults]


EVENT = "WHERE incident = 'INC-1' AND seq = 3"
CHANGED = "its content was changed: it no longer gives its hash"


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("at", "'2026-03-29T00:33:00.250001Z'", CHANGED),
        (
            "at",
            "'2026-03-29T00:33:00.25Z'",
            "its content was changed: its time is not written as it should be",
        ),
        ("at", "'soon'", "its content was changed: its time cannot be read"),
        ("actor", "replace(actor, 'alice', 'carol')", CHANGED),
        ("actor", "'nobody'", CHANGED),
        ("kind", "'Closed'", "it cannot be read: its kind says Closed, its data say Noted"),
        ("kind", "'Noticed'", "it cannot be read: its kind 'Noticed' is unknown"),
        ("data", "replace(data, 'note 1', 'note 9')", CHANGED),
        ("data", "replace(data, '{', '{ ')", CHANGED),
        ("data", "replace(data, '}', '')", CHANGED),
        (
            "previous",
            "replace(previous, substr(previous, 1, 1), 'x')",
            "its reference to the entry before it was",
        ),
        ("hash", "replace(hash, substr(hash, 1, 1), 'x')", "its hash was changed"),
    ],
)
async def test_a_changed_column_of_an_event(
    filled: SqlStore, database_url: str, column: str, value: str, what: str
) -> None:
    tamper(database_url, f"UPDATE events SET {column} = {value} {EVENT}")
    (fault,) = await filled.verify()
    assert (fault.incident, fault.seq) == ("INC-1", 3)
    assert what in fault.what


async def test_a_change_of_the_last_event_and_of_the_first(filled: SqlStore, database_url: str) -> None:
    tamper(database_url, "UPDATE events SET data = replace(data, 'note 3', 'note 8') WHERE seq = 5")
    tamper(database_url, "UPDATE events SET hash = 'x' WHERE incident = 'INC-2' AND seq = 2")
    tamper(database_url, "UPDATE events SET data = replace(data, 'P1', 'P4') WHERE incident = 'INC-3'")
    assert said(await filled.verify()) == [
        ("INC-1", 5, CHANGED),
        ("INC-2", 2, "its hash was changed"),
        ("INC-3", 1, CHANGED),
    ]


async def test_a_change_whose_hash_was_made_to_fit(filled: SqlStore, database_url: str) -> None:
    tamper(
        database_url,
        f"UPDATE events SET data = replace(data, 'note 1', 'note 9'), hash = 'f' {EVENT}",
    )
    (fault, *_) = await filled.verify()
    assert (fault.incident, fault.seq) == ("INC-1", 3)


async def test_missing_events(filled: SqlStore, database_url: str) -> None:
    tamper(database_url, f"DELETE FROM events {EVENT}")
    assert said(await filled.verify()) == [("INC-1", 3, "missing: what follows number 2 is number 4")]


async def test_a_truncated_end(filled: SqlStore, database_url: str) -> None:
    tamper(database_url, "DELETE FROM events WHERE incident = 'INC-1' AND seq > 3")
    assert said(await filled.verify()) == [
        ("INC-1", 0, "its last entry should be number 5, the last one there is 3")
    ]


async def test_all_events_of_an_incident_are_gone(filled: SqlStore, database_url: str) -> None:
    tamper(database_url, "DELETE FROM events WHERE incident = 'INC-2'")
    assert said(await filled.verify()) == [
        ("INC-2", 0, "its last entry should be number 2, the last one there is 0")
    ]


async def test_an_event_was_moved_to_another_incident(filled: SqlStore, database_url: str) -> None:
    tamper(database_url, "UPDATE events SET incident = 'INC-9' WHERE incident = 'INC-1' AND seq = 5")
    assert said(await filled.verify()) == [
        ("INC-1", 0, "its last entry should be number 5, the last one there is 4"),
        ("INC-9", 5, "it belongs to no incident that is there"),
    ]


async def test_a_whole_incident_is_gone(filled: SqlStore, database_url: str) -> None:
    for name in ("INC-1", "INC-3"):
        tamper(
            database_url,
            f"DELETE FROM events WHERE incident = '{name}'",
            f"DELETE FROM incidents WHERE id = '{name}'",
        )
    assert said(await filled.verify()) == [
        ("INC-1", 0, "the incident is missing"),
        ("INC-3", 0, "the incident is missing"),
    ]


@pytest.mark.parametrize("column", [column.name for column in incidents.c])
async def test_a_changed_column_of_an_incident(filled: SqlStore, database_url: str, column: str) -> None:
    value = {
        "number": "7",
        "last_seq": "4",
        "body": "replace(body, 'vault', 'fault')",
        "id": "'INC-8'",
    }.get(column, "'2026-03-29T00:37:00.250001Z'")
    tamper(database_url, f"UPDATE incidents SET {column} = {value} WHERE id = 'INC-1'")
    faults = await filled.verify()
    assert any(fault.incident in ("INC-1", "INC-8") for fault in faults), faults


@pytest.mark.parametrize("key", ["INC-1", "INC-3"])
async def test_a_read_model_that_its_events_do_not_give(
    filled: SqlStore, database_url: str, key: str
) -> None:
    """Even with a seal that fits, which somebody with the program could compute."""
    engine = blocking_engine(read_address(database_url))
    with engine.begin() as connection:
        columns = ", ".join(rows.SEALED)
        row = dict(
            connection.execute(text(f"SELECT {columns} FROM incidents WHERE id = '{key}'")).mappings().one()
        )
        row["title"] = "nothing happened"
        connection.execute(
            text("UPDATE incidents SET title = :title, seal = :seal WHERE id = :id"),
            {"title": row["title"], "seal": rows.seal(row), "id": key},
        )
    engine.dispose()
    assert said(await filled.verify()) == [
        (key, 0, "its row in the read model is not what its events give: title")
    ]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", "'2026-03-29T00:31:00.250001Z'"),
        ("actor", "replace(actor, 'alice', 'carol')"),
        ("action", "'sign-out'"),
        ("detail", "replace(detail, '1', '9')"),
        ("previous", "'x'"),
        ("hash", "'x'"),
    ],
)
@pytest.mark.parametrize("seq", [2, 3])
async def test_a_changed_column_of_the_audit_log(
    filled: SqlStore, database_url: str, column: str, value: str, seq: int
) -> None:
    if column == "detail":
        value = value.replace("1", str(seq - 1))
    tamper(database_url, f"UPDATE audit SET {column} = {value} WHERE seq = {seq}")
    (fault,) = await filled.verify()
    assert (fault.incident, fault.seq) == ("audit log", seq)


async def test_missing_lines_of_the_audit_log(filled: SqlStore, database_url: str) -> None:
    tamper(database_url, "DELETE FROM audit WHERE seq = 1")
    tamper(database_url, "DELETE FROM audit WHERE seq = 3")
    assert said(await filled.verify()) == [
        ("audit log", 1, "missing: what follows number 0 is number 2"),
        ("audit log", 0, "its last entry should be number 3, the last one there is 2"),
    ]


async def test_a_body_of_before_a_field_was_added_is_no_fault(filled: SqlStore, database_url: str) -> None:
    engine = blocking_engine(read_address(database_url))
    with engine.begin() as connection:
        columns = ", ".join(rows.SEALED)
        row = dict(
            connection.execute(text(f"SELECT {columns} FROM incidents WHERE id = 'INC-1'")).mappings().one()
        )
        row["body"] = row["body"].replace('"hand_escalations":0,', "")
        connection.execute(
            text("UPDATE incidents SET body = :body, seal = :seal WHERE id = 'INC-1'"),
            {"body": row["body"], "seal": rows.seal(row)},
        )
    engine.dispose()
    assert await filled.verify() == []


async def _file_with_events(tmp_path: Path) -> Path:
    path = tmp_path / "tocsin.db"
    store = await connect(f"sqlite:///{path}", fold)
    await open_one(store, *(noted(f"note {number}") for number in range(6)))
    await store.close()
    return path


async def test_a_flipped_byte_of_the_file_names_the_event(tmp_path: Path) -> None:
    path = await _file_with_events(tmp_path)
    content = bytearray(path.read_bytes())
    for flip in (0x01, 0x80):
        place = content.index(b"note 4")
        path.write_bytes(content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :])
        store = await connect(f"sqlite:///{path}", fold)
        faults = await store.verify()
        await store.close()
        assert [(fault.incident, fault.seq) for fault in faults] == [("INC-1", 6)]
        assert "its content was changed" in faults[0].what


async def test_damage_anywhere_in_the_file_is_told_and_never_a_traceback(tmp_path: Path) -> None:
    path = await _file_with_events(tmp_path)
    store = await connect(f"sqlite:///{path}", fold)
    await store.close()
    content = path.read_bytes()
    found = 0
    in_the_schema = range(
        content.index(b"CREATE TABLE events") - 20, content.index(b"CREATE TABLE events"), 3
    )
    for place in (*range(100, len(content), 1009), *in_the_schema):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        store = SqlStore(read_address(f"sqlite:///{path}"), fold)
        found += bool(await store.verify())
        await store.close()
    assert found > 3


async def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    path = await _file_with_events(tmp_path)
    path.write_bytes(path.read_bytes()[: 4096 * 5])
    store = SqlStore(read_address(f"sqlite:///{path}"), fold)
    faults = await store.verify()
    await store.close()
    assert faults
    assert all(fault.what for fault in faults)


async def test_where_the_numbering_stands_was_changed(filled: SqlStore, database_url: str) -> None:
    tamper(database_url, "UPDATE heads SET number = 2 WHERE name = 'audit'")
    tamper(database_url, "UPDATE heads SET number = 4 WHERE name = 'incidents'")
    assert said(await filled.verify()) == [
        ("INC-4", 0, "the incident is missing"),
        ("audit log", 0, "its last entry should be number 2, the last one there is 3"),
    ]
    tamper(database_url, "DELETE FROM heads")
    assert ("", 0, "the record of where the incidents stand is missing") in said(await filled.verify())
