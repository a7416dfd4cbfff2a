"""What is set aside is tried again a few times, goes with its message or memory, and is counted by its reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from bot.domain import snowflake
from bot.storage.schema import set_aside
from bot.storage.set_aside_store import RETRY_MS, Item, SetAside, SetAsideCount
from tests.fixtures.memory import Pipeline
from tests.fixtures.storage import AUTHOR, CHANNEL, GUILD, NOW_MS, FakeClock

pytestmark = pytest.mark.both_databases

PART, BASIS = "index", "version 1 of the model"
UNLOGGED = snowflake.from_ms(NOW_MS + 1)
DAY_SECONDS = RETRY_MS / 1_000


async def put(pipeline: Pipeline, *items: Item, reason: str = "HTTP 500", basis: str = BASIS) -> frozenset[str]:
    async with pipeline.db.write() as connection:
        return await SetAside(pipeline.db, pipeline.clock).add(
            connection, PART, dict.fromkeys(items, reason), basis=basis
        )


async def due(pipeline: Pipeline, *, basis: str = BASIS, limit: int = 10) -> list[str]:
    """What is to be tried now, and counts as tried."""
    async with pipeline.db.write() as connection:
        items = await SetAside(pipeline.db, pipeline.clock).due(connection, PART, basis=basis, limit=limit)
    return [item.key for item in items]


async def counts(pipeline: Pipeline, guild_id: int | None = None) -> list[SetAsideCount]:
    return await SetAside(pipeline.db, pipeline.clock).counts(guild_id)


async def test_it_is_tried_again_after_a_day_three_times_and_then_no_more(pipeline: Pipeline, clock: FakeClock) -> None:
    await put(pipeline, Item(key="a", guild_id=GUILD))
    for _ in range(3):
        assert await due(pipeline) == []
        clock.advance(DAY_SECONDS)
        assert await due(pipeline) == ["a"]
        await put(pipeline, Item(key="a", guild_id=GUILD), reason="HTTP 400")  # it failed again
    clock.advance(30 * DAY_SECONDS)
    assert await due(pipeline) == []
    assert await counts(pipeline) == [SetAsideCount(part=PART, reason="HTTP 400", items=1, next_try_ms=None)]


async def test_it_is_tried_again_at_once_when_what_it_hangs_on_has_changed(
    pipeline: Pipeline, clock: FakeClock
) -> None:
    await put(pipeline, Item(key="a"), Item(key="b"))
    for _ in range(3):
        clock.advance(DAY_SECONDS)
        await due(pipeline)
    assert sorted(await due(pipeline, basis="version 2")) == ["a", "b"]
    assert await due(pipeline, basis="version 2") == []
    clock.advance(DAY_SECONDS)
    assert sorted(await due(pipeline, basis="version 2")) == ["a", "b"]


async def test_so_many_are_tried_at_once_and_the_oldest_first(pipeline: Pipeline, clock: FakeClock) -> None:
    for key in "abc":
        await put(pipeline, Item(key=key))
        clock.advance(1)
    clock.advance(DAY_SECONDS)
    assert await due(pipeline, limit=2) == ["a", "b"]
    assert await due(pipeline, limit=2) == ["c"]


async def test_a_clock_that_was_put_back_does_not_make_it_wait_for_longer(pipeline: Pipeline, clock: FakeClock) -> None:
    clock.advance(365 * DAY_SECONDS)
    await put(pipeline, Item(key="a"))
    clock.advance(-365 * DAY_SECONDS)
    assert await due(pipeline) == ["a"]


async def test_what_is_dealt_with_is_set_aside_no_more(pipeline: Pipeline) -> None:
    await put(pipeline, Item(key="a"), Item(key="b"))
    async with pipeline.db.write() as connection:
        await SetAside(pipeline.db, pipeline.clock).settle(connection, PART, ["a"])
        await SetAside(pipeline.db, pipeline.clock).settle(connection, "observing", ["b"])
    assert [count.items for count in await counts(pipeline)] == [1]


async def test_it_is_counted_by_reason_and_server(pipeline: Pipeline) -> None:
    await put(pipeline, Item(key="a", guild_id=GUILD), Item(key="b", guild_id=GUILD))
    await put(pipeline, Item(key="c", guild_id=7), reason="x" * 5_000)
    assert [(count.reason[:8], count.items) for count in await counts(pipeline)] == [("HTTP 500", 2), ("x" * 8, 1)]
    assert [count.items for count in await counts(pipeline, GUILD)] == [2]
    assert max(len(count.reason) for count in await counts(pipeline)) < 500


async def test_it_goes_with_its_memory_and_a_memory_that_went_is_not_set_aside(pipeline: Pipeline) -> None:
    await pipeline.say("note: the harbour opens at nine")
    await pipeline.flush()
    (memory,) = await pipeline.memories()
    item = Item(key=memory.id, guild_id=GUILD, memory_id=memory.id)
    assert await put(pipeline, item) == {memory.id}
    async with pipeline.db.write() as connection:
        await pipeline.store.remove(connection, [memory.id])
    assert await counts(pipeline) == []
    assert await put(pipeline, item, Item(key="a")) == {"a"}


WAYS: dict[str, Callable[[Pipeline, int], Awaitable[object]]] = {
    "messages": lambda p, said_id: p.erasure.erase_messages(GUILD, CHANNEL, [said_id, UNLOGGED]),
    "member": lambda p, _: p.erasure.erase_member(AUTHOR, GUILD),
    "member everywhere": lambda p, _: p.erasure.erase_member(AUTHOR),
    "channel": lambda p, _: p.erasure.erase_channel(GUILD, CHANNEL),
    "guild": lambda p, _: p.erasure.erase_guild(GUILD),
    "retention": lambda p, _: p.erasure.erase_expired(30),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.matrix
async def test_it_goes_with_its_message_whether_or_not_the_log_has_that(pipeline: Pipeline, way: str) -> None:
    said = await pipeline.say("note: the harbour opens at nine")
    await put(
        pipeline,
        *(
            Item(key=str(message_id), guild_id=GUILD, channel_id=CHANNEL, author_id=AUTHOR, message_id=message_id)
            for message_id in (said.id, UNLOGGED)
        ),
        Item(key="of another", guild_id=7, channel_id=8, message_id=9, author_id=10),
    )
    pipeline.clock.advance(29 * DAY_SECONDS)
    assert len(await counts(pipeline)) == 1
    await pipeline.erasure.erase_expired(30)
    assert await pipeline.rows(set_aside) == 3
    if way == "retention":
        pipeline.clock.advance(2 * DAY_SECONDS)
    await WAYS[way](pipeline, said.id)
    assert await pipeline.rows(set_aside) == (0 if way == "retention" else 1)
