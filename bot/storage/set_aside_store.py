"""What could not be dealt with while everything else could: ids and a reason, never a text.

It is tried again after a day, RETRIES times, and once more whenever what it hangs on has changed: this program, a
model, a setting. It goes with its message or memory. Whoever sets something aside answers for its being allowed to be
kept: only from observed channels, and where the author is no bot, no webhook and not opted out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, Row, Table, and_, case, delete, exists, func, null, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import FAR_MS, Clock
from bot.storage.chunks import chunks
from bot.storage.engine import Database, upsert
from bot.storage.schema import memories, set_aside
from bot.storage.stores import Erased, Expired, Store, in_scope

if TYPE_CHECKING:
    from typing import Any

RETRIES: Final = 3
"""A day apart."""

RETRY_MS: Final = FAR_MS
"""A day."""

REASON_CHARS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something that was set aside.

    Attributes:
        key: names it inside its part: the id of a memory, of a message, of a point.
        guild_id: where it is from; None where it is from no server.
        channel_id: where it is from, more closely.
        message_id: the message that it is, or is made from: it goes with that.
        author_id: who said that.
        memory_id: the memory that it is: it goes with that.
    """

    key: str
    guild_id: int | None = None
    channel_id: int | None = None
    message_id: int | None = None
    author_id: int | None = None
    memory_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAsideCount:
    """How much of a part was set aside for one reason.

    Attributes:
        next_try_ms: when the first of it is tried again; None where only a change can help.
    """

    part: str
    reason: str
    items: int
    next_try_ms: int | None


