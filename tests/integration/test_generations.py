"""Several processes follow one that fills the vector index anew: on PostgreSQL, with their index on a Qdrant server."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.domain import snowflake
from bot.domain.clock import Clock, system_clock
from bot.domain.crash_points import Step, no_step
from bot.index.composition import moving_alone
from bot.index.generations import Generations, GenerationState
from bot.index.mover import GRACE_SECONDS
from bot.index.points import VectorQuery
from bot.llm.loading import load_settings
from bot.recall import RecallQuery, RecallResult
from bot.recall.memories import UNREACHABLE
from bot.run.app import App, open_app
from bot.run.running import beside
from bot.settings.config import Settings
from bot.storage.changes import COUNT
from bot.storage.installation import Installation
from bot.storage.schema import memories
from tests.acceptance.stores import canary
from tests.fixtures.index import OWNER_ID, collection, holds_exactly
from tests.fixtures.postgres import PostgresServer, server_programs
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS, FakeClock
from tests.loopback.http import Fault
from tests.loopback.openai import LoopbackOpenAI
from tests.loopback.qdrant import LoopbackQdrant
from tests.loopback.waiting import eventually

pytestmark = pytest.mark.slow

ADA = 30
COUNT_AT_FIRST = 12
BATCH = 5
FIRST, SECOND = collection(1), collection(2)
HELD_UP_SECONDS = 1.5
FOLLOW_SECONDS = 10.0  # a busy machine; it takes less than two


class Killed(Exception):
    """The process ends here."""


@dataclass
class Town:
    """What the processes share.

    Attributes:
        ids: of every memory that is there, oldest first.
    """

    url: str
    folder: Path
    openai: LoopbackOpenAI
    qdrant: LoopbackQdrant
    ids: list[str] = field(default_factory=list)
    _minutes: Iterator[int] = field(default_factory=itertools.count)
    _folders: Iterator[int] = field(default_factory=itertools.count)

    def settings(self, **changes: object) -> Settings:
        return load_settings(
            None,
            data_dir=self.folder / str(next(self._folders)),
            database_url=self.url,
            mem0_qdrant_url=self.qdrant.url,
            openai_base_url=self.openai.api_url,
            openai_api_key="k",
            **changes,
        )

    @asynccontextmanager
    async def process(
        self, *, clock: Clock = system_clock, step: Step = no_step, told: bool = False, **changes: object
    ) -> AsyncIterator[App]:
        """One process; `told`: it hears of changes, as those that run do."""
        async with open_app(self.settings(**changes), extract=False, patient=True, clock=clock, step=step) as app:
            if not told:
                yield app
                return
            assert app.changes is not None
            assert app.follower is not None
            async with beside(app.supervisor, {"changes": app.changes.run, "follower": app.follower.run}):
                yield app

    async def remember(self, app: App) -> str:
        message_id = snowflake.from_ms(NOW_MS + 60_000 * next(self._minutes))
        text = f"The {canary()} stands behind the {canary()}"
        place = {"guild_id": GUILD, "channel_id": CHANNEL, "author_id": ADA}
        memory = await app.services.own.remember(**place, message_id=message_id, text=text)
        self.ids.append(memory.id)
        return memory.id

    async def change(self, app: App, number: int) -> None:
        async with app.db.write() as connection:
            await app.store.rewrite(connection, self.ids[number], f"Now the {canary()} lies before the {canary()}")

    async def forget(self, app: App, number: int) -> None:
        (memory,) = (await app.store.get([self.ids.pop(number)])).values()
        await app.erasure.erase_messages(GUILD, CHANNEL, [memory.citations[0].message_id])

    async def found(self, app: App, number: int = -1) -> RecallResult:
        """What recall says to a memory's own words, which are looked for by meaning and found first."""
        (memory,) = (await app.store.get([self.ids[number]])).values()
        result = await app.recall.search(
            RecallQuery(guild_id=GUILD, text=memory.text, channel_ids=frozenset({CHANNEL}))
        )
        assert result.hits[0].text == memory.text
        return result

    async def found_by_meaning(self, app: App, number: int = -1) -> bool:
        (memory,) = (await app.store.get([self.ids[number]])).values()
        hits = await app.index.search(VectorQuery(guild_id=GUILD, text=memory.text, channel_ids=None, limit=1))
        return [hit.memory_id for hit in hits] == [memory.id] and hits[0].score > 0.99

    async def is_right(self, app: App, collection: str, dims: int = 1536) -> None:
        """The collection holds just the memories of the database, each with the vector of its text."""
        async with app.db.read() as connection:
            known = {row.id: row.text for row in await connection.execute(select(memories.c.id, memories.c.text))}
        assert sorted(known) == sorted(self.ids)
        holds_exactly(self.qdrant, collection, known, dims)

    def writes(self, collection: str) -> bool:
        """Whether anything was written there, or is on its way."""
        return any(each.method == "PUT" for each in self.qdrant.asked(f"/collections/{collection}/points"))

    def searched(self, collection: str) -> int:
        return len(self.qdrant.asked(f"/collections/{collection}/points/query"))

    @property
    def collections(self) -> set[str]:
        return {collection.name for collection in self.qdrant.engine.get_collections().collections}


