"""What a question found or was answered, rendered for the asker alone or posted for everybody."""

from __future__ import annotations

from dataclasses import replace

import discord
from discord import ui

from bot.domain import Hit, jump_url
from bot.memories import Asker
from bot.recall import Answer, Answered, AnswerState, Matched, Reading, Sentence, Source
from cogs import texts
from cogs.hits import hit_item
from cogs.publishing import Place, Publisher
from cogs.rendering import safe, safe_name
from cogs.views.answer import Cited, answer_view
from cogs.views.pages import PER_PAGE
from cogs.views.public import public_view

SENTENCE_CHARS = 420
LINE_CHARS = 220
SHORTER = ((True, LINE_CHARS), (False, LINE_CHARS), (False, 90), (False, 40))
"""Ways to show an answer, the first that fits: whether its numbers are links too, and characters of a cited line."""
TOPIC_CHARS = 90
MOST_CITED = 12
"""Lines that are shown under an answer."""
MAX_TEXT = 4_000
"""Discord's characters of one view."""


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
        shown = answered if answered.is_answered else replace(answered, hits=_instead(answered)[:most])
        below = texts.shared_by(asker.user_id)
        view = self.view(shown, below=below) if shown.is_answered else _hits_view(shown, asker, below=below)
        return await self._publisher.post(
            place, view, reading, asker=asker, asked_id=asked_id, cited=shown.shown, answers=answers
        )

    @staticmethod
    def view(answered: Answered, *, below: str) -> ui.LayoutView:
        """The answer with its citations."""
        answer = answered.answer or Answer(AnswerState.UNKNOWN)
        each = max(1, MOST_CITED // max(1, len(answer.sentences)))
        sources = list(dict.fromkeys(source for sentence in answer.sentences for source in sentence.sources[:each]))
        sentences = [
            (_sentence(sentence), [sources.index(source) for source in sentence.sources[:each]])
            for sentence in answer.sentences
        ]
        for linked, chars in SHORTER:
            cited = [_cited(source, answered.query.guild_id, chars) for source in sources]
            view = answer_view(f"### {title_of(answered)}", sentences, cited, below=below, linked=linked)
            if view.content_length() <= MAX_TEXT:
                break
        return view


def _instead(answered: Answered) -> tuple[Hit, ...]:
    """What is shown in place of an answer: of one that is not known only where it came up."""
    return answered.nearest if _is_unknown(answered) else answered.hits


def _is_unknown(answered: Answered) -> bool:
    return answered.answer is not None and answered.answer.state is AnswerState.UNKNOWN


def _sentence(sentence: Sentence) -> str:
    """A sentence, and behind it whose word it is where it does not say so itself."""
    text = safe(sentence.text, {}, limit=SENTENCE_CHARS)
    names = ", ".join(safe_name(name)[:40] for name in sentence.speakers)
    return f"{text} — {names}" if names else text


def title_of(answered: Answered) -> str:
    """The question, as a title."""
    return safe(answered.query.text, answered.names, limit=150)


def note_of(answered: Answered) -> str:
    """One line on why there is no answer, where one was wanted and there are hits to show instead."""
    match answered.answer if answered.hits else None:
        case Answer(state=AnswerState.UNKNOWN):
            return texts.not_known([_place(hit, answered) for hit in answered.nearest])
        case Answer(state=AnswerState.UNAVAILABLE, why=why):
            return texts.no_answer(why)
        case _:
            return ""


def _place(hit: Hit, answered: Answered) -> str:
    """Where something came up: a few words with a link."""
    text = hit.text if hit.memory is not None else next(line.content for line in hit.around_anchor(1))
    url = jump_url(hit.guild_id, hit.anchor_channel_id, hit.anchor)
    return f"[{safe(text, answered.names, limit=TOPIC_CHARS)}]({url})"


def _cited(source: Source, guild_id: int, chars: int) -> Cited:
    return Cited(
        text=f"**{safe_name(source.speaker)[:64]}:** {safe(source.said, {}, limit=chars)}",
        caption=f"{source.day:%Y-%m-%d}",
        url=jump_url(guild_id, source.channel_id, source.message_id),
    )


def _hits_view(answered: Answered, asker: Asker, *, below: str) -> ui.LayoutView:
    title = f"### {title_of(answered)}" + (f"\n{note}" if (note := note_of(answered)) else "")
    bold = Matched(answered.query.text)
    hits = () if _is_unknown(answered) else answered.hits
    return public_view(title, [hit_item(hit, answered.names, asker, bold) for hit in hits], below=below)
