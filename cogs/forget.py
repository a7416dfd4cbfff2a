"""/forget: one memory, or everything that is kept of oneself in this server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.guilds import Action
from bot.memories import Asker, ForgetOutcome, OwnMemories
from cogs.access import Access
from cogs.checks import per_member
from cogs.names import names_for
from cogs.rendering import plain_line
from cogs.reply import reply
from cogs.views.confirm import Confirm, receipt_view

if TYPE_CHECKING:
    from bot.operate import Services

Interaction = discord.Interaction[Any]

CHOICE_CHARS = 100
"""Longest name of an autocomplete choice
(https://discord.com/developers/docs/interactions/application-commands)."""

OUTCOMES = {
    ForgetOutcome.REMOVED: "Forgotten; nothing of that memory is kept.",
    ForgetOutcome.WITHDRAWN: "Your part in it is forgotten; the memory stands on what others said.",
}
QUESTION = (
    "Delete **everything** that is kept about you in this server: your messages in the log, the memories that stand on "
    "them alone, and your part in the others? This can't be undone. What you say later is kept again; "
    "`/privacy opt-out` prevents that."
)


async def forget_memory(own: OwnMemories, memory_id: str, asker: Asker) -> str:
    """Forget a memory for `asker`; one sentence on what that did.

    Raises:
        NotFound: there is no such memory that they may forget.
    """
    return OUTCOMES[await own.forget(memory_id, asker)]


async def correct_memory(own: OwnMemories, memory_id: str, asker: Asker, text: str) -> str:
    """Put a memory right for `asker`; one sentence on what that did.

    Raises:
        NotFound: there is no such memory that they may put right.
    """
    await own.correct(memory_id, asker, text)
    return "Corrected; your words stand from now on."


@app_commands.guild_only()
@app_commands.allowed_installs(guilds=True, users=False)
class Forget(commands.GroupCog, name="forget", description="Delete what is remembered"):
    """Deletes on a member's word."""

    def __init__(self, services: Services, access: Access) -> None:
        self._services = services
        self._access = access

    @app_commands.command(name="memory", description="Forget one memory")
    @app_commands.describe(memory="Begin to write some of its words")
    @per_member(10, 30.0)
    async def memory(self, interaction: Interaction, memory: app_commands.Range[str, 1, CHOICE_CHARS]) -> None:
        """Forget the memory that was chosen."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        asker = await self._access.asker(interaction)
        await reply(interaction, await forget_memory(self._services.own, memory, asker))

    @memory.autocomplete("memory")
    async def suggest(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        """Memories that the member may forget, by a part of their text."""
        if interaction.guild is None:
            return []
        asker = await self._access.asker(interaction)
        found = await self._services.own.suggest(interaction.guild.id, asker, current)
        names = await names_for(interaction.guild, self._services.directory, (), [memory.text for memory in found])
        return [
            app_commands.Choice(name=plain_line(memory.text, names, limit=CHOICE_CHARS), value=memory.id)
            for memory in found
        ]

    @app_commands.command(name="everything", description="Delete everything that is kept about you in this server")
    @per_member(2, 60.0)
    async def everything(self, interaction: Interaction) -> None:
        """Ask, delete, and show the receipt."""
        view = Confirm(interaction, question=QUESTION, action="Delete everything")
        await interaction.response.send_message(view=view, ephemeral=True)
        if not await view.confirmed():
            await interaction.delete_original_response()
            return
        await self._services.intake.drain()
        receipt = await self._services.personal.delete(interaction.user.id, interaction.guild_id, up_to=interaction.id)
        await self._services.audit.record(
            interaction.guild_id or 0, Action.MEMBER_ERASED, by=None, details=receipt.removed
        )
        shown = receipt_view("Deleted", receipt.removed, receipt.remaining)
        await interaction.edit_original_response(view=shown)
