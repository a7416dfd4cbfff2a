"""Memories of one kind of interest to a member, page by page, compared with Discord before they are shown."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import discord

from bot.domain import Memory, MemoryState, jump_url
from bot.memories import Asker, MemoryPage
from bot.recall import Matched, Presenter
from cogs import texts
from cogs.access import Access
from cogs.hits import doubt_of, kind_of
from cogs.languages import language_of
from cogs.memory_filter import MemoryFilter
from cogs.names import names_for
from cogs.rendering import ago, safe
from cogs.views.choices import Offer
from cogs.views.pages import ITEM_CHARS, Page, PageItem

if TYPE_CHECKING:
    from bot.languages import Language
    from bot.observe import Directory

Interaction = discord.Interaction[Any]

PER_PART = 4
"""Eight components each with two or three buttons; with frame and paging below Discord's limit of 40."""

QUOTE_CHARS = 160
"""How much of what a member said is shown below a memory about themselves."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown with the memories of a page.

    Attributes:
        quotes: by memory, what their members said, where the memory says it in other words.
        offers: by memory, what may be chosen about it.
        own: memories that the asker may forget.
        correctable: memories that the asker may put right.
        notes: one line each, below the memories.
    """

    quotes: Mapping[str, str] = field(default_factory=dict)
    offers: Mapping[str, tuple[Offer, ...]] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    correctable: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


class MemoryPages(ABC):
    """Memories in pages; what the asker can't read now is left out.

    Attributes:
        empty: said where there is none.
        wanted: which of them are asked for.
    """

    empty: str

    def __init__(self, directory: Directory, access: Access, presenter: Presenter, wanted: MemoryFilter) -> None:
        self._directory = directory
        self._access = access
        self._presenter = presenter
        self.wanted = wanted

    @abstractmethod
    async def load(self, asker: Asker, readable: frozenset[int], number: int) -> MemoryPage:
        """The memories of a page, of those that stand on what the asker reads and asks for."""

    @abstractmethod
    async def shown(self, asker: Asker, memories: Sequence[Memory]) -> Shown:
        """What is shown with memories that may be shown."""

    @abstractmethod
    def title(self, total: int) -> str:
        """What stands above the memories."""

    async def page(self, interaction: Interaction, number: int) -> Page:
        """One page, as it is now."""
        asker = await self._access.asker(interaction)
        stored = MemoryPage((), 0)

        async def read(_: frozenset[int]) -> Sequence[Memory]:
            nonlocal asker, stored, number
            asker = await self._access.asker(interaction)
            stored = await self._load(asker, number)
            pages = -(-stored.total // PER_PART)
            if number >= pages > 0:
                number = pages - 1
                stored = await self._load(asker, number)
            return stored.items

        presented = await self._presenter.present(asker.guild_id, read)
        shown = await self.shown(asker, presented.items)
        names: dict[int, str] = {}
        if interaction.guild is not None:
            texts_shown = [*(memory.text for memory in presented.items), *shown.quotes.values()]
            names = await names_for(interaction.guild, self._directory, (), texts_shown, language_of(interaction))
            names[asker.user_id] = interaction.user.display_name
        bold, language = Matched(self.wanted.words), language_of(interaction)
        return Page(
            title=f"### {language.translated(self.title(stored.total))}",
            items=tuple(_item(memory, shown, names, bold, language) for memory in presented.items),
            notes=(*shown.notes, *([texts.NOT_COMPARED] if presented.incomplete else [])),
            number=number,
            pages=-(-stored.total // PER_PART),
            empty=texts.NONE_SUCH if self.wanted.is_narrowed else self.empty,
        )

    async def _load(self, asker: Asker, number: int) -> MemoryPage:
        readable = asker.readable
        if self.wanted.channel is not None:
            readable = await self._access.within(asker, self.wanted.channel)
        return await self.load(asker, readable, number)


def _item(memory: Memory, shown: Shown, names: Mapping[int, str], bold: Matched, language: Language) -> PageItem:
    quote = shown.quotes.get(memory.id, "")
    quoted = language.say("you said: {quote}", quote=safe(quote, names, limit=QUOTE_CHARS))
    below = (f"\n-# {quoted}" if quote else "") + doubt_of(memory, language)
    replaced = "" if memory.state is MemoryState.CURRENT else f" · {language.say('replaced by a newer one')}"
    anchor = memory.anchor
    item = PageItem(
        text=safe(memory.text, names, limit=ITEM_CHARS - len(below), bold=bold) + below,
        caption=f"{kind_of(memory, language)} · {ago(memory.said_at)} · <#{memory.channel_id}>{replaced}",
        url=jump_url(memory.guild_id, anchor.channel_id, anchor.message_id),
        memory_id=memory.id if memory.id in shown.own else None,
        correctable=memory.id in shown.correctable,
    )
    return replace(item, offers=shown.offers.get(memory.id, ()))
