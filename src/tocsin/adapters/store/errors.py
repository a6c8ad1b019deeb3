"""What a driver says, in the words of the ports; and waiting for what must not be left half done."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Generator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import exc

from tocsin.adapters.store.address import Address
from tocsin.adapters.store.codec import CodecError
from tocsin.engine.ports import ConflictError, StoreUnavailableError

_Result = TypeVar("_Result")

_CONFLICTS = frozenset({"23505", "40001", "40P01"})
"""PostgreSQL: unique violation, serialisation failure, deadlock."""

_SQLITE_UNIQUE = frozenset({1555, 2067})
"""SQLite: a primary key or another unique column is there already."""

_POSTGRES = {
    "55P03": "another process holds it locked; nothing was kept, try again",
    "53100": "its disk is full; make room",
    "53200": "it is out of memory",
    "25006": "it takes no writes now (is it a standby?)",
    "42501": "its user may not do this; grant it the right to create and change tables",
    "58030": "reading or writing its disk failed; look after the disk",
}

_SQLITE = {
    5: "another process holds it locked; nothing was kept, try again",
    6: "another process holds it locked; nothing was kept, try again",
    8: "it cannot be written; check the rights on the file and its folder",
    10: "reading or writing the disk failed; look after the disk",
    11: "the file is damaged; restore it from a backup",
    13: "the disk is full; make room",
    14: "the file cannot be opened; check the path and the rights on its folder",
    23: "access to it is denied",
    26: "the file is not a SQLite database; check the path",
}
"""By SQLite's primary result code."""


@contextmanager
def translated(address: Address) -> Generator[None, None, None]:
    """Turn errors of the driver into those of the ports.

    Raises:
        ConflictError: another writer was first.
        StoreUnavailableError: the database cannot be used now, or holds what cannot be read.
    """
    try:
        yield
    except exc.DBAPIError as error:
        raise _meaning(error, address) from error
    except sqlite3.Error as error:
        raise _sqlite_meaning(error, address) from error
    except UnicodeDecodeError as error:
        # The driver does not expect that the name of a table in an error message is no UTF-8.
        raise _unavailable(address, _SQLITE[11]) from error
    except exc.TimeoutError as error:
        raise _unavailable(address, "all its connections are busy; try again") from error
    except exc.PendingRollbackError as error:
        raise _unavailable(address, "the connection was lost; nothing was kept") from error
    except CodecError as error:
        why = f"something in it cannot be read: {error}; run `tocsin verify`"
        raise _unavailable(address, why) from error
    except OSError as error:
        raise _unavailable(address, f"{error.strerror or type(error).__name__}") from error


def _meaning(error: exc.DBAPIError, address: Address) -> Exception:
    original = error.orig
    if isinstance(getattr(original, "sqlite_errorcode", None), int):
        return _sqlite_meaning(original, address)
    state = getattr(original, "sqlstate", None)
    if state in _CONFLICTS:
        return ConflictError("another writer was first")
    if isinstance(state, str) and state in _POSTGRES:
        return _unavailable(address, _POSTGRES[state])
    if state is None or error.connection_invalidated or str(state)[:2] in ("08", "57"):
        return _unavailable(address, f"it cannot be reached ({_first_line(error, address)})")
    return _unavailable(address, _first_line(error, address))


def _sqlite_meaning(original: BaseException | None, address: Address) -> Exception:
    code = getattr(original, "sqlite_errorcode", None)
    if code in _SQLITE_UNIQUE:
        return ConflictError("another writer was first")
    known = _SQLITE.get(code & 0xFF) if isinstance(code, int) else None
    return _unavailable(address, known or _line_of(original, address))


def _unavailable(address: Address, why: str) -> StoreUnavailableError:
    return StoreUnavailableError(f"The database {address.place}: {why}.")


def _first_line(error: exc.DBAPIError, address: Address) -> str:
    return _line_of(error.orig, address)


def _line_of(original: BaseException | None, address: Address) -> str:
    lines = str(original).strip().splitlines() or [type(original).__name__]
    text = lines[0].strip().rstrip(".")
    return text.replace(address.password, "***") if address.password else text


async def settled(work: Awaitable[_Result]) -> _Result:
    """Await `work` to its end even when this task is cancelled meanwhile; the cancellation comes after it.

    A statement that runs in a driver's thread cannot be called back: were it left alone, the next user
    of the connection would find it in the middle of something.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()
        raise