class SetAside(Store):
    """What was set aside, in the database.

    Args:
        db: the database.
        clock: the local clock.
    """

    name = "set aside"
    tables = (set_aside,)

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db)
        self._clock = clock

    async def expired(self, connection: AsyncConnection, expired: Expired) -> Counter[str]:
        """Remove what is of messages that go, and what is of messages that the log never had after the same time."""
        removed = await super().expired(connection, expired)
        if expired.last:
            old = and_(set_aside.c.message_id.is_not(None), set_aside.c.since_ms < expired.before_ms)
            removed[self.name] += (await connection.execute(delete(set_aside).where(old))).rowcount
        return removed

    async def _last(self, connection: AsyncConnection, table: Table, erased: Erased) -> int:
        """What is of an erased member goes whole."""
        return (await connection.execute(delete(set_aside).where(in_scope(table, erased.scope)))).rowcount

    async def add(
        self, connection: AsyncConnection, part: str, reasons: Mapping[Item, str], *, basis: str
    ) -> frozenset[str]:
        """Set items aside, in the caller's transaction; one that is already keeps the tries that it had.

        Args:
            connection: in a transaction.
            part: which part could not deal with them ("index").
            reasons: why, for each: kinds and places of errors, never a text.
            basis: what that hangs on, such as versions, models and settings in one line: other words for it mean that
                something has changed.

        Returns:
            The keys of those that are set aside: a memory that went meanwhile is not.
        """
        gone = await _gone(connection, {item.memory_id for item in reasons if item.memory_id is not None})
        now = self._clock()
        rows = [
            {
                "part": part,
                "item": item.key,
                "guild_id": item.guild_id,
                "channel_id": item.channel_id,
                "message_id": item.message_id,
                "author_id": item.author_id,
                "memory_id": item.memory_id,
                "reason": reason[:REASON_CHARS],
                "basis": basis,
                "next_try_ms": now + RETRY_MS,
                "since_ms": now,
            }
            for item, reason in reasons.items()
            if item.memory_id not in gone
        ]
        if rows:
            fresh = upsert(self._db.dialect, set_aside)
            anew = {"reason": fresh.excluded.reason, "basis": fresh.excluded.basis}
            key = [set_aside.c.part, set_aside.c.item]
            await connection.execute(fresh.on_conflict_do_update(index_elements=key, set_=anew), rows)
        return frozenset(str(row["item"]) for row in rows)

    async def settle(self, connection: AsyncConnection, part: str, keys: Collection[str]) -> None:
        """These are dealt with, in the caller's transaction."""
        for chunk in chunks(keys):
            await connection.execute(delete(set_aside).where(set_aside.c.part == part, set_aside.c.item.in_(chunk)))

    async def settle_those(self, connection: AsyncConnection, part: str, which: ColumnElement[bool]) -> None:
        """Whatever of a part meets the condition is dealt with, in the caller's transaction."""
        await connection.execute(delete(set_aside).where(set_aside.c.part == part, which))

    async def due(
        self,
        connection: AsyncConnection,
        part: str,
        *,
        basis: str,
        limit: int,
        guild_ids: Collection[int] | None = None,
    ) -> list[Item]:
        """Take items that are to be tried again now, in the caller's transaction; they are counted as tried.

        Args:
            connection: in a transaction.
            part: as it was set aside.
            basis: what dealing with it hangs on now.
            limit: at most so many.
            guild_ids: only items of these servers; None for all.
        """
        now, changed = self._clock(), set_aside.c.basis != basis
        query = (
            select(set_aside).where(self._is_due(part, basis, guild_ids)).order_by(set_aside.c.since_ms).limit(limit)
        )
        rows = (await connection.execute(query)).all()
        tried = case((changed, 0), else_=set_aside.c.tries + 1)
        following = case((changed, now + RETRY_MS), (set_aside.c.tries + 1 < RETRIES, now + RETRY_MS), else_=null())
        for chunk in chunks([row.item for row in rows]):
            of_chunk = update(set_aside).where(set_aside.c.part == part, set_aside.c.item.in_(chunk))
            await connection.execute(of_chunk.values(tries=tried, next_try_ms=following, basis=basis))
        return [_item(row) for row in rows]

    async def put_back(self, connection: AsyncConnection, part: str, keys: Collection[str]) -> None:
        """These could not be tried, for a service is at fault: that does not count, and they wait for another day."""
        tries = case((set_aside.c.tries > 0, set_aside.c.tries - 1), else_=0)
        for chunk in chunks(keys):
            of_chunk = update(set_aside).where(set_aside.c.part == part, set_aside.c.item.in_(chunk))
            await connection.execute(of_chunk.values(tries=tries, next_try_ms=self._clock() + RETRY_MS))

    async def is_due(self, part: str, *, basis: str, guild_ids: Collection[int] | None = None) -> bool:
        """Whether there is an item that is to be tried again now; see `due`."""
        async with self._db.read() as connection:
            return await connection.scalar(select(exists().where(self._is_due(part, basis, guild_ids)))) or False

    def _is_due(self, part: str, basis: str, guild_ids: Collection[int] | None) -> ColumnElement[bool]:
        in_servers = true() if guild_ids is None else set_aside.c.guild_id.in_(guild_ids)
        now = self._clock()
        waits = set_aside.c.next_try_ms.between(now + 1, now + RETRY_MS)
        late = and_(set_aside.c.next_try_ms.is_not(None), ~waits)
        return and_(set_aside.c.part == part, in_servers, or_(set_aside.c.basis != basis, late))

    async def counts(self, guild_id: int | None = None) -> list[SetAsideCount]:
        """How much is set aside, by part and reason, in one server or (None) in all; the most first."""
        items = func.count()
        query = select(set_aside.c.part, set_aside.c.reason, items, func.min(set_aside.c.next_try_ms))
        if guild_id is not None:
            query = query.where(set_aside.c.guild_id == guild_id)
        query = query.group_by(set_aside.c.part, set_aside.c.reason).order_by(items.desc(), set_aside.c.reason)
        async with self._db.read() as connection:
            return [
                SetAsideCount(part=part, reason=reason, items=items, next_try_ms=next_try_ms)
                for part, reason, items, next_try_ms in await connection.execute(query)
            ]


async def _gone(connection: AsyncConnection, memory_ids: Collection[str]) -> set[str]:
    """Those of the memories that are no more."""
    gone = set(memory_ids)
    for chunk in chunks(memory_ids):
        gone -= set(await connection.scalars(select(memories.c.id).where(memories.c.id.in_(chunk))))
    return gone


def _item(row: Row[Any]) -> Item:
    return Item(
        key=row.item,
        guild_id=row.guild_id,
        channel_id=row.channel_id,
        message_id=row.message_id,
        author_id=row.author_id,
        memory_id=row.memory_id,
    )
