"""/browse: what this server decided, planned, answered and linked, as far as the asker may read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain import Hit, MemoryKind, Phrase
from bot.guilds import kind_name
from bot.memories import Asker, MemoryPage
from bot.recall import BROWSABLE, BROWSED, Matched, Presenter, memory_hit
from cogs import texts
from cogs.access import Access
from cogs.checks import per_member
from cogs.hits import hit_item
from cogs.languages import language_of
from cogs.memory_filter import MemoryFilter
from cogs.named import AboutMe, naming
from cogs.names import names_for
from cogs.rendering import plain_word
from cogs.reply import reply_view
from cogs.views.pages import PER_PAGE, Page, Pages

if TYPE_CHECKING:
    from bot.observe import Directory
    from bot.recall import Browse
    from cogs.forget import MemoryActions

Interaction = discord.Interaction[Any]
Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel | discord.Thread

NOTHING = Phrase("Nothing of that kind is remembered where you can read; `/recall` looks through what was said.")
NONE_SUCH = Phrase("Nothing that you can read is like that; try other words, or `/browse` without options.")


class BrowseCog(commands.Cog, name="Browse"):
    """Lists what is remembered of a server."""

    def __init__(
        self,
        browse: Browse,
        directory: Directory,
        access: Access,
        presenter: Presenter,
        actions: MemoryActions,
        about: AboutMe,
    ) -> None:
        self._browse = browse
        self._about = about
        self._directory = directory
        self._access = access
        self._presenter = presenter
        self._actions = actions

    @app_commands.command(name="browse", description="What this server decided, planned, answered and linked")
    @app_commands.describe(
        kind="Only this kind", words="Only what has these words", channel="Only what was said there or in its threads"
    )
    @app_commands.choices(kind=[app_commands.Choice(name=kind_name(kind), value=kind.value) for kind in BROWSABLE])
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    @per_member(5, 30.0)
    async def browse(
        self,
        interaction: Interaction,
        kind: str | None = None,
        words: app_commands.Range[str, 1, 100] | None = None,
        channel: Place | None = None,
    ) -> None:
        """List it, newest first."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        wanted = MemoryFilter(None if kind is None else MemoryKind(kind), words or "", channel)
        pages = BrowsePages(self._browse, self._directory, self._access, self._presenter, wanted)
        first = await pages.page(interaction, 0)
        await reply_view(interaction, Pages(interaction, pages, first, self._actions, open_about=self._about.open))


class BrowsePages:
    """What is remembered of a server, in pages; what the asker can't read now is left out."""

    def __init__(
        self, browse: Browse, directory: Directory, access: Access, presenter: Presenter, wanted: MemoryFilter
    ) -> None:
        self._browse = browse
        self._directory = directory
        self._access = access
        self._presenter = presenter
        self._wanted = wanted

    async def page(self, interaction: Interaction, number: int) -> Page:
        """One page, as it is now."""
        asker = await self._access.asker(interaction)
        listed = MemoryPage((), 0)

        async def read(_: frozenset[int]) -> Sequence[Hit]:
            nonlocal asker, listed, number
            asker = await self._access.asker(interaction)
            listed = await self._load(asker, number)
            pages = -(-listed.total // PER_PAGE)
            if number >= pages > 0:
                number = pages - 1
                listed = await self._load(asker, number)
            return [memory_hit(memory) for memory in listed.items]

        shown = await self._presenter.present(asker.guild_id, read)
        names: dict[int, str] = {}
        if interaction.guild is not None:
            people = [user_id for hit in shown.items for user_id in hit.author_ids]
            stored = [hit.text for hit in shown.items]
            names = await names_for(interaction.guild, self._directory, people, stored, language_of(interaction))
        bold = Matched(self._wanted.words) if self._wanted.words else plain_word
        language = language_of(interaction)
        title = language.plural("{number} memory of this server", "{number} memories of this server", listed.total)
        return Page(
            title=f"### {title}",
            items=tuple(hit_item(hit, names, asker, language, bold) for hit in shown.items),
            number=number,
            pages=-(-listed.total // PER_PAGE),
            dense=True,
            notes=(texts.NOT_COMPARED,) if shown.incomplete else (),
            empty=NONE_SUCH if self._wanted.is_narrowed else NOTHING,
            about=naming(shown.items, asker.user_id),
        )

    async def _load(self, asker: Asker, number: int) -> MemoryPage:
        wanted, readable = self._wanted, asker.readable
        if wanted.channel is not None:
            readable = await self._access.within(asker, wanted.channel)
        return await self._browse.page(
            asker.guild_id,
            readable=readable,
            kinds=BROWSED if wanted.kind is None else (wanted.kind,),
            words=wanted.words,
            offset=number * PER_PAGE,
            limit=PER_PAGE,
        )
