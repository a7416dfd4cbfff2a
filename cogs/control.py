"""What admins do with the memory of their server besides looking at it: rules, the audit trail, erasing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import discord

from bot.domain import Phrase, Refused
from bot.guilds import Action, AuditEntry, ConsentRule, FactsRule, Rules, kind_name, zone_name
from cogs import texts
from cogs.checks import require_manager
from cogs.counted import counted
from cogs.languages import language_of
from cogs.notices import missing_permissions, update_notice
from cogs.reply import reply_view
from cogs.rereading import ReadingAgain
from cogs.views.confirm import Confirm, receipt_view
from cogs.views.settings import Choice, SettingsPanel, TimeZone, WarningsChannel

if TYPE_CHECKING:
    from bot.forget import Clerk, Receipt
    from bot.guilds import GuildServices
    from bot.languages import Languages

Interaction = discord.Interaction[Any]

SHOWN = 20
"""Entries of the audit trail in one answer; it stays below the 4,000 characters of a view."""

CHANNEL_QUESTION = partial(
    Phrase,
    "Delete everything that is kept of {channel} and its threads: messages and what was remembered from them? This "
    "can't be undone. What is said there later is kept again while it is observed.",
)
SERVER_QUESTION = Phrase(
    "Delete **everything** that is kept of this server, of all members and channels? This can't be undone. What is "
    "said in observed channels later is kept again; `/observe off` prevents that."
)

_DONE = {
    Action.OBSERVE_ON: partial(Phrase, "{who} switched observation on"),
    Action.OBSERVE_OFF: partial(Phrase, "{who} switched observation off"),
    Action.SETTINGS: partial(Phrase, "{who} changed a rule"),
    Action.READ_AGAIN: partial(Phrase, "{who} had kept messages read again"),
    Action.DIGEST_ON: partial(Phrase, "{who} switched a digest on"),
    Action.DIGEST_OFF: partial(Phrase, "{who} switched a digest off"),
    Action.CHANNEL_ERASED: partial(Phrase, "{who} deleted what was kept of a channel"),
    Action.SERVER_ERASED: partial(Phrase, "{who} deleted what was kept of the server"),
    Action.FLAG_DECIDED: partial(Phrase, "{who} decided on a flagged memory"),
    Action.WARNINGS_ENDED: partial(Phrase, "Warnings ended, because their channel was deleted"),
    # of whom these are the trail does not tell
    Action.MEMORY_FLAGGED: partial(Phrase, "A member flagged a memory that names them"),
    Action.NAME_REPLACED: partial(Phrase, "A name was replaced in a memory"),
    Action.MEMBER_ERASED: partial(Phrase, "A member's data was deleted"),
}


class Control:
    """The admin's commands, as the cog hands them on."""

    def __init__(self, guilds: GuildServices, clerk: Clerk, reading_again: ReadingAgain, languages: Languages) -> None:
        self._languages = languages
        self._guilds = guilds
        self._clerk = clerk
        self._reading_again = reading_again

    async def panel(self, interaction: Interaction) -> SettingsPanel:
        """The rules of this server, to change."""
        guild_id = interaction.guild_id or 0
        return SettingsPanel(
            interaction,
            rules=self._guilds.consents.rules.of(guild_id),
            own_zone=str(self._guilds.zones.default),
            warnings=await self._guilds.warnings.channel(guild_id),
            change=self.change,
            read_again=self._reading_again.begin,
            reading=await self._reading_again.line(guild_id),
        )

    async def change(self, interaction: Interaction, choice: Choice) -> Rules:
        """Let a choice hold from now on, and note who made it."""
        require_manager(interaction)
        guild_id, rules = interaction.guild_id or 0, self._guilds.consents.rules
        details: Mapping[str, int | str | None]
        match choice:
            case ConsentRule():
                now = await rules.decide(guild_id, consent=choice)
                details = {"whose messages": choice.value}
            case FactsRule():
                now = await rules.decide(guild_id, facts=choice)
                details = {"whose facts": choice.value}
            case TimeZone():
                zone = await asyncio.to_thread(zone_name, choice.text) if choice.text.strip() else None
                now = await rules.set_zone(guild_id, zone)
                details = {"time zone": zone or "the bot's own"}
            case WarningsChannel(channel_id):
                now = rules.of(guild_id)
                await self._warn_in(interaction, channel_id)
                details = {"warnings": "off" if channel_id is None else f"<#{channel_id}>"}
            case (kind, days):
                now = await rules.set_lifetime(guild_id, kind, days)
                details = {f"days for {kind_name(kind)}": "without limit" if days is None else days}
        await self._guilds.audit.record(guild_id, Action.SETTINGS, by=interaction.user.id, details=details)
        if isinstance(choice, ConsentRule) and interaction.guild is not None:
            await self._tell_channels(interaction.guild, now)
        return now

    async def _warn_in(self, interaction: Interaction, channel_id: int | None) -> None:
        """Warn in this channel from now on.

        Raises:
            Refused: the bot may not write there.
        """
        place = None if interaction.guild is None else interaction.guild.get_channel(channel_id or 0)
        if isinstance(place, discord.TextChannel) and (missing := missing_permissions(place)):
            raise Refused(texts.lacking(missing, place.mention))
        await self._guilds.warnings.choose(interaction.guild_id or 0, channel_id, by=interaction.user.id)

    async def _tell_channels(self, guild: discord.Guild, rules: Rules) -> None:
        language = self._languages.of(guild.preferred_locale)
        for channel in self._guilds.observations.list(guild.id):
            if channel.observed:
                await update_notice(guild, channel, self._guilds.policy, rules, language)

    async def trail(self, interaction: Interaction) -> str:
        """The newest entries of the audit trail."""
        entries = await self._guilds.audit.newest(interaction.guild_id or 0, SHOWN)
        language = language_of(interaction)
        lines = [f"- {language.translated(_line(entry))}"[: texts.LINE] for entry in entries]
        title, nothing = (
            language.say("What was decided and deleted"),
            language.say("Nothing was decided or deleted yet."),
        )
        return "\n".join([f"### {title}", *(lines or [nothing])])

    async def forget_channel(self, interaction: Interaction, channel_id: int) -> None:
        """Ask, delete what is kept of a channel, and show the receipt."""
        guild_id = interaction.guild_id or 0
        if not await self._confirmed(interaction, CHANNEL_QUESTION(channel=f"<#{channel_id}>")):
            return
        by = interaction.user.id
        receipt = await self._clerk.erase_channel(guild_id, channel_id, up_to=interaction.id, by=by)
        await self._show(interaction, receipt, Phrase("Checked: nothing of that channel is left here."))

    async def forget_server(self, interaction: Interaction) -> None:
        """Ask, delete what is kept of the server, and show the receipt."""
        if not await self._confirmed(interaction, SERVER_QUESTION):
            return
        guild_id, by = interaction.guild_id or 0, interaction.user.id
        receipt = await self._clerk.erase_guild(guild_id, up_to=interaction.id, by=by)
        await self._show(interaction, receipt, Phrase("Checked: nothing of this server is left here."))

    async def _confirmed(self, interaction: Interaction, question: str) -> bool:
        view = Confirm(interaction, question=question, action=Phrase("Delete it"))
        await interaction.response.send_message(view=view, ephemeral=True)
        pressed = await view.confirmed()
        await interaction.delete_original_response()
        if pressed is not None:
            require_manager(pressed)
        return pressed is not None

    @staticmethod
    async def _show(interaction: Interaction, receipt: Receipt, checked: str) -> None:
        view = receipt_view(Phrase("Deleted"), receipt, language_of(interaction), checked=checked)
        await reply_view(interaction, view)


def _line(entry: AuditEntry) -> str:
    if entry.actor_id is not None:
        who = f"<@{entry.actor_id}>"
    else:
        said_it = entry.action is Action.FLAG_DECIDED
        who = Phrase("Somebody who said it") if said_it else Phrase("The operator")
    where = f" (<#{entry.channel_id}>)" if entry.channel_id else ""
    details = Phrase.joined(", ", counted(entry.details))
    return Phrase.joined(
        "", [f"<t:{entry.at_ms // 1000}:R> ", _DONE[entry.action](who=who), where, " – " if details else "", details]
    )
