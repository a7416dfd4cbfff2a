"""What happens when the vector store or its process fails, and what a Qdrant server is asked for."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from qdrant_client import models

from bot.domain.errors import InUse, RateLimited, ServiceRejected, ServiceUnavailable, StartupError
from bot.index.layout import Layout
from bot.index.points import VectorQuery
from tests.fixtures.index import (
    OWNER_ID,
    BagOfWords,
    IndexOpener,
    MemoryFactory,
    collection,
    edge_processes,
    entry,
    home_on,
)
from tests.fixtures.storage import GUILD
from tests.loopback.http import Fault
from tests.loopback.qdrant import LoopbackQdrant
from tests.loopback.vectors import bag_of_words

if TYPE_CHECKING:
    from bot.index.mem0_index import Mem0Index

FIRST = collection(1)


@pytest.fixture
async def remote(open_server: IndexOpener) -> AsyncIterator[Mem0Index]:
    """An index on a Qdrant server."""
    async with open_server() as index:
        yield index


async def find(index: Mem0Index) -> list[str]:
    hits = await index.search(VectorQuery(guild_id=GUILD, text="the build is green", channel_ids=None, limit=10))
    return [hit.memory_id for hit in hits]


async def test_every_field_that_searches_compare_has_a_payload_index(
    remote: Mem0Index, qdrant_server: LoopbackQdrant
) -> None:
    indexes = qdrant_server.indexes[FIRST]
    assert indexes["agent_id"] == {"type": "keyword", "is_tenant": True}
    assert {"channel_ids", "author_ids", "said_ms", "schema", "installation"} == indexes.keys() - {"agent_id"}
    assert not any(params.get("enable_hnsw", True) for field, params in indexes.items() if field != "agent_id")


async def test_a_new_collection_has_a_graph_for_each_guild_and_lies_as_the_settings_say(
    open_server: IndexOpener, qdrant_server: LoopbackQdrant
) -> None:
    async with open_server(layout=Layout(6, 2, 1)):
        pass
    asked = qdrant_server.created[FIRST]
    assert (asked.shard_number, asked.replication_factor, asked.write_consistency_factor) == (6, 2, 1)
    assert asked.hnsw_config == models.HnswConfigDiff(m=0, payload_m=16)
    async with open_server():
        pass
    made = [request for request in qdrant_server.asked(FIRST) if request.method == "PUT"]
    assert len(made) == 1 + len(qdrant_server.indexes[FIRST]), "the second start finds all of it there"


async def test_an_index_that_is_no_tenants_is_made_anew_once(
    open_server: IndexOpener, qdrant_server: LoopbackQdrant, embedder: BagOfWords
) -> None:
    size = models.VectorParams(size=embedder.dims, distance=models.Distance.COSINE)
    qdrant_server.engine.create_collection(FIRST, vectors_config=size)
    qdrant_server.indexes[FIRST] = {"agent_id": "keyword"}  # as mem0 makes it
    for _ in range(2):
        async with open_server():
            assert qdrant_server.indexes[FIRST]["agent_id"] == {"type": "keyword", "is_tenant": True}
    fields = [request.body["field_name"] for request in qdrant_server.asked(f"{FIRST}/index")]
    assert sorted(fields) == ["agent_id", "author_ids", "channel_ids", "installation", "said_ms", "schema"]


async def test_the_server_gets_no_text(
    remote: Mem0Index, qdrant_server: LoopbackQdrant, make_memory: MemoryFactory
) -> None:
    memory = make_memory("zqxvkw canary")
    await remote.upsert([entry(memory)])
    (point,) = qdrant_server.engine.retrieve(FIRST, [memory.id])
    assert point.payload is not None
    assert point.payload == {
        "agent_id": str(GUILD),
        "memory_id": memory.id,
        "channel_ids": [memory.channel_id],
        "author_ids": list(memory.author_ids),
        "kind": "decision",
        "said_id": memory.citations[0].message_id,
        "said_ms": round(memory.said_at.timestamp() * 1000),
        "version": 1,
        "schema": 1,
        "installation": OWNER_ID,
    }
    assert not any("canary" in str(request.body) for request in qdrant_server.requests)


async def test_points_of_another_program_are_left_alone(
    open_server: IndexOpener, qdrant_server: LoopbackQdrant, embedder: BagOfWords, make_memory: MemoryFactory
) -> None:
    theirs = {"data": "the build is green", "agent_id": str(GUILD)}
    qdrant_server.engine.create_collection(
        FIRST, vectors_config=models.VectorParams(size=embedder.dims, distance=models.Distance.COSINE)
    )
    vector = list(bag_of_words("the build is green", embedder.dims))
    qdrant_server.engine.upsert(FIRST, [models.PointStruct(id=1, vector=vector, payload=theirs)])
    memory = make_memory()
    async with open_server() as index:
        await index.upsert([entry(memory)])
        assert await find(index) == [memory.id]
        assert (await index.count(), await index.strangers()) == (1, 1)
        assert [memory_id async for memory_id in index.memory_ids()] == [memory.id]
    async with open_server(fresh=True) as index:
        assert (await index.count(), await index.strangers()) == (0, 1)
    (point,) = qdrant_server.engine.retrieve(FIRST, [1])
    assert point.payload == theirs


async def test_a_collection_of_another_kind_is_a_startup_error(
    open_server: IndexOpener, qdrant_server: LoopbackQdrant
) -> None:
    named = {"text": models.VectorParams(size=4, distance=models.Distance.DOT)}
    qdrant_server.engine.create_collection(FIRST, vectors_config=named)
    with pytest.raises(StartupError, match="MEM0_QDRANT_HOST or MEM0_QDRANT_URL"):
        async with open_server():
            pass


async def test_a_wait_that_the_server_asks_for_is_told(remote: Mem0Index, qdrant_server: LoopbackQdrant) -> None:
    qdrant_server.fail(Fault.STATUS, status=429, retry_after=7)
    with pytest.raises(RateLimited) as told:
        await find(remote)
    assert told.value.retry_after == 7


@pytest.mark.parametrize("retry_after", [None, 1.5])
async def test_a_429_without_whole_seconds_is_told_all_the_same(
    remote: Mem0Index, qdrant_server: LoopbackQdrant, retry_after: float | None
) -> None:
    qdrant_server.fail(Fault.STATUS, status=429, retry_after=retry_after)
    with pytest.raises(RateLimited):
        await find(remote)


@pytest.mark.parametrize("fault", [Fault.STATUS, Fault.DROP, Fault.BROKEN, Fault.ODD, Fault.HANG])
@pytest.mark.matrix
async def test_a_server_that_fails_is_unavailable_and_comes_back(
    open_server: IndexOpener,
    qdrant_server: LoopbackQdrant,
    make_memory: MemoryFactory,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
) -> None:
    from bot.index import qdrant_store

    monkeypatch.setattr(qdrant_store, "REQUEST_SECONDS", 1)
    memory = make_memory()
    async with open_server() as index:
        qdrant_server.fail(fault)
        with pytest.raises(ServiceUnavailable, match="qdrant"):
            await find(index)
        with pytest.raises(ServiceUnavailable, match="qdrant"):
            await index.upsert([entry(memory)])
        with pytest.raises(ServiceUnavailable, match="qdrant"):
            await index.delete([memory.id])
        qdrant_server.heal()
        await index.upsert([entry(memory)])
        assert await find(index) == [memory.id]


async def test_a_wrong_key_is_rejected_without_repeating_it(
    open_server: IndexOpener, qdrant_server: LoopbackQdrant
) -> None:
    qdrant_server.api_key = "right"
    home = home_on(qdrant_server.url, api_key="zqxvkw-wrong")
    assert "zqxvkw" not in repr(home)
    with pytest.raises(ServiceRejected) as told:
        async with open_server(home=home):
            pass
    assert "zqxvkw" not in str(told.value)


async def test_a_server_that_is_down_at_the_start_is_waited_for_by_the_patient(
    open_server: IndexOpener, qdrant_server: LoopbackQdrant, make_memory: MemoryFactory
) -> None:
    memory = make_memory()
    await qdrant_server.stop()
    with pytest.raises(ServiceUnavailable):
        async with open_server():
            pass
    async with open_server(patient=True) as index:
        with pytest.raises(ServiceUnavailable):
            await find(index)
        await qdrant_server.start()
        await index.upsert([entry(memory)])
        assert await find(index) == [memory.id]


async def test_a_server_that_turns_out_not_to_fit_is_rejected(
    open_server: IndexOpener, qdrant_server: LoopbackQdrant
) -> None:
    qdrant_server.engine.create_collection(
        FIRST, vectors_config=models.VectorParams(size=4, distance=models.Distance.COSINE)
    )
    await qdrant_server.stop()
    async with open_server(patient=True) as index:
        await qdrant_server.start()
        with pytest.raises(ServiceRejected, match="EMBEDDING_DIMS"):
            await find(index)


async def test_a_second_bot_on_the_same_folder_is_told(open_edge: IndexOpener, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_edge():
        from bot.index import edge_store

        monkeypatch.setattr(edge_store, "LOCK_SECONDS", 0.1)
        with pytest.raises(InUse, match="another process of this bot is running"):
            async with open_edge():
                pass


async def test_a_folder_that_cannot_be_read_is_a_startup_error(open_edge: IndexOpener, data_dir: Path) -> None:
    async with open_edge():
        pass
    for path in (data_dir / "index" / "shard").rglob("*.json"):
        path.write_text("{}")
    with pytest.raises(StartupError, match="python -m bot reindex"):
        async with open_edge():
            pass
    async with open_edge(fresh=True) as index:
        assert await index.count() == 0


async def test_what_a_crash_left_half_written_is_removed(open_edge: IndexOpener, data_dir: Path) -> None:
    async with open_edge():
        pass
    left = data_dir / "index" / "shard" / "temp_segments" / "segment_builder_x"
    left.mkdir(parents=True)
    (left / "id_tracker.mappings").write_bytes(b"zqxvkw")
    async with open_edge():
        assert not left.exists()


async def test_the_index_process_is_started_again_when_it_dies(
    open_edge: IndexOpener, make_memory: MemoryFactory
) -> None:
    memory = make_memory()
    async with open_edge() as index:
        await index.upsert([entry(memory)])
        for pid in edge_processes(os.getpid()):
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(ServiceUnavailable, match="its process ended"):
            await find(index)
        assert await find(index) == [memory.id]
    assert edge_processes(os.getpid()) == []


async def test_an_index_process_that_hangs_is_replaced(
    open_edge: IndexOpener, make_memory: MemoryFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = make_memory()
    async with open_edge() as index:
        await index.upsert([entry(memory)])
        from bot.index import edge_store

        for pid in edge_processes(os.getpid()):
            os.kill(pid, signal.SIGSTOP)
        with monkeypatch.context() as impatient:
            impatient.setattr(edge_store, "CALL_SECONDS", 0.2)
            with pytest.raises(ServiceUnavailable, match="no answer"):
                await find(index)
        assert await find(index) == [memory.id]


async def test_the_event_loop_goes_on_while_bytes_are_taken_out(
    open_edge: IndexOpener, make_memory: MemoryFactory
) -> None:
    memories = [make_memory(f"decision {number}") for number in range(200)]
    async with open_edge() as index:
        await index.upsert([entry(memory) for memory in memories])
        forgetting = asyncio.create_task(index.delete([memories[0].id]))
        turns = 0
        while not forgetting.done():
            await asyncio.sleep(0.001)
            turns += 1
        assert turns >= 10  # rewriting a segment takes 0.1 s and more
