"""What becomes of answers of the model when a message goes or changes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import and_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.remember.queue import OPEN, drop_empty_batches
from bot.storage import Store, batches, leases

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot.storage import Edited, Erased, Expired, Portion


class KeptAnswers(Store):
    """Batches in hand with the answers of the model, which may hold the text of any message of their channel."""

    name = "model answers"
    tables = (batches, leases)

    async def erased(self, connection: AsyncConnection, erased: Erased) -> Counter[str]:
        """Let answers of the channels that messages go from be asked for again."""
        return await self._discard(connection, erased)

    async def edited(self, connection: AsyncConnection, edited: Edited) -> int:
        """Let the answers of the message's channel be asked for again."""
        return 0 if edited.logged is None else await discard_answers(connection, {edited.logged.channel_id})

    async def expired(self, connection: AsyncConnection, expired: Expired) -> Counter[str]:
        """Let answers of the channels that messages go from be asked for again."""
        return await self._discard(connection, expired)

    async def _discard(self, connection: AsyncConnection, portion: Portion) -> Counter[str]:
        if not portion.channel_ids:
            return Counter()
        discarded = await discard_answers(connection, portion.channel_ids)
        await drop_empty_batches(connection)
        return Counter({self.name: discarded})


async def discard_answers(connection: AsyncConnection, channel_ids: Collection[int]) -> int:
    """Let stored model answers of these channels be asked for again; how many there were.

    An answer may hold the text of any message that its model saw, also of those that were context only. So a
    message that goes or changes takes its channel's answers with it.
    """
    answered = and_(batches.c.answer.is_not(None), batches.c.channel_id.in_(channel_ids))
    reset = update(batches).where(answered).values(state=OPEN, answer=None, error=None)
    return (await connection.execute(reset)).rowcount
