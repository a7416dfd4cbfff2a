"""Fills the next generation of the vector index beside the one in use, and lets it take over when it is whole.

Recall goes on with the one in use. Memories are copied in the order of their making, then messages where the index
holds any, a batch at a time, while the outbox stands still; what is made, changed or forgotten meanwhile reaches both
through the outbox. So a restart, or kill -9, goes on where the last batch was noted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import ServiceError, StartupError, UserError
from bot.index.base import VectorIndex
from bot.index.generations import Generation, Generations, Made, State
from bot.steps import Step, no_step
from bot.storage.schema import memories

if TYPE_CHECKING:
    from bot.index.indexer import Indexer
    from bot.index.switch import IndexSwitch
    from bot.storage.engine import Database

log = logging.getLogger(__name__)

BATCH: Final = 256
"""Memories that are copied in one go; the outbox waits meanwhile."""

LOOK_SECONDS: Final = 2.0
"""Between two looks for whether somebody asked for a new generation."""

FIRST_DELAY_SECONDS: Final = 1.0
LONGEST_DELAY_SECONDS: Final = 300.0

Open = Callable[[Generation, bool], AbstractAsyncContextManager[VectorIndex]]
"""Opens a generation; True: empty."""

Remove = Callable[[Generation], Awaitable[None]]
"""Removes a generation that is closed: its folder, or its points on the server. Raises ServiceError."""

Publish = Callable[[Generation], Awaitable[bool]]
"""Names the generation in use to whoever else reads the index; False where its name is taken. Raises ServiceError."""

Progress = Callable[[int, int], None]
"""Told how many memories are copied, and how many there are."""


class Shelf:
    """Opens generations, and closes each by itself."""

    def __init__(self, opener: Open) -> None:
        self._opener = opener
        self._opened: dict[int, AsyncExitStack] = {}

    async def open(self, generation: Generation, *, fresh: bool = False) -> VectorIndex:
        """Open a generation that is closed."""
        stack = AsyncExitStack()
        index = await stack.enter_async_context(self._opener(generation, fresh))
        self._opened[generation.number] = stack
        return index

    async def close(self, generation: Generation) -> None:
        """Close a generation; one that is closed is fine."""
        stack = self._opened.pop(generation.number, None)
        if stack is not None:
            await stack.aclose()

    async def aclose(self) -> None:
        """Close all of them."""
        for number in list(self._opened):
            await self._opened.pop(number).aclose()


class Mover:
    """Moves the program from one generation to the next.

    Args:
        db: where the memories are.
        generations: what is in use and to come.
        wanted: how the settings want the index to be.
        switch: what the program searches and writes.
        shelf: opens and closes generations.
        remove: removes those that are left over.
        publish: names the one in use on its server.
        indexer: stands still while a batch is copied.
        step: told the steps "copied" and "taken over".
    """

    def __init__(
        self,
        *,
        db: Database,
        generations: Generations,
        wanted: Made,
        switch: IndexSwitch,
        shelf: Shelf,
        remove: Remove,
        publish: Publish,
        indexer: Indexer,
        step: Step = no_step,
    ) -> None:
        self._db = db
        self._generations = generations
        self._wanted = wanted
        self._switch = switch
        self._shelf = shelf
        self._remove = remove
        self._publish = publish
        self._named: Generation | None = None
        self._indexer = indexer
        self._step = step
        self._stuck: frozenset[Generation] = frozenset()

    async def run(self) -> None:
        """Move whenever settings or somebody ask for it, until cancelled; a failure waits and is tried again."""
        delay = FIRST_DELAY_SECONDS
        while True:
            try:
                moved = await self.move()
            except (ServiceError, StartupError, SQLAlchemyError) as error:
                reason = type(error).__name__ if isinstance(error, SQLAlchemyError) else str(error)
                log.warning("The index can't be filled anew or named now, trying again in %.0f s: %s", delay, reason)
                await asyncio.sleep(delay)
                delay = min(2 * delay, LONGEST_DELAY_SECONDS)
                continue
            delay = FIRST_DELAY_SECONDS
            await asyncio.sleep(0 if moved else LOOK_SECONDS)

    async def finish(self, progress: Progress) -> int:
        """Fill a new generation, or go on with one that was begun, and let it take over; how many memories it holds.

        Raises:
            ServiceError: a service failed; called again it goes on.
        """
        state = await self._state()
        if state.to_come is None:
            await self._generations.save(state.begun(self._wanted))
        while (state := await self._state()).to_come is not None:
            progress(*await _copied(self._db, state))
            await self.move()
        while await self.move():
            pass
        _, total = await _copied(self._db, state)
        progress(total, total)
        return total

    async def move(self) -> bool:
        """Do the next thing there is to do; False if there is nothing."""
        state = await self._state()
        if state.in_use != self._named and state.in_use.made == self._wanted:
            await self._name(state.in_use)
        if any(generation not in self._stuck for generation in state.leftover):
            await self._tidy(state)
            return True
        if state.to_come is None:
            return False
        filling = self._switch.to_come
        if filling is None:
            filling = await self._shelf.open(state.to_come, fresh=not (state.done or state.done_messages))
            self._switch.prepare(filling)
            log.info("Filling the index anew with %s; recall goes on meanwhile", state.to_come.made.model)
        if not await self._copy(state, filling):
            await self._take_over(state)
        return True

    async def _state(self) -> State:
        """Where things stand, once what the settings want and somebody asked for is taken in."""
        state = now = await self._generations.load(self._wanted)
        if now.to_come is not None and now.to_come.made != self._wanted:
            self._switch.prepare(None)
            now = now.given_up()
        if now.to_come is None and (now.in_use.made != self._wanted or await self._generations.asked()):
            now = now.begun(self._wanted)
        if now != state:
            await self._generations.save(now)
        return now

    async def _copy(self, state: State, filling: VectorIndex) -> bool:
        """Copy the next batch; False if it was the last: what is made from now on comes through the outbox."""
        following = select(memories.c.id, memories.c.seq).where(memories.c.seq > state.done)
        async with self._indexer.standing_still():
            async with self._db.read() as connection:
                rows = (await connection.execute(following.order_by(memories.c.seq).limit(BATCH))).all()
            said = await self._indexer.messages.after(state.done_messages, BATCH - len(rows))
            if rows or said:
                await filling.upsert(await self._indexer.entries_of([row.id for row in rows], said))
                self._step("copied")
                done, done_messages = [state.done, *(row.seq for row in rows)][-1], [state.done_messages, *said][-1]
                await self._generations.save(replace(state, done=done, done_messages=done_messages))
        return len(rows) + len(said) == BATCH

    async def _take_over(self, state: State) -> None:
        async with self._indexer.standing_still():
            await self._generations.save(state.taken_over())
            self._switch.take_over()
        self._step("taken over")
        log.info("The index that was filled anew is in use")

    async def _name(self, generation: Generation) -> None:
        """Name the generation in use, before the one that it took over from is removed."""
        if not await self._publish(generation):
            log.info("The alias of the index waits: a collection on the server has its name (until `reindex`, if ours)")
        self._named = generation

    async def _tidy(self, state: State) -> None:
        """Close and remove what nobody uses; what can't be removed now is left to the next start."""
        for generation in state.leftover:
            await self._shelf.close(generation)
        self._stuck = frozenset((await tidy(self._generations, state, self._remove)).leftover)
        self._named = None  # what was removed may have had the name


