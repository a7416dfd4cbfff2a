"""What one process changes, another one on the same PostgreSQL server learns, and never stores anything against."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import snowflake
from bot.guilds.consent import Consents, SubjectHasher
from bot.guilds.observation import Observations
from bot.guilds.rules import ConsentRule
from bot.guilds.threads import Threads
from bot.observe.messagelog import Exclusion, MessageLog, Said
from bot.storage.changes import COUNT, Changes
from bot.storage.engine import Database, open_database
from bot.storage.installation import Installation
from bot.storage.schema import messages
from bot.text.fulltext import FullText
from tests.fixtures.postgres import PostgresServer, server_programs
from tests.fixtures.storage import AUTHOR, CHANNEL, GUILD, FakeClock, SaidFactory
from tests.loopback.waiting import eventually

TOLD_SECONDS = 10.0  # a busy machine; it takes milliseconds
NEVER = 600.0


@dataclass
class Process:
    """What one process holds in memory, over connections of its own."""

    db: Database
    consents: Consents
    observations: Observations
    log: MessageLog

    def changes(self, *, look_seconds: float = NEVER) -> Changes:
        loads = (self.consents.load, self.observations.load)
        return Changes(self.db, Installation(self.db), loads, look_seconds=look_seconds)

    @asynccontextmanager
    async def running(self, *, look_seconds: float = NEVER) -> AsyncIterator[None]:
        task = asyncio.create_task(self.changes(look_seconds=look_seconds).run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def observe(self, *, on: bool) -> None:
        place = {"guild_id": GUILD, "channel_id": CHANNEL, "parent_id": None, "name": "general", "by": None}
        if on:
            await self.observations.switch_on(**place, from_id=0)  # type: ignore[arg-type]
        else:
            await self.observations.switch_off(**place)  # type: ignore[arg-type]


if server_programs() is not None:

    @pytest.fixture
    async def url(postgres_server: PostgresServer) -> AsyncIterator[str]:
        async with postgres_server.database() as address:
            yield address

    @pytest.fixture
    async def two(url: str, data_dir: Path, clock: FakeClock) -> AsyncIterator[tuple[Process, Process]]:
        """Two processes."""
        async with AsyncExitStack() as stack:
            yield (
                await stack.enter_async_context(_process(url, data_dir, clock)),
                await stack.enter_async_context(_process(url, data_dir, clock)),
            )

    async def test_choices_rules_and_decisions_reach_a_process_that_is_told(two: tuple[Process, Process]) -> None:
        here, there = two
        async with there.running():
            await _told(lambda: there.consents.rules.known() == {})
            await here.consents.opt_out(AUTHOR, None)
            await _told(lambda: there.consents.opted_out(GUILD, AUTHOR))
            await here.consents.opt_in(AUTHOR, None)
            await _told(lambda: not there.consents.opted_out(GUILD, AUTHOR))
            await here.consents.rules.decide(GUILD + 1, consent=ConsentRule.OPTED_IN)
            await _told(lambda: there.consents.left_out(GUILD + 1, AUTHOR + 1))
            await here.observe(on=True)
            await _told(lambda: there.observations.observed(CHANNEL))
            await here.observe(on=False)
            await _told(lambda: not there.observations.observed(CHANNEL))

    async def test_what_changed_while_the_connection_was_lost_is_learnt(two: tuple[Process, Process]) -> None:
        here, there = two
        listeners = "FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        async with there.running():
            await eventually(lambda: _scalar(here.db, f"SELECT count(*) {listeners}"), within=TOLD_SECONDS)
            async with here.db.write() as connection:
                await connection.execute(text(f"SELECT pg_terminate_backend(pid) {listeners}"))
            await here.consents.opt_out(AUTHOR, GUILD)
            await _told(lambda: there.consents.opted_out(GUILD, AUTHOR))

    async def test_a_process_that_is_told_nothing_looks(two: tuple[Process, Process]) -> None:
        here, there = two
        looking = there.changes()
        assert await looking.look()
        assert not await looking.look()
        await here.consents.set_facts(AUTHOR, GUILD, True)
        assert await looking.look()
        assert there.consents.facts(GUILD, AUTHOR)

    async def test_messages_and_threads_are_no_change(two: tuple[Process, Process], make_said: SaidFactory) -> None:
        here, _ = two
        await here.observe(on=True)
        before = await Installation(here.db).get(COUNT)
        said = make_said()
        await here.log.append([said], checkpoints={CHANNEL: said.message.id})
        await Threads(here.db).note(GUILD, [(CHANNEL + 1, CHANNEL, "thread")])
        assert await Installation(here.db).get(COUNT) == before

    async def test_nothing_is_stored_by_a_process_that_was_not_told(
        two: tuple[Process, Process], make_said: SaidFactory, clock: FakeClock
    ) -> None:
        here, there = two
        await there.observe(on=True)
        await here.observations.load()
        await here.consents.opt_out(AUTHOR, None)
        report = await there.log.append([make_said()])
        assert report.refused == {Exclusion.OPTED_OUT: 1}
        await here.consents.rules.decide(GUILD, consent=ConsentRule.OPTED_IN)
        report = await there.log.append([make_said(author_id=AUTHOR + 1)])
        assert report.refused == {Exclusion.OPTED_OUT: 1}
        await here.consents.rules.decide(GUILD, consent=ConsentRule.EVERYBODY)
        await here.observe(on=False)
        clock.advance(60)
        report = await there.log.append([_late(make_said, clock)])
        assert report.refused == {Exclusion.UNOBSERVED: 1}
        async with there.db.read() as connection:
            assert await connection.scalar(select(func.count()).select_from(messages)) == 0

    async def test_no_message_slips_in_behind_the_erasure_of_an_opt_out(
        two: tuple[Process, Process], make_said: SaidFactory, clock: FakeClock
    ) -> None:
        here, there = two

        async def opt_out() -> None:
            await here.consents.opt_out(AUTHOR, GUILD)
            async with here.db.write() as connection:
                await connection.execute(delete(messages).where(messages.c.author_id == AUTHOR))

        async def meanwhile(connection: AsyncConnection, message_ids: Collection[int]) -> None:
            opting_out.append(asyncio.create_task(opt_out()))
            await asyncio.wait(opting_out, timeout=0.3)  # it has to wait for the transaction that this is in

        opting_out: list[asyncio.Task[None]] = []
        log = MessageLog(there.db, FullText(there.db.dialect), there.consents, clock, meanwhile)
        assert (await log.append([make_said()])).stored == 1
        await opting_out[0]
        assert await _scalar(here.db, "SELECT count(*) FROM messages") == 0


@asynccontextmanager
async def _process(url: str, data_dir: Path, clock: FakeClock) -> AsyncIterator[Process]:
    async with open_database(url, data_dir) as db:
        consents = Consents(db, await SubjectHasher.load(db), clock)
        await consents.load()
        observations = Observations(db, clock)
        await observations.load()
        yield Process(db, consents, observations, MessageLog(db, FullText(db.dialect), consents, clock))


def _late(make_said: SaidFactory, clock: FakeClock) -> Said:
    return make_said(id=snowflake.from_ms(clock()), author_id=AUTHOR + 2)


async def _told(true: Callable[[], bool]) -> None:
    await eventually(true, within=TOLD_SECONDS, what="the change in the other process")


async def _scalar(db: Database, sql: str) -> Any:  # noqa: ANN401 - a column's value
    async with db.read() as connection:
        return await connection.scalar(text(sql)) or 0
