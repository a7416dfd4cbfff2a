"""Fills the next generation of the vector index beside the one in use, and lets it take over when it is whole.

Recall goes on with the one in use. Memories are copied in the order of their making, then messages where the index
holds any, a batch at a time, while the outbox of all processes stands still; what is made, changed or forgotten
meanwhile reaches both through the outbox (see `bot.index.follower`). So a restart, or kill -9, goes on where the last
batch was noted. Of several processes one moves at a time: the bot with shard 0, or `reindex` where none runs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import ServiceError, ServiceRejected, StartupError, Step, isolate, no_step
from bot.index.backlog import OutboxPoint
from bot.index.base import NoIndex, VectorIndex
from bot.index.claim import Standing
from bot.index.generations import Generation, Generations, GenerationState, Made
from bot.index.indexer import OUTAGES
from bot.index.keeper import IS_ANOTHERS, IS_COPY
from bot.index.onlooker import copied
from bot.index.points import point_id
from bot.storage import memories

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.index.base import IndexEntry
    from bot.index.follower import Follower, Shelf
    from bot.index.indexer import Indexer
    from bot.index.keeper import Keeper
    from bot.storage import Database

log = logging.getLogger(__name__)

MOVING: Final = 2
"""Number of the lock that whoever moves holds, so that nobody else begins to."""

BATCH: Final = 256
"""Memories that are copied in one go; the outbox waits while they are written."""

LOOK_SECONDS: Final = 2.0
"""Between two looks for whether somebody asked for a new generation."""

GRACE_SECONDS: Final = 10.0
"""How long a generation on a server outlives its use where several processes search: they learn of the new one within
a second, recall waits four for an answer, and what is forgotten then has to be gone within a minute."""

FIRST_DELAY_SECONDS: Final = 1.0
LONGEST_DELAY_SECONDS: Final = 300.0

STRAYS_MS: Final = 60_000
"""Between two looks for collections that nobody knows of."""

Progress = Callable[[int, int], None]
"""Told how many memories are copied, and how many there are."""


class Places(Protocol):
    """Where generations are: folders, and collections on servers. All raise ServiceError; see `bot.index.vectors`."""

    async def following(self, state: GenerationState) -> Generation:
        """The generation that comes next."""

    async def is_held_by_another(self, generation: Generation) -> bool:
        """Whether another database with the same id holds a generation."""

    async def strays(self, state: GenerationState) -> tuple[Generation, ...]:
        """Those of this installation that its database does not know, and nobody holds."""

    async def remove(self, generation: Generation) -> None:
        """Remove a generation that is closed: its folder, or its points on the server."""

    async def publish(self, generation: Generation) -> bool:
        """Name the generation in use to whoever else reads the index; False where its name is taken."""


class Mover:
    """Moves all processes from one generation to the next.

    Args:
        db: where the memories are.
        generations: what is in use and to come.
        wanted: how the settings want the index to be.
        follower: has this process search and write what the database says.
        keeper: tells whether the index in use is this database's.
        shelf: opens and closes generations.
        places: where they are.
        indexer: stands still while a batch is copied.
        clock: the local clock.
        grace_seconds: for other processes to leave a generation on a server before it is removed.
        step: told the steps "copied" and "taken over".
    """

    def __init__(
        self,
        *,
        db: Database,
        generations: Generations,
        wanted: Made,
        follower: Follower,
        keeper: Keeper,
        shelf: Shelf,
        places: Places,
        indexer: Indexer,
        clock: Clock,
        grace_seconds: float = 0,
        step: Step = no_step,
    ) -> None:
        self._db = db
        self._generations = generations
        self._wanted = wanted
        self._follower = follower
        self._keeper = keeper
        self._shelf = shelf
        self._places = places
        self._named: Generation | None = None
        self._indexer = indexer
        self._clock = clock
        self._grace_ms = grace_seconds * 1_000
        self._step = step
        self._stuck: set[Generation] = set()
        self._strays_ms: int | None = None

    async def run(self) -> None:
        """Move whenever settings or somebody ask for it, until cancelled; a failure waits and is tried again."""
        delay = FIRST_DELAY_SECONDS
        while True:
            try:
                async with self._db.alone(MOVING):
                    while True:
                        moved = await self.move()
                        delay = FIRST_DELAY_SECONDS
                        await asyncio.sleep(0 if moved else LOOK_SECONDS)
            except (ServiceError, StartupError, SQLAlchemyError) as error:
                reason = type(error).__name__ if isinstance(error, SQLAlchemyError) else str(error)
                log.warning("The index can't be filled anew or named now, trying again in %.0f s: %s", delay, reason)
                await asyncio.sleep(delay)
                delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    async def finish(self, progress: Progress) -> int:
        """Fill a new generation, or go on with one that was begun, and let it take over; how many memories it holds.

        Raises:
            ServiceError: a service failed; called again it goes on.
            StartupError: the new one can't be opened.
        """
        await self._settle()
        state = await self._generations.load(self._wanted)
        if not self._may_move(state):
            raise ServiceRejected("qdrant", IS_COPY)
        if state.to_come is None:
            await self._generations.ask()
        while await self.move() or not self._stuck.issuperset(state.leftover):
            state = await self._generations.load(self._wanted)
            if state.to_come is not None:
                progress(*await copied(self._db, state))
            elif not self._due(state):
                await asyncio.sleep(LOOK_SECONDS)
        _, total = await copied(self._db, state)
        progress(total, total)
        return total

    async def _settle(self) -> None:
        """Wait until it is known whose the index is.

        Raises:
            ServiceError: its server does not answer, or declined.
        """
        while self._keeper.standing is Standing.WATCHING:
            if self._follower.unasked is not None:
                raise self._follower.unasked
            await asyncio.sleep(LOOK_SECONDS)
            await self._follower.follow()

    async def move(self) -> bool:
        """Do the next thing there is to do; False if there is nothing."""
        state = await self._follower.follow()
        if not self._may_move(state):
            return False
        if state.in_use != self._named and state.in_use.made == self._wanted:
            await self._name(state.in_use)
        if await self._claim_strays(state):
            return True
        if due := self._due(state):
            await self._tidy(due)
        elif state.to_come is not None:
            await self._go_on(state.to_come)
        elif state.in_use.made != self._wanted or await self._generations.asked():
            await self._begin()
        else:
            return False
        return True

    def _may_move(self, state: GenerationState) -> bool:
        """Not where the index in use is, or may be, another database's; unless the settings want another server."""
        return self._keeper.standing is Standing.HOLDING or self._wanted.server != state.in_use.made.server

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[GenerationState]:
        """Where things stand, while no process writes to an index or changes that."""
        async with self._indexer.standing_still():
            yield await self._generations.load(self._wanted)

    async def _begin(self) -> None:
        """Empty the place of the next generation, then have every process write to it as well."""
        async with self._alone() as state:
            if state.to_come is not None:
                return
            to_come = await self._places.following(state)
            try:
                await (await self._shelf.open(to_come, fresh=True)).count()  # which is when it is really emptied
                await self._generations.begin(replace(state, to_come=to_come))
            except BaseException:
                await self._shelf.close(to_come)
                raise
        log.info("Filling the index anew with %s; recall goes on meanwhile", self._wanted)

    async def _go_on(self, to_come: Generation) -> None:
        filling = self._follower.switch.to_come
        if to_come.made != self._wanted:
            await self._give_up("the settings want another one")
        elif filling is None or isinstance(filling, NoIndex):
            await self._give_up("it can't be opened; another one is begun when it can")
            await self._generations.ask()
        elif await self._places.is_held_by_another(to_come):
            await self._give_up(IS_ANOTHERS)
            await self._generations.ask()
        else:
            await self._copy(to_come, filling)

    async def _give_up(self, why: str) -> None:
        log.warning("The index that was being filled is given up: %s", why)
        async with self._alone() as state:
            await self._generations.save(state.given_up())

    async def _copy(self, to_come: Generation, filling: VectorIndex) -> None:
        """Copy the next batch. With the last one it takes over: what is made from then on comes through the outbox."""
        ahead = await self._following(await self._generations.load(self._wanted))

        async def embed(entries: Sequence[IndexEntry]) -> None:
            await filling.prefetch([entry.text for entry in entries])

        await self._each(ahead.points, filling, embed)  # or the outbox would wait for the model
        async with self._alone() as state:
            if state.to_come != to_come:
                return
            batch = await self._following(state)
            if batch.points:
                await self._write(batch.points, filling)
                self._step("copied")
            if len(batch.points) == BATCH:
                await self._generations.save(batch.then)
                return
            await self._generations.save(batch.then.taken_over(self._clock()))
        self._step("taken over")

    async def _write(self, points: Sequence[OutboxPoint], filling: VectorIndex) -> None:
        """Copy points; those that can't be are set aside, and tried again when it has taken over."""
        refused: dict[str, Exception] = {}

        async def write(entries: Sequence[IndexEntry]) -> None:
            refused.update(await filling.upsert(entries))

        reasons = await self._each(points, filling, write)
        reasons |= {point: refused[point.id] for point in points if point.id in refused}
        if reasons:
            await self._indexer.set_aside(reasons)

    async def _each(
        self,
        points: Sequence[OutboxPoint],
        filling: VectorIndex,
        use: Callable[[Sequence[IndexEntry]], Awaitable[None]],
    ) -> dict[OutboxPoint, Exception]:
        """Use the entries of all points but those that it can't be done for; why not."""

        async def work(points: Sequence[OutboxPoint]) -> None:
            await use(await self._indexer.entries_of(points))

        return dict(await isolate(points, work, proof=partial(filling.prove, embeds=True), outages=OUTAGES))

    async def _following(self, state: GenerationState) -> _Batch:
        following = select(memories.c.id, memories.c.seq).where(memories.c.seq > state.done)
        async with self._db.read() as connection:
            rows = (await connection.execute(following.order_by(memories.c.seq).limit(BATCH))).all()
        message_ids = await self._indexer.messages.after(state.done_messages, BATCH - len(rows))
        points = [
            *(OutboxPoint(row.id, None) for row in rows),
            *(OutboxPoint(point_id(message_id), message_id) for message_id in message_ids),
        ]
        done, done_messages = [state.done, *(row.seq for row in rows)][-1], [state.done_messages, *message_ids][-1]
        return _Batch(points, replace(state, done=done, done_messages=done_messages))

    async def _name(self, generation: Generation) -> None:
        """Name the generation in use, before the one that it took over from is removed."""
        if not await self._places.publish(generation):
            log.info("The alias of the index waits: a collection on the server has its name (until `reindex`, if ours)")
        self._named = generation

    def _due(self, state: GenerationState) -> set[Generation]:
        """What can be removed; what could not be is left to the next start."""
        waiting = abs(self._clock() - state.left_ms) < self._grace_ms
        waiting = waiting or not self._keeper.removes  # a copy that was just started does not know yet that it is one
        leftover = set(state.leftover) - self._stuck
        return {generation for generation in leftover if not (waiting and generation.made.server)}

    async def _claim_strays(self, state: GenerationState) -> bool:
        """Have collections of this installation that the database does not know be removed as what is left over is."""
        now_ms = self._clock()
        waits = self._strays_ms is not None and 0 <= now_ms - self._strays_ms < STRAYS_MS
        if waits or not state.in_use.made.server or not self._keeper.removes:
            return False
        if strays := await self._places.strays(state):
            async with self._alone() as state:
                known = {generation.number for generation in state.all}
                strays = tuple(generation for generation in strays if generation.number not in known)
                await self._generations.save(replace(state, leftover=(*state.leftover, *strays)))
            numbers = ", ".join(str(generation.number) for generation in strays)
            log.warning("The Qdrant server has former indexes of this installation, which are removed: %s", numbers)
        self._strays_ms = now_ms
        return bool(strays)

    async def _tidy(self, due: set[Generation]) -> None:
        """Close and remove what nobody uses."""
        for generation in due:
            await self._shelf.close(generation)
            try:
                await self._places.remove(generation)
            except ServiceError as error:
                where = f"generation {generation.number} at {generation.made.server}"
                log.warning("Memories are still in the former index (%s); tried again at each start: %s", where, error)
                self._stuck.add(generation)
        gone = due - self._stuck
        async with self._alone() as state:
            await self._generations.save(
                replace(state, leftover=tuple(generation for generation in state.leftover if generation not in gone))
            )
        self._named = None  # what was removed may have had the name


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is copied next.

    Attributes:
        points: of memories and messages, some of which may be gone; fewer than BATCH: there are no more.
        then: where things stand once they are copied.
    """

    points: list[OutboxPoint]
    then: GenerationState
