"""Each shard in one process: several that were given the same one by mistake don't all read and answer.

Where a database server is shared, a process holds a lock of it for each of its shards, and one for the number of all
shards, for as long as it lives. Locks go with their connection, so those of a process that died are free at once, and
those of one that hangs, or whose machine is gone, after SILENT_SECONDS of `bot.storage.postgres`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from sqlalchemy.exc import SQLAlchemyError

from bot.domain import InUse

if TYPE_CHECKING:
    from bot.storage import Database, Installation, Locks

log = logging.getLogger(__name__)

WAIT_SECONDS: Final = 45.0
"""For another process to end: a restart may overlap with the 10 s of an orderly end, and what one that hangs held is
free after 20 s."""

LOOK_SECONDS: Final = 2.0
"""Between two tries, and between two looks whether the locks are still held."""

LAYOUT: Final = 100
"""Number of the lock on how many shards there are: one bot with all shards has it alone, those with some share it."""

FIRST_SHARD: Final = 1_000
"""Number of the lock of shard 0; those of the others follow. A channel's snowflake is far larger."""

COUNT: Final = "shard_count"
"""Key under which the installation has the number of all shards."""


class ShardClaim:
    """Holds the shards of this process for it alone, between `take` and the end of the block.

    Args:
        db: one that processes share; a file is guarded by its folder.
        installation: has the number of all shards.
        shard_ids: of this process; none: all that there are.
        shard_count: of all processes; None with no ids.
        wait_seconds: see WAIT_SECONDS.
    """

    def __init__(
        self,
        db: Database,
        installation: Installation,
        shard_ids: Sequence[int],
        shard_count: int | None,
        *,
        wait_seconds: float = WAIT_SECONDS,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._db = db
        self._installation = installation
        self._shard_ids = tuple(shard_ids)
        self._shard_count = shard_count
        self._wait_seconds = wait_seconds
        self._look_seconds = look_seconds
        self._connection = AsyncExitStack()
        self._locks: Locks | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.aclose()

    async def take(self) -> None:
        """Take the shards; one that another process has is waited for.

        Raises:
            InUse: it has it still.
        """
        loop = asyncio.get_running_loop()
        end = None
        while self._locks is None and self._db.shared:
            try:
                obstacle = await self._try()
            except SQLAlchemyError as error:
                log.warning("Whether this process's shards are free can't be found out: %s", type(error).__name__)
            else:
                if obstacle is None:
                    return
                if end is None:
                    log.warning("%s. Waiting for it to end, up to %.0f s", obstacle, self._wait_seconds)
                    end = loop.time() + self._wait_seconds
                elif loop.time() > end:
                    raise InUse(obstacle)
            await asyncio.sleep(self._look_seconds)

    async def keep(self) -> None:
        """See to it until cancelled that the shards are held; after the server was away they are taken again.

        Raises:
            InUse: another process took one of them meanwhile.
        """
        while True:
            await self.take()
            await asyncio.sleep(self._look_seconds)
            try:
                if self._locks is not None:
                    await self._locks.look()
            except SQLAlchemyError as error:
                log.warning("The locks on this process's shards are lost, and taken again: %s", type(error).__name__)
                self._locks = None
                await self._connection.aclose()

    async def _try(self) -> str | None:
        """Take everything, or nothing and tell what is in the way."""
        async with AsyncExitStack() as connection:
            locks = await connection.enter_async_context(self._db.locks())
            obstacle = await self._obstacle(locks)
            if obstacle is None:
                self._locks, self._connection = locks, connection.pop_all()
            return obstacle

    async def _obstacle(self, locks: Locks) -> str | None:
        if not self._shard_ids:
            is_free = await locks.take(LAYOUT)
            return (
                None
                if is_free
                else "DATABASE_URL: another bot runs on this database; stop it, or set SHARD_IDS in both"
            )
        if not await locks.take(LAYOUT, shared=True):
            return "SHARD_IDS: a bot that has all shards runs on this database; stop it, or give it SHARD_IDS as well"
        count = await self._installation.get(COUNT)
        if count != str(self._shard_count) and not await self._recount(locks):
            if count is None:
                return "SHARD_COUNT: another bot is just starting on this database, the first one with SHARD_IDS"
            return f"SHARD_COUNT: bots with SHARD_COUNT={count} run on this database; stop all of them first"
        for shard in self._shard_ids:
            if not await locks.take(FIRST_SHARD + shard):
                return f"SHARD_IDS: another process on this database has shard {shard}; each belongs to one"
        return None

    async def _recount(self, locks: Locks) -> bool:
        """Note another number of shards, which may be while nobody else runs."""
        await locks.give_back(LAYOUT, shared=True)
        if not await locks.take(LAYOUT):
            return False
        await self._installation.set(COUNT, str(self._shard_count))
        await locks.take(LAYOUT, shared=True)
        await locks.give_back(LAYOUT)
        return True
