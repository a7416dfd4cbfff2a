"""/forget: one memory, or everything that is kept of oneself in this server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain import Phrase
from bot.memories import ForgetOutcome
from cogs.access import Access
from cogs.checks import per_member
from cogs.languages import language_of
from cogs.names import names_for
from cogs.rendering import plain_line, safe
from cogs.reply import reply, reply_view
from cogs.views.confirm import Confirm, receipt_view

if TYPE_CHECKING:
    from bot.forget import Clerk
    from bot.memories import OwnMemories
    from bot.observe import Directory
    from cogs.named_choices import NamedChoices
    from cogs.views.choices import Offer

Interaction = discord.Interaction[Any]

CHOICE_CHARS = 100
"""Longest name of an autocomplete choice
(https://discord.com/developers/docs/interactions/application-commands)."""

SHOWN_CHARS = 1_500
"""How much of a memory is shown before it is forgotten."""

OUTCOMES = {
    ForgetOutcome.REMOVED: Phrase("Forgotten; nothing of that memory is kept."),
    ForgetOutcome.WITHDRAWN: Phrase("Your part in it is forgotten; the memory stands on what others said."),
}
FORGET_QUESTION = Phrase("Forget this memory? That can't be undone.")
QUESTION = Phrase(
    "Delete **everything** that is kept about you in this server: your messages in the log, the memories that stand on "
    "them alone, and your part in the others? This can't be undone. What you say later is kept again; "
    "`/privacy opt-out` prevents that."
)


class MemoryActions:
    """What a member may do with a memory that they are shown."""

    def __init__(self, own: OwnMemories, access: Access, named: NamedChoices) -> None:
        self._own = own
        self._access = access
        self._named = named

    async def forget(self, interaction: Interaction, memory_id: str) -> str:
        """Forget a memory; one sentence on what that did.

        Raises:
            NotFound: there is no such memory that they may forget.
        """
        return OUTCOMES[await self._named.forget(interaction, memory_id)]

    async def choose(self, interaction: Interaction, offer: Offer) -> str:
        """See NamedChoices."""
        return await self._named.choose(interaction, offer)

    async def wording(self, interaction: Interaction, memory_id: str) -> str:
        """The text of a memory, to be put right.

        Raises:
            NotFound: there is no such memory that they may put right.
        """
        return await self._own.wording(memory_id, await self._access.asker(interaction))

    async def correct(self, interaction: Interaction, memory_id: str, text: str) -> str:
        """Put a memory right; one sentence on what that did.

        Raises:
            NotFound: there is no such memory that they may put right.
        """
        await self._own.correct(memory_id, await self._access.asker(interaction), text)
        return Phrase("Corrected; your words stand from now on.")


@app_commands.guild_only()
@app_commands.allowed_installs(guilds=True, users=False)
class Forget(commands.GroupCog, name="forget", description="Delete what is remembered"):
    """Deletes on a member's word."""

    def __init__(
        self,
        access: Access,
        actions: MemoryActions,
        own: OwnMemories,
        clerk: Clerk,
        directory: Directory,
    ) -> None:
        self._actions = actions
        self._own = own
        self._clerk = clerk
        self._directory = directory
        self._access = access

    @app_commands.command(name="memory", description="Forget one memory")
    @app_commands.describe(memory="Begin to write some of its words")
    @per_member(10, 30.0)
    async def memory(self, interaction: Interaction, memory: app_commands.Range[str, 1, CHOICE_CHARS]) -> None:
        """Ask, and forget the memory that was chosen."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        chosen = await self._own.to_forget(memory, await self._access.asker(interaction))
        names = {}
        if interaction.guild is not None:
            names = await names_for(interaction.guild, self._directory, (), [chosen.text], language_of(interaction))
        question = Phrase.joined("\n> ", [FORGET_QUESTION, safe(chosen.text, names, limit=SHOWN_CHARS)])
        view = Confirm(interaction, question=question, action=Phrase("Forget it"))
        await reply_view(interaction, view)
        pressed = await view.confirmed()
        await interaction.delete_original_response()
        if pressed is not None:
            await reply(pressed, await self._actions.forget(pressed, chosen.id))

    @memory.autocomplete("memory")
    async def suggest(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        """Memories that the member may forget, by a part of their text."""
        if interaction.guild is None:
            return []
        asker = await self._access.asker(interaction)
        suggestions = await self._own.suggest(interaction.guild.id, asker, current)
        stored = [memory.text for memory in suggestions]
        names = await names_for(interaction.guild, self._directory, (), stored, language_of(interaction))
        return [
            app_commands.Choice(name=plain_line(memory.text, names, limit=CHOICE_CHARS), value=memory.id)
            for memory in suggestions
        ]

    @app_commands.command(name="everything", description="Delete everything that is kept about you in this server")
    @per_member(2, 60.0)
    async def everything(self, interaction: Interaction) -> None:
        """Ask, delete, and show the receipt."""
        view = Confirm(interaction, question=QUESTION, action=Phrase("Delete everything"))
        await interaction.response.send_message(view=view, ephemeral=True)
        if not await view.confirmed():
            await interaction.delete_original_response()
            return
        guild_id = interaction.guild_id or 0
        receipt = await self._clerk.erase_member(interaction.user.id, guild_id, up_to=interaction.id)
        shown = receipt_view(Phrase("Deleted"), receipt, language_of(interaction))
        await interaction.edit_original_response(view=shown)
