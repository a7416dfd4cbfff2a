"""What becomes of answers of the model when a message goes or changes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bot.memories import discard_answers
from bot.remember.queue import drop_empty_batches
from bot.storage import Store, batches, leases, rereadings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

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


class Rereadings(Store):
    """Channels whose kept messages are to be read again."""

    name = "rereadings"
    tables = (rereadings,)
