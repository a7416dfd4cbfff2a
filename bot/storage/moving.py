"""A server's database into which another one is being moved: until the end nobody else may use it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from bot.domain import StartupError, UserError
from bot.storage.copies import MADE
from bot.storage.installation import Installation
from bot.storage.postgres import is_server, server_address, server_engines, unusable
from bot.storage.schema import meta, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.storage.engine import Database

MOVING: Final = "database_moving_here"
"""Under this key the target has how far the move is, until it is whole."""

_OURS: Final = frozenset({"meta", "alembic_version"})
_MIGRATED: Final = frozenset({"alembic_version", "message_terms", "memory_terms"})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a move is.

    Attributes:
        source: the fingerprint of the database that is moved.
        place: how far its rows are copied, as `bot.operate` writes it; empty before the first.
    """

    source: str
    place: str = ""

    async def note(self, target: Database, connection: AsyncConnection) -> None:
        """Take it down in the transaction that brought it there."""
        await Installation(target).put(connection, MOVING, json.dumps([self.source, self.place]))


async def progress_of(target: Database) -> Progress | None:
    """How far the move into a database is; None where there is none."""
    written = await Installation(target).get(MOVING)
    return None if written is None else Progress(*json.loads(written))


async def check_whole(db: Database, setting: str) -> None:
    """Stop a start on a database that is not ready for use.

    Args:
        db: the database.
        setting: the one that decides where it is, for faults.

    Raises:
        StartupError: it is a backup that `restore` did not put there, or another one is still to be moved into it.
    """
    if await Installation(db).get(MADE) is not None:
        raise StartupError(
            f"{setting}: the database is a backup that was copied there, with what was erased since: move it elsewhere "
            "and run `python -m bot restore` with it"
        )
    if db.dialect == "postgresql" and await progress_of(db) is not None:
        raise StartupError(
            "DATABASE_URL: the move into this database is not finished: run `python -m bot migrate-database` again "
            "with this address, and with DATABASE_URL as it was before"
        )


async def check_target(url: str) -> None:
    """See that nothing but a move of ours is in a server's database; nothing is changed.

    Raises:
        UserError: it is no server's, or holds something.
        StartupError: the server can't be used.
    """
    if not is_server(url):
        raise UserError("name the address of a PostgreSQL server, like postgresql://user:password@host/database")
    reader, writer = server_engines(server_address(url), 1)
    try:
        async with reader.connect() as connection:
            content = await connection.run_sync(_content)
    except DBAPIError as error:
        raise unusable(error) from None
    finally:
        await reader.dispose()
        await writer.dispose()
    if content is not None:
        raise UserError(f"that database holds {content}, which no move of this program made: name an empty one")


async def count_rows(connection: AsyncConnection) -> dict[str, int]:
    """How many rows each table has, but what a database says of itself."""
    return {
        table.name: await connection.scalar(select(func.count()).select_from(table)) or 0
        for table in metadata.sorted_tables
        if table is not meta
    }


def fingerprint(file: Path) -> str:
    """What a database file is known by: another one has another, and so has the same after a change."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _content(connection: Connection) -> str | None:
    """What a database holds that is no move's; None where there is nothing."""
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return None
    if not tables >= _OURS:
        return f"tables of another program ({', '.join(sorted(tables)[:3])})"
    if connection.scalar(select(meta.c.value).where(meta.c.key == MOVING)) is not None:
        return None
    if strange := tables - metadata.tables.keys() - _MIGRATED:
        return f"tables of another program ({', '.join(sorted(strange)[:3])})"
    for name in sorted(tables - _OURS):
        if connection.scalar(text(f'SELECT 1 FROM "{name}" LIMIT 1')):  # noqa: S608 - its own tables
            return f"something in {name}"
    installed = connection.scalar(select(meta.c.value).where(meta.c.key == "subject_key"))
    return None if installed is None else "an installation of this program"
