"""Whether a database or what it is asked to do is at fault."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.engine import Database

DATABASE_AWAY: Final[tuple[type[Exception], ...]] = (OperationalError, PoolTimeout, OSError)
"""What tells of a database that is away, busy or full. Drivers raise other errors for either reason; a try tells."""


class _TakenBack(Exception):
    """Ends a transaction that is to leave nothing."""


@asynccontextmanager
async def taken_back(db: Database) -> AsyncIterator[AsyncConnection]:
    """A transaction in which something of our own is written to see whether it can be; nothing of it is left."""
    with suppress(_TakenBack):
        async with db.write() as connection:
            yield connection
            raise _TakenBack