async def tidy(generations: Generations, state: State, remove: Remove) -> State:
    """Remove what is left over, all of which is closed; what can't be removed stays left over."""
    stuck: list[Generation] = []
    for generation in state.leftover:
        try:
            await remove(generation)
        except ServiceError as error:
            where = f"{generation.collection} at {generation.made.server}"
            log.warning("Memories are still in the former index (%s); tried again at each start: %s", where, error)
            stuck.append(generation)
    if len(stuck) < len(state.leftover):
        state = replace(state, leftover=tuple(stuck))
        await generations.save(state)
    return state


class Onlooker:
    """Has the running bot fill the index anew, and sees how far it is."""

    def __init__(self, db: Database, generations: Generations) -> None:
        self._db = db
        self._generations = generations

    async def ask(self) -> int:
        """Ask for it; the number of the generation that is in use now.

        Raises:
            UserError: there is no index yet.
        """
        state = await self._known()
        await self._generations.ask()
        return state.in_use.number

    async def standing(self) -> tuple[int, int, int]:
        """The number of the generation in use, how many memories the next one holds, and how many there are."""
        state = await self._known()
        return state.in_use.number, *await _copied(self._db, state)

    async def _known(self) -> State:
        state = await self._generations.known()
        if state is None:
            raise UserError("The running bot has no vector index; see `python -m bot doctor`")
        return state


async def _copied(db: Database, state: State) -> tuple[int, int]:
    """How many memories are copied, and how many there are."""
    copied = select(func.count()).select_from(memories).where(memories.c.seq <= state.done)
    async with db.read() as connection:
        total = await connection.scalar(select(func.count()).select_from(memories)) or 0
        return await connection.scalar(copied) or 0, total
