"""The steps lead to exactly the tables that the code believes in, once, and fast when they were taken."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from tocsin.adapters.store.address import Address, blocking_engine, read_address
from tocsin.adapters.store.migrate import MIGRATIONS, upgrade
from tocsin.adapters.store.schema import REVISION, metadata
from tocsin.engine.ports import StoreUnavailableError
from tocsin.testing.postgres import PrivatePostgres


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
