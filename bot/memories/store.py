"""The memory store: statements with the messages that they stand on.

SQL is the truth. Whatever changes a memory changes its full-text entry and adds an outbox row, from which the vector
index learns of it, in the same transaction. Methods that take a `connection` work inside the caller's transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, delete, exists, func, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import (
    Citation,
    Clock,
    Memory,
    MemoryKind,
    MemoryOrigin,
    MemoryState,
    Message,
    MessageState,
    NotFound,
    Refused,
)
from bot.observe import MessageLog, Refusal, set_state, storable
from bot.storage import Database, batches, chunks, citations, corrections, memories, messages, outbox
from bot.text import Entry, FullText, fold

SUGGESTED_AMONG = 5_000
"""Memories that suggestions are looked for among, the newest: a moderator's choice has to come within three seconds."""

MAX_TEXT = 1000
"""Longest memory that a member may write, in characters."""

FORGOTTEN = "forgotten"
"""Reason of messages that are not extracted (again) because what they supported was forgotten on purpose."""

_REMEMBERED = uuid.UUID("5c1f7c37-6f0f-4b4e-9d0f-5b1b6a3d8a10")  # namespace of the ids of memories kept on purpose
_NOT_KEPT = MappingProxyType(
    {
        Refusal.OPTED_OUT: "Its author does not want to be remembered, so nothing was kept.",
        Refusal.ERASED: "What was said up to then was erased, so it is not remembered; say it again to keep it.",
        Refusal.DELETED: "That message was deleted, so it is not remembered.",
    }
)
NOT_FOUND = "There is no such memory or answer here for you; run the command yourself, or look with /memories."
"""Said to whoever asks for what is not theirs, whether or not it is there."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and what they may do at this moment.

    Attributes:
        readable: channels and threads that they can read (View Channel and Read Message History).
        moderated: channels and threads in which they have Manage Messages.
    """

    user_id: int
    guild_id: int
    readable: frozenset[int] = frozenset()
    moderated: frozenset[int] = frozenset()

    def may_remove(self, memory: Memory) -> bool:
        """Whether they may remove it whole: sole cited author, or moderator of every cited channel."""
        return memory.author_ids == (self.user_id,) or memory.channel_ids <= self.moderated & self.readable

    def may_correct(self, memory: Memory) -> bool:
        """Whether it says what they said and nobody else, where they can read."""
        own = memory.guild_id == self.guild_id and memory.author_ids == (self.user_id,)
        return own and memory.channel_ids <= self.readable

    def may_forget(self, memory: Memory) -> bool:
        """Whether they may remove it or withdraw their own citation."""
        return memory.guild_id == self.guild_id and (self.user_id in memory.author_ids or self.may_remove(memory))


@dataclass(frozen=True, slots=True)
class Page:
    """One page of memories, and how many there are in all."""

    items: tuple[Memory, ...]
    total: int


