"""Several databases with their index on one Qdrant server: of different installations, and copies of one."""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import time
import uuid
from bisect import bisect_left
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import portalocker
import pytest
from qdrant_client import QdrantClient, models
from sqlalchemy import delete, insert, select

from bot.domain import Finding, UserError, Verdict, snowflake
from bot.domain.model import Memory
from bot.index.claim import Standing
from bot.index.comparison import Differences, IndexComparison
from bot.index.composition import become_new_installation
from bot.index.generations import Generation, Generations, GenerationState, Made
from bot.index.keeper import KEEPING
from bot.index.layout import QdrantAddress
from bot.index.marks import MARK
from bot.index.others import remove_index_of
from bot.index.owner import IndexOwner, ask_to_take_over
from bot.index.points import VectorQuery
from bot.llm.loading import load_settings
from bot.operate.composition import doctor_of
from bot.run.app import App, open_app
from bot.run.life import LOCK, bot_runs
from bot.run.running import beside
from bot.settings.config import Settings
from bot.storage import chunks
from bot.storage.engine import open_database
from bot.storage.installation import Installation
from bot.storage.schema import index_numbers, memories, outbox
from tests.acceptance.stores import canary
from tests.fixtures.commandline import CommandLine
from tests.fixtures.index import MARKED, earlier_point
from tests.fixtures.postgres import PostgresServer, server_programs
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS, FakeClock
from tests.loopback.http import Fault
from tests.loopback.openai import LoopbackOpenAI
from tests.loopback.qdrant import LoopbackQdrant

ADA = 30
DIMS = 1536
IN_THIS_DATABASE = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
HOUR = 3_600
MINUTE = 60
LOOK = 20


@dataclass
class Place:
    """A Qdrant server, and the databases that have their index there.

    Attributes:
        clock: of all processes.
        running: the processes, by the name of their folder.
    """

    folder: Path
    empty: Path
    openai: LoopbackOpenAI
    qdrant: LoopbackQdrant
    clock: FakeClock
    running: dict[str, App] = field(default_factory=dict)
    _ends: dict[str, AsyncExitStack] = field(default_factory=dict)
    _minutes: Iterator[int] = field(default_factory=itertools.count)

    def settings(self, name: str, **changes: object) -> Settings:
        if not (self.folder / name).exists():
            shutil.copytree(self.empty, self.folder / name)
        server = {"mem0_qdrant_url": self.qdrant.url, **changes}
        openai = {"openai_base_url": self.openai.api_url, "openai_api_key": "k"}
        return load_settings(None, data_dir=self.folder / name, **openai, **server)

    async def start(self, name: str, *, mends: bool = True, **changes: object) -> App:
        """Start a bot, and (`mends`) let it catch up."""
        stack = AsyncExitStack()
        opened = open_app(self.settings(name, **changes), extract=False, patient=True, clock=self.clock)
        self.running[name] = await stack.enter_async_context(opened)
        self._ends[name] = stack
        if mends:
            await self.running[name].indexer.keep_up()
        return self.running[name]

    async def end(self, *names: str) -> None:
        for name in names or list(self.running):
            del self.running[name]
            await self._ends.pop(name).aclose()

    async def abandon(self, name: str) -> None:
        """Let go of a process that was killed."""
        await self._ends.pop(name).aclose()

    async def copy(self, name: str, copy: str) -> None:
        """Copy a database, with its bot stopped for the moment."""
        running = name in self.running
        if running:
            await self.end(name)
        shutil.rmtree(self.folder / copy, ignore_errors=True)
        shutil.copytree(self.folder / name, self.folder / copy)
        if running:
            await self.start(name)

    async def later(self, seconds: float) -> None:
        """Let time pass for all processes, each of which does what there is to do."""
        for _ in range(round(seconds / LOOK)):
            self.clock.advance(LOOK)
            for app in list(self.running.values()):
                await keep_up(app)

    async def remember(self, name: str, count: int = 1) -> list[str]:
        return [await remember(self.running[name], next(self._minutes)) for _ in range(count)]

    def held(self, app_or_id: str) -> set[str]:
        """The ids of what an installation has on the server."""
        theirs = models.FieldCondition(key="installation", match=models.MatchValue(value=app_or_id))
        ids: set[str] = set()
        for name in self.collections:
            points, _ = self.qdrant.engine.scroll(
                name, models.Filter(must=[theirs], must_not=[MARKED]), limit=10_000, with_payload=False
            )
            ids |= {str(point.id) for point in points}
        return ids

    def owner_of(self, collection: str) -> str | None:
        """Whose a collection is by its mark."""
        marks = self.qdrant.engine.retrieve(collection, [MARK])
        return marks[0].payload["installation"] if marks and marks[0].payload else None

    @property
    def collections(self) -> set[str]:
        return {collection.name for collection in self.qdrant.engine.get_collections().collections}

    @property
    def aliases(self) -> dict[str, str]:
        return {alias.alias_name: alias.collection_name for alias in self.qdrant.engine.get_aliases().aliases}


