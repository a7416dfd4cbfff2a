"""/privacy: what a member allows, and what is kept about whom and why."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal
from zipfile import ZIP_DEFLATED, ZipFile

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain import Phrase, Refused
from bot.forget import as_json, as_page, for_eyes_with
from bot.guilds import Action, ConsentRule, FactsRule
from cogs import texts
from cogs.access import Access
from cogs.backfill import is_private, parent_of
from cogs.checks import per_member
from cogs.counted import counted
from cogs.errors import answer_error
from cogs.languages import language_of
from cogs.reply import reply, reply_view
from cogs.views.confirm import Confirm, receipt_view, text_view
from cogs.views.notice import NOTICE_BUTTONS, NoticeButton

if TYPE_CHECKING:
    from bot.forget import Clerk, Outcome, PersonalData
    from bot.guilds import GuildServices
    from bot.memories import OwnMemories
    from bot.observe import Intake

Interaction = discord.Interaction[Any]
Where = Literal["every server", "this server"]
HERE: Where = "this server"

PRESSES = (6, 60.0)
"""Presses of each button of a notice by a member, and seconds."""

SMALLEST_LIMIT = 10 * 1024 * 1024
"""Bytes that Discord takes at once in a server without boosts."""

RULES = {
    ConsentRule.EVERYBODY: Phrase("This server keeps what everybody says in observed channels, unless they opted out."),
    ConsentRule.OPTED_IN: Phrase("This server keeps only what members who opted in say in observed channels."),
}
OPT_OUT_QUESTIONS: Mapping[Where, str] = {
    "every server": Phrase(
        "Opt out in **every server**? From now on nothing of yours is kept, and everything that is kept of you there "
        "is deleted. This can't be undone; `/privacy opt-in` only starts anew."
    ),
    "this server": Phrase(
        "Opt out in **this server**? From now on nothing of yours is kept, and everything that is kept of you there "
        "is deleted. This can't be undone; `/privacy opt-in` only starts anew."
    ),
}
OPT_OUT_EVERYWHERE = Phrase("`/privacy opt-out where: every server` does the same in all servers that I am in.")
EVERYTHING: Mapping[Where, str] = {
    "every server": Phrase("This is everything that is kept of you in every server."),
    "this server": Phrase("This is everything that is kept of you in this server."),
}
KEPT_AGAIN: Mapping[Where, str] = {
    "every server": Phrase("From now on what you say in observed channels of every server is kept again."),
    "this server": Phrase("From now on what you say in observed channels of this server is kept again."),
}


WAYS_IN = Phrase(
    "`/privacy opt-in` lets it be kept; `/privacy export` gives you all of it; `/privacy policy` tells the rest."
)
WAYS_OUT = Phrase(
    "`/privacy opt-out` stops it; `/privacy export` gives you all of it; `/privacy policy` tells the rest."
)


def outcome_lines(outcome: Outcome | None) -> list[str]:
    """What came of the erasure that a member asked for within the last day."""
    if outcome is None:
        return []
    when = f"<t:{outcome.at_ms // 1000}:R>"
    if outcome.receipt is None:
        return [Phrase("You asked {when} for everything to be deleted; that is under way.", when=when)]
    removed = Phrase.joined(", ", counted(outcome.receipt.removed)) or Phrase("there was nothing to delete")
    left = sum(outcome.receipt.remaining.values())
    rest = Phrase.plural("{number} item could not be removed yet", "{number} items could not be removed yet", left)
    return [
        Phrase(
            "Deleted {when} as asked: {removed}. Checked: {rest}.",
            when=when,
            removed=removed,
            rest=rest if left else Phrase("nothing was left"),
        )
    ]


def _files(texts_by_name: dict[str, str], limit: int) -> list[discord.File]:
    """The files, in one archive where together they are larger than Discord takes."""
    contents = {name: text.encode() for name, text in texts_by_name.items()}
    if sum(map(len, contents.values())) < limit:
        return [discord.File(BytesIO(content), name) for name, content in contents.items()]
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    packed.seek(0)
    return [discord.File(packed, "kept.zip")]


@app_commands.guild_only()
@app_commands.allowed_installs(guilds=True, users=False)
class Privacy(commands.GroupCog, name="privacy", description="What is kept about you, and your say in it"):
    """Consent, and the policy."""

    def __init__(
        self,
        access: Access,
        guilds: GuildServices,
        own: OwnMemories,
        personal: PersonalData,
        intake: Intake,
        clerk: Clerk,
    ) -> None:
        self._clerk = clerk
        self._guilds = guilds
        self._own = own
        self._personal = personal
        self._intake = intake
        self._access = access
        self._consents = guilds.consents

    @app_commands.command(name="status", description="What is kept about you here")
    @per_member(5, 30.0)
    async def status(self, interaction: Interaction) -> None:
        """Show the member's choices, and whether this channel is observed."""
        await self._show_status(interaction)

    async def _show_status(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id, user_id = interaction.guild_id or 0, interaction.user.id
        page = await self._own.of_member(guild_id, user_id, readable=None, limit=1)
        left_out = self._consents.left_out(guild_id, user_id)
        rules = self._consents.rules.of(guild_id)
        observed = self._guilds.observations.observed(
            interaction.channel_id or 0, parent_of(interaction.channel), private=is_private(interaction.channel)
        )
        facts = self._consents.facts(guild_id, user_id)
        lines = [
            *outcome_lines(await self._clerk.outcome_for(user_id, guild_id)),
            self._standing(guild_id, user_id),
            RULES[rules.consent],
            Phrase("This channel is **observed**.") if observed else Phrase("This channel is not observed."),
            Phrase("Memories of this server that cite what you said: {number} (`/memories`).", number=page.total),
            Phrase("Facts that you state about yourself are kept (`/privacy facts`).")
            if facts
            else Phrase("Facts that you state about yourself are not kept (`/privacy facts`)."),
            Phrase(
                "Messages of observed channels are kept for at most {retention}.",
                retention=self._guilds.policy.retention,
            ),
        ]
        language = language_of(interaction)
        title, below = language.say("What is kept about you"), language.translated(WAYS_IN if left_out else WAYS_OUT)
        listed = [f"- {language.translated(line)}" for line in lines]
        await reply_view(interaction, text_view("\n".join([f"### {title}", *listed, f"-# {below}"])))

    def _standing(self, guild_id: int, user_id: int) -> str:
        choice = self._consents.choice(guild_id, user_id)
        if choice.opted_out:
            return Phrase("You **opted out**: nothing of yours is kept here.")
        if self._consents.left_out(guild_id, user_id):
            return Phrase("You did not opt in: nothing that you say here is kept.")
        return Phrase("You opted in.") if choice.opted_in else Phrase("You did not opt out.")

    @app_commands.command(name="export", description="Get everything that is kept of you, as a file and a page")
    @app_commands.describe(where="This server unless you choose every server")
    @per_member(2, 300.0)
    async def export(self, interaction: Interaction, where: Where = "this server") -> None:
        """Send what is kept of the member, for their eyes alone."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._intake.drain()
        guild_id = interaction.guild_id if where == HERE else None
        everything = await self._personal.give(interaction.user.id, guild_id)
        dossier = for_eyes_with(everything, (await self._access.asker(interaction)).readable)
        limit = interaction.guild.filesize_limit if interaction.guild is not None else SMALLEST_LIMIT
        await interaction.followup.send(
            language_of(interaction).translated(EVERYTHING[where]),
            files=_files({"kept.json": as_json(dossier), "kept.html": as_page(dossier)}, limit),
            ephemeral=True,
            allowed_mentions=discord.AllowedMentions.none(),
        )

    @app_commands.command(name="opt-out", description="Keep nothing of you any more, and delete what is kept")
    @app_commands.describe(where="Where to opt out; every server unless you choose")
    @app_commands.rename(where="where")
    @per_member(2, 60.0)
    async def opt_out(self, interaction: Interaction, where: Where = "every server") -> None:
        """Ask, note the choice, and delete what is there."""
        await self._opt_out(interaction, where, OPT_OUT_QUESTIONS[where])

    async def _opt_out(self, interaction: Interaction, where: Where, question: str) -> None:
        view = Confirm(interaction, question=question, action=Phrase("Opt out and delete"))
        await interaction.response.send_message(view=view, ephemeral=True)
        if not await view.confirmed():
            await interaction.delete_original_response()
            return
        guild_id = interaction.guild_id if where == HERE else None
        user_id = interaction.user.id

        async def note() -> None:  # from here on a bot that starts would finish the erasure
            await self._consents.opt_out(user_id, guild_id)
            await self._intake.drain()

        receipt = await self._personal.delete(user_id, guild_id, up_to=interaction.id, first=note)
        details = receipt.removed if guild_id is not None else None  # other servers' counts are not this one's business
        await self._guilds.audit.record(interaction.guild_id or 0, Action.MEMBER_ERASED, by=None, details=details)
        shown = receipt_view(Phrase("You are opted out"), receipt, language_of(interaction))
        await interaction.edit_original_response(view=shown)

    @app_commands.command(name="opt-in", description="Let what you say in observed channels be kept again")
    @app_commands.describe(where="Where to opt in; this server unless you choose")
    @per_member(2, 60.0)
    async def opt_in(self, interaction: Interaction, where: Where = "this server") -> None:
        """Note the choice."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = interaction.guild_id if where == HERE else None
        await self._consents.opt_in(interaction.user.id, guild_id)
        await reply(interaction, KEPT_AGAIN[where])

    @app_commands.command(name="facts", description="Whether facts that you state about yourself may be remembered")
    @app_commands.describe(keep="on: remember them in your own words; off: remember nothing more of that kind")
    @per_member(5, 60.0)
    async def facts(self, interaction: Interaction, keep: Literal["on", "off"]) -> None:
        """Note the choice."""
        await self._choose_facts(interaction, keep=keep == "on")

    @commands.Cog.listener()
    async def on_interaction(self, interaction: Interaction) -> None:
        """Answer who presses a button of a channel's notice, whichever process posted that."""
        data: Mapping[str, Any] = interaction.data or {}
        pressed = data.get("custom_id", "")
        if interaction.type is not discord.InteractionType.component or pressed not in NOTICE_BUTTONS:
            return
        try:
            interaction.client.cooldowns.use(interaction, *PRESSES, button=pressed)
            await self._pressed(interaction, NoticeButton(pressed))
        except Exception as error:  # noqa: BLE001 - everything that can happen here ends in one sentence
            await answer_error(interaction, error)

    async def _pressed(self, interaction: Interaction, button: NoticeButton) -> None:
        match button:
            case NoticeButton.STATUS:
                await self._show_status(interaction)
            case NoticeButton.KEEP_FACTS:
                await self._choose_facts(interaction, keep=True)
            case NoticeButton.OPT_OUT:
                if self._consents.opted_out(interaction.guild_id or 0, interaction.user.id):
                    raise Refused(texts.OPTED_OUT_SELF)
                question = Phrase.joined("\n-# ", [OPT_OUT_QUESTIONS[HERE], OPT_OUT_EVERYWHERE])
                await self._opt_out(interaction, HERE, question)

    async def _choose_facts(self, interaction: Interaction, *, keep: bool) -> None:
        """Allow or stop facts about the member here, and tell them.

        Raises:
            Refused: nothing of theirs is kept, or no facts of anybody.
        """
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id, user_id = interaction.guild_id or 0, interaction.user.id
        if keep and self._consents.left_out(guild_id, user_id):
            out = self._consents.opted_out(guild_id, user_id)
            raise Refused(texts.OPTED_OUT_SELF if out else texts.NOT_OPTED_IN)
        if keep and self._consents.rules.of(guild_id).facts is FactsRule.NOBODY:
            raise Refused(texts.NO_FACTS)
        await self._consents.set_facts(user_id, guild_id, keep)
        await reply(interaction, texts.FACTS_ON if keep else texts.FACTS_OFF)

    @app_commands.command(name="policy", description="What this bot keeps, why, where and for how long")
    @per_member(3, 30.0)
    async def policy(self, interaction: Interaction) -> None:
        """Show the policy in force."""
        policy = self._guilds.policy.text(self._consents.rules.of(interaction.guild_id or 0))
        await reply_view(interaction, text_view(language_of(interaction).translated(policy)))
