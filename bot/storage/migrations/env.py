"""Alembic's entry point: runs the migrations on the connection that `bot.storage.migrate` hands over."""

from __future__ import annotations

from alembic import context

from bot.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite can, and Alembic doesn't assume so
)
with context.begin_transaction():
    context.run_migrations()
