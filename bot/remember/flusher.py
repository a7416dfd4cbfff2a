"""Flushing: from pending messages to memories, channel by channel, however often it is interrupted.

A flush takes a channel's lease, cuts pending messages into batches, asks the model about each and stores the validated
answers; then it embeds all new statements in one request, compares each with what is there, and applies the answers in
order, one transaction each; then the index is brought up to date. Only where the answers hold more statements than one
embedding request takes does it come to a second round.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from sqlalchemy.exc import SQLAlchemyError

from bot.domain import AnswerError, ServiceError, ServiceGivenUp, Step, no_step
from bot.guilds import Consents
from bot.index import PATIENCE_SECONDS, Indexer
from bot.llm import MAX_TEXTS, Before
from bot.observe import Directory
from bot.remember.applier import OPTED_OUT, Applier
from bot.remember.candidate import Extraction
from bot.remember.extractor import Extractor
from bot.remember.queue import Batch, Due, LeaseLost, Queue, Work
from bot.remember.reconciler import Reconciler
from bot.remember.segments import segment
from bot.remember.turns import Turns

log = logging.getLogger(__name__)

CUT_MESSAGES = 500
"""Messages that are cut into batches at once, and that a channel has done in one turn."""

PLAN_TURNS = 8
"""Turns after which it is looked again for what is due."""

TAKEN = "another process works on the channel"
"""What a flush waits for whose channel somebody else has leased."""

MODEL_AWAY = "model_away"
"""Reason of messages that were skipped because the model was away (OLLAMA_FALLBACK=skip)."""


@dataclass(slots=True)
class FlushReport:
    """What a flush did.

    Attributes:
        messages: how many messages reached an end state.
        asked: how many messages the model was asked about.
        memories: how many memories are new.
        calls: calls of the language model, those with unusable answers included.
        tokens: that the usable calls took, prompts and answers.
        dead: how many messages became dead letters.
        refusals: statements that were not kept, by reason.
        seconds: wall time.
        waiting: why work is left in the queue ("ollama: ..."); None if nothing kept the flush from finishing.
    """

    messages: int = 0
    asked: int = 0
    memories: int = 0
    calls: int = 0
    tokens: int = 0
    dead: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    waiting: str | None = None

    def add(self, other: FlushReport) -> None:
        """Take another report into this one."""
        self.messages += other.messages
        self.asked += other.asked
        self.memories += other.memories
        self.calls += other.calls
        self.tokens += other.tokens
        self.dead += other.dead
        self.refusals.update(other.refusals)
        self.seconds += other.seconds
        self.waiting = other.waiting or self.waiting


Progress = Callable[[FlushReport], None]
"""Told what each round did."""


def _nobody(report: FlushReport) -> None:
    """Tell nobody."""


class _Changed(Exception):
    """What the model was to be shown went or changed before its turn came."""


class _Place:
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


class _FactsAllowed:
    """The members of a guild who allow facts about themselves to be kept."""

    def __init__(self, consents: Consents, guild_id: int) -> None:
        self._consents = consents
        self._guild_id = guild_id

    def __contains__(self, user_id: object) -> bool:
        return isinstance(user_id, int) and self._consents.facts(self._guild_id, user_id)


class Flusher:
    """Drives extraction.

    Attributes:
        bot_id: this bot's own user id, once it is known.
    """

    def __init__(
        self,
        *,
        queue: Queue,
        applier: Applier,
        extractor: Extractor,
        reconciler: Reconciler,
        indexer: Indexer,
        directory: Directory,
        consents: Consents,
        flush_interval: float,
        flush_batch_size: int,
        concurrency: int = 1,
        step: Step = no_step,
        told: Progress = _nobody,
    ) -> None:
        """Wire the pipeline.

        Args:
            queue: where the work is.
            applier: turns answers into memories.
            extractor: asks the model.
            reconciler: decides what new statements are to those that are there.
            indexer: brings the vector index up to date.
            directory: names of speakers.
            consents: who allows what.
            flush_interval: seconds after which pending messages are flushed at the latest.
            flush_batch_size: pending messages of a channel that are flushed at once.
            concurrency: calls of the model at the same time; one channel more is worked on, so that the model need not
                wait while an answer is stored and applied.
            step: told each step that is reached.
            told: told what each flush of a channel did, when it is over.
        """
        self.bot_id: int | None = None
        self._queue = queue
        self._applier = applier
        self._extractor = extractor
        self._reconciler = reconciler
        self._indexer = indexer
        self._directory = directory
        self._consents = consents
        self._interval = flush_interval
        self._size = flush_batch_size
        self._at_once = concurrency + 1
        self._slots = asyncio.Semaphore(self._at_once)
        self._asking = asyncio.Semaphore(concurrency)
        self._turns = Turns()
        self._step = step
        self._told = told
        self._one_flush: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._running: set[asyncio.Task[FlushReport]] = set()
        self._stopping = False

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
        useful = True  # where no turn did anything, looking again at once would not help
        try:
            while True:
                if not plan and useful and not self._stopping and len(in_hand) < self._at_once:
                    due = [one for one in await self.due() if not self._is_flushing(one.channel_id)]
                    plan.extend(self._turns.plan(due, PLAN_TURNS))
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
        total.seconds = time.monotonic() - started
        return total

    async def flush_channel(
        self, channel_id: int, progress: Progress = _nobody, *, limit: int | None = None
    ) -> FlushReport:
        """Flush all that is pending in a channel at this moment, or the oldest `limit` messages of it.

        However much it is, other channels have their turns: after each CUT_MESSAGES whoever waits for a place comes
        first. A model that is down is not an error: what it could not do waits in the queue, and the report says so.
        """
        started = time.monotonic()
        report = FlushReport()
        async with self._one_flush[channel_id], _Place(self._slots) as place:
            if not self._stopping:
                await self._tracked(self._flush(channel_id, place, report, progress, limit), report)
        report.seconds = time.monotonic() - started
        if report.messages or report.dead:
            log.info("Flushed %d messages into %d memories", report.messages, report.memories)
        self._told(report)
        return report

    async def flush_all(self, progress: Progress = _nobody) -> FlushReport:
        """Flush every channel until nothing is pending, or until a service that is down leaves no way on."""
        started = time.monotonic()
        total = FlushReport()
        while not self._stopping and total.waiting is None and (channels := await self._queue.channels()):
            done = await self._flush_many(channels, progress)
            total.add(done)
            if not done.messages + done.dead:
                break
        await self._indexer.drain()  # what an interrupted flush before this one left
        total.seconds = time.monotonic() - started
        return total

    async def stop(self, deadline: float) -> None:
        """Finish the batches in hand within `deadline` seconds; what takes longer goes back to the queue."""
        self._stopping = True
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=deadline)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    # --- one channel -------------------------------------------------------------------------------------------------

    def _is_flushing(self, channel_id: int) -> bool:
        flush = self._one_flush.get(channel_id)
        return flush is not None and flush.locked()

    async def _flush(
        self, channel_id: int, place: _Place, report: FlushReport, progress: Progress, limit: int | None
    ) -> None:
        if not await self._queue.acquire(channel_id):
            report.waiting = TAKEN
            return
        try:
            async with self._renewing(channel_id):
                self._step("leased")
                await self._rounds(channel_id, place, report, progress, limit)
        except LeaseLost as error:
            log.warning("Stopped flushing: %s", error)
            report.waiting = str(error)
        finally:
            await self._queue.release(channel_id)
        self._step("released")

    async def _rounds(
        self, channel_id: int, place: _Place, report: FlushReport, progress: Progress, limit: int | None
    ) -> None:
        newest = await self._queue.newest_pending(channel_id, limit)
        while not self._stopping and report.waiting is None:
            await self._gather(channel_id, place, newest, report, progress)
            if not await self._queue.batches(channel_id):
                return
            done = FlushReport()
            await self._apply_all(channel_id, done)
            self._step("applied")
            await self._indexer.drain(within=PATIENCE_SECONDS)
            self._step("indexed")
            progress(done)
            report.add(done)

    async def _gather(
        self, channel_id: int, place: _Place, newest: int, report: FlushReport, progress: Progress
    ) -> None:
        """Have everything up to `newest` answered, or as much as one embedding request takes the statements of."""
        while not self._stopping and report.waiting is None:
            if await self._queue.next_open(channel_id) is None:
                _, full = _one_request(await self._queue.batches(channel_id))
                if full or not await self._cut(channel_id, newest):
                    return
                await place.turn()
            self._step("cut")
            done = FlushReport()
            await self._ask_all(channel_id, done)
            progress(done)
            report.add(done)

    async def _cut(self, channel_id: int, up_to: int) -> bool:
        """Make batches of what is pending; False if nothing is."""
        pending = await self._queue.uncut(channel_id, up_to=up_to, limit=max(self._size, CUT_MESSAGES))
        if not pending:
            return False
        names = await self._directory.names(pending[0].guild_id, {m.author_id for m in pending})
        await self._queue.cut(channel_id, segment(pending, names))
        return True

    # --- asking ------------------------------------------------------------------------------------------------------

    async def _ask_all(self, channel_id: int, report: FlushReport) -> None:
        """Ask the model about every open batch, in order, until none is left or the model can't answer."""
        while not self._stopping and report.waiting is None:
            batch = await self._queue.next_open(channel_id)
            if batch is None:
                return
            await self._ask(batch, report)

    async def _ask(self, batch: Batch, report: FlushReport) -> None:
        work = await self._permitted(await self._queue.work(batch), report)
        extraction = await self._answer(work, report) if work.messages else None
        if extraction is None:
            return
        self._step("asked")
        report.calls += extraction.calls
        report.tokens += extraction.prompt_tokens + extraction.completion_tokens
        report.asked += len(work.messages)
        if await self._queue.answer(work, extraction.to_json()):
            report.refusals.update(extraction.refusals)
            self._step("answered")

    @asynccontextmanager
    async def _turn(self, work: Work) -> AsyncIterator[Before]:
        """A place at the model, once one is free; what went since the prompt was made is shown by no attempt."""

        async def stands() -> None:
            if not await self._queue.stands(work, self._consents):
                raise _Changed

        async with self._asking:
            yield stands

    async def _answer(self, work: Work, report: FlushReport) -> Extraction | None:
        """The model's answer; None where there is none to be had, which the queue is told."""
        batch = work.batch
        try:
            return await self._extract(work)
        except _Changed:
            log.info("Batch %s is read again: some of it went or changed", batch.id)
        except AnswerError as error:
            report.calls += 1
            died = await self._queue.fail(work, error)
            report.dead += died
            log.warning("Batch %s: unusable answer, %d messages died: %s", batch.id, died, type(error).__name__)
            self._step("failed")
        except ServiceGivenUp as error:
            ids = [message.id for message in work.messages]
            report.messages += await self._queue.skip(batch.channel_id, ids, MODEL_AWAY)
            log.warning("Batch %s: skipped, %s", batch.id, error)
            self._step("skipped")
        except ServiceError as error:
            report.waiting = str(error)
            await self._queue.wait(batch, error)
            log.warning("Batch %s waits: %s", batch.id, error)
        return None

    async def _permitted(self, work: Work, report: FlushReport) -> Work:
        """The work without members who have opted out since: no model is shown what they said."""
        out = await self._queue.left_out(work, self._consents)
        left_out = [message.id for message in work.messages if message.author_id in out]
        if left_out:
            report.messages += await self._queue.skip(work.batch.channel_id, left_out, OPTED_OUT)
        return replace(
            work,
            messages=tuple(message for message in work.messages if message.author_id not in out),
            context=tuple(message for message in work.context if message.author_id not in out),
        )

    async def _extract(self, work: Work) -> Extraction:
        guild_id = work.batch.guild_id
        people = {m.author_id for m in (*work.messages, *work.context)}
        return await self._extractor.extract(
            work.messages,
            context=work.context,
            names=await self._directory.names(guild_id, people),
            facts_allowed=_FactsAllowed(self._consents, guild_id),
            bot_id=self.bot_id,
            turn=self._turn(work),
        )

    # --- applying ----------------------------------------------------------------------------------------------------

    async def _apply_all(self, channel_id: int, report: FlushReport) -> None:
        """Apply stored answers in order, up to the first batch that has none yet, or as many as one request takes."""
        answered, _ = _one_request(await self._queue.batches(channel_id))
        texts = [candidate.text for _, extraction in answered for candidate in extraction.candidates]
        rendered = await self._prefetch(answered[0][0].guild_id, texts) if texts else {}
        self._step("prefetched")
        for batch, extraction in answered:
            reconciled = await self._reconciler.reconcile(batch, extraction, rendered)
            report.calls += reconciled.calls
            report.tokens += reconciled.tokens
            self._step("reconciled")
            applied = await self._applier.apply(batch, reconciled.verdicts)
            report.messages += applied.messages
            report.memories += applied.memories
            report.refusals.update(applied.refusals)
            self._step("batch applied")

    async def _prefetch(self, guild_id: int, texts: list[str]) -> dict[str, str]:
        """Embed all statements in one request; the texts that were embedded, none where that failed."""
        try:
            return dict(zip(texts, await self._indexer.prefetch(texts, guild_id=guild_id), strict=True))
        except ServiceError as error:
            log.warning("Reconciling by words only, embeddings are down: %s", error)
            return {}

    # --- tasks -------------------------------------------------------------------------------------------------------

    async def _flush_many(self, channels: Iterable[int], progress: Progress = _nobody) -> FlushReport:
        """Flush channels side by side."""
        total = FlushReport()
        for report in await asyncio.gather(*(self._flush_safely(channel_id, progress) for channel_id in channels)):
            total.add(report)
        return total

    async def _flush_safely(
        self, channel_id: int, progress: Progress = _nobody, *, limit: int | None = None
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
            if not (self._stopping and task.cancelled()):
                raise
            report.waiting = "stopped"
        finally:
            self._running.discard(task)

    @asynccontextmanager
    async def _renewing(self, channel_id: int) -> AsyncIterator[None]:
        """Keep the channel's lease while the block runs."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(self._queue.lease_seconds / 3)
                try:
                    await self._queue.renew(channel_id)
                except SQLAlchemyError as error:
                    log.warning("A lease could not be renewed, trying again: %s", type(error).__name__)

        renewal = asyncio.create_task(renew())
        try:
            yield
        finally:
            renewal.cancel()  # how it ended does not matter: every transaction checks the lease itself
            await asyncio.gather(renewal, return_exceptions=True)


async def _returning(flush: Coroutine[Any, Any, None], report: FlushReport) -> FlushReport:
    await flush
    return report


def _one_request(batches: Iterable[Batch]) -> tuple[list[tuple[Batch, Extraction]], bool]:
    """The first batches that have answers, as far as one embedding request takes their statements; whether it is full.

    A single answer with more statements than that goes alone.
    """
    answered: list[tuple[Batch, Extraction]] = []
    statements = 0
    for batch in batches:
        if batch.answer is None:
            break
        extraction = Extraction.from_json(batch.answer)
        statements += len(extraction.candidates)
        if answered and statements > MAX_TEXTS:
            break
        answered.append((batch, extraction))
    return answered, statements >= MAX_TEXTS
