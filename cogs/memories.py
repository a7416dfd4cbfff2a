"""/memories: what is remembered from a member, to look at, correct and forget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain import Memory, MemoryKind, MemoryState, jump_url
from bot.guilds import kind_name
from bot.memories import Asker, MemoryPage
from bot.recall import Matched, Presenter
from cogs import texts
from cogs.access import Access
from cogs.checks import per_member
from cogs.hits import doubt_of
from cogs.memory_filter import MemoryFilter
from cogs.names import names_for
from cogs.rendering import ago, safe
from cogs.reply import reply_view
from cogs.views.pages import ITEM_CHARS, Page, PageItem, Pages

if TYPE_CHECKING:
    from bot.memories import OwnMemories
    from bot.observe import Directory
    from cogs.forget import MemoryActions

Interaction = discord.Interaction[Any]
Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread

OWN_PER_PAGE = 4
"""Eight components each with a way to correct them; with frame and paging below Discord's limit of 40."""

QUOTE_CHARS = 160
"""How much of what a member said is shown below a memory about themselves."""

NOTHING_OWN = (
    "Nothing that you can read here is remembered from you. `/remember` keeps something on purpose; `/recall` finds "
    "what was said."
)
NONE_SUCH = "None of your memories that you can read here is like that; `/memories` without options shows all."


class Memories(commands.Cog):
    """Shows members what is remembered from them."""

    def __init__(
        self,
        own: OwnMemories,
        directory: Directory,
        access: Access,
        presenter: Presenter,
        actions: MemoryActions,
    ) -> None:
        self._own = own
        self._directory = directory
        self._access = access
        self._presenter = presenter
        self._actions = actions

    @app_commands.command(name="memories", description="What is remembered from you here")
    @app_commands.describe(
        kind="Only memories of this kind", words="Only memories with these words", channel="Only what you said there"
    )
    @app_commands.choices(kind=[app_commands.Choice(name=kind_name(kind), value=kind.value) for kind in MemoryKind])
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    @per_member(5, 30.0)
    async def memories(
        self,
        interaction: Interaction,
        kind: str | None = None,
        words: app_commands.Range[str, 1, 100] | None = None,
        channel: Place | None = None,
    ) -> None:
        """Show the memories that cite the member, newest first."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        wanted = MemoryFilter(None if kind is None else MemoryKind(kind), words or "", channel)
        pages = OwnPages(self._own, self._directory, self._access, self._presenter, wanted)
        await reply_view(interaction, Pages(interaction, pages, await pages.page(interaction, 0), self._actions))


class OwnPages:
    """The memories that cite a member, page by page; what they can't read now is left out."""

    def __init__(
        self, own: OwnMemories, directory: Directory, access: Access, presenter: Presenter, wanted: MemoryFilter
    ) -> None:
        self._own = own
        self._directory = directory
        self._access = access
        self._presenter = presenter
        self._wanted = wanted

    async def page(self, interaction: Interaction, number: int) -> Page:
        """One page, as it is now."""
        asker = await self._access.asker(interaction)
        stored = await self._load(asker, number)

        async def read(_: frozenset[int]) -> Sequence[Memory]:
            nonlocal asker, stored, number
            asker = await self._access.asker(interaction)
            stored = await self._load(asker, number)
            pages = -(-stored.total // OWN_PER_PAGE)
            if number >= pages > 0:
                number = pages - 1
                stored = await self._load(asker, number)
            return stored.items

        shown = await self._presenter.present(asker.guild_id, read)
        quotes = await self._own.quotes(shown.items)
        names: Mapping[int, str] = {}
        if interaction.guild is not None:
            texts_shown = [*(memory.text for memory in shown.items), *quotes.values()]
            names = await names_for(interaction.guild, self._directory, (), texts_shown)
        bold = Matched(self._wanted.words)
        return Page(
            title=f"### {texts.count(stored.total, 'memory').capitalize()} from you",
            items=tuple(_own_item(m, quotes.get(m.id, ""), names, asker, bold) for m in shown.items),
            notes=(texts.NOT_COMPARED,) if shown.incomplete else (),
            number=number,
            pages=-(-stored.total // OWN_PER_PAGE),
            empty=NONE_SUCH if self._wanted.is_narrowed else NOTHING_OWN,
        )

    async def _load(self, asker: Asker, number: int) -> MemoryPage:
        wanted, readable = self._wanted, asker.readable
        if wanted.channel is not None:
            readable = await self._access.within(asker, wanted.channel)
        return await self._own.of_member(
            asker.guild_id,
            asker.user_id,
            readable=readable,
            kind=wanted.kind,
            words=wanted.words,
            offset=number * OWN_PER_PAGE,
            limit=OWN_PER_PAGE,
        )


def _own_item(memory: Memory, quote: str, names: Mapping[int, str], asker: Asker, bold: Matched) -> PageItem:
    below = f"\n-# you said: {safe(quote, names, limit=QUOTE_CHARS)}" if quote else ""
    below += doubt_of(memory)
    replaced = "" if memory.state is MemoryState.CURRENT else " · replaced by a newer one"
    anchor = memory.anchor
    return PageItem(
        text=safe(memory.text, names, limit=ITEM_CHARS - len(below), bold=bold) + below,
        caption=f"{memory.kind} · {ago(memory.said_at)} · <#{memory.channel_id}>{replaced}",
        url=jump_url(memory.guild_id, anchor.channel_id, anchor.message_id),
        memory_id=memory.id if asker.may_forget(memory) else None,
        correctable=asker.may_correct(memory),
    )
