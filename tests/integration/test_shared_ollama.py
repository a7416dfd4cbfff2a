"""A language model and an embedder on one Ollama that keeps only one of them loaded: few swaps, searches first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.domain import snowflake
from bot.domain.findings import Verdict
from bot.domain.model import Message
from bot.index.backlog import IDLE_SECONDS
from bot.index.points import VectorQuery
from bot.llm.base import CompletionRequest
from bot.llm.loading import load_settings
from bot.llm.ollama import OllamaModel
from bot.llm.ollama_embedder_check import examine_side_by_side
from bot.llm.shared_server import GATHER_SECONDS, TEXTS_AT_ONCE
from bot.observe.messagelog import Said
from bot.run.app import App, open_app
from bot.storage.schema import outbox
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS, FakeClock
from tests.loopback.ollama import LoopbackOllama

CHAT, EMBEDDER = "llama3.1:8b", "nomic-embed-text:latest"
CHANNELS = 8

LONGEST_GAP = 2.0
"""Seconds between two calls of extraction on a busy machine, where nothing waits."""

Opened = Callable[..., AbstractAsyncContextManager[App]]


@pytest.fixture
def single(ollama_server: LoopbackOllama) -> LoopbackOllama:
    """An Ollama that keeps one model loaded."""
    ollama_server.max_loaded = 1
    return ollama_server


@pytest.fixture
def opened(migrated_dir: Path, single: LoopbackOllama, clock: FakeClock) -> Opened:
    @asynccontextmanager
    async def opener(**changes: object) -> AsyncIterator[App]:
        settings = {
            "data_dir": migrated_dir,
            "ollama_base_url": single.url,
            "embedding_provider": "ollama",
            "embedding_model": "nomic-embed-text",
            "embedding_dims": 768,
            **changes,
        }
        async with open_app(
            load_settings(None, **settings), extract=True, patient=True, leads=True, clock=clock
        ) as app:
            single.loads.clear()
            yield app

    return opener


async def say(app: App, number: int, channel: int = CHANNEL) -> int:
    """Somebody says something; the message's id."""
    said = Message(
        id=snowflake.from_ms(NOW_MS + 1_000 * number),
        guild_id=GUILD,
        channel_id=channel,
        author_id=3_101,
        content=f"The train {number} is late.",
    )
    await app.log.append([Said(said, "Ada")])
    return said.id


async def call(single: LoopbackOllama) -> None:
    """A call of the language model."""
    model = OllamaModel(single.url, CHAT)
    await model.complete(CompletionRequest(system="", prompt="Hello", schema={}, max_tokens=8, purpose="extraction"))
    await model.aclose()


async def test_messages_that_come_between_calls_are_embedded_together(
    opened: Opened, single: LoopbackOllama, clock: FakeClock
) -> None:
    single.answer = lambda _: "Hello"
    async with opened(embed_messages=True) as app:
        for number in range(10):
            await say(app, number)
            await call(single)
            await app.indexer.drain()
        assert single.loads.count(EMBEDDER) == 0, "not for each of them"
        clock.advance(GATHER_SECONDS)
        await app.indexer.drain()
        await call(single)
        assert single.loads == [CHAT, EMBEDDER, CHAT]
        assert [len(request.body["input"]) for request in single.asked("/api/embed")][-1] == 10


async def test_while_messages_are_gathered_nobody_looks_for_more_to_do(
    opened: Opened, single: LoopbackOllama, clock: FakeClock
) -> None:
    async with opened(embed_messages=True) as app:
        await say(app, 1)
        await app.indexer.drain()
        assert await app.indexer.changes.pause() == IDLE_SECONDS
        clock.advance(GATHER_SECONDS - 4)
        assert await app.indexer.changes.pause() == pytest.approx(4)
        clock.advance(4)
        assert await app.indexer.changes.pause() < 1


async def test_what_goes_is_not_gathered_and_a_command_waits_for_nothing(
    opened: Opened, single: LoopbackOllama
) -> None:
    async with opened(embed_messages=True) as app:
        spoken = [await say(app, number) for number in range(3)]
        await app.erasure.erase_messages(GUILD, CHANNEL, spoken[:1])
        await app.indexer.drain()
        async with app.db.read() as connection:
            ops = list(await connection.scalars(select(outbox.c.op)))
            assert set(ops) == {"upsert"}
        await app.indexer.catch_up()
        async with app.db.read() as connection:
            assert await connection.scalar(select(func.count()).select_from(outbox)) == 0


async def test_a_search_is_embedded_between_two_calls_of_extraction(opened: Opened, single: LoopbackOllama) -> None:
    """Calls that overlap never leave the embedder a moment to be loaded in, unless one of them waits."""
    begun = 0
    another = asyncio.Condition()

    async def answer(_: dict[str, Any]) -> dict[str, Any]:
        nonlocal begun
        async with another:
            begun += 1
            mine = begun
            another.notify_all()
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_GAP):
                    await another.wait_for(lambda: begun > mine)
        return {"topics": [], "memories": []}

    async with opened(ollama_concurrency=2) as app:
        assert app.flusher is not None
        for number in range(CHANNELS):
            await say(app, number, CHANNEL + number)
        single.answer = answer
        extracting = asyncio.create_task(app.flusher.flush_all())
        async with another:
            await another.wait_for(lambda: begun >= 2)
        await app.index.search(VectorQuery(guild_id=GUILD, text="late trains", channel_ids=None, limit=5))
        before = begun
        await extracting
    assert before < CHANNELS == begun
    assert single.loads[:3] == [CHAT, EMBEDDER, CHAT]


async def test_a_search_waits_for_some_texts_of_the_index_and_not_for_all(
    opened: Opened, single: LoopbackOllama
) -> None:
    single.max_loaded = None
    async with opened() as app:
        first = len(single.asked("/api/embed"))
        await app.index.prefetch([f"The train to platform {number} is late." for number in range(3 * TEXTS_AT_ONCE)])
        sizes = [len(request.body["input"]) for request in single.asked("/api/embed")[first:]]
    assert sizes == [TEXTS_AT_ONCE] * 3


async def test_doctor_says_what_it_costs_that_only_one_model_stays_loaded(single: LoopbackOllama) -> None:
    finding = await examine_side_by_side(single.url, CHAT, "nomic-embed-text")
    assert finding is not None
    assert finding.verdict is Verdict.WARNING
    assert "an embedding between two calls took 0." in finding.found
    assert "OLLAMA_MAX_LOADED_MODELS=2" in finding.todo
    single.max_loaded = None
    finding = await examine_side_by_side(single.url, CHAT, "nomic-embed-text")
    assert finding is not None
    assert (finding.verdict, "stay loaded" in finding.found) == (Verdict.OK, True)
    await single.stop()
    assert await examine_side_by_side(single.url, CHAT, "nomic-embed-text") is None
