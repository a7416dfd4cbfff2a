"""Answers questions from hits, and says so where they do not tell."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.domain import AnswerCut, AnswerError, ServiceError
from bot.guilds import ZoneOf, utc_of
from bot.llm import CompletionRequest
from bot.recall.answers.prompt import ANSWER_TOKENS, SYSTEM, answer_schema, prompt_of, read_answer
from bot.recall.answers.sources import SOURCE_TOKENS, Source, sources_of
from bot.recall.answers.support import is_supported
from bot.text import SecretFinder

if TYPE_CHECKING:
    from bot.domain import Hit
    from bot.llm import Before, LanguageModel

log = logging.getLogger(__name__)

PURPOSE = "answer"
"""In the cost ledger."""

PATIENCE_SECONDS = 60.0
"""A member waits this long, the loading of the model included; then the hits have to do."""

NO_MODEL = "no language model is in use here"
NO_ANSWER = "the language model does not answer now"
NO_USE = "the language model gave no usable answer"

Stands = Callable[[], Awaitable[bool]]
"""Tells whether the hits are still what they were, and may still be shown to whoever asks."""


class _Gone(Exception):
    """The hits are not what they were any more, or may not be shown any more."""


class AnswerState(StrEnum):
    """What came of a question."""

    ANSWERED = "answered"
    UNKNOWN = "unknown"  # the hits do not tell, or the model said nothing that they support
    UNAVAILABLE = "unavailable"  # nobody could be asked


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, and the lines that say it."""

    text: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question.

    Attributes:
        sentences: at most three; none unless it is answered.
        why: why nobody could be asked.
    """

    state: AnswerState
    sentences: tuple[Sentence, ...] = ()
    why: str = ""

    @property
    def cited(self) -> tuple[Source, ...]:
        """The lines that the answer stands on, in the order of their first citation."""
        return tuple(dict.fromkeys(source for sentence in self.sentences for source in sentence.sources))


class Answers:
    """Asks the model, and lets through what the hits support.

    Args:
        model: None where none is in use.
        why_not: why there is none.
        seconds: how long an answer is waited for, the wait for a place included.
        at_once: places: so many questions are before the model at the same time, so that a burst of them neither keeps
            it from making memories nor counts against a host that has much to do.
        zone_of: where the members of a server are; it decides on which day something was said.
    """

    def __init__(
        self,
        model: LanguageModel | None,
        *,
        why_not: str = NO_MODEL,
        seconds: float = PATIENCE_SECONDS,
        at_once: int = 1,
        zone_of: ZoneOf = utc_of,
    ) -> None:
        self._zone_of = zone_of
        self._model = model
        self._why_not = why_not
        self._seconds = seconds
        self._places = asyncio.Semaphore(at_once)
        self._secrets = SecretFinder()

    async def answer(
        self,
        question: str,
        hits: Sequence[Hit],
        names: Mapping[int, str],
        *,
        stands: Stands,
        people: Collection[str] = (),
    ) -> Answer:
        """Answer `question` from `hits`; whatever goes wrong is a state of the answer, never an exception.

        Args:
            question: as it was asked, people by name.
            hits: what recall found, best first; nothing else is used.
            names: display names of everybody in the hits.
            stands: asked before each attempt at a model, for one may hang until another is asked in its place; where
                they do not stand any more, no other model is shown them, and nothing is known.
            people: names of members in the question.
        """
        if not hits:
            return Answer(AnswerState.UNKNOWN)
        if self._model is None:
            return Answer(AnswerState.UNAVAILABLE, why=self._why_not)

        async def before() -> None:
            if not await stands():
                raise _Gone

        try:
            async with asyncio.timeout(self._seconds), self._places:
                return await self._asked(self._model, question, hits, names, {*people, *names.values()}, before)
        except _Gone:
            log.info("A question was not answered: what it was to be answered from went or changed")
            return Answer(AnswerState.UNKNOWN)
        except (ServiceError, TimeoutError) as error:
            log.info("A question was not answered: %s", error if isinstance(error, ServiceError) else "no answer yet")
            return Answer(AnswerState.UNAVAILABLE, why=NO_ANSWER)
        except AnswerError as error:
            log.info("A question was not answered: %s", error)
            return Answer(AnswerState.UNAVAILABLE, why=NO_USE)

    async def _asked(
        self,
        model: LanguageModel,
        question: str,
        hits: Sequence[Hit],
        names: Mapping[int, str],
        people: Collection[str],
        before: Before,
    ) -> Answer:
        sources = await self._sources(hits, names)
        if not sources:
            return Answer(AnswerState.UNKNOWN)
        asked = self._secrets.redact(question)
        try:
            proposed = await self._said(model, asked, sources, before)
        except AnswerCut:  # once more with half of it
            sources = await self._sources(hits, names, SOURCE_TOKENS // 2)
            if not sources:
                raise
            proposed = await self._said(model, asked, sources, before)
        sentences = tuple(filter(None, (self._sentence(text, ns, sources, question, people) for text, ns in proposed)))
        return Answer(AnswerState.ANSWERED if sentences else AnswerState.UNKNOWN, sentences)

    async def _sources(
        self, hits: Sequence[Hit], names: Mapping[int, str], tokens: int = SOURCE_TOKENS
    ) -> list[Source]:
        """The lines of hits; looking for secrets in lines full of figures takes a while."""
        zone = self._zone_of(hits[0].guild_id)
        return await asyncio.to_thread(sources_of, hits, names, self._secrets.redact, zone=zone, tokens=tokens)

    @staticmethod
    async def _said(
        model: LanguageModel, question: str, sources: Sequence[Source], before: Before
    ) -> list[tuple[str, list[int]]]:
        completion = await model.complete(
            CompletionRequest(
                system=SYSTEM,
                prompt=prompt_of(question, sources),
                schema=answer_schema(len(sources)),
                max_tokens=ANSWER_TOKENS,
                purpose=PURPOSE,
                before=before,
            )
        )
        return read_answer(completion.text, {source.number for source in sources})

    @staticmethod
    def _sentence(
        text: str, numbers: Collection[int], sources: Sequence[Source], question: str, people: Collection[str]
    ) -> Sentence | None:
        cited = tuple(source for source in sources if source.number in numbers)
        hits = {source.hit for source in cited}
        around = [source for source in sources if source.hit in hits]
        supported = is_supported(text, cited, around, question=question, people=people)
        return Sentence(text, cited) if supported else None
