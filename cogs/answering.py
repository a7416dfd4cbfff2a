"""From a question to what is shown of it: an answer by the model where the hits support one, else the hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import discord
from discord import ui

from bot.domain import Hit, jump_url, with_names
from bot.memories import Asker
from bot.observe import Directory
from bot.recall import Answer, Answers, AnswerState, Matched, Reading, Recall, RecallQuery, Source
from cogs import texts
from cogs.hits import hit_item
from cogs.names import names_for
from cogs.publishing import Compared, Place, Publisher
from cogs.rendering import safe, safe_name
from cogs.views.answer import Cited, answer_view
from cogs.views.pages import PER_PAGE
from cogs.views.public import public_view

HITS = 10
"""From so many hits a question is answered, and so many characters of them."""
CHARS = 6_000

SENTENCE_CHARS = 380
LINE_CHARS = 220
"""Three sentences and nine lines of these with their links stay below the 4,000 characters of a view."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a question found and what the model made of it.

    Attributes:
        cited: the hits that may be shown; of an answer those that it stands on.
        answer: None where none was wanted.
    """

    query: RecallQuery
    cited: Compared
    names: Mapping[int, str]
    answer: Answer | None

    @property
    def answered(self) -> bool:
        """Whether there is an answer."""
        return self.answer is not None and self.answer.state is AnswerState.ANSWERED

    @property
    def note(self) -> str:
        """One line on why there is no answer, where one was wanted and there are hits to show instead."""
        match self.answer if self.cited.hits else None:
            case Answer(state=AnswerState.UNKNOWN):
                return texts.NOT_KNOWN
            case Answer(state=AnswerState.UNAVAILABLE, why=why):
                return texts.no_answer(why)
            case _:
                return ""


class Answering:
    """Asks recall and the model, for one member or for everybody in a channel."""

    def __init__(self, recall: Recall, answers: Answers, directory: Directory, publisher: Publisher) -> None:
        self._recall = recall
        self._answers = answers
        self._directory = directory
        self._publisher = publisher

    async def find(self, guild: discord.Guild, query: RecallQuery, reading: Reading, *, answer: bool) -> Answered:
        """What `query` finds in what `reading` tells, compared with Discord, and an answer from it where one is wanted.

        What may not be read any more before a model is asked is not shown to it, and when it has thought it is in no
        answer.
        """
        wanted = replace(query, channel_ids=await reading(), limit=HITS, max_chars=CHARS)
        result = await self._recall.search(wanted)
        presented = await self.again(guild, query, result.hits, reading)
        if not answer:
            return presented
        named = await self._directory.find(guild.id, query.text)
        question, hits = with_names(query.text, presented.names), presented.cited.hits

        async def stands() -> bool:
            return not await self._publisher.changed(hits, reading)

        reply = await self._answers.answer(question, hits, presented.names, stands=stands, people=list(named.values()))
        cited = await self._publisher.compared(guild.id, hits, reading)
        if reply.state is AnswerState.ANSWERED:
            stands_on = [hits[place] for place in sorted({source.hit for source in reply.cited})]
            if all(hit in cited.hits for hit in stands_on):
                cited = replace(cited, hits=tuple(stands_on))
            else:
                reply = Answer(AnswerState.UNKNOWN)
        return replace(presented, cited=cited, answer=reply)

    async def again(self, guild: discord.Guild, query: RecallQuery, hits: Sequence[Hit], reading: Reading) -> Answered:
        """Of what was found before, what is still there and lies in what `reading` tells, compared with Discord."""
        cited = await self._publisher.compared(guild.id, hits, reading)
        people = [user_id for hit in cited.hits for user_id in hit.author_ids]
        stored = [query.text, *(hit.text for hit in cited.hits)]
        return Answered(query, cited, await names_for(guild, self._directory, people, stored), None)

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
        shown = (
            answered
            if answered.answered
            else replace(answered, cited=replace(answered.cited, hits=answered.cited.hits[:most]))
        )
        below = texts.shared_by(asker.user_id)
        view = self.view(shown, below=below) if shown.answered else _hits_view(shown, asker, below=below)
        return await self._publisher.post(
            place, view, reading, asker=asker, asked_id=asked_id, cited=shown.cited, answers=answers
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


def _cited(source: Source, guild_id: int) -> Cited:
    return Cited(
        text=f"**{safe_name(source.speaker)[:64]}:** {safe(source.said, {}, limit=LINE_CHARS)}",
        caption=f"{source.day:%Y-%m-%d}",
        url=jump_url(guild_id, source.channel_id, source.message_id),
    )


def _hits_view(answered: Answered, asker: Asker, *, below: str) -> ui.LayoutView:
    title = f"### {title_of(answered)}" + (f"\n{answered.note}" if answered.note else "")
    bold = Matched(answered.query.text)
    return public_view(title, [hit_item(hit, answered.names, asker, bold) for hit in answered.cited.hits], below=below)
