"""What only one of several processes does at a time, on a real PostgreSQL server."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from bot.domain.model import Message
from bot.guilds.consent import Consents, SubjectHasher
from bot.guilds.observation import Observations
from bot.index.base import VectorIndex
from bot.index.indexer import INDEXING
from bot.index.message_vectors import MessageVectors
from bot.llm.loading import load_settings
from bot.observe.messagelog import MessageLog, Said
from bot.remember.leases import LeaseLost
from bot.remember.queue import Queue
from bot.run.app import open_app
from bot.storage.changes import Changes
from bot.storage.engine import Database, open_database
from bot.storage.installation import Installation
from bot.storage.schema import meta
from bot.text.fulltext import FullText
from tests.fixtures.index import BagOfWords, IndexOpener, MemoryFactory, entry
from tests.fixtures.postgres import PostgresServer, server_programs
from tests.fixtures.storage import AUTHOR, CHANNEL, GUILD, NOW_MS, FakeClock
from tests.integration import holding_process
from tests.integration.test_indexer import Bench, ids_of
from tests.loopback.qdrant import LoopbackQdrant


class HeldUp(BagOfWords):
    """An embedder that takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked.set()
        await self.go_on.wait()
        return await super().embed(texts)


async def test_processes_that_start_together_lay_one_collection_out(
    open_server: IndexOpener, make_memory: MemoryFactory
) -> None:
    async with AsyncExitStack() as stack:
        opened = await asyncio.gather(*(stack.enter_async_context(open_server(patient=True)) for _ in range(6)))
        await opened[0].upsert([entry(make_memory())])
        assert [await index.count() for index in opened] == [1] * len(opened)


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
            here, there = _bench(two[0], one, clock), _bench(two[1], other, clock)
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

    async def test_what_is_forgotten_stays_out_though_the_server_took_the_lock_away(
        two: tuple[Database, Database],
        open_server: IndexOpener,
        qdrant_server: LoopbackQdrant,
        make_memory: MemoryFactory,
        clock: FakeClock,
    ) -> None:
        """As a server does that is restarted: two processes then bring things to the index at the same time."""
        slow = HeldUp()
        async with open_server(embedder=slow) as one, open_server() as other:
            here, there = _bench(two[0], one, clock), _bench(two[1], other, clock)
            forgotten, changed, kept = make_memory("on Friday"), make_memory("on Monday"), make_memory("on Sunday")
            await here.add(forgotten, changed, kept)
            indexing = asyncio.create_task(here.indexer.drain())
            await slow.asked.wait()
            await _take_the_lock_away(two[1], INDEXING)
            await there.remove(forgotten)
            async with there.db.write() as connection:
                await there.store.rewrite(connection, changed.id, "on Tuesday")
            await there.indexer.drain()
            slow.go_on.set()
            await indexing
            await there.indexer.drain()
            assert await there.ids() == ids_of([changed, kept])
            assert await there.indexer.backlog() == 0
            assert _versions(qdrant_server) == {changed.id: 2, kept.id: 1}

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

    @pytest.mark.slow
    @pytest.mark.parametrize("holding", ["a lock", "a transaction"])
    async def test_a_process_that_hangs_is_waited_for_a_moment_only(
        postgres_server: PostgresServer, data_dir: Path, holding: str
    ) -> None:
        async with postgres_server.database() as url, open_database(url, data_dir) as there:
            hanging = await asyncio.create_subprocess_exec(
                sys.executable, "-m", holding_process.__name__, url, str(data_dir), holding, stdout=subprocess.PIPE
            )
            try:
                assert hanging.stdout is not None
                assert await hanging.stdout.readline() == b"holding\n"
                await asyncio.sleep(3 * holding_process.SILENT_SECONDS)
                async with there.alone(holding_process.LOCK, wait=False) as held:
                    assert held == (holding != "a lock"), "a process that works keeps its lock"
                hanging.send_signal(signal.SIGSTOP)
                async with asyncio.timeout(20), there.alone(holding_process.LOCK), there.write() as connection:
                    assert await connection.scalar(select(func.count()).select_from(meta)) == 0, "it was undone"
            finally:
                hanging.kill()
                await hanging.wait()

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

    async def test_whether_the_index_holds_messages_is_one_processs_decision(
        two: tuple[Database, Database], clock: FakeClock
    ) -> None:
        leads, follows = (MessageVectors(db, Installation(db), clock) for db in two)
        changes = Changes(two[1], Installation(two[1]), [follows.follow])
        await changes.look()
        for wanted in (True, False, True):
            await leads.load(wanted=wanted, remove=True)
            assert await changes.look()
            assert follows.held == wanted
        assert not await leads.enlist()
        assert not await changes.look(), "how far it is concerns nobody else"

    async def test_the_bot_with_the_first_shard_follows_as_well(
        postgres_server: PostgresServer, data_dir: Path, clock: FakeClock
    ) -> None:
        async with postgres_server.database() as url:
            settings = load_settings(None, data_dir=data_dir, database_url=url, mem0_enabled=False)
            async with open_app(settings, extract=False, patient=True, leads=True) as app:
                assert app.changes is not None
                await MessageVectors(app.db, Installation(app.db), clock).load(wanted=True, remove=False)
                await app.changes.look()
                assert app.indexer.messages.held

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


def _versions(server: LoopbackQdrant) -> dict[str, int]:
    """Which version of each memory the index holds."""
    (collection,) = server.engine.get_collections().collections
    points, _ = server.engine.scroll(collection.name)
    return {str(point.id): (point.payload or {})["version"] for point in points}


async def _take_the_lock_away(db: Database, number: int) -> None:
    """Have the server end the connection that holds a lock."""
    holder = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = :number")
    async with db.read() as connection:
        assert await connection.scalar(holder, {"number": number})


async def _hold(db: Database, number: int) -> None:
    async with db.alone(number):
        await asyncio.Event().wait()


def _bench(db: Database, index: VectorIndex, clock: FakeClock) -> Bench:
    return Bench(db, index, clock)


async def _log(db: Database, clock: FakeClock) -> MessageLog:
    consents = Consents(db, await SubjectHasher.load(db), clock)
    return MessageLog(db, FullText(db.dialect), consents, clock)
