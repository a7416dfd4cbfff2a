"""Where the full text is searched for somebody."""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.recall.query import RecallQuery
from bot.storage import channels
from bot.text import CHANNELS_IN_MATCH, SearchScope


async def scope_of(connection: AsyncConnection, query: RecallQuery) -> SearchScope:
    """Where to look, in the way that costs the full-text index least."""
    theirs = channels.c.guild_id == query.guild_id
    others = await connection.scalar(select(exists().where(~theirs)))
    hidden = None
    if query.channel_ids is not None and len(query.channel_ids) > CHANNELS_IN_MATCH:
        hidden = frozenset(await connection.scalars(select(channels.c.channel_id).where(theirs))) - query.channel_ids
    return SearchScope(
        guild_id=query.guild_id,
        sole=not others,
        channel_ids=query.channel_ids,
        hidden_ids=hidden,
        author_id=query.author_id,
        since=query.since,
        until=query.until,
    )
