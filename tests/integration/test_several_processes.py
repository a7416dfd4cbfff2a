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
from bot.messagelog import MessageLog, Said
from bot.model import Message
from bot.observation import Observations
from bot.queue import LeaseLost, Queue
from bot.storage.engine import Database, open_database
from tests.fixtures.index import BagOfWords, IndexOpener, MemoryFactory
from tests.fixtures.postgres import PostgresServer, server_programs
from tests.fixtures.storage import AUTHOR, CHANNEL, GUILD, NOW_MS, FakeClock
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

    async def test_a_lease_holds_whatever_time_other_processes_think_it_is(two: tuple[Database, Database]) -> None:
        here = Queue(two[0], FakeClock(NOW_MS), "here", lease_time=two[0].time, lease_seconds=1)
        hours_later = Queue(two[1], FakeClock(NOW_MS + 36_000_000), "there", lease_time=two[1].time, lease_seconds=1)
        said = Message(id=5, guild_id=GUILD, channel_id=CHANNEL, author_id=AUTHOR, content="hello")
        await (await _log(two[0], FakeClock(NOW_MS))).append([Said(said, "Ada")])
        assert await here.acquire(CHANNEL)
        assert not await hours_later.acquire(CHANNEL)
        assert await hours_later.due(interval_seconds=0, size=1) == []
        await here.release(CHANNEL)
        assert await hours_later.acquire(CHANNEL)
        assert not await here.acquire(CHANNEL)
        await asyncio.sleep(1.1)
        assert await here.acquire(CHANNEL), "a lease that is not renewed ends"
        with pytest.raises(LeaseLost):
            await hours_later.renew(CHANNEL)

    async def test_of_many_that_want_a_channel_one_gets_it(two: tuple[Database, Database], clock: FakeClock) -> None:
        queues = [Queue(two[n % 2], clock, f"process {n}", lease_time=two[n % 2].time) for n in range(8)]
        for channel_id in range(CHANNEL, CHANNEL + 10):
            got = await asyncio.gather(*(queue.acquire(channel_id) for queue in queues))
            assert got.count(True) == 1
            await queues[got.index(True)].release(channel_id)

    async def test_leases_wait_for_no_writer(two: tuple[Database, Database], clock: FakeClock) -> None:
        here = Queue(two[0], clock, "here", lease_time=two[0].time)
        there = Queue(two[1], clock, "there", lease_time=two[1].time)
        assert await here.acquire(CHANNEL)
        async with two[0].write() as writing:
            await here.hold(writing, CHANNEL)  # its row is locked until this ends
            async with asyncio.timeout(5):
                assert not await there.acquire(CHANNEL)
                assert await there.acquire(CHANNEL + 1)
                await there.renew(CHANNEL + 1)
                await there.release(CHANNEL + 1)


async def _hold(db: Database, number: int) -> None:
    async with db.alone(number):
        await asyncio.Event().wait()


async def _bench(db: Database, index: VectorIndex, clock: FakeClock) -> Bench:
    return Bench(db, await _log(db, clock), index, clock)


async def _log(db: Database, clock: FakeClock) -> MessageLog:
    consents = Consents(db, await SubjectHasher.load(db), clock)
    return MessageLog(db, FullText(db.dialect), consents, clock)
