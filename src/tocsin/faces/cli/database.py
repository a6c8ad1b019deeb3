"""Work on the database itself, without a server, for the commands that have to."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from tocsin.faces.cli.errors import CliError
from tocsin.faces.cli.services import CliServices, StoreOptions

if TYPE_CHECKING:
    from tocsin.engine.ports import Store

T = TypeVar("T")


def on_database(services: CliServices, where: StoreOptions, work: "Callable[[Store], Awaitable[T]]") -> T:
    """Open the database, do the work, let go of it.

    Raises:
        CliError: the database cannot be used now.
    """
    import asyncio

    from tocsin.engine.ports import StoreUnavailableError

    async def run() -> T:
        async with services.open_store(where) as store:
            return await work(store)

    try:
        return asyncio.run(run())
    except StoreUnavailableError as error:
        raise unusable(error) from error


def unusable(error: Exception) -> CliError:
    """The error of a database that cannot be used; the store's own words are fit to be shown."""
    said = str(error).rstrip(".")
    return CliError(
        f"{said[:1].upper()}{said[1:]}.", "If another one is meant, name it with --data or --database-url."
    )
