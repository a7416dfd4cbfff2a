"""What happened in channels since somebody was there, and what of it concerns them.

It needs no model: memories are taken by their kind, mentions and replies from the log. A question is open until
something answers it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from itertools import chain
from math import log2
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Memory, MemoryKind, MemoryState, Message, people_in, snowflake
from bot.memories import unflagged
from bot.observe import mentions, message_from_row
from bot.recall.query import RecallQuery
from bot.recall.scope import scope_of
from bot.recall.upcoming import days_of
from bot.storage import PENDING, chunks, citations, memories, messages
from bot.text import mention_token

if TYPE_CHECKING:
    from bot.memories import MemoryStore
    from bot.storage import Database
    from bot.text import FullText

PRESENT_MS = 10 * 60 * 1000
"""Who said something so shortly before asking has only just come back: the time before that counts."""

MOST_MEMORIES = 250
"""Newest memories of a kind that are ranked."""

MOST_PLACES = 1_000
"""Channels that are looked into: of more the newest."""

FEW_PLACES = 20
"""With more, it is faster to go through the memories than through what is cited in these channels."""

MOST_MESSAGES = 25
"""Newest mentions of a member, and newest replies to them."""

REACH_BACK = timedelta(days=30)
"""What was asked of a member or promised by them stays so for as long, whether or not they were there since."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened in channels; of memories those come first that most people and messages stand behind.

    Attributes:
        first: from this snowflake on.
        said: how many messages of the log were said since, counted only where no memory is told.
        waiting: how many of them wait for extraction, so that nothing is remembered from them yet.
        waiting_in: the channels in which they were said.
        topics: what was talked about.
        decisions: what was decided.
        plans: what was planned.
        questions: what was asked and is open still.
    """

    first: int
    said: int | None
    waiting: int
    waiting_in: frozenset[int]
    topics: tuple[Memory, ...]
    decisions: tuple[Memory, ...]
    plans: tuple[Memory, ...]
    questions: tuple[Memory, ...]

    @property
    def memories(self) -> tuple[Memory, ...]:
        """All of them."""
        return (*self.topics, *self.decisions, *self.plans, *self.questions)


@dataclass(frozen=True, slots=True)
class Concerning:
    """What concerns one member, newest first.

    Attributes:
        replies: messages that answer theirs.
        mentions: other messages that mention them.
        asked: open questions, and plans of others, that name them or stand on messages that mention or answer them.
        promised: plans whose speaker they are, that name nobody else, and whose days are not over.
    """

    replies: tuple[Message, ...]
    mentions: tuple[Message, ...]
    asked: tuple[Memory, ...]
    promised: tuple[Memory, ...]


class CatchUp:
    """Looks up what happened."""

    def __init__(self, db: Database, store: MemoryStore, fulltext: FullText) -> None:
        self._db = db
        self._store = store
        self._fulltext = fulltext

    async def last_spoken(self, channel_ids: Collection[int], user_id: int, now: int) -> int | None:
        """The last message of a member in these channels before they came back to them, as far as the log goes.

        `now` is the snowflake of their question.
        """
        before = snowflake.from_ms(snowflake.to_ms(now) - PRESENT_MS)
        theirs = and_(messages.c.author_id == user_id, messages.c.id < before)
        query = select(func.max(messages.c.id)).where(theirs, messages.c.channel_id.in_(_newest(channel_ids)))
        async with self._db.read() as connection:
            newest: int | None = await connection.scalar(query)
        return newest

    async def since(self, channel_ids: Collection[int], first: int, now: int, *, readable: frozenset[int]) -> Happened:
        """What happened from one snowflake to another, of all that cites `readable` channels alone.

        Args:
            channel_ids: where to look; of more than `MOST_PLACES` the newest count.
            first: from there on.
            now: up to there.
            readable: what those who are told may read.
        """
        places = _newest(readable.intersection(channel_ids))
        in_time = and_(messages.c.channel_id.in_(places), messages.c.id.between(first, now))
        pending = select(messages.c.channel_id, func.count().label("messages")).where(PENDING, in_time)
        async with self._db.read() as connection:
            waiting = (await connection.execute(pending.group_by(messages.c.channel_id))).all()
            topics, decisions, plans, questions = [
                _shown(await self._of_kind(connection, kind, places, first, now), readable)
                for kind in (MemoryKind.TOPIC, MemoryKind.DECISION, MemoryKind.PLAN, MemoryKind.QUESTION)
            ]
            said = None
            if not (topics or decisions or plans or questions):
                said = await connection.scalar(select(func.count()).select_from(messages).where(in_time)) or 0
        return Happened(
            first=first,
            said=said,
            waiting=sum(row.messages for row in waiting),
            waiting_in=frozenset(row.channel_id for row in waiting),
            topics=tuple(by_weight(topics)),
            decisions=tuple(by_weight(decisions, topics)),
            plans=tuple(by_weight(plans, topics)),
            questions=tuple(by_weight(questions, topics)),
        )

    async def concerning(
        self,
        user_id: int,
        guild_id: int,
        channel_ids: Collection[int],
        first: int,
        now: int,
        *,
        readable: frozenset[int],
        zone: tzinfo,
    ) -> Concerning:
        """What concerns a member; arguments as of `since`, and the time zone in which a plan's day is over."""
        places = _newest(readable.intersection(channel_ids))
        asked_at = snowflake.to_datetime(now).astimezone(zone)
        back = min(first, snowflake.from_datetime(asked_at - REACH_BACK))
        async with self._db.read() as connection:
            replies = await self._replies(connection, user_id, places, first, now)
            mentioning = await self._mentions(connection, user_id, guild_id, places, first, now)
            plans = await self._of_kind(connection, MemoryKind.PLAN, places, back, now)
            questions = await self._of_kind(connection, MemoryKind.QUESTION, places, back, now)
            promised = await self._of_kind(connection, MemoryKind.PLAN, places, back, now, speaker_id=user_id)
            candidates = [m for m in _shown([*questions, *plans], readable) if user_id not in m.author_ids]
            addressed = await self._addressed(connection, candidates, user_id)
        asked = (
            memory
            for memory in candidates
            if user_id in people_in([memory.text])
            or any(citation.message_id in addressed for citation in memory.stating)
        )
        today = asked_at.date()
        return Concerning(
            replies=tuple(replies),
            mentions=tuple(message for message in mentioning if message not in replies),
            asked=tuple(m for m in asked if not is_over(m, today, zone)),
            promised=tuple(m for m in _shown(promised, readable) if is_of(user_id, m) and not is_over(m, today, zone)),
        )

    async def _of_kind(
        self,
        connection: AsyncConnection,
        kind: MemoryKind,
        places: Collection[int],
        first: int,
        now: int,
        *,
        speaker_id: int | None = None,
    ) -> list[Memory]:
        """The newest memories of a kind that hold, and that were said last in these places at that time."""
        here = and_(citations.c.channel_id.in_(places), ~citations.c.supporting)
        if speaker_id is not None:
            here = and_(here, citations.c.author_id == speaker_id)
        stated: ColumnElement[bool] = exists().where(citations.c.memory_id == memories.c.id, here)
        if len(places) <= FEW_PLACES or speaker_id is not None:
            stated = memories.c.id.in_(select(citations.c.memory_id).where(here))
        cited_there = select(citations.c.memory_id).where(citations.c.channel_id.in_(places)).limit(1)
        guild_id = await connection.scalar(select(memories.c.guild_id).where(memories.c.id.in_(cited_there)))
        newest = select(memories.c.id).where(
            memories.c.guild_id == guild_id,
            memories.c.said_id.between(first, now),
            memories.c.kind == kind,
            memories.c.state == MemoryState.CURRENT,
            stated,
            unflagged(),
        )
        ids = list(await connection.scalars(newest.order_by(memories.c.said_id.desc()).limit(MOST_MEMORIES)))
        by_id = await self._store.load(connection, ids)
        return [by_id[memory_id] for memory_id in ids if memory_id in by_id]

    async def _replies(
        self, connection: AsyncConnection, user_id: int, places: Collection[int], first: int, now: int
    ) -> list[Message]:
        """The newest messages of others that answer a member's."""
        answered = messages.alias("answered")
        query = select(messages).join(answered, answered.c.id == messages.c.reply_to)
        query = query.where(answered.c.author_id == user_id, _from_others(user_id, places, first, now))
        rows = await connection.execute(query.order_by(messages.c.id.desc()).limit(MOST_MESSAGES))
        return [message_from_row(row) for row in rows]

    async def _mentions(
        self, connection: AsyncConnection, user_id: int, guild_id: int, places: Collection[int], first: int, now: int
    ) -> list[Message]:
        """The newest messages of others that mention a member."""
        query = RecallQuery(guild_id=guild_id, text="", channel_ids=frozenset(places), since=first, until=now)
        wanted = [[[mention_token(user_id)]]]
        scope = await scope_of(connection, query)
        (ids,) = await self._fulltext.newest(connection, "messages", scope, wanted, MOST_MEMORIES)
        mentioning = select(messages).where(messages.c.id.in_(ids), _from_others(user_id, places, first, now))
        rows = await connection.execute(mentioning.order_by(messages.c.id.desc()).limit(MOST_MESSAGES))
        return [message_from_row(row) for row in rows]

    async def _addressed(self, connection: AsyncConnection, candidates: Sequence[Memory], user_id: int) -> set[int]:
        """Which of the messages behind memories mention a member or answer them, as far as the log goes."""
        answered = messages.alias("answered")
        replies = exists().where(answered.c.id == messages.c.reply_to, answered.c.author_id == user_id)
        ids: set[int] = set()
        for chunk in chunks(citation.message_id for memory in candidates for citation in memory.stating):
            theirs = and_(messages.c.id.in_(chunk), or_(mentions(messages.c.content, user_id), replies))
            ids |= set(await connection.scalars(select(messages.c.id).where(theirs)))
        return ids


