"""Discord's history in pages, where one message that can't be read holds up no other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import discord

from bot.domain import ChannelMemoryError, snowflake
from cogs.faults import UNPARSED, where
from cogs.payloads import reduced, with_poll

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

PAGE = 100
"""Messages in one answer of Discord's history: as many as it gives."""

PAGE_SECONDS = 60.0
"""Until a page that does not come is given up; a wait that Discord's rate limit asks for is seconds."""

T = TypeVar("T")
Readable = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread
Fetch = Callable[..., Awaitable[Any]]
"""Asks Discord: for one page, `fetch(channel_id, limit, before=..., after=...)`; for one message, `fetch(channel_id,
message_id)`. Both as Discord sends them."""
Parse = Callable[..., discord.Message]
"""Makes a message of it: `parse(channel=..., data=...)`."""


class UnreadableMessage(ChannelMemoryError):
    """A message is there, and can't be read; the reason is without content."""


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A message as Discord sent it.

    Attributes:
        id: its snowflake.
        data: all of it.
    """

    id: int
    data: Any
    channel: Readable
    parse: Parse

    def read(self, use: Callable[[discord.Message], T]) -> T:
        """Make something of the message, as discord.py reads it, or of that part of it which is kept.

        Raises:
            UnreadableMessage: neither can be done.
        """
        try:
            return use(self.parse(channel=self.channel, data=with_poll(self.data)))
        except Exception:  # noqa: BLE001 - whatever discord.py stumbles upon, what is kept may be readable
            return self._read_reduced(use)

    def _read_reduced(self, use: Callable[[discord.Message], T]) -> T:
        try:
            data = {**reduced(self.data), "channel_id": str(self.channel.id)}
            return use(self.parse(channel=self.channel, data=data))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other messages are read
            raise UnreadableMessage(where(error)) from None

    def author_id(self) -> int | None:
        """Who wrote it; None where that can't be told, or where it is no person."""
        try:
            author: Mapping[str, Any] = self.data["author"]
            is_person = not (author.get("bot") or author.get("system") or self.data.get("webhook_id"))
            return int(author["id"]) if is_person else None
        except UNPARSED:
            return None


class HistoryReader:
    """Reads history by itself, for `channel.history()` ends at the first message that it can't read.

    Args:
        fetch: asks Discord for one page.
        fetch_message: asks Discord for one message.
        parse: discord.py's reading of one message.
        seconds: until an answer that does not come is given up.
    """

    def __init__(self, fetch: Fetch, fetch_message: Fetch, parse: Parse, *, seconds: float = PAGE_SECONDS) -> None:
        self._fetch = fetch
        self._fetch_message = fetch_message
        self._parse = parse
        self._seconds = seconds

    async def after(self, channel: Readable, place: int) -> AsyncIterator[RawMessage]:
        """Everything after the snowflake `place`, oldest first.

        Raises:
            discord.HTTPException, aiohttp.ClientError, OSError: Discord declines, or does not answer in time.
            ValueError: what it sent is no page of history.
        """
        while True:
            page, size = await self._page(channel, after=place)
            later = [entry for entry in page if entry.id > place]  # a server that heeds no `after` would go on for ever
            for entry in later:
                place = entry.id
                yield entry
            if size < PAGE or not later:
                return

    async def before(self, channel: Readable, place: int) -> list[RawMessage]:
        """The page before the snowflake `place`, newest first and whole; raises what `after` does."""
        page, size = await self._page(channel, before=place)
        if len(page) < size:  # what is left out here would be taken for deleted
            raise ValueError("what Discord sent has messages without ids")
        return page[::-1]

    async def single(self, channel: Readable, message_id: int) -> RawMessage:
        """One message; raises what `after` does."""
        async with asyncio.timeout(self._seconds):
            data = await self._fetch_message(channel.id, message_id)
        return RawMessage(message_id, data, channel, self._parse)

    async def _page(self, channel: Readable, **place: int) -> tuple[list[RawMessage], int]:
        """A page, oldest first, without what has no id; and how many messages came."""
        async with asyncio.timeout(self._seconds):
            data = await self._fetch(channel.id, PAGE, **place)
        entries = [RawMessage(message_id, message, channel, self._parse) for message_id, message in _by_id(data)]
        if left_out := len(data) - len(entries):
            log.error("%d messages of channel %d have no id of their own and are left out", left_out, channel.id)
        return entries, len(data)


def _by_id(page: object) -> list[tuple[int, Any]]:
    """The messages of a page with their ids, oldest first; what has no id that can be one is left out.

    Raises:
        ValueError: it is something else; nothing of it may be taken for a message and left out.
    """
    messages: dict[int, Any] = {}
    entries: list[Any] = page if isinstance(page, list) else [None]
    for data in entries:
        with suppress(*UNPARSED):
            messages[snowflake.parse(str(data["id"]))] = data
    if entries and not messages:
        raise ValueError("what Discord sent is no page of history")
    return sorted(messages.items())
