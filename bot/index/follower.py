"""Keeps a process at the generations of the vector index that the database names, whoever changed that.

Every process looks before it takes from the outbox, when no other one can be taking or changing anything, and when it
hears of a change. So what is made or forgotten reaches the generation in use and the one that is being filled,
whoever writes it, and all search the new one as soon as it has taken over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from bot.domain import DamagedIndex, InUse, ServiceAbsent, ServiceError, ServiceRejected, StartupError
from bot.index.base import NoIndex, VectorIndex
from bot.index.claim import Standing
from bot.index.generations import Generation, Generations, GenerationState, Made
from bot.index.keeper import IS_ANOTHERS, IS_COPY, IS_WATCHING, Keeper
from bot.index.switch import IndexSwitch

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 60.0
"""Until a generation that could not be opened is tried again."""

FOLLOW_SECONDS: Final = 5.0
"""Between two looks where no change is heard of: the keeper's lock goes when nothing is heard of it for 20 s."""

AGAIN_SECONDS: Final = 1.0
"""Until the database is asked again that did not answer."""

Open = Callable[[Generation, bool], AbstractAsyncContextManager[VectorIndex]]
"""Opens a generation; True: empty."""

IsAnothers = Callable[[Generation], Awaitable[bool]]
"""Whether another database with the same id holds a generation. Raises ServiceError."""


class Shelf:
    """Opens generations, and closes each by itself."""

    def __init__(self, opener: Open) -> None:
        self._opener = opener
        self._opened: dict[Generation, tuple[VectorIndex, AsyncExitStack]] = {}

    def held(self, generation: Generation) -> VectorIndex | None:
        """A generation that is open."""
        index, _ = self._opened.get(generation, (None, None))
        return index

    async def open(self, generation: Generation, *, fresh: bool = False) -> VectorIndex:
        """Open a generation that is closed."""
        stack = AsyncExitStack()
        index = await stack.enter_async_context(self._opener(generation, fresh))
        self._opened[generation] = index, stack
        return index

    async def close(self, generation: Generation) -> None:
        """Close a generation; one that is closed is fine."""
        _, stack = self._opened.pop(generation, (None, None))
        if stack is not None:
            await stack.aclose()

    async def keep(self, generations: Collection[Generation]) -> None:
        """Close all others."""
        for generation in self._opened.keys() - generations:
            await self.close(generation)

    async def aclose(self) -> None:
        """Close all of them."""
        await self.keep(())


