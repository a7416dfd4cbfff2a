"""A real Qdrant server that was brought back to an older snapshot, and what is killed while the index is mended.

`REAL_RESTORES` says how many times that is tried, each time in another way.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.fixtures.storage import FakeClock
from tests.integration.test_installations import LOOK, MINUTE, Place, forget, installation, known, reindex
from tests.loopback.openai import LoopbackOpenAI
from tests.loopback.qdrant import LoopbackQdrant
from tests.loopback.real_qdrant import RealEngine
from tests.real.servers import GIVEN, RealServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

RESTORES = int(GIVEN.get("REAL_RESTORES", "3"))
KILLS = 3
LONGEST_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Of a collection, as the server gives it away."""

    engine: RealEngine
    collection: str
    content: bytes

    def recover(self) -> None:
        """Have the collection be what it was, and exist if it did not."""
        self.engine.made.add(self.collection)
        url, priority = f"{_url(self.engine, self.collection)}/upload", {"priority": "snapshot"}
        answer = httpx.post(url, params=priority, files={"snapshot": self.content}, headers=_key(), timeout=60)
        answer.raise_for_status()


def snapshot(engine: object, collection: str) -> Snapshot:
    assert isinstance(engine, RealEngine)
    made = engine.create_snapshot(collection, wait=True)
    assert made is not None
    content = httpx.get(f"{_url(engine, collection)}/{made.name}", headers=_key(), timeout=60).raise_for_status()
    engine.delete_snapshot(collection, made.name)
    return Snapshot(engine, collection, content.content)


def _url(engine: RealEngine, collection: str) -> str:
    return f"{engine.address}/collections/{collection}/snapshots"


def _key() -> dict[str, str]:
    return {"api-key": key} if (key := GIVEN.get("REAL_QDRANT_API_KEY")) else {}


@pytest.fixture
async def place(
    tmp_path: Path,
    migrated_dir: Path,
    openai_server: LoopbackOpenAI,
    qdrant_server: LoopbackQdrant,
    clock: FakeClock,
) -> AsyncIterator[Place]:
    place = Place(tmp_path, migrated_dir, openai_server, qdrant_server, clock)
    yield place
    await place.end()


@pytest.mark.parametrize("seed", range(RESTORES))
async def test_nothing_is_missing_and_nothing_erased_is_back(place: Place, real_qdrant: RealServer, seed: int) -> None:
    chance = random.Random(seed)
    bot = await place.start("bot")
    erased = (await place.remember("bot", 12))[::4]
    await place.later(2 * MINUTE)
    own = await installation(bot)
    before = snapshot(place.qdrant.engine, f"discord_memories_{own}_1")
    for memory_id in erased:
        await forget(bot, memory_id)
    await bot.indexer.drain()
    await place.remember("bot", 12)
    if moved := chance.random() < 0.3:
        await reindex(bot)
    await place.later(LOOK)
    if stopped := chance.random() < 0.5:
        await place.end("bot")
    await asyncio.to_thread(before.recover)
    for _ in range(KILLS):
        if stopped:
            bot = await place.start("bot", mends=False)
        mending = asyncio.create_task(place.later(2 * MINUTE))
        await asyncio.wait({mending}, timeout=chance.random() * LONGEST_SECONDS)
        if chance.random() < 0.5:
            await asyncio.to_thread(real_qdrant.restart)
        mending.cancel()
        await asyncio.gather(mending, return_exceptions=True)
        await place.end("bot")
        stopped = True
    bot = await place.start("bot")
    await place.later(5 * MINUTE)
    held = place.held(own)
    assert held == await known(bot)
    assert (len(held), held.isdisjoint(erased)) == (21, True)
    assert place.collections == {f"discord_memories_{own}_{2 if moved else 1}"}
