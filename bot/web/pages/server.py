"""One server: thirty days, and its channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain import NotFound
from bot.operate import DAYS
from bot.web.pages.chart import bars
from bot.web.pages.names import channel_name, server_name, snowflake_in
from bot.web.rendering import WebPage

if TYPE_CHECKING:
    from aiohttp import web

    from bot.web.services import PageServices


async def show(services: PageServices, request: web.Request) -> WebPage:
    """Its figures, channel by channel.

    Raises:
        NotFound: nothing is known of it.
    """
    guild_id = snowflake_in(request)
    names, channels = await services.guilds.names(), await services.figures.channels(guild_id)
    if guild_id not in names and not channels:
        raise NotFound("Nothing is known of this server; choose one under Servers.")
    days = await services.activity.by_day(guild_id, days=DAYS, now_ms=services.clock())
    by_id = {channel.channel_id: channel.name for channel in channels}
    return WebPage(
        "server",
        server_name(names, guild_id),
        {
            "guild_id": guild_id,
            "bars": bars(days),
            "channels": [(channel, channel_name(by_id, channel.channel_id)) for channel in channels],
        },
    )
