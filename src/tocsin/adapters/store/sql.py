"""The store on SQLite and PostgreSQL: transactions, reading, and how it is opened."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tocsin.adapters.store.address import (
    Address,
    checking_engine,
    read_address,
    reading_engine,
    writing_engine,
)
from tocsin.adapters.store.checking import Fold
from tocsin.adapters.store.errors import settled, translated
from tocsin.adapters.store.migrate import upgrade
from tocsin.adapters.store.reader import SqlReader
from tocsin.adapters.store.steps import OnStep, no_step
from tocsin.adapters.store.unit import SqlUnit
from tocsin.adapters.store.verifying import verify
from tocsin.engine.ports import StoreUnavailableError
from tocsin.engine.records import Fault

TURN_SECONDS_MAX = 10
"""Whoever has waited for so long behind others for the one turn to write is told that it is locked."""

_Result = TypeVar("_Result")


async def connect(url: str, fold: Fold, on_step: OnStep = no_step) -> "SqlStore":
    """Open the store at `sqlite:///PATH` or `postgresql://…`, and bring its tables up to date.

    `fold` is the function that makes an incident of its entries, by which `verify` checks. `on_step`
    is for tests that crash (see `OnStep`).

    Raises:
        ProblemsError: the URL is none that this store can use.
        StoreUnavailableError: the database cannot be used.
    """
    address = read_address(url)
    await asyncio.to_thread(upgrade, address)
    return SqlStore(address, fold, on_step)


class SqlStore:
    """The `Store` port on SQLAlchemy Core.

    On SQLite one transaction at a time writes and the others wait for their turn; on PostgreSQL they
    run side by side and wait for each other's incidents only.
    """

    def __init__(self, address: Address, fold: Fold, on_step: OnStep = no_step) -> None:
        self._address = address
        self._fold = fold
        self._on_step = on_step
        self._writing = writing_engine(address)
        self._reading = reading_engine(address, self._writing)
        self._turn = asyncio.Lock()

    @property
    def exclusive(self) -> bool:
        """Whether nobody but this process writes to it (see the port)."""
        return self._address.sqlite

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[SqlUnit, None]:
        """Begin a transaction for writing (see the port)."""
        async with AsyncExitStack() as stack:
            if self._address.sqlite:
                await stack.enter_async_context(self._my_turn())
            connection = await stack.enter_async_context(self._connected(self._writing))
            self._on_step("begin")
            unit = SqlUnit(connection, self._address, self._on_step)
            yield unit
            self._on_step("commit")
            await self._run(unit.note_unused_numbers)
            await self._run(connection.commit)
        self._on_step("committed")

    @asynccontextmanager
    async def _my_turn(self) -> AsyncGenerator[None, None]:
        """The turn to write, of which there is one at a time."""
        try:
            async with asyncio.timeout(TURN_SECONDS_MAX):
                await self._turn.acquire()
        except TimeoutError:
            place = self._address.place
            why = f"The database {place}: it is locked; whoever wrote before has waited too long."
            raise StoreUnavailableError(why) from None
        try:
            yield
        finally:
            self._turn.release()

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[SqlReader, None]:
        """A consistent view for reading (see the port)."""
        async with self._connected(self._reading) as connection:
            yield SqlReader(connection, self._address, self._on_step)

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncGenerator[AsyncConnection, None]:
        """A connection in a transaction, which is undone unless it was committed."""
        connection = engine.connect()
        try:
            await self._run(connection.start)
            await self._run(connection.begin)
            yield connection
        finally:
            # Rolls back. Where the connection is lost, so is the transaction, and its own error goes on.
            if connection.sync_connection is not None:
                with suppress(StoreUnavailableError):
                    await self._run(connection.close)

    async def _run(self, work: Callable[[], Awaitable[_Result]]) -> _Result:
        """Await `work` to its end even when this task is cancelled: half a commit is none."""
        with translated(self._address):
            return await settled(work())

    async def verify(self) -> list[Fault]:
        """Check every chain and read model (see the port). The whole is read in one view."""
        engine = checking_engine(self._address, self._reading)
        try:
            return await verify(engine, self._address, self._fold)
        finally:
            if self._address.sqlite:
                await engine.dispose()

    async def close(self) -> None:
        """Let go of the database."""
        if self._address.sqlite:
            await settled(self._reading.dispose())
        await settled(self._writing.dispose())
