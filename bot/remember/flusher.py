"""Flushing: from pending messages to memories, channel by channel, however often it is interrupted.

Which channel is worked on when is decided here; what is done with one, in `channel_flush`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict, deque
from collections.abc import Coroutine, Iterable
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from bot.index import Indexer
from bot.remember.channel_flush import CUT_MESSAGES, TAKEN, ChannelFlush
from bot.remember.dead_letters import DeadLetters
from bot.remember.places import Place, Turns
from bot.remember.queue import Due, Queue
from bot.remember.report import FlushReport, Progress, tell_nobody

log = logging.getLogger(__name__)

PLAN_TURNS = 8
"""Turns after which it is looked again for what is due."""


class Flusher:
    """Drives the making of memories."""

    def __init__(
        self,
        queue: Queue,
        channels: ChannelFlush,
        indexer: Indexer,
        dead: DeadLetters,
        *,
        flush_interval: float,
        flush_batch_size: int,
        concurrency: int = 1,
        on_flush: Progress = tell_nobody,
    ) -> None:
        """Wire the pipeline.

        Args:
            queue: where the work is.
            channels: works on one channel.
            indexer: brings the vector index up to date.
            dead: what could not be read.
            flush_interval: seconds after which pending messages are flushed at the latest.
            flush_batch_size: pending messages of a channel that are flushed at once.
            concurrency: calls of the model at the same time; one channel more is worked on, so that the model need not
                wait while an answer is stored and applied.
            on_flush: told what each flush of a channel did, when it is over.
        """
        self._queue = queue
        self._work = channels
        self._indexer = indexer
        self._dead = dead
        self._interval = flush_interval
        self._size = flush_batch_size
        self._at_once = concurrency + 1
        self._slots = asyncio.Semaphore(self._at_once)
        self._turns = Turns()
        self._on_flush = on_flush
        self._single: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._running: set[asyncio.Task[FlushReport]] = set()

    @property
    def bot_id(self) -> int | None:
        """This bot's own user id, once it is known."""
        return self._work.bot_id

    @bot_id.setter
    def bot_id(self, user_id: int | None) -> None:
        self._work.bot_id = user_id

    @property
    def at_work(self) -> int:
        """How many channels are being worked on."""
        return len(self._running)

    async def due(self) -> list[Due]:
        """Channels that should be flushed now, longest waiting first."""
        return await self._queue.due(interval_seconds=self._interval, size=self._size)

    async def flush_due(self) -> FlushReport:
        """Flush until no channel is due, or none that anything can be done for; servers and channels take turns.

        What other processes have in hand is left to them.
        """
        started = time.monotonic()
        total = FlushReport()
        plan: deque[Due] = deque()
        in_hand: set[asyncio.Task[FlushReport]] = set()
        await self._dead.retry_due()
        fitness = self._work.fitness
        useful = True  # where no turn did anything, looking again at once would not help
        try:
            while True:
                at_once = 1 if fitness.is_doubted else self._at_once
                if not plan and useful and not self._work.stopping and len(in_hand) < at_once:
                    due = [turn for turn in await self.due() if not self._is_flushing(turn.channel_id)]
                    plan.extend(self._turns.plan(fitness.allowed(due), PLAN_TURNS))
                    useful = False
                while plan and len(in_hand) < self._at_once:
                    turn = plan.popleft()
                    if self._is_flushing(turn.channel_id):  # as a manager asked meanwhile, who has all of it done
                        continue
                    in_hand.add(asyncio.create_task(self._flush_safely(turn.channel_id, limit=CUT_MESSAGES)))
                if not in_hand:
                    break
                over, in_hand = await asyncio.wait(in_hand, return_when=asyncio.FIRST_COMPLETED)
                for flush in over:
                    done = flush.result()
                    useful |= bool(done.messages or done.asked or done.calls)
                    if done.waiting != TAKEN:
                        total.add(done)
        finally:
            for flush in in_hand:
                flush.cancel()
        total.waiting = fitness.waiting or total.waiting
        total.seconds = time.monotonic() - started
        return total

    async def flush_channel(
        self, channel_id: int, progress: Progress = tell_nobody, *, limit: int | None = None
    ) -> FlushReport:
        """Flush all that is pending in a channel at this moment, or the oldest `limit` messages of it.

        However much it is, other channels have their turns: after each CUT_MESSAGES whoever waits for a place comes
        first. A model that is down is not an error: what it could not do waits in the queue, and the report says so.
        """
        started = time.monotonic()
        report = FlushReport()
        async with self._single[channel_id], Place(self._slots) as place:
            if not self._work.stopping:
                await self._tracked(self._work.run(channel_id, place, report, progress, limit), report)
        report.seconds = time.monotonic() - started
        if report.messages or report.dead:
            log.info("Flushed %d messages into %d memories", report.messages, report.memories)
        self._on_flush(report)
        return report

    async def flush_all(self, progress: Progress = tell_nobody) -> FlushReport:
        """Flush every channel until nothing is pending, or until a service that is down leaves no way on."""
        started = time.monotonic()
        total = FlushReport()
        while not self._work.stopping and total.waiting is None and (channels := await self._queue.channels()):
            done = await self._flush_many(channels, progress)
            total.add(done)
            if not done.messages + done.dead:
                break
        await self._dead.retry_due()  # those of this flush are noted, and have their turn another time
        await self._indexer.drain()  # what an interrupted flush before this one left
        total.seconds = time.monotonic() - started
        return total

    async def stop(self, deadline: float) -> None:
        """Finish the batches in hand within `deadline` seconds; what takes longer goes back to the queue."""
        self._work.stopping = True
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=deadline)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    # --- tasks -------------------------------------------------------------------------------------------------------

    def _is_flushing(self, channel_id: int) -> bool:
        flush = self._single.get(channel_id)
        return flush is not None and flush.locked()

    async def _flush_many(self, channels: Iterable[int], progress: Progress = tell_nobody) -> FlushReport:
        """Flush channels side by side."""
        total = FlushReport()
        for report in await asyncio.gather(*(self._flush_safely(channel_id, progress) for channel_id in channels)):
            total.add(report)
        return total

    async def _flush_safely(
        self, channel_id: int, progress: Progress = tell_nobody, *, limit: int | None = None
    ) -> FlushReport:
        """Flush a channel; one that fails does not stop the others, and is tried again later."""
        try:
            return await self.flush_channel(channel_id, progress, limit=limit)
        except SQLAlchemyError as error:
            log.warning("A flush could not reach the database and is tried again later: %s", type(error).__name__)
        except Exception:  # whatever it is, the others go on
            log.exception("A flush failed and is tried again later")
        return FlushReport()

    async def _tracked(self, flush: Coroutine[Any, Any, None], report: FlushReport) -> None:
        """Run a flush as a task of its own, which `stop` can wait for and cancel."""
        task = asyncio.create_task(_returning(flush, report))
        self._running.add(task)
        try:
            await task
        except asyncio.CancelledError:
            if not (self._work.stopping and task.cancelled()):
                raise
            report.waiting = "stopped"
        finally:
            self._running.discard(task)


async def _returning(flush: Coroutine[Any, Any, None], report: FlushReport) -> FlushReport:
    await flush
    return report
