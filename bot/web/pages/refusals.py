"""How many statements of the model were not kept, by reason. What they said is stored nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.operate import DAYS
from bot.web.pages.names import server_name
from bot.web.rendering import WebPage

if TYPE_CHECKING:
    from aiohttp import web

    from bot.web.services import PageServices

DAY_MS = 86_400_000


async def show(services: PageServices, _: web.Request) -> WebPage:
    """The last thirty days of each server that has any, the most frequent reason first."""
    names = await services.guilds.names()
    since_ms = services.clock() - (DAYS - 1) * DAY_MS
    servers = []
    for figures in await services.figures.servers():
        counts = await services.refusals.by_reason(figures.guild_id, since_ms=since_ms)
        if counts:
            ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            reasons = [(reason.replace("_", " "), count) for reason, count in ranked]
            servers.append((figures.guild_id, server_name(names, figures.guild_id), reasons))
    return WebPage("refusals", "Refusals", {"servers": servers, "days": DAYS})
