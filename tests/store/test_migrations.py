"""The steps lead to exactly the tables that the code believes in, once, and fast when they were taken."""

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from tocsin.adapters.store.address import Address, blocking_engine, read_address
from tocsin.adapters.store.checking import as_stored
from tocsin.adapters.store.codec import GENESIS
from tocsin.adapters.store.migrate import MIGRATIONS, upgrade
from tocsin.adapters.store.rows import SEALED, chain, event_columns, incident_columns
from tocsin.adapters.store.schema import REVISION, metadata
from tocsin.adapters.store.sql import SqlStore
from tocsin.alerts.model import Alert
from tocsin.engine.ports import StoreUnavailableError
from tocsin.incident.commands import Tally
from tocsin.incident.events import AlertAttached
from tocsin.incident.evolve import fold
from tocsin.testing.postgres import PrivatePostgres
from tocsin.testing.store_samples import INC_1, alert, attached, entries, extend, opened


@pytest.fixture(params=["sqlite", "postgresql"])
def addresses(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Address, Address]:
    """Two databases with nothing in them."""
    if request.param == "sqlite":
        one, two = (f"sqlite:///{tmp_path / name}" for name in ("one.db", "two.db"))
    else:
        server: PrivatePostgres = request.getfixturevalue("postgres")
        one, two = (server.url(server.create()) for _ in range(2))
    return read_address(one), read_address(two)


def _picture(connection: Connection) -> dict[str, Any]:
    inspector = inspect(connection)
    return {
        table: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"], column.get("autoincrement"))
                for column in inspector.get_columns(table)
            ],
            "key": inspector.get_pk_constraint(table),
            "indexes": sorted(map(str, inspector.get_indexes(table))),
            "unique": sorted(map(str, inspector.get_unique_constraints(table))),
            "foreign": inspector.get_foreign_keys(table),
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def test_the_steps_lead_to_the_tables_of_the_code(addresses: tuple[Address, Address]) -> None:
    stepped, created = addresses
    assert upgrade(stepped) is True
    with blocking_engine(created).begin() as connection:
        metadata.create_all(connection)
    with blocking_engine(stepped).begin() as one, blocking_engine(created).begin() as two:
        assert compare_metadata(MigrationContext.configure(one, opts={"compare_type": True}), metadata) == []
        assert _picture(one) == _picture(two)
        assert len(_picture(one)) == len(metadata.tables) == 13


def test_a_second_start_has_nothing_to_do(addresses: tuple[Address, Address]) -> None:
    assert [upgrade(addresses[0]) for _ in range(3)] == [True, False, False]


def test_many_who_start_at_once_upgrade_once(addresses: tuple[Address, Address]) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(upgrade, [addresses[0]] * 4))
    assert done.count(True) == 1


def test_a_database_of_a_newer_version_is_left_alone(addresses: tuple[Address, Address]) -> None:
    address = addresses[0]
    upgrade(address)
    with blocking_engine(address).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'r9999'"))
    with pytest.raises(StoreUnavailableError, match=r"a newer version of Tocsin made it \(r9999\)"):
        upgrade(address)


def test_the_revision_of_the_code_is_the_last_step() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


OLD_ALERT = {
    "annotations": {"summary": "the vault is sealed"},
    "ends_at": None,
    "fingerprint": "a" * 16,
    "generator_url": "",
    "labels": {"alertname": "VaultSealed"},
    "received_at": "2026-03-29T00:30:00.250000Z",
    "source": "alertmanager",
    "starts_at": "2026-03-29T00:30:00Z",
    "status": "firing",
}
OLD_RECORD = {
    "alert": OLD_ALERT,
    "because": "it is the first alert of its group",
    "first_seen_at": "2026-03-29T00:30:00Z",
    "incident": "INC-1",
    "last_seen_at": "2026-03-29T00:31:00.250000Z",
    "times": 7,
}


