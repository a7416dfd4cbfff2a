"""The connection to Discord, made anew where it can't go on."""

from __future__ import annotations

from collections.abc import Callable

from bot.domain import ServiceUnavailable
from bot.run.running import within
from cogs.client import ChannelMemoryBot
from cogs.staying_connected import stay_connected

CLOSE_SECONDS = 2.0
"""To say goodbye to Discord."""


class Gateway:
    """Holds a bot that is connected; one that failed is left for another, which reads back what was said meanwhile.

    Args:
        make: makes a bot; each is connected once.
        token: Discord's.
    """

    def __init__(self, make: Callable[[], ChannelMemoryBot], token: str) -> None:
        self._make = make
        self._token = token
        self._bot: ChannelMemoryBot | None = None
        self._closing = False

    async def run(self) -> None:
        """Be connected until closed.

        Raises:
            StartupError: Discord declines for good.
            ServiceUnavailable: the connection ended, and nobody knows why.
        """
        await self._leave()
        self._bot = self._make()
        try:
            await stay_connected(self._bot, self._token)
        except Exception:
            if not self._closing:
                raise
        if not self._closing:
            raise ServiceUnavailable("discord", "the connection ended by itself")

    async def close(self) -> None:
        """Leave Discord; `run` returns."""
        self._closing = True
        await self._leave()

    def connected(self) -> bool:
        """Whether every shard has its gateway session."""
        shards = self.shards_up()
        return self._bot is not None and self._bot.is_ready() and bool(shards) and all(shards.values())

    def shards_up(self) -> dict[int, bool]:
        """Each shard of this process, and whether it has a connection; none before the first login."""
        shards = {} if self._bot is None else self._bot.shards
        return {number: not shard.is_closed() for number, shard in shards.items()}

    async def _leave(self) -> None:
        if self._bot is not None:
            await within(CLOSE_SECONDS, self._bot.close(), "saying goodbye to Discord")