async def keep_up(app: App) -> None:
    assert app.follower is not None
    await app.follower.follow()
    await app.indexer.keep_up()
    await app.indexer.keep_up()
    if app.mover is not None:
        while await app.mover.move():
            pass


async def remember(app: App, minute: int) -> str:
    memory = await app.services.own.remember(
        guild_id=GUILD,
        channel_id=CHANNEL,
        author_id=ADA,
        message_id=snowflake.from_ms(NOW_MS + 60_000 * minute),
        text=f"The {canary()} stands behind the {canary()}",
    )
    await app.indexer.drain()
    return memory.id


async def forget(app: App, memory_id: str) -> None:
    (memory,) = (await app.store.get([memory_id])).values()
    await app.erasure.erase_messages(GUILD, CHANNEL, [memory.citations[0].message_id])


async def known(app: App) -> set[str]:
    async with app.db.read() as connection:
        return set(await connection.scalars(select(memories.c.id)))


async def installation(app: App) -> str:
    return (await IndexOwner(app.db).load()).installation


async def standing(app: App) -> Standing:
    return (await IndexOwner(app.db).load()).standing


async def found_by_meaning(app: App, memory_id: str) -> bool:
    (memory,) = (await app.store.get([memory_id])).values()
    hits = await app.index.search(VectorQuery(guild_id=GUILD, text=memory.text, channel_ids=None, limit=1))
    return [hit.memory_id for hit in hits] == [memory_id]


async def reindex(app: App) -> None:
    await Generations(Installation(app.db)).ask()
    await keep_up(app)


@pytest.fixture
async def place(
    tmp_path: Path, migrated_dir: Path, openai_server: LoopbackOpenAI, clock: FakeClock
) -> AsyncIterator[Place]:
    async with LoopbackQdrant() as qdrant:
        place = Place(tmp_path, migrated_dir, openai_server, qdrant, clock)
        yield place
        await place.end()


# --- several installations -------------------------------------------------------------------------------------------


async def test_reindex_of_one_installation_leaves_the_other_untouched(place: Place) -> None:
    first, second = await place.start("first"), await place.start("second")
    await place.remember("first", 5)
    await place.remember("second", 2)
    await place.later(2 * MINUTE)
    assert await installation(first) != await installation(second)
    assert (await first.index.count(), await second.index.count()) == (5, 2)
    await reindex(second)
    await place.later(2 * MINUTE)
    assert place.held(await installation(first)) == await known(first)
    assert place.held(await installation(second)) == await known(second)
    assert (await first.index.count(), await second.index.count()) == (5, 2)
    assert [await found_by_meaning(first, memory_id) for memory_id in await known(first)] == [True] * 5
    assert place.collections == {
        f"discord_memories_{await installation(first)}_1",
        f"discord_memories_{await installation(second)}_2",
    }


@pytest.mark.slow
async def test_the_alias_is_the_first_installations_and_a_further_one_has_its_own(place: Place) -> None:
    first = await place.start("first")
    one = await installation(first)
    assert place.aliases == {"discord_memories": f"discord_memories_{one}_1"}, "from the first collection on"
    second = await place.start("second")
    other = await installation(second)
    await reindex(second)
    await reindex(first)
    assert place.aliases == {
        "discord_memories": f"discord_memories_{one}_2",
        f"discord_memories_{other}": f"discord_memories_{other}_2",
    }
    await place.end("first")
    place.qdrant.engine.delete_collection(f"discord_memories_{one}_2")
    place.qdrant.engine.update_collection_aliases(
        [models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name="discord_memories"))]
    )
    await reindex(second)
    assert "discord_memories" not in place.aliases, "it is not the second one's while the first is away"


async def earlier(place: Place, name: str, memories_of: list[Memory], collection: str = "discord_memories_1") -> None:
    """A database as an earlier version left it, with its points on the server."""
    settings = place.settings(name)
    if collection not in place.collections:
        size = models.VectorParams(size=DIMS, distance=models.Distance.COSINE)
        place.qdrant.engine.create_collection(collection, vectors_config=size)
    if memories_of:
        place.qdrant.engine.upsert(collection, [earlier_point(memory, DIMS) for memory in memories_of])
    async with open_database(None, settings.data_dir) as db:
        made = Made(settings.embedding_provider, settings.embedding_model, DIMS, place.qdrant.url)
        await Generations(Installation(db)).save(GenerationState(Generation(1, made)))


async def remembered(place: Place, name: str, count: int) -> list[Memory]:
    """Memories in a database that has no index."""
    async with open_app(place.settings(name, mem0_enabled=False, mem0_qdrant_url=None), extract=False) as app:
        for _ in range(count):
            await remember(app, next(place._minutes))
        async with app.db.write() as connection:
            await connection.execute(delete(outbox))  # an index took them
        return list((await app.store.get(await known(app))).values())


