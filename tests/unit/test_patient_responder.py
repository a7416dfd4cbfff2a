"""What was found is shown where the answer takes long, and only there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from bot.domain.model import Hit, HitKind
from bot.recall import Answer, Answered, AnswerState, PatientResponder, RecallQuery

QUERY = RecallQuery(guild_id=1, text="?", channel_ids=frozenset())
HIT = Hit(
    kind=HitKind.MESSAGE,
    text="!",
    score=1.0,
    guild_id=1,
    channel_ids=frozenset({2}),
    message_ids=(3,),
    author_ids=(4,),
    anchor=3,
    anchor_channel_id=2,
)
FOUND = Answered(query=QUERY, hits=(HIT,), names={})
TOLD = replace(FOUND, answer=Answer(AnswerState.UNKNOWN))


class Slow:
    """A responder whose model thinks until it is told to stop."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.ended = False
        self.found = FOUND

    async def respond(self, query: RecallQuery, reading: object, *, answer: bool = True) -> Answered:
        if not answer:
            return self.found
        try:
            await self.done.wait()
        finally:
            self.ended = True
        return TOLD


async def reading() -> frozenset[int]:
    return frozenset()


async def ask(slow: Slow, seconds: float, *, raises: bool = False) -> tuple[Answered, list[Answered]]:
    shown: list[Answered] = []

    async def meanwhile(found: Answered) -> None:
        shown.append(found)
        slow.done.set()
        if raises:
            raise LookupError

    patient = PatientResponder(cast(Any, slow), seconds=seconds)
    async with asyncio.timeout(5):
        return await patient.respond(QUERY, reading, meanwhile), shown


async def test_where_the_answer_is_late_what_was_found_comes_first() -> None:
    assert await ask(Slow(), 0.01) == (TOLD, [FOUND])


async def test_where_it_is_quick_it_comes_alone() -> None:
    slow = Slow()
    slow.done.set()
    assert await ask(slow, 60) == (TOLD, [])


async def test_where_nothing_was_found_nothing_is_shown() -> None:
    slow = Slow()
    slow.found = replace(FOUND, hits=())
    asyncio.get_running_loop().call_later(0.05, slow.done.set)
    assert await ask(slow, 0.01) == (TOLD, [])


async def test_no_model_thinks_on_for_nobody() -> None:
    slow = Slow()
    with pytest.raises(LookupError):
        await ask(slow, 0.01, raises=True)
    assert slow.ended
    waiting = Slow()
    task = asyncio.create_task(ask(waiting, 60))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert waiting.ended
