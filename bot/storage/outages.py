"""Whether a database or what it is asked to do is at fault."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.engine import Database

_AWAY: Final = (OperationalError, PoolTimeout, OSError)


def database_away(error: Exception) -> bool:
    """Whether an error tells of a database that is away, busy or full, by itself.

    Of other errors only another try tells: drivers raise them for either reason.
    """
    return isinstance(error, _AWAY) or (isinstance(error, DBAPIError) and error.connection_invalidated)


class _TakenBack(Exception):
    """Ends a transaction that is to leave nothing."""


@asynccontextmanager
async def taken_back(db: Database) -> AsyncIterator[AsyncConnection]:
    """A transaction in which something of our own is written to see whether it can be; nothing of it is left."""
    with suppress(_TakenBack):
        async with db.write() as connection:
            yield connection
            raise _TakenBack
