"""Messages that could not be read or kept, while others could: set aside by their ids, to be read again later."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from bot import __version__
from bot.storage import Item

if TYPE_CHECKING:
    from bot.domain import Message
    from bot.observe.messagelog import MessageLog
    from bot.storage import Database, SetAside

PART: Final = "observer"
"""Under this name they are set aside, and shown to people."""

AT_ONCE: Final = 20
"""So many are read again in one go; each takes a request."""


class UnreadMessages:
    """Keeps the ids of messages that are to be read again, where the messages themselves might be kept.

    Args:
        db: the database.
        log: knows what may be kept.
        aside: what could not be dealt with.
    """

    def __init__(self, db: Database, log: MessageLog, aside: SetAside) -> None:
        self._db = db
        self._log = log
        self._aside = aside
        self._basis = f"version {__version__}, discord.py {version('discord.py')}"

    async def add(self, message: Message, reason: str) -> bool:
        """Set a message aside; of its text nothing is kept.

        Args:
            message: what is known of it: its ids. That it is a person's, and from an observed channel, the caller
                knows.
            reason: why it could not be read or kept, without content.

        Returns:
            False where nothing of it may be kept, as of members who opted out.
        """
        async with self._db.write() as connection:
            if await self._log.refusals(connection, [message]):
                return False
            item = Item(
                key=str(message.id),
                guild_id=message.guild_id,
                channel_id=message.channel_id,
                message_id=message.id,
                author_id=message.author_id,
            )
            await self._aside.add(connection, PART, {item: reason}, basis=self._basis)
        return True

    async def due(self, guild_ids: Collection[int]) -> list[tuple[int, int, int]]:
        """Take messages of these servers that are to be read again now, each as (server, channel, message) ids."""
        if not await self._aside.is_due(PART, basis=self._basis, guild_ids=guild_ids):
            return []
        async with self._db.write() as connection:
            items = await self._aside.due(connection, PART, basis=self._basis, limit=AT_ONCE, guild_ids=guild_ids)
        return [(item.guild_id or 0, item.channel_id or 0, item.message_id or 0) for item in items]

    async def settle(self, message_id: int) -> None:
        """It was dealt with: it is nothing to keep, or there is no such message any more."""
        async with self._db.write() as connection:
            await self._aside.settle(connection, PART, [str(message_id)])

    async def put_back(self, message_id: int) -> None:
        """Discord can't be asked now: this was no try."""
        async with self._db.write() as connection:
            await self._aside.put_back(connection, PART, [str(message_id)])

    async def settle_kept(self, message: Message) -> None:
        """It was offered again: it is dealt with where the log has it now, or may not have it."""
        if await self._log.get([message.id]):
            await self.settle(message.id)
            return
        async with self._db.write() as connection:
            if await self._log.refusals(connection, [message]):
                await self._aside.settle(connection, PART, [str(message.id)])
