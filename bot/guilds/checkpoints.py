"""How far each channel has been read, beside what was decided about it.

Everything here works inside the caller's transaction: a checkpoint moves together with the messages before it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage import Dialect, channels, upsert


async def add_channels(connection: AsyncConnection, dialect: Dialect, guilds: Mapping[int, int]) -> None:
    """Give every channel (with its guild) a row, so that its checkpoint has a place."""
    rows = [{"channel_id": channel_id, "guild_id": guild_id} for channel_id, guild_id in guilds.items()]
    new = upsert(dialect, channels).on_conflict_do_nothing(index_elements=[channels.c.channel_id])
    await connection.execute(new, rows)


async def move_checkpoints(connection: AsyncConnection, checkpoints: Mapping[int, int]) -> None:
    """Note the snowflakes up to which channels are read; never moves one backwards."""
    for channel_id, up_to in checkpoints.items():
        await connection.execute(
            update(channels)
            .where(channels.c.channel_id == channel_id, channels.c.checkpoint < up_to)
            .values(checkpoint=up_to)
        )
