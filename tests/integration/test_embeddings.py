"""Embedders through the real client libraries against loopback servers."""

from __future__ import annotations

import importlib.util
import logging
import math
import sys
import traceback
from collections.abc import Iterator
from functools import partial
from types import ModuleType, SimpleNamespace

import pytest

from bot.domain.errors import (
    ChannelMemoryError,
    RateLimited,
    ServiceFailed,
    ServiceRejected,
    ServiceUnavailable,
    StartupError,
)
from bot.llm.ollama_embeddings import OllamaEmbedder
from bot.llm.openai_embeddings import OpenAIEmbedder
from bot.llm.providers.fastembed import FastEmbedEmbedder
from tests.loopback.http import Fault
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI

SMALL = "text-embedding-3-small"
CANARY = "sk-zqxj-canary-7f3a91"


def openai_embedder(server: LoopbackOpenAI, model: str = SMALL, dims: int = 1536, key: str = "sk-x") -> OpenAIEmbedder:
    return OpenAIEmbedder(key, model, dims, base_url=server.api_url, timeout=5)


def cosine(one: list[float], other: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


async def test_openai_embeds_many_texts_in_order_with_one_request(openai_server: LoopbackOpenAI) -> None:
    embedder = openai_embedder(openai_server, dims=64)
    texts = [f"text number {n}" for n in range(2048)]
    vectors = await embedder.embed(texts)
    assert len(openai_server.requests) == 1
    assert len(vectors) == 2048
    assert {len(vector) for vector in vectors} == {64}
    assert await embedder.embed(texts[100:101]) == vectors[100:101]
    await embedder.aclose()


async def test_more_than_a_request_takes_is_split(openai_server: LoopbackOpenAI) -> None:
    embedder = openai_embedder(openai_server, dims=8)
    assert len(await embedder.embed(["a"] * 2049)) == 2049
    assert [len(r.body["input"]) for r in openai_server.requests] == [2048, 1]
    openai_server.requests.clear()
    assert len(await embedder.embed(["word " * 100_000] * 3)) == 3
    assert [len(r.body["input"]) for r in openai_server.requests] == [2, 1]
    await embedder.aclose()


async def test_nothing_to_embed_asks_nobody(openai_server: LoopbackOpenAI) -> None:
    embedder = openai_embedder(openai_server)
    assert await embedder.embed([]) == []
    assert not openai_server.requests
    await embedder.aclose()


async def test_blank_texts_do_not_spoil_their_request(openai_server: LoopbackOpenAI) -> None:
    embedder = openai_embedder(openai_server)
    assert len(await embedder.embed(["", "  \n", "a word"])) == 3
    await embedder.aclose()


@pytest.mark.parametrize(
    ("model", "dims", "asked"),
    [
        (SMALL, 1536, None),
        (SMALL, 512, 512),
        ("text-embedding-3-large", 3072, None),
        ("text-embedding-3-large", 1536, 1536),
        ("text-embedding-ada-002", 1536, None),
        ("all-minilm", 384, None),
    ],
)
async def test_dimensions_are_asked_for_only_where_they_are_taken(
    openai_server: LoopbackOpenAI, model: str, dims: int, asked: int | None
) -> None:
    openai_server.dims = 384
    embedder = openai_embedder(openai_server, model, dims)
    await embedder.check()
    assert openai_server.requests[0].body.get("dimensions") == asked
    await embedder.aclose()


@pytest.mark.parametrize(("model", "dims"), [(SMALL, 3072), ("text-embedding-ada-002", 512)])
def test_size_that_a_model_can_not_give_stops_the_start(model: str, dims: int) -> None:
    with pytest.raises(StartupError, match="set EMBEDDING_DIMS=1536"):
        OpenAIEmbedder("sk-x", model, dims)


async def test_vectors_of_another_size_are_rejected(
    openai_server: LoopbackOpenAI, ollama_server: LoopbackOllama
) -> None:
    openai_server.dims = 384
    for embedder in (
        openai_embedder(openai_server, "all-minilm", 1536),
        OllamaEmbedder(ollama_server.url, "nomic-embed-text", 1536),
    ):
        with pytest.raises(ServiceRejected, match=r"EMBEDDING_DIMS is 1536; set EMBEDDING_DIMS=(384|768)"):
            await embedder.check()
        await embedder.aclose()


async def test_texts_that_share_words_are_near(openai_server: LoopbackOpenAI, ollama_server: LoopbackOllama) -> None:
    texts = ["we deploy on Friday evening", "the deploy is on Friday", "cats like warm boxes"]
    for embedder in (
        openai_embedder(openai_server),
        OllamaEmbedder(ollama_server.url, "nomic-embed-text", 768),
    ):
        one, near, far = await embedder.embed(texts)
        assert cosine(one, near) > 0.3 > cosine(one, far)
        await embedder.aclose()


async def test_ollama_embeds_with_one_request(ollama_server: LoopbackOllama) -> None:
    told: list[tuple[int | None, float]] = []
    embedder = OllamaEmbedder(
        ollama_server.url, "nomic-embed-text", 768, tally=lambda tokens, seconds: told.append((tokens, seconds))
    )
    assert len(await embedder.embed(["one two", "three"])) == 2
    assert len(ollama_server.asked("/api/embed")) == 1
    ((tokens, seconds),) = told
    assert tokens == 4
    assert seconds > 0
    await embedder.aclose()


async def test_tally_hears_of_what_was_paid_for_only(openai_server: LoopbackOpenAI) -> None:
    told: list[int | None] = []
    embedder = OpenAIEmbedder(
        "sk-x", SMALL, 1536, base_url=openai_server.api_url, tally=lambda tokens, _: told.append(tokens)
    )
    openai_server.fail(Fault.STATUS, times=1)
    with pytest.raises(ServiceUnavailable):
        await embedder.embed(["four letter word list"])
    await embedder.embed(["four letter word list"])
    assert told == [6]
    await embedder.aclose()


async def test_unknown_model_in_ollama_says_what_to_pull(ollama_server: LoopbackOllama) -> None:
    embedder = OllamaEmbedder(ollama_server.url, "bge-m3", 1024)
    with pytest.raises(ServiceRejected, match="ollama pull bge-m3"):
        await embedder.embed(["a"])
    await embedder.aclose()


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        (Fault.DROP, 0, ServiceFailed),
        (Fault.BROKEN, 0, ServiceFailed),
        (Fault.ODD, 0, ServiceFailed),
        (Fault.GARBAGE, 0, ServiceRejected),
        (Fault.STATUS, 500, ServiceFailed),
        (Fault.STATUS, 429, RateLimited),
        (Fault.STATUS, 400, ServiceRejected),
    ],
)
async def test_faults_become_our_errors(
    openai_server: LoopbackOpenAI,
    ollama_server: LoopbackOllama,
    fault: Fault,
    status: int,
    error: type[Exception],
) -> None:
    openai_server.fail(fault, status=status)
    ollama_server.fail(fault, status=status)
    for embedder in (
        openai_embedder(openai_server),
        OllamaEmbedder(ollama_server.url, "nomic-embed-text", 768),
    ):
        with pytest.raises(error) as caught:
            await embedder.embed(["a"])
        assert type(caught.value) is error
        assert str(caught.value).startswith("embeddings: ") or error is RateLimited
        await embedder.aclose()


