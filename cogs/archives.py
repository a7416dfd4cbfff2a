"""The threads that a channel has archived, where one that can't be read keeps no other from being listed."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import discord

from cogs.faults import UNPARSED, where
from cogs.payloads import mended

log = logging.getLogger(__name__)

PAGE = 100
"""Threads in one answer: as many as Discord gives."""

Parent = discord.TextChannel | discord.ForumChannel
FetchArchive = Callable[..., Awaitable[Any]]
"""One page as Discord sends it: `fetch(channel_id, before=..., limit=...)`."""
ParseThread = Callable[..., discord.Thread]
"""Makes a thread of it: `parse(guild=..., data=...)`."""


class Archives:
    """Lists archived public threads.

    Args:
        fetch: asks Discord for one page.
        parse: discord.py's reading of one thread.
    """

    def __init__(self, fetch: FetchArchive, parse: ParseThread) -> None:
        self._fetch = fetch
        self._parse = parse

    async def threads(self, parent: Parent, since: datetime) -> list[discord.Thread]:
        """The threads that were archived after `since`, the last one first.

        Raises:
            discord.HTTPException, aiohttp.ClientError, OSError: Discord declines, or does not answer.
            TypeError, ValueError, LookupError, AttributeError: what it sent is no list of threads.
        """
        threads: list[discord.Thread] = []
        before: str | None = None
        while True:
            answer = await self._fetch(parent.id, before=before, limit=PAGE)
            page = [thread for data in answer["threads"] if (thread := self._read(parent, data)) is not None]
            threads += (thread for thread in page if thread.archive_timestamp >= since)
            last = page[-1].archive_timestamp if page else since
            if last < since or last.isoformat() == before or not answer.get("has_more"):
                return threads
            before = last.isoformat()

    def _read(self, parent: Parent, data: Any) -> discord.Thread | None:  # noqa: ANN401 - as Discord sends it
        try:
            return self._parse(guild=parent.guild, data=mended("THREAD_CREATE", data))
        except UNPARSED as error:
            log.error("An archived thread of channel %d can't be read (%s)", parent.id, where(error))  # noqa: TRY400
            return None
