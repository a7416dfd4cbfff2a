"""Each shard belongs to one process: another that was given it waits, and then says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.domain.errors import InUse
from bot.llm.loading import load_settings
from bot.run.life import bot_runs
from bot.run.shards import LAYOUT, ShardClaim
from bot.storage.engine import Database, open_database
from bot.storage.installation import Installation
from tests.fixtures.postgres import PostgresServer, server_programs

pytestmark = pytest.mark.slow

LOOK = 0.05
WAIT = 0.3

Claims = Callable[..., ShardClaim]


async def test_a_file_needs_no_locks(database: Database) -> None:
    for _ in range(2):
        await asyncio.wait_for(ShardClaim(database, Installation(database), (), None).take(), 1)


if server_programs() is not None:

    @pytest.fixture
    async def url(postgres_server: PostgresServer) -> AsyncIterator[str]:
        async with postgres_server.database() as url:
            yield url

    @pytest.fixture
    async def processes(url: str, data_dir: Path) -> AsyncIterator[list[Database]]:
        """What two processes have of one database."""
        async with open_database(url, data_dir) as one, open_database(url, data_dir) as other:
            yield [one, other]

    @pytest.fixture
    async def claims(processes: list[Database]) -> AsyncIterator[Claims]:
        """Claims of the first or the second process on some shards of so many; none: all."""
        async with AsyncExitStack() as stack:

            async def leave(claim: ShardClaim) -> None:
                await claim.__aexit__(None, None, None)

            def claim(process: int, *ids: int, of: int | None = None, wait: float = WAIT) -> ShardClaim:
                db = processes[process]
                made = ShardClaim(db, Installation(db), ids, of, wait_seconds=wait, look_seconds=LOOK)
                stack.push_async_callback(leave, made)
                return made

            yield claim

    @pytest.mark.parametrize("ids", [(), (1,)])
    async def test_a_bot_that_runs_on_the_server_is_seen_from_elsewhere(
        claims: Claims, url: str, data_dir: Path, ids: tuple[int, ...]
    ) -> None:
        elsewhere = load_settings(None, data_dir=data_dir / "elsewhere", database_url=url)
        assert not await bot_runs(elsewhere)
        await claims(0, *ids, of=2 if ids else None).take()
        assert await bot_runs(elsewhere)

    async def test_different_shards_are_held_side_by_side(claims: Claims) -> None:
        await claims(0, 0, 1, of=4).take()
        await claims(1, 2, 3, of=4).take()

    async def test_the_same_shard_is_waited_for_and_then_refused(claims: Claims) -> None:
        await claims(0, 0, 1, of=4).take()
        loop = asyncio.get_running_loop()
        started = loop.time()
        with pytest.raises(InUse, match=r"^SHARD_IDS: another process on this database has shard 1"):
            await claims(1, 1, 2, of=4).take()
        assert loop.time() - started >= WAIT
        await claims(1, 2, 3, of=4).take()  # what it took before it was refused is free again

    async def test_it_is_taken_as_soon_as_the_other_process_ends(claims: Claims) -> None:
        async with claims(0, 0, of=2) as first:
            await first.take()
            waiting = asyncio.create_task(claims(1, 0, of=2, wait=30).take())
            await asyncio.sleep(4 * LOOK)
            assert not waiting.done()
        await asyncio.wait_for(waiting, 5)

    @pytest.mark.parametrize(("first", "second"), [((), ()), ((), (0,)), ((0,), ())])
    async def test_a_bot_with_all_shards_is_alone(
        claims: Claims, first: tuple[int, ...], second: tuple[int, ...]
    ) -> None:
        await claims(0, *first, of=2 if first else None).take()
        with pytest.raises(InUse, match=r"another bot runs|a bot that has all shards"):
            await claims(1, *second, of=2 if second else None).take()

    async def test_the_number_of_shards_changes_only_while_nobody_runs(claims: Claims) -> None:
        await claims(0, 0, of=2).take()
        with pytest.raises(InUse, match=r"^SHARD_COUNT: bots with SHARD_COUNT=2 run on this database"):
            await claims(1, 2, of=3).take()
        await claims(1, 1, of=2).take()

    async def test_bots_that_start_together_on_a_new_database_are_not_told_to_stop_others(
        claims: Claims, processes: list[Database]
    ) -> None:
        async with processes[0].locks() as starting:
            assert await starting.take(LAYOUT, shared=True)  # as one does that is about to note the number
            with pytest.raises(InUse, match=r"^SHARD_COUNT: another bot is just starting"):
                await claims(1, 1, of=2).take()

    async def test_once_nobody_runs_another_number_holds_for_all(claims: Claims) -> None:
        async with claims(0, 0, of=2) as before:
            await before.take()
        await claims(0, 0, of=3).take()
        await claims(1, 1, of=3).take()
        with pytest.raises(InUse, match="SHARD_COUNT=3"):
            await claims(1, 1, of=2).take()

    async def test_locks_that_a_lost_connection_took_along_are_taken_again(
        claims: Claims, processes: list[Database]
    ) -> None:
        mine = claims(0, 0, of=2)
        await mine.take()
        keeping = asyncio.create_task(mine.keep())
        await cut_off_locks(processes[1])
        await asyncio.sleep(10 * LOOK)
        with pytest.raises(InUse, match="shard 0"):
            await claims(1, 0, of=2).take()
        assert not keeping.done()
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping

    async def test_a_process_whose_shard_another_took_meanwhile_ends(claims: Claims, processes: list[Database]) -> None:
        mine = claims(0, 0, of=2)
        await mine.take()
        await cut_off_locks(processes[1])
        await claims(1, 0, of=2).take()
        with pytest.raises(InUse, match="shard 0"):
            await asyncio.wait_for(mine.keep(), 10)


async def cut_off_locks(db: Database) -> None:
    """End the connections that hold locks for long, as a server that restarts does."""
    holding = (
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"  # not those of other tests
    )
    async with db.read() as connection:
        await connection.execute(text(holding))
