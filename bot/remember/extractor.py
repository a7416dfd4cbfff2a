"""Asks a language model what in a segment is worth keeping, and keeps only what the gate lets through."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import UTC, tzinfo
from typing import Any

from bot.domain import AnswerCut, AnswerInvalid, MemoryKind, Message
from bot.llm import Before, CompletionRequest, LanguageModel
from bot.remember.candidate import Candidate, Extraction
from bot.remember.gate import MAX_CHARS, Gate, Proposal, Refusal
from bot.remember.grounding import grounded
from bot.remember.prompt import SYSTEM, Line, Transcript, answer_schema
from bot.remember.reconcile import same_statement

PURPOSE = "extraction"
ENDLESS_CHARS = 2 * MAX_CHARS
"""A first statement that was not through after so much would not be kept, and small models never end it."""
FEW_MESSAGES = 15
"""So many are let go together with such an answer; more are asked about again in halves, which costs a call each."""
ASKED_LINES = 2
"""How many lines of the person spoken to count as what a line answers."""


class Extractor:
    """Extracts memory candidates from one segment with one model call."""

    def __init__(self, model: LanguageModel, gate: Gate, zone: tzinfo = UTC) -> None:
        """Prepare extracting.

        Args:
            model: whom to ask.
            gate: what lets statements through.
            zone: where the members are; it decides which day "tomorrow" is.
        """
        self._model = model
        self._gate = gate
        self._zone = zone

    async def extract(
        self,
        messages: Sequence[Message],
        *,
        context: Sequence[Message],
        names: Mapping[int, str],
        facts_allowed: Container[int],
        bot_id: int | None,
        turn: AbstractAsyncContextManager[Before | None] | None = None,
    ) -> Extraction:
        """Extract from `messages`; `context` may be used by the model and not cited.

        The model is not asked where the segment holds nothing but greetings and the like.

        Args:
            messages: one segment, oldest first.
            context: what was said before it in the channel, oldest first.
            names: display names by user id, to understand who is spoken to.
            facts_allowed: members of whom self-stated facts and preferences may be kept.
            bot_id: this bot's own user id; talk to it is not kept.
            turn: entered when the prompt is ready, and left with the answer; gives what is awaited before each attempt.
                What it or that raises is passed on.

        Raises:
            AnswerInvalid: the answer is not the JSON asked for, or cites lines that don't exist.
            AnswerCut: the prompt did not fit, or the answer was cut in its first statement: fewer messages may help.
            ServiceError: the model's service failed.
        """
        transcript = Transcript(messages, context=context, names=names, secrets=self._gate.secrets, zone=self._zone)
        if not transcript.worth_asking:
            return Extraction()
        personal = {a for line in transcript.lines.values() if (a := line.message.author_id) in facts_allowed}
        lines = len(transcript.lines)
        prompt_tokens = completion_tokens = 0
        try:
            prompt, schema = transcript.prompt(personal), answer_schema(lines, personal=bool(personal))
            async with turn or nullcontext() as before:
                completion = await self._model.complete(
                    CompletionRequest(
                        system=SYSTEM,
                        prompt=prompt,
                        schema=schema,
                        max_tokens=transcript.answer_tokens,
                        purpose=PURPOSE,
                        before=before,
                    )
                )
            proposals = _proposals(completion.text, transcript)
            prompt_tokens, completion_tokens = completion.prompt_tokens or 0, completion.completion_tokens or 0
        except AnswerCut as error:
            proposals = _whole_proposals(error.said, transcript)
            if not proposals:
                if len(error.said) <= ENDLESS_CHARS or len(messages) > FEW_MESSAGES:
                    raise
                return Extraction(refusals={Refusal.LENGTH.value: 1}, calls=1)
        kept, refusals = self._judge(proposals, facts_allowed, bot_id)
        return Extraction(kept, refusals, 1, prompt_tokens, completion_tokens)

    def _judge(
        self, proposals: Sequence[Proposal], facts_allowed: Container[int], bot_id: int | None
    ) -> tuple[tuple[Candidate, ...], dict[str, int]]:
        kept: list[Candidate] = []
        refusals: Counter[str] = Counter()
        for proposal in proposals:
            try:
                verdict = self._gate.judge(proposal, facts_allowed=facts_allowed, bot_id=bot_id)
            except Exception as error:
                # a fault of the gate is the batch's, which dies in the end: no channel waits for its mending
                raise AnswerInvalid(f"a statement could not be judged ({type(error).__name__})") from error
            if isinstance(verdict, Refusal):
                refusals[verdict.value] += 1
            elif any(same_statement(verdict.text, other.text) for other in kept):
                refusals[Refusal.REPEATED.value] += 1
            else:
                kept.append(verdict)
        return tuple(kept), dict(refusals)


def _proposals(answer: str, transcript: Transcript) -> list[Proposal]:
    """Read a model's answer.

    Raises:
        AnswerInvalid: it is not the JSON asked for, or cites no line or lines that don't exist.
    """
    try:
        memories = json.loads(answer)["memories"]
        return [_proposal(memory, transcript) for memory in _list(memories)]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise AnswerInvalid(f"the answer is not the JSON asked for ({type(error).__name__})") from None


def _whole_proposals(cut: str, transcript: Transcript) -> list[Proposal]:
    """The statements that stand whole before the end of an answer that was cut.

    What a rambling answer would have said next is not asked for again: it is let off where it has said more than its
    lines do.

    Raises:
        AnswerInvalid: as `_proposals`.
    """
    ends = (match.end() for match in re.finditer(r"\}", cut))
    parts = (f"{cut[:end]}]}}" for end in reversed(list(ends)))
    whole = next((part for part in parts if _is_json(part)), None)
    return _proposals(whole, transcript) if whole else []


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _proposal(memory: Mapping[str, Any], transcript: Transcript) -> Proposal:
    text, kind = memory["text"], MemoryKind(memory["kind"])
    if not isinstance(text, str) or kind is MemoryKind.NOTE:
        raise TypeError
    text = text[:ENDLESS_CHARS]  # so long a one is refused
    numbers = dict.fromkeys(_list(memory["lines"]))
    if not numbers or any(type(n) is not int or n not in transcript.lines for n in numbers):
        raise AnswerInvalid("the answer cites no line, or lines that don't exist")
    stated, people, known = transcript.people_said(text)
    lines = grounded(stated, [transcript.lines[n] for n in numbers], transcript.lines.values())
    asked = _asked(lines, transcript)
    others = tuple(line for line in transcript.shown if line not in lines and line not in asked)
    return Proposal(kind, stated, people, known, lines, asked, others, transcript.named(stated))


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _asked(cited: Sequence[Line], transcript: Transcript) -> tuple[Line, ...]:
    """What the cited lines answer: the message replied to, and the last lines of whom they speak to."""
    asked: dict[int, Line] = {}
    for line in cited:
        before = [other for other in transcript.shown if other.message.id < line.message.id]
        asked.update((o.message.id, o) for o in before if o.message.id == line.message.reply_to)
        for person in line.meant:
            theirs = [other for other in before if other.message.author_id == person]
            asked.update((o.message.id, o) for o in theirs[-ASKED_LINES:])
    return tuple(asked.values())
