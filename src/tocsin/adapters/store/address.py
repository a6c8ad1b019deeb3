"""Where the database is, and how connections to it are made: the one place that knows both dialects."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import URL, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tocsin.base.problems import Problem, ProblemsError

BUSY_SECONDS = 5
"""How long a writer waits for another process, on either database."""

_READERS = 4
_POSTGRES_CONNECTIONS = 10
_IDLE_IN_TRANSACTION_SECONDS = 60
_CONNECT_SECONDS = 5
_MEND = "use sqlite:///PATH (four slashes for an absolute path) or postgresql://USER:PASSWORD@HOST/DATABASE"


class Address(msgspec.Struct, frozen=True):
    """A database that this store can use. `url` has the dialect's name only, without a driver."""

    url: URL

    @property
    def sqlite(self) -> bool:
        """Whether it is a SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def place(self) -> str:
        """The database in words fit to be shown: the file, or host and name, never the password."""
        if self.sqlite:
            return str(self.url.database)
        return f"{self.url.host or 'local socket'}/{self.url.database or ''}"

    @property
    def password(self) -> str:
        """What must not be shown; empty where there is none."""
        return str(self.url.password or "")


def read_address(text: str) -> Address:
    """Read a database URL.

    Raises:
        ProblemsError: it is no URL of a database that this store can use.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise _refused("it is no database URL") from None
    scheme = url.drivername.partition("+")[0]
    if scheme == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise _refused("it names no file, and what is kept in memory is gone at the next start")
        return Address(url.set(drivername="sqlite"))
    if scheme in ("postgresql", "postgres"):
        return Address(url.set(drivername="postgresql"))
    raise _refused(f"{scheme!r} is not a database that Tocsin keeps its data in")


def _refused(what: str) -> ProblemsError:
    problem = Problem(code="database-url", message=f"The database URL: {what}.", mend=_MEND, field="database")
    return ProblemsError([problem])


def blocking_engine(address: Address) -> Engine:
    """An engine for the migrations, which run before the event loop has anything to do.

    Raises:
        OSError: a SQLite file or its folder cannot be made.
    """
    if not address.sqlite:
        url = address.url.set(drivername="postgresql+psycopg")
        return create_engine(
            url, poolclass=NullPool, hide_parameters=True, connect_args=_postgres_arguments(address)
        )
    path = Path(str(address.url.database))
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Hashes of passwords are in it; SQLite gives the files beside it the same rights.
        path.touch(mode=0o600)
    engine = create_engine(
        address.url.set(drivername="sqlite+pysqlite"),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS},
    )
    _prepare_sqlite(engine, "BEGIN IMMEDIATE", _writing_pragmas)
    return engine


def writing_engine(address: Address) -> AsyncEngine:
    """Connections for writing: one on SQLite, where there is one writer at a time, several on PostgreSQL."""
    if not address.sqlite:
        return create_async_engine(
            address.url.set(drivername="postgresql+psycopg_async"),
            pool_size=_POSTGRES_CONNECTIONS,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args=_postgres_arguments(address),
        )
    return _sqlite_engine(address, "BEGIN IMMEDIATE", _writing_pragmas, 1)


def reading_engine(address: Address, writing: AsyncEngine) -> AsyncEngine:
    """Connections for reading, each transaction of which sees one state; they never wait for a writer."""
    if not address.sqlite:
        return writing.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return _sqlite_engine(address, "BEGIN", _reading_pragmas, _READERS)


def checking_engine(address: Address, reading: AsyncEngine) -> AsyncEngine:
    """Connections for `verify`, to which a byte that is no UTF-8 is a finding and not a failure."""
    if not address.sqlite:
        return reading

    engine = _sqlite_engine(address, "BEGIN", _reading_pragmas, 1)

    @event.listens_for(engine.sync_engine, "connect")
    def lenient(adapted: Any, _record: object) -> None:  # pyright: ignore[reportUnusedFunction]
        adapted.driver_connection.text_factory = _lenient

    return engine


def _lenient(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _sqlite_engine(
    address: Address, begin: str, pragmas: Callable[[Any], None], connections: int
) -> AsyncEngine:
    engine = create_async_engine(
        address.url.set(drivername="sqlite+aiosqlite"),
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS},
    )
    _prepare_sqlite(engine.sync_engine, begin, pragmas)
    return engine


def _prepare_sqlite(engine: Engine, begin: str, pragmas: Callable[[Any], None]) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:  # pyright: ignore[reportUnusedFunction]
        # The driver would begin transactions by itself, late and without the writer's lock.
        connection.isolation_level = None
        pragmas(connection)

    @event.listens_for(engine, "begin")
    def began(connection: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.exec_driver_sql(begin)


def _writing_pragmas(connection: Any) -> None:
    _run(connection, "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON")


def _reading_pragmas(connection: Any) -> None:
    _run(connection, "PRAGMA foreign_keys=ON", "PRAGMA query_only=ON")


def _run(connection: Any, *statements: str) -> None:
    cursor = connection.cursor()
    for statement in statements:
        cursor.execute(statement)
    cursor.close()


def _postgres_arguments(address: Address) -> dict[str, Any]:
    wanted = {
        "connect_timeout": _CONNECT_SECONDS,
        "application_name": "tocsin",
        "options": f"-c lock_timeout={BUSY_SECONDS}s"
        f" -c idle_in_transaction_session_timeout={_IDLE_IN_TRANSACTION_SECONDS}s",
    }
    return {key: value for key, value in wanted.items() if key not in address.url.query}
