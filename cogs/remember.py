"""/remember and its message menu: keeping something on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain import Refused, is_visible
from bot.memories import MAX_TEXT
from cogs import texts
from cogs.backfill import is_private, parent_of
from cogs.checks import per_member
from cogs.content import content_of, is_from_person, quote_nothing
from cogs.languages import language_of
from cogs.names import names_for
from cogs.rendering import safe, shorten
from cogs.reply import reply_view
from cogs.views.confirm import text_view
from cogs.views.remember import RememberModal

if TYPE_CHECKING:
    from bot.guilds import GuildServices
    from bot.memories import OwnMemories
    from bot.observe import Directory

Interaction = discord.Interaction[Any]


class Remember(commands.Cog):
    """Keeps what members ask it to."""

    def __init__(
        self, bot: commands.AutoShardedBot, guilds: GuildServices, own: OwnMemories, directory: Directory
    ) -> None:
        self._bot = bot
        self._guilds = guilds
        self._own = own
        self._directory = directory
        self._menu = app_commands.ContextMenu(name="Remember this message", callback=self._remember_message)
        self._menu.guild_only = True
        self._menu.allowed_installs = app_commands.AppInstallationType(guild=True, user=False)
        per_member(6, 60.0)(self._menu)

    async def cog_load(self) -> None:
        """Add the message menu."""
        self._bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        """Take the message menu away."""
        self._bot.tree.remove_command(self._menu.name, type=self._menu.type)

    @app_commands.command(name="remember", description="Remember something on purpose")
    @app_commands.describe(text="What to remember; leave it out to write at leisure")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    @per_member(6, 60.0)
    async def remember(
        self, interaction: Interaction, text: app_commands.Range[str, 1, MAX_TEXT] | None = None
    ) -> None:
        """Keep the member's own words, as said here and now."""
        self._check_may_keep(interaction, interaction.user.id)
        if text is None:
            await interaction.response.send_modal(RememberModal(interaction, self.keep))
        else:
            await self.keep(interaction, text)

    async def keep(self, interaction: Interaction, text: str) -> None:
        """Keep `text` as said by the member with this very interaction.

        Raises:
            Refused: the channel is not observed, the member opted out, or the text does not fit.
        """
        self._check_may_keep(interaction, interaction.user.id)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._keep(interaction, interaction.user, interaction.channel_id or 0, interaction.id, text)

    async def _remember_message(self, interaction: Interaction, message: discord.Message) -> None:
        """Keep somebody's message as a memory of theirs."""
        if not is_from_person(message):
            raise Refused(texts.NOT_A_PERSON)
        self._check_may_keep(interaction, message.author.id)
        text = content_of(message, may_quote=quote_nothing)
        if not is_visible(text):
            raise Refused(texts.EMPTY_MESSAGE)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._keep(interaction, message.author, message.channel.id, message.id, shorten(text, MAX_TEXT))

    def _check_may_keep(self, interaction: Interaction, author_id: int) -> None:
        channel, guild_id = interaction.channel, interaction.guild_id or 0
        observations = self._guilds.observations
        if not observations.observed(interaction.channel_id or 0, parent_of(channel), private=is_private(channel)):
            raise Refused(texts.UNOBSERVED)
        if self._guilds.consents.left_out(guild_id, author_id):
            raise Refused(self._why_left_out(guild_id, author_id, own=author_id == interaction.user.id))

    def _why_left_out(self, guild_id: int, author_id: int, *, own: bool) -> str:
        if not own:
            return texts.OPTED_OUT_AUTHOR
        out = self._guilds.consents.opted_out(guild_id, author_id)
        return texts.OPTED_OUT_SELF if out else texts.NOT_OPTED_IN

    async def _keep(
        self, interaction: Interaction, author: discord.abc.User, channel_id: int, message_id: int, text: str
    ) -> None:
        guild_id = interaction.guild_id or 0
        memory = await self._own.remember(
            guild_id=guild_id, channel_id=channel_id, author_id=author.id, message_id=message_id, text=text
        )
        await self._directory.remember_names(guild_id, {author.id: author.display_name})
        names = {author.id: author.display_name}
        if interaction.guild is not None:
            names |= await names_for(interaction.guild, self._directory, (), [memory.text], language_of(interaction))
        remembered = language_of(interaction).say("**Remembered:**")
        await reply_view(interaction, text_view(f"{remembered} {safe(memory.text, names, limit=1500)}"))
