"""An index that lost something, or got something back, is brought to what the database says."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from bot.domain import ServiceUnavailable
from bot.domain.model import Memory
from bot.index.comparison import ALWAYS, EVERY_MS, Differences, Gate, IndexComparison
from bot.storage.schema import outbox
from tests.fixtures.index import BagOfWords, IndexOpener, MemoryFactory
from tests.fixtures.storage import FakeClock
from tests.integration.test_indexer import HTTP_500, Bench, bench, declining, ids_of

__all__ = ["bench"]


@dataclass
class OpenGate:
    """Lets compare and remove, or not."""

    compares: bool = True
    removes: bool = True
    mendings: int = 0


def comparison(bench: Bench, clock: FakeClock, gate: Gate = ALWAYS) -> IndexComparison:
    indexer = bench.indexer
    return IndexComparison(bench.db, bench.index, indexer.messages, indexer.changes, clock, gate)


async def rows(bench: Bench) -> list[tuple[str, str]]:
    async with bench.db.read() as connection:
        return [(row.memory_id, row.op) for row in await connection.execute(select(outbox).order_by(outbox.c.seq))]


async def test_what_it_lacks_is_filled_in_and_what_the_database_does_not_know_is_removed(
    bench: Bench, make_memory: MemoryFactory, clock: FakeClock
) -> None:
    memories = [make_memory(f"decision {number}") for number in range(40)]
    await bench.add(*memories)
    await bench.indexer.drain()
    await bench.remove(*memories[:9])
    async with bench.db.write() as connection:
        await connection.execute(delete(outbox))  # as if the index were an older copy, with these still in it
    await bench.index.delete([memory.id for memory in memories[30:]])
    assert await comparison(bench, clock).compare() == Differences(lacking=10, unknown=9)
    assert await comparison(bench, clock).compare() == Differences(), "it is enlisted"
    await bench.indexer.drain()
    assert await bench.ids() == ids_of(memories[9:])
    assert await comparison(bench, clock).compare() == Differences()
    assert await rows(bench) == []


async def test_an_older_copy_of_the_folder_is_mended_by_the_bot_itself(
    bench: Bench,
    make_memory: MemoryFactory,
    open_edge: IndexOpener,
    clock: FakeClock,
    tmp_path: Path,
    data_dir: Path,
) -> None:
    erased, kept, newer = (make_memory(text) for text in ("erased", "kept", "newer"))
    await bench.add(erased, kept)
    await bench.indexer.drain()
    await bench.index.aclose()
    folder = data_dir / "index"
    shutil.copytree(folder, tmp_path / "copy")
    async with open_edge() as index:
        late = Bench(bench.db, index, clock)
        await late.remove(erased)
        await late.add(newer)
        await late.indexer.drain()
        assert await late.ids() == ids_of([kept, newer])
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "copy", folder)
    async with open_edge() as index:
        late = Bench(bench.db, index, clock)
        assert await late.ids() == ids_of([erased, kept]), "what was erased is back"
        running = asyncio.create_task(late.indexer.run())
        await late.until([kept, newer])
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_may_not_be_removed_yet_is_removed_as_soon_as_it_may(
    bench: Bench, make_memory: MemoryFactory, clock: FakeClock
) -> None:
    ours, theirs = make_memory("ours"), make_memory("theirs")
    await bench.add(ours, theirs)
    await bench.indexer.drain()
    await bench.remove(theirs)
    async with bench.db.write() as connection:
        await connection.execute(delete(outbox))
    gate = OpenGate(removes=False)
    compared = comparison(bench, clock, gate)
    assert await compared.compare() == Differences()
    assert await bench.ids() == ids_of([ours, theirs])
    assert not compared.is_due
    gate.removes = True
    assert compared.is_due
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(bench.index, "memory_ids", _unreadable)
        with pytest.raises(ServiceUnavailable):
            await compared.compare()
    assert compared.is_due, "what was left is not forgotten where the index can't be read"
    assert await compared.compare() == Differences(unknown=1)
    assert not compared.is_due


async def test_it_is_made_at_once_where_the_index_is_another_state_of_itself(bench: Bench, clock: FakeClock) -> None:
    gate = OpenGate()
    compared = comparison(bench, clock, gate)
    await compared.compare()
    gate.mendings += 1
    assert compared.is_due
    await compared.compare()
    assert not compared.is_due


async def test_who_does_not_hold_the_index_does_not_compare(bench: Bench, clock: FakeClock) -> None:
    assert not comparison(bench, clock, OpenGate(compares=False, mendings=1)).is_due


async def test_what_waits_already_or_was_set_aside_is_no_difference(
    bench: Bench, make_memory: MemoryFactory, clock: FakeClock, embedder: BagOfWords, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison, fine, gone = (make_memory(text) for text in ("poison", "fine", "gone"))
    await bench.add(gone)
    await bench.indexer.drain()
    monkeypatch.setattr(embedder, "embed", declining(embedder, HTTP_500))
    await bench.add(poison)
    await bench.indexer.drain()
    assert (await bench.aside()).keys() == {poison.id}
    await bench.add(fine)
    await bench.remove(gone)
    waiting = await rows(bench)
    assert await comparison(bench, clock).compare() == Differences()
    assert await rows(bench) == waiting


async def test_it_is_made_at_the_start_and_every_day(bench: Bench, clock: FakeClock) -> None:
    compared = comparison(bench, clock)
    assert compared.is_due
    await compared.compare()
    assert not compared.is_due
    clock.advance(EVERY_MS / 1_000 - 1)
    assert not compared.is_due
    clock.advance(1)
    assert compared.is_due
    await compared.compare()
    clock.advance(-3_600)
    assert compared.is_due, "the clock was set back"


async def test_many_pages_of_both_sides_are_walked_together(
    bench: Bench, make_memory: MemoryFactory, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("bot.index.comparison.PAGE", "bot.index.edge_store.PAGE"):
        monkeypatch.setattr(place, 7)
    memories: list[Memory] = [make_memory(f"decision {number}") for number in range(60)]
    await bench.add(*memories)
    await bench.indexer.drain()
    await bench.index.delete([memory.id for memory in memories[::3]])
    assert await comparison(bench, clock).compare() == Differences(lacking=20)
    await bench.indexer.drain()
    assert await bench.ids() == ids_of(memories)


async def _unreadable() -> AsyncIterator[str]:
    raise ServiceUnavailable("qdrant", "no answer")
    yield ""
