"""The memory store: statements with the messages that they stand on.

SQL is the truth. Whatever changes a memory changes its full-text entry and adds an outbox row, from which the vector
index learns of it, in the same transaction. Methods that take a `connection` work inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from sqlalchemy import and_, delete, exists, func, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import (
    NAMELESS,
    Citation,
    Clock,
    Memory,
    MemoryKind,
    MemoryOrigin,
    MemoryState,
    people_in,
    snowflake,
    without_people,
)
from bot.memories import flags, rows
from bot.memories.flags import unflagged
from bot.storage import Database, chunks, citations, corrections, memories
from bot.text import FullText

Enqueue = Callable[[AsyncConnection, Sequence[str], str], Awaitable[None]]
"""Tells the vector index of memories, in the caller's transaction: "upsert" or "delete"."""


@dataclass(slots=True)
class Withdrawal:
    """What taking messages away did to the memories that stood on them.

    Attributes:
        removed: ids of memories that are gone.
        reduced: ids of memories that lost a citation and stand on the others.
        reopened: how many messages are pending again.
    """

    removed: set[str] = field(default_factory=set)
    reduced: set[str] = field(default_factory=set)
    reopened: int = 0


class MemoryStore:
    """Keeps memories, their citations and their full-text entries, and tells the index through the outbox."""

    def __init__(self, db: Database, fulltext: FullText, clock: Clock, enqueue: Enqueue) -> None:
        self._db = db
        self._enqueue = enqueue
        self._fulltext = fulltext
        self._clock = clock

    # --- reading -----------------------------------------------------------------------------------------------------

    async def get(self, ids: Collection[str], *, hidden: bool = False) -> dict[str, Memory]:
        """The memories among `ids` that exist, by id; those that are flagged only where `hidden` ones are wanted too.

        Nothing shows those, or compares anything with them.
        """
        async with self._db.read() as connection:
            return await rows.load(connection, ids, true() if hidden else unflagged())

    async def by_seq(self, seqs: Collection[int]) -> dict[int, Memory]:
        """The memories that exist and are not hidden, by their full-text row id."""
        by_row: dict[int, Memory] = {}
        async with self._db.read() as connection:
            for chunk in chunks(seqs):
                query = select(memories).where(memories.c.seq.in_(chunk), unflagged())
                wanted = (await connection.execute(query)).all()
                loaded = {memory.id: memory for memory in await rows.with_citations(connection, wanted)}
                by_row |= {row.seq: loaded[row.id] for row in wanted if row.id in loaded}
        return by_row

    async def before(self, memory_ids: Collection[str], *, readable: frozenset[int] | None) -> dict[str, list[Memory]]:
        """What these memories replaced, directly or through others, newest first; of those that replaced anything.

        The time at which each held is `Memory.said_at`.

        Args:
            memory_ids: current memories, or superseded ones whose own past is asked for.
            readable: only what cites these channels alone; None for all. What lies behind a memory that is left out
                is shown all the same. So it is with what is hidden.
        """
        past_of: dict[str, list[Memory]] = {}
        async with self._db.read() as connection:
            leads_to = {memory_id: memory_id for memory_id in memory_ids}
            while leads_to:
                replaced: dict[str, str] = {}
                for chunk in chunks(leads_to):
                    query = select(memories).where(memories.c.superseded_by.in_(chunk))
                    older = await rows.matching(connection, query)
                    shown = await rows.load(connection, [memory.id for memory in older], rows.shown_to(readable))
                    for memory in older:
                        replaced[memory.id] = leads_to[memory.superseded_by or ""]
                        if memory.id in shown:
                            past_of.setdefault(replaced[memory.id], []).append(memory)
                leads_to = replaced
        for past in past_of.values():
            past.sort(key=lambda memory: memory.newest.message_id, reverse=True)
        return past_of

    async def by_message(self, message_ids: Collection[int]) -> list[Memory]:
        """Every memory that cites one of these messages and is not hidden."""
        async with self._db.read() as connection:
            citing = await rows.citing(connection, message_ids)
            return list((await rows.load(connection, citing, unflagged())).values())

    async def count(self, guild_id: int | None = None) -> int:
        """How many memories hold now, in one guild or in all."""
        held = select(func.count()).select_from(memories).where(memories.c.state == MemoryState.CURRENT)
        if guild_id is not None:
            held = held.where(memories.c.guild_id == guild_id)
        async with self._db.read() as connection:
            return int((await connection.execute(held)).scalar_one())

    # --- inside a transaction: hidden ones too -----------------------------------------------------------------------

    async def load(self, connection: AsyncConnection, ids: Iterable[str]) -> dict[str, Memory]:
        """The memories among `ids` that exist, by id."""
        return await rows.load(connection, ids)

    async def citing(self, connection: AsyncConnection, message_ids: Collection[int]) -> dict[str, Memory]:
        """Every memory that cites one of these messages, by id."""
        return await rows.load(connection, await rows.citing(connection, message_ids))

    async def with_successors(self, connection: AsyncConnection, ids: Collection[str]) -> dict[str, Memory]:
        """The memories among `ids` that exist, and those that superseded them, directly or through others."""
        loaded: dict[str, Memory] = {}
        wanted = set(ids)
        while wanted:
            fresh = await rows.load(connection, wanted)
            loaded |= fresh
            wanted = {memory.superseded_by for memory in fresh.values() if memory.superseded_by} - loaded.keys()
        return loaded

    async def with_past(self, connection: AsyncConnection, ids: Iterable[str]) -> list[str]:
        """These ids, and those of all that the memories superseded, directly or through others."""
        known = dict.fromkeys(ids)
        fresh = list(known)
        while fresh:
            replaced: list[str] = []
            for chunk in chunks(fresh):
                query = select(memories.c.id).where(memories.c.superseded_by.in_(chunk))
                replaced += [memory_id for memory_id in await connection.scalars(query) if memory_id not in known]
            known |= dict.fromkeys(replaced)
            fresh = replaced
        return list(known)

    async def add(self, connection: AsyncConnection, memory: Memory, *, batch_id: str | None = None) -> None:
        """Insert a memory that is not there yet."""
        row = rows.memory_row(memory, batch_id, self._clock())
        seq = (await connection.execute(insert(memories).values(row).returning(memories.c.seq))).scalar_one()
        await connection.execute(insert(citations), [rows.citation_row(memory.id, c) for c in memory.citations])
        await self._fulltext.add(connection, "memories", [rows.entry_of(seq, memory)])
        await self._enqueue(connection, [memory.id], "upsert")

    async def cite(self, connection: AsyncConnection, memory_id: str, more: Sequence[Citation]) -> bool:
        """Let a current memory stand on more messages as well; False where there is no such memory any more.

        A doubt that is not newer than these messages is settled with that.
        """
        memory = (await self.load(connection, [memory_id])).get(memory_id)
        if memory is None or memory.state is not MemoryState.CURRENT:
            return False
        known = {citation.message_id: citation for citation in memory.citations}
        new = [c for c in more if c.message_id not in known or (known[c.message_id].supporting and not c.supporting)]
        if new:
            await rows.uncite(connection, memory_id, [c.message_id for c in new])
            await connection.execute(insert(citations), [rows.citation_row(memory_id, c) for c in new])
            await self._changed(connection, [memory_id])
        if memory.doubt is not None and memory.doubt.message_id <= max(c.message_id for c in more):
            await self._write(connection, memory_id, rows.WITHOUT_DOUBT)
        return True

    async def supersede(self, connection: AsyncConnection, memory_id: str, by: str) -> bool:
        """Make a current memory history, replaced by `by`; False where there is no such memory any more."""
        memory = (await self.load(connection, [memory_id])).get(memory_id)
        if memory is None or memory.state is not MemoryState.CURRENT:
            return False
        change = {"state": MemoryState.SUPERSEDED, "superseded_by": by, **rows.WITHOUT_DOUBT}
        await self._write(connection, memory_id, change)
        await self._changed(connection, [memory_id])
        return True

    async def doubt(self, connection: AsyncConnection, memory_id: str, because: Citation) -> bool:
        """Say of a current memory that it may have changed with a message.

        False where a newer message says so, or its member has put it right since.
        """
        older = or_(memories.c.doubt_message_id.is_(None), memories.c.doubt_message_id < because.message_id)
        mark = {
            "doubt_message_id": because.message_id,
            "doubt_channel_id": because.channel_id,
            "doubt_author_id": because.author_id,
        }
        since = corrections.c.corrected_ms >= snowflake.to_ms(because.message_id)
        corrected = exists().where(corrections.c.memory_id == memories.c.id, since)
        current = and_(memories.c.id == memory_id, memories.c.state == MemoryState.CURRENT, older, ~corrected)
        return bool((await connection.execute(update(memories).where(current).values(mark))).rowcount)

    async def rewrite(self, connection: AsyncConnection, memory_id: str, text: str) -> None:
        """Give a memory another text, in which names that were taken out of it stay out."""
        nameless = (await flags.nameless_in(connection, [memory_id])).get(memory_id, ())
        text = without_people(text, nameless, NAMELESS)
        this = and_(memories.c.id == memory_id, memories.c.text != text)
        if (await connection.execute(update(memories).where(this).values(text=text))).rowcount:
            await flags.reworded(connection, memory_id, text)
            await self._changed(connection, [memory_id])

    async def take_out(
        self, connection: AsyncConnection, ids: Iterable[str], user_ids: Set[int], instead: str
    ) -> list[Memory]:
        """Put `instead` in place of the names of members in memories; those that held one, as they were.

        What was decided about their texts stays decided.
        """
        known = (await self.load(connection, ids)).values()
        naming = [memory for memory in known if user_ids & people_in([memory.text])]
        for memory in naming:
            text = without_people(memory.text, user_ids, instead)
            await self._write(connection, memory.id, {"text": text})
        if naming:
            await self._changed(connection, [memory.id for memory in naming])
        return naming

    async def withdraw(
        self, connection: AsyncConnection, message_ids: Collection[int], *, only_extracted: bool = False
    ) -> Withdrawal:
        """Take messages away from under the memories that cite them, and doubt nothing because of them any more.

        An extracted memory whose other messages are all still in the log goes, and those that state it are pending
        again; where the log no longer has them, it loses the citation. It goes anyway where a supporting message is
        taken, since its text holds what stood there, and so does a topic. A memory kept or corrected on purpose loses
        the citation. Whatever nothing states any more goes.

        Args:
            connection: the caller's transaction.
            message_ids: the messages that are going away or changed.
            only_extracted: leave what members kept or corrected on purpose as it is.
        """
        gone = set(message_ids)
        done = Withdrawal()
        reopened: set[int] = set()
        await rows.undoubt(connection, gone)
        for chunk in chunks(sorted(await rows.citing(connection, gone))):
            loaded = (await self.load(connection, chunk)).values()
            rest = {c.message_id for memory in loaded for c in memory.citations} - gone
            logged = await rows.logged(connection, rest)
            for memory in loaded:
                if memory.origin is not MemoryOrigin.EXTRACTED and only_extracted:
                    continue
                if _is_made_anew(memory, gone, logged):
                    done.removed.add(memory.id)
                    reopened |= {c.message_id for c in memory.stating} - gone
                elif await self.uncite(connection, memory, gone):
                    done.removed.add(memory.id)
                else:
                    done.reduced.add(memory.id)
        await self.remove(connection, done.removed)
        done.reopened = await rows.reopen(connection, reopened)
        return done

    async def retract(self, connection: AsyncConnection, ids: Collection[str]) -> None:
        """Remove memories, and let what stated them be extracted again."""
        stated = {c.message_id for memory in (await self.load(connection, ids)).values() for c in memory.stating}
        await self.remove(connection, ids)
        await rows.reopen(connection, stated)

    async def uncite(self, connection: AsyncConnection, memory: Memory, gone: Collection[int]) -> bool:
        """Take citations from a memory; it goes (True) where nothing is left that states it."""
        if all(citation.message_id in gone for citation in memory.stating):
            await self.remove(connection, [memory.id])
            return True
        await rows.uncite(connection, memory.id, [c.message_id for c in memory.citations if c.message_id in gone])
        await self._changed(connection, [memory.id])
        return False

    async def remove(self, connection: AsyncConnection, ids: Collection[str]) -> None:
        """Remove memories with everything that hangs on them; what they alone had superseded holds again."""
        for chunk in chunks(ids):
            removed = (await connection.execute(select(memories).where(memories.c.id.in_(chunk)))).all()
            await self._fulltext.remove(connection, "memories", [row.seq for row in removed])
            await connection.execute(delete(citations).where(citations.c.memory_id.in_(chunk)))
            await connection.execute(delete(corrections).where(corrections.c.memory_id.in_(chunk)))
            await flags.drop(connection, chunk)
            await connection.execute(delete(memories).where(memories.c.id.in_(chunk)))
            await self._enqueue(connection, [row.id for row in removed], "delete")
            await self._relink(connection, {row.id: row.superseded_by for row in removed})

    # --- details -----------------------------------------------------------------------------------------------------

    async def _relink(self, connection: AsyncConnection, successors: Mapping[str, str | None]) -> None:
        """Point what removed memories had superseded to their own successors, or make it current again."""
        pointing = memories.c.superseded_by.in_(list(successors))
        for row in (await connection.execute(select(memories).where(pointing))).all():
            successor = row.superseded_by
            while successor in successors:
                successor = successors[successor]
            state = MemoryState.SUPERSEDED if successor else MemoryState.CURRENT
            await self._write(connection, row.id, {"state": state, "superseded_by": successor})
            await self._changed(connection, [row.id])

    async def _write(self, connection: AsyncConnection, memory_id: str, values: Mapping[str, object]) -> None:
        await connection.execute(update(memories).where(memories.c.id == memory_id).values(**values))

    async def _changed(self, connection: AsyncConnection, ids: Sequence[str]) -> None:
        """Bring a memory's row, full-text entry and index in line after a change.

        Superseded ones stay searchable: before what replaced them was said, they were current.
        """
        for memory in (await self.load(connection, ids)).values():
            change = (
                update(memories)
                .where(memories.c.id == memory.id)
                .values(
                    version=memories.c.version + 1,
                    said_id=memory.newest.message_id,
                    updated_ms=self._clock(),
                )
            )
            seq = (await connection.execute(change.returning(memories.c.seq))).scalar_one()
            await self._fulltext.add(connection, "memories", [rows.entry_of(seq, memory)])
        await self._enqueue(connection, ids, "upsert")


def _is_made_anew(memory: Memory, gone: Collection[int], logged: Collection[int]) -> bool:
    """Whether a memory that loses these messages goes whole, to be made anew from what is left in the log."""
    if memory.kind is MemoryKind.TOPIC:
        return True
    if memory.origin is not MemoryOrigin.EXTRACTED:
        return False
    lost_support = any(c.supporting and c.message_id in gone for c in memory.citations)
    return lost_support or all(c.message_id in logged for c in memory.citations if c.message_id not in gone)