def _as_before_r0003(connection: Connection, rows: int) -> None:
    """Fill a database of the second revision with an incident, one that was tampered with, and alerts."""
    opening = entries(INC_1, [opened(), *(attached(f"{number:016x}") for number in range(150))])
    links = chain(opening, GENESIS)
    columns = as_stored(incident_columns(fold(opening), None, links[-1].hash))
    body = msgspec.json.decode(columns["body"])
    for key in ("alerts_in_all", "firing_in_all"):
        del body[key]
    for each in body["alerts"]:
        del each["expires_at"]
    columns["body"] = msgspec.json.encode(body, order="sorted").decode()
    columns["fingerprints"] = "[]"
    named = (*SEALED[:6], "fingerprints", *SEALED[6:])
    whole = msgspec.json.encode([columns[name] for name in named], order="sorted")
    columns["seal"] = hashlib.sha256(whole).hexdigest()
    names = ", ".join(columns)
    insert = text(f"INSERT INTO incidents ({names}) VALUES ({', '.join(':' + name for name in columns)})")
    connection.execute(insert, columns)
    connection.execute(insert, columns | {"number": 2, "id": "INC-2", "title": "changed behind its back"})
    for link in links:
        row = as_stored(event_columns(link))
        marks = ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO events ({', '.join(row)}) VALUES ({marks})"), row)
    connection.execute(text("UPDATE heads SET number = 2 WHERE name = 'incidents'"))
    for number in range(rows):
        alert = OLD_ALERT | {"fingerprint": f"{number:016x}"}
        if number == 1:
            alert |= {"status": "resolved", "ends_at": "2026-03-29T00:31:00Z"}
        record = msgspec.json.encode(OLD_RECORD | {"alert": alert}, order="sorted").decode()
        values = {"f": f"{number:016x}", "at": OLD_RECORD["last_seen_at"], "body": record}
        connection.execute(text("INSERT INTO alerts VALUES (:f, 'INC-1', :at, :body)"), values)


async def test_a_database_of_before_keeps_its_alerts_and_its_seals(
    addresses: tuple[Address, Address],
) -> None:
    address, rows = addresses[0], 1_003
    with blocking_engine(address).begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "r0002")
        _as_before_r0003(connection, rows)
    assert upgrade(address) is True
    store = SqlStore(address, fold)
    async with store.reading() as reader:
        assert await reader.count_alerts() == rows
        found = await reader.alert(f"{0:016x}")
        assert found is not None
        assert (found.incident, found.times, found.because) == ("INC-1", 7, OLD_RECORD["because"])
        assert found.alert == msgspec.convert(OLD_ALERT | {"fingerprint": f"{0:016x}"}, Alert)
        assert found.first_seen_at == msgspec.convert(OLD_RECORD["first_seen_at"], datetime)
        assert (found.changes, found.held, found.firing) == ((), False, True)
        assert (await reader.alert_tallies([INC_1]))[INC_1] == Tally(rows, rows - 1)
        incident = await reader.incident(INC_1)
        assert incident is not None
        assert incident.alert_count == len(incident.alerts) == 150
    faults = [each for each in await store.verify() if each.incident != "INC-2"]
    assert faults == []
    assert any("seal" in each.what for each in await store.verify()), "what was changed is still told"
    async with store.transaction() as unit:
        late = AlertAttached(alert=alert("f" * 16), because="late", alerts=151, firing=151)
        after = await extend(unit, INC_1, late)
    assert (after.alert_count, len(after.alerts)) == (151, 150), "what is whole stays so, no more is added"
    assert [each for each in await store.verify() if each.incident != "INC-2"] == []
    await store.close()


def test_a_start_with_nothing_to_do_does_not_load_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tocsin.db'}"
    upgrade(read_address(url))
    program = (
        "import sys\n"
        "from tocsin.adapters.store.address import read_address\n"
        "from tocsin.adapters.store.migrate import upgrade\n"
        f"assert upgrade(read_address({url!r})) is False\n"
        "assert 'alembic' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": ":".join(sys.path)})