@pytest.mark.slow
async def test_a_collection_of_an_earlier_version_is_taken_over_without_embedding_anything(place: Place) -> None:
    await earlier(place, "bot", await remembered(place, "bot", 6))
    asked = len(place.openai.asked("/embeddings"))
    bot = await place.start("bot")
    await place.later(2 * MINUTE)
    assert place.collections == {"discord_memories_1"}
    assert place.held(await installation(bot)) == await known(bot)
    assert len(place.openai.asked("/embeddings")) - asked <= 1, "the check at the start"
    assert [await found_by_meaning(bot, memory_id) for memory_id in await known(bot)] == [True] * 6
    await reindex(bot)
    await place.later(2 * MINUTE)
    assert place.collections == {f"discord_memories_{await installation(bot)}_2"}
    assert place.held(await installation(bot)) == await known(bot)


@pytest.mark.slow
async def test_a_collection_of_another_database_is_not_taken_over(place: Place) -> None:
    theirs = await remembered(place, "theirs", 6)
    await earlier(place, "theirs", theirs)
    await earlier(place, "ours", [])
    ours = await place.start("ours")
    assert place.owner_of("discord_memories_1") is None
    await place.remember("ours", 2)
    await reindex(ours)
    await place.later(2 * MINUTE)
    assert await ours.index.count() == 2
    points, _ = place.qdrant.engine.scroll("discord_memories_1", limit=100)
    assert {str(point.id) for point in points} == {memory.id for memory in theirs}
    assert not any("installation" in (point.payload or {}) for point in points)


@pytest.mark.slow
async def test_of_two_that_shared_a_collection_the_one_with_the_most_points_takes_it_over_and_none_loses_any(
    place: Place,
) -> None:
    many, few = await remembered(place, "many", 6), await remembered(place, "few", 2)
    await earlier(place, "many", many)
    await earlier(place, "few", few)
    second = await place.start("few")
    assert place.held(await installation(second)) == {memory.id for memory in few}
    first = await place.start("many")
    await place.later(3 * MINUTE)
    assert place.held(await installation(first)) == {memory.id for memory in many}
    assert place.held(await installation(second)) == {memory.id for memory in few}
    assert (await first.index.count(), await second.index.count()) == (6, 2)
    assert place.owner_of("discord_memories_1") == await installation(first)
    stays, _ = place.qdrant.engine.scroll("discord_memories_1", limit=100)
    assert {str(point.id) for point in stays} == {MARK, *(memory.id for memory in (*many, *few))}


# --- an index that lost something ------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_collection_that_was_removed_under_a_running_bot_is_made_anew_and_filled(place: Place) -> None:
    bot = await place.start("bot")
    await place.remember("bot", 5)
    await place.later(2 * MINUTE)
    (name,) = place.collections
    place.qdrant.engine.delete_collection(name)
    await place.later(LOOK)
    assert place.held(await installation(bot)) == await known(bot)
    assert len(await known(bot)) == 5


def snapshot(place: Place, name: str) -> list[models.Record]:
    records, _ = place.qdrant.engine.scroll(name, limit=1_000, with_vectors=True)
    return records


def restore(place: Place, name: str, records: list[models.Record]) -> None:
    """Bring a collection back to what it was."""
    everything = models.FilterSelector(filter=models.Filter())
    place.qdrant.engine.delete(name, everything)
    points = [models.PointStruct(id=r.id, vector=r.vector, payload=r.payload) for r in records]
    place.qdrant.engine.upsert(name, points)


@pytest.mark.parametrize("runs", [True, False])
@pytest.mark.slow
async def test_an_older_snapshot_of_the_server_is_mended(place: Place, runs: bool) -> None:
    bot = await place.start("bot")
    erased, *_ = await place.remember("bot", 5)
    await place.later(2 * MINUTE)
    (name,) = place.collections
    before = snapshot(place, name)
    await forget(bot, erased)
    await bot.indexer.drain()
    await place.remember("bot", 3)
    await place.later(LOOK)
    if not runs:
        await place.end("bot")
    restore(place, name, before)
    if not runs:
        bot = await place.start("bot")
    await place.later(2 * MINUTE)
    assert place.held(await installation(bot)) == await known(bot)
    assert erased not in place.held(await installation(bot))
    assert len(await known(bot)) == 7


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
async def test_killed_at_random_while_it_mends_nothing_is_missing_and_nothing_erased_is_back(
    place: Place, seed: int
) -> None:
    chance = random.Random(seed)
    bot = await place.start("bot")
    erased = (await place.remember("bot", 12))[::4]
    await place.later(2 * MINUTE)
    (name,) = place.collections
    before = snapshot(place, name)
    for memory_id in erased:
        await forget(bot, memory_id)
    await bot.indexer.drain()
    await place.remember("bot", 12)
    await place.later(LOOK)
    if stopped := chance.random() < 0.5:
        await place.end("bot")
    restore(place, name, before)
    for _ in range(3):
        if stopped:
            bot = await place.start("bot", mends=False)
        mending = asyncio.create_task(place.later(2 * MINUTE))
        await asyncio.wait({mending}, timeout=chance.random() / 2)
        mending.cancel()
        await asyncio.gather(mending, return_exceptions=True)
        await place.end("bot")
        stopped = True
    bot = await place.start("bot")
    await place.later(3 * MINUTE)
    assert place.held(await installation(bot)) == await known(bot)
    assert len(await known(bot)) == 21
    assert place.held(await installation(bot)).isdisjoint(erased)


