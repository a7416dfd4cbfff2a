"""What public posts stand on, and in which cases that is lost or is to be erased.

The conditions are about rows of `posts`, or of `post_sources` joined with them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Row, and_, exists, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Hit, Memory, event_url, jump_url
from bot.memories import FlagState
from bot.storage import (
    ErasureLine,
    LineKind,
    citations,
    corrections,
    flags,
    memories,
    messages,
    post_people,
    post_sources,
    posts,
)

if TYPE_CHECKING:
    from bot.storage import Scope

QUOTED = ""
"""In place of a memory's id: the message itself is quoted."""

OF_SERVER = 0
"""In place of a channel: an event of the server, which everybody in it sees."""


@dataclass(frozen=True, slots=True)
class Post:
    """A message of the bot that everybody in its channel sees, or an event that everybody in the server sees.

    Attributes:
        message_id: of the message, or of the event.
        channel_id: where it is, or `OF_SERVER`.
        covers_ms: the begin of the time that its lines tell of; None where it does not consist of lines.
    """

    message_id: int
    guild_id: int
    channel_id: int
    covers_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Glance:
    """How sources stood just before they were read: what changes after that shows.

    Attributes:
        at_ms: the local time.
        edited_ms: message to the time of its last edit; 0 where there was none.
    """

    at_ms: int
    edited_ms: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class PostSource:
    """What a post stands on: a quoted message, or one that a shown memory cites or is doubted because of.

    Attributes:
        memory_id: the memory; empty where the message itself is quoted.
        line: the place of its line, in a post that consists of lines.
    """

    message_id: int
    channel_id: int
    memory_id: str = QUOTED
    line: int = 0


def sources_of(hits: Collection[Hit]) -> frozenset[PostSource]:
    """What shows when these hits are shown."""
    sources: set[PostSource] = set()
    for hit in hits:
        if hit.memory is None:
            sources |= {PostSource(message_id, hit.anchor_channel_id) for message_id in hit.message_ids}
        else:
            sources |= _sources_of(hit.memory)
    return frozenset(sources)


def lines_of(shown: Sequence[Memory]) -> frozenset[PostSource]:
    """What shows when each of these memories is a line, in this order."""
    return frozenset(source for line, memory in enumerate(shown) for source in _sources_of(memory, line))


def _sources_of(memory: Memory, line: int = 0) -> set[PostSource]:
    sources = {PostSource(c.message_id, c.channel_id, memory.id, line) for c in memory.citations}
    if (doubt := memory.doubt) is not None:
        sources.add(PostSource(doubt.message_id, doubt.channel_id, memory.id, line))
    return sources


def is_lost() -> ColumnElement[bool]:
    """Sources that are gone, or were changed after they were posted."""
    quoted = post_sources.c.memory_id == QUOTED
    is_logged = exists().where(messages.c.id == post_sources.c.message_id)
    edited = exists().where(messages.c.id == post_sources.c.message_id, messages.c.edited_ms > post_sources.c.edited_ms)
    cited = exists().where(
        citations.c.memory_id == post_sources.c.memory_id, citations.c.message_id == post_sources.c.message_id
    )
    doubted = exists().where(
        memories.c.id == post_sources.c.memory_id, memories.c.doubt_message_id == post_sources.c.message_id
    )
    corrected = exists().where(
        corrections.c.memory_id == post_sources.c.memory_id, corrections.c.corrected_ms >= posts.c.posted_ms
    )
    remembered = or_(and_(~cited, ~doubted), corrected, _is_objected_to())
    return or_(and_(quoted, or_(~is_logged, edited)), and_(~quoted, remembered))


def _is_objected_to() -> ColumnElement[bool]:
    """Whether a memory is hidden, or a name was taken out of it since; posts of lines are edited for the latter."""
    of_memory = flags.c.memory_id == post_sources.c.memory_id
    since = and_(flags.c.state == FlagState.NAMELESS, flags.c.decided_ms >= posts.c.posted_ms)
    return exists().where(of_memory, or_(flags.c.state == FlagState.OPEN, and_(posts.c.covers_ms.is_(None), since)))


def posts_meant(scope: Scope) -> ColumnElement[bool]:
    """Posts that quote, name or answer what is in scope."""
    conditions = [in_guild(scope.guild_id)]
    sources = select(post_sources.c.post_id)
    if scope.user_id is not None:
        theirs = select(post_people.c.post_id).where(post_people.c.user_id == scope.user_id)
        conditions.append(posts.c.message_id.in_(theirs))
    if scope.channel_ids is not None:
        from_there = sources.where(post_sources.c.channel_id.in_(scope.channel_ids))
        conditions.append(or_(posts.c.channel_id.in_(scope.channel_ids), posts.c.message_id.in_(from_there)))
    if scope.message_ids is not None:
        of_these = sources.where(post_sources.c.message_id.in_(scope.message_ids))
        conditions.append(or_(posts.c.asked_id.in_(scope.message_ids), posts.c.message_id.in_(of_these)))
    return and_(*conditions)


def lines_meant(scope: Scope) -> ColumnElement[bool]:
    """Sources of lines that are in scope, where that is no member, or in a post that is."""
    conditions = [in_guild(scope.guild_id)]
    if scope.channel_ids is not None:
        places = (posts.c.channel_id, post_sources.c.channel_id)
        conditions.append(or_(*(place.in_(scope.channel_ids) for place in places)))
    if scope.message_ids is not None:
        conditions.append(post_sources.c.message_id.in_(scope.message_ids))
    return and_(*conditions)


def in_guild(guild_id: int | None) -> ColumnElement[bool]:
    """Posts in one server or (None) in any."""
    return true() if guild_id is None else posts.c.guild_id == guild_id


async def lines_in(connection: AsyncConnection, post: Post) -> list[str]:
    """The memories that a post consists of, in order."""
    query = select(post_sources.c.memory_id, post_sources.c.line).where(post_sources.c.post_id == post.message_id)
    rows = await connection.execute(query.distinct().order_by(post_sources.c.line))
    return [row.memory_id for row in rows]


def link_of(row: Row[Any]) -> str:
    """The address of a post, or of an event, by its row."""
    if row.channel_id == OF_SERVER:
        return event_url(row.guild_id, row.message_id)
    return jump_url(row.guild_id, row.channel_id, row.message_id)


def line_of_post(post: Post, at_ms: int) -> ErasureLine:
    """By which an earlier state of the database learns of a post."""
    return ErasureLine(
        kind=LineKind.POST,
        at_ms=at_ms,
        guild_id=post.guild_id,
        channel_id=post.channel_id,
        message_id=post.message_id,
    )