def by_weight(items: Iterable[Memory], talks: Sequence[Memory] = ()) -> list[Memory]:
    """Memories in the order of how many people and messages stand behind them, of equals the newest first.

    Behind a memory stand the messages that state it, and the conversations that these are part of. Each speaker counts
    one, and all messages together as often as their number can be halved: ten people say more than ten messages of one.

    Args:
        items: what is ordered.
        talks: topics, as far as those who are told may read them.
    """
    talk_of: dict[int, list[Memory]] = {}
    for talk in talks:
        for citation in talk.citations:
            talk_of.setdefault(citation.message_id, []).append(talk)

    def weight(memory: Memory) -> tuple[float, int]:
        around = (talk for citation in memory.stating for talk in talk_of.get(citation.message_id, ()))
        own = memory.citations if memory.kind is MemoryKind.TOPIC else memory.stating
        behind = {c.message_id: c.author_id for c in chain(own, *(talk.citations for talk in around))}
        return -(len(set(behind.values())) + log2(1 + len(behind))), -memory.newest.message_id

    return sorted(items, key=weight)


def is_of(user_id: int, plan: Memory) -> bool:
    """Whether a plan that a member spoke of is theirs: it names them, or nobody at all."""
    return user_id in (people := people_in([plan.text])) or not people


def is_over(memory: Memory, today: date, zone: tzinfo) -> bool:
    """Whether all days that a memory tells lie before today; not where it tells none."""
    days = days_of(memory, zone)
    return bool(days) and all(day.last < today for day in days)


def _shown(items: Iterable[Memory], readable: frozenset[int]) -> list[Memory]:
    """Those that stand on readable channels alone, as they may be shown."""
    return [memory.seen_by(readable) for memory in items if memory.channel_ids <= readable]


def _newest(channel_ids: Collection[int]) -> list[int]:
    return sorted(channel_ids, reverse=True)[:MOST_PLACES]


def _from_others(user_id: int, places: Collection[int], first: int, now: int) -> ColumnElement[bool]:
    here = and_(messages.c.channel_id.in_(places), messages.c.id.between(first, now))
    return and_(here, messages.c.author_id != user_id)
