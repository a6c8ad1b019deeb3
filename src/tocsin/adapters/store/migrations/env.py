"""Run by Alembic: the steps on the connection and in the transaction of whoever asked for them."""

from alembic import context

from tocsin.adapters.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True
)
context.run_migrations()
