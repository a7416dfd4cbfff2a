"""What waits: messages by channel, what is held up and why, and what could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.web.pages.names import channel_name, server_name
from bot.web.rendering import WebPage

if TYPE_CHECKING:
    from aiohttp import web

    from bot.web.services import PageServices

SHOWN = 100
"""Of channels and of messages; the counts are of all."""


async def show(services: PageServices, _: web.Request) -> WebPage:
    """The queue of all servers, the longest wait first."""
    names, now_ms = await services.guilds.names(), services.clock()
    channels, letters = await services.figures.waiting(), await services.dead.letters()
    waiting = [
        {
            "id": channel.channel_id,
            "name": channel_name({channel.channel_id: channel.name}, channel.channel_id),
            "server": server_name(names, channel.guild_id),
            "messages": channel.waiting,
            "seconds": max(0, now_ms - (channel.oldest_ms or now_ms)) / 1000,
        }
        for channel in channels[:SHOWN]
    ]
    return WebPage(
        "queue",
        "Queue",
        {
            "waiting": waiting,
            "messages": sum(channel.waiting for channel in channels),
            "channels": len(channels),
            "delays": (await services.delays.look()).lines,
            "letters": letters[:SHOWN],
            "dead": len(letters),
            "names": {letter.guild_id: server_name(names, letter.guild_id) for letter in letters[:SHOWN]},
        },
    )
