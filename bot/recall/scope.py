"""Where the full text is searched for somebody."""

from __future__ import annotations

from sqlalchemy import String, cast, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.recall.query import RecallQuery
from bot.storage import channels
from bot.text import CHANNELS_IN_MATCH, SearchScope


async def scope_of(connection: AsyncConnection, query: RecallQuery) -> SearchScope:
    """Where to look, in the way that costs the full-text index least."""
    theirs = channels.c.guild_id == query.guild_id
    others = exists().where(~theirs)
    if query.channel_ids is None or len(query.channel_ids) <= CHANNELS_IN_MATCH:
        hidden, sole = None, not await connection.scalar(select(others))
    else:
        ids = func.aggregate_strings(cast(channels.c.channel_id, String), ",")
        has_others, known = (
            await connection.execute(select(others, select(ids).where(theirs).scalar_subquery()))
        ).one()
        hidden, sole = frozenset(map(int, known.split(",") if known else ())) - query.channel_ids, not has_others
    return SearchScope(
        guild_id=query.guild_id,
        sole=sole,
        channel_ids=query.channel_ids,
        hidden_ids=hidden,
        author_id=query.author_id,
        since=query.since,
        until=query.until,
    )