async def state_of(app: App) -> GenerationState:
    state = await Generations(Installation(app.db)).known()
    assert state is not None
    return state


async def ask(app: App) -> None:
    await Generations(Installation(app.db)).ask()


async def move_until(app: App, number: int) -> None:
    assert app.mover is not None
    while (await state_of(app)).in_use.number != number:
        assert await app.mover.move()


async def soon(look: Callable[[], Awaitable[bool | None]]) -> None:
    seen: bool = await eventually(look, within=FOLLOW_SECONDS, what="what the other process did")
    assert seen


if server_programs() is not None:

    @pytest.fixture
    async def town(
        postgres_server: PostgresServer, tmp_path: Path, openai_server: LoopbackOpenAI, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[Town]:
        """Some memories in a first collection; copying them takes several batches."""
        monkeypatch.setattr("bot.index.mover.BATCH", BATCH)
        monkeypatch.setattr("bot.index.owner.new_id", lambda: OWNER_ID)
        monkeypatch.setattr("bot.index.claim.CAREFUL_MS", 0)
        async with postgres_server.database() as url, LoopbackQdrant() as qdrant:
            town = Town(url, tmp_path, openai_server, qdrant)
            async with town.process() as app:
                for _ in range(COUNT_AT_FIRST):
                    await town.remember(app)
                await app.indexer.drain()
            yield town

    async def test_what_another_process_makes_changes_and_forgets_meanwhile_is_right_in_the_new_one(town: Town) -> None:
        async with town.process() as here, town.process() as there:
            assert here.mover is not None
            await ask(here)
            assert await here.mover.move(), "it begins"
            assert await here.mover.move(), "it copies the first ones"
            assert town.qdrant.engine.count(SECOND).count == BATCH
            await town.remember(there)
            for copied, yet_to_be in ((0, 9), (1, 8)):
                await town.change(there, copied)
                await town.change(there, yet_to_be)
            await there.indexer.drain()
            for copied, yet_to_be in ((2, 9), (2, 8)):
                await town.forget(there, yet_to_be)
                await town.forget(there, copied)
            await there.indexer.drain()
            assert await there.indexer.backlog() == 0
            await move_until(here, 2)
            await town.is_right(here, SECOND)
            await town.is_right(here, FIRST)
            await town.forget(there, 0)
            await town.remember(there)
            await there.indexer.drain()
            await town.is_right(here, SECOND)

    @pytest.mark.parametrize("meanwhile", ["forgotten", "changed"])
    async def test_nobody_takes_from_the_outbox_while_a_batch_is_copied(town: Town, meanwhile: str) -> None:
        async with town.process() as here, town.process() as there:
            assert here.mover is not None
            await ask(here)
            await here.mover.move()
            town.qdrant.fail(Fault.HANG, method="PUT", path=f"{SECOND}/points", times=1)
            copying = asyncio.create_task(here.mover.move())
            await eventually(lambda: town.writes(SECOND), what="the first batch on its way")
            await (town.forget(there, 0) if meanwhile == "forgotten" else town.change(there, 0))
            draining = asyncio.create_task(there.indexer.drain())
            await asyncio.wait({draining}, timeout=HELD_UP_SECONDS)
            town.qdrant.heal()
            await asyncio.gather(copying, draining)
            await move_until(here, 2)
            await town.is_right(here, SECOND)

    async def test_every_process_searches_the_new_one_and_recall_answers_throughout(town: Town) -> None:
        clock = FakeClock()
        async with town.process(clock=clock) as here, town.process(told=True) as there:
            assert here.mover is not None
            notes: set[str] = set()

            async def recall() -> None:
                for number in itertools.count():
                    notes.update((await town.found(there, number % COUNT_AT_FIRST)).notes)

            async with beside(there.supervisor, {"recall": recall}):
                await ask(here)
                await move_until(here, 2)
                await eventually(lambda: town.searched(SECOND), within=FOLLOW_SECONDS, what="a search in the new one")
                clock.advance(GRACE_SECONDS)
                assert await here.mover.move()
                assert town.collections == {SECOND}
                await town.remember(there)
                await there.indexer.drain()
                assert await town.found_by_meaning(there)
                assert await town.found_by_meaning(here)
                assert not there.supervisor.standings["recall"].failures
            assert notes == set()
            await town.is_right(there, SECOND)

    async def test_processes_are_told_when_one_begins_takes_over_and_tidies_up_and_not_of_each_batch(
        town: Town,
    ) -> None:
        clock = FakeClock()
        async with town.process(clock=clock) as here:
            assert here.mover is not None
            counts = [await Installation(here.db).get(COUNT)]
            await ask(here)
            while True:
                moved = await here.mover.move()
                counts.append(await Installation(here.db).get(COUNT))
                if not moved:
                    break
            clock.advance(GRACE_SECONDS)
            await here.mover.move()
            counts.append(await Installation(here.db).get(COUNT))
            times = [len(list(group)) for _, group in itertools.groupby(counts)]
            assert times == [1, 3, 2, 1], "begun and two batches, the last batch, nothing to do, removed"

    async def test_the_former_one_is_removed_after_a_while_also_by_the_next_process(town: Town) -> None:
        clock = FakeClock()
        async with town.process(clock=clock) as here:
            assert here.mover is not None
            await ask(here)
            await move_until(here, 2)
            clock.advance(GRACE_SECONDS - 1)
            assert not await here.mover.move()
        async with town.process(clock=clock) as here:
            assert here.mover is not None
            assert not await here.mover.move()
            assert town.collections == {FIRST, SECOND}
            clock.advance(1)
            assert await here.mover.move()
            assert not await here.mover.move()
            assert town.collections == {SECOND}

    async def test_one_that_is_removed_too_early_costs_some_answers_their_meaning_and_no_more(town: Town) -> None:
        async with town.process() as there:
            town.qdrant.engine.delete_collection(FIRST)
            assert (await town.found(there)).notes == (UNREACHABLE,)

    @pytest.mark.parametrize("step", ["copied", "taken over"])
    async def test_the_next_process_goes_on_where_one_was_killed(town: Town, step: str) -> None:
        batches = itertools.count(1)

        def die(name: str) -> None:
            if name == step and (name != "copied" or next(batches) == 2):
                raise Killed

        async with town.process(told=True) as there:
            with suppress(Killed):
                async with town.process(step=die) as here:
                    await ask(here)
                    await move_until(here, 2)
            await town.forget(there, 0)
            await town.change(there, 0)
            await there.indexer.drain()
            async with town.process() as here:
                await move_until(here, 2)
                await soon(partial(town.found_by_meaning, there, 0))
                await town.is_right(here, SECOND)

    async def test_a_process_with_older_settings_embeds_as_the_index_does(
        town: Town, caplog: pytest.LogCaptureFixture
    ) -> None:
        newer = "text-embedding-3-large"
        async with (
            town.process(told=True, embedding_model=newer, embedding_dims=256) as here,
            town.process(told=True) as there,
        ):
            await move_until(here, 2)
            for process in (here, there):
                await soon(partial(town.found_by_meaning, process))
            asked = len(town.openai.asked("/embeddings"))
            await town.remember(there)
            await town.change(there, 0)
            await there.indexer.drain()
            models = {each.body["model"] for each in town.openai.asked("/embeddings")[asked:]}
            assert models == {newer}
            await town.is_right(there, SECOND, dims=256)
            assert await town.found_by_meaning(here)
        assert "the settings say openai text-embedding-3-small (1536 numbers)" in caplog.text

    async def test_a_process_that_can_not_have_the_new_model_leaves_the_outbox_to_others(
        town: Town, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with town.process(embedding_model="another") as here, town.process() as there:
            assert here.mover is not None
            await here.mover.move()
            town.openai.fail(Fault.STATUS, path="/embeddings", status=404, times=1)
            await town.remember(there)
            await there.indexer.drain()
            assert "Doing without the index openai another" in caplog.text
            assert await there.indexer.backlog() == 1
            assert (await town.found(there, 0)).notes == ()
            await here.indexer.drain()
            assert await here.indexer.backlog() == 0
            await move_until(here, 2)
            await town.is_right(here, SECOND)
            await town.forget(there, 0)
            await there.indexer.drain()
            assert not await town.found_by_meaning(there), "words only"
            assert (await town.found(there)).notes == ()
            await here.indexer.drain()
            await town.is_right(here, SECOND)

    async def test_a_process_that_could_not_have_it_tries_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.index.follower.RETRY_SECONDS", 0.0)
        async with town.process(embedding_model="another") as here, town.process() as there:
            assert here.mover is not None
            await here.mover.move()
            town.openai.fail(Fault.STATUS, path="/embeddings", status=404, times=1)
            await town.remember(there)
            assert [await there.indexer.drain() for _ in range(2)] == [0, 1]
            await move_until(here, 2)
            await town.is_right(here, SECOND)

    async def test_the_outbox_does_not_wait_for_the_model_that_embeds_the_copies(town: Town) -> None:
        async with town.process(embedding_model="another") as here, town.process() as there:
            assert here.mover is not None
            await here.mover.move()
            await there.indexer.drain()
            asked = len(town.openai.asked("/embeddings"))
            town.openai.fail(Fault.HANG, path="/embeddings", times=1)
            copying = asyncio.create_task(here.mover.move())
            await eventually(lambda: len(town.openai.asked("/embeddings")) > asked, what="the first batch")
            await town.forget(there, 0)
            await asyncio.wait_for(there.indexer.drain(), FOLLOW_SECONDS)
            assert await there.indexer.backlog() == 0
            town.openai.heal()
            await copying
            await move_until(here, 2)
            await town.is_right(here, SECOND)

    async def test_only_one_process_moves_at_a_time(town: Town) -> None:
        async with town.process() as here, town.process() as there, AsyncExitStack() as command:
            assert here.mover is not None
            assert await command.enter_async_context(moving_alone(town.settings()))
            async with beside(here.supervisor, {"mover": here.mover.run}):
                await ask(here)
                await asyncio.sleep(HELD_UP_SECONDS)
                assert (await state_of(there)).to_come is None
                await command.aclose()
                await soon(partial(_in_use, there, 2))
                async with moving_alone(town.settings()) as alone:
                    assert not alone
            async with moving_alone(town.settings()) as alone:
                assert alone


async def _in_use(app: App, number: int) -> bool:
    return (await state_of(app)).in_use.number == number
