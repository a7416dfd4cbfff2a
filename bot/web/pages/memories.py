"""What is remembered of a server: topics and all other kinds, by kind, words and channel, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from bot.domain import MemoryKind, snowflake
from bot.guilds import kind_name
from bot.web.pages.names import channel_name, memory_lines, server_name
from bot.web.rendering import WebPage

if TYPE_CHECKING:
    from aiohttp import web

    from bot.memories import MemoryPage
    from bot.web.services import PageServices

PER_PAGE = 25
MOST_PAGES = 1_000_000
MOST_WORDS = 200
"""Characters of the words that are looked for."""

DONE = {"forgotten": "Forgotten; nothing of that memory is kept."}


@dataclass(frozen=True, slots=True)
class MemoryQuery:
    """What is looked for, as the address has it.

    Attributes:
        guild_id: the server.
        kind: only memories of this kind.
        words: only memories with all of these words, in any form.
        channel_id: only memories that cite this channel alone.
        page: from 1 on.
    """

    guild_id: int
    kind: MemoryKind | None = None
    words: str = ""
    channel_id: int | None = None
    page: int = 1

    @property
    def is_narrowed(self) -> bool:
        """Whether not all memories of the server are asked for."""
        return bool(self.kind or self.words or self.channel_id)

    def link(self, page: int) -> str:
        """The address of another page of the same."""
        given = {
            "server": self.guild_id,
            "kind": self.kind,
            "words": self.words,
            "channel": self.channel_id,
            "page": page,
        }
        return "/memories?" + urlencode({name: value for name, value in given.items() if value})


async def show(services: PageServices, request: web.Request) -> WebPage:
    """One page of the memories that hold, newest first."""
    names = await services.guilds.names()
    servers = [(figures.guild_id, server_name(names, figures.guild_id)) for figures in await services.figures.servers()]
    wanted = _wanted(request.query, servers[0][0] if servers else 0)
    stored = await _load(services, wanted)
    pages = max(1, -(-stored.total // PER_PAGE))
    if wanted.page > pages:  # the last one is shown where there are not so many
        wanted = replace(wanted, page=pages)
        stored = await _load(services, wanted)
    channel = None
    if wanted.channel_id is not None:
        known = await services.directory.channels(wanted.guild_id, [wanted.channel_id])
        channel = channel_name(known, wanted.channel_id)
    return WebPage(
        "memories",
        "Memories",
        {
            "wanted": wanted,
            "servers": servers,
            "kinds": [(kind.value, kind_name(kind)) for kind in MemoryKind],
            "channel": channel,
            "lines": await memory_lines(services, wanted.guild_id, stored.items),
            "total": stored.total,
            "pages": pages,
            "done": DONE.get(request.query.get("done", "")),
        },
    )


async def _load(services: PageServices, wanted: MemoryQuery) -> MemoryPage:
    return await services.browse.page(
        wanted.guild_id,
        readable=None if wanted.channel_id is None else frozenset({wanted.channel_id}),
        kinds=tuple(MemoryKind) if wanted.kind is None else (wanted.kind,),
        words=wanted.words,
        offset=(wanted.page - 1) * PER_PAGE,
        limit=PER_PAGE,
    )


def _wanted(query: Mapping[str, str], default_guild_id: int) -> MemoryQuery:
    """What is looked for; whatever can't be understood is left out."""
    kinds = {kind.value: kind for kind in MemoryKind}
    return MemoryQuery(
        guild_id=_number(query.get("server", "")) or default_guild_id,
        kind=kinds.get(query.get("kind", "")),
        words=query.get("words", "").strip()[:MOST_WORDS],
        channel_id=_number(query.get("channel", "")),
        page=min(max(1, _number(query.get("page", "")) or 1), MOST_PAGES),
    )


def _number(text: str) -> int | None:
    """A number that a database has room for; None for anything else."""
    with suppress(ValueError):
        return snowflake.parse(text)
    return None
