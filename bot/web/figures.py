"""Counts of servers and channels, read from the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, distinct, func, or_, select, union

from bot.domain import MemoryState, MessageState
from bot.storage import channels, citations, guilds, memories, messages

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement, Row, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.storage import Database

_WAITS = and_(messages.c.state == MessageState.PENDING, messages.c.reason.is_(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFigures:
    """What is kept of a server now.

    Attributes:
        channels: channels and threads that are known.
        memories: those that hold.
    """

    guild_id: int
    channels: int
    messages: int
    memories: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFigures:
    """What is kept of a channel or thread now.

    Attributes:
        observed: None where nobody decided: a public thread then follows its parent.
        waiting: messages of which no memories were made yet.
        oldest_ms: when the oldest of them came in, in milliseconds since 1970.
        memories: those that hold and cite it.
    """

    guild_id: int
    channel_id: int
    name: str
    parent_id: int | None
    observed: bool | None
    messages: int
    waiting: int
    oldest_ms: int | None
    memories: int


class Figures:
    """Counts what is kept."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def servers(self) -> list[ServerFigures]:
        """Every server of which anything is known, by id."""
        tables = (guilds, channels, messages, memories)
        known = union(*(select(table.c.guild_id) for table in tables))
        places = select(channels.c.guild_id, func.count()).group_by(channels.c.guild_id)
        kept = select(messages.c.guild_id, func.count()).group_by(messages.c.guild_id)
        held = select(memories.c.guild_id, func.count()).where(memories.c.state == MemoryState.CURRENT)
        held = held.group_by(memories.c.guild_id)
        async with self._db.read() as connection:
            ids = sorted(await connection.scalars(known))
            by_channels, by_messages, by_memories = [await _by_id(connection, query) for query in (places, kept, held)]
        return [
            ServerFigures(
                guild_id=guild_id,
                channels=by_channels.get(guild_id, 0),
                messages=by_messages.get(guild_id, 0),
                memories=by_memories.get(guild_id, 0),
            )
            for guild_id in ids
        ]

    async def channels(self, guild_id: int) -> list[ChannelFigures]:
        """Every channel and thread of a server of which anything is known, by name; threads follow their parents."""
        figures = await self._channels(messages.c.guild_id == guild_id, channels.c.guild_id == guild_id)
        names = {channel.channel_id: channel.name for channel in figures}

        def place(channel: ChannelFigures) -> tuple[str, int, bool, str, int]:
            parent = channel.parent_id or channel.channel_id
            return names.get(parent, ""), parent, channel.parent_id is not None, channel.name, channel.channel_id

        return sorted(figures, key=place)

    async def channel(self, channel_id: int) -> ChannelFigures | None:
        """A channel or thread; None where nothing is known of it."""
        figures = await self._channels(messages.c.channel_id == channel_id, channels.c.channel_id == channel_id)
        return next(iter(figures), None)

    async def waiting(self) -> list[ChannelFigures]:
        """Channels with messages that wait, in all servers, the longest wait first."""
        figures = await self._channels(_WAITS, None)
        return sorted(figures, key=lambda channel: (channel.oldest_ms or 0, channel.channel_id))

    async def _channels(self, counted: ColumnElement[bool], known: ColumnElement[bool] | None) -> list[ChannelFigures]:
        """Channels with the messages that are counted, and (unless None) those that are known anyway."""
        waits, oldest = func.sum(case((_WAITS, 1), else_=0)), func.min(case((_WAITS, messages.c.logged_ms)))
        of_messages = (
            select(
                messages.c.channel_id,
                func.min(messages.c.guild_id).label("guild_id"),
                func.count().label("messages"),
                waits.label("waiting"),
                oldest.label("oldest_ms"),
            )
            .where(counted)
            .group_by(messages.c.channel_id)
        )
        async with self._db.read() as connection:
            kept = {row.channel_id: row for row in await connection.execute(of_messages)}
            named = channels.c.channel_id.in_(kept)
            rows = await connection.execute(select(channels).where(named if known is None else or_(known, named)))
            places = {row.channel_id: row for row in rows}
            held = await _memories(connection, {row.guild_id for row in places.values()}) if known is not None else {}
        ids = kept.keys() | places.keys()
        return [_figures(id_, places.get(id_), kept.get(id_), held.get(id_, 0)) for id_ in ids]


async def _memories(connection: AsyncConnection, guild_ids: Collection[int]) -> dict[int, int]:
    """How many memories of servers cite each channel."""
    cited = select(citations.c.channel_id, func.count(distinct(citations.c.memory_id))).join(memories)
    held = cited.where(memories.c.state == MemoryState.CURRENT, memories.c.guild_id.in_(guild_ids))
    return await _by_id(connection, held.group_by(citations.c.channel_id))


async def _by_id(connection: AsyncConnection, query: Select[int, int]) -> dict[int, int]:
    """Ids with their counts."""
    return {row[0]: row[1] for row in await connection.execute(query)}


def _figures(channel_id: int, place: Row[Any] | None, kept: Row[Any] | None, held: int) -> ChannelFigures:
    return ChannelFigures(
        guild_id=(place or kept).guild_id,  # type: ignore[union-attr]  # one of them is there
        channel_id=channel_id,
        name=place.name if place else "",
        parent_id=place.parent_id if place else None,
        observed=place.observed if place else None,
        messages=kept.messages if kept else 0,
        waiting=int(kept.waiting) if kept else 0,
        oldest_ms=kept.oldest_ms if kept else None,
        memories=held,
    )
