"""Migrations: append-only, forward only, and all of them in one transaction.

The transaction that the caller opens is also the lock: it holds the database's write lock before the schema's version
is read, so of two processes that start together the second waits and finds nothing left to do.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the schema up to `revision`, inside the transaction that `connection` is in."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def pending(connection: Connection) -> list[str]:
    """Names of the migrations that `upgrade` would run, oldest first."""
    scripts = ScriptDirectory.from_config(_config())
    current = MigrationContext.configure(connection).get_current_revision() or "base"
    newer = scripts.iterate_revisions("head", current)
    return [script.revision for script in newer if script.revision != current][::-1]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