# --- copies of a database --------------------------------------------------------------------------------------------


async def copied_beside(place: Place, copied: Callable[[], Awaitable[None]]) -> tuple[App, App]:
    """An original, and a copy that is started after it was made."""
    original = await place.start("original")
    await place.remember("original", 6)
    await place.later(2 * MINUTE)
    await copied()
    return place.running.get("original", original), await place.start("copy")


async def assert_is_copy(place: Place, original: App, copy: App) -> None:
    """The copy works by words and changes nothing; the original has all of its own."""
    assert (await standing(original), await standing(copy)) == (Standing.HOLDING, Standing.COPY)
    await place.remember("copy", 2)
    await forget(copy, next(iter(await known(copy) & await known(original))))
    await place.remember("original", 1)
    await place.later(2 * MINUTE)
    assert place.held(await installation(original)) == await known(original)
    assert [await found_by_meaning(original, memory_id) for memory_id in await known(original)] == [True] * 7
    assert not await found_by_meaning(copy, next(iter(await known(copy))))
    assert (await standing(original), await standing(copy)) == (Standing.HOLDING, Standing.COPY)


async def test_a_copy_that_is_started_at_once_yields_and_nothing_of_the_original_is_lost(place: Place) -> None:
    async def copied() -> None:
        await place.copy("original", "copy")
        await place.later(2 * MINUTE)  # the original was stopped for it

    original, copy = await copied_beside(place, copied)
    await place.later(2 * MINUTE)
    await assert_is_copy(place, original, copy)


@pytest.mark.slow
async def test_a_copy_whose_number_is_still_known_yields_in_its_first_minute(place: Place) -> None:
    await place.start("original")
    await place.remember("original", 6)
    await place.later(2 * MINUTE)
    original = place.running["original"]
    # the copy is made of the file as it is, with its log; nothing is written while it is copied
    shutil.copytree(place.folder / "original", place.folder / "copy")
    copy = await place.start("copy")
    assert await standing(copy) is Standing.HOLDING, "the number is its own latest one"
    await place.later(3 * MINUTE)
    await assert_is_copy(place, original, copy)


@pytest.mark.slow
async def test_a_copy_that_is_started_after_an_hour_never_holds(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    async def copied() -> None:
        shutil.copytree(place.folder / "original", place.folder / "copy")
        await place.remember("original", 1)
        await forget(place.running["original"], next(iter(await known(place.running["original"]))))
        await place.later(HOUR)

    original, copy = await copied_beside(place, copied)
    assert await standing(copy) is Standing.WATCHING
    await place.later(2 * LOOK)
    assert caplog.text.count("This database is a copy") == 1
    await assert_is_copy(place, original, copy)


@pytest.mark.parametrize("runs", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.slow
async def test_a_copy_whose_original_fills_its_index_anew_stays_the_copy(place: Place, runs: bool) -> None:
    async def copied() -> None:
        shutil.copytree(place.folder / "original", place.folder / "copy")
        await place.later(2 * MINUTE)

    original, copy = await copied_beside(place, copied)
    await place.later(2 * LOOK)
    if not runs:
        await place.end("copy")
    await reindex(original)
    await place.later(3 * MINUTE)
    if not runs:
        copy = await place.start("copy")
        assert await standing(copy) is Standing.WATCHING
    await place.later(3 * MINUTE)
    assert (await standing(original), await standing(copy)) == (Standing.HOLDING, Standing.COPY)
    own = f"discord_memories_{await installation(original)}_2"
    assert (place.collections, place.aliases) == ({own}, {"discord_memories": own})
    assert place.held(await installation(original)) == await known(original)
    finding = await examined(place, "copy")
    assert (finding.verdict, "this database is a copy" in finding.found) == (Verdict.WARNING, True)


@pytest.mark.slow
async def test_a_copy_makes_and_writes_nothing_before_it_knows_what_it_is(place: Place) -> None:
    await place.start("original")
    await place.remember("original", 2)
    await place.later(2 * MINUTE)
    shutil.copytree(place.folder / "original", place.folder / "copy")
    await place.later(2 * MINUTE)
    gone = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name="discord_memories"))
    place.qdrant.engine.update_collection_aliases([gone])
    begun = len(place.qdrant.requests)
    copy = await place.start("copy")
    for _ in range(3):
        await keep_up(copy)
        place.clock.advance(LOOK)
    assert await standing(copy) is Standing.WATCHING
    asked = {(request.method, request.path.rpartition("/")[2]) for request in place.qdrant.requests[begun:]}
    assert {(method, what) for method, what in asked if method != "GET"} <= {("POST", "points"), ("POST", "count")}


