"""Answering a question without keeping anybody waiting: where the model takes long, what was found is shown first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from bot.domain import cut_off

if TYPE_CHECKING:
    from bot.recall.presenter import Reading
    from bot.recall.query import RecallQuery
    from bot.recall.responder import Answered, Responder

Meanwhile = Callable[["Answered"], Awaitable[object]]
"""Shows what was found while the answer is being written."""


class PatientResponder:
    """Asks, and gives what was found to be shown where the answer is not there soon.

    Args:
        responder: finds and answers.
        seconds: how soon; whoever asks looks at nothing for so long. 0 is at once.
    """

    def __init__(self, responder: Responder, *, seconds: float) -> None:
        self._responder = responder
        self._seconds = seconds

    async def respond(self, query: RecallQuery, reading: Reading, meanwhile: Meanwhile) -> Answered:
        """The answer, or why there is none; the model's own patience ends it.

        Args:
            query: the question.
            reading: what those who will see the answer may read.
            meanwhile: called once at most, with hits that may be shown at that moment.
        """
        answering = asyncio.create_task(self._responder.respond(query, reading))
        try:
            if self._seconds:
                await asyncio.wait({answering}, timeout=self._seconds)
            if not answering.done():
                await self._show(query, reading, meanwhile, answering)
            return await answering
        finally:
            await cut_off({answering})

    async def _show(
        self, query: RecallQuery, reading: Reading, meanwhile: Meanwhile, answering: asyncio.Task[Answered]
    ) -> None:
        soon = await self._responder.respond(query, reading, answer=False)
        if soon.hits and not answering.done():
            await meanwhile(soon)
