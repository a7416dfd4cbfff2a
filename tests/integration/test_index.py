"""What every vector index must do, on the embedded one and on a Qdrant server."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest

from bot.domain import snowflake
from bot.domain.errors import StartupError
from bot.domain.model import Citation
from bot.index.points import VectorQuery
from tests.fixtures.index import BagOfWords, IndexOpener, MemoryFactory, entry
from tests.fixtures.storage import GUILD, NOW_MS

if TYPE_CHECKING:
    from bot.index.mem0_index import Mem0Index


async def find(index: Mem0Index, text: str, *, channel_ids: frozenset[int] | None = None, **bounds: Any) -> list[str]:  # noqa: ANN401
    hits = await index.search(
        VectorQuery(
            guild_id=bounds.pop("guild_id", GUILD),
            text=text,
            channel_ids=channel_ids,
            limit=bounds.pop("limit", 10),
            **bounds,
        )
    )
    return [hit.memory_id for hit in hits]


async def test_finds_the_nearest_in_meaning_first(index: Mem0Index, make_memory: MemoryFactory) -> None:
    near, nearer, far = make_memory("we deploy on friday"), make_memory("we deploy on monday"), make_memory("cats purr")
    await index.upsert([entry(near), entry(far), entry(nearer)])
    hits = await index.search(VectorQuery(guild_id=GUILD, text="deploy on monday", channel_ids=None, limit=2))
    assert [hit.memory_id for hit in hits] == [nearer.id, near.id]
    assert 1 > hits[0].score > hits[1].score > 0


async def test_finds_nothing_for_no_words(index: Mem0Index, make_memory: MemoryFactory) -> None:
    await index.upsert([entry(make_memory())])
    assert await find(index, " \n ") == []


async def test_keeps_guilds_apart(index: Mem0Index, make_memory: MemoryFactory) -> None:
    here, there = make_memory(), make_memory(guild_id=GUILD + 1)
    await index.upsert([entry(here), entry(there)])
    assert await find(index, here.text) == [here.id]
    assert await find(index, here.text, guild_id=GUILD + 1) == [there.id]


async def test_finds_only_what_cites_no_other_channel(index: Mem0Index, make_memory: MemoryFactory) -> None:
    first, second = make_memory(channel_id=1), make_memory(channel_id=2)
    both = make_memory(citations=[Citation(10, 1, 7), Citation(11, 2, 7)])
    await index.upsert([entry(first), entry(second), entry(both)])
    assert await find(index, first.text, channel_ids=frozenset({1})) == [first.id]
    assert set(await find(index, first.text, channel_ids=frozenset({1, 2, 3}))) == {first.id, second.id, both.id}
    assert set(await find(index, first.text)) == {first.id, second.id, both.id}
    assert await find(index, first.text, channel_ids=frozenset()) == []


async def test_finds_by_cited_author(index: Mem0Index, make_memory: MemoryFactory) -> None:
    anna, berta = make_memory(author_id=1), make_memory(author_id=2)
    both = make_memory(citations=[Citation(10, 5, 1), Citation(11, 5, 2)])
    await index.upsert([entry(anna), entry(berta), entry(both)])
    assert set(await find(index, anna.text, author_id=1)) == {anna.id, both.id}


async def test_bounds_are_exact_within_one_millisecond(index: Mem0Index, make_memory: MemoryFactory) -> None:
    start = snowflake.from_ms(NOW_MS)
    said = [make_memory(said_id=start + place) for place in range(3)]
    await index.upsert([entry(memory) for memory in said])
    assert set(await find(index, said[0].text, up_to=start + 1)) == {said[0].id, said[1].id}
    assert set(await find(index, said[0].text, since=start + 1)) == {said[1].id, said[2].id}
    assert await find(index, said[0].text, since=start + 1, up_to=start + 1) == [said[1].id]
    assert await find(index, said[0].text, since=start + (1 << 22)) == []


async def test_writing_again_replaces(index: Mem0Index, make_memory: MemoryFactory) -> None:
    old = make_memory("we meet at nine", channel_id=1)
    new = make_memory("lunch is at noon", channel_id=2, memory_id=old.id, version=2)
    await index.upsert([entry(old), entry(old)])
    await index.upsert([entry(new)])
    assert await index.count() == 1
    assert await find(index, "lunch at noon", channel_ids=frozenset({2})) == [old.id]
    assert await find(index, "lunch at noon", channel_ids=frozenset({1})) == []


async def test_deletes(index: Mem0Index, make_memory: MemoryFactory) -> None:
    kept, gone = make_memory(), make_memory()
    await index.upsert([entry(kept), entry(gone)])
    await index.delete([gone.id, make_memory().id])
    await index.delete([])
    assert await find(index, kept.text) == [kept.id]
    assert await index.count() == 1


async def test_lists_what_it_holds_page_by_page(
    index: Mem0Index, make_memory: MemoryFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for store in ("edge_store", "qdrant_store"):
        if f"bot.index.{store}" in sys.modules:
            monkeypatch.setattr(f"bot.index.{store}.PAGE", 2)
    memories = [make_memory() for _ in range(5)]
    await index.upsert([entry(memory) for memory in memories])
    listed = [memory_id async for memory_id in index.memory_ids()]
    assert sorted(listed) == sorted(memory.id for memory in memories)


async def test_survives_closing(open_either: IndexOpener, make_memory: MemoryFactory) -> None:
    memory = make_memory()
    async with open_either() as index:
        await index.upsert([entry(memory)])
    async with open_either() as index:
        assert await find(index, memory.text) == [memory.id]


async def test_measures_once_how_near_unrelated_texts_are(index: Mem0Index, embedder: BagOfWords) -> None:
    noise = await index.noise()
    assert 0.0 < noise.mean < 0.3
    assert noise.above(1.0) > 5.0
    assert noise.above(noise.mean) == 0.0
    assert await index.noise() == noise
    assert len(embedder.requests) == 1


async def test_embeds_a_whole_call_in_one_request(
    index: Mem0Index, make_memory: MemoryFactory, embedder: BagOfWords
) -> None:
    memories = [make_memory(f"decision number {number}") for number in range(40)]
    await index.upsert([entry(memory) for memory in memories])
    assert len(embedder.requests) == 1


async def test_texts_prefetched_are_not_embedded_again(
    index: Mem0Index, make_memory: MemoryFactory, embedder: BagOfWords
) -> None:
    memory = make_memory("  with blanks around ")
    await index.prefetch([memory.text, memory.text])
    await index.upsert([entry(memory)])
    await find(index, memory.text)
    assert embedder.requests == [["with blanks around"]]


async def test_many_at_once(index: Mem0Index, make_memory: MemoryFactory) -> None:
    doomed = [make_memory(f"doomed {number}") for number in range(4)]
    await index.upsert([entry(memory) for memory in doomed])
    kept = [make_memory(f"kept {number}") for number in range(12)]

    async def write(part: int) -> None:
        for memory in kept[part::3]:
            await index.upsert([entry(memory)])

    async def read() -> None:
        for number in range(10):
            await find(index, f"kept {number}", channel_ids=frozenset({doomed[0].channel_id}))

    async def forget() -> None:
        for memory in doomed:
            await index.delete([memory.id])

    await asyncio.gather(write(0), write(1), write(2), read(), read(), forget())
    assert {memory_id async for memory_id in index.memory_ids()} == {memory.id for memory in kept}


@pytest.mark.parametrize("model", ["bag-of-words", "other-model"])
async def test_another_vector_size_is_a_startup_error(
    open_either: IndexOpener, make_memory: MemoryFactory, model: str
) -> None:
    async with open_either() as index:
        await index.upsert([entry(make_memory())])
    other = BagOfWords(128)
    other.model = model
    with pytest.raises(StartupError, match=r"EMBEDDING_DIMS is 128.*256.*EMBEDDING_MODEL.*reindex"):
        async with open_either(embedder=other):
            pass


async def test_another_model_of_the_same_size_is_a_startup_error(
    open_either: IndexOpener, make_memory: MemoryFactory
) -> None:
    async with open_either() as index:
        await index.upsert([entry(make_memory())])
    other = BagOfWords()
    other.model = "other-model"
    with pytest.raises(StartupError, match=r"EMBEDDING_MODEL is other-model.*made with bag-of-words.*reindex"):
        async with open_either(embedder=other):
            pass
    async with open_either():  # and with the settings back all is well
        pass


async def test_another_model_is_fine_while_nothing_is_there(open_either: IndexOpener) -> None:
    async with open_either():
        pass
    other = BagOfWords()
    other.model = "other-model"
    async with open_either(embedder=other) as index:
        assert await index.count() == 0


async def test_fresh_takes_another_size(open_either: IndexOpener, make_memory: MemoryFactory) -> None:
    memory = make_memory()
    async with open_either() as index:
        await index.upsert([entry(memory)])
    other = BagOfWords(128)
    async with open_either(embedder=other, fresh=True) as index:
        assert await index.count() == 0
        await index.upsert([entry(memory)])
    async with open_either(embedder=other) as index:
        assert await find(index, memory.text) == [memory.id]
