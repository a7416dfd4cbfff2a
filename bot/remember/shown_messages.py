"""Whether messages may still be shown to a model, or may have been when it was asked."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Message
from bot.guilds import Consents
from bot.storage import messages


async def are_unchanged(connection: AsyncConnection, shown: Sequence[Message]) -> bool:
    """Whether all of these messages are in the log as they were shown."""
    seen = {message.id: message.content for message in shown}
    rows = await connection.execute(select(messages.c.id, messages.c.content).where(messages.c.id.in_(seen)))
    return {row.id: row.content for row in rows} == seen


async def left_out_of(connection: AsyncConnection, shown: Sequence[Message], consents: Consents) -> set[int]:
    """Whose messages among these no model may be shown, as the database has it."""
    seen = {(message.guild_id, message.author_id) for message in shown}
    members = {(guild_id, author_id): consents.hasher.subject(author_id) for guild_id, author_id in seen}
    return {author_id for _, author_id in await consents.left_out_among(connection, members)}
