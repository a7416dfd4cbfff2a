"""One memory: what it says, the messages that it stands on, and what it replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain import Memory, NotFound, jump_url, references, snowflake
from bot.web.pages.names import MemoryLine, channel_name, memory_lines, server_name
from bot.web.rendering import WebPage

if TYPE_CHECKING:
    from aiohttp import web

    from bot.web.services import PageServices

GONE = (
    "This memory is not kept any more, or it is hidden because a member flagged it as wrong; look for others under "
    "Memories."
)

MOST_STATES = 50
"""Of a memory, shown at once, older and newer ones."""

DONE = {"corrected": "Corrected; the new text holds from now on."}


async def memory_of(services: PageServices, memory_id: str) -> Memory:
    """A memory as it is now.

    Raises:
        NotFound: it is gone.
    """
    memory = (await services.store.get([memory_id])).get(memory_id)
    if memory is None:
        raise NotFound(GONE)
    return memory


async def line_of(services: PageServices, memory: Memory) -> MemoryLine:
    """A memory as it is listed."""
    (line,) = await memory_lines(services, memory.guild_id, [memory])
    return line


async def show(services: PageServices, request: web.Request) -> WebPage:
    """A memory in full.

    Raises:
        NotFound: it is gone.
    """
    memory = await memory_of(services, request.match_info["id"])
    guild_id = memory.guild_id
    older = (await services.store.before([memory.id], readable=None)).get(memory.id, [])
    doubt = memory.doubt
    return WebPage(
        "memory",
        "Memory",
        {
            "line": await line_of(services, memory),
            "memory": memory,
            "server": server_name(await services.guilds.names(), guild_id),
            "sources": await _sources(services, memory),
            "newer": await memory_lines(services, guild_id, await _newer(services, memory)),
            "older": await memory_lines(services, guild_id, older[:MOST_STATES]),
            "doubt": None if doubt is None else jump_url(guild_id, doubt.channel_id, doubt.message_id),
            "done": DONE.get(request.query.get("done", "")),
        },
    )


async def _newer(services: PageServices, memory: Memory) -> list[Memory]:
    """What replaced a memory, and what replaced that, oldest first."""
    newer: list[Memory] = []
    while memory.superseded_by is not None and len(newer) < MOST_STATES:
        successor = (await services.store.get([memory.superseded_by])).get(memory.superseded_by)
        if successor is None:
            break
        newer.append(memory := successor)
    return newer


async def _sources(services: PageServices, memory: Memory) -> list[dict[str, object]]:
    """The messages that a memory stands on, oldest first; with their words as long as the log has them."""
    messages = await services.log.get([citation.message_id for citation in memory.citations])
    people = {citation.author_id for citation in memory.citations}
    people |= references.people_in(message.content for message in messages.values())
    names = await services.directory.names(memory.guild_id, people)
    channels = await services.directory.channels(memory.guild_id, memory.channel_ids)
    return [
        {
            "speaker": names.get(citation.author_id, references.SOMEBODY),
            "channel": channel_name(channels, citation.channel_id),
            "at": snowflake.to_datetime(citation.message_id),
            "url": jump_url(memory.guild_id, citation.channel_id, citation.message_id),
            "supporting": citation.supporting,
            "content": references.with_names(messages[citation.message_id].content, names)
            if citation.message_id in messages
            else None,
        }
        for citation in memory.citations
    ]
