"""Brings a database to today's tables, once, whoever starts first; does next to nothing when it is there."""

from pathlib import Path

from sqlalchemy import Connection, Engine, func, inspect, select, text

from tocsin.adapters.store.address import Address, blocking_engine
from tocsin.adapters.store.errors import translated
from tocsin.adapters.store.schema import REVISION
from tocsin.engine.ports import StoreUnavailableError

MIGRATIONS = Path(__file__).parent / "migrations"

_UPGRADING = 0x70C51_0002
"""The advisory lock that lets one node at a time upgrade."""


def upgrade(address: Address) -> bool:
    """Run the steps that are missing, all in one transaction; returns whether there were any.

    It blocks: call it from a thread where an event loop runs.

    Raises:
        StoreUnavailableError: the database cannot be used, or a newer version of Tocsin made it.
    """
    with translated(address):
        engine = blocking_engine(address)
        try:
            return False if _revision(engine) == REVISION else _upgrade(engine, address)
        finally:
            engine.dispose()


def _revision(engine: Engine) -> str | None:
    # Reading takes no writer's lock: a start must not wait for a busy database that needs nothing.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return _revision_of(connection)


def _revision_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _upgrade(engine: Engine, address: Address) -> bool:
    # Alembic takes a tenth of a second to import, which only a start with something to do has to pay.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with engine.begin() as connection:
        if not address.sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(_UPGRADING)))
        current = _revision_of(connection)
        if current is not None and current not in known:
            raise StoreUnavailableError(
                f"The database {address.place}: a newer version of Tocsin made it ({current}); "
                "start that version."
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return current != REVISION
