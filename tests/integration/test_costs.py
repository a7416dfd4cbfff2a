"""The ledger in a real database, and calls that get into it."""

from __future__ import annotations

import pytest
from aiolimiter import AsyncLimiter
from sqlalchemy.exc import OperationalError

from bot.domain.errors import AnswerCut, ServiceUnavailable
from bot.llm.base import CompletionRequest
from bot.llm.costs import Ledger, Usage
from bot.llm.guarded import GuardedEmbedder, GuardedModel, embedding_tally
from bot.llm.ollama import OllamaModel
from bot.llm.openai_embeddings import OpenAIEmbedder
from bot.llm.prices import Price, PriceTable
from bot.llm.resilience import Breaker, Guard
from bot.llm.savings import bill
from bot.storage.engine import Database
from tests.fixtures.prices import list_prices
from tests.fixtures.storage import FakeClock
from tests.loopback.http import Fault
from tests.loopback.ollama import Answer, LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI

DAY = "2025-06-15"
SMALL = "text-embedding-3-small"


async def no_sleep(_: float) -> None:
    """Don't wait."""


def make_guard(service: str) -> Guard:
    return Guard(service, limiter=AsyncLimiter(100, 1), timeout=5, breaker=Breaker(), retries=1, sleep=no_sleep)


@pytest.fixture
def ledger(database: Database, clock: FakeClock) -> Ledger:
    return Ledger(database, clock)


async def test_counts_add_up_over_flushes_and_restarts(database: Database, clock: FakeClock, ledger: Ledger) -> None:
    for _ in range(2):
        ledger.record("ollama", "m", "extraction", prompt_tokens=100, completion_tokens=10, messages=30, seconds=1.5)
        await ledger.flush()
    ledger.record("ollama", "m", "extraction", prompt_tokens=None, completion_tokens=None, failed=True)
    ledger.record("openai", SMALL, "embedding", prompt_tokens=7, completion_tokens=0)
    expected = [
        Usage(
            day=DAY,
            provider="ollama",
            model="m",
            purpose="extraction",
            calls=3,
            failures=1,
            prompt_tokens=200,
            completion_tokens=20,
            messages=60,
            seconds=3.0,
        ),
        Usage(day=DAY, provider="openai", model=SMALL, purpose="embedding", calls=1, prompt_tokens=7),
    ]
    assert await ledger.totals(DAY) == expected
    assert await Ledger(database, clock).totals(DAY) == expected


async def test_days_are_kept_apart(clock: FakeClock, ledger: Ledger) -> None:
    ledger.record("ollama", "m", "extraction", prompt_tokens=1, completion_tokens=1)
    clock.advance(86_400)
    ledger.record("ollama", "m", "extraction", prompt_tokens=2, completion_tokens=2)
    assert [(u.day, u.prompt_tokens) for u in await ledger.totals(DAY)] == [(DAY, 1), ("2025-06-16", 2)]
    assert [u.day for u in await ledger.totals("2025-06-16")] == ["2025-06-16"]


async def test_failed_flush_forgets_nothing(
    database: Database, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.record("ollama", "m", "extraction", prompt_tokens=5, completion_tokens=1)

    def locked() -> None:
        ledger.record("ollama", "m", "extraction", prompt_tokens=6, completion_tokens=1)  # while it is being flushed
        raise OperationalError("locked", None, Exception())

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", locked)
        with pytest.raises(OperationalError):
            await ledger.flush()
    (total,) = await ledger.totals(DAY)
    assert (total.calls, total.prompt_tokens) == (2, 11)


@pytest.mark.parametrize(
    ("provider", "model", "dollars"),
    [
        ("openai", "gpt-4o-mini", 0.15 + 0.60),
        ("openai", "gpt-4o-mini-2024-07-18", 0.15 + 0.60),
        ("openai", "gpt-4o-2024-08-06", 2.5 + 10),
        ("openai", SMALL, 0.02),
        ("openai", "somebody-elses-model", None),
        ("ollama", "llama3.1:70b", 0.0),
        ("fastembed", "BAAI/bge-small-en-v1.5", 0.0),
    ],
)
def test_a_million_tokens_each_way_cost(provider: str, model: str, dollars: float | None) -> None:
    assert list_prices().cost(provider, model, 1_000_000, 1_000_000) == pytest.approx(dollars)


def test_operators_prices_take_the_place_of_ours() -> None:
    prices = PriceTable(models={**list_prices().models, "gpt-4o-mini": Price(1.0, 2.0)})
    assert prices.cost("openai", "gpt-4o-mini", 500_000, 250_000) == pytest.approx(1.0)


async def test_every_model_call_is_in_the_ledger(ollama_server: LoopbackOllama, ledger: Ledger) -> None:
    model = GuardedModel(OllamaModel(ollama_server.url, "llama3.1:8b"), make_guard("ollama"), ledger)

    async def ask() -> None:
        await model.complete(
            CompletionRequest(system="s", prompt="p", schema={"type": "object"}, max_tokens=50, purpose="extraction")
        )

    ollama_server.answer = lambda _: Answer("{}", prompt_eval_count=90, eval_count=4)
    ollama_server.fail(Fault.STATUS, path="/api/chat", status=503, times=1)
    await ask()  # the second attempt succeeds
    ollama_server.fail(Fault.CUT)
    with pytest.raises(AnswerCut):
        await ask()
    ollama_server.heal()
    await model.check()
    await ollama_server.stop()
    with pytest.raises(ServiceUnavailable):
        await ask()
    (total,) = await ledger.totals(DAY)
    assert (total.provider, total.model, total.purpose) == ("ollama", "llama3.1:8b", "extraction")
    assert (total.calls, total.failures, total.prompt_tokens, total.completion_tokens) == (3, 2, 90, 4)
    assert bill([total], list_prices()).spent == 0
    await model.aclose()


async def test_every_embedding_request_is_in_the_ledger(openai_server: LoopbackOpenAI, ledger: Ledger) -> None:
    tally = embedding_tally(ledger, "openai", SMALL)
    plain = OpenAIEmbedder("sk-x", SMALL, 1536, base_url=openai_server.api_url, tally=tally)
    embedder = GuardedEmbedder(plain, make_guard("embeddings"), ledger)
    assert (embedder.provider, embedder.model, embedder.dims) == ("openai", SMALL, 1536)
    openai_server.fail(Fault.STATUS, times=1)
    await embedder.embed(["a word or two", "x"])
    await embedder.check()
    openai_server.fail(Fault.DROP)
    with pytest.raises(ServiceUnavailable):
        await embedder.embed(["a"])
    (total,) = await ledger.totals(DAY)
    assert (total.calls, total.failures, total.prompt_tokens) == (3, 1, 4 + 1 + 2)
    await embedder.aclose()
