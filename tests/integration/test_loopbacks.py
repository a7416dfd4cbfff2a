"""The loopback servers answer as real ones do, as far as `tests.loopback.exchanges` says how."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from bot.index.qdrant_store import NUMBER_BYTES, WRITE_POINTS, points_at_once
from tests.loopback.exchanges import differences, of_ollama, of_qdrant
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.qdrant import MAX_REQUEST, LoopbackQdrant


@pytest.mark.parametrize("chat_models_embed", [True, False])
async def test_ollama(ollama_server: LoopbackOllama, *, chat_models_embed: bool) -> None:
    ollama_server.chat_models_embed = chat_models_embed
    assert await differences(ollama_server.url, of_ollama("llama3.1:8b", "nomic-embed-text")) == []


@pytest.mark.parametrize("key", [None, "right"])
async def test_qdrant(qdrant_server: LoopbackQdrant, key: str | None) -> None:
    qdrant_server.api_key = key
    headers = {} if key is None else {"api-key": key}
    assert await differences(qdrant_server.url, of_qdrant("exchanges", key), headers) == []


async def test_what_differs_is_told(ollama_server: LoopbackOllama) -> None:
    ollama_server.template, ollama_server.capabilities = "", ("tools",)
    lines = await differences(ollama_server.url, of_ollama("llama3.1:8b", "nomic-embed-text"))
    assert lines[0].startswith("a chat model: another form")


async def test_ollama_keeps_several_models_loaded_or_one(ollama_server: LoopbackOllama) -> None:
    async def loaded() -> list[str]:
        await differences(ollama_server.url, of_ollama("llama3.1:8b", "nomic-embed-text"))
        answer = await client.get("/api/ps")
        return [model["name"] for model in answer.json()["models"]]

    async with httpx.AsyncClient(base_url=ollama_server.url) as client:
        assert await loaded() == ["llama3.1:8b", "nomic-embed-text:latest"]
        ollama_server.max_loaded = 1
        ollama_server.loaded.clear()
        assert await loaded() == ["nomic-embed-text:latest"]


async def test_ollama_with_a_full_queue_is_busy_at_once(ollama_server: LoopbackOllama) -> None:
    ollama_server.max_loaded, ollama_server.max_queue = 1, 1
    begun = asyncio.Event()
    ends = asyncio.Event()

    async def answer(_: object) -> str:
        begun.set()
        await ends.wait()
        return "yes"

    ollama_server.answer = answer
    asked = {"model": "llama3.1:8b", "messages": [], "stream": False}
    embedded = {"model": "nomic-embed-text", "input": ["a"]}
    async with httpx.AsyncClient(base_url=ollama_server.url, timeout=30) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(client.post("/api/chat", json=asked))
        await begun.wait()
        waiting = tasks.create_task(client.post("/api/embed", json=embedded))
        while len(ollama_server.asked("/api/embed")) < 1:  # noqa: ASYNC110 - until it has arrived
            await asyncio.sleep(0)
        busy = await client.post("/api/embed", json=embedded)
        ends.set()
    assert (busy.status_code, "server busy" in busy.text, waiting.result().status_code) == (503, True, 200)


@pytest.mark.parametrize("dims", [1, 384, 1_536, 4_096, 8_192, 65_536])
def test_no_write_is_too_large_for_qdrant(dims: int) -> None:
    points = points_at_once(dims)
    assert 1 <= points <= WRITE_POINTS
    assert points * dims * NUMBER_BYTES < MAX_REQUEST
