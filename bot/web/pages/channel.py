"""One channel or thread: thirty days, and what is kept of it."""

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
    """Its figures.

    Raises:
        NotFound: nothing is known of it.
    """
    channel = await services.figures.channel(snowflake_in(request))
    if channel is None:
        raise NotFound("Nothing is known of this channel; choose one under Servers.")
    days = await services.activity.by_day(
        channel.guild_id, days=DAYS, now_ms=services.clock(), channel_id=channel.channel_id
    )
    return WebPage(
        "channel",
        channel_name({channel.channel_id: channel.name}, channel.channel_id),
        {
            "channel": channel,
            "server": server_name(await services.guilds.names(), channel.guild_id),
            "bars": bars(days),
        },
    )
