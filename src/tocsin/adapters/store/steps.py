"""What every operation on the database goes through: the crash points of tests, errors translated."""

from collections.abc import Awaitable, Callable
from functools import wraps
from types import CoroutineType
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from tocsin.adapters.store.address import Address
from tocsin.adapters.store.errors import settled, translated

OnStep = Callable[[str], None]
"""Called with the name of each operation before it begins, and with `begin`, `commit` and `committed`
around a transaction. What it raises is a crash: before the commit all is undone, after it all is kept."""


def no_step(_name: str) -> None:
    """The hook of every store that is not under test: nothing happens."""


_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class Connected:
    """One transaction's hold on the database."""

    def __init__(self, connection: AsyncConnection, address: Address, on_step: OnStep) -> None:
        self._connection = connection
        self._address = address
        self._on_step = on_step

    @property
    def connection(self) -> AsyncConnection:
        """What statements run on."""
        return self._connection

    async def guarded(self, name: str, work: Callable[[], Awaitable[_Result]]) -> _Result:
        """Run one operation: its crash point first, then errors translated.

        On SQLite a cancelled operation is run to its end; on PostgreSQL the server is told to stop.
        """
        self._on_step(name)
        with translated(self._address):
            return await (settled(work()) if self._address.sqlite else work())


_Self = TypeVar("_Self", bound=Connected)


def step(
    method: Callable[Concatenate[_Self, _Arguments], Awaitable[_Result]],
) -> "Callable[Concatenate[_Self, _Arguments], CoroutineType[Any, Any, _Result]]":
    """Make a method one step of its transaction."""

    @wraps(method)
    async def run(self: _Self, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        return await self.guarded(method.__name__, lambda: method(self, *args, **kwargs))

    return run
