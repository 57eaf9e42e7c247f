"""Run by alembic: the migrations go through the connection that `api.store.database` hands over.

A new one goes into `versions/`, with `down_revision` naming the one before, and `api/store/tables.py`
is changed with it; a test holds the two equal.
"""

from __future__ import annotations

from alembic import context

from api.store.tables import metadata


def run() -> None:
    """Migrate inside the transaction that is open: all of it, or nothing."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection, target_metadata=metadata, transactional_ddl=True, render_as_batch=True
    )
    with context.begin_transaction():
        context.run_migrations()


run()
