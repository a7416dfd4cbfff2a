"""The draft of an answer: the first call, once more with half of the lines, and once more after a second search."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import tzinfo
from typing import TYPE_CHECKING

from bot.domain import AnswerCut, people_in
from bot.llm import CompletionRequest
from bot.recall.answers.evidence import ROOM, Evidence, Material, evidence_of
from bot.recall.answers.prompt import (
    ANSWER_TOKENS,
    SYSTEM,
    AskedNow,
    Draft,
    answer_schema,
    prompt_of,
    read_answer,
)

if TYPE_CHECKING:
    from bot.llm import Before, LanguageModel
    from bot.text import SecretFinder

PURPOSE = "answer"
"""In the cost ledger."""

SearchAgain = Callable[[str], Awaitable[Material]]
"""Looks for other words, and gives what was found before with what is found now, the newly found first."""


class Drafting:
    """Has one question answered.

    Args:
        model: is asked.
        secrets: takes secrets out of what it is shown.
        asked: the question.
        zone: where the members are.
        before: see `CompletionRequest`.
    """

    def __init__(
        self, model: LanguageModel, secrets: SecretFinder, asked: AskedNow, zone: tzinfo, before: Before
    ) -> None:
        self._model = model
        self._secrets = secrets
        self._asked = asked
        self._zone = zone
        self._before = before

    async def draft(self, material: Material, search_again: SearchAgain | None) -> tuple[Draft, Evidence]:
        """What the model answers, and the lines that it was shown.

        Raises:
            AnswerError: it gave no usable answer.
            ServiceError: its service failed.
        """
        draft, evidence = await self._asked_for(material, may_search=search_again is not None)
        if not draft.search or search_again is None:
            return draft, evidence
        wider = await search_again(draft.search)
        if {hit.anchor for hit in wider.hits} == {hit.anchor for hit in material.hits}:
            return draft, evidence
        second, seen = await self._asked_for(wider, may_search=False)
        return (second, seen) if second.sentences or not draft.sentences else (draft, evidence)

    async def _asked_for(self, material: Material, *, may_search: bool) -> tuple[Draft, Evidence]:
        evidence = await self._evidence(material, ROOM)
        try:
            return await self._ask(evidence, may_search=may_search), evidence
        except AnswerCut:  # once more with half of it
            evidence = await self._evidence(material, ROOM // 2)
            return await self._ask(evidence, may_search=may_search), evidence

    async def _evidence(self, material: Material, room: int) -> Evidence:
        """The lines of hits; looking for secrets in lines full of figures takes a while."""
        people = people_in([self._asked.text, self._asked.earlier])
        return await asyncio.to_thread(evidence_of, material, self._secrets, self._zone, people=people, room=room)

    async def _ask(self, evidence: Evidence, *, may_search: bool) -> Draft:
        if not evidence.sources:
            return Draft(())
        completion = await self._model.complete(
            CompletionRequest(
                system=SYSTEM,
                prompt=prompt_of(self._asked, evidence),
                schema=answer_schema(len(evidence.sources), may_search=may_search),
                max_tokens=ANSWER_TOKENS,
                purpose=PURPOSE,
                before=self._before,
            )
        )
        return read_answer(completion.text, evidence.sources)
