"""/memories: what is remembered from a member and about them, to look at, correct, forget and object to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain import Memory, MemoryKind, Phrase
from bot.guilds import kind_name
from bot.memories import Asker, MemoryPage
from bot.recall import Presenter
from cogs.access import Access
from cogs.checks import per_member
from cogs.memory_filter import MemoryFilter
from cogs.memory_pages import PER_PART, MemoryPages, Shown
from cogs.named import AboutPages, DecidePages
from cogs.reply import reply_view
from cogs.views.choices import ABOUT
from cogs.views.pages import ListPart, Page, Pages

if TYPE_CHECKING:
    from bot.memories import NamedMembers, OwnMemories
    from bot.observe import Directory
    from cogs.forget import MemoryActions

Interaction = discord.Interaction[Any]
Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread

NOTHING_OWN = Phrase(
    "Nothing that you can read here is remembered from you. `/remember` keeps something on purpose; `/recall` finds "
    "what was said."
)


class Memories(commands.Cog):
    """Shows members what is remembered from them."""

    def __init__(
        self,
        own: OwnMemories,
        named: NamedMembers,
        directory: Directory,
        access: Access,
        presenter: Presenter,
        actions: MemoryActions,
    ) -> None:
        self._own = own
        self._named = named
        self._directory = directory
        self._access = access
        self._presenter = presenter
        self._actions = actions

    @app_commands.command(name="memories", description="What is remembered from you and about you here")
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
        """Show the memories that cite the member, newest first, and beside them those that name them."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        wanted = MemoryFilter(None if kind is None else MemoryKind(kind), words or "", channel)
        parts = (
            (Phrase("From me"), OwnPages(self._own, self._directory, self._access, self._presenter, wanted)),
            (ABOUT, AboutPages(self._named, self._directory, self._access, self._presenter, wanted)),
            (
                Phrase("To decide"),
                DecidePages(self._named, self._directory, self._access, self._presenter, MemoryFilter()),
            ),
        )
        pages = InParts(parts, 0, self._named, self._access)
        await reply_view(interaction, Pages(interaction, pages, await pages.page(interaction, 0), self._actions))


class OwnPages(MemoryPages):
    """The memories that cite a member, page by page; what they can't read now is left out."""

    empty = NOTHING_OWN

    def __init__(
        self, own: OwnMemories, directory: Directory, access: Access, presenter: Presenter, wanted: MemoryFilter
    ) -> None:
        super().__init__(directory, access, presenter, wanted)
        self._own = own

    async def load(self, asker: Asker, readable: frozenset[int], number: int) -> MemoryPage:
        """See MemoryPages."""
        return await self._own.of_member(
            asker.guild_id,
            asker.user_id,
            readable=readable,
            kind=self.wanted.kind,
            words=self.wanted.words,
            offset=number * PER_PART,
            limit=PER_PART,
        )

    async def shown(self, asker: Asker, memories: Sequence[Memory]) -> Shown:
        """See MemoryPages."""
        return Shown(
            quotes=await self._own.quotes(memories),
            own=frozenset(memory.id for memory in memories if asker.may_forget(memory)),
            correctable=frozenset(memory.id for memory in memories if asker.may_correct(memory)),
        )

    def title(self, total: int) -> str:
        """See MemoryPages."""
        return Phrase.plural("{number} memory from you", "{number} memories from you", total)


class InParts:
    """A list with the others of `/memories` beside it: what is from a member, what is about them, what they decide."""

    def __init__(
        self, parts: Sequence[tuple[str, MemoryPages]], current: int, named: NamedMembers, access: Access
    ) -> None:
        self._parts = parts
        self._current = current
        self._named = named
        self._access = access

    async def page(self, interaction: Interaction, number: int) -> Page:
        """One page of the list, with how many memories the others have now."""
        page = await self._parts[self._current][1].page(interaction, number)
        standing = await self._named.standing(await self._access.asker(interaction))
        counts = (None, standing.about, standing.to_decide)
        beside = [
            ListPart(
                label if count is None else Phrase("{label}: {count}", label=label, count=count),
                None if place == self._current else InParts(self._parts, place, self._named, self._access),
            )
            for place, ((label, _), count) in enumerate(zip(self._parts, counts, strict=True))
            if count != 0 or place == self._current
        ]
        return replace(page, parts=tuple(beside) if len(beside) > 1 else ())
