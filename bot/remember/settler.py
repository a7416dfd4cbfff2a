"""Applying judged statements: memories, changes, doubts, message states and outbox rows in one transaction."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import (
    NAMELESS,
    PERSONAL_KINDS,
    Citation,
    Memory,
    MemoryKind,
    MemoryState,
    Message,
    MessageState,
    Step,
    no_step,
    without_people,
)
from bot.guilds import Consents, family_of
from bot.memories import FORGOTTEN, MemoryStore, nameless_in, pass_on
from bot.observe import insert_messages, set_batch, set_state
from bot.remember.changes import HISTORY, Contradicts, doubts, settle
from bot.remember.queue import Batch, Queue
from bot.remember.refusals import Refusals
from bot.remember.statement import Judged, Judgement, Statement
from bot.storage import Database, batches, chunks, forgotten_topics, messages, taken_back

GONE = "message_gone"
OPTED_OUT = "opted_out"
NOT_ALLOWED = "facts_off"
REPEATED = "repeated"


@dataclass(slots=True)
class Settled:
    """What applying one answer did.

    Attributes:
        messages: how many messages reached an end state.
        memories: how many memories are new.
        refusals: how many statements were left out after all, by reason.
        fates: what became of each statement, by the id that it was to have.
    """

    messages: int = 0
    memories: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    fates: dict[str, str] = field(default_factory=dict)


def statement_id(batch_id: str, statement: Statement) -> str:
    """The id of the memory that a batch's statement becomes, however often it is applied and whatever is left out."""
    content = [statement.kind, statement.text, statement.message_ids]
    return str(uuid.uuid5(uuid.UUID(batch_id), json.dumps(content)))


@dataclass(slots=True)
class _Stretch:
    """What has to be known of a batch before anything is changed.

    Attributes:
        cited: its cited messages that are still there, and of which nothing was forgotten.
        out: authors of whom nothing may be kept any more.
        factual: authors of whom facts and preferences may be kept.
        places: the channels and threads whose memories its statements may change.
        made_before: memories that cite its messages already, by id.
        nameless: by memory of `made_before`, the members whose names were taken out of it.
        forgotten_topics: those of its messages whose topic was forgotten.
        became: the memory that each statement has become, by the id that it was to have.
    """

    batch: Batch
    cited: Mapping[int, Citation]
    out: frozenset[int]
    factual: frozenset[int]
    places: frozenset[int]
    made_before: Mapping[str, Memory]
    nameless: Mapping[str, frozenset[int]]
    forgotten_topics: frozenset[int]
    became: dict[str, str] = field(default_factory=dict)

    def refusal(self, statement: Statement) -> str | None:
        """Why a statement must not be kept after all, if it must not."""
        ids = {*statement.message_ids, *statement.supporting}
        if not statement.message_ids or not ids <= self.cited.keys():
            return GONE
        if {self.cited[i].author_id for i in ids} & self.out:
            return OPTED_OUT
        if statement.kind in PERSONAL_KINDS and not {self.cited[i].author_id for i in ids} <= self.factual:
            return NOT_ALLOWED
        return None

    def memory(self, statement: Statement) -> Memory:
        """What a statement would be; names that were taken out of what its messages stated before stay out."""
        stating = {i: self.cited[i] for i in statement.message_ids}
        supporting = {i: replace(self.cited[i], supporting=True) for i in statement.supporting if i not in stating}
        memory = Memory(
            id=statement_id(self.batch.id, statement),
            guild_id=self.batch.guild_id,
            kind=statement.kind,
            text=statement.text,
            citations=tuple(sorted([*stating.values(), *supporting.values()], key=lambda c: c.message_id)),
        )
        nameless = {user_id for before in self.before(memory) for user_id in self.nameless.get(before.id, ())}
        return replace(memory, text=without_people(memory.text, nameless, NAMELESS))

    def before(self, new: Memory) -> list[Memory]:
        """The memories that cite what states this one, and were there before."""
        own = {citation.message_id for citation in new.stating}
        citing = self.made_before.values()
        return [memory for memory in citing if not own.isdisjoint(c.message_id for c in memory.citations)]


