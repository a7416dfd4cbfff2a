"""What only one of several processes does at a time, on a real PostgreSQL server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.consent import Consents, SubjectHasher
from bot.index.base import VectorIndex
from bot.lexical.fulltext import FullText
from bot.messagelog import MessageLog
from bot.observation import Observations
from bot.storage.engine import Database, open_database
from tests.fixtures.index import BagOfWords, IndexOpener, MemoryFactory
from tests.fixtures.postgres import PostgresServer, server_programs
from tests.fixtures.storage import CHANNEL, FakeClock
from tests.integration.test_indexer import Bench


class HeldUp(BagOfWords):
    """An embedder that takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked.set()
        await self.go_on.wait()
        return await super().embed(texts)


if server_programs() is not None:

    @pytest.fixture
    async def two(postgres_server: PostgresServer, data_dir: Path) -> AsyncIterator[tuple[Database, Database]]:
        """The same database in two processes."""
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(postgres_server.database())
            yield (
                await stack.enter_async_context(open_database(url, data_dir)),
                await stack.enter_async_context(open_database(url, data_dir)),
            )

    async def test_what_is_forgotten_while_another_process_embeds_it_stays_out_of_the_index(
        two: tuple[Database, Database], open_server: IndexOpener, make_memory: MemoryFactory, clock: FakeClock
    ) -> None:
        slow = HeldUp()
        async with open_server(embedder=slow) as one, open_server() as other:
            here, there = await _bench(two[0], one, clock), await _bench(two[1], other, clock)
            memory = make_memory("the release is on Friday")
            await here.add(memory)
            indexing = asyncio.create_task(here.indexer.drain())
            await slow.asked.wait()
            await there.remove(memory)
            forgetting = asyncio.create_task(there.indexer.drain())
            await asyncio.wait({forgetting}, timeout=0.3)  # it has to wait for the one that is at it
            slow.go_on.set()
            await asyncio.gather(indexing, forgetting)
            assert await there.ids() == []
            assert await there.indexer.backlog() == 0

    async def test_a_channel_is_read_back_by_one_process_and_then_by_the_next(
        two: tuple[Database, Database], clock: FakeClock
    ) -> None:
        here, there = (Observations(db, clock) for db in two)
        async with here.reading(CHANNEL) as ours:
            assert ours
            async with there.reading(CHANNEL) as theirs, there.reading(CHANNEL + 1) as another:
                assert (theirs, another) == (False, True)
        async with there.reading(CHANNEL) as theirs:
            assert theirs

    async def test_what_was_held_by_work_that_is_cut_off_is_free_at_once(two: tuple[Database, Database]) -> None:
        here, there = two
        dying = asyncio.create_task(_hold(here, CHANNEL))
        await asyncio.sleep(0.3)
        async with there.alone(CHANNEL, wait=False) as held:
            assert not held
        dying.cancel()
        await asyncio.wait({dying})
        async with asyncio.timeout(10), there.alone(CHANNEL) as held:
            assert held


async def _hold(db: Database, number: int) -> None:
    async with db.alone(number):
        await asyncio.Event().wait()


async def _bench(db: Database, index: VectorIndex, clock: FakeClock) -> Bench:
    consents = Consents(db, await SubjectHasher.load(db), clock)
    return Bench(db, MessageLog(db, FullText(db.dialect), consents, clock), index, clock)
