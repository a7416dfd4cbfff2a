"""Decides what the statements of an answer are to what is there: by checks, and by the model where those end."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain import AnswerError, Citation, Memory, ServiceError
from bot.remember.applier import memory_id
from bot.remember.candidate import Candidate, Extraction
from bot.remember.choice import Chooser
from bot.remember.neighbours import Neighbours
from bot.remember.queue import Batch, Queue
from bot.remember.reconcile import Add, Merge, Open, Repeat, Verdict, reconcile

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Reconciled:
    """The verdicts on one answer.

    Attributes:
        verdicts: one for each candidate, in their order.
        calls: how often the model was asked.
        tokens: that those calls took.
    """

    verdicts: list[Verdict] = field(default_factory=list)
    calls: int = 0
    tokens: int = 0


class _Gone(Exception):
    """One of two statements to compare is not there any more."""


class Reconciler:
    """Compares statements with their neighbours."""

    def __init__(self, queue: Queue, neighbours: Neighbours, chooser: Chooser) -> None:
        self._queue = queue
        self._neighbours = neighbours
        self._chooser = chooser

    async def reconcile(self, batch: Batch, extraction: Extraction, rendered: Mapping[str, str]) -> Reconciled:
        """What each candidate is to what is there, and to the candidates before it.

        Args:
            batch: whose answer it is.
            extraction: the answer.
            rendered: the statements that were embedded ahead, by their texts; of others only words count.
        """
        done = Reconciled()
        if not extraction.candidates:
            return done
        work = await self._queue.work(batch)
        citations = {m.id: Citation(m.id, m.channel_id, m.author_id) for m in work.messages}
        before: list[Memory] = []
        for ordinal, candidate in enumerate(extraction.candidates):
            cited = tuple(citations[i] for i in sorted(set(candidate.message_ids)) if i in citations)
            near = await self._neighbours.near(
                guild_id=batch.guild_id,
                channel_id=batch.channel_id,
                text=candidate.text,
                rendered=rendered.get(candidate.text),
            )
            found = reconcile(candidate, [*before, *near], authors={c.author_id for c in cited})
            verdict = await self._settled(found, batch, before, done) if isinstance(found, Open) else found
            done.verdicts.append(verdict)
            if cited and not isinstance(verdict, Merge | Repeat):
                before.append(_provisional(batch, ordinal, candidate, cited))
        return done

    async def _settled(self, question: Open, batch: Batch, own: Sequence[Memory], done: Reconciled) -> Verdict:
        """What the model chooses; where it can't be asked, or answers with nothing usable, both statements stay.

        It is shown neither of them any more when one of them has gone: the newer, or the older, if that is none of
        the batch's `own`.
        """

        async def stand() -> None:
            there = question.older in own or await self._neighbours.holds(question.older)
            if not there or not await self._queue.holds_answer(batch):
                raise _Gone

        try:
            choice, call = await self._chooser.choose(question, stand)
        except _Gone:
            return Add()
        except (ServiceError, AnswerError) as error:
            log.warning("Reconciling by checks only: %s", type(error).__name__)
            done.calls += isinstance(error, AnswerError)
            return Add()
        done.calls += 1
        done.tokens += (call.prompt_tokens or 0) + (call.completion_tokens or 0)
        return question.verdict(choice)


def _provisional(batch: Batch, ordinal: int, candidate: Candidate, cited: tuple[Citation, ...]) -> Memory:
    """The memory that a candidate is going to be."""
    return Memory(
        id=memory_id(batch, ordinal),
        guild_id=batch.guild_id,
        kind=candidate.kind,
        text=candidate.text,
        citations=cited,
    )
