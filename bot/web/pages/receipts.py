"""Erasures that were asked for in the last day, and what came of them: counts, and no id of a member."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.web.pages.names import channel_name, server_name
from bot.web.rendering import WebPage

if TYPE_CHECKING:
    from aiohttp import web

    from bot.web.services import PageServices


async def show(services: PageServices, _: web.Request) -> WebPage:
    """All of them, the newest first."""
    names = await services.guilds.names()
    receipts = []
    for entry in await services.requests.recent():
        where = "all servers" if entry.guild_id is None else server_name(names, entry.guild_id)
        if entry.channel_id is not None and entry.guild_id is not None:
            known = await services.directory.channels(entry.guild_id, [entry.channel_id])
            where = f"{channel_name(known, entry.channel_id)}, {where}"
        receipts.append((entry, where))
    return WebPage("receipts", "Receipts", {"receipts": receipts})
