"""/ask: an answer from what was said, for the asker alone, or for everybody where everybody may read it."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands, ui
from discord.ext import commands

from bot.domain import Phrase
from bot.recall import Answered, AskedQuestion, RecallQuery, RecallResult
from cogs import texts
from cogs.access import Access
from cogs.answering import after, is_unknown, note_of, title_with_earlier
from cogs.checks import per_member
from cogs.faults import UNREACHABLE, why
from cogs.languages import language_of
from cogs.named import naming
from cogs.publishing import Place, why_not_here
from cogs.recall import MAX_QUERY
from cogs.reply import reply_view
from cogs.views.ask import AnswerPanel, OpenHits
from cogs.views.pages import Pages

if TYPE_CHECKING:
    from bot.recall import PatientResponder, Talks
    from cogs.answering import Answering
    from cogs.recall import RecallCog

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]


class AskCog(commands.Cog, name="Ask"):
    """Answers questions."""

    def __init__(
        self,
        responder: PatientResponder,
        talks: Talks,
        access: Access,
        answering: Answering,
        recall: RecallCog,
    ) -> None:
        self._responder = responder
        self._talks = talks
        self._access = access
        self._answering = answering
        self._recall = recall

    @app_commands.command(name="ask", description="Ask what was said, and get an answer with its sources")
    @app_commands.describe(
        question="Your question; a second one within ten minutes is understood with the one before it",
        public="Answer for everybody here, from what everybody here may read",
    )
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    @per_member(6, 60.0)
    async def ask(
        self, interaction: Interaction, question: app_commands.Range[str, 1, MAX_QUERY], public: bool = False
    ) -> None:
        """Answer, and where that takes long show what was found first."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        note = await self._publicly(interaction, question) if public else ""
        if note is not None:
            await self._privately(interaction, question, note)

    # --- for the asker alone -----------------------------------------------------------------------------------------

    async def _privately(self, interaction: Interaction, question: str, note: str) -> None:
        async def reading() -> frozenset[int]:
            return (await self._access.asker(interaction)).readable

        language, query = language_of(interaction), self._query(interaction, question, public=False)
        self._note(interaction, question, public=False)
        shown: list[ui.LayoutView] = []

        async def show(view: ui.LayoutView) -> None:
            for before in shown:
                before.stop()
            shown.append(view)
            await _show(interaction, view)

        async def meanwhile(so_far: Answered) -> None:
            await show(await self._hits(interaction, so_far, note, texts.STILL_WRITING))

        answered = await self._responder.respond(query, reading, meanwhile)
        if answered.hits and (answered.is_answered or is_unknown(answered)):
            notes = filter(None, [note, texts.FROM_A_MODEL if answered.is_answered else ""])
            below = language.translated(Phrase.joined(" ", notes))
            box = self._answering.box(answered, title_with_earlier(answered, language), language, below=below)
            await show(AnswerPanel(interaction, box, self._opener(answered), self._about(interaction, answered)))
        else:
            await show(await self._hits(interaction, answered, note, note_of(answered, language)))

    async def _hits(self, interaction: Interaction, answered: Answered, *notes: str) -> Pages:
        """What was found, in pages, with lines on the answer."""
        earlier = after(answered, language_of(interaction))
        result = RecallResult(answered.hits, tuple(filter(None, (*notes, earlier, *answered.notes))))
        return await self._recall.pages_of(interaction, answered.query, result)

    def _opener(self, answered: Answered) -> OpenHits | None:
        return partial(self._open_hits, answered) if answered.hits else None

    def _about(self, interaction: Interaction, answered: Answered) -> OpenHits | None:
        """Opens what names the asker among what the answer is from."""
        ids = naming(answered.hits, interaction.user.id)
        return partial(self._recall.about.open, ids) if ids else None

    async def _open_hits(self, answered: Answered, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await reply_view(interaction, await self._hits(interaction, answered))

    # --- for everybody -----------------------------------------------------------------------------------------------

    async def _publicly(self, interaction: Interaction, question: str) -> str | None:
        """Answer where everybody sees it; where that can't be, one line on why."""
        place, member = interaction.channel, interaction.user
        if not isinstance(place, Place) or not isinstance(member, discord.Member):
            return texts.NO_PLACE
        if why_not := why_not_here(member, place):
            return why_not

        async def everybody() -> frozenset[int]:
            return await self._access.public(await self._access.asker(interaction), place)

        query = self._query(interaction, question, public=True)
        asker = await self._access.asker(interaction)
        async with self._answering.posting(place, asker, everybody, asked_id=interaction.id) as posting:
            answered = await self._responder.respond(query, everybody, posting.meanwhile)
            message = await posting.finish(answered)
        if message is None:
            return texts.NOTHING_TO_SHARE
        self._note(interaction, question, public=True)
        self._talks.answered(interaction.id, message.id)
        shared = ui.TextDisplay[ui.LayoutView](language_of(interaction).translated(texts.SHARED))
        about = self._about(interaction, answered)
        await _show(interaction, AnswerPanel(interaction, shared, self._opener(answered), about))
        return None

    # --- the talk ----------------------------------------------------------------------------------------------------

    def _query(self, interaction: Interaction, question: str, *, public: bool) -> RecallQuery:
        guild_id, asker_id = interaction.guild_id or 0, interaction.user.id
        return RecallQuery(
            guild_id=guild_id,
            text=question,
            channel_ids=frozenset(),
            asker_id=asker_id,
            asked_at=interaction.id,
            earlier=self._talks.before(guild_id, interaction.channel_id or 0, asker_id, public=public),
        )

    def _note(self, interaction: Interaction, question: str, *, public: bool) -> None:
        guild_id, asker_id = interaction.guild_id or 0, interaction.user.id
        self._talks.note(
            AskedQuestion(
                id=interaction.id,
                guild_id=guild_id,
                channel_id=interaction.channel_id or 0,
                asker_id=asker_id,
                text=question,
                public=public,
            )
        )


async def _show(interaction: Interaction, view: ui.LayoutView) -> None:
    """Show something in place of what was shown; an answer that was dismissed, or whose time is over, can't be."""
    try:
        await interaction.edit_original_response(view=view, allowed_mentions=discord.AllowedMentions.none())
    except UNREACHABLE as error:
        log.info("The answer to interaction %d could not be shown (%s)", interaction.id, why(error))