@pytest.mark.parametrize("status", [401, 400, 500, 429])
async def test_neither_key_nor_content_gets_into_errors_or_logs(
    openai_server: LoopbackOpenAI, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    embedder = openai_embedder(openai_server, key=CANARY)
    openai_server.fail(Fault.STATUS, status=status, message=f"Incorrect API key provided: {CANARY}")
    with pytest.raises(ChannelMemoryError) as caught:
        await embedder.embed([f"my key is {CANARY}"])
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert CANARY not in caplog.text
    await embedder.aclose()


class FastEmbedModule(ModuleType):
    """What fastembed's public interface looks like, with one model."""

    class TextEmbedding:
        """Embeds a text as its length."""

        def __init__(self, model_name: str, cache_dir: str | None = None) -> None:
            if model_name == "remote":
                raise ValueError("Could not load model remote from any source.")
            if model_name != "known":
                raise ValueError(f"Model {model_name} is not supported in TextEmbedding.")

        def embed(self, documents: list[str]) -> Iterator[SimpleNamespace]:
            for document in documents:
                yield SimpleNamespace(tolist=partial(list, (float(len(document)), 0.0)))


@pytest.fixture
def _fastembed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = FastEmbedModule("fastembed")
    module.__spec__ = importlib.util.spec_from_loader("fastembed", loader=None)
    monkeypatch.setitem(sys.modules, "fastembed", module)


@pytest.mark.usefixtures("_fastembed")
async def test_fastembed_embeds_in_this_process() -> None:
    embedder = FastEmbedEmbedder("known", 2)
    assert await embedder.embed(["a", "bcd"]) == [[1.0, 0.0], [3.0, 0.0]]
    await embedder.check()
    await embedder.aclose()


@pytest.mark.usefixtures("_fastembed")
async def test_fastembed_without_that_model_says_so() -> None:
    with pytest.raises(ServiceRejected, match="check EMBEDDING_MODEL"):
        await FastEmbedEmbedder("unknown", 2).check()


@pytest.mark.usefixtures("_fastembed")
async def test_fastembed_without_network_says_where_the_files_belong() -> None:
    with pytest.raises(ServiceUnavailable, match="needed once, in /data/fastembed"):
        await FastEmbedEmbedder("remote", 2, cache_dir="/data/fastembed").check()


def test_fastembed_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastembed", None)
    with pytest.raises(StartupError, match="pip install fastembed"):
        FastEmbedEmbedder("BAAI/bge-small-en-v1.5", 384)
