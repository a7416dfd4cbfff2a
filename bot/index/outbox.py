"""The outbox: what the vector index has yet to learn, told in the transaction that changes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage import outbox

if TYPE_CHECKING:
    from bot.domain import Clock


class Outbox:
    """Takes what memories have changed. Rows are only ever added, for the indexer may be working on an older one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def add(self, connection: AsyncConnection, memory_ids: Sequence[str], op: str) -> None:
        """Tell the index of memories, in the caller's transaction: `op` is upsert or delete."""
        if memory_ids:
            row = {"op": op, "created_ms": self._clock()}
            await connection.execute(insert(outbox), [{"memory_id": memory_id, **row} for memory_id in memory_ids])
