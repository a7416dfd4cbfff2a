"""From the outbox to the index: what the database says is what the index learns, once, whatever fails between."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import textwrap
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from bot.domain import snowflake
from bot.domain.errors import RateLimited, ServiceError, ServiceRejected, ServiceUnavailable
from bot.domain.model import Citation, Memory, Message
from bot.index import indexer as indexing
from bot.index.backlog import WaitingChanges
from bot.index.base import VectorIndex
from bot.index.indexer import Indexer
from bot.index.message_vectors import MessageVectors
from bot.index.outbox import Outbox
from bot.index.points import VectorQuery, metadata
from bot.llm.openai_embeddings import OpenAIEmbedder
from bot.memories.store import MemoryStore
from bot.observe.directory import Directory
from bot.observe.messagelog import MessageLog
from bot.storage.engine import Database
from bot.storage.installation import Installation
from bot.storage.schema import citations, outbox, set_aside
from bot.text.fulltext import FullText
from tests.fixtures.index import BagOfWords, IndexOpener, MemoryFactory, edge_processes
from tests.fixtures.storage import GUILD, NOW_MS, FakeClock
from tests.loopback.openai import LoopbackOpenAI

ROOT = Path(__file__).parents[2]
Embed = Callable[[Sequence[str]], Awaitable[list[list[float]]]]


class Bench:
    """An indexer with its stores, and the outbox laid open."""

    def __init__(self, db: Database, index: VectorIndex, clock: FakeClock) -> None:
        self.db = db
        self.index = index
        self.directory = Directory(db)
        self.store = MemoryStore(db, FullText(db.dialect), clock, Outbox(clock).add)
        vectors = MessageVectors(db, Installation(db), clock)
        self.indexer = Indexer(db, index, self.store, self.directory, clock, vectors)

    async def add(self, *added: Memory) -> None:
        """Put memories into the database, as a flush does."""
        async with self.db.write() as connection:
            for memory in added:
                await self.store.add(connection, memory)

    async def remove(self, *removed: Memory) -> None:
        """Take memories out of the database, as an erasure does."""
        async with self.db.write() as connection:
            await self.store.remove(connection, [memory.id for memory in removed])

    async def ids(self) -> list[str]:
        """What the index holds, sorted."""
        return sorted([memory_id async for memory_id in self.index.memory_ids()])

    async def aside(self) -> dict[str, str]:
        """The ids of what is set aside, each with the reason."""
        async with self.db.read() as connection:
            return {row.item: row.reason for row in await connection.execute(select(set_aside))}

    async def until(self, memories: Sequence[Memory]) -> None:
        """Wait until the index holds just these."""
        async with asyncio.timeout(30):
            while await self.ids() != ids_of(memories):  # noqa: ASYNC110 - another component has no event for it
                await asyncio.sleep(0.05)


@pytest.fixture
async def bench(database: Database, log: MessageLog, open_edge: IndexOpener, clock: FakeClock) -> AsyncIterator[Bench]:
    """An indexer over the embedded index."""
    async with open_edge() as index:
        yield Bench(database, index, clock)


def ids_of(memories: Sequence[Memory]) -> list[str]:
    return sorted(memory.id for memory in memories)


async def test_indexes_with_names_and_keeps_no_reference(
    bench: Bench, make_memory: MemoryFactory, embedder: BagOfWords
) -> None:
    await bench.directory.remember_names(GUILD, {7: "Ada"})
    memory = make_memory("<@7> and <@8> moved the release to Friday")
    await bench.add(memory)
    assert await bench.indexer.render(memory) == "Ada and somebody moved the release to Friday"
    assert await bench.indexer.drain() == 1
    assert embedder.requests == [["Ada and somebody moved the release to Friday"]]
    assert await bench.indexer.drain() == 0


async def test_a_flush_of_forty_memories_costs_two_embedding_requests_at_most(
    database: Database,
    log: MessageLog,
    clock: FakeClock,
    open_edge: IndexOpener,
    make_memory: MemoryFactory,
    openai_server: LoopbackOpenAI,
) -> None:
    embedder = OpenAIEmbedder("sk-x", "text-embedding-3-small", 1536, base_url=openai_server.api_url)
    extracted = [make_memory(f"decision {number} of <@7>") for number in range(40)]
    async with open_edge(embedder=embedder) as index:
        bench = Bench(database, index, clock)
        openai_server.requests.clear()
        for rendered in await bench.indexer.prefetch([memory.text for memory in extracted], guild_id=GUILD):
            await index.search(VectorQuery(guild_id=GUILD, text=rendered, channel_ids=None, limit=5))
        merged = make_memory("what two of them were merged into")
        await bench.add(*extracted, merged)
        await bench.indexer.drain()
        assert await bench.ids() == ids_of([*extracted, merged])
        assert len(openai_server.asked("/embeddings")) == 2
    await embedder.aclose()


async def test_the_database_decides_whatever_the_rows_say(bench: Bench, make_memory: MemoryFactory) -> None:
    kept, gone = make_memory(), make_memory()
    await bench.add(kept, gone)
    await bench.remove(gone)
    async with bench.db.write() as connection:
        await connection.execute(update(outbox).where(outbox.c.memory_id == kept.id).values(op="delete"))
    assert await bench.indexer.drain() == 3
    assert await bench.ids() == [kept.id]


async def test_forgets_while_embeddings_are_down_and_catches_up_afterwards(
    bench: Bench, make_memory: MemoryFactory, embedder: BagOfWords, clock: FakeClock
) -> None:
    gone, waiting = make_memory("forget this"), make_memory("learn this")
    await bench.add(gone)
    await bench.indexer.drain()
    embedder.error = ServiceUnavailable("embeddings", "down")
    await bench.add(waiting)
    await bench.remove(gone)
    await bench.indexer.drain()
    assert await bench.ids() == []
    assert await bench.indexer.backlog() == 1
    embedder.error = None
    assert await bench.indexer.drain() == 0  # not yet: it waits
    clock.advance(2)
    assert await bench.indexer.drain() == 1
    assert await bench.ids() == [waiting.id]


@pytest.mark.slow
async def test_who_has_something_else_to_do_waits_for_one_batch_of_a_long_backlog(
    bench: Bench, make_memory: MemoryFactory, embedder: BagOfWords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BATCH", 2)
    embed, asked, go_on = embedder.embed, asyncio.Event(), asyncio.Event()

    async def slowly(texts: Sequence[str]) -> list[list[float]]:
        asked.set()
        await go_on.wait()
        return await embed(texts)

    gone = make_memory("forget this")
    await bench.add(gone)
    await bench.indexer.drain()
    monkeypatch.setattr(embedder, "embed", slowly)
    await bench.add(*(make_memory(f"learn number {number}") for number in range(20)))
    catching_up = asyncio.create_task(bench.indexer.drain())
    await asked.wait()
    await bench.remove(gone)
    erasing = asyncio.create_task(bench.indexer.drain(within=0.1))
    await asyncio.sleep(0.2)
    go_on.set()
    assert await erasing == 1
    assert gone.id not in await bench.ids()
    assert not catching_up.done()
    await catching_up
    assert len(await bench.ids()) == 20


@pytest.mark.slow
async def test_what_is_forgotten_does_not_wait_behind_what_is_to_be_embedded(
    bench: Bench, make_memory: MemoryFactory, embedder: BagOfWords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BATCH", 2)
    gone, also_gone = make_memory("forget this"), make_memory("and this")
    await bench.add(gone, also_gone)
    await bench.indexer.drain()
    await bench.add(*[make_memory(f"learn this {number}") for number in range(5)])
    await bench.remove(gone)

    async def forgets_meanwhile(texts: Sequence[str]) -> list[list[float]]:
        assert await bench.ids() == [also_gone.id]
        await bench.remove(also_gone)
        raise ServiceUnavailable("embeddings", "down")

    monkeypatch.setattr(embedder, "embed", forgets_meanwhile)
    await bench.indexer.drain()
    await bench.indexer.drain()  # at once: what was deleted during the call does not wait with what it was for
    assert await bench.ids() == []
    assert await bench.indexer.backlog() == 5


async def test_waits_longer_with_every_failure(
    bench: Bench, make_memory: MemoryFactory, embedder: BagOfWords, clock: FakeClock
) -> None:
    embedder.error = ServiceUnavailable("embeddings", "down")
    await bench.add(make_memory())
    waits = []
    for _ in range(6):
        await bench.indexer.drain()
        async with bench.db.read() as connection:
            due_ms = await connection.scalar(select(outbox.c.next_try_ms)) or 0
        waits.append((due_ms - clock()) / 1000)
        clock.ms = due_ms
    assert 0.7 <= waits[0] <= 1.3
    assert 20 <= waits[5] <= 40


async def test_waits_as_long_as_it_is_asked_to(
    bench: Bench, make_memory: MemoryFactory, embedder: BagOfWords, clock: FakeClock
) -> None:
    embedder.error = RateLimited("embeddings", 70)
    await bench.add(make_memory())
    await bench.indexer.drain()
    embedder.error = None
    clock.advance(69)
    assert await bench.indexer.drain() == 0
    clock.advance(2)
    assert await bench.indexer.drain() == 1


def declining(embedder: BagOfWords, error: Exception, *, word: str = "poison") -> Embed:
    """What embeds as the embedder does, but for requests with a text that has this word."""
    embed = embedder.embed

    async def picky(texts: Sequence[str]) -> list[list[float]]:
        if any(word in text for text in texts):
            raise error
        return await embed(texts)

    return picky


HTTP_500 = ServiceUnavailable("embeddings", "HTTP 500")


@pytest.mark.parametrize("error", [HTTP_500, ServiceRejected("embeddings", "HTTP 400")])
@pytest.mark.matrix
async def test_memories_that_can_not_be_embedded_are_set_aside_and_all_others_are_indexed(
    bench: Bench,
    make_memory: MemoryFactory,
    embedder: BagOfWords,
    monkeypatch: pytest.MonkeyPatch,
    error: ServiceError,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(embedder, "embed", declining(embedder, error))
    good = [make_memory(f"good {number}") for number in range(20)]
    poisoned = [make_memory("some poison"), make_memory("more poison")]
    await bench.add(*good[:10], *poisoned, *good[10:])
    await bench.indexer.drain()
    assert await bench.ids() == ids_of(good)
    assert await bench.indexer.backlog() == 0
    assert await bench.aside() == dict.fromkeys(ids_of(poisoned), str(error))
    assert str(error) in caplog.text
    assert "more poison" not in caplog.text


async def test_days_without_a_service_are_no_tries_of_what_is_set_aside(
    bench: Bench, clock: FakeClock, make_memory: MemoryFactory, embedder: BagOfWords, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, poisoned = make_memory("good"), make_memory("some poison")
    with monkeypatch.context() as declined:
        declined.setattr(embedder, "embed", declining(embedder, ServiceRejected("embeddings", "too odd")))
        await bench.add(good, poisoned)
        await bench.indexer.drain()
    assert await bench.aside() == {poisoned.id: "embeddings: too odd"}
    embedder.error = ServiceUnavailable("embeddings", "away")
    running = asyncio.create_task(bench.indexer.run())
    for _ in range(5):
        clock.advance(24 * 3600 + 1)
        bench.indexer.wake()
        await asyncio.sleep(0.2)
    async with bench.db.read() as connection:
        assert (await connection.scalars(select(set_aside.c.tries))).one() <= 1
    assert await bench.indexer.backlog() <= 1
    embedder.error = None
    clock.advance(3600)
    bench.indexer.wake()
    await bench.until([good, poisoned])
    async with asyncio.timeout(30):
        while await bench.aside():  # noqa: ASYNC110 - another component has no event for it
            await asyncio.sleep(0.05)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_one_that_makes_this_program_itself_fail_is_set_aside_by_kind_and_place(
    bench: Bench, make_memory: MemoryFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.index import mem0_index

    good, poisoned = [make_memory(f"good {number}") for number in range(5)], make_memory("poison")

    def trips(source: Memory | Message) -> dict[str, Any]:
        if source.id == poisoned.id:
            raise OverflowError("poison")
        return metadata(source)

    monkeypatch.setattr(mem0_index, "metadata", trips)
    await bench.add(*good, poisoned)
    await bench.indexer.drain()
    assert await bench.ids() == ids_of(good)
    ((memory_id, reason),) = (await bench.aside()).items()
    assert memory_id == poisoned.id
    assert reason.startswith("OverflowError in bot/index/mem0_index.py:")


async def test_no_older_version_of_what_is_set_aside_stays_in_the_index(
    bench: Bench, make_memory: MemoryFactory, embedder: BagOfWords, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = make_memory("good")
    await bench.add(memory)
    await bench.indexer.drain()
    monkeypatch.setattr(embedder, "embed", declining(embedder, HTTP_500))
    async with bench.db.write() as connection:
        await bench.store.rewrite(connection, memory.id, "poison")
    await bench.indexer.drain()
    assert await bench.ids() == []
    assert (await bench.aside()).keys() == {memory.id}


async def test_while_nothing_can_be_embedded_everything_waits_and_nothing_is_set_aside(
    bench: Bench,
    make_memory: MemoryFactory,
    embedder: BagOfWords,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    embed = embedder.embed
    monkeypatch.setattr(embedder, "embed", declining(embedder, HTTP_500, word=""))
    memories = [make_memory(f"good {number}") for number in range(5)]
    await bench.add(*memories)
    for _ in range(3):
        await bench.indexer.drain()
        clock.advance(600)
    assert await bench.aside() == {}
    assert await bench.indexer.changes.waiting() == [
        WaitingChanges(removes=False, messages=False, reason=str(HTTP_500), rows=5)
    ]
    monkeypatch.setattr(embedder, "embed", embed)
    await bench.indexer.drain()
    assert await bench.ids() == ids_of(memories)
    assert await bench.indexer.changes.waiting() == []


async def test_what_is_set_aside_is_tried_again_and_then_indexed_with_what_came_of_it_meanwhile(
    bench: Bench,
    make_memory: MemoryFactory,
    embedder: BagOfWords,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    embed = embedder.embed
    monkeypatch.setattr(embedder, "embed", declining(embedder, HTTP_500))
    kept, erased, mended = (make_memory(f"poison {number}") for number in range(3))
    await bench.add(kept, erased, mended)
    await bench.indexer.drain()
    assert len(await bench.aside()) == 3
    await bench.remove(erased)
    async with bench.db.write() as connection:
        await bench.store.rewrite(connection, mended.id, "good")
    await bench.indexer.drain()
    assert await bench.ids() == [mended.id]
    assert (await bench.aside()).keys() == {kept.id}
    monkeypatch.setattr(embedder, "embed", embed)
    running = asyncio.create_task(bench.indexer.run())
    await asyncio.sleep(0.2)
    assert await bench.ids() == [mended.id]  # not before a day
    clock.advance(86_400)
    bench.indexer.wake()
    await bench.until([kept, mended])
    async with asyncio.timeout(30):
        while await bench.aside():  # noqa: ASYNC110 - the outbox is struck after the index has it
            await asyncio.sleep(0.05)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@pytest.mark.slow
async def test_a_deletion_that_fails_holds_up_no_other_and_is_never_set_aside(
    bench: Bench,
    make_memory: MemoryFactory,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    memories = [make_memory(f"decision {number}") for number in range(8)]
    await bench.add(*memories)
    await bench.indexer.drain()
    whole, stuck = bench.index.delete, memories[3]

    async def picky(ids: Collection[str]) -> None:
        if stuck.id in ids:
            raise ServiceRejected("qdrant", "HTTP 400")
        await whole(ids)

    monkeypatch.setattr(bench.index, "delete", picky)
    await bench.remove(*memories)
    waits = []
    for _ in range(12):
        await bench.indexer.drain()
        assert await bench.ids() == [stuck.id]
        assert await bench.indexer.changes.waiting() == [
            WaitingChanges(removes=True, messages=False, reason="qdrant: HTTP 400", rows=1)
        ]
        async with bench.db.read() as connection:
            due_ms = await connection.scalar(select(outbox.c.next_try_ms)) or 0
        waits.append((due_ms - clock()) / 1_000)
        clock.ms = due_ms
    assert await bench.aside() == {}
    assert waits[0] < 2
    assert 200 < max(waits) <= 300
    assert caplog.text.count(f"can't forget {stuck.id}") == 12
    monkeypatch.setattr(bench.index, "delete", whole)
    await bench.indexer.drain()
    assert await bench.ids() == []


async def test_runs_when_woken_and_fills_an_index_that_was_lost(bench: Bench, make_memory: MemoryFactory) -> None:
    first, second = make_memory(), make_memory()
    await bench.add(first)
    async with bench.db.write() as connection:
        await connection.execute(delete(outbox))  # as if its index had been there and is gone
    running = asyncio.create_task(bench.indexer.run())
    await bench.until([first])
    await bench.add(second)
    bench.indexer.wake()
    await bench.until([first, second])
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_an_index_that_was_lost_is_filled_though_something_waits_for_it(
    bench: Bench, make_memory: MemoryFactory
) -> None:
    lost, waiting = make_memory(), make_memory()
    await bench.add(lost)
    async with bench.db.write() as connection:
        await connection.execute(delete(outbox))  # as if its index had been there and is gone
    await bench.add(waiting)
    running = asyncio.create_task(bench.indexer.run())
    await bench.until([lost, waiting])
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def traces(data_dir: Path, *, text: str = "", uuids: Sequence[str] = (), numbers: Sequence[int] = ()) -> list[str]:
    """Files that hold a text, an id, or a number, in any form that a store could have written it."""
    needles = [text.encode()] if text else []
    for one in uuids:
        value = uuid.UUID(one)
        needles += [one.encode(), value.hex.encode(), value.bytes, value.bytes_le, value.int.to_bytes(16, "little")]
    for number in numbers:
        needles += [str(number).encode(), number.to_bytes(8, "little"), number.to_bytes(8, "big")]
    return sorted(
        str(path.relative_to(data_dir))
        for path in data_dir.rglob("*")
        if path.is_file()
        for content in [path.read_bytes()]
        if any(needle in content for needle in needles)
    )


@pytest.mark.slow
async def test_nothing_of_a_deleted_memory_is_in_any_file(
    bench: Bench, make_memory: MemoryFactory, data_dir: Path
) -> None:
    author, said_id = random.getrandbits(62), snowflake.from_ms(NOW_MS) + random.getrandbits(21)
    gone = make_memory("zqxvkw canary of the deleted", author_id=author, said_id=said_id)
    others = [make_memory(f"other {number}") for number in range(30)]
    await bench.add(*others[:15], gone, *others[15:])
    await bench.indexer.drain()
    assert any(name.startswith("index/") for name in traces(data_dir, uuids=[gone.id]))
    assert any(name.startswith("index/") for name in traces(data_dir, numbers=[author]))
    assert not [name for name in traces(data_dir, text="zqxvkw") if name.startswith("index/")]
    await bench.remove(gone)
    await bench.indexer.drain()
    assert traces(data_dir, text="qxvkw canary of the deleted", uuids=[gone.id], numbers=[author, said_id]) == []
    assert await bench.ids() == ids_of(others)


@pytest.mark.slow
async def test_nothing_of_a_lost_citation_is_in_any_file(
    bench: Bench, make_memory: MemoryFactory, data_dir: Path
) -> None:
    author, channel = random.getrandbits(62), random.getrandbits(62)
    memory = make_memory(citations=[Citation(10, channel, author), Citation(11, 5, 6)])
    await bench.add(memory, make_memory())
    await bench.indexer.drain()
    assert any(name.startswith("index/") for name in traces(data_dir, numbers=[author]))
    async with bench.db.write() as connection:
        await connection.execute(delete(citations).where(citations.c.author_id == author))
        await connection.execute(insert(outbox).values(memory_id=memory.id, op="upsert", created_ms=0))
    await bench.indexer.drain()
    assert not [name for name in traces(data_dir, numbers=[author, channel]) if name.startswith("index/")]
    hits = await bench.index.search(VectorQuery(guild_id=GUILD, text=memory.text, channel_ids=frozenset({5}), limit=5))
    assert [hit.memory_id for hit in hits] == [memory.id]


@pytest.mark.parametrize("also_the_index", [False, True], ids=["bot", "bot-and-index"])
@pytest.mark.parametrize("writes", [0, 2])
@pytest.mark.slow
async def test_kill_in_the_middle_of_a_write_leaves_each_memory_once(
    bench: Bench, make_memory: MemoryFactory, data_dir: Path, writes: int, also_the_index: bool
) -> None:
    memories = [make_memory(f"decision {number}") for number in range(60)]
    await bench.add(*memories)
    await bench.index.aclose()  # lets go of the folder; the next use opens it again

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.indexing_process", str(data_dir), cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    for _ in range(2 * writes + 1):
        assert await process.stdout.readline()
    await asyncio.sleep(random.uniform(0, 0.05))
    holders = edge_processes(process.pid)
    assert len(holders) == 1
    for victim in [process.pid, *(holders if also_the_index else [])]:
        os.kill(victim, signal.SIGKILL)
    await process.communicate()
    left = await bench.indexer.backlog()
    assert 0 < left <= 60 - 3 * writes

    await bench.indexer.drain()
    assert await bench.ids() == ids_of(memories)
    assert await bench.index.count() == len(memories)
    assert await bench.indexer.backlog() == 0


@pytest.mark.slow
async def test_mem0_reports_nothing_and_writes_nothing_elsewhere(tmp_path: Path) -> None:
    home, data = tmp_path / "home", tmp_path / "data"
    home.mkdir()
    script = textwrap.dedent(
        """
        import asyncio, socket, sys
        from pathlib import Path

        def refuse(*arguments):
            raise AssertionError(f"a connection to {arguments[-1]}")

        socket.socket.connect = refuse
        socket.getaddrinfo = refuse

        from bot.index.base import IndexEntry
        from bot.index.opening import open_index
        from bot.index.points import VectorQuery
        from bot.domain.model import Citation, Memory, MemoryKind
        from tests.fixtures.index import BagOfWords

        class Installation:
            async def get(self, key): return None
            async def set(self, key, value): pass

        async def main():
            memory = Memory(id="5c1f7c37-6f0f-4b4e-9d0f-5b1b6a3d8a10", guild_id=1, kind=MemoryKind.NOTE,
                            text="zqxvkw canary", citations=(Citation(1, 2, 3),))
            data_dir = Path(sys.argv[1])
            async with open_index(data_dir=data_dir, embedder=BagOfWords(), installation=Installation()) as index:
                await index.upsert([IndexEntry(memory, memory.text)])
                query = VectorQuery(guild_id=1, text="canary since yesterday", channel_ids=None, limit=200)
                assert await index.search(query)
                await index.delete([memory.id])
                history = index._mem0.db.connection
                assert history.execute("SELECT count(*) FROM history").fetchone() == (0,)
                assert history.execute("SELECT count(*) FROM messages").fetchone() == (0,)

        asyncio.run(main())
        from mem0.memory import telemetry
        assert telemetry.MEM0_TELEMETRY is False
        assert telemetry._oss_telemetry_instance is None
        """
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEM0")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, str(data)),
        cwd=ROOT,
        env={**environment, "HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        stderr=subprocess.PIPE,
    )
    _, complaints = await process.communicate()
    assert complaints.decode() == ""
    assert process.returncode == 0
    assert list(home.iterdir()) == []
    assert sorted(path.name for path in data.iterdir()) == ["index", "mem0"]
    assert [path.name for path in (data / "mem0").iterdir()] == ["config.json"]  # a random id, never sent
    assert {path.stat().st_mode & 0o077 for path in data.rglob("*")} == {0}