@pytest.mark.slow
async def test_a_copy_that_was_made_during_a_move_removes_nothing_from_the_index_to_come(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.index.mover.BATCH", 2)
    original = await place.start("original")
    await place.remember("original", 6)
    await place.later(2 * MINUTE)
    await Generations(Installation(original.db)).ask()
    assert original.mover is not None
    for _ in range(3):  # begun, and four of six copied
        assert await original.mover.move()
    shutil.copytree(place.folder / "original", place.folder / "copy")
    for _ in range(4):
        place.clock.advance(LOOK)
        await original.indexer.keep_up()
    copy = await place.start("copy")
    for _ in range(4):
        place.clock.advance(LOOK)
        await original.indexer.keep_up()
        await keep_up(copy)
    assert await standing(copy) is Standing.COPY
    for memory_id in await known(copy):
        await forget(copy, memory_id)
    await keep_up(copy)
    moved, _ = place.qdrant.engine.scroll(f"discord_memories_{await installation(original)}_2", limit=10)
    assert len(moved) == 4
    await place.later(3 * MINUTE)
    assert place.held(await installation(original)) == await known(original)
    assert (await standing(original), await standing(copy)) == (Standing.HOLDING, Standing.COPY)


@pytest.mark.slow
async def test_a_move_that_another_database_is_at_is_given_up_for_one_of_its_own(place: Place) -> None:
    bot = await place.start("bot")
    await place.remember("bot", 3)
    await place.later(2 * MINUTE)
    await Generations(Installation(bot.db)).ask()
    assert bot.mover is not None
    assert await bot.mover.move()
    theirs = f"discord_memories_{await installation(bot)}_2"
    mark = {"installation": await installation(bot), "term": 0, "run": "another", "counter": 1, "written_ms": 1}
    place.qdrant.engine.upsert(theirs, [models.PointStruct(id=MARK, vector=[1.0] * DIMS, payload=mark)])
    while await bot.mover.move():
        pass
    assert theirs in place.collections
    await place.later(3 * MINUTE)
    state = await Generations(Installation(bot.db)).known()
    assert state is not None
    assert (state.in_use.number, place.held(await installation(bot))) == (3, await known(bot))


@pytest.mark.slow
async def test_a_holder_that_has_become_the_copy_enlists_nothing(place: Place) -> None:
    await place.start("original")
    await place.remember("original", 3)
    await place.later(2 * MINUTE)
    await place.copy("original", "copy")
    await place.end("original")
    original = await place.start("original", mends=False)
    async with open_database(None, place.folder / "copy") as db:
        await ask_to_take_over(db)
    await place.start("copy")
    place.clock.advance(LOOK)
    await original.indexer.keep_up()
    assert await standing(original) is Standing.COPY
    assert await original.indexer.backlog() == 0


@pytest.mark.slow
async def test_a_copy_that_is_started_after_the_end_of_its_original_holds_after_a_minute(place: Place) -> None:
    async def copied() -> None:
        shutil.copytree(place.folder / "original", place.folder / "copy")
        await place.remember("original", 2)
        await place.later(LOOK)
        await place.end("original")

    _, copy = await copied_beside(place, copied)
    await place.later(2 * LOOK)
    assert await standing(copy) is Standing.WATCHING
    await place.later(3 * MINUTE)
    assert await standing(copy) is Standing.HOLDING
    assert place.held(await installation(copy)) == await known(copy)
    assert len(await known(copy)) == 6


async def restored_in_place(place: Place, *, asks: bool) -> App:
    await place.start("bot")
    await place.remember("bot", 4)
    await place.later(2 * MINUTE)
    shutil.copytree(place.folder / "bot", place.folder / "backup")
    await place.remember("bot", 3)
    await place.later(5 * MINUTE)
    await place.end("bot")
    shutil.rmtree(place.folder / "bot")
    shutil.move(place.folder / "backup", place.folder / "bot")
    if asks:
        async with open_database(None, place.folder / "bot") as db:
            await ask_to_take_over(db)
    return await place.start("bot")


@pytest.mark.slow
async def test_a_database_that_was_restored_in_place_holds_after_a_minute_with_the_same_id(place: Place) -> None:
    bot = await restored_in_place(place, asks=False)
    assert await standing(bot) is Standing.WATCHING
    await place.later(3 * MINUTE)
    assert await standing(bot) is Standing.HOLDING
    assert place.held(await installation(bot)) == await known(bot)
    assert len(await known(bot)) == 4


@pytest.mark.slow
async def test_a_database_that_was_restored_and_asked_to_take_over_holds_at_once(place: Place) -> None:
    bot = await restored_in_place(place, asks=True)
    assert await standing(bot) is Standing.HOLDING
    await place.later(2 * MINUTE)
    assert place.held(await installation(bot)) == await known(bot)
    assert not (await IndexOwner(bot.db).load()).take_over


@pytest.mark.parametrize("asks", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.slow
async def test_a_database_from_before_a_reindex_leaves_nothing_of_the_later_index_and_fills_it_anew(
    place: Place, asks: bool
) -> None:
    bot = await place.start("bot")
    erased, *_ = await place.remember("bot", 4)
    await place.later(2 * MINUTE)
    shutil.copytree(place.folder / "bot", place.folder / "backup")
    await reindex(bot)
    (later,) = await place.remember("bot", 1)
    await place.later(3 * MINUTE)
    await place.end("bot")
    shutil.rmtree(place.folder / "bot")
    shutil.move(place.folder / "backup", place.folder / "bot")
    if asks:
        async with open_database(None, place.folder / "bot") as db:
            await ask_to_take_over(db)
    bot = await place.start("bot")
    await place.later(2 * MINUTE)
    await forget(bot, erased)
    await place.later(3 * MINUTE)
    own = await installation(bot)
    assert place.collections == {f"discord_memories_{own}_1"}, "what was erased or made since is in no other"
    assert place.held(own) == await known(bot)
    assert not {erased, later} & place.held(own)
    await reindex(bot)
    await place.later(2 * MINUTE)
    assert place.collections == {f"discord_memories_{own}_2"}
    assert place.held(own) == await known(bot)
    assert len(await known(bot)) == 3


@pytest.mark.slow
async def test_a_collection_from_an_older_state_of_the_server_is_removed(place: Place) -> None:
    bot = await place.start("bot")
    erased, *_ = await place.remember("bot", 4)
    await place.later(2 * MINUTE)
    own = await installation(bot)
    before = snapshot(place, f"discord_memories_{own}_1")
    await reindex(bot)
    await forget(bot, erased)
    await place.later(2 * MINUTE)
    size = models.VectorParams(size=DIMS, distance=models.Distance.COSINE)
    place.qdrant.engine.create_collection(f"discord_memories_{own}_1", vectors_config=size)
    restore(place, f"discord_memories_{own}_1", before)
    await place.later(2 * MINUTE)
    assert place.collections == {f"discord_memories_{own}_2"}
    assert place.held(own) == await known(bot)


@pytest.mark.slow
async def test_a_copy_that_is_told_to_take_over_makes_the_original_the_copy(place: Place) -> None:
    async def copied() -> None:
        shutil.copytree(place.folder / "original", place.folder / "copy")
        await place.remember("original", 1)
        await place.later(HOUR)

    original, copy = await copied_beside(place, copied)
    await place.later(2 * MINUTE)
    await ask_to_take_over(copy.db)
    await place.later(2 * LOOK)
    assert (await standing(copy), await standing(original)) == (Standing.HOLDING, Standing.COPY)
    await place.later(2 * MINUTE)
    assert place.held(await installation(copy)) == await known(copy)
    await ask_to_take_over(copy.db)
    await place.later(2 * MINUTE)
    assert (await standing(copy), await standing(original)) == (Standing.HOLDING, Standing.COPY)


@pytest.mark.slow
async def test_a_copy_with_a_new_id_has_an_index_of_its_own(place: Place) -> None:
    async def copied() -> None:
        shutil.copytree(place.folder / "original", place.folder / "copy")
        before, now = await become_new_installation(place.settings("copy"))
        assert before == await installation(place.running["original"]) != now

    original, copy = await copied_beside(place, copied)
    await place.remember("copy", 2)
    await place.later(3 * MINUTE)
    assert (await standing(copy), await standing(original)) == (Standing.HOLDING, Standing.HOLDING)
    assert place.held(await installation(copy)) == await known(copy)
    assert place.held(await installation(original)) == await known(original)
    assert (len(await known(copy)), len(await known(original))) == (8, 6)


@pytest.mark.slow
async def test_a_copy_whose_settings_name_another_server_leaves_the_originals_index_there(place: Place) -> None:
    async with LoopbackQdrant(engine=QdrantClient(":memory:")) as elsewhere:
        await place.start("original")
        await place.remember("original", 4)
        await place.later(2 * MINUTE)
        shutil.copytree(place.folder / "original", place.folder / "copy")
        copy = await place.start("copy", mem0_qdrant_url=elsewhere.url)
        await place.later(3 * MINUTE)
        original = place.running["original"]
        assert place.held(await installation(original)) == await known(original)
        assert await standing(original) is Standing.HOLDING
        assert await copy.index.count() == 4
        assert not [request for request in place.qdrant.requests if request.method == "DELETE"]
        await place.end("copy")


# --- a server that declines or is away -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.matrix
async def test_a_server_that_declines_at_the_start_is_used_as_soon_as_it_does_not(place: Place, status: int) -> None:
    place.qdrant.fail(Fault.STATUS, status=status)
    bot = await place.start("bot")
    await place.remember("bot", 2)
    assert place.collections == set()
    place.qdrant.heal()
    await place.later(2 * MINUTE)
    assert place.held(await installation(bot)) == await known(bot)
    assert [await found_by_meaning(bot, memory_id) for memory_id in await known(bot)] == [True, True]


@pytest.mark.slow
async def test_reindex_says_that_the_server_does_not_answer(place: Place, command_line: CommandLine) -> None:
    async with LoopbackQdrant() as gone:
        await place.start("bot", mem0_qdrant_url=gone.url)
        await place.end("bot")
    openai = {"OPENAI_BASE_URL": place.openai.api_url, "OPENAI_API_KEY": "k"}
    done = await command_line("reindex", MEM0_QDRANT_URL=gone.url, DATA_DIR=str(place.folder / "bot"), **openai)
    assert done.code == 1
    (line,) = [line for line in done.err.splitlines() if "Not through yet" in line]
    assert "nothing listens" in line


# --- commands --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_doctor_lists_other_installations_with_the_time_of_their_last_number(place: Place) -> None:
    first, second = await place.start("first"), await place.start("second")
    await place.remember("first", 3)
    await place.later(2 * MINUTE)
    finding = await examined(place, "first")
    last = datetime.fromtimestamp(place.clock() / 1_000, tz=UTC)
    assert finding.verdict is Verdict.OK
    assert "3 of 3 memories; 1 other installation has its index on this server" in finding.found
    assert [tuple(row) for row in finding.table] == [
        ("installation", "last number", "collections"),
        (await installation(second), f"{last:%Y-%m-%d %H:%M} UTC", f"discord_memories_{await installation(second)}_1"),
    ]
    place.qdrant.engine.delete(f"discord_memories_{await installation(first)}_1", [next(iter(await known(first)))])
    finding = await examined(place, "first")
    assert (finding.verdict, "2 of 3 memories" in finding.found) == (Verdict.WARNING, True)


@pytest.mark.slow
async def test_doctor_says_that_a_database_is_a_copy(place: Place) -> None:
    await place.start("original")
    await place.later(2 * MINUTE)
    shutil.copytree(place.folder / "original", place.folder / "copy")
    await place.later(2 * MINUTE)
    await place.start("copy")
    await place.later(2 * LOOK)
    finding = await examined(place, "copy")
    assert (finding.verdict, "this database is a copy" in finding.found) == (Verdict.WARNING, True)


async def examined(place: Place, name: str) -> Finding:
    settings = place.settings(name)
    findings = {
        finding.subject: finding async for finding in doctor_of(settings, partial(bot_runs, settings)).examine()
    }
    return findings["vector store"]


@pytest.mark.slow
async def test_the_status_tells_both_figures_while_the_index_is_mended(place: Place) -> None:
    bot = await place.start("bot")
    await place.remember("bot", 5)
    await place.later(2 * MINUTE)
    (name,) = place.collections
    place.qdrant.engine.delete(name, [*sorted(await known(bot))[:3]])
    assert (await bot.services.status.report(GUILD)).index_figures is None, "nothing waits"
    await place.end("bot")
    place.openai.fail(Fault.STATUS, path="/embeddings", status=503)
    bot = await place.start("bot")
    report = await bot.services.status.report(GUILD)
    assert (report.index_backlog, report.index_figures) == (3, (2, 5))


@pytest.mark.slow
async def test_an_index_is_removed_where_nobody_is_at_work(place: Place) -> None:
    address = QdrantAddress(url=place.qdrant.url)
    await place.start("ours")
    gone = await installation(await place.start("gone"))
    await place.remember("ours", 2)
    await place.remember("gone", 3)
    await place.later(2 * MINUTE)

    async def work(_: float) -> None:
        await place.later(LOOK)

    with pytest.raises(UserError, match="is in use"):
        await remove_index_of(gone, address, sleep=work)
    assert len(place.held(gone)) == 3
    await place.end("gone")
    await remove_index_of(gone, address, sleep=work)
    assert place.collections == {f"discord_memories_{await installation(place.running['ours'])}_1"}
    assert list(place.aliases) == ["discord_memories"]
    assert len(place.held(await installation(place.running["ours"]))) == 2
    with pytest.raises(UserError, match="There is no index"):
        await remove_index_of(gone, address, sleep=work)


@pytest.mark.slow
async def test_the_commands_refuse_what_would_hurt(place: Place, command_line: CommandLine) -> None:
    own = await installation(await place.start("ours"))
    server = {"MEM0_QDRANT_URL": place.qdrant.url, "DATA_DIR": str(place.folder / "ours")}
    mine = await command_line("index", "remove", own, "--yes", **server)
    assert (mine.code, "this installation's own index" in mine.err) == (1, True), mine.err
    absent = await command_line("index", "remove", "abcabcabcabc", "--yes", **server)
    assert (absent.code, "There is no index of abcabcabcabc" in absent.err) == (1, True), absent.err
    with bot_on(place.folder / "ours"):
        running = await command_line("new-installation", **server)
    assert (running.code, "stop it first" in running.err) == (1, True), running.err
    await place.end("ours")
    done = await command_line("new-installation", **server)
    assert (done.code, f"what {own} has on a Qdrant server stays" in done.out) == (0, True), done.err
    other = await installation(await place.start("ours"))
    assert other != own
    asked = await command_line("index", "remove", own, **server)
    assert (asked.code, own in " ".join(place.collections)) == (1, True), "nobody says yes"


@contextmanager
def bot_on(folder: Path) -> Iterator[None]:
    """Another process holds the data folder."""
    with (folder / LOCK).open("w") as file:
        portalocker.lock(file, portalocker.LOCK_EX | portalocker.LOCK_NB)
        yield


# --- several processes on one database -------------------------------------------------------------------------------

if server_programs() is not None:

    @pytest.mark.slow
    async def test_of_three_processes_another_keeps_the_number_when_the_first_is_killed_and_a_copy_never_holds(
        place: Place, postgres_server: PostgresServer
    ) -> None:
        async with postgres_server.database() as url:
            for name in ("one", "two", "three"):
                await place.start(name, database_url=url)
            await place.remember("one", 6)
            await place.later(2 * MINUTE)
            async with postgres_server.copied(url) as copied:
                await place.remember("one", 1)
                await place.later(HOUR / 6)
                await place.start("copy", database_url=copied)
                assert await keepers(url) == 1
                await kill_keeper(url)
                del place.running["one"]  # nothing is heard of it any more
                runs = await numbers(place.running["two"])
                await place.later(2 * LOOK)
                assert await numbers(place.running["two"]) == runs + 1, "another process keeps the number"
                assert await keepers(url) == 1
                await place.later(3 * MINUTE)
                assert await standing(place.running["copy"]) is Standing.COPY
                for name in ("two", "three"):
                    app = place.running[name]
                    assert await standing(app) is Standing.HOLDING
                    assert place.held(await installation(app)) == await known(app)
                    assert [await found_by_meaning(app, memory_id) for memory_id in await known(app)] == [True] * 7
                await place.end("copy", "two", "three")
                await place.abandon("one")

    async def keepers(url: str) -> int:
        connection = await asyncpg.connect(url)
        try:
            held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND granted"
            return int(await connection.fetchval(f"{held} AND {IN_THIS_DATABASE}", KEEPING))
        finally:
            await connection.close()

    async def kill_keeper(url: str) -> None:
        """End the connection that holds the lock, as the end of its process does."""
        connection = await asyncpg.connect(url)
        try:
            held = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1"
            await connection.execute(f"{held} AND {IN_THIS_DATABASE}", KEEPING)
        finally:
            await connection.close()

    async def numbers(app: App) -> int:
        """How many runs have kept the number."""
        async with app.db.read() as connection:
            return len((await connection.execute(select(index_numbers))).all())


# --- many points -----------------------------------------------------------------------------------------------------

MANY = 100_000
COMPARE_SECONDS = 20.0
SEARCH_SECONDS = 1.0


class LargeQdrant(LoopbackQdrant):
    """One that holds more points than the in-memory engine can page through in time: a server answers at once.

    Attributes:
        ids: of its points, in their order.
    """

    ids: Sequence[str] = ()

    def _scroll(self, name: str, body: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        begin = bisect_left(self.ids, body["offset"]) if body.get("offset") else 0
        page = self.ids[begin : begin + body["limit"] + 1]
        following = page[body["limit"]] if len(page) > body["limit"] else None
        return {"points": [{"id": each} for each in page[: body["limit"]]], "next_page_offset": following}


@pytest.mark.slow
async def test_a_hundred_thousand_points_are_compared_in_twenty_seconds_and_no_search_waits(place: Place) -> None:
    async with LargeQdrant(engine=QdrantClient(":memory:")) as place.qdrant:
        bot = await place.start("bot")
        await place.later(2 * MINUTE)
        ids = [str(uuid.UUID(int=number << 64)) for number in range(1, MANY + 6)]
        place.qdrant.ids = ids[:-5]
        async with bot.db.write() as connection:
            row = {"guild_id": GUILD, "kind": "decision", "text": "t", "state": "current", "origin": "extracted"}
            said = {"version": 1, "said_id": 1, "created_ms": 1, "updated_ms": 1}
            for chunk in chunks([{"id": memory_id, **row, **said} for memory_id in ids[5:]], 10_000):
                await connection.execute(insert(memories), list(chunk))
        comparison = IndexComparison(bot.db, bot.index, bot.indexer.messages, bot.indexer.changes, place.clock)
        waited = list[float]()

        async def search() -> None:
            while True:
                asked = time.monotonic()
                await bot.index.search(VectorQuery(guild_id=GUILD, text="the", channel_ids=None, limit=1))
                waited.append(time.monotonic() - asked)

        began = time.monotonic()
        async with beside(bot.supervisor, {"search": search}):
            assert await comparison.compare() == Differences(lacking=5, unknown=5)
        seconds = time.monotonic() - began
        print(f"{MANY:,} points in {seconds:.1f} s; {len(waited)} searches, the longest took {max(waited):.2f} s")
        assert seconds < COMPARE_SECONDS
        assert max(waited) < SEARCH_SECONDS
        await place.end()
