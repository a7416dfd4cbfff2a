"""Filling the vector index anew: for another model, or on a Qdrant server, while recall goes on."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from qdrant_client import models
from sqlalchemy import select

from bot.domain import snowflake
from bot.domain.crash_points import no_step
from bot.domain.errors import DamagedIndex, ServiceUnavailable, StartupError
from bot.index.edge_store import opening_fault
from bot.index.generations import Generation, Generations, GenerationState
from bot.index.points import VectorQuery
from bot.llm.loading import load_settings
from bot.recall import RecallQuery
from bot.run.app import App, open_app
from bot.settings.config import Settings
from bot.storage.installation import Installation
from bot.storage.schema import memories
from tests.acceptance.stores import canary
from tests.fixtures.index import OWNER_ID, collection, earlier_point
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS
from tests.loopback.http import Fault
from tests.loopback.openai import LoopbackOpenAI
from tests.loopback.qdrant import LoopbackQdrant

ADA = 30
COUNT = 23
SECOND, THIRD = collection(2), collection(3)
BATCH = 5


class Killed(Exception):
    """The program ends here."""


@dataclass
class House:
    """A data folder, the services, and what was remembered.

    Attributes:
        texts: of every memory, by the message that it cites.
    """

    folder: Path
    openai: LoopbackOpenAI
    qdrant: LoopbackQdrant
    texts: dict[int, str] = field(default_factory=dict)
    _minutes: Iterator[int] = field(default_factory=itertools.count)

    def settings(self, **changes: object) -> Settings:
        return load_settings(
            None, data_dir=self.folder, openai_base_url=self.openai.api_url, openai_api_key="k", **changes
        )

    def moved(self, way: str) -> Settings:
        """Settings that want another index."""
        if way == "server":
            return self.settings(mem0_qdrant_url=self.qdrant.url)
        return self.settings(embedding_dims=256)

    async def remember(self, app: App) -> None:
        message_id = snowflake.from_ms(NOW_MS + 60_000 * next(self._minutes))
        text = f"The {canary()} stands behind the {canary()}"
        await app.services.own.remember(
            guild_id=GUILD, channel_id=CHANNEL, author_id=ADA, message_id=message_id, text=text
        )
        self.texts[message_id] = text

    async def forget(self, app: App) -> None:
        message_id = next(iter(self.texts))
        del self.texts[message_id]
        await app.erasure.erase_messages(GUILD, CHANNEL, [message_id])

    async def finds_by_meaning(self, app: App) -> None:
        """Each memory is what lies nearest to its own words."""
        async with app.db.read() as connection:
            rows = (await connection.execute(select(memories.c.id, memories.c.text))).all()
        assert sorted(row.text for row in rows) == sorted(self.texts.values())
        for row in rows[:3]:
            (nearest,) = await app.index.search(VectorQuery(guild_id=GUILD, text=row.text, channel_ids=None, limit=1))
            assert nearest.memory_id == row.id
        result = await app.recall.search(
            RecallQuery(guild_id=GUILD, text=rows[0].text, channel_ids=frozenset({CHANNEL}))
        )
        assert (result.hits[0].text, result.notes) == (rows[0].text, ())

    async def holds_just_these(self, app: App) -> None:
        async with app.db.read() as connection:
            known = sorted(await connection.scalars(select(memories.c.id)))
        assert sorted([memory_id async for memory_id in app.index.memory_ids()]) == known

    @property
    def folders(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("index*"))


@pytest.fixture
async def house(
    migrated_dir: Path, openai_server: LoopbackOpenAI, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    """An embedded index with COUNT memories; copying takes several batches."""
    monkeypatch.setattr("bot.index.mover.BATCH", BATCH)
    monkeypatch.setattr("bot.index.owner.new_id", lambda: OWNER_ID)
    monkeypatch.setattr("bot.index.claim.CAREFUL_MS", 0)
    async with LoopbackQdrant() as qdrant:
        house = House(migrated_dir, openai_server, qdrant)
        async with open_app(house.settings(), extract=False, patient=True) as app:
            for _ in range(COUNT):
                await house.remember(app)
            await app.indexer.drain()
        yield house


async def in_use(app: App) -> int:
    state = await Generations(Installation(app.db)).known()
    assert state is not None
    return state.in_use.number


@pytest.mark.parametrize("way", ["model", "server"])
@pytest.mark.slow
async def test_recall_goes_on_and_what_happens_meanwhile_is_in_the_new_index(house: House, way: str) -> None:
    async with open_app(house.moved(way), extract=False, patient=True) as app:
        assert app.mover is not None
        while await in_use(app) == 1:
            assert await app.mover.move()
            await house.remember(app)
            await house.forget(app)
            await app.indexer.drain()
            await house.finds_by_meaning(app)
        while await app.mover.move():
            await house.finds_by_meaning(app)
        await house.holds_just_these(app)
    assert house.folders == (["index-2"] if way == "model" else [])
    names = {collection.name for collection in house.qdrant.engine.get_collections().collections}
    assert (SECOND in names) is (way == "server")
    asked = len(house.openai.asked("/embeddings"))
    async with open_app(house.moved(way), extract=False, patient=True) as app:
        assert app.mover is not None
        assert not await app.mover.move()
        await house.holds_just_these(app)
    assert len(house.openai.asked("/embeddings")) - asked <= 1, "the check at the start"


@pytest.mark.parametrize("way", ["model", "server"])
@pytest.mark.parametrize("step", ["copied", "taken over"])
@pytest.mark.slow
async def test_killed_in_the_middle_it_goes_on_where_it_was(house: House, way: str, step: str) -> None:
    batches = itertools.count(1)

    def die(name: str) -> None:
        if name == step and (name != "copied" or next(batches) == 3):
            raise Killed

    with suppress(Killed):
        async with open_app(house.moved(way), extract=False, patient=True, step=die) as app:
            assert app.mover is not None
            while True:
                await app.mover.move()
    asked = len(house.openai.requests)
    async with open_app(house.moved(way), extract=False, patient=True, step=no_step) as app:
        assert app.mover is not None
        while await app.mover.move():
            await house.finds_by_meaning(app)
        await house.holds_just_these(app)
        assert await in_use(app) == 2
    texts = [text for request in house.openai.requests[asked:] for text in request.body.get("input", ())]
    again = [text for text in house.texts.values() if text in texts]
    assert len(again) <= (COUNT - 2 * BATCH if step == "copied" else 0) + 3, "and the three that were searched for"


@pytest.mark.slow
async def test_settings_put_back_give_it_up(house: House) -> None:
    async with open_app(house.moved("model"), extract=False, patient=True) as app:
        assert app.mover is not None
        await app.mover.move()
        assert house.folders == ["index", "index-2"]
    async with open_app(house.settings(), extract=False, patient=True) as app:
        assert app.mover is not None
        while await app.mover.move():
            pass
        assert await in_use(app) == 1
        await house.finds_by_meaning(app)
        await house.holds_just_these(app)
    assert house.folders == ["index"]


async def test_a_server_that_is_down_keeps_nothing_but_itself_waiting(house: House) -> None:
    await house.qdrant.stop()
    async with open_app(house.moved("server"), extract=False, patient=True) as app:
        assert app.mover is not None
        with pytest.raises(ServiceUnavailable):
            await app.mover.finish(lambda done, total: None)
        await house.remember(app)
        await app.indexer.drain()
        await house.finds_by_meaning(app)
        assert await in_use(app) == 1


@pytest.mark.slow
async def test_a_former_server_that_is_down_is_cleared_at_a_later_start(house: House) -> None:
    async with open_app(house.moved("server"), extract=False, patient=True) as app:
        assert app.mover is not None
        while await app.mover.move():
            pass
        assert await in_use(app) == 2
    await house.qdrant.stop()
    async with open_app(house.settings(), extract=False, patient=True) as app:
        assert app.mover is not None
        while await app.mover.move():
            pass
        assert await in_use(app) == 3
        await house.finds_by_meaning(app)
    assert house.qdrant.engine.count(SECOND).count == COUNT + 1, "with the point that tells whose they are"
    await house.qdrant.start()
    async with open_app(house.settings(), extract=False, patient=True) as app:
        await moved_through(app)
        await house.finds_by_meaning(app)
    assert house.qdrant.engine.get_collections().collections == []


async def test_an_index_that_can_not_be_read_is_made_anew(house: House) -> None:
    for path in (house.folder / "index" / "shard").rglob("*.json"):
        path.write_text("{}")
    async with open_app(house.settings(), extract=False, patient=True, damaged_index=True) as app:
        assert app.mover is not None
        seen: list[tuple[int, int]] = []
        assert await app.mover.finish(lambda done, total: seen.append((done, total))) == COUNT
        assert seen[-1] == (COUNT, COUNT)
        await house.holds_just_these(app)
        await house.finds_by_meaning(app)
    assert house.folders == ["index-2"]


def of_other_words(folder: Path) -> None:
    for path in (folder / "shard").rglob("*.json"):
        path.write_text("{}")


def cut_short(folder: Path) -> None:
    """At which the engine panics, which no `except Exception` catches."""
    for path in (folder / "shard").rglob("status.dat"):
        path.write_bytes(b"")


def without_vectors(folder: Path) -> None:
    """It opens and counts, and fails at the first search."""
    for path in (folder / "shard").rglob("chunk_*.mmap"):
        path.write_bytes(b"")


def without_a_note(folder: Path) -> None:
    (folder / "index.json").write_text("{")


def of_other_bytes(folder: Path) -> None:
    (folder / "index.json").write_bytes(b"\xa5" * 40)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [of_other_words, cut_short, without_vectors, without_a_note, of_other_bytes])
async def test_a_damaged_index_is_filled_anew_by_the_bot(house: House, damage: Callable[[Path], None]) -> None:
    damage(house.folder / "index")
    with pytest.raises(DamagedIndex, match="is damaged") as raised:
        async with open_app(house.settings(), extract=False):  # as the command line does
            pass
    assert not re.search("codec|Expecting|Errno", str(raised.value))
    async with open_app(house.settings(), extract=False, patient=True) as app:
        assert app.mover is not None
        while await app.mover.move():
            pass
        assert await in_use(app) == 2
        await house.holds_just_these(app)
        await house.finds_by_meaning(app)
    assert house.folders == ["index-2"]


async def test_an_index_that_may_not_be_read_is_no_damaged_one(house: House) -> None:
    lock = house.folder / "index" / "lock"
    lock.unlink()
    lock.mkdir()
    with pytest.raises(StartupError, match="may use it") as raised:
        async with open_app(house.settings(), extract=False, patient=True):
            pass
    assert not isinstance(raised.value, DamagedIndex)


async def test_an_index_that_is_a_file_is_to_be_moved_away(house: House) -> None:
    index = house.folder / "index"
    index.rename(house.folder / "elsewhere")
    index.touch()
    with pytest.raises(StartupError, match="is no folder: move it away") as raised:
        async with open_app(house.settings(), extract=False, patient=True):
            pass
    assert not isinstance(raised.value, DamagedIndex)


@pytest.mark.parametrize("reason", ["IO Error: Permission denied (os error 13)", "No space left (os error 28)"])
def test_what_the_system_refuses_is_no_damage(reason: str) -> None:
    fault = opening_fault(Path("index"), 8, "Exception", f"Service runtime error: {reason}")
    assert not isinstance(fault, DamagedIndex)
    assert isinstance(opening_fault(Path("index"), 8, "Exception", "Service runtime error: broken"), DamagedIndex)


@pytest.mark.slow
async def test_what_is_erased_before_it_goes_on_is_erased_in_both(house: House) -> None:
    async with open_app(house.moved("model"), extract=False, patient=True) as app:
        assert app.mover is not None
        await app.mover.move()
    async with open_app(house.moved("model"), extract=False) as app:  # as the command line does
        await house.forget(app)
        await app.indexer.drain()
        assert await app.indexer.backlog() == 0
    async with open_app(house.moved("model"), extract=False, patient=True) as app:
        assert app.mover is not None
        while await app.mover.move():
            pass
        await house.holds_just_these(app)


async def test_a_model_that_is_gone_does_not_keep_the_program_from_moving(house: House) -> None:
    house.openai.fail(Fault.STATUS, path="/embeddings", status=404, times=1)  # the old one's check
    async with open_app(house.moved("model"), extract=False, patient=True) as app:
        assert app.mover is not None
        while await app.mover.move():
            pass
        await app.indexer.drain()
        await house.holds_just_these(app)
        await house.finds_by_meaning(app)
    assert house.folders == ["index-2"]


async def test_settings_that_never_worked_leave_no_trace(data_dir: Path, openai_server: LoopbackOpenAI) -> None:
    house = House(data_dir, openai_server, LoopbackQdrant())
    openai_server.fail(Fault.STATUS, path="/embeddings", status=404)
    with pytest.raises(StartupError, match="a-typo"):
        async with open_app(house.settings(embedding_model="a-typo"), extract=False, patient=True):
            pass
    openai_server.heal()
    async with open_app(house.settings(), extract=False, patient=True) as app:
        assert app.mover is not None
        assert not await app.mover.move()
    assert house.folders == ["index"]


async def test_an_index_from_before_generations_is_the_first(house: House) -> None:
    async with open_app(house.settings(), extract=False) as app:
        await Installation(app.db).set("index_generations", "null")
        async with app.db.write() as connection:
            await connection.exec_driver_sql("DELETE FROM meta WHERE key = 'index_generations'")
    async with open_app(house.moved("model"), extract=False, patient=True) as app:
        await house.finds_by_meaning(app)
        state = await Generations(Installation(app.db)).known()
        assert state is not None
        assert (state.in_use.number, state.in_use.made.dims) == (1, 1536)


def alias(house: House) -> dict[str, str]:
    return {one.alias_name: one.collection_name for one in house.qdrant.engine.get_aliases().aliases}


def collections(house: House) -> set[str]:
    return {collection.name for collection in house.qdrant.engine.get_collections().collections}


async def moved_through(app: App) -> None:
    assert app.mover is not None
    while await app.mover.move():
        pass


@pytest.mark.slow
async def test_the_alias_names_the_generation_in_use_and_is_switched_in_one_step(house: House) -> None:
    async with open_app(house.moved("server"), extract=False, patient=True) as app:
        await moved_through(app)
        assert (alias(house), collections(house)) == (
            {"discord_memories": SECOND},
            {SECOND},
        )
        memory_ids = [memory_id async for memory_id in app.index.memory_ids()]
        await Generations(Installation(app.db)).ask()
        assert app.mover is not None
        seen, ours = [], models.Filter(must=[models.HasIdCondition(has_id=memory_ids)])
        while await app.mover.move():
            seen.append((alias(house)["discord_memories"], frozenset(collections(house))))
            assert house.qdrant.engine.count("discord_memories", count_filter=ours).count == len(house.texts)
        assert {name for name, _ in seen} == {SECOND, THIRD}
        assert all(name in there for name, there in seen), "what has the name is there"
        assert collections(house) == {THIRD}
    switch = house.qdrant.switches[-1]
    assert [next(iter(action)) for action in switch] == ["delete_alias", "create_alias"]
    assert len(house.qdrant.switches) == 2


@pytest.mark.slow
async def test_a_server_that_was_written_otherwise_is_the_same_one(house: House) -> None:
    async with open_app(house.moved("server"), extract=False, patient=True) as app:
        await moved_through(app)
        state = await Generations(Installation(app.db)).known()
        assert state is not None
        before = replace(state.in_use.made, server=house.qdrant.url.replace("http://", "HTTP://bot:zqxvkw@") + "/")
        await Generations(Installation(app.db)).save(replace(state, in_use=replace(state.in_use, made=before)))
    asked = len(house.openai.asked("/embeddings"))
    async with open_app(house.moved("server"), extract=False, patient=True) as app:
        assert app.mover is not None
        assert not await app.mover.move()
        assert await in_use(app) == 2
        await house.holds_just_these(app)
    assert len(house.openai.asked("/embeddings")) - asked <= 1, "the check at the start"


@pytest.mark.slow
async def test_a_plain_collection_of_before_is_carried_over(house: House) -> None:
    """Its name is the alias' name: it goes on being used, and gives the name away when it is filled anew."""
    house.qdrant.engine.create_collection(
        "discord_memories", vectors_config=models.VectorParams(size=1536, distance=models.Distance.COSINE)
    )
    async with open_app(house.settings(), extract=False, patient=True) as app:  # what earlier versions left
        state = await Generations(Installation(app.db)).known()
        assert state is not None
        server = replace(state.in_use.made, server=house.qdrant.url)
        await Generations(Installation(app.db)).save(GenerationState(Generation(1, server)))
        async with app.db.read() as connection:
            known = await app.store.get(list(await connection.scalars(select(memories.c.id))))
        house.qdrant.engine.upsert("discord_memories", [earlier_point(memory, 1536) for memory in known.values()])
    async with open_app(house.moved("server"), extract=False, patient=True) as app:
        await moved_through(app)
        assert (collections(house), alias(house)) == ({"discord_memories"}, {})
        await house.finds_by_meaning(app)
        await Generations(Installation(app.db)).ask()
        await moved_through(app)
        await house.holds_just_these(app)
        await house.finds_by_meaning(app)
    assert (collections(house), alias(house)) == ({SECOND}, {"discord_memories": SECOND})


