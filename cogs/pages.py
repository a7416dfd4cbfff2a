"""Discord's history in pages, where one message that discord.py can't read holds up no other."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import discord

from cogs.faults import UNPARSED

log = logging.getLogger(__name__)

PAGE = 100
"""Messages in one answer of Discord's history: as many as it gives."""

PAGE_SECONDS = 60.0
"""Until a page that does not come is given up; a wait that Discord's rate limit asks for is seconds."""

Readable = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread
Fetch = Callable[..., Awaitable[list[Any]]]
"""One page as Discord sends it: `fetch(channel_id, limit, before=..., after=...)`."""
Parse = Callable[..., discord.Message]
"""Makes a message of it: `parse(channel=..., data=...)`."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that is there, and that discord.py can't read."""

    id: int


Found = discord.Message | Unreadable


class Pages:
    """Reads history by itself, for `channel.history()` ends at the first message that it can't read.

    Args:
        fetch: asks Discord for one page.
        parse: discord.py's reading of one message.
        counts: told under `unreadable` of each message that is left out for good.
        seconds: until a page that does not come is given up.
    """

    def __init__(self, fetch: Fetch, parse: Parse, counts: Counter[str], *, seconds: float = PAGE_SECONDS) -> None:
        self._fetch = fetch
        self._parse = parse
        self._counts = counts
        self._seconds = seconds

    async def after(self, channel: Readable, place: int) -> AsyncIterator[Found]:
        """Everything after the snowflake `place`, oldest first.

        Raises:
            discord.HTTPException, aiohttp.ClientError, OSError: Discord declines, or does not answer in time.
            ValueError: what it sent is no page of history.
        """
        while True:
            page = _by_id(await self._page(channel, after=place))
            for message_id, data in page:
                place = message_id
                found = self._read(channel, message_id, data)
                if isinstance(found, Unreadable):
                    self._counts["unreadable"] += 1
                    log.error("Message %d of channel %d can't be read and is left out", message_id, channel.id)
                yield found
            if len(page) < PAGE:
                return

    async def before(self, channel: Readable, place: int) -> list[Found]:
        """The page before the snowflake `place`, newest first; raises what `after` does."""
        page = _by_id(await self._page(channel, before=place))
        return [self._read(channel, message_id, data) for message_id, data in reversed(page)]

    async def _page(self, channel: Readable, **place: int) -> list[Any]:
        async with asyncio.timeout(self._seconds):
            return await self._fetch(channel.id, PAGE, **place)

    def _read(self, channel: Readable, message_id: int, data: Any) -> Found:  # noqa: ANN401 - as Discord sends it
        try:
            return self._parse(channel=channel, data=data)
        except UNPARSED as error:
            log.info("Message %d of channel %d can't be read (%s)", message_id, channel.id, type(error).__name__)
            return Unreadable(message_id)


def _by_id(page: Iterable[Any]) -> list[tuple[int, Any]]:
    """The messages of a page with their ids, oldest first.

    Raises:
        ValueError: it is something else; nothing of it may be taken for a message and left out.
    """
    try:
        return sorted(((int(data["id"]), data) for data in page), key=lambda found: found[0])
    except UNPARSED:
        raise ValueError("what Discord sent is no page of history") from None
