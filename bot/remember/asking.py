"""Has a batch dealt with, and decides where that fails whose fault it is: the batch's, a service's, the program's.

Only where the same can be done with a line of our own a failure counts against the batch, which is halved until the
message is found. Otherwise the batch waits, and nothing is counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from bot.domain import AnswerError, Memory, ServiceError, ServiceGivenUp, Step, frames_of, reason_of
from bot.remember.fitness import OWN_LINE, OWN_STATEMENT, Call, Fitness
from bot.remember.leases import LeaseLost
from bot.remember.queue import Batch, Queue, Work
from bot.storage import database_away

if TYPE_CHECKING:
    from bot.guilds import Consents
    from bot.llm import Before
    from bot.remember.neighbours import Neighbours
    from bot.remember.reader import Reader
    from bot.remember.report import FlushReport
    from bot.remember.settler import Settler

log = logging.getLogger(__name__)

MODEL_AWAY = "model_away"
"""Reason of messages that were skipped because the model was away (OLLAMA_FALLBACK=skip)."""

T = TypeVar("T")


class _Changed(Exception):
    """What the model was to be shown went or changed before its turn came."""


async def at_once() -> None:
    """Nobody goes first."""


class Asking:
    """Deals with one batch after the other; see `ChannelFlush` for the parts."""

    def __init__(
        self,
        queue: Queue,
        reader: Reader,
        neighbours: Neighbours,
        settler: Settler,
        consents: Consents,
        fitness: Fitness,
        *,
        concurrency: int,
        step: Step,
        before_call: Callable[[], Awaitable[None]],
    ) -> None:
        self.fitness = fitness
        self._queue = queue
        self._reader = reader
        self._neighbours = neighbours
        self._settler = settler
        self._consents = consents
        self._places = asyncio.Semaphore(concurrency)
        self._step = step
        self._before_call = before_call

    @asynccontextmanager
    async def turn(self, work: Work, memories: Sequence[Memory]) -> AsyncIterator[Before]:
        """A place at the model, once one is free; what went since the prompt was made is shown by no attempt."""

        async def stands() -> None:
            if not await self._queue.stands(work, self._consents) or not await self._neighbours.hold(memories):
                raise _Changed

        async with self._places:
            await self._before_call()
            self.fitness.begin()
            yield stands

    async def answered(self, work: Work, call: Call, asking: Awaitable[T], report: FlushReport) -> T | None:
        """What a model answers; None where nothing is to be had, which the queue is told."""
        batch = work.batch
        try:
            answer = await asking
        except _Changed:
            log.info("Batch %s is read again: some of it went or changed", batch.id)
        except AnswerError as error:
            report.calls += 1
            await self._judge(batch, error, partial(self.fitness.judge, call, partial(self._asked, call)), report)
        except ServiceGivenUp as error:
            ids = [message.id for message in work.messages]
            report.messages += await self._queue.skip(batch.channel_id, ids, MODEL_AWAY)
            log.warning("Batch %s: skipped, %s", batch.id, error)
            self._step("skipped")
        except ServiceError as error:
            await self._wait(batch, error, report)
        else:
            self.fitness.usable(call)
            return answer
        return None

    async def done(self, batch: Batch, call: Call, work: Awaitable[T], report: FlushReport) -> T | None:
        """What comes of a step with a batch; None where the step fails over it, which the queue is told.

        Raises:
            LeaseLost: the channel is another's now.
            Exception: the database is away.
        """
        try:
            return await work
        except Exception as error:
            if _is_nobodys(error):
                raise
            await self._judge(batch, error, partial(self._did, call), report)
        return None

    async def _judge(
        self, batch: Batch, error: Exception, prove: Callable[[], Awaitable[object]], report: FlushReport
    ) -> None:
        """Count a failure against a batch, or let it wait where `prove` fails as well."""
        try:
            await prove()
        except ServiceError as cause:
            await self._wait(batch, cause, report)
        except Exception as cause:
            if _is_nobodys(cause):
                raise
            await self._wait(batch, error, report)  # what the batch failed with says more
        else:
            died = await self._queue.fail(batch, error)
            report.dead += died
            log.warning("Batch %s failed, %d messages died: %s%s", batch.id, died, reason_of(error), frames_of(error))
            self._step("failed")

    async def _wait(self, batch: Batch, error: Exception, report: FlushReport) -> None:
        report.waiting = reason_of(error)
        await self._queue.wait(batch, error)
        log.warning("Batch %s waits: %s", batch.id, report.waiting)

    async def _asked(self, call: Call) -> None:
        async with self._places:
            await self._reader.prove(call)

    async def _did(self, call: Call) -> None:
        """Take a line of our own through the same steps, and leave nothing of it."""
        await self._settler.prove(OWN_LINE, OWN_STATEMENT)
        await self._neighbours.near(guild_id=0, channel_id=0, text=OWN_STATEMENT, rendered=None)
        await self._asked(call)


def _is_nobodys(error: Exception) -> bool:
    """Whether an error ends the flush, and says nothing of any batch."""
    return isinstance(error, LeaseLost) or database_away(error)
