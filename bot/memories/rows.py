"""Memories as the database has them: reading rows, writing rows, and the messages behind them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, delete, exists, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Citation, Doubt, Memory, MemoryKind, MemoryOrigin, MemoryState, MessageState
from bot.memories.flags import unflagged
from bot.observe import set_state
from bot.storage import chunks, citations, memories, messages
from bot.text import FullTextEntry

WITHOUT_DOUBT = {"doubt_message_id": None, "doubt_channel_id": None, "doubt_author_id": None}
"""The columns of a memory that nothing speaks against."""


async def load(connection: AsyncConnection, ids: Iterable[str], *wanted: ColumnElement[bool]) -> dict[str, Memory]:
    """The memories among `ids` that exist and meet these conditions, by id."""
    loaded: dict[str, Memory] = {}
    for chunk in chunks(ids):
        rows = await matching(connection, select(memories).where(memories.c.id.in_(chunk), *wanted))
        loaded |= {memory.id: memory for memory in rows}
    return loaded


async def matching(connection: AsyncConnection, query: Select[Any]) -> list[Memory]:
    """The memories whose rows `query` selects, in its order."""
    return await with_citations(connection, (await connection.execute(query)).all())


async def with_citations(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[Memory]:
    """The memories of these rows; one that nothing states is left out."""
    cited: dict[str, list[Citation]] = {}
    for chunk in chunks(row.id for row in rows):
        query = select(citations).where(citations.c.memory_id.in_(chunk)).order_by(citations.c.message_id)
        for row in (await connection.execute(query)).all():
            citation = Citation(row.message_id, row.channel_id, row.author_id, row.supporting)
            cited.setdefault(row.memory_id, []).append(citation)
    return [_memory(row, cited[row.id]) for row in rows if not all(c.supporting for c in cited.get(row.id, ()))]


def memory_row(memory: Memory, batch_id: str | None, now_ms: int) -> dict[str, Any]:
    """A new memory as a row; nothing speaks against it yet."""
    return {
        "id": memory.id,
        "guild_id": memory.guild_id,
        "kind": memory.kind,
        "text": memory.text,
        "state": memory.state,
        "origin": memory.origin,
        "version": memory.version,
        "superseded_by": memory.superseded_by,
        "said_id": memory.newest.message_id,
        "batch_id": batch_id,
        "created_ms": now_ms,
        "updated_ms": now_ms,
    }


def citation_row(memory_id: str, citation: Citation) -> dict[str, Any]:
    """A citation as a row."""
    return {
        "memory_id": memory_id,
        "message_id": citation.message_id,
        "channel_id": citation.channel_id,
        "author_id": citation.author_id,
        "supporting": citation.supporting,
    }


def entry_of(seq: int, memory: Memory) -> FullTextEntry:
    """A memory as the full-text index takes it."""
    return FullTextEntry(seq, memory.guild_id, memory.channel_id, memory.author_ids, memory.text)


def states_author(user_id: int) -> ColumnElement[bool]:
    """Whether a memory is something that this member said."""
    return exists().where(
        citations.c.memory_id == memories.c.id, citations.c.author_id == user_id, ~citations.c.supporting
    )


def within(channel_ids: frozenset[int] | None) -> ColumnElement[bool]:
    """Whether every channel that a memory cites is among `channel_ids`; None: whatever they are."""
    if channel_ids is None:
        return true()
    return ~exists().where(citations.c.memory_id == memories.c.id, citations.c.channel_id.not_in(channel_ids))


def shown_to(channel_ids: frozenset[int] | None) -> ColumnElement[bool]:
    """Whether a memory may be shown to who reads these channels (None: to whoever asks): it is not hidden either."""
    return and_(within(channel_ids), unflagged())


async def citing(connection: AsyncConnection, message_ids: Collection[int]) -> set[str]:
    """Ids of the memories that cite one of these messages, as supporting or otherwise."""
    ids: set[str] = set()
    for chunk in chunks(message_ids):
        query = select(citations.c.memory_id).where(citations.c.message_id.in_(chunk))
        ids |= set((await connection.execute(query)).scalars())
    return ids


async def uncite(connection: AsyncConnection, memory_id: str, message_ids: Collection[int]) -> None:
    """Take citations from a memory."""
    for chunk in chunks(message_ids):
        theirs = and_(citations.c.memory_id == memory_id, citations.c.message_id.in_(chunk))
        await connection.execute(delete(citations).where(theirs))


async def logged(connection: AsyncConnection, message_ids: Collection[int]) -> set[int]:
    """Which of these messages the log still has."""
    ids: set[int] = set()
    for chunk in chunks(message_ids):
        query = select(messages.c.id).where(messages.c.id.in_(chunk))
        ids |= set((await connection.execute(query)).scalars())
    return ids


async def reopen(connection: AsyncConnection, message_ids: Collection[int]) -> int:
    """Make extracted messages pending again; how many."""
    count = 0
    for chunk in chunks(message_ids):
        extracted = and_(messages.c.id.in_(chunk), messages.c.state == MessageState.EXTRACTED)
        count += await set_state(connection, extracted, MessageState.PENDING)
    return count


async def undoubt(connection: AsyncConnection, message_ids: Collection[int]) -> int:
    """Doubt no memory any more because of these messages; how many were doubted."""
    count = 0
    for chunk in chunks(message_ids):
        doubted = update(memories).where(memories.c.doubt_message_id.in_(chunk))
        count += (await connection.execute(doubted.values(WITHOUT_DOUBT))).rowcount
    return count


def _memory(row: Row[Any], cited: Sequence[Citation]) -> Memory:
    doubted = row.doubt_message_id is not None
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
        doubt=Doubt(row.doubt_message_id, row.doubt_channel_id, row.doubt_author_id) if doubted else None,
    )
