"""Who is named in a memory and objected to that, and what came of it.

A memory with an open flag is hidden: whatever reads memories to show them, or to compare something with them, leaves
it out by `unflagged`. A name that was taken out of a memory stays out of it, whatever its text becomes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import people_in
from bot.storage import Store, chunks, flags, memories, upsert

if TYPE_CHECKING:
    from bot.domain import Memory
    from bot.storage import Dialect


class FlagState(StrEnum):
    """Where an objection stands."""

    OPEN = "open"  # flagged as wrong, and hidden until that is decided
    KEPT = "kept"  # decided: it stays as it is
    NAMELESS = "nameless"  # the name was taken out


class Flags(Store):
    """Objections of members who are named; each goes with its memory, and with its member."""

    name = "flags"
    tables = (flags,)


def unflagged() -> ColumnElement[bool]:
    """Whether no flag of a memory is open."""
    return ~exists().where(flags.c.memory_id == memories.c.id, flags.c.state == FlagState.OPEN)


def flagged_by_others(user_id: int) -> ColumnElement[bool]:
    """Whether flags of a memory are open, and none of them is this member's."""
    is_open = and_(flags.c.memory_id == memories.c.id, flags.c.state == FlagState.OPEN)
    return and_(exists().where(is_open), ~exists().where(is_open, flags.c.user_id == user_id))


async def open_of(connection: AsyncConnection, memory_id: str) -> frozenset[int]:
    """The members whose flags of a memory are open."""
    query = select(flags.c.user_id).where(flags.c.memory_id == memory_id, flags.c.state == FlagState.OPEN)
    return frozenset(await connection.scalars(query))


async def count_open(connection: AsyncConnection, guild_id: int, user_id: int) -> int:
    """How many flags of a member are open in a server."""
    theirs = and_(flags.c.user_id == user_id, flags.c.guild_id == guild_id, flags.c.state == FlagState.OPEN)
    return await connection.scalar(select(func.count()).select_from(flags).where(theirs)) or 0


async def state_of(connection: AsyncConnection, memory_id: str, user_id: int) -> FlagState | None:
    """Where a member's objection to a memory stands; None where they have none."""
    this = (flags.c.memory_id == memory_id, flags.c.user_id == user_id)
    state: str | None = await connection.scalar(select(flags.c.state).where(*this))
    return None if state is None else FlagState(state)


async def overdue(connection: AsyncConnection, before_ms: int, limit: int) -> list[tuple[str, int]]:
    """Memory and member of flags that are open since before this local time, the oldest first."""
    query = select(flags.c.memory_id, flags.c.user_id).where(
        flags.c.state == FlagState.OPEN, flags.c.asked_ms <= before_ms
    )
    rows = await connection.execute(query.order_by(flags.c.asked_ms).limit(limit))
    return [(row.memory_id, row.user_id) for row in rows]


async def put(
    connection: AsyncConnection,
    dialect: Dialect,
    memory: Memory,
    user_ids: Collection[int],
    state: FlagState,
    now_ms: int,
) -> None:
    """Let the objection of members to a memory stand there from now on."""
    decided_ms = None if state is FlagState.OPEN else now_ms
    theirs = {"memory_id": memory.id, "guild_id": memory.guild_id, "state": state, "asked_ms": now_ms}
    rows = [{**theirs, "user_id": user_id, "decided_ms": decided_ms} for user_id in sorted(user_ids)]
    if rows:
        row = upsert(dialect, flags)
        changed = {"state": row.excluded.state, "decided_ms": row.excluded.decided_ms}
        await connection.execute(
            row.on_conflict_do_update(index_elements=[flags.c.memory_id, flags.c.user_id], set_=changed), rows
        )


async def keep(connection: AsyncConnection, memory_id: str, now_ms: int) -> None:
    """Decide that a memory stays as it is."""
    still_open = and_(flags.c.memory_id == memory_id, flags.c.state == FlagState.OPEN)
    await connection.execute(update(flags).where(still_open).values(state=FlagState.KEPT, decided_ms=now_ms))


async def nameless_in(connection: AsyncConnection, memory_ids: Collection[str]) -> Mapping[str, frozenset[int]]:
    """By memory, the members whose names were taken out of it."""
    members: dict[str, frozenset[int]] = {}
    for chunk in chunks(memory_ids):
        query = select(flags.c.memory_id, flags.c.user_id).where(flags.c.memory_id.in_(chunk))
        for row in await connection.execute(query.where(flags.c.state == FlagState.NAMELESS)):
            members[row.memory_id] = members.get(row.memory_id, frozenset()) | {row.user_id}
    return members


async def pass_on(connection: AsyncConnection, before: Collection[str], memory: Memory) -> None:
    """Flag a new memory as well that says again of somebody what they flagged; it waits since they did.

    Args:
        connection: the caller's transaction.
        before: ids of the memories that were made of its messages before.
        memory: the new one, without flags.
    """
    since: dict[int, int] = {}
    for chunk in chunks(before):
        query = select(flags.c.user_id, flags.c.asked_ms).where(flags.c.memory_id.in_(chunk))
        for row in await connection.execute(query.where(flags.c.state == FlagState.OPEN)):
            since[row.user_id] = min(row.asked_ms, since.get(row.user_id, row.asked_ms))
    this = {"memory_id": memory.id, "guild_id": memory.guild_id, "state": FlagState.OPEN, "decided_ms": None}
    named = sorted(since.keys() & people_in([memory.text]))
    if named:
        rows = [{**this, "user_id": user_id, "asked_ms": since[user_id]} for user_id in named]
        await connection.execute(insert(flags), rows)


async def reworded(connection: AsyncConnection, memory_id: str, text: str) -> None:
    """A memory has another text: it may be flagged again, and flags go of those whom it does not name any more."""
    this = flags.c.memory_id == memory_id
    await connection.execute(delete(flags).where(this, flags.c.state == FlagState.KEPT))
    gone = await open_of(connection, memory_id) - people_in([text])
    await connection.execute(delete(flags).where(this, flags.c.user_id.in_(gone)))


async def drop(connection: AsyncConnection, memory_ids: Collection[str]) -> None:
    """Drop the objections to memories that go."""
    await connection.execute(delete(flags).where(flags.c.memory_id.in_(memory_ids)))
