"""What a question found or was answered, rendered for the asker alone or posted for everybody."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Self

import discord
from discord import ui

from bot.domain import Hit, jump_url
from bot.languages import Language, Languages
from bot.memories import Asker
from bot.recall import Answer, Answered, AnswerState, Matched, Reading, Sentence, Source
from cogs import texts
from cogs.faults import UNREACHABLE, why
from cogs.hits import hit_item
from cogs.publishing import Place, Publisher
from cogs.rendering import safe, safe_name
from cogs.views.answer import CitedLine, answer_box
from cogs.views.pages import PER_PAGE
from cogs.views.public import public_view

log = logging.getLogger(__name__)

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
    """Shows what was found and answered: to everybody in the language of their server."""

    def __init__(self, publisher: Publisher, languages: Languages) -> None:
        self._publisher = publisher
        self._languages = languages

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
        note: str = "",
    ) -> discord.Message | None:
        """Post what was found for everybody in `place`, at most so many hits of it.

        Returns:
            None where something of it was changed, or may not be shown there any more: then none of it is seen.
        """
        shown, view = self._public(place.guild, answered, asker, most, note)
        return await self._publisher.post(
            place, view, reading, asker=asker, asked_id=asked_id, cited=shown.shown, answers=answers
        )

    async def revise(
        self, message: discord.Message, answered: Answered, asker: Asker, reading: Reading, *, most: int = PER_PAGE
    ) -> bool:
        """Let what was posted show the answer, or why there is none; False as None for `publish`."""
        shown, view = self._public(message.guild, answered, asker, most, "")
        return await self._publisher.revise(message, view, reading, cited=shown.shown)

    async def take_back(self, message: discord.Message) -> None:
        """Have what was posted deleted before long."""
        await self._publisher.take_back(message)

    def posting(
        self,
        place: Place,
        asker: Asker,
        reading: Reading,
        *,
        asked_id: int,
        most: int = PER_PAGE,
        answers: discord.Message | None = None,
    ) -> Posting:
        """One answer for everybody, from what is found first to what the model says; arguments as of `publish`."""
        return Posting(self, place, asker, reading, asked_id=asked_id, most=most, answers=answers)

    def _public(
        self, guild: discord.Guild | None, answered: Answered, asker: Asker, most: int, note: str
    ) -> tuple[Answered, ui.LayoutView]:
        language = self._languages.of("" if guild is None else guild.preferred_locale)
        below = language.translated(texts.shared_by(asker.user_id))
        if answered.is_answered:
            return answered, self.view(answered, language, below=below)
        shown = replace(answered, hits=_instead(answered)[:most])
        note = language.translated(note) or note_of(shown, language)
        return shown, _hits_view(shown, asker, language, note, below=below)

    def view(self, answered: Answered, language: Language, *, below: str) -> ui.LayoutView:
        """The answer with its citations, for everybody."""
        view = ui.LayoutView(timeout=None)
        view.add_item(self.box(answered, title_of(answered, language), language, below=below))
        return view

    @staticmethod
    def box(answered: Answered, title: str, language: Language, *, below: str) -> ui.Container[ui.LayoutView]:
        """The answer with its citations, or where it came up, for a view."""
        if not answered.is_answered:
            lines = [title, note_of(answered, language), *([f"-# {below}"] if below else [])]
            return ui.Container(ui.TextDisplay("\n".join(lines)))
        answer = answered.answer or Answer(AnswerState.UNKNOWN)
        each = max(1, MOST_CITED // max(1, len(answer.sentences)))
        sources = list(dict.fromkeys(source for sentence in answer.sentences for source in sentence.sources[:each]))
        sentences = [
            (_sentence(sentence), [sources.index(source) for source in sentence.sources[:each]])
            for sentence in answer.sentences
        ]
        for linked, chars in SHORTER:
            cited = [_cited(source, answered.query.guild_id, chars) for source in sources]
            box = answer_box(title, sentences, cited, below=below, linked=linked)
            if sum(len(part.content) for part in box.walk_children() if isinstance(part, ui.TextDisplay)) <= MAX_TEXT:
                break
        return box


def _instead(answered: Answered) -> tuple[Hit, ...]:
    """What is shown in place of an answer: of one that is not known only where it came up."""
    return answered.nearest if is_unknown(answered) else answered.hits


def is_unknown(answered: Answered) -> bool:
    """Whether the model was asked, and what was found does not tell."""
    return answered.answer is not None and answered.answer.state is AnswerState.UNKNOWN


def _sentence(sentence: Sentence) -> str:
    """A sentence, and behind it whose word it is where it does not say so itself."""
    text = safe(sentence.text, {}, limit=SENTENCE_CHARS)
    names = ", ".join(safe_name(name, limit=40) for name in sentence.speakers)
    return f"{text} — {names}" if names else text


class Posting:
    """One answer in public; what Discord declines is noted in the log and not shown.

    Where the block ends by an error, what was posted meanwhile goes: nobody would add the answer to it.
    """

    def __init__(
        self,
        answering: Answering,
        place: Place,
        asker: Asker,
        reading: Reading,
        *,
        asked_id: int,
        most: int,
        answers: discord.Message | None,
    ) -> None:
        self._answering = answering
        self._place = place
        self._asker = asker
        self._reading = reading
        self._asked_id = asked_id
        self._most = most
        self._answers = answers
        self._message: discord.Message | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and self._message is not None:
            await self._answering.take_back(self._message)

    async def meanwhile(self, so_far: Answered) -> None:
        """Post what was found while the answer is being written."""
        try:
            self._message = await self._publish(so_far, texts.STILL_WRITING)
        except UNREACHABLE as error:
            log.info("What was found on question %d could not be posted (%s)", self._asked_id, why(error))

    async def finish(self, answered: Answered) -> discord.Message | None:
        """Let the post show the answer, or why there is none; None where there is no such post.

        Where nothing of what was found may be shown any more, what was posted meanwhile goes.
        """
        if not answered.shown:
            if self._message is not None:
                await self._answering.take_back(self._message)
            return None
        try:
            if self._message is None:
                return await self._publish(answered)
            done = await self._answering.revise(self._message, answered, self._asker, self._reading, most=self._most)
        except UNREACHABLE as error:
            log.info("The answer to question %d could not be posted (%s)", self._asked_id, why(error))
            return None
        return self._message if done else None

    async def _publish(self, answered: Answered, note: str = "") -> discord.Message | None:
        return await self._answering.publish(
            self._place,
            answered,
            self._asker,
            self._reading,
            asked_id=self._asked_id,
            most=self._most,
            answers=self._answers,
            note=note,
        )


def title_of(answered: Answered, language: Language) -> str:
    """The question as a title for everybody, and that it was understood with the one before it.

    That one is not repeated: it may be somebody else's, and it must go when its own message goes.
    """
    title = f"### {safe(answered.query.text, answered.names, limit=150)}"
    return f"{title}\n-# {language.translated(texts.NOT_ALONE)}" if answered.query.earlier else title


def title_with_earlier(answered: Answered, language: Language) -> str:
    """The question as a title for its asker, and below it their question before it."""
    title = f"### {safe(answered.query.text, answered.names, limit=150)}"
    return f"{title}\n-# {after(answered, language)}" if answered.query.earlier else title


def after(answered: Answered, language: Language) -> str:
    """The question before, which this one was understood with; "" where there is none."""
    earlier = answered.query.earlier
    return language.translated(texts.AFTER) + safe(earlier, answered.names, limit=100) if earlier else ""


def note_of(answered: Answered, language: Language) -> str:
    """One line on why there is no answer, where one was wanted and there are hits to show instead."""
    match answered.answer if answered.hits else None:
        case Answer(state=AnswerState.UNKNOWN):
            return language.translated(texts.not_known([_place(hit, answered, language) for hit in answered.nearest]))
        case Answer(state=AnswerState.UNAVAILABLE, why=why):
            return language.translated(texts.no_answer(why))
        case _:
            return ""


def _place(hit: Hit, answered: Answered, language: Language) -> str:
    """Where something came up: a few words with a link."""
    text = hit.text if hit.memory is not None else next(line.content for line in hit.around_anchor(1))
    url = jump_url(hit.guild_id, hit.anchor_channel_id, hit.anchor)
    place = f"[{safe(text, answered.names, limit=TOPIC_CHARS)}]({url})"
    doubt = None if hit.memory is None else hit.memory.doubt
    if doubt is None:
        return place
    newer = jump_url(hit.guild_id, doubt.channel_id, doubt.message_id)
    return f"{place} ({texts.may_have_changed(newer, language)})"


def _cited(source: Source, guild_id: int, chars: int) -> CitedLine:
    return CitedLine(
        text=f"**{safe_name(source.speaker, limit=64)}:** {safe(source.said, {}, limit=chars)}",
        caption=f"{source.day:%Y-%m-%d}",
        url=jump_url(guild_id, source.channel_id, source.message_id),
    )


def _hits_view(answered: Answered, asker: Asker, language: Language, note: str, *, below: str) -> ui.LayoutView:
    title = title_of(answered, language) + (f"\n{note}" if note else "")
    bold = Matched(answered.query.text)
    hits = () if is_unknown(answered) else answered.hits
    items = [hit_item(hit, answered.names, asker, language, bold) for hit in hits]
    return public_view(title, items, language, below=below)
