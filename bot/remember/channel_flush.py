"""What a flush does with one channel, however often it is interrupted.

It takes the channel's lease, cuts pending messages into batches, and has the model propose statements on each; then it
embeds all of them in one request, and for one batch after the other has the model check its statements beside what is
remembered, applies them in one transaction, and brings the index up to date. What a model answered is kept before
anything is done with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError

from bot.domain import Citation, Memory, MemoryKind, ServiceError, Step, no_step
from bot.guilds import Consents
from bot.index import PATIENCE_SECONDS, Indexer
from bot.llm import MAX_TEXTS
from bot.remember.asking import Asking, at_once
from bot.remember.check import NEAREST, Candidate, judged, refusal
from bot.remember.doubling import maybe_doubled, with_relation
from bot.remember.explain import Explanations
from bot.remember.fitness import Call, Fitness
from bot.remember.leases import LeaseLost
from bot.remember.nearest import Earlier
from bot.remember.neighbours import Neighbours
from bot.remember.places import Place
from bot.remember.queue import ANSWERED, PROPOSED, Batch, Queue, Work
from bot.remember.reader import Reader
from bot.remember.report import FlushReport, Progress
from bot.remember.settler import OPTED_OUT, Settler, statement_id
from bot.remember.statement import Cost, Judged, Judgement, Proposed, Statement, read_answer
from bot.remember.stretches import stretches

log = logging.getLogger(__name__)

CUT_MESSAGES = 500
"""Messages that are cut into batches at once, and that a channel has done in one turn."""

TAKEN = "another process works on the channel"
"""What a flush waits for whose channel somebody else has leased."""


class ChannelFlush:
    """Works on the messages of one channel.

    Attributes:
        stopping: set to begin nothing new.
    """

    def __init__(
        self,
        *,
        queue: Queue,
        reader: Reader,
        neighbours: Neighbours,
        settler: Settler,
        indexer: Indexer,
        consents: Consents,
        fitness: Fitness,
        batch_size: int,
        concurrency: int = 1,
        step: Step = no_step,
        explain: Explanations | None = None,
        before_call: Callable[[], Awaitable[None]] = at_once,
    ) -> None:
        """Wire the steps.

        Args:
            queue: where the work is.
            reader: puts batches to the models.
            neighbours: finds the memories near a statement.
            settler: turns judged statements into memories.
            indexer: brings the vector index up to date.
            consents: who allows what.
            fitness: what is known of the models.
            batch_size: pending messages of a channel that are flushed at once.
            concurrency: calls of the model at the same time.
            step: told each step that is reached.
            explain: writes what becomes of each proposal.
            before_call: lets whoever is more urgent go first, before each call of the model.
        """
        self.stopping = False
        self._queue = queue
        self._reader = reader
        self._neighbours = neighbours
        self._settler = settler
        self._indexer = indexer
        self._consents = consents
        self._cut_messages = max(batch_size, CUT_MESSAGES)
        self._asking = Asking(
            queue,
            reader,
            neighbours,
            settler,
            consents,
            fitness,
            concurrency=concurrency,
            step=step,
            before_call=before_call,
        )
        self._step = step
        self._explain = explain

    @property
    def bot_id(self) -> int | None:
        """This bot's own user id, once it is known."""
        return self._reader.bot_id

    @bot_id.setter
    def bot_id(self, user_id: int | None) -> None:
        self._reader.bot_id = user_id

    @property
    def fitness(self) -> Fitness:
        """What is known of the models."""
        return self._asking.fitness

    async def run(
        self, channel_id: int, place: Place, report: FlushReport, progress: Progress, limit: int | None
    ) -> None:
        """Flush what is pending in a channel now, or the oldest `limit` messages of it, and report on it."""
        if self.fitness.waiting is not None:
            report.waiting = self.fitness.waiting
            return
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
        self, channel_id: int, place: Place, report: FlushReport, progress: Progress, limit: int | None
    ) -> None:
        newest = await self._queue.newest_pending(channel_id, limit)
        while not self.stopping and report.waiting is None:
            await self._gather(channel_id, place, newest, report, progress)
            if not await self._queue.batches(channel_id):
                return
            done = FlushReport()
            await self._remember(channel_id, done)
            self._step("applied")
            progress(done)
            report.add(done)

    # --- the first call ----------------------------------------------------------------------------------------------

    async def _gather(
        self, channel_id: int, place: Place, newest: int, report: FlushReport, progress: Progress
    ) -> None:
        """Have proposals on everything up to `newest`, or as many as one embedding request takes."""
        while not self.stopping and report.waiting is None:
            if await self._queue.next_open(channel_id) is None:
                _, full = _one_request(await self._queue.batches(channel_id))
                if full or not await self._cut(channel_id, newest):
                    return
                await place.turn()
            self._step("cut")
            done = FlushReport()
            while not self.stopping and done.waiting is None:
                batch = await self._queue.next_open(channel_id)
                if batch is None:
                    break
                await self._asking.done(batch, Call.PROPOSE, self._propose(batch, done), done)
            progress(done)
            report.add(done)

    async def _cut(self, channel_id: int, up_to: int) -> bool:
        """Make batches of what is pending; False if nothing is."""
        pending = await self._queue.uncut(channel_id, up_to=up_to, limit=self._cut_messages)
        if pending:
            await self._queue.cut(channel_id, stretches(pending))
        return bool(pending)

    async def _propose(self, batch: Batch, report: FlushReport) -> None:
        work = await self._permitted(await self._queue.work(batch), report)
        if not work.messages:
            return
        proposed = await self._asking.answered(
            work, Call.PROPOSE, self._reader.propose(work, self._asking.turn(work, ())), report
        )
        if proposed is None:
            return
        self._step("asked")
        report.paid(proposed.cost)
        report.asked += len(work.messages)
        if proposed.statements or proposed.doubtful:
            answered = await self._queue.answer(work, proposed.to_json(), PROPOSED)
        else:
            nothing = Judged(refusals=proposed.refusals, cost=proposed.cost)
            answered = await self._queue.answer(work, nothing.to_json(), ANSWERED)
            report.refusals.update(nothing.refusals if answered else ())
        if answered:
            self._step("proposed")

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

    # --- the second call, and what comes of it -----------------------------------------------------------------------

    async def _remember(self, channel_id: int, report: FlushReport) -> None:
        """Check and apply proposals in order, up to the first batch without any, or as many as one request takes."""
        batches, _ = _one_request(await self._queue.batches(channel_id))
        texts = [text for _, answer in batches if isinstance(answer, Proposed) for text in _texts(answer)]
        rendered = await self._prefetch(batches[0][0].guild_id, texts) if texts else {}
        self._step("prefetched")
        for batch, answer in batches:
            applying = self._apply(batch, answer, rendered, report)
            if not await self._asking.done(batch, Call.CHECK, applying, report):
                return
            self._step("batch applied")
            await self._indexer.drain(within=PATIENCE_SECONDS)  # what comes next is compared with it by meaning
            self._step("indexed")
            if self.stopping:
                return

    async def _apply(
        self, batch: Batch, answer: Proposed | Judged | None, rendered: dict[str, str], report: FlushReport
    ) -> bool:
        """Check a batch's proposals where that was not done, and apply what is left of them; False where it waits."""
        ready = (batch, answer) if isinstance(answer, Judged) else await self._checked(batch, answer, rendered, report)
        if ready is None:
            return False
        applied = await self._settler.apply(*ready)
        if self._explain is not None:
            self._explain.applied(batch.id, applied.fates)
        report.messages += applied.messages
        report.memories += applied.memories
        report.refusals.update(applied.refusals)
        return True

    async def _checked(
        self, batch: Batch, proposed: Proposed | None, rendered: dict[str, str], report: FlushReport
    ) -> tuple[Batch, Judged] | None:
        """The batch with its judged statements; None where there are none to be had, which the queue is told."""
        whole = await self._queue.work(batch)
        work = await self._permitted(whole, report)
        if proposed is None or work.messages != whole.messages or not _cited(proposed) <= {m.id for m in work.shown}:
            await self._queue.reopen(batch)  # it may hold what somebody said who has opted out since
            return None
        candidates, shown = await self._candidates(work, proposed, rendered)
        checked = await self._judgements(work, candidates, shown, report)
        if checked is None:
            return None
        judgements, cost = checked
        self._step("checked")
        answer = judged(proposed, candidates, judgements, cost)
        if self._explain is not None:
            for candidate, judgement in zip(candidates, judgements, strict=True):
                self._explain.judged(
                    batch.id, candidate.statement, candidate.near, judgement, refusal(candidate, judgement)
                )
        if not await self._queue.answer(work, answer.to_json(), ANSWERED):
            return None
        report.refusals.update(answer.refusals)
        self._step("answered")
        return replace(batch, answer=answer.to_json()), answer

    async def _judgements(
        self, work: Work, candidates: Sequence[Candidate], shown: Sequence[Memory], report: FlushReport
    ) -> tuple[list[Judgement | None], Cost] | None:
        """What the model says on each candidate; asked once more where a memory of the same messages may be doubled."""
        judgements: list[Judgement | None] = [None] * len(candidates)
        cost = Cost()
        asked: Mapping[int, Candidate] = dict(enumerate(candidates))
        for _ in range(2):
            checking = self._reader.check(work, list(asked.values()), self._asking.turn(work, shown))
            checked = await self._asking.answered(work, Call.CHECK, checking, report)
            if checked is None:
                return None
            report.paid(checked[1])
            cost += checked[1]
            for place, judgement in zip(asked, checked[0], strict=True):
                judgements[place] = with_relation(judgements[place], judgement)
            asked = maybe_doubled(candidates, judgements, shown)
            if not asked:
                break
        return judgements, cost

    async def _candidates(
        self, work: Work, proposed: Proposed, rendered: dict[str, str]
    ) -> tuple[list[Candidate], list[Memory]]:
        """The statements with what is near each, earlier ones of the stretch included; and the memories among that."""
        batch, citations = work.batch, {m.id: Citation(m.id, m.channel_id, m.author_id) for m in work.shown}
        earlier = Earlier()
        memories: dict[str, Memory] = {}
        candidates: list[Candidate] = []
        for statement in (*proposed.statements, *proposed.doubtful):
            keepable = len(candidates) < len(proposed.statements)
            if statement.kind is MemoryKind.TOPIC:
                candidates.append(Candidate(statement, (), keepable))
                continue
            ranked = await self._neighbours.near(
                guild_id=batch.guild_id,
                channel_id=batch.channel_id,
                text=statement.text,
                rendered=rendered.get(statement.text),
                message_ids=statement.message_ids,
            )
            memories |= {memory.id: memory for memory in ranked}
            candidates.append(Candidate(statement, earlier.nearest(statement.text, ranked, NEAREST), keepable))
            if keepable:
                earlier.add(_to_be(batch, statement, citations))
        shown = {memory.id for candidate in candidates for memory in candidate.near}
        return candidates, [memory for memory in memories.values() if memory.id in shown]

    async def _prefetch(self, guild_id: int, texts: list[str]) -> dict[str, str]:
        """Embed all statements in one request; the texts that were embedded, none where that failed."""
        try:
            return dict(zip(texts, await self._indexer.prefetch(texts, guild_id=guild_id), strict=True))
        except ServiceError as error:
            log.warning("Looking for what is near by words only, embeddings are down: %s", error)
            return {}

    # --- the lease ---------------------------------------------------------------------------------------------------

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


