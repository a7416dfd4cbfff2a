"""What Ollama and Qdrant answer to given requests: the loopbacks are held to it, and real servers may be as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.loopback.qdrant import MAX_REQUEST

ANSWER_SECONDS = 180.0
ENDED = 0
"""In place of a status, where the server ends the connection."""

Check = Callable[[Any], bool]
"""Told the JSON of an answer."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and what is answered.

    Attributes:
        name: what it shows.
        method: of HTTP.
        path: with what is asked in it.
        statuses: that may come; ENDED for no answer at all.
        body: sent as JSON; bytes as they are.
        says: part of the text of the answer.
        holds: whether the JSON of the answer is as it should be.
        headers: sent besides those of all requests.
    """

    name: str
    method: str
    path: str
    statuses: Sequence[int] = (200,)
    body: object = None
    says: str = ""
    holds: Check | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def of_ollama(chat: str, embedder: str) -> list[Exchange]:
    """Of an Ollama that has pulled a chat model that does not think, and an embedder that does nothing else."""
    missing, long = "no-such-model", "word " * 20_000
    prompt = [{"role": "user", "content": "Say yes."}]
    small: dict[str, Any] = {"stream": False, "options": {"num_ctx": 256, "num_predict": 4}}
    too_long = small | {"messages": [{"role": "user", "content": long}]}
    no_grammar = {"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}}
    not_found = f'model "{missing}" not found, try pulling it first'
    exceeds = "the input length exceeds the context length"

    def ask(
        name: str,
        model: str,
        *statuses: int,
        says: str = "",
        holds: Check | None = None,
        **body: Any,  # noqa: ANN401 - fields of a request
    ) -> Exchange:
        asked = {"model": model, "messages": prompt, **small, **body}
        return Exchange(name, "POST", "/api/chat", statuses or (200,), asked, says, holds)

    def embed(
        name: str,
        model: str,
        *statuses: int,
        says: str = "",
        holds: Check | None = None,
        **body: Any,  # noqa: ANN401 - fields of a request
    ) -> Exchange:
        asked = {"model": model, "input": ["a word"], **body}
        return Exchange(name, "POST", "/api/embed", statuses or (200,), asked, says, holds)

    return [
        Exchange("it says who it is", "GET", "/", says="Ollama is running"),
        Exchange("its version", "GET", "/api/version", holds=lambda answer: isinstance(answer["version"], str)),
        Exchange("a chat model", "POST", "/api/show", body={"model": chat}, holds=_shows("completion")),
        Exchange("an embedder", "POST", "/api/show", body={"model": embedder}, holds=_shows("embedding")),
        Exchange("a missing model is shown", "POST", "/api/show", (404,), {"model": missing}, "not found"),
        ask("a missing model is asked", missing, 404, says=f"model '{missing}' not found"),
        embed("a missing model is to embed", missing, 404, says=not_found),
        ask("a chat", chat, holds=lambda answer: bool(answer["done"] and answer["message"]["role"] == "assistant")),
        ask("an embedder is asked", embedder, 400, says="does not support chat"),
        ask("a model that can't think is told to", chat, 400, says="does not support thinking", think=True),
        ask("and not to", chat, think=False),
        ask("a schema without a grammar", chat, 500, says="invalid JSON schema in format", format=no_grammar),
        ask("a prompt that is too long is cut", chat, **too_long),
        ask("or refused", chat, 400, says=exceeds, truncate=False, shift=False, **too_long),
        embed("a chat model is to embed", chat, 200, 501),
        embed("a text that is too long is cut", embedder, input=[long], holds=_vectors_of(1, None)),
        embed("or refused, too", embedder, 400, says=exceeds, input=[long], truncate=False),
        embed("several texts, shortened vectors", embedder, input=["a", "b"], dimensions=16, holds=_vectors_of(2, 16)),
        Exchange("what is loaded", "GET", "/api/ps", holds=_tells_windows),
    ]


def of_qdrant(collection: str, key: str | None = None) -> list[Exchange]:
    """Of a Qdrant that lacks this collection, which is made and removed.

    Args:
        collection: its name.
        key: the key that it wants; it is told another one; None where it wants none.
    """
    here, size = f"/collections/{collection}", {"vectors": {"size": 4, "distance": "Cosine"}}
    point = {"id": 1, "vector": [1.0, 0.0, 0.0, 0.0], "payload": {}}
    strangers = (
        [] if key is None else [Exchange("a wrong key", "GET", "/collections", (401,), headers={"api-key": "no"})]
    )
    return [
        Exchange("it says who it is", "GET", "/", says="qdrant - vector search engine"),
        *strangers,
        Exchange("a path that it does not know", "GET", "/api/tags", (404,)),
        Exchange("a missing collection", "GET", here, (404,), says="doesn't exist!"),
        Exchange("a collection is made", "PUT", here, body=size),
        Exchange("and made again", "PUT", here, (409,), size, says="already exists!"),
        Exchange(
            "a vector of another size",
            "PUT",
            f"{here}/points?wait=true",
            (400,),
            {"points": [point | {"vector": [1.0]}]},
            says="expected dim: 4, got 1",
        ),
        Exchange("a point", "PUT", f"{here}/points?wait=true", body={"points": [point]}),
        Exchange("it is there at once", "POST", f"{here}/points/count", body={"exact": True}, holds=_counts(1)),
        Exchange("a request over 32 MB", "PUT", f"{here}/points", (ENDED, 413), b" " * (MAX_REQUEST + 1)),
        Exchange("a collection is removed", "DELETE", here, holds=lambda answer: answer["result"] is True),
    ]


async def differences(url: str, exchanges: Sequence[Exchange], headers: Mapping[str, str] | None = None) -> list[str]:
    """A line for each exchange that goes otherwise at a server; they are made in order."""
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=ANSWER_SECONDS) as client:
        found = [(exchange.name, await _difference(client, exchange)) for exchange in exchanges]
    return [f"{name}: {difference}" for name, difference in found if difference is not None]


async def _difference(client: httpx.AsyncClient, exchange: Exchange) -> str | None:
    as_it_is = isinstance(exchange.body, bytes)
    content = {"content": exchange.body} if as_it_is else {} if exchange.body is None else {"json": exchange.body}
    headers = {**exchange.headers, **({"Content-Type": "application/json"} if as_it_is else {})}
    try:
        answer = await client.request(exchange.method, exchange.path, headers=headers, **content)  # type: ignore[arg-type]
    except httpx.TransportError as error:
        return None if ENDED in exchange.statuses else f"no answer ({error!r})"
    text = (
        answer.json()["error"]
        if answer.is_error and "/api/" in exchange.path and answer.text[:1] == "{"
        else answer.text
    )
    if answer.status_code not in exchange.statuses or exchange.says not in text:
        return f"HTTP {answer.status_code} {text[:200]}"
    return None if exchange.holds is None or exchange.holds(answer.json()) else f"another form: {text[:200]}"


def _shows(capability: str) -> Check:
    """What it can do, its template and its window."""

    def holds(answer: Any) -> bool:  # noqa: ANN401
        window = any(name.endswith(".context_length") for name in answer["model_info"])
        return capability in answer["capabilities"] and isinstance(answer["template"], str) and window

    return holds


def _vectors_of(count: int, dims: int | None) -> Check:
    def holds(answer: Any) -> bool:  # noqa: ANN401
        vectors = answer["embeddings"]
        return len(vectors) == count and all(dims in (None, len(vector)) for vector in vectors)

    return holds


def _tells_windows(answer: Any) -> bool:  # noqa: ANN401
    """At least a model, each with its window and where it is."""
    return bool(answer["models"]) and all({"context_length", "size", "size_vram"} <= m.keys() for m in answer["models"])


def _counts(points: int) -> Check:
    return lambda answer: bool(answer["result"]["count"] == points)
