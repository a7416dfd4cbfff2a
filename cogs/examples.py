"""Examples of what can be asked, made of topics of conversations that may be shown, or else fixed ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import discord

from bot.domain import Hit, MemoryKind
from bot.recall import Presenter, Reading, memory_hit
from cogs import texts
from cogs.names import names_for
from cogs.rendering import safe

if TYPE_CHECKING:
    from bot.observe import Directory
    from bot.recall import Browse

TOPIC_CHARS = 120
"""Of a topic in an example: two lines on a phone."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question, ready to be shown.

    Attributes:
        text: Discord Markdown.
        hit: the topic that it is made of; None of a fixed one.
    """

    text: str
    hit: Hit | None = None


class Examples:
    """Makes examples of the newest topics."""

    def __init__(self, browse: Browse, presenter: Presenter, directory: Directory) -> None:
        self._browse = browse
        self._presenter = presenter
        self._directory = directory

    async def of(self, guild: discord.Guild, reading: Reading) -> Sequence[Example]:
        """One for each sentence that asks for a topic, from what may be read; fixed ones where there is no topic.

        Args:
            guild: the server.
            reading: tells what the readers may read at that moment.
        """

        async def read(_: frozenset[int]) -> list[Hit]:
            readable = await reading()
            wanted = (MemoryKind.TOPIC,)
            page = await self._browse.page(guild.id, readable=readable, kinds=wanted, limit=len(texts.TOPIC_QUESTIONS))
            return [memory_hit(memory) for memory in page.items]

        hits = (await self._presenter.present(guild.id, read)).items
        names = await names_for(guild, self._directory, (), [hit.text for hit in hits])
        made = [
            Example(question(topic=safe(hit.text, names, limit=TOPIC_CHARS)), hit)
            for question, hit in zip(texts.TOPIC_QUESTIONS, hits, strict=False)
        ]
        return made or [Example(question) for question in texts.FIXED_QUESTIONS]
