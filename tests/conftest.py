"""Fixtures that any test may ask for: a database of its own, and the store on each kind of it."""

import os
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
import pytest_asyncio

from tocsin.adapters.store.address import read_address
from tocsin.adapters.store.memory import MemoryStore
from tocsin.adapters.store.migrate import upgrade
from tocsin.adapters.store.sql import connect
from tocsin.engine.ports import Store
from tocsin.incident.evolve import fold
from tocsin.testing.postgres import PostgresMissingError, PrivatePostgres, private_postgres


@pytest.fixture(scope="session")
def postgres() -> Generator[PrivatePostgres, None, None]:
    """A private PostgreSQL server; each worker of pytest-xdist has its own."""
    try:
        with private_postgres() as server:
            yield server
    except PostgresMissingError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no PostgreSQL: {error}")
        pytest.skip(f"no PostgreSQL: {error}")


@pytest.fixture(scope="session")
def postgres_url(postgres: PrivatePostgres) -> str:
    """The URL of the server's own database, for tests that make what they need."""
    return postgres.url()


@pytest.fixture(scope="session")
def postgres_template(postgres: PrivatePostgres) -> str:
    """The name of a database with today's tables and nothing in them."""
    name = postgres.create()
    upgrade(read_address(postgres.url(name)))
    return name


@pytest.fixture
def postgres_database(postgres: PrivatePostgres, postgres_template: str) -> Generator[str, None, None]:
    """The URL of an empty database with today's tables, for this test only."""
    name = postgres.create(postgres_template)
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database for this test only, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tocsin.db'}"
    return request.getfixturevalue("postgres_database")


@pytest_asyncio.fixture(params=["memory", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Store, None]:
    """An empty store of each kind in turn."""
    if request.param == "memory":
        yield MemoryStore(fold)
        return
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'tocsin.db'}" if sqlite else request.getfixturevalue("postgres_database")
    opened = await connect(url, fold)
    yield opened
    await opened.close()
