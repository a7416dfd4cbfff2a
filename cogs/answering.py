"""What a question found or was answered, rendered for the asker alone or posted for everybody."""

from __future__ import annotations

from dataclasses import replace

import discord
from discord import ui

from bot.domain import jump_url
from bot.memories import Asker
from bot.recall import Answer, Answered, AnswerState, Matched, Reading, Source
from cogs import texts
from cogs.hits import hit_item
from cogs.publishing import Place, Publisher
from cogs.rendering import safe, safe_name
from cogs.views.answer import Cited, answer_view
from cogs.views.pages import PER_PAGE
from cogs.views.public import public_view

SENTENCE_CHARS = 380
LINE_CHARS = 220
"""Three sentences and nine lines of these with their links stay below the 4,000 characters of a view."""


class Answering:
    """Shows what was found and answered."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def publish(
        self,
        place: Place,
        answered: Answered,
        asker: Asker,
        reading: Reading,
        *,
        asked_id: int,
        most: int = PER_PAGE,
        answers: discord.Message | None = None,
    ) -> bool:
        """Post what was found for everybody in `place`, at most so many hits of it.

        Returns:
            False where something of it was changed, or may not be shown there any more: then none of it is seen.
        """
        shown = answered if answered.is_answered else replace(answered, hits=answered.hits[:most])
        below = texts.shared_by(asker.user_id)
        view = self.view(shown, below=below) if shown.is_answered else _hits_view(shown, asker, below=below)
        return await self._publisher.post(
            place, view, reading, asker=asker, asked_id=asked_id, cited=shown.shown, answers=answers
        )

    @staticmethod
    def view(answered: Answered, *, below: str) -> ui.LayoutView:
        """The answer with its citations."""
        answer = answered.answer or Answer(AnswerState.UNKNOWN)
        sentences = [
            (safe(sentence.text, {}, limit=SENTENCE_CHARS), [answer.cited.index(source) for source in sentence.sources])
            for sentence in answer.sentences
        ]
        cited = [_cited(source, answered.query.guild_id) for source in answer.cited]
        return answer_view(f"### {title_of(answered)}", sentences, cited, below=below)


def title_of(answered: Answered) -> str:
    """The question, as a title."""
    return safe(answered.query.text, answered.names, limit=150)


def note_of(answered: Answered) -> str:
    """One line on why there is no answer, where one was wanted and there are hits to show instead."""
    match answered.answer if answered.hits else None:
        case Answer(state=AnswerState.UNKNOWN):
            return texts.NOT_KNOWN
        case Answer(state=AnswerState.UNAVAILABLE, why=why):
            return texts.no_answer(why)
        case _:
            return ""


def _cited(source: Source, guild_id: int) -> Cited:
    return Cited(
        text=f"**{safe_name(source.speaker)[:64]}:** {safe(source.said, {}, limit=LINE_CHARS)}",
        caption=f"{source.day:%Y-%m-%d}",
        url=jump_url(guild_id, source.channel_id, source.message_id),
    )


def _hits_view(answered: Answered, asker: Asker, *, below: str) -> ui.LayoutView:
    title = f"### {title_of(answered)}" + (f"\n{note}" if (note := note_of(answered)) else "")
    bold = Matched(answered.query.text)
    return public_view(title, [hit_item(hit, answered.names, asker, bold) for hit in answered.hits], below=below)