class ForgetOutcome(StrEnum):
    """What forgetting did."""

    REMOVED = "removed"  # the memory is gone
    WITHDRAWN = "withdrawn"  # the asker's citation is gone; the memory stands on what others said


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

    def __init__(
        self,
        db: Database,
        fulltext: FullText,
        log: MessageLog,
        clock: Clock,
        *,
        announce: Callable[[], None] = lambda: None,
    ) -> None:
        """Open the store; `announce` is called when a member's own change waits for the index (`Indexer.wake`)."""
        self._db = db
        self._fulltext = fulltext
        self._log = log
        self._clock = clock
        self._announce = announce

    # --- for members -------------------------------------------------------------------------------------------------

    async def remember(self, *, guild_id: int, channel_id: int, author_id: int, message_id: int, text: str) -> Memory:
        """Keep `text` on purpose; asked again for the same message, the memory that is there is returned.

        Args:
            guild_id: where it was said.
            channel_id: where it was said.
            author_id: who said it.
            message_id: the message, or the interaction's own snowflake for `/remember`.
            text: 1 to 1,000 characters.

        Raises:
            Refused: the text is empty or too long, or the log would not take the message in: it was deleted or
                erased, or its author has opted out.
        """
        text = _within_bounds(text)
        memory = Memory(
            id=str(uuid.uuid5(_REMEMBERED, str(message_id))),
            guild_id=guild_id,
            kind=MemoryKind.NOTE,
            text=text,
            citations=(Citation(message_id, channel_id, author_id),),
            origin=MemoryOrigin.REMEMBERED,
        )
        async with self._db.write() as connection:
            there = await self.load(connection, [memory.id])
            if there:
                return there[memory.id]
            said = Message(id=message_id, guild_id=guild_id, channel_id=channel_id, author_id=author_id, content=text)
            if refusal := (await self._log.refusals(connection, [said])).get(message_id):
                raise Refused(_NOT_KEPT[refusal])
            (text,) = await self._log.unmentioned(connection, [(guild_id, text)])
            memory = replace(memory, text=text)
            await self.add(connection, memory)
        self._announce()
        return memory

    async def forget(self, memory_id: str, asker: Asker) -> ForgetOutcome:
        """Remove a memory, or the asker's part in it.

        The sole cited author, or whoever moderates every cited channel, removes it; a cited author among several
        withdraws their own citation. Messages that it stood on are not extracted again.

        Raises:
            NotFound: no such memory, or not the asker's to forget; neutral on purpose.
        """
        async with self._db.write() as connection:
            memory = (await self.load(connection, [memory_id])).get(memory_id)
            if memory is None or not asker.may_forget(memory):
                raise NotFound(NOT_FOUND)
            whole = asker.may_remove(memory)
            theirs = [c for c in memory.citations if whole or c.author_id == asker.user_id]
            await self._settle_forgotten(connection, theirs)
            if whole:
                await self.remove(connection, [memory_id])
            else:
                await self._uncite(connection, memory, {c.message_id for c in theirs})
        self._announce()
        await self._db.scrub()
        return ForgetOutcome.REMOVED if whole else ForgetOutcome.WITHDRAWN

    async def correct(self, memory_id: str, asker: Asker, text: str) -> Memory:
        """Give a memory the text that its only cited author wants; kept as theirs, it wins over extraction.

        Raises:
            NotFound: no such memory, or not the asker's to correct; neutral on purpose.
            Refused: the text is empty or too long.
        """
        text = _within_bounds(text)
        async with self._db.write() as connection:
            memory = (await self.load(connection, [memory_id])).get(memory_id)
            if memory is None or not asker.may_correct(memory):
                raise NotFound(NOT_FOUND)
            (text,) = await self._log.unmentioned(connection, [(memory.guild_id, text)])
            put_right = update(memories).where(memories.c.id == memory_id).values(origin=MemoryOrigin.CORRECTED)
            await connection.execute(put_right)
            row = {"memory_id": memory_id, "author_id": asker.user_id, "corrected_ms": self._clock()}
            await connection.execute(delete(corrections).where(corrections.c.memory_id == memory_id))
            await connection.execute(insert(corrections).values(row))
            await self.rewrite(connection, memory_id, text)
            await discard_answers(connection, memory.channel_ids)
            corrected = (await self.load(connection, [memory_id]))[memory_id]
        self._announce()
        await self._db.scrub()
        return corrected

    async def of_member(
        self,
        guild_id: int,
        user_id: int,
        *,
        readable: frozenset[int] | None,
        kind: MemoryKind | None = None,
        words: str = "",
        offset: int = 0,
        limit: int = 10,
    ) -> Page:
        """Memories that cite a member, newest first; superseded ones too, for they are kept as well.

        Args:
            guild_id: of this guild only.
            user_id: the cited author.
            readable: only memories all of whose channels are among these; None for all.
            kind: only memories of this kind.
            words: only memories with all of these words, whatever their case and accents.
            offset: how many to leave out at the start.
            limit: at most so many.
        """
        wanted = and_(memories.c.guild_id == guild_id, _cites_author(user_id), _within(readable))
        if kind is not None:
            wanted = and_(wanted, memories.c.kind == kind)
        async with self._db.read() as connection:
            found = await _with_words(connection, wanted, fold(words).split())
            ids = found[offset : offset + limit]
            items = await self._select(connection, _newest(memories.c.id.in_(ids)))
        return Page(tuple(items), len(found))

    async def suggest(self, guild_id: int, asker: Asker, words: str, limit: int = 25) -> list[Memory]:
        """Memories with these words, or their beginnings, that the asker may forget, newest first (autocomplete)."""
        mine = and_(_cites_author(asker.user_id), _within(asker.readable))
        moderated = _within(asker.moderated & asker.readable)
        wanted = and_(memories.c.guild_id == guild_id, or_(mine, moderated))
        async with self._db.read() as connection:
            ids = (await _with_words(connection, wanted, fold(words).split(), among=SUGGESTED_AMONG))[:limit]
            return await self._select(connection, _newest(memories.c.id.in_(ids)))

    # --- for services ------------------------------------------------------------------------------------------------

    async def get(self, ids: Collection[str]) -> dict[str, Memory]:
        """The memories among `ids` that exist, by id."""
        async with self._db.read() as connection:
            return await self.load(connection, ids)

    async def by_seq(self, seqs: Collection[int]) -> dict[int, Memory]:
        """The memories that exist, by their full-text row id."""
        found: dict[int, Memory] = {}
        async with self._db.read() as connection:
            for chunk in chunks(seqs):
                rows = (await connection.execute(select(memories).where(memories.c.seq.in_(chunk)))).all()
                loaded = {memory.id: memory for memory in await self._with_citations(connection, rows)}
                found |= {row.seq: loaded[row.id] for row in rows if row.id in loaded}
        return found

    async def before(self, memory_ids: Collection[str], *, readable: frozenset[int] | None) -> dict[str, list[Memory]]:
        """What these memories replaced, directly or through others, newest first; of those that replaced anything.

        The time at which each held is `Memory.said_at`.

        Args:
            memory_ids: current memories, or superseded ones whose own past is asked for.
            readable: only what cites these channels alone; None for all. What lies behind a memory that is left out
                is shown all the same.
        """
        found: dict[str, list[Memory]] = {}
        async with self._db.read() as connection:
            leads_to = {memory_id: memory_id for memory_id in memory_ids}
            while leads_to:
                replaced: dict[str, str] = {}
                for chunk in chunks(leads_to):
                    query = select(memories).where(memories.c.superseded_by.in_(chunk))
                    for memory in await self._select(connection, query):
                        replaced[memory.id] = leads_to[memory.superseded_by or ""]
                        if readable is None or memory.channel_ids <= readable:
                            found.setdefault(replaced[memory.id], []).append(memory)
                leads_to = replaced
        for past in found.values():
            past.sort(key=lambda memory: memory.citations[-1].message_id, reverse=True)
        return found

    async def by_message(self, message_ids: Collection[int]) -> list[Memory]:
        """Every memory that cites one of these messages."""
        async with self._db.read() as connection:
            return list((await self.load(connection, await _citing(connection, message_ids))).values())

    async def count(self, guild_id: int | None = None) -> int:
        """How many memories hold now, in one guild or in all."""
        held = select(func.count()).select_from(memories).where(memories.c.state == MemoryState.CURRENT)
        if guild_id is not None:
            held = held.where(memories.c.guild_id == guild_id)
        async with self._db.read() as connection:
            return int((await connection.execute(held)).scalar_one())

    # --- inside a transaction ----------------------------------------------------------------------------------------

    async def load(self, connection: AsyncConnection, ids: Iterable[str]) -> dict[str, Memory]:
        """The memories among `ids` that exist, by id."""
        found: dict[str, Memory] = {}
        for chunk in chunks(ids):
            loaded = await self._select(connection, select(memories).where(memories.c.id.in_(chunk)))
            found |= {memory.id: memory for memory in loaded}
        return found

    async def add(self, connection: AsyncConnection, memory: Memory, *, batch_id: str | None = None) -> None:
        """Insert a memory that is not there yet."""
        now = self._clock()
        row = {
            "id": memory.id,
            "guild_id": memory.guild_id,
            "kind": memory.kind,
            "text": memory.text,
            "state": memory.state,
            "origin": memory.origin,
            "version": memory.version,
            "superseded_by": memory.superseded_by,
            "said_id": memory.citations[-1].message_id,
            "batch_id": batch_id,
            "created_ms": now,
            "updated_ms": now,
        }
        seq = (await connection.execute(insert(memories).values(row).returning(memories.c.seq))).scalar_one()
        await connection.execute(insert(citations), [_citation_row(memory.id, c) for c in memory.citations])
        await self._fulltext.add(connection, "memories", [_entry(seq, memory)])
        await self._enqueue(connection, [memory.id], "upsert")

    async def cite(self, connection: AsyncConnection, memory_id: str, more: Sequence[Citation]) -> bool:
        """Let a current memory stand on more messages as well; False where there is no such memory any more."""
        memory = (await self.load(connection, [memory_id])).get(memory_id)
        if memory is None or memory.state is not MemoryState.CURRENT:
            return False
        known = {c.message_id for c in memory.citations}
        new = [c for c in more if c.message_id not in known]
        if new:
            await connection.execute(insert(citations), [_citation_row(memory_id, c) for c in new])
            await self._changed(connection, [memory_id])
        return True

    async def supersede(self, connection: AsyncConnection, memory_id: str, by: str) -> bool:
        """Make a current memory history, replaced by `by`; False where there is no such memory any more."""
        memory = (await self.load(connection, [memory_id])).get(memory_id)
        if memory is None or memory.state is not MemoryState.CURRENT:
            return False
        change = update(memories).where(memories.c.id == memory_id)
        await connection.execute(change.values(state=MemoryState.SUPERSEDED, superseded_by=by))
        await self._changed(connection, [memory_id])
        return True

    async def rewrite(self, connection: AsyncConnection, memory_id: str, text: str) -> None:
        """Give a memory another text."""
        await connection.execute(update(memories).where(memories.c.id == memory_id).values(text=text))
        await self._changed(connection, [memory_id])

    async def withdraw(
        self, connection: AsyncConnection, message_ids: Collection[int], *, only_extracted: bool = False
    ) -> Withdrawal:
        """Take messages away from under the memories that cite them.

        An extracted memory whose other messages are all still in the log goes, and those are pending again; where
        the log no longer has them, it loses the citation. A memory kept or corrected on purpose loses the citation.
        Whatever has none left goes.

        Args:
            connection: the caller's transaction.
            message_ids: the messages that are going away or changed.
            only_extracted: leave what members kept or corrected on purpose as it is.
        """
        gone = set(message_ids)
        done = Withdrawal()
        reopen: set[int] = set()
        for chunk in chunks(sorted(await _citing(connection, gone))):
            loaded = (await self.load(connection, chunk)).values()
            rest = {c.message_id for memory in loaded for c in memory.citations} - gone
            logged = await _logged(connection, rest)
            for memory in loaded:
                if memory.origin is MemoryOrigin.EXTRACTED:
                    others = {c.message_id for c in memory.citations} - gone
                    if others <= logged:
                        done.removed.add(memory.id)
                        reopen |= others
                        continue
                elif only_extracted:
                    continue
                if await self._uncite(connection, memory, gone):
                    done.removed.add(memory.id)
                else:
                    done.reduced.add(memory.id)
        await self.remove(connection, done.removed)
        done.reopened = await _reopen(connection, reopen)
        return done

    async def retract(self, connection: AsyncConnection, ids: Collection[str]) -> None:
        """Remove memories, and let what they stood on be extracted again."""
        cited = {c.message_id for memory in (await self.load(connection, ids)).values() for c in memory.citations}
        await self.remove(connection, ids)
        await _reopen(connection, cited)

    async def corrected(self, connection: AsyncConnection, message_ids: Collection[int]) -> dict[str, set[int]]:
        """Memories that were put right and cite one of these messages, with all that they cite."""
        found: dict[str, set[int]] = {}
        for memory in (await self.load(connection, await _citing(connection, message_ids))).values():
            if memory.origin is MemoryOrigin.CORRECTED:
                found[memory.id] = {c.message_id for c in memory.citations}
        return found

    async def remove(self, connection: AsyncConnection, ids: Collection[str]) -> None:
        """Remove memories with everything that hangs on them; what they alone had superseded holds again."""
        for chunk in chunks(ids):
            rows = (await connection.execute(select(memories).where(memories.c.id.in_(chunk)))).all()
            await self._fulltext.remove(connection, "memories", [row.seq for row in rows])
            for hanging in (citations, corrections):
                await connection.execute(delete(hanging).where(hanging.c.memory_id.in_(chunk)))
            await connection.execute(delete(memories).where(memories.c.id.in_(chunk)))
            await self._enqueue(connection, [row.id for row in rows], "delete")
            await self._relink(connection, {row.id: row.superseded_by for row in rows})

    # --- details -----------------------------------------------------------------------------------------------------

    async def _relink(self, connection: AsyncConnection, successors: Mapping[str, str | None]) -> None:
        """Point what removed memories had superseded to their own successors, or make it current again."""
        pointing = memories.c.superseded_by.in_(list(successors))
        for row in (await connection.execute(select(memories).where(pointing))).all():
            successor = row.superseded_by
            while successor in successors:
                successor = successors[successor]
            state = MemoryState.SUPERSEDED if successor else MemoryState.CURRENT
            change = update(memories).where(memories.c.id == row.id)
            await connection.execute(change.values(state=state, superseded_by=successor))
            await self._changed(connection, [row.id])

    async def _uncite(self, connection: AsyncConnection, memory: Memory, gone: Collection[int]) -> bool:
        """Take citations from a memory; it goes (True) where none is left."""
        left = [c for c in memory.citations if c.message_id not in gone]
        if not left:
            await self.remove(connection, [memory.id])
            return True
        taken = [c.message_id for c in memory.citations if c.message_id in gone]
        for chunk in chunks(taken):
            theirs = and_(citations.c.memory_id == memory.id, citations.c.message_id.in_(chunk))
            await connection.execute(delete(citations).where(theirs))
        await self._changed(connection, [memory.id])
        return False

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
                    said_id=memory.citations[-1].message_id,
                    updated_ms=self._clock(),
                )
            )
            seq = (await connection.execute(change.returning(memories.c.seq))).scalar_one()
            await self._fulltext.add(connection, "memories", [_entry(seq, memory)])
        await self._enqueue(connection, ids, "upsert")

    async def _enqueue(self, connection: AsyncConnection, ids: Sequence[str], op: str) -> None:
        """Tell the index. Rows are only ever added here: the indexer may be working on an older one at this moment."""
        if ids:
            now = self._clock()
            await connection.execute(insert(outbox), [{"memory_id": i, "op": op, "created_ms": now} for i in ids])

    async def _settle_forgotten(self, connection: AsyncConnection, cited: Sequence[Citation]) -> None:
        """Keep messages from being extracted (again) after what they supported was forgotten."""
        settled = and_(messages.c.id.in_([c.message_id for c in cited]), messages.c.state != MessageState.DEAD)
        await set_state(connection, settled, MessageState.SKIPPED, FORGOTTEN)
        await discard_answers(connection, {c.channel_id for c in cited})

    async def _select(self, connection: AsyncConnection, query: Select[Any]) -> list[Memory]:
        return await self._with_citations(connection, (await connection.execute(query)).all())

    async def _with_citations(self, connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[Memory]:
        cited: dict[str, list[Citation]] = {}
        for chunk in chunks(row.id for row in rows):
            query = select(citations).where(citations.c.memory_id.in_(chunk)).order_by(citations.c.message_id)
            for row in (await connection.execute(query)).all():
                citation = Citation(row.message_id, row.channel_id, row.author_id)
                cited.setdefault(row.memory_id, []).append(citation)
        return [_memory(row, cited[row.id]) for row in rows if row.id in cited]


async def discard_answers(connection: AsyncConnection, channel_ids: Collection[int] | None) -> int:
    """Let stored model answers of these channels (None: all) be asked for again; how many there were.

    An answer may hold the text of any message that its model saw, also of those that were context only. So a
    message that goes or changes takes its channel's answers with it.
    """
    answered: ColumnElement[bool] = batches.c.answer.is_not(None)
    if channel_ids is not None:
        answered = and_(answered, batches.c.channel_id.in_(channel_ids))
    reset = update(batches).where(answered).values(state="open", answer=None, error=None)
    return (await connection.execute(reset)).rowcount


def _within_bounds(text: str) -> str:
    text = storable(text).strip()
    if not text:
        raise Refused("There is no text to remember; write what you want to be remembered.")
    if len(text) > MAX_TEXT:
        raise Refused(f"That is {len(text)} characters long; shorten it to {MAX_TEXT}.")
    return text


def _memory(row: Row[Any], cited: Sequence[Citation]) -> Memory:
    return Memory(
        id=row.id,
        guild_id=row.guild_id,
        kind=MemoryKind(row.kind),
        text=row.text,
        citations=tuple(cited),
        state=MemoryState(row.state),
        origin=MemoryOrigin(row.origin),
        version=row.version,
        superseded_by=row.superseded_by,
    )


def _entry(seq: int, memory: Memory) -> Entry:
    return Entry(seq, memory.guild_id, memory.channel_id, memory.author_ids, memory.text)


def _citation_row(memory_id: str, citation: Citation) -> dict[str, Any]:
    return {
        "memory_id": memory_id,
        "message_id": citation.message_id,
        "channel_id": citation.channel_id,
        "author_id": citation.author_id,
    }


def _cites_author(user_id: int) -> ColumnElement[bool]:
    return exists().where(citations.c.memory_id == memories.c.id, citations.c.author_id == user_id)


def _within(channel_ids: frozenset[int] | None) -> ColumnElement[bool]:
    """Every cited channel is among `channel_ids`."""
    if channel_ids is None:
        return true()
    return ~exists().where(citations.c.memory_id == memories.c.id, citations.c.channel_id.not_in(channel_ids))


def _newest(wanted: ColumnElement[bool]) -> Select[Any]:
    return select(memories).where(wanted).order_by(memories.c.said_id.desc(), memories.c.seq.desc())


async def _with_words(
    connection: AsyncConnection, wanted: ColumnElement[bool], words: Collection[str], *, among: int | None = None
) -> list[str]:
    """Ids of the wanted memories that hold all of these folded words, newest first.

    Databases fold ASCII alone, so the texts are looked at here: those of one member, or the newest `among` a server's.
    """
    columns = _newest(wanted).with_only_columns(memories.c.id, memories.c.text).limit(among)
    rows = await connection.execute(columns)
    return [row.id for row in rows if not words or all(word in fold(row.text) for word in words)]


async def _citing(connection: AsyncConnection, message_ids: Collection[int]) -> set[str]:
    """Ids of the memories that cite one of these messages."""
    found: set[str] = set()
    for chunk in chunks(message_ids):
        query = select(citations.c.memory_id).where(citations.c.message_id.in_(chunk))
        found |= set((await connection.execute(query)).scalars())
    return found


async def _logged(connection: AsyncConnection, message_ids: Collection[int]) -> set[int]:
    """Which of these messages the log still has."""
    found: set[int] = set()
    for chunk in chunks(message_ids):
        query = select(messages.c.id).where(messages.c.id.in_(chunk))
        found |= set((await connection.execute(query)).scalars())
    return found


async def _reopen(connection: AsyncConnection, message_ids: Collection[int]) -> int:
    """Make extracted messages pending again; how many."""
    count = 0
    for chunk in chunks(message_ids):
        extracted = and_(messages.c.id.in_(chunk), messages.c.state == MessageState.EXTRACTED)
        count += await set_state(connection, extracted, MessageState.PENDING)
    return count
