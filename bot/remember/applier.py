"""Applying a stored answer: memories, merges, supersessions, message states and outbox rows in one transaction."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import and_, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import PERSONAL_KINDS, Citation, Memory, MemoryOrigin, MessageState, Step, no_step
from bot.guilds import Consents
from bot.memories import MemoryStore
from bot.observe import set_state
from bot.remember.candidate import Candidate, Extraction
from bot.remember.queue import Batch, Queue
from bot.remember.reconcile import Add, Merge, Repeat, Supersede, Verdict
from bot.storage import Database, batches, chunks, messages

GONE = "message_gone"
OPTED_OUT = "opted_out"
NOT_ALLOWED = "facts_off"
CORRECTED = "corrected"
HISTORY = "superseded_already"


@dataclass(slots=True)
class Applied:
    """What applying one answer did.

    Attributes:
        messages: how many messages reached an end state.
        memories: how many memories are new.
        refusals: how many candidates were left out after all, by reason.
    """

    messages: int = 0
    memories: int = 0
    refusals: Counter[str] = field(default_factory=Counter)


def memory_id(batch: Batch, ordinal: int) -> str:
    """The id of the memory that a batch's candidate becomes: the same however often the answer is applied."""
    return str(uuid.uuid5(uuid.UUID(batch.id), str(ordinal)))


class Applier:
    """Turns a batch's stored answer into memories, once."""

    def __init__(
        self, db: Database, queue: Queue, store: MemoryStore, consents: Consents, step: Step = no_step
    ) -> None:
        self._db = db
        self._queue = queue
        self._store = store
        self._consents = consents
        self._step = step

    async def apply(self, batch: Batch, verdicts: Sequence[Verdict]) -> Applied:
        """Apply the answer, one verdict for each of its candidates.

        Consent and the messages themselves are looked up again inside the transaction: a candidate that cites a
        message which is gone, or a member who has opted out since, is left out.

        Returns:
            What was done; nothing where the answer was applied, or thrown away, already.

        Raises:
            LeaseLost: the channel is another's now.
        """
        done = Applied()
        async with self._db.write() as connection:
            await self._queue.hold(connection, batch.channel_id)
            stored = select(batches.c.answer).where(batches.c.id == batch.id)
            if batch.answer is None or (await connection.execute(stored)).scalar_one_or_none() != batch.answer:
                return done
            extraction = Extraction.from_json(batch.answer)
            cited = await self._citable(connection, batch, extraction)
            out, factual = await self._allowed(connection, batch)
            corrected = await self._corrected(connection, cited)
            for ordinal, (candidate, verdict) in enumerate(zip(extraction.candidates, verdicts, strict=True)):
                reason = _refuse(candidate, cited, out, factual)
                if reason is None and _put_right(candidate, verdict, corrected):
                    reason = CORRECTED
                if reason is None and isinstance(verdict, Repeat):
                    reason = HISTORY
                if reason is not None:
                    done.refusals[reason] += 1
                    continue
                citations = tuple(cited[i] for i in sorted(set(candidate.message_ids)))
                memory = Memory(
                    id=memory_id(batch, ordinal),
                    guild_id=batch.guild_id,
                    kind=candidate.kind,
                    text=candidate.text,
                    citations=citations,
                )
                done.memories += await self._keep(connection, batch, memory, verdict)
            self._step("applying")
            done.messages = await self._settle(connection, batch, out)
            await connection.execute(delete(batches).where(batches.c.id == batch.id))
            self._step("settled")
        return done

    async def _keep(self, connection: AsyncConnection, batch: Batch, memory: Memory, verdict: Verdict) -> bool:
        """Carry out a verdict; True if a memory is new, as it is when what it was to merge into has gone meanwhile."""
        match verdict:
            case Merge(target) if await self._store.cite(connection, target, memory.citations):
                return False
            case Supersede(targets):
                await self._store.add(connection, memory, batch_id=batch.id)
                for target in targets:
                    await self._store.supersede(connection, target, by=memory.id)
            case Add() | Merge():
                await self._store.add(connection, memory, batch_id=batch.id)
        return True

    async def _citable(self, connection: AsyncConnection, batch: Batch, extraction: Extraction) -> dict[int, Citation]:
        """The batch's cited messages that are in its hand still."""
        wanted = {i for candidate in extraction.candidates for i in candidate.message_ids}
        found: dict[int, Citation] = {}
        for chunk in chunks(wanted):
            query = select(messages).where(messages.c.id.in_(chunk), messages.c.batch_id == batch.id)
            for row in await connection.execute(query):
                found[row.id] = Citation(row.id, row.channel_id, row.author_id)
        return found

    async def _corrected(self, connection: AsyncConnection, cited: Mapping[int, Citation]) -> dict[str, set[int]]:
        """Memories that were put right and cite one of these messages, with all that states them."""
        citing = await self._store.citing(connection, list(cited))
        return {
            memory_id: {c.message_id for c in memory.stating}
            for memory_id, memory in citing.items()
            if memory.origin is MemoryOrigin.CORRECTED
        }

    async def _allowed(self, connection: AsyncConnection, batch: Batch) -> tuple[frozenset[int], frozenset[int]]:
        """Authors of the batch of whom nothing may be kept any more, and those of whom facts may."""
        query = select(messages.c.author_id).where(messages.c.batch_id == batch.id).distinct()
        authors = await connection.scalars(query)
        members = {(batch.guild_id, a): self._consents.hasher.subject(a) for a in authors}
        out, factual = await self._consents.standing_of(connection, members)
        return frozenset(user for _, user in out), frozenset(user for _, user in factual)

    async def _settle(self, connection: AsyncConnection, batch: Batch, out: frozenset[int]) -> int:
        """Give the batch's messages their end state; how many."""
        theirs = messages.c.batch_id == batch.id
        left_out = and_(theirs, messages.c.author_id.in_(out))
        count = await set_state(connection, left_out, MessageState.SKIPPED, OPTED_OUT) if out else 0
        return count + await set_state(connection, theirs, MessageState.EXTRACTED)


def _refuse(
    candidate: Candidate, cited: Mapping[int, Citation], out: frozenset[int], factual: frozenset[int]
) -> str | None:
    """Why a candidate must not be kept after all, if it must not."""
    if not candidate.message_ids or not all(i in cited for i in candidate.message_ids):
        return GONE
    authors = {cited[i].author_id for i in candidate.message_ids}
    if authors & out:
        return OPTED_OUT
    if candidate.kind in PERSONAL_KINDS and not authors <= factual:
        return NOT_ALLOWED
    return None


def _put_right(candidate: Candidate, verdict: Verdict, corrected: Mapping[str, set[int]]) -> bool:
    """Whether a member has put right what these same messages say: then their words stand."""
    said = set(candidate.message_ids)
    match verdict:
        case Merge(target) if target in corrected:
            return True
        case Supersede(targets) if not corrected.keys().isdisjoint(targets):
            return True
    return any(said <= cited or cited <= said for cited in corrected.values())
