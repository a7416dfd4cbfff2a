"""All servers, with what is kept of each and what came in lately."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.operate import GuildTraffic
from bot.web.pages.names import server_name
from bot.web.rendering import WebPage

if TYPE_CHECKING:
    from aiohttp import web

    from bot.web.services import PageServices


async def show(services: PageServices, _: web.Request) -> WebPage:
    """Every server of which anything is known, by name."""
    names = await services.guilds.names()
    traffic = {of.guild_id: of for of in await services.traffic.by_guild()}
    servers = [
        {
            "id": figures.guild_id,
            "name": server_name(names, figures.guild_id),
            "figures": figures,
            "traffic": traffic.get(figures.guild_id, GuildTraffic(figures.guild_id)),
        }
        for figures in await services.figures.servers()
    ]
    return WebPage(
        "servers", "Servers", {"servers": sorted(servers, key=lambda server: str(server["name"]).casefold())}
    )
