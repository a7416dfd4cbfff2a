"""Pages of memories, newest first, with words that are looked for in their texts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Memory, MemoryKind
from bot.memories import rows
from bot.storage import memories
from bot.text import fold


@dataclass(frozen=True, slots=True)
class MemoryPage:
    """One page of memories, and how many there are in all."""

    items: tuple[Memory, ...]
    total: int


async def page_of(
    connection: AsyncConnection,
    wanted: ColumnElement[bool],
    readable: frozenset[int] | None,
    *,
    words: str = "",
    offset: int = 0,
    limit: int = 10,
) -> MemoryPage:
    """A page of the wanted memories with all of these words, as they may be shown to who reads these channels."""
    matching = await with_words(connection, wanted, fold(words).split())
    ids = matching[offset : offset + limit]
    items = await rows.matching(connection, newest(memories.c.id.in_(ids)))
    return MemoryPage(tuple(memory.seen_by(readable) for memory in items), len(matching))


def is_of(kind: MemoryKind | None) -> ColumnElement[bool]:
    """Whether a memory is of a kind; None for any."""
    return true() if kind is None else memories.c.kind == kind


def newest(wanted: ColumnElement[bool]) -> Select[Any]:
    """The rows of the wanted memories, the newest first."""
    return select(memories).where(wanted).order_by(memories.c.said_id.desc(), memories.c.seq.desc())


async def with_words(
    connection: AsyncConnection, wanted: ColumnElement[bool], words: Collection[str], *, among: int | None = None
) -> list[str]:
    """Ids of the wanted memories that hold all of these folded words, newest first.

    Databases fold ASCII alone, so the texts are looked at here: those of one member, or the newest `among` a server's.
    """
    columns = newest(wanted).with_only_columns(memories.c.id, memories.c.text).limit(among)
    texts = await connection.execute(columns)
    return [row.id for row in texts if not words or all(word in fold(row.text) for word in words)]
