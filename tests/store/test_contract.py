"""The store's contract on memory, SQLite and a real PostgreSQL."""

from tocsin.testing.contracts import StoreContract


class TestStore(StoreContract):
    """Every promise of the port; the fixture `store` gives each kind in turn."""
