"""What happened in a channel and its threads since somebody was there: decisions, plans, and open questions.

It needs no model: memories are taken by their kind, and whether a question is open is read off the log.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from bot.domain import Memory, MemoryKind, MemoryState, Message, MessageState, snowflake
from bot.observe import message_from_row
from bot.remember import lexicon
from bot.storage import citations, memories, messages
from bot.text import is_filler, own_words, question_terms, terms

if TYPE_CHECKING:
    from bot.memories import MemoryStore
    from bot.storage import Database

PRESENT_MS = 10 * 60 * 1000
"""Who said something so shortly before asking has only just come back: the time before that counts."""

MOST_MEMORIES = 50
"""Newest memories of a kind that are looked at; one screen shows fewer."""

MOST_PLACES = 1_000
"""Channels that are looked into: one, and its newest threads."""

MOST_MESSAGES = 2_000
"""Newest messages in which open questions are looked for: some days of a busy channel."""

ANSWERED_WITHIN = 20
"""Messages after a question in which its answer is looked for, unless it is a reply."""

AT_ONCE_MS = 5 * 60 * 1000
"""What somebody else says next within this time is taken for the answer, whatever its words."""

_SENTENCE = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_SETTLED = re.compile(
    r"\b(?:thanks|thank you|thx|ty|nvm|never ?mind|solved|fixed it|found it|got it|works now|danke|merci|gracias)\b",
    re.IGNORECASE,
)


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
    questions: tuple[Message, ...]

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self.decisions or self.plans or self.questions)


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
            found: int | None = await connection.scalar(query)
        return found

    async def since(self, channel_ids: Collection[int], first: int, now: int, *, readable: frozenset[int]) -> Happened:
        """What happened from one snowflake to another, of all that cites `readable` channels alone.

        Args:
            channel_ids: a channel and its threads; of more than `MOST_PLACES` the newest count.
            first: from there on.
            now: up to there.
            readable: what the asker may read.
        """
        places = sorted(readable.intersection(channel_ids), reverse=True)[:MOST_PLACES]
        said = and_(messages.c.channel_id.in_(places), messages.c.id.between(first, now))
        here = select(messages).where(said)
        states = select(messages.c.state, func.count().label("messages")).where(said)
        async with self._db.read() as connection:
            rows = (await connection.execute(here.order_by(messages.c.id.desc()).limit(MOST_MESSAGES))).all()
            counts = {row.state: row.messages for row in await connection.execute(states.group_by(messages.c.state))}
        return Happened(
            first=first,
            said=sum(counts.values()),
            waiting=counts.get(MessageState.PENDING, 0),
            decisions=await self._of_kind(MemoryKind.DECISION, places, first, now, readable),
            plans=await self._of_kind(MemoryKind.PLAN, places, first, now, readable),
            questions=_open_in_each([message_from_row(row) for row in reversed(rows)]),
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
                memories.c.kind == kind,
                memories.c.state == MemoryState.CURRENT,
            )
            .distinct()
        )
        newest = select(memories.c.id).where(memories.c.id.in_(query)).order_by(memories.c.said_id.desc())
        async with self._db.read() as connection:
            ids = list(await connection.scalars(newest.limit(MOST_MEMORIES)))
        found = await self._store.get(ids)
        return tuple(found[i] for i in ids if i in found and found[i].channel_ids <= readable)


def _open_in_each(said: Sequence[Message]) -> tuple[Message, ...]:
    """The open questions of several channels, newest first; an answer stands in the channel of its question."""
    by_channel: defaultdict[int, list[Message]] = defaultdict(list)
    for message in said:
        by_channel[message.channel_id].append(message)
    found = chain.from_iterable(open_questions(conversation) for conversation in by_channel.values())
    return tuple(sorted(found, key=lambda message: message.id, reverse=True))


def open_questions(said: Sequence[Message]) -> list[Message]:
    """The questions that nobody seems to have answered, oldest first.

    Args:
        said: messages of one channel, oldest first.
    """
    return [
        message
        for place, message in enumerate(said)
        if asks(message.content) and not _is_answered(message, said[place + 1 :])
    ]


def asks(content: str) -> bool:
    """Whether a message asks something that has to do with anything: a bare "really?" does not."""
    sentences = [sentence for sentence in _SENTENCE.split(own_words(content)) if sentence]
    return any(
        lexicon.QUESTION.search(one) and len(question_terms(one)) > 1 and not is_filler(one) for one in sentences
    )


def _is_answered(question: Message, after: Sequence[Message]) -> bool:
    if any(one.reply_to == question.id and _tells(one, question) for one in after):
        return True
    wanted = frozenset(terms(own_words(question.content)))
    mention = f"<@{question.author_id}>"
    for place, one in enumerate(after[:ANSWERED_WITHIN]):
        if one.author_id == question.author_id:
            if _SETTLED.search(one.content):
                return True
            continue
        at_once = place == 0 and snowflake.to_ms(one.id) - snowflake.to_ms(question.id) <= AT_ONCE_MS
        about_it = mention in one.content or not wanted.isdisjoint(terms(own_words(one.content)))
        if _tells(one, question) and one.reply_to in (None, question.id) and (at_once or about_it):
            return True
    return False


def _tells(one: Message, question: Message) -> bool:
    """Whether somebody else says something that is no question itself."""
    return one.author_id != question.author_id and not asks(one.content) and not is_filler(own_words(one.content))
