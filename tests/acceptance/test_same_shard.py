"""A second bot that was given what a first one has already, by mistake or because a restart overlaps."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fixtures.postgres import PostgresServer, server_programs
from tests.fixtures.process import BotProcess, Stage
from tests.loopback.discord import eventually

pytestmark = pytest.mark.slow

SETTINGS_FAULT = 2
IMPATIENT = (
    "from bot.cli.main import main; from bot.run.shards import ShardClaim; "
    "ShardClaim.__init__.__kwdefaults__['wait_seconds'] = 3.0; main()"
)


@dataclass
class Twins:
    """A bot that runs, and another one that is started with changes to its settings."""

    stage: Stage
    second: BotProcess

    async def refused(self) -> str:
        """Start the second one, see it end by itself while the first one goes on, and return what it said last."""
        sessions = len(self.stage.discord.gateway.identifies)
        await self.second.start(ready=False)
        assert await self.second.ended() == SETTINGS_FAULT
        self.stage.bot.check()
        assert len(self.stage.discord.gateway.identifies) == sessions, "it must not have met Discord"
        (line,) = [line for line in self.second.logs().splitlines() if line.startswith("error: ")]
        assert "Traceback" not in self.second.logs()
        return line.removeprefix("error: ")


@pytest.fixture
async def twins(stage: Stage, tmp_path: Path) -> AsyncIterator[Twins]:
    """Neither is started."""
    stage.discord.world.guild("Workshop").text("general")
    stage.bot.environment["MEM0_ENABLED"] = "false"
    folder = tmp_path / "second"
    folder.mkdir()
    second = BotProcess(stage.discord, folder, stage.bot.environment | {"DATA_DIR": str(folder / "data")})
    async with AsyncExitStack() as stack:
        stack.callback(lambda: print(second.logs()))
        stack.push_async_callback(second.cleanup)
        yield Twins(stage, second)


async def test_a_second_bot_in_one_data_folder_is_refused_at_once(twins: Twins) -> None:
    await twins.stage.bot.start()
    twins.second.environment["DATA_DIR"] = str(twins.stage.bot.data_dir)
    assert (await twins.refused()).startswith(f"DATA_DIR: another bot runs on {twins.stage.bot.data_dir}")


async def test_a_second_bot_on_one_file_is_refused_whatever_its_data_folder(twins: Twins, tmp_path: Path) -> None:
    file = tmp_path / "shared" / "memory.db"
    (tmp_path / "way").symlink_to(tmp_path / "shared")
    await twins.stage.bot.start(DATABASE_URL=f"sqlite:///{file}")
    twins.second.environment["DATABASE_URL"] = f"sqlite:///{tmp_path}/way/memory.db"
    assert (await twins.refused()).startswith(f"DATABASE_URL: another bot runs on {file}")
    await twins.stage.bot.kill()
    await twins.second.start()


if server_programs() is not None:

    @pytest.fixture
    async def sharing(twins: Twins, postgres_server: PostgresServer) -> AsyncIterator[Twins]:
        """Both are given shard 0 of 1 on a server."""
        async with postgres_server.empty_database() as url:
            for bot in (twins.stage.bot, twins.second):
                bot.environment |= {"DATABASE_URL": url, "SHARD_IDS": "0", "SHARD_COUNT": "1"}
            yield twins

    async def test_a_second_bot_with_the_same_shard_waits_and_says_so_and_ends(sharing: Twins) -> None:
        await sharing.stage.bot.start()
        sharing.second.entry = ("-c", IMPATIENT, "run")
        assert (await sharing.refused()).startswith("SHARD_IDS: another process on this database has shard 0")
        assert "Waiting for it to end, up to 3 s" in sharing.second.logs()

    async def test_one_that_waits_takes_over_when_the_other_ends(sharing: Twins) -> None:
        await sharing.stage.bot.start()
        sessions = len(sharing.stage.discord.gateway.identifies)
        await sharing.second.start(ready=False)
        await eventually(lambda: "Waiting for it to end" in sharing.second.logs(), within=30, what="the second waits")
        await asyncio.sleep(3)
        assert len(sharing.stage.discord.gateway.identifies) == sessions
        assert (await sharing.stage.bot.terminate())[0] == 0
        await sharing.second.ready()
        await sharing.stage.bot.start(ready=False)
        await eventually(lambda: "Waiting" in sharing.stage.bot.logs(), within=30, what="the first one waits now")
        code, seconds = await sharing.stage.bot.terminate()
        assert (code, seconds < 10) == (0, True), "one that waits can be stopped"
        await sharing.second.kill()
        await sharing.stage.bot.start()

    async def test_a_bot_that_hangs_is_replaced_and_ends_when_it_comes_back(sharing: Twins) -> None:
        first = sharing.stage.bot
        first.entry = ("-c", IMPATIENT, "run")
        await first.start()
        os.kill(first.pid, signal.SIGSTOP)
        await sharing.second.start(ready=False)
        await sharing.second.ready()
        os.kill(first.pid, signal.SIGCONT)
        assert await first.ended() == SETTINGS_FAULT
        assert "error: SHARD_IDS: another process on this database has shard 0" in first.logs()
        sharing.second.check()
