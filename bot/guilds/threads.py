"""Public threads with their parents, kept because Discord's clients forget a thread once it is archived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage import channels, upsert

if TYPE_CHECKING:
    from bot.storage import Database


MOST_THREADS = 200
"""Threads of one channel that are looked through at once."""


@dataclass(frozen=True, slots=True)
class KnownThread:
    """A thread that messages may have been kept from.

    Attributes:
        decided: somebody decided about this very thread, as one must for private ones; the rest are public.
    """

    id: int
    parent_id: int
    decided: bool


class Threads:
    """Remembers which channel a thread hangs on."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def note(self, guild_id: int, threads: Sequence[tuple[int, int, str]]) -> None:
        """Remember public threads of a server, each as (thread id, parent id, name); safe to repeat."""
        if not threads:
            return
        rows = [
            {"channel_id": thread_id, "guild_id": guild_id, "parent_id": parent_id, "name": name, "public": True}
            for thread_id, parent_id, name in threads
        ]
        statement = upsert(self._db.dialect, channels)
        statement = statement.on_conflict_do_update(
            index_elements=[channels.c.channel_id],
            set_={"parent_id": statement.excluded.parent_id, "name": statement.excluded.name, "public": True},
        )
        async with self._db.write() as connection:
            await connection.execute(statement, rows)

    async def of_guild(self, guild_id: int) -> list[KnownThread]:
        """Every thread of a server that is remembered."""
        query = select(channels.c.channel_id, channels.c.parent_id, channels.c.observed).where(
            channels.c.guild_id == guild_id, channels.c.parent_id.is_not(None)
        )
        async with self._db.read() as connection:
            return [KnownThread(row[0], row[1], row[2] is not None) for row in await connection.execute(query)]

    async def family(self, channel_id: int) -> frozenset[int]:
        """See `family_of`."""
        async with self._db.read() as connection:
            return await family_of(connection, channel_id)

    async def read_up_to(self, parent_id: int) -> int:
        """The newest snowflake up to which a channel or one of its threads is read; 0 if none ever was."""
        family = or_(channels.c.channel_id == parent_id, channels.c.parent_id == parent_id)
        async with self._db.read() as connection:
            newest: int | None = await connection.scalar(select(func.max(channels.c.checkpoint)).where(family))
        return newest or 0


async def family_of(connection: AsyncConnection, channel_id: int) -> frozenset[int]:
    """A channel with its public threads, whichever of them is given: whoever can read one can read them all.

    A thread that may be private is a family of its own. Of very many threads the newest count.
    """
    own = select(channels.c.parent_id, channels.c.public).where(channels.c.channel_id == channel_id)
    row = (await connection.execute(own)).one_or_none()
    if row is not None and row.parent_id is not None and not row.public:
        return frozenset({channel_id})
    home = channel_id if row is None or row.parent_id is None else row.parent_id
    threads = select(channels.c.channel_id).where(channels.c.parent_id == home, channels.c.public)
    newest = threads.order_by(channels.c.channel_id.desc()).limit(MOST_THREADS)
    return frozenset({home, channel_id, *await connection.scalars(newest)})
