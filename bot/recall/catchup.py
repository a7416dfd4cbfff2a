"""What happened in a channel and its threads since somebody was there: decisions, plans, and open questions.

It needs no model: memories are taken by their kind. A question is open until something answers it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from bot.domain import Memory, MemoryKind, MemoryState, MessageState, snowflake
from bot.storage import citations, memories, messages

if TYPE_CHECKING:
    from bot.memories import MemoryStore
    from bot.storage import Database

PRESENT_MS = 10 * 60 * 1000
"""Who said something so shortly before asking has only just come back: the time before that counts."""

MOST_MEMORIES = 50
"""Newest memories of a kind that are looked at; one screen shows fewer."""

MOST_PLACES = 1_000
"""Channels that are looked into: one, and its newest threads."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened in a channel.

    Attributes:
        first: from this snowflake on.
        said: how many messages of the log were said since.
        waiting: how many of those wait for extraction, so that nothing is remembered from them yet.
        decisions: newest first; so are plans and questions.
    """

    first: int
    said: int
    waiting: int
    decisions: tuple[Memory, ...]
    plans: tuple[Memory, ...]
    questions: tuple[Memory, ...]

    @property
    def memories(self) -> tuple[Memory, ...]:
        """All of them."""
        return (*self.decisions, *self.plans, *self.questions)


class CatchUp:
    """Looks up what happened."""

    def __init__(self, db: Database, store: MemoryStore) -> None:
        self._db = db
        self._store = store

    async def last_spoken(self, channel_id: int, user_id: int, now: int) -> int | None:
        """The last message of a member in a channel before they came back to it, as far as the log goes.

        `now` is the snowflake of their question.
        """
        before = snowflake.from_ms(snowflake.to_ms(now) - PRESENT_MS)
        query = select(func.max(messages.c.id)).where(
            messages.c.channel_id == channel_id, messages.c.author_id == user_id, messages.c.id < before
        )
        async with self._db.read() as connection:
            newest: int | None = await connection.scalar(query)
        return newest

    async def since(self, channel_ids: Collection[int], first: int, now: int, *, readable: frozenset[int]) -> Happened:
        """What happened from one snowflake to another, of all that cites `readable` channels alone.

        Args:
            channel_ids: a channel and its threads; of more than `MOST_PLACES` the newest count.
            first: from there on.
            now: up to there.
            readable: what the asker may read.
        """
        places = sorted(readable.intersection(channel_ids), reverse=True)[:MOST_PLACES]
        in_time = and_(messages.c.channel_id.in_(places), messages.c.id.between(first, now))
        states = select(messages.c.state, func.count().label("messages")).where(in_time)
        async with self._db.read() as connection:
            counts = {row.state: row.messages for row in await connection.execute(states.group_by(messages.c.state))}
        return Happened(
            first=first,
            said=sum(counts.values()),
            waiting=counts.get(MessageState.PENDING, 0),
            decisions=await self._of_kind(MemoryKind.DECISION, places, first, now, readable),
            plans=await self._of_kind(MemoryKind.PLAN, places, first, now, readable),
            questions=await self._of_kind(MemoryKind.QUESTION, places, first, now, readable),
        )

    async def _of_kind(
        self, kind: MemoryKind, places: Collection[int], first: int, now: int, readable: frozenset[int]
    ) -> tuple[Memory, ...]:
        query = (
            select(memories.c.id)
            .join(citations, citations.c.memory_id == memories.c.id)
            .where(
                citations.c.channel_id.in_(places),
                citations.c.message_id.between(first, now),
                ~citations.c.supporting,
                memories.c.kind == kind,
                memories.c.state == MemoryState.CURRENT,
            )
            .distinct()
        )
        newest = select(memories.c.id).where(memories.c.id.in_(query)).order_by(memories.c.said_id.desc())
        async with self._db.read() as connection:
            ids = list(await connection.scalars(newest.limit(MOST_MEMORIES)))
        by_id = await self._store.get(ids)
        return tuple(by_id[i].seen_by(readable) for i in ids if i in by_id and by_id[i].channel_ids <= readable)