@pytest.mark.slow
async def test_points_of_another_program_keep_their_collection_and_its_name(house: House) -> None:
    house.qdrant.engine.create_collection(
        "discord_memories", vectors_config=models.VectorParams(size=1536, distance=models.Distance.COSINE)
    )
    theirs = models.PointStruct(id=1, vector=[1.0] * 1536, payload={"data": "theirs"})
    house.qdrant.engine.upsert("discord_memories", [theirs])
    async with open_app(house.moved("server"), extract=False, patient=True) as app:
        await moved_through(app)
        await house.holds_just_these(app)
    assert (collections(house), alias(house)) == (
        {"discord_memories", SECOND},
        {f"discord_memories_{OWNER_ID}": SECOND},
    )
    assert house.qdrant.engine.count("discord_memories").count == 1


@pytest.mark.slow
async def test_a_process_that_starts_beside_the_one_that_fills_does_not_empty_what_is_filled(house: House) -> None:
    def die(name: str) -> None:
        if name == "copied":  # written, and not noted yet
            raise Killed

    async with open_app(house.moved("server"), extract=False, patient=True, step=die) as app:
        assert app.mover is not None
        assert await app.mover.move(), "it begins"
        with pytest.raises(Killed):
            await app.mover.move()
        assert house.qdrant.engine.count(SECOND).count == BATCH
        await house.forget(app)
    async with open_app(house.moved("server"), extract=False, patient=True) as other:
        assert house.qdrant.engine.count(SECOND).count == BATCH
        await moved_through(other)
        await other.indexer.drain()
        await house.holds_just_these(other)