class Follower:
    """See above.

    Attributes:
        switch: what the program searches and writes.
        unasked: why the server can't tell now whether the index in use is this database's; None where it could.

    Args:
        generations: what is in use and to come.
        wanted: how the settings of this process want the index to be.
        shelf: opens and closes generations.
        keeper: tells whether the index in use is this database's.
        is_anothers: tells whether the one to come is another's.
    """

    def __init__(
        self, generations: Generations, wanted: Made, shelf: Shelf, keeper: Keeper, is_anothers: IsAnothers
    ) -> None:
        self.switch = IndexSwitch()
        self._generations = generations
        self._wanted = wanted
        self._shelf = shelf
        self._keeper = keeper
        self._is_anothers = is_anothers
        self.unasked: ServiceError | None = None
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._absent: dict[Generation, tuple[NoIndex, float]] = {}
        self._seen: Generation | None = None

    @property
    def in_use(self) -> Generation | None:
        """What this process searches; None before the start."""
        return self._seen

    async def start(self, *, damaged: bool = False, mends: bool = False) -> None:
        """Begin with what is in use; one that can't be opened is done without where it is to be replaced anyway.

        Args:
            damaged: it is, whatever the settings say.
            mends: one that is found to be damaged is filled anew.

        Raises:
            StartupError: the index in use is the one that the settings want, and can't be opened.
            InUse: another process holds it.
            ServiceError: a service is down, and it is not waited for.
        """
        state = await self._generations.load(self._wanted)
        mending = False
        try:
            with suppress(ServiceError):  # the index says it again, to those who don't wait for it
                await self._keeper.refresh(state.in_use)
            await self._shelf.open(state.in_use)
        except InUse:
            raise
        except StartupError as error:
            mending = mends and isinstance(error, DamagedIndex)
            if state.in_use.made == self._wanted and not (damaged or mending):
                raise
            self._do_without(state.in_use, error)
        await self._generations.save_first(state)
        if mending:
            log.warning("The index is damaged and filled anew; until then memories are searched by words")
            await self._generations.ask()
        await self.follow()

    async def run(self) -> None:
        """Follow at each change and every few seconds, until cancelled; nothing else waits for what that takes."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(FOLLOW_SECONDS):  # wait_for may miss that it is cancelled
                    await self._changed.wait()
            self._changed.clear()
            try:
                await self.follow()
            except SQLAlchemyError as error:
                log.warning("Which index is in use can't be read: %s", type(error).__name__)
                await asyncio.sleep(AGAIN_SECONDS)
                self._changed.set()

    async def on_change(self) -> None:
        """Another process changed something: have `run` follow."""
        self._changed.set()

    async def follow(self) -> GenerationState:
        """Search and write what the database says now; what can't be opened is done without, and tried again later."""
        async with self._turn:
            state = await self._generations.load(self._wanted)
            in_use = await self._claimed(state.in_use)
            self.switch.turn_to(in_use, await self._to_come(state))
            if state.in_use != self._seen:
                self._tell(state.in_use)
            await self._shelf.keep(state.all)
            return state

    async def ready(self) -> None:
        """Follow before the outbox is taken from.

        Raises:
            ServiceAbsent: this process can't write to all of it, and has to leave the outbox to those that can; or it
                is not known yet whether the index is this database's.
            ServiceError: that can't be found out now.
        """
        await self.follow()
        if self.unasked is not None:
            raise self.unasked
        if self._keeper.standing is Standing.WATCHING:
            raise ServiceAbsent("qdrant", IS_WATCHING)
        if self._keeper.standing is Standing.COPY:
            return  # what is to be written waits, and there is nothing to forget
        if any(isinstance(index, NoIndex) for index in self.switch.both):
            raise ServiceAbsent("embeddings", "an index that is to be written can't be opened here")

    async def _claimed(self, in_use: Generation) -> VectorIndex:
        """The index in use, where it is this database's, or may be."""
        self.unasked = None
        try:
            await self._keeper.refresh(in_use)
        except ServiceError as error:
            self.unasked = error
        except StartupError as error:  # what was put in the place of a lost collection does not fit
            self.unasked = ServiceRejected("qdrant", str(error))
        if self._keeper.standing is Standing.COPY:
            return NoIndex(IS_COPY)
        return await self._opened(in_use)

    async def _to_come(self, state: GenerationState) -> VectorIndex | None:
        """The index to come, where it is this database's: a copy of a database that was moving is to leave it alone."""
        to_come = state.to_come
        elsewhere = to_come is not None and to_come.made.server != state.in_use.made.server
        if to_come is None or not (elsewhere or self._keeper.standing is Standing.HOLDING):
            return None
        return await self._opened(to_come, is_in_use=False)

    async def _opened(self, generation: Generation, *, is_in_use: bool = True) -> VectorIndex:
        index = self._shelf.held(generation)
        if index is not None:
            return index
        absent, until = self._absent.pop(generation, (None, 0.0))
        if absent is not None and asyncio.get_running_loop().time() < until:
            self._absent[generation] = absent, until
            return absent
        try:
            if not is_in_use and await self._is_anothers(generation):
                raise ServiceRejected("qdrant", IS_ANOTHERS)
            return await self._shelf.open(generation)
        except (StartupError, ServiceError) as error:
            return self._do_without(generation, error)

    def _do_without(self, generation: Generation, error: Exception) -> NoIndex:
        log.warning("Doing without the index %s for now: %s", generation.made, error)
        absent = NoIndex(str(error), holds_nothing=False)
        self._absent[generation] = absent, asyncio.get_running_loop().time() + RETRY_SECONDS
        return absent

    def _tell(self, in_use: Generation) -> None:
        if self._seen is not None:
            log.info("The index that was filled anew is in use")
        self._seen = in_use
        if in_use.made != self._wanted:
            log.warning(
                "The index in use is %s and the settings say %s: this process embeds as the index does, until the bot "
                "(the one with shard 0) has filled another",
                in_use.made,
                self._wanted,
            )