class Settler:
    """Turns a batch's stored answer into memories, once."""

    def __init__(
        self,
        db: Database,
        queue: Queue,
        store: MemoryStore,
        consents: Consents,
        contradicts: Contradicts,
        refusals: Refusals,
        step: Step = no_step,
    ) -> None:
        """Take the parts; `contradicts` compares what is exact in two texts."""
        self._db = db
        self._queue = queue
        self._store = store
        self._consents = consents
        self._contradicts = contradicts
        self._refusals = refusals
        self._step = step

    async def apply(self, batch: Batch, judged: Judged) -> Settled:
        """Apply the answer of a batch: its statements become memories, or change and doubt those that are there.

        Consent and the messages themselves are looked up again inside the transaction: a statement that cites a
        message which is gone, or a member who has opted out since, is left out, and casts no doubt.

        Returns:
            What was done; nothing where the answer was applied, or thrown away, already.

        Raises:
            LeaseLost: the channel is another's now.
        """
        done = Settled()
        async with self._db.write() as connection:
            await self._queue.hold(connection, batch.channel_id)
            stored = select(batches.c.answer).where(batches.c.id == batch.id)
            if batch.answer is None or (await connection.execute(stored)).scalar_one_or_none() != batch.answer:
                return done
            await self._apply(connection, batch, judged, done)
        return done

    async def prove(self, line: Message, text: str) -> None:
        """Apply an answer about a line of our own, and take it back; raises what goes wrong with that."""
        batch = Batch(str(uuid.uuid4()), line.guild_id, line.channel_id, None, 0, 0, 0)
        own = Statement(MemoryKind.DECISION, text, (line.id,)), Judgement(said=True, lasting=True, private=False)
        async with taken_back(self._db) as connection:
            await insert_messages(connection, [line], 0)
            await set_batch(connection, messages.c.id == line.id, batch.id)
            await self._apply(connection, batch, Judged((own,)), Settled())

    async def _apply(self, connection: AsyncConnection, batch: Batch, judged: Judged, done: Settled) -> None:
        stretch = await self._stretch(connection, batch, judged)
        for statement, judgement in judged.statements:
            if refusal := stretch.refusal(statement) or await self._settle(
                connection, stretch, stretch.memory(statement), judgement, done
            ):
                done.refusals[refusal] += 1
                done.fates[statement_id(batch.id, statement)] = refusal
        for statement, judgement in judged.refused:
            if stretch.refusal(statement) is None:
                await self._doubt(connection, stretch, stretch.memory(statement), judgement)
        await self._refusals.add(connection, batch.guild_id, Counter(judged.refusals) + done.refusals)
        self._step("applying")
        done.messages = await self._end(connection, batch, stretch.out)
        await connection.execute(delete(batches).where(batches.c.id == batch.id))
        self._step("settled")

    async def _stretch(self, connection: AsyncConnection, batch: Batch, judged: Judged) -> _Stretch:
        every = [statement for statement, _ in (*judged.statements, *judged.refused)]
        stating = {i for statement in every for i in statement.message_ids}
        supporting = {i for statement in every for i in statement.supporting}
        cited: dict[int, Citation] = {}
        for chunk in chunks(stating | supporting):
            query = select(messages).where(messages.c.id.in_(chunk), messages.c.guild_id == batch.guild_id)
            for row in await connection.execute(query.where(messages.c.reason.is_distinct_from(FORGOTTEN))):
                if row.batch_id == batch.id or row.id not in stating:
                    cited[row.id] = Citation(row.id, row.channel_id, row.author_id)
        authors = set(await connection.scalars(select(messages.c.author_id).where(messages.c.batch_id == batch.id)))
        out, factual = await self._allowed(connection, batch, authors | {c.author_id for c in cited.values()})
        made_before = await self._store.citing(connection, stating)
        topical = forgotten_topics.c.message_id.in_(select(messages.c.id).where(messages.c.batch_id == batch.id))
        return _Stretch(
            batch=batch,
            cited=cited,
            out=out,
            factual=factual,
            places=await family_of(connection, batch.channel_id),
            made_before=made_before,
            nameless=await nameless_in(connection, made_before.keys()),
            forgotten_topics=frozenset(await connection.scalars(select(forgotten_topics.c.message_id).where(topical))),
        )

    async def _settle(
        self, connection: AsyncConnection, stretch: _Stretch, new: Memory, judgement: Judgement, done: Settled
    ) -> str | None:
        """Carry out what a statement comes to; why nothing came of it, if nothing did."""
        if new.id in stretch.became:
            return REPEATED
        related, successors = await self._related(connection, stretch, judgement)
        change = settle(
            new,
            judgement.relation,
            related,
            places=stretch.places,
            successors=successors,
            contradicts=self._contradicts,
            made_before=stretch.before(new),
            forgotten_topics=stretch.forgotten_topics,
        )
        if change.refusal is not None:
            return change.refusal
        if change.cites is not None:
            if not await self._store.cite(connection, change.cites, new.citations):
                return HISTORY  # a statement of this batch has replaced it
        else:
            state = MemoryState.CURRENT if change.superseded_by is None else MemoryState.SUPERSEDED
            settled = replace(new, state=state, superseded_by=change.superseded_by)
            await self._store.add(connection, settled, batch_id=stretch.batch.id)
            await pass_on(connection, [memory.id for memory in stretch.before(new)], settled)
            done.memories += 1
        became = stretch.became[new.id] = change.cites or new.id
        done.fates[new.id] = "same as before" if change.cites else "kept"
        for memory_id in change.supersedes:
            await self._store.supersede(connection, memory_id, by=became)
        for memory_id in change.doubts:
            await self._store.doubt(connection, memory_id, because=new.newest)
        return None

    async def _doubt(
        self, connection: AsyncConnection, stretch: _Stretch, refused: Memory, judgement: Judgement
    ) -> None:
        """Mark what may have changed with a statement that is not kept."""
        related, _ = await self._related(connection, stretch, judgement)
        for memory_id in doubts(refused, related, places=stretch.places):
            await self._store.doubt(connection, memory_id, because=refused.newest)

    async def _related(
        self, connection: AsyncConnection, stretch: _Stretch, judgement: Judgement
    ) -> tuple[list[Memory], dict[str, Memory]]:
        """The memories that a judgement names, as they are now, and by id with what superseded them."""
        ids = list(dict.fromkeys(stretch.became.get(memory_id, memory_id) for memory_id in judgement.related))
        memories = await self._store.with_successors(connection, ids)
        return [memories[memory_id] for memory_id in ids if memory_id in memories], memories

    async def _allowed(
        self, connection: AsyncConnection, batch: Batch, authors: set[int]
    ) -> tuple[frozenset[int], frozenset[int]]:
        """Those of these members of whom nothing may be kept any more, and those of whom facts may."""
        members = {(batch.guild_id, author): self._consents.hasher.subject(author) for author in authors}
        out, factual = await self._consents.standing_of(connection, members)
        return frozenset(user for _, user in out), frozenset(user for _, user in factual)

    async def _end(self, connection: AsyncConnection, batch: Batch, out: frozenset[int]) -> int:
        """Give the batch's messages their end state; how many."""
        theirs = messages.c.batch_id == batch.id
        count = 0
        if out:
            left_out = theirs & messages.c.author_id.in_(out)
            count = await set_state(connection, left_out, MessageState.SKIPPED, OPTED_OUT)
        return count + await set_state(connection, theirs, MessageState.EXTRACTED)
