"""Messages that could not be read where they stood: asked for singly, then set aside and tried again later."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import discord

from bot.domain import Message
from bot.observe import Said
from cogs.faults import UNREACHABLE, says_gone, why
from cogs.pages import UnreadableMessage

if TYPE_CHECKING:
    from bot.observe import Intake, UnreadMessages
    from cogs.pages import HistoryReader, RawMessage, Readable

log = logging.getLogger(__name__)

ToSaid = Callable[[discord.Message], Said | None]


class LateMessages:
    """Looks for what can't be read of a page of history.

    Args:
        pages: asks Discord.
        unread: keeps the ids of what can't be read.
        intake: takes what could be read in the end.
    """

    def __init__(self, pages: HistoryReader, unread: UnreadMessages, intake: Intake) -> None:
        self._pages = pages
        self._unread = unread
        self._intake = intake

    async def read_singly(self, entry: RawMessage, to_said: ToSaid) -> Said | None:
        """What the log keeps of a message that can't be read in its page; None where that is nothing, or not now."""
        try:
            return (await self._pages.single(entry.channel, entry.id)).read(to_said)
        except UnreadableMessage as error:
            reason = str(error)
        except UNREACHABLE as error:
            if says_gone(error):
                return None
            reason = why(error)
        log.error("Message %d of channel %d can't be read and is set aside: %s", entry.id, entry.channel.id, reason)
        self._intake.counts["unreadable"] += 1
        author_id = entry.author_id()
        if author_id is not None:
            await self._unread.add(_known(entry, author_id), f"Discord's message could not be read ({reason})")
        return None

    async def due(self, guild_ids: Collection[int]) -> list[tuple[int, int, int]]:
        """Messages of these servers that are to be read again now, each as (server, channel, message) ids."""
        return await self._unread.due(guild_ids)

    async def read_again(self, channel: Readable, message_id: int, to_said: ToSaid) -> None:
        """Try a message once more that was set aside."""
        try:
            item = (await self._pages.single(channel, message_id)).read(to_said)
        except UnreadableMessage:
            return
        except UNREACHABLE as error:
            if says_gone(error):
                await self._unread.settle(message_id)
            else:
                await self._unread.put_back(message_id)
            return
        if item is None:
            await self._unread.settle(message_id)
        elif self._intake.said(item):
            await self._intake.drain()
            await self._unread.settle_kept(item.message)


def _known(entry: RawMessage, author_id: int) -> Message:
    return Message(
        id=entry.id,
        guild_id=entry.channel.guild.id,
        channel_id=entry.channel.id,
        author_id=author_id,
        content="",
    )
