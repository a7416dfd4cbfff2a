"""Names of servers and channels, and memories with the names in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain import Memory, NotFound, jump_url, references, snowflake

if TYPE_CHECKING:
    from aiohttp import web

    from bot.web.services import PageServices


@dataclass(frozen=True, slots=True)
class MemoryLine:
    """A memory as it is listed.

    Attributes:
        text: with names in it.
        speakers: their names.
        channel: name of the channel where it was said last.
        url: of the message to jump to.
    """

    memory: Memory
    text: str
    speakers: Sequence[str]
    channel: str
    url: str


def snowflake_in(request: web.Request) -> int:
    """The id in the path of a request.

    Raises:
        NotFound: it can be none.
    """
    try:
        return snowflake.parse(request.match_info["id"])
    except ValueError:
        raise NotFound("There is no such id; choose a page above.") from None


def server_name(names: Mapping[int, str], guild_id: int) -> str:
    """A server's name, or its id where it is not known."""
    return names.get(guild_id) or f"server {guild_id}"


def channel_name(names: Mapping[int, str], channel_id: int) -> str:
    """A channel's name, or its id where it is not known."""
    return f"#{names.get(channel_id) or channel_id}"


async def memory_lines(services: PageServices, guild_id: int, memories: Sequence[Memory]) -> list[MemoryLine]:
    """Memories of one server as they are listed."""
    people = {id_ for memory in memories for id_ in memory.author_ids} | references.people_in(m.text for m in memories)
    names = await services.directory.names(guild_id, people)
    channels = await services.directory.channels(guild_id, {memory.channel_id for memory in memories})
    return [
        MemoryLine(
            memory,
            references.with_names(memory.text, names),
            [names.get(author_id, references.SOMEBODY) for author_id in memory.author_ids],
            channel_name(channels, memory.channel_id),
            jump_url(guild_id, memory.anchor.channel_id, memory.anchor.message_id),
        )
        for memory in memories
    ]
