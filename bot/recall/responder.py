"""From a question to what is shown of it: what recall finds, and what the model says from that."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bot.domain import Hit, people_in, with_names
from bot.recall.answers import Answer, Answers, AnswerState
from bot.recall.presenter import Presenter, Reading
from bot.recall.query import RecallQuery
from bot.recall.service import Recall

HITS = 10
"""From so many hits a question is answered, and so many characters of them."""
CHARS = 6_000


class Names(Protocol):
    """Knows the members of servers by their names."""

    async def names(self, guild_id: int, user_ids: Collection[int]) -> dict[int, str]:
        """Display names of those members who are known."""

    async def find(self, guild_id: int, text: str) -> dict[int, str]:
        """Members whose name, or a word of it, occurs in `text`, with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a question found and what the model made of it.

    Attributes:
        hits: all that was found and may be shown, best first.
        names: display names of everybody in it.
        answer: None where none was wanted.
        cited: the hits that the answer stands on.
        notes: one line for each thing that recall had to do without.
        incomplete: whether something is left out because it could not be compared with Discord.
    """

    query: RecallQuery
    hits: tuple[Hit, ...]
    names: Mapping[int, str]
    answer: Answer | None = None
    cited: tuple[Hit, ...] = ()
    notes: tuple[str, ...] = ()
    incomplete: bool = False

    @property
    def is_answered(self) -> bool:
        """Whether there is an answer."""
        return self.answer is not None and self.answer.state is AnswerState.ANSWERED

    @property
    def shown(self) -> tuple[Hit, ...]:
        """What is shown first: of an answer the hits that it stands on, else all of them."""
        return self.cited if self.is_answered else self.hits


class Responder:
    """Answers questions, for one member or for everybody in a channel.

    Args:
        recall: finds.
        answers: asks the model.
        presenter: compares what was found.
        names: of the members.
    """

    def __init__(self, recall: Recall, answers: Answers, presenter: Presenter, names: Names) -> None:
        self._recall = recall
        self._answers = answers
        self._presenter = presenter
        self._names = names

    async def respond(self, query: RecallQuery, reading: Reading, *, answer: bool = True) -> Answered:
        """What `query` finds in what `reading` tells, compared with Discord, and an answer from it where one is wanted.

        What may not be read any more before a model is asked is not shown to it, and when it has thought it is in no
        answer.
        """
        wanted = replace(query, channel_ids=await reading(), limit=HITS, max_chars=CHARS)
        result = await self._recall.search(wanted)
        presented = replace(await self.again(query, result.hits, reading), notes=result.notes)
        return await self._answered(presented, reading) if answer else presented

    async def again(self, query: RecallQuery, hits: Sequence[Hit], reading: Reading) -> Answered:
        """Of what was found before, what is still there and lies in what `reading` tells, compared with Discord."""
        compared = await self._presenter.again(query.guild_id, hits, reading)
        stored = [query.text, *(hit.text for hit in compared.items)]
        people = {user_id for hit in compared.items for user_id in hit.author_ids} | people_in(stored)
        names = await self._names.names(query.guild_id, people)
        return Answered(query=query, hits=compared.items, names=names, incomplete=compared.incomplete)

    async def _answered(self, presented: Answered, reading: Reading) -> Answered:
        query, hits = presented.query, presented.hits
        named = await self._names.find(query.guild_id, query.text)

        async def stands() -> bool:
            return not await self._presenter.changed(hits, reading)

        question = with_names(query.text, presented.names)
        reply = await self._answers.answer(question, hits, presented.names, stands=stands, people=list(named.values()))
        compared = await self._presenter.again(query.guild_id, hits, reading)
        cited = tuple(hits[place] for place in sorted({source.hit for source in reply.cited}))
        if not all(hit in compared.items for hit in cited):
            reply, cited = Answer(AnswerState.UNKNOWN), ()
        incomplete = presented.incomplete or compared.incomplete
        return replace(presented, hits=compared.items, answer=reply, cited=cited, incomplete=incomplete)