def _to_be(batch: Batch, statement: Statement, citations: Mapping[int, Citation]) -> Memory:
    """The memory that a statement is going to be, if it is kept."""
    return Memory(
        id=statement_id(batch.id, statement),
        guild_id=batch.guild_id,
        kind=statement.kind,
        text=statement.text,
        citations=tuple(citations[i] for i in statement.message_ids if i in citations),
    )


Answered = tuple[Batch, Proposed | Judged | None]


def _one_request(batches: Iterable[Batch]) -> tuple[list[Answered], bool]:
    """The first batches that have answers, as far as one embedding request takes their statements; whether it is full.

    A single answer with more statements than that goes alone.
    """
    answered: list[Answered] = []
    statements = 0
    for batch in batches:
        if batch.answer is None:
            break
        answer = read_answer(batch.answer)
        statements += len(_texts(answer)) if isinstance(answer, Proposed) else 0
        if answered and statements > MAX_TEXTS:
            break
        answered.append((batch, answer))
    return answered, statements >= MAX_TEXTS


def _cited(proposed: Proposed) -> set[int]:
    """The messages that proposals stand on."""
    every = (*proposed.statements, *proposed.doubtful)
    return {i for statement in every for i in (*statement.message_ids, *statement.supporting)}


def _texts(proposed: Proposed) -> list[str]:
    return [statement.text for statement in (*proposed.statements, *proposed.doubtful)]
