"""The index on a real Qdrant server: what is found, what survives a kill, and no text in its files."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from qdrant_client import models
from sqlalchemy import select

from bot.domain import snowflake
from bot.domain.errors import ServiceUnavailable
from bot.domain.model import Message
from bot.forget.revisions import Revisions
from bot.index.points import VectorQuery
from bot.llm.loading import load_settings
from bot.observe.messagelog import Said
from bot.run.app import App, open_app
from bot.storage.schema import memories
from tests.acceptance.stores import canary, files_with
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS
from tests.loopback.discord import eventually
from tests.loopback.openai import LoopbackOpenAI
from tests.loopback.qdrant import LoopbackQdrant
from tests.loopback.real_qdrant import RealEngine
from tests.real.servers import RealServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]

ADA = 30
MEMORIES = 400
QUESTIONS = 200
GONE_SECONDS = 60.0
THINGS = ("ferry", "key", "ladder", "garden", "kitchen", "budget", "choir", "archive", "printer", "bridge")
PLACES = ("mill", "harbour", "cellar", "office", "park", "school", "library", "market", "tower", "shed")


@asynccontextmanager
async def opened(folder: Path, openai: LoopbackOpenAI, server: str | None, **changes: object) -> AsyncIterator[App]:
    """The program without Discord, on an embedded index or on a server."""
    settings = load_settings(
        None,
        data_dir=folder,
        openai_base_url=openai.api_url,
        openai_api_key="k",
        embedding_dims=256,
        mem0_qdrant_url=server,
        **changes,
    )
    async with open_app(settings, extract=False, patient=True, leads=True) as app:
        yield app


async def remember(app: App, texts: list[str]) -> list[int]:
    """Each text as a memory; the messages that they cite."""
    ids = [snowflake.from_ms(NOW_MS + 60_000 * number) for number in range(len(texts))]
    for message_id, text in zip(ids, texts, strict=True):
        await app.services.own.remember(
            guild_id=GUILD, channel_id=CHANNEL, author_id=ADA, message_id=message_id, text=text
        )
    return ids


def sentences(count: int) -> list[str]:
    """Different sentences that share words."""
    pairs = itertools.cycle(itertools.product(THINGS, PLACES))
    return [
        f"The {thing} number {n} is behind the {place}" for n, (thing, place) in zip(range(count), pairs, strict=False)
    ]


async def test_the_same_questions_have_the_same_hits_from_the_folder_and_from_the_server(
    tmp_path: Path, openai_server: LoopbackOpenAI, qdrant_server: LoopbackQdrant
) -> None:
    texts = sentences(MEMORIES)
    lists: list[list[list[str]]] = []
    for name, server in (("folder", None), ("server", qdrant_server.url)):
        async with opened(tmp_path / name, openai_server, server) as app:
            await remember(app, texts)
            await app.indexer.drain()
            queries = [VectorQuery(guild_id=GUILD, text=t, channel_ids=None, limit=10) for t in texts[:QUESTIONS]]
            found = [await app.index.search(query) for query in queries]
            async with app.db.read() as connection:
                rows = await connection.execute(select(memories.c.id, memories.c.text))
            named = {row.id: row.text for row in rows}
            lists.append([sorted(named[hit.memory_id] for hit in hits if hit.score > hits[-1].score) for hits in found])
    same = sum(folder == server for folder, server in zip(*lists, strict=True))
    print(f"{same} of {QUESTIONS} lists are the same")
    assert same == QUESTIONS


async def test_a_kill_in_the_middle_of_filling_loses_nothing(
    tmp_path: Path, openai_server: LoopbackOpenAI, real_qdrant: RealServer, qdrant_server: LoopbackQdrant
) -> None:
    async with opened(tmp_path, openai_server, qdrant_server.url) as app, asyncio.TaskGroup() as tasks:
        await remember(app, sentences(MEMORIES))
        indexing = tasks.create_task(app.indexer.run())
        await eventually(lambda: qdrant_server.asked("/points"), within=60, what="the first points")
        await asyncio.to_thread(real_qdrant.kill)
        with pytest.raises(ServiceUnavailable):
            await app.index.count()
        await asyncio.to_thread(real_qdrant.start)
        async with asyncio.timeout(300):
            while await app.indexer.backlog():  # noqa: ASYNC110 - it has no event for that
                await asyncio.sleep(0.5)
        indexing.cancel()
        assert await app.index.count() == MEMORIES


async def test_what_is_erased_edited_or_expired_is_in_no_file_of_the_server(
    tmp_path: Path, openai_server: LoopbackOpenAI, real_qdrant: RealServer, qdrant_server: LoopbackQdrant
) -> None:
    real_qdrant.need_command()  # else its files are not known
    words = [canary() for _ in range(4)]
    async with opened(tmp_path, openai_server, qdrant_server.url, embed_messages=True) as app:
        said = [
            Message(
                id=snowflake.from_ms(NOW_MS + 1_000 * number),
                guild_id=GUILD,
                channel_id=CHANNEL,
                author_id=ADA,
                content=f"The {word} ferry is at the mill",
            )
            for number, word in enumerate(words)
        ]
        await app.log.append([Said(message, "Ada") for message in said])
        (remembered,) = await remember(app, [f"The {words[3]} ferry is a memory"])
        await app.indexer.drain()
        assert await app.index.count() == len(words) + 1
        await app.erasure.erase_messages(GUILD, CHANNEL, [said[0].id, remembered])
        revisions = Revisions(app.db, app.stores, app.indexer, app.services.guilds.consents)
        assert await revisions.edited(said[1].id, "The bus is at the school", datetime.now(UTC))
        await app.indexer.drain()
        assert await app.index.count() == len(words) - 1
        await app.erasure.erase_expired(0)
        await app.indexer.drain()
        assert await app.index.count() == 0
    assert list(real_qdrant.folder.rglob("*.dat")) or list(real_qdrant.folder.rglob("collections"))
    assert files_with(real_qdrant.folder, [word.encode() for word in words]) == []


async def test_a_server_that_holds_something_of_others_is_refused_and_left_alone(
    real_qdrant: RealServer, qdrant_server: LoopbackQdrant
) -> None:
    stranger = qdrant_server.engine
    size = models.VectorParams(size=4, distance=models.Distance.COSINE)
    stranger.create_collection("of-somebody-else", vectors_config=size)
    second = LoopbackQdrant()
    with pytest.raises(PermissionError, match="of-somebody-else"):
        async with second:
            pass
    assert isinstance(second.engine, RealEngine)
    second.engine.remove_own()
    second.engine.close()
    assert stranger.collection_exists("of-somebody-else")
