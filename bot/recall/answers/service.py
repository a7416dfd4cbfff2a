"""Answers questions from what was found in two calls: one answers, one checks, and says so where nothing tells."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.domain import AnswerError, Clock, Phrase, ServiceError, people_in, snowflake, system_clock, with_names
from bot.guilds import ZoneOf, utc_of
from bot.recall.answers.check import AnswerCheck
from bot.recall.answers.drafting import Drafting, SearchAgain
from bot.recall.answers.evidence import Evidence, Material, Source
from bot.recall.answers.exact import Cited, checked
from bot.recall.answers.prompt import AskedNow, Draft, is_called, words_of
from bot.remember import Refusal
from bot.text import SecretFinder

if TYPE_CHECKING:
    from datetime import tzinfo

    from bot.llm import LanguageModel
    from bot.recall.query import RecallQuery

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 60.0
"""A member waits this long, the loading of the model included; then the hits have to do."""

NO_MODEL = Phrase("no language model is in use here")
NO_ANSWER = Phrase("the language model does not answer now")
NO_USE = Phrase("the language model gave no usable answer")

MOST_SPEAKERS = 3
"""Who is named behind a sentence."""

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
    """One sentence, and the lines that say it.

    Attributes:
        text: people by name.
        speakers: names of those whose word it is, as far as the sentence does not name them itself.
    """

    text: str
    sources: tuple[Source, ...]
    speakers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question.

    Attributes:
        sentences: at most eight; none unless it is answered.
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
        check: judges what the model answers; None for the model itself.
        why_not: why there is none.
        seconds: how long an answer is waited for, the wait for a place included.
        at_once: places: so many questions are before the model at the same time, so that a burst of them neither keeps
            it from making memories nor counts against a host that has much to do.
        zone_of: where the members of a server are; it decides on which day something was said.
        clock: the local clock.
    """

    def __init__(
        self,
        model: LanguageModel | None,
        *,
        check: AnswerCheck | None = None,
        why_not: str = NO_MODEL,
        seconds: float = PATIENCE_SECONDS,
        at_once: int = 1,
        zone_of: ZoneOf = utc_of,
        clock: Clock = system_clock,
    ) -> None:
        self._zone_of = zone_of
        self._clock = clock
        self._model = model
        self._check = check or (None if model is None else AnswerCheck(model))
        self._why_not = why_not
        self._seconds = seconds
        self._places = asyncio.Semaphore(at_once)
        self._secrets = SecretFinder()

    async def answer(
        self, query: RecallQuery, material: Material, *, stands: Stands, search_again: SearchAgain | None = None
    ) -> Answer:
        """Answer a question from what was found; whatever goes wrong is a state of the answer, never an exception.

        Args:
            query: the question.
            material: what recall found; nothing else is used.
            stands: asked before each attempt at a model, for one may hang until another is asked in its place; where
                they do not stand any more, no other model is shown them, and nothing is known.
            search_again: used at most once, where the model says that something else must be looked up first.
        """
        if not material.hits:
            return Answer(AnswerState.UNKNOWN)
        if self._model is None or self._check is None:
            return Answer(AnswerState.UNAVAILABLE, why=self._why_not)

        async def before() -> None:
            if not await stands():
                raise _Gone

        zone = self._zone_of(query.guild_id)
        asked = self._asked(query, zone)
        drafting = Drafting(self._model, self._secrets, asked, zone, before)
        try:
            async with asyncio.timeout(self._seconds), self._places:
                draft, evidence = await drafting.draft(material, search_again)
                passed = await asyncio.to_thread(self._passed, draft, evidence, asked)
                drafted = [(sentence.text, numbers) for sentence, numbers in passed]
                said = await self._check.said(asked, evidence, drafted, before) if passed else []
        except _Gone:
            log.info("A question was not answered: what it was to be answered from went or changed")
            return Answer(AnswerState.UNKNOWN)
        except (ServiceError, TimeoutError) as error:
            log.info("A question was not answered: %s", error if isinstance(error, ServiceError) else "no answer yet")
            return Answer(AnswerState.UNAVAILABLE, why=NO_ANSWER)
        except AnswerError as error:
            log.info("A question was not answered: %s", error)
            return Answer(AnswerState.UNAVAILABLE, why=NO_USE)
        names = evidence.names
        sentences = tuple(
            replace(sentence, text=with_names(sentence.text, names))
            for (sentence, _), is_said in zip(passed, said, strict=True)
            if is_said
        )
        return Answer(AnswerState.ANSWERED if sentences else AnswerState.UNKNOWN, sentences)

    def _asked(self, query: RecallQuery, zone: tzinfo) -> AskedNow:
        moments = (query.asked_at, query.until, snowflake.from_ms(self._clock()))
        at = snowflake.to_datetime(next(moment for moment in moments if moment is not None)).astimezone(zone)
        text, earlier = map(self._secrets.redact, (query.text, query.earlier))
        return AskedNow(text=text, earlier=earlier, at=at, asker_id=query.asker_id)

    def _passed(self, draft: Draft, evidence: Evidence, asked: AskedNow) -> list[tuple[Sentence, tuple[int, ...]]]:
        """The sentences that pass the exact checks, people still as references, with the numbers of their lines."""
        everybody = {author_id for _, numbers in draft.sentences for author_id in _authors(numbers, evidence)}
        names = {name.casefold() for name in evidence.names.values()}
        passed = []
        refusals: Counter[str] = Counter()
        for text, numbers in draft.sentences:
            sources = tuple(evidence.sources[n] for n in numbers)
            cited = Cited(
                message_ids={source.message_id for source in sources},
                said_on={source.day for source in sources},
                counts={len(numbers), len(_authors(numbers, evidence)), len(everybody)},
                names=names,
                today=asked.at.date(),
            )
            resolved, everybody_known = evidence.transcript.resolved(text)
            result = checked(resolved, cited, evidence.hearing, self._secrets) if everybody_known else Refusal.PERSON
            if isinstance(result, Refusal):
                refusals[result.value] += 1
            else:
                passed.append((Sentence(result, sources, _speakers(result, numbers, evidence)), numbers))
        if refusals:
            log.info("Of %d sentences of an answer some are not shown: %s", len(draft.sentences), dict(refusals))
        return passed


def _authors(numbers: Sequence[int], evidence: Evidence) -> list[int]:
    """Who said the lines of these numbers."""
    return list(dict.fromkeys(author_id for n in numbers for author_id in evidence.sources[n].author_ids))


def _speakers(text: str, numbers: Sequence[int], evidence: Evidence) -> tuple[str, ...]:
    """Whose word a sentence is, but for those whom it names."""
    words, mentioned = words_of(text), people_in([text])
    unnamed = [author_id for author_id in _authors(numbers, evidence) if author_id not in mentioned]
    names = [evidence.names[author_id] for author_id in unnamed if author_id in evidence.names]
    return tuple(name for name in names if not is_called(name, words))[:MOST_SPEAKERS]
