"""Migrations: append-only, forward only, and all of them in one transaction.

The transaction that the caller opens is also the lock: it holds the database's write lock before the schema's version
is read, so of two processes that start together the second waits and finds nothing left to do.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from sqlalchemy import Connection

from bot.domain import StartupError

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the schema up to `revision`, inside the transaction that `connection` is in."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def current(connection: Connection) -> str | None:
    """The schema's version; None for an empty database."""
    return MigrationContext.configure(connection).get_current_revision()


def pending(connection: Connection) -> list[str]:
    """Names of the migrations that `upgrade` would run, oldest first.

    Raises:
        StartupError: a newer version of this program made the database.
    """
    here = current(connection) or "base"
    try:
        newer = list(_scripts().iterate_revisions("head", here))
    except RevisionError:
        raise StartupError(
            f"DATABASE_URL: the database has version {here}, which a newer version of this program made; run that one, "
            "or go back to a backup (docs/upgrades.md)"
        ) from None
    return [script.revision for script in newer if script.revision != here][::-1]


@cache
def _scripts() -> ScriptDirectory:
    """All migrations; they come with the program, and reading them takes longer than the rest of opening."""
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
