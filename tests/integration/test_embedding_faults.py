"""Embedding services that decline a text, a request or a parameter, or answer with what are no vectors."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from bot.domain.errors import ServiceRejected, ServiceUnavailable, TextTooLong
from bot.llm.embeddings import FIXED_TEXT, Embedder
from bot.llm.ollama_embeddings import OllamaEmbedder
from bot.llm.openai_embeddings import OpenAIEmbedder
from bot.llm.sifting import Sifter
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI
from tests.loopback.vectors import bag_of_words

DIMS = 64
SMALL = "text-embedding-3-small"
WINDOW = 1_000
TOO_LONG = "the input length exceeds the context length"
TEXTS = [f"decision number {number}" for number in range(30)]
LONG = "The bridge opens on Friday. " * 100
Spoil = Callable[[list[Any]], object]


@pytest.fixture(params=["ollama", "openai"])
def service(
    request: pytest.FixtureRequest, ollama_server: LoopbackOllama, openai_server: LoopbackOpenAI
) -> LoopbackOllama | LoopbackOpenAI:
    """An embedding service of either kind."""
    ollama_server.dims = openai_server.dims = DIMS
    return ollama_server if request.param == "ollama" else openai_server


@pytest.fixture
async def embedder(service: LoopbackOllama | LoopbackOpenAI) -> AsyncIterator[Embedder]:
    """What asks it."""
    embedder: Embedder
    if isinstance(service, LoopbackOllama):
        embedder = OllamaEmbedder(service.url, "nomic-embed-text", DIMS)
    else:
        embedder = OpenAIEmbedder("sk-x", "all-minilm", DIMS, base_url=service.api_url)
    yield embedder
    await embedder.aclose()


@pytest.fixture
def sifter(embedder: Embedder) -> Sifter:
    """Sifts what it is given."""
    return Sifter(embedder)


@pytest.fixture
async def openai_embedder(openai_server: LoopbackOpenAI) -> AsyncIterator[OpenAIEmbedder]:
    """What asks an OpenAI-compatible server."""
    openai_server.dims = DIMS
    embedder = OpenAIEmbedder("sk-x", "all-minilm", DIMS, base_url=openai_server.api_url)
    yield embedder
    await embedder.aclose()


def requests(service: LoopbackOllama | LoopbackOpenAI) -> list[list[str]]:
    """The texts of each request."""
    return [request.body["input"] for request in service.asked("/embed")]


def vector(text: str) -> list[float]:
    return list(bag_of_words(text, DIMS))


def over(window: int, status: int = 400, error: str = TOO_LONG) -> Callable[[Sequence[str]], tuple[int, str] | None]:
    """Declines requests with a text of more characters."""
    return lambda texts: (status, error) if any(len(text) > window for text in texts) else None


def about(word: str, status: int = 500) -> Callable[[Sequence[str]], tuple[int, str] | None]:
    """Declines requests with a text that has this word."""
    error = "failed to encode response: json: unsupported value: NaN"
    return lambda texts: (status, error) if any(word in text for text in texts) else None


@pytest.mark.parametrize(("status", "error"), [(400, TOO_LONG), (400, "no"), (500, "input is too large to process")])
@pytest.mark.matrix
async def test_a_text_that_is_too_long_is_embedded_by_its_start_and_the_bound_is_learned_once(
    service: LoopbackOllama | LoopbackOpenAI, status: int, error: str, sifter: Sifter
) -> None:
    service.declines = over(WINDOW, status, error)
    sifted = await sifter.embed([*TEXTS, LONG])
    assert sifted.refused == {}
    assert {text: sifted.vectors[text] for text in TEXTS} == {text: vector(text) for text in TEXTS}
    assert math.dist(sifted.vectors[LONG], vector(LONG[:WINDOW])) < 0.3
    service.requests.clear()
    assert len((await sifter.embed([*TEXTS, f"Again: {LONG}"])).vectors) == 31
    (again,) = requests(service)
    assert WINDOW * 0.8 < len(again[-1]) <= WINDOW


async def test_one_long_text_of_odd_signs_does_not_shorten_the_others(
    service: LoopbackOllama | LoopbackOpenAI, sifter: Sifter
) -> None:
    odd = "q7Zx9" * 300
    service.declines = lambda texts: (400, TOO_LONG) if any("q7Zx9" * 30 in text for text in texts) else None
    assert (await sifter.embed([odd])).refused == {}
    service.requests.clear()
    await sifter.embed([LONG])
    assert requests(service) == [[LONG]]


@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.matrix
async def test_one_text_that_can_not_be_embedded_is_told_and_all_others_are(
    service: LoopbackOllama | LoopbackOpenAI, status: int, sifter: Sifter
) -> None:
    service.declines = about("poison", status)
    texts = [*TEXTS[:17], "some poison", *TEXTS[17:], "more poison"]
    sifted = await sifter.embed(texts)
    assert sifted.vectors == {text: vector(text) for text in TEXTS}
    assert sifted.refused.keys() == {"some poison", "more poison"}
    assert all("poison" not in str(error) for error in sifted.refused.values())


async def test_a_text_that_fails_once_by_chance_is_embedded(
    service: LoopbackOllama | LoopbackOpenAI, sifter: Sifter
) -> None:
    failures = iter([True, True])
    service.declines = lambda texts: (500, "runner ended") if "some" in str(texts) and next(failures, False) else None
    sifted = await sifter.embed(["nothing else", "some chance"])
    assert (len(sifted.vectors), sifted.refused) == (2, {})


async def test_a_short_text_is_shortened_where_one_of_ours_as_long_is_declined_as_well(
    service: LoopbackOllama | LoopbackOpenAI, sifter: Sifter
) -> None:
    service.declines = over(60, error="no")
    text = "The harbour closes at nine, and the bridge opens on Friday at seven."
    sifted = await sifter.embed([text])
    assert sifted.shortened == {text}


async def test_a_service_that_embeds_nothing_has_nothing_said_against_any_text(
    service: LoopbackOllama | LoopbackOpenAI, sifter: Sifter
) -> None:
    service.declines = lambda _: (500, "model requires more system memory")
    with pytest.raises(ServiceUnavailable):
        await sifter.embed(TEXTS)
    assert requests(service) == [TEXTS, [FIXED_TEXT]]


async def test_a_request_of_too_many_texts_is_made_smaller_once(
    service: LoopbackOllama | LoopbackOpenAI, sifter: Sifter
) -> None:
    service.declines = lambda texts: (400, "batch size is invalid") if len(texts) > 10 else None
    assert (await sifter.embed(TEXTS)).vectors == {text: vector(text) for text in TEXTS}
    service.requests.clear()
    assert len((await sifter.embed([f"and {text}" for text in TEXTS])).vectors) == 30
    assert max(map(len, requests(service))) <= 10
    assert min(map(len, requests(service))) > 1


@pytest.mark.parametrize("taken", [{"dimensions"}, {"encoding_format"}, set()], ids=str)
async def test_a_parameter_that_is_declined_is_left_out_from_then_on(
    openai_server: LoopbackOpenAI, taken: set[str]
) -> None:
    openai_server.parameters = frozenset(taken)
    embedder = OpenAIEmbedder("sk-x", SMALL, 512, base_url=openai_server.api_url)
    if "dimensions" not in taken:
        with pytest.raises(ServiceRejected, match="EMBEDDING_DIMS=1536"):
            await embedder.embed(TEXTS)
    else:
        await embedder.embed(TEXTS)
    openai_server.requests.clear()
    openai_server.dims = 512
    for _ in range(2):
        if "dimensions" in taken:
            assert len(await embedder.embed(TEXTS)) == 30
    assert all(request.body.keys() - {"model", "input"} == taken for request in openai_server.requests)
    assert len(openai_server.requests) == (2 if "dimensions" in taken else 0)
    await embedder.aclose()


async def test_embeddings_without_their_index_are_taken_by_position(
    openai_server: LoopbackOpenAI, openai_embedder: OpenAIEmbedder
) -> None:
    openai_server.spoil = lambda data: [{"embedding": item["embedding"]} for item in data]
    assert await openai_embedder.embed(TEXTS) == list(map(vector, TEXTS))


SPOILT: dict[str, Spoil] = {
    "double indexes": lambda data: [item | {"index": 0} for item in data],
    "swapped indexes": lambda data: [item | {"index": len(data) - 1 - place} for place, item in enumerate(data)],
    "an index as text": lambda data: [item | {"index": str(place)} for place, item in enumerate(data)],
    "fewer": lambda data: data[:-1],
    "more": lambda data: [*data, data[0]],
    "no list": lambda _: {"0": []},
    "none": lambda _: None,
    "no object": lambda _: [None],
}
BAD: dict[str, object] = {
    "strings": ["0.5"] * DIMS,
    "not a number": [math.nan] * DIMS,
    "infinite": [math.inf] * DIMS,
    "too large": [1e300] * DIMS,
    "hundreds of digits": [10**400] * DIMS,
    "all zero": [0.0] * DIMS,
    "another size": [1.0] * (DIMS - 1),
    "empty": [],
    "truth": [True] * DIMS,
    "null": [None] * DIMS,
    "no list": 7,
    "text": "one, two, three",
    "absent": None,
}


@pytest.mark.parametrize("fault", SPOILT)
async def test_vectors_without_a_sure_place_are_refused(
    openai_server: LoopbackOpenAI, fault: str, openai_embedder: OpenAIEmbedder
) -> None:
    openai_server.spoil = SPOILT[fault]
    with pytest.raises((ServiceRejected, ServiceUnavailable)):
        await openai_embedder.embed(TEXTS)


@pytest.mark.parametrize("fault", BAD)
@pytest.mark.matrix(fast=3)
async def test_what_is_no_vector_of_that_size_is_refused_and_the_others_are_taken(
    service: LoopbackOllama | LoopbackOpenAI, fault: str, sifter: Sifter
) -> None:
    def spoil(vectors: list[Any]) -> object:
        asked = requests(service)[-1]
        return [_with(v, BAD[fault]) if "poison" in text else v for text, v in zip(asked, vectors, strict=True)]

    service.spoil = spoil
    sifted = await sifter.embed([*TEXTS, "poison"])
    assert sifted.vectors == {text: vector(text) for text in TEXTS}
    assert sifted.refused.keys() == {"poison"}


def _with(item: object, embedding: object) -> object:
    return item | {"embedding": embedding} if isinstance(item, dict) else embedding


@pytest.mark.parametrize("tokens", [-5, 10**30, "many", 2.5, None, True, []])
async def test_a_count_of_tokens_that_can_not_be_is_unknown(openai_server: LoopbackOpenAI, tokens: object) -> None:
    counted: list[int | None] = []
    openai_server.tokens = {} if tokens is None else tokens
    embedder = OpenAIEmbedder(
        "sk-x", SMALL, 1536, base_url=openai_server.api_url, tally=lambda told, _: counted.append(told)
    )
    await embedder.embed(TEXTS)
    assert counted == [None]
    await embedder.aclose()


async def test_a_window_that_is_exceeded_is_told_as_such(
    service: LoopbackOllama | LoopbackOpenAI, embedder: Embedder
) -> None:
    service.declines = over(WINDOW)
    expected = TextTooLong if isinstance(service, LoopbackOllama) else ServiceRejected
    with pytest.raises(expected):
        await embedder.embed([LONG])
