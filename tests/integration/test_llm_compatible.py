"""A server with OpenAI's protocol under a name of its own, from its settings to its answers."""

from __future__ import annotations

import pytest

from bot.domain.errors import AnswerCut, ServiceRejected, ServiceUnavailable
from bot.domain.findings import Verdict
from bot.llm.base import CompletionRequest
from bot.llm.composition import flushes_at_once, open_embedder, open_model
from bot.llm.costs import Ledger
from bot.llm.loading import load_settings
from bot.llm.providers import PROVIDERS
from bot.settings import Settings
from bot.storage.engine import Database
from tests.fixtures.storage import FakeClock
from tests.loopback.http import Fault
from tests.loopback.openai import LoopbackOpenAI

SCHEMA = {"type": "object", "properties": {"words": {"type": "array"}}, "required": ["words"]}
REQUEST = CompletionRequest(system="s", prompt="p", schema=SCHEMA, max_tokens=50, purpose="extraction")
LABEL = "openai-compatible"


@pytest.fixture
def settings(openai_server: LoopbackOpenAI) -> Settings:
    openai_server.chat_models = ("qwen3-8b",)
    return load_settings(
        None,
        mem0_llm_provider=LABEL,
        embedding_provider=LABEL,
        embedding_model="nomic-embed-text",
        embedding_dims=64,
        compatible_base_url=openai_server.api_url,
        compatible_model="qwen3-8b",
        compatible_concurrency=3,
    )


@pytest.fixture
def ledger(database: Database, clock: FakeClock) -> Ledger:
    return Ledger(database, clock)


async def test_answers_and_vectors_are_counted_under_its_own_label(
    openai_server: LoopbackOpenAI, settings: Settings, ledger: Ledger
) -> None:
    openai_server.dims = 64
    openai_server.answer = lambda _: '```json\n{"words": ["one"]}\n```'
    openai_server.chat_declines = ["max_completion_tokens", "json_schema"]
    model, embedder = open_model(PROVIDERS.model(settings), ledger), open_embedder(settings, ledger)
    await model.check()
    answer = await model.complete(REQUEST)
    assert (answer.text, answer.provider, answer.model) == ('{"words": ["one"]}', LABEL, "qwen3-8b")
    (vector,) = await embedder.embed(["a text"])
    assert len(vector) == 64
    labels = {(usage.provider, usage.model, usage.purpose) for usage in await ledger.totals("1970-01-01")}
    assert labels == {(LABEL, "qwen3-8b", "extraction"), (LABEL, "nomic-embed-text", "embedding")}
    assert flushes_at_once(settings) == 3
    assert "Authorization" in openai_server.requests[0].headers
    await model.aclose()
    await embedder.aclose()


async def test_a_server_without_names_of_models_is_well(openai_server: LoopbackOpenAI, settings: Settings) -> None:
    openai_server.chat_models = ("/models/qwen3-8b-q4_k_m.gguf",)  # as llama.cpp lists it
    provider = PROVIDERS.model(settings)
    model = provider.open(provider.model, provider.hosts[0])
    await model.check()
    await openai_server.stop()
    with pytest.raises(ServiceUnavailable, match="check the network and COMPATIBLE_BASE_URL"):
        await model.check()
    await model.aclose()


async def test_errors_name_its_own_settings(openai_server: LoopbackOpenAI, settings: Settings, ledger: Ledger) -> None:
    openai_server.api_key = "sk-right"
    model, embedder = open_model(PROVIDERS.model(settings), ledger), open_embedder(settings, ledger)
    with pytest.raises(ServiceRejected, match="check COMPATIBLE_API_KEY"):
        await model.complete(REQUEST)
    with pytest.raises(ServiceRejected, match="check COMPATIBLE_API_KEY"):
        await embedder.embed(["a"])
    openai_server.fail(Fault.STATUS, status=429, message="insufficient_quota")
    with pytest.raises(ServiceUnavailable, match="the account of COMPATIBLE_API_KEY has no credit left"):
        await model.complete(REQUEST)
    await model.aclose()
    await embedder.aclose()


async def test_the_doctor_asks_it_for_an_answer_by_schema(openai_server: LoopbackOpenAI, settings: Settings) -> None:
    provider = PROVIDERS.model(settings)
    openai_server.answer = lambda _: {"words": ["one", "two", "three"]}
    (finding,) = [found async for found in provider.examine(provider.models)]
    assert (finding.verdict, finding.found) == (Verdict.OK, "qwen3-8b follows a JSON schema")
    openai_server.answer = lambda _: {"words": ["eins"]}
    (finding,) = [found async for found in provider.examine(provider.models)]
    assert (finding.verdict, finding.todo[:30]) == (Verdict.FAULT, "choose another COMPATIBLE_MODE")
    openai_server.fail(Fault.STATUS, status=500)
    (finding,) = [found async for found in provider.examine(provider.models)]
    assert finding.verdict is Verdict.FAULT
    assert "HTTP 500" in finding.found


async def test_a_bound_by_its_newer_name_is_taken_without_a_word_and_not_heeded(
    openai_server: LoopbackOpenAI, settings: Settings, ledger: Ledger
) -> None:
    """Ollama's `/v1` is such a server: the answer would go on until the window is full."""
    openai_server.answer = lambda _: {"words": ["more and more"] * 20}
    for ignores, declines in ((["max_completion_tokens"], []), ([], ["max_tokens"])):
        openai_server.chat_ignores, openai_server.chat_declines = ignores, declines
        model = open_model(PROVIDERS.model(settings), ledger)
        with pytest.raises(AnswerCut):
            await model.complete(REQUEST)
        await model.aclose()
