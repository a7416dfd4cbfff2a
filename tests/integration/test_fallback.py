"""OLLAMA_FALLBACK: what happens while Ollama does not answer, against real HTTP servers and a real ledger."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiolimiter import AsyncLimiter

from bot.domain.errors import AnswerCut, ServiceGivenUp, ServiceUnavailable
from bot.llm.base import Before, Completion, CompletionRequest, LanguageModel
from bot.llm.costs import Ledger
from bot.llm.fallback import Course, FallbackModel
from bot.llm.guarded import GuardedModel
from bot.llm.ollama import OllamaModel
from bot.llm.openai import OpenAIModel
from bot.llm.resilience import Breaker, Guard
from bot.storage.engine import open_database
from tests.fixtures.prices import list_prices
from tests.fixtures.storage import FakeClock
from tests.loopback.http import Fault
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI

SCHEMA = {"type": "object", "properties": {"memories": {"type": "array", "items": {"type": "string"}}}}
AFTER = 900.0
FAILURES = 3  # that open the breaker


class Stopwatch:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Scene:
    model: FallbackModel
    ollama: LoopbackOllama
    openai: LoopbackOpenAI
    stopwatch: Stopwatch
    clock: FakeClock

    async def ask(self, before: Before | None = None) -> Completion:
        return await self.model.complete(
            CompletionRequest(
                system="Extract.",
                prompt="1 @A: hello",
                schema=SCHEMA,
                max_tokens=100,
                purpose="extraction",
                before=before,
            )
        )

    async def answers(self, most: int) -> int:
        """Ask until nobody answers any more; how many answers there were."""
        for count in range(most):
            try:
                await self.ask()
            except ServiceUnavailable:
                return count
        return most

    def course(self) -> Course:
        return self.model.standing.course

    async def outlast(self) -> None:
        """Let Ollama be away for so long that something has to be done."""
        self.ollama.fail(Fault.STATUS, status=500)
        with pytest.raises(ServiceUnavailable):
            await self.ask()
        self.stopwatch.seconds += AFTER


@asynccontextmanager
async def scene(folder: Path, clock: FakeClock, *, skip: bool = False, budget: float = 1.0) -> AsyncIterator[Scene]:
    stopwatch = Stopwatch()
    async with LoopbackOllama() as ollama, LoopbackOpenAI(api_key="k") as openai, open_database(None, folder) as db:
        ledger = Ledger(db, clock)

        def guarded(model: LanguageModel) -> GuardedModel:
            breaker = Breaker(threshold=FAILURES, cooldown=10, now=stopwatch)
            guard = Guard(
                model.provider, limiter=AsyncLimiter(100, 1), timeout=5, breaker=breaker, retries=0, probe=model.check
            )
            return GuardedModel(model, guard, ledger)

        model = FallbackModel(
            guarded(OllamaModel(ollama.url, "llama3.1:8b")),
            None if skip else guarded(OpenAIModel("k", "gpt-4o-mini", base_url=openai.api_url)),
            after_seconds=AFTER,
            daily_budget=budget,
            ledger=ledger,
            prices=list_prices(),
            title="OpenAI",
            clock=clock,
            now=stopwatch,
        )
        try:
            yield Scene(model, ollama, openai, stopwatch, clock)
        finally:
            await model.aclose()


async def test_a_short_absence_changes_nothing(migrated_dir: Path, clock: FakeClock) -> None:
    async with scene(migrated_dir, clock) as at:
        at.ollama.fail(Fault.STATUS, status=500)
        for _ in range(5):
            with pytest.raises(ServiceUnavailable):
                await at.ask()
            at.stopwatch.seconds += (AFTER - 1) / 5
        assert at.course() is Course.ORDINARY
        assert at.openai.requests == []


async def test_openai_takes_over_and_gives_back_and_each_switch_is_logged_once(
    migrated_dir: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "bot.llm.fallback")
    async with scene(migrated_dir, clock) as at:
        assert (await at.ask()).provider == "ollama"
        await at.outlast()
        assert [(await at.ask()).provider for _ in range(6)] == ["openai"] * 6
        assert at.course() is Course.SUBSTITUTE
        at.ollama.heal()
        at.stopwatch.seconds += 300
        assert (await at.ask()).provider == "ollama"
        assert at.course() is Course.ORDINARY
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "ollama does not answer",
        "ollama answers again and makes the memories",
    ]


async def test_while_the_breaker_is_open_ollama_is_left_alone_and_its_health_check_ends_that(
    migrated_dir: Path, clock: FakeClock
) -> None:
    async with scene(migrated_dir, clock) as at:
        await at.outlast()
        for _ in range(10):
            await at.ask()
        assert len(at.ollama.requests) == FAILURES
        at.ollama.heal()
        at.stopwatch.seconds += 10
        before = len(at.ollama.asked("/api/tags"))
        assert (await at.ask()).provider == "ollama"
        assert len(at.ollama.asked("/api/tags")) == before + 1


async def test_the_budget_of_the_day_is_not_exceeded_and_the_next_day_has_a_new_one(
    migrated_dir: Path, clock: FakeClock
) -> None:
    async with scene(migrated_dir, clock, budget=0.0002) as at:
        await at.outlast()
        answers = await at.answers(100)
        assert 0 < answers < 100
        assert at.course() is Course.OVER_BUDGET
        assert len(at.openai.asked("/chat/completions")) == answers
        clock.advance(86_400)
        assert (await at.ask()).provider == "openai"


async def test_answers_that_could_not_be_used_count_against_the_budget_too(
    migrated_dir: Path, clock: FakeClock
) -> None:
    async with scene(migrated_dir, clock, budget=0.0003) as at:
        await at.outlast()
        at.openai.fail(Fault.CUT, path="/chat/completions")
        asked = 0
        while at.course() is not Course.OVER_BUDGET:
            asked += 1
            assert asked < 100
            with pytest.raises((AnswerCut, ServiceUnavailable)):
                await at.ask()


async def test_skipping_is_told_by_an_error_of_its_own(migrated_dir: Path, clock: FakeClock) -> None:
    async with scene(migrated_dir, clock, skip=True) as at:
        await at.outlast()
        with pytest.raises(ServiceGivenUp):
            await at.ask()
        assert at.course() is Course.SKIPPING
        at.ollama.heal()
        at.stopwatch.seconds += 300
        assert (await at.ask()).provider == "ollama"


async def test_an_unusable_answer_shows_that_ollama_is_there(migrated_dir: Path, clock: FakeClock) -> None:
    async with scene(migrated_dir, clock) as at:
        await at.outlast()
        at.ollama.heal()
        at.ollama.fail(Fault.CUT, path="/api/chat", times=1)
        with pytest.raises(AnswerCut):
            await at.ask()
        assert at.course() is Course.ORDINARY
        assert at.openai.requests == []


async def test_the_substitute_is_shown_nothing_that_went_while_the_model_failed(
    migrated_dir: Path, clock: FakeClock
) -> None:
    async with scene(migrated_dir, clock) as at:
        at.ollama.fail(Fault.STATUS, path="/api/chat", status=500)
        with pytest.raises(ServiceUnavailable):
            await at.ask()
        at.stopwatch.seconds += AFTER

        async def stands() -> None:
            if len(at.ollama.asked("/api/chat")) == 2:
                raise LookupError("it went")

        with pytest.raises(LookupError):
            await at.ask(stands)
        assert at.openai.requests == []
        assert (await at.ask()).provider == "openai"
