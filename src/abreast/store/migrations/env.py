"""Run by Alembic for each upgrade: uses the connection, and the transaction, of whoever asked for it."""

from alembic import context

from abreast.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite can undo DDL, although Alembic assumes that it cannot: a failed upgrade leaves nothing half done.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
