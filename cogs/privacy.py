"""/privacy: what a member allows, and what is kept about whom and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import discord
from discord import app_commands
from discord.ext import commands

from cogs import texts
from cogs.backfill import is_private, parent_of
from cogs.checks import per_member
from cogs.reply import reply, reply_view
from cogs.views.confirm import Confirm, receipt_view, text_view

if TYPE_CHECKING:
    from bot.services import Services

Interaction = discord.Interaction[Any]
Where = Literal["every server", "this server"]

OPT_OUT_QUESTION = (
    "Opt out in **{where}**? From now on nothing of yours is kept, and everything that is kept of you there is "
    "deleted. This can't be undone; `/privacy opt-in` only starts anew."
)


@app_commands.guild_only()
@app_commands.allowed_installs(guilds=True, users=False)
class Privacy(commands.GroupCog, name="privacy", description="What is kept about you, and your say in it"):
    """Consent, and the policy."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._consents = services.consents

    @app_commands.command(name="status", description="What is kept about you here")
    @per_member(5, 30.0)
    async def status(self, interaction: Interaction) -> None:
        """Show the member's choices, and whether this channel is observed."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id, user_id = interaction.guild_id or 0, interaction.user.id
        page = await self._services.store.of_member(guild_id, user_id, readable=None, limit=1)
        out = self._consents.opted_out(guild_id, user_id)
        observed = self._services.observations.observed(
            interaction.channel_id or 0, parent_of(interaction.channel), private=is_private(interaction.channel)
        )
        facts = "kept" if self._consents.facts(guild_id, user_id) else "not kept"
        lines = [
            "### What is kept about you",
            f"- {'You **opted out**: nothing of yours is kept here.' if out else 'You did not opt out.'}",
            f"- This channel is {'**observed**' if observed else 'not observed'}.",
            f"- {texts.count(page.total, 'memory').capitalize()} in this server cite what you said (`/memories`).",
            f"- Facts that you state about yourself are {facts} (`/privacy facts`).",
            f"- Messages of observed channels are kept for at most {self._services.policy.retention}.",
            f"-# `/privacy {'opt-in` starts again' if out else 'opt-out` stops it'}; `/privacy policy` tells the rest.",
        ]
        await reply_view(interaction, text_view("\n".join(lines)))

    @app_commands.command(name="opt-out", description="Keep nothing of you any more, and delete what is kept")
    @app_commands.describe(where="Where to opt out; every server unless you choose")
    @app_commands.rename(where="where")
    @per_member(2, 60.0)
    async def opt_out(self, interaction: Interaction, where: Where = "every server") -> None:
        """Ask, note the choice, and delete what is there."""
        view = Confirm(interaction, question=OPT_OUT_QUESTION.format(where=where), action="Opt out and delete")
        await interaction.response.send_message(view=view, ephemeral=True)
        if not await view.confirmed():
            await interaction.delete_original_response()
            return
        guild_id = interaction.guild_id if where == "this server" else None
        await self._consents.opt_out(interaction.user.id, guild_id)
        await self._services.intake.drain()
        receipt = await self._services.erasure.erase_member(interaction.user.id, guild_id, up_to=interaction.id)
        shown = receipt_view("You are opted out", receipt.removed, receipt.remaining)
        await interaction.edit_original_response(view=shown)

    @app_commands.command(name="opt-in", description="Let what you say in observed channels be kept again")
    @app_commands.describe(where="Where to opt in; this server unless you choose")
    @per_member(2, 60.0)
    async def opt_in(self, interaction: Interaction, where: Where = "this server") -> None:
        """Note the choice."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = interaction.guild_id if where == "this server" else None
        await self._consents.opt_in(interaction.user.id, guild_id)
        await reply(interaction, f"From now on what you say in observed channels of {where} is kept again.")

    @app_commands.command(name="facts", description="Whether facts that you state about yourself may be remembered")
    @per_member(5, 60.0)
    async def facts(self, interaction: Interaction, keep: Literal["on", "off"]) -> None:
        """Note the choice."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id, user_id = interaction.guild_id or 0, interaction.user.id
        if keep == "on" and self._consents.opted_out(guild_id, user_id):
            await reply(interaction, texts.OPTED_OUT_SELF)
            return
        await self._consents.set_facts(user_id, guild_id, keep == "on")
        answer = {
            "on": "Facts and preferences that you state about yourself here are remembered from now on.",
            "off": "Nothing more of that kind is remembered; `/memories` shows what is there, to forget it.",
        }
        await reply(interaction, answer[keep])

    @app_commands.command(name="policy", description="What this bot keeps, why, where and for how long")
    @per_member(3, 30.0)
    async def policy(self, interaction: Interaction) -> None:
        """Show the policy in force."""
        await reply_view(interaction, text_view(self._services.policy.text()))
