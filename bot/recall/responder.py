"""From a question to what is shown of it: what recall finds, and what the model says from that."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bot.domain import Hit, MemoryKind, people_in
from bot.recall.answers import Answer, Answers, AnswerState, Material
from bot.recall.hits import memory_hit
from bot.recall.presenter import Presenter, Reading
from bot.recall.query import RecallQuery
from bot.recall.service import Recall

HITS = 20
"""From so many hits a question is answered, and so many characters of them."""
CHARS = 8_000

NEAREST = 3
"""Places that are named where nothing tells the answer."""


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
        hits: all that was found and may be shown, best first; of memories those that hold.
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

    @property
    def nearest(self) -> tuple[Hit, ...]:
        """Where it came up, for an answer that is not known: what was talked about, or else the best hits."""
        topics = [hit for hit in self.hits if hit.memory is not None and hit.memory.kind is MemoryKind.TOPIC]
        return tuple(topics or self.hits)[:NEAREST]


class Responder:
    """Answers questions, for one member or for everybody in a channel.

    Args:
        recall: finds.
        answers: asks the model.
        presenter: compares what was found.
        names: of the members.
        embeds_at_home: whether what the model wants to look for may be embedded: it may hold words of messages.
    """

    def __init__(
        self,
        recall: Recall,
        answers: Answers,
        presenter: Presenter,
        names: Names,
        *,
        embeds_at_home: bool = False,
    ) -> None:
        self._embeds_at_home = embeds_at_home
        self._recall = recall
        self._answers = answers
        self._presenter = presenter
        self._names = names

    async def respond(self, query: RecallQuery, reading: Reading, *, answer: bool = True) -> Answered:
        """What `query` finds in what `reading` tells, compared with Discord, and an answer from it where one is wanted.

        What may not be read any more before a model is asked is not shown to it, and when it has thought it is in no
        answer.
        """
        wanted = replace(
            query, channel_ids=await reading(), limit=HITS, max_chars=CHARS, for_answer=answer or query.for_answer
        )
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
        query = presented.query
        known = await self._with_past(presented, reading)

        async def stands() -> bool:
            return not await self._presenter.changed(known.material.hits, reading)

        async def search_again(words: str) -> Material:
            nonlocal known
            second = await self._second(query, words, reading)
            known = known.behind(await self._with_past(second, reading))
            return known.material

        reply = await self._answers.answer(query, known.material, stands=stands, search_again=search_again)
        compared = await self._presenter.again(query.guild_id, known.material.hits, reading)
        hits = known.material.hits
        cited = tuple(hits[place] for place in sorted({source.hit for source in reply.cited}))
        if not all(hit in compared.items for hit in cited):
            reply, cited = Answer(AnswerState.UNKNOWN), ()
        return replace(
            presented,
            hits=tuple(hit for hit in compared.items if hit in known.presented.hits),
            names=known.material.names,
            answer=reply,
            cited=cited,
            incomplete=known.presented.incomplete or compared.incomplete,
        )

    async def _second(self, query: RecallQuery, words: str, reading: Reading) -> Answered:
        """What is found with the words that the model looks for."""
        by_meaning = query.by_meaning and self._embeds_at_home
        second = replace(query, text=words, earlier="", by_meaning=by_meaning, for_answer=True)
        return await self.respond(second, reading, answer=False)

    async def _with_past(self, presented: Answered, reading: Reading) -> _Known:
        """What was found, and behind each memory what it replaced."""
        ids = [hit.memory.id for hit in presented.hits if hit.memory is not None]
        guild_id = presented.query.guild_id
        past = await self._presenter.past(guild_id, ids, reading) if ids else {}
        hits = []
        for hit in presented.hits:
            older = past.get(hit.memory.id, ()) if hit.memory is not None else ()
            hits += [hit, *(memory_hit(memory, hit.score) for memory in older)]
        added = frozenset(memory.id for memories in past.values() for memory in memories)
        people = {user_id for hit in hits for user_id in hit.author_ids} | people_in(hit.text for hit in hits)
        named = await self._names.find(guild_id, presented.query.in_full)
        names = {**named, **presented.names, **await self._names.names(guild_id, people)}
        return _Known(presented, Material(tuple(hits), names, added))


@dataclass(frozen=True, slots=True)
class _Known:
    """What was found, as it may be shown to the asker and to the model."""

    presented: Answered
    material: Material

    def behind(self, second: _Known) -> _Known:
        """This behind what a second search found; what both found stands once."""
        news = [hit for hit in second.material.hits if not any(_is_same(hit, old) for old in self.material.hits)]
        names = {**self.material.names, **second.material.names}
        past = self.material.past | second.material.past
        incomplete = self.presented.incomplete or second.presented.incomplete
        hits = (*self.presented.hits, *(hit for hit in second.presented.hits if hit in news))
        presented = replace(self.presented, hits=hits, incomplete=incomplete)
        return _Known(presented, Material((*news, *self.material.hits), names, past))


def _is_same(hit: Hit, other: Hit) -> bool:
    """Whether two hits are the same memory, or one quotes nothing that the other does not."""
    if hit.memory is not None or other.memory is not None:
        return hit.memory is not None and other.memory is not None and hit.memory.id == other.memory.id
    return set(hit.message_ids) <= set(other.message_ids)
