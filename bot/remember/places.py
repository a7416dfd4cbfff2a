"""Whose turn it is to be worked on, so that a busy server or channel keeps no other waiting."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Collection, Iterator, Sequence
from types import TracebackType
from typing import Self

from bot.remember.queue import Due


class Turns:
    """Gives servers one turn after the other, and so the channels of each, however much is waiting where.

    What somebody waits for comes first, then whoever has waited longest for a turn; among those who never had one, the
    first in the list.
    """

    def __init__(self) -> None:
        self._number = itertools.count(1)
        self._guilds: dict[int, int] = {}
        self._channels: dict[int, int] = {}

    def next(self, due: Collection[Due]) -> Due:
        """Who of these is next, which counts as a turn had."""
        chosen = min(due, key=self._had)
        self._guilds[chosen.guild_id] = self._channels[chosen.channel_id] = next(self._number)
        return chosen

    def _had(self, due: Due) -> tuple[bool, int, int]:
        return not due.awaited, self._guilds.get(due.guild_id, 0), self._channels.get(due.channel_id, 0)

    def plan(self, due: Sequence[Due], limit: int) -> Iterator[Due]:
        """The next turns of these channels, one each and `limit` at most."""
        waiting = dict.fromkeys(due)
        while waiting and limit > 0:
            chosen = self.next(waiting)
            del waiting[chosen]
            limit -= 1
            yield chosen


class Place:
    """A flush's place among the channels that are worked on at the same time, for the time of a block."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._held = self._used = False

    async def __aenter__(self) -> Self:
        await self._take()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._held:
            self._places.release()

    async def turn(self) -> None:
        """Begin a turn; each after the first waits behind those who want a place."""
        if self._used:
            self._held = False
            self._places.release()
            await self._take()
        self._used = True

    async def _take(self) -> None:
        await self._places.acquire()
        self._held = True
