"""The life of the process: starts, connections that break, and an end that loses nothing."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import sys
import tempfile
from typing import Self

import pytest
from sqlalchemy.engine import make_url

from tests.acceptance.failing_bot import CANARY, FAILURES
from tests.acceptance.stores import END_STATES, logged, rows, said_by_people, states
from tests.fixtures.postgres import PostgresServer, server_programs
from tests.fixtures.process import Stage
from tests.loopback.discord import eventually
from tests.loopback.discord_gateway import INTENT_MEMBERS
from tests.loopback.discord_world import Channel
from tests.loopback.http import Fault

SHUTDOWN_SECONDS = 10.0
SOCKET = ".s.PGSQL.5432"


async def all_logged(stage: Stage, *channels: Channel, within: float = 20.0) -> None:
    """Wait until the log holds what people said there, each message once."""

    def compared() -> bool:
        stage.bot.check()
        return logged(stage.bot.database, *channels) == said_by_people(*channels)

    await eventually(compared, within=within, what="every message in the log, once")


@pytest.mark.slow
async def test_sigterm_ends_in_time_and_loses_nothing(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    ada, ben = guild.member("Ada", guild.role("Admins", "manage_guild")), guild.member("Ben")
    general = guild.text("general")
    stage.observe(general)
    stage.ollama.fail(Fault.HANG, path="/api/chat")
    await stage.bot.start()
    await stage.bot.noticed(general)
    for number in range(40):
        general.say((ada, ben)[number % 2], f"The bridge opens on day {number} of the month.")
    await all_logged(stage, general)
    stage.discord.command(ada, general, "memory flush")
    await eventually(lambda: stage.ollama.asked("/api/chat"), what="a call to the model")
    for number in range(120):
        general.say((ada, ben)[number % 2], f"The tunnel opens on day {number} of the year.")
    await eventually(lambda: stage.discord.gateway.idle)
    code, seconds = await stage.bot.terminate()
    assert (code, seconds < SHUTDOWN_SECONDS) == (0, True), stage.bot.logs()
    assert "Traceback" not in stage.bot.logs()

    stage.ollama.heal()
    await stage.bot.start()
    await all_logged(stage, general)
    await stage.discord.command(ada, general, "memory flush").answer(within=30)
    assert states(stage.bot.database).keys() <= END_STATES


@pytest.mark.slow
async def test_a_second_start_reads_back_what_was_said_meanwhile_and_sends_no_commands(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    general, help_, ada = guild.text("general"), guild.text("help"), guild.member("Ada")
    stage.observe(general, help_)
    await stage.bot.start(MEM0_ENABLED="false")
    await stage.bot.noticed(general, help_)
    started = stage.bot.logs()
    assert "No memories are made (MEM0_ENABLED=false)" in started
    assert "is connected, in 1 server; to invite it: https://discord.com/oauth2/authorize?client_id=" in started
    thread = general.thread("plans", ada)
    for place in (general, help_, thread):
        place.say(ada, "The first thing that is said here.")
    await all_logged(stage, general, help_, thread)
    assert stage.discord.command_puts == 1

    await stage.bot.kill()
    for number in range(230):
        general.say(ada, f"Said while nobody listened, number {number}.")
    for number in range(120):
        thread.say(ada, f"Said in the thread meanwhile, number {number}.")
    help_.webhook("Feed", "Nobody said this.")
    await stage.bot.start()
    general.say(ada, "Said while it reads back.")
    await all_logged(stage, general, help_, thread)
    assert stage.discord.command_puts == 1
    assert len(stage.discord.requests_to(f"GET /channels/{general.id}/messages")) >= 3
    code, _ = await stage.bot.terminate()
    assert code == 0
    assert stage.discord.unknown == []


@pytest.mark.slow
async def test_a_first_gateway_connection_that_fails_is_tried_again(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada")
    stage.observe(general)
    stage.discord.gateway.refusals = 1
    await stage.bot.start(MEM0_ENABLED="false")
    await stage.bot.noticed(general)
    assert stage.discord.gateway.attempts == 2
    general.say(ada, "Heard after all.")
    await all_logged(stage, general)


@pytest.mark.slow
async def test_a_part_that_fails_is_started_again_and_the_process_lives(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada", guild.role("Admins", "manage_guild"))
    stage.observe(general)
    stage.bot.entry = ("-m", "tests.acceptance.failing_bot")
    await stage.bot.start(ready=False)
    await stage.bot.noticed(general)
    general.say(ada, "Said while everything fails.")
    await all_logged(stage, general, within=40)
    await eventually(lambda: len(stage.discord.gateway.identifies) > FAILURES, within=40, what="the last connection")
    general.say(ada, "Said to the last connection.")
    await all_logged(stage, general, within=40)
    await stage.discord.command(ada, general, "remember", text="The bridge opens on Friday.").answer(within=20)
    await eventually(lambda: not rows(stage.bot.database, "SELECT 1 FROM outbox"), within=20, what="it in the index")
    for part in ("indexer", "mover", "intake", "housekeeping", "clerk", "gateway"):
        assert stage.bot.logs().count(f"Part '{part}' failed") == FAILURES
    assert CANARY not in stage.bot.logs()
    code, _ = await stage.bot.terminate()
    assert code == 0


@pytest.mark.slow
async def test_broken_connections_and_invalid_sessions_lose_nothing(stage: Stage) -> None:
    general, ada = await stage.without_model()
    general.say(ada, "Said in quiet times.")
    stage.discord.gateway.drop()
    general.say(ada, "Said while the line was broken.")
    await all_logged(stage, general)
    assert (stage.discord.gateway.resumes, len(stage.discord.gateway.identifies)) == (1, 1)

    await stage.discord.gateway.invalidate()
    for number in range(130):
        general.say(ada, f"Said to nobody's session, number {number}.")
    await eventually(lambda: len(stage.discord.gateway.identifies) == 2, within=20, what="a new session")
    general.say(ada, "Said in the new session.")
    await all_logged(stage, general)


@pytest.mark.slow
async def test_a_missing_intent_ends_the_start_with_one_line(stage: Stage) -> None:
    stage.discord.world.guild("Workshop")
    stage.discord.privileged = INTENT_MEMBERS
    await stage.bot.start(ready=False, MEM0_ENABLED="false")
    assert await stage.bot.ended() == 2
    assert "Message Content Intent" in stage.bot.logs()
    assert "Traceback" not in stage.bot.logs()
    assert stage.discord.token not in stage.bot.logs()


@pytest.mark.slow
async def test_what_discord_ends_for_good_ends_the_program_with_one_line(stage: Stage) -> None:
    general = stage.discord.world.guild("Workshop").text("general")
    stage.observe(general)
    await stage.bot.start(MEM0_ENABLED="false")
    await stage.bot.noticed(general)
    stage.discord.token = "another.token.since"  # so that a close that is taken for a lost line ends no better
    await stage.discord.gateway.close(4004)
    assert await stage.bot.ended() == 2
    assert "DISCORD_TOKEN is not valid any more" in stage.bot.logs()
    assert "Traceback" not in stage.bot.logs()


@pytest.mark.slow
async def test_a_second_bot_on_the_same_folder_is_refused(stage: Stage) -> None:
    await stage.bot.start(MEM0_ENABLED="false")
    second = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "run",
        cwd=stage.bot.folder,
        env=stage.bot.environment,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await asyncio.wait_for(second.communicate(), 30)
    assert second.returncode == 2
    assert told.decode().startswith("error: DATA_DIR: another bot runs on")
    assert (await stage.bot.terminate())[0] == 0


@pytest.mark.slow
async def test_sigterm_lets_the_flush_in_hand_end_where_there_is_time(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    ada, general = guild.member("Ada"), guild.text("general")
    stage.observe(general)

    async def thinks(_: object) -> str:
        await asyncio.sleep(1)
        return '{"memories": []}'

    stage.ollama.answer = thinks
    await stage.bot.start(FLUSH_BATCH_SIZE="10")
    await stage.bot.noticed(general)
    for number in range(10):
        general.say(ada, f"The bridge opens on day {number} of the month.")
    await eventually(lambda: stage.ollama.asked("/api/chat"), within=30, what="a call to the model")
    code, seconds = await stage.bot.terminate()
    assert (code, seconds < SHUTDOWN_SECONDS) == (0, True), stage.bot.logs()
    assert states(stage.bot.database) == {"extracted": 10}


@pytest.mark.slow
async def test_the_end_is_in_time_while_another_process_holds_the_database(stage: Stage) -> None:
    general, ada = await stage.without_model()
    holder = sqlite3.connect(stage.bot.database, isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        general.say(ada, "The bridge opens on Monday.")
        await asyncio.sleep(1)
        _, seconds = await stage.bot.terminate()
    finally:
        holder.close()
    assert seconds < 10
    assert "Traceback" not in stage.bot.logs()


if server_programs() is not None:

    @pytest.mark.slow
    async def test_the_end_is_in_time_while_a_database_server_hangs(
        stage: Stage, postgres_server: PostgresServer
    ) -> None:
        guild = stage.discord.world.guild("Workshop")
        general, ada = guild.text("general"), guild.member("Ada")
        stage.observe(general)
        async with postgres_server.database() as url, Relay(url) as relay:
            await stage.bot.start(MEM0_ENABLED="false", DATABASE_URL=relay.url)
            relay.hangs = True
            general.say(ada, "The bridge opens on Monday.")
            await asyncio.sleep(1)
            _, seconds = await stage.bot.terminate()
        assert seconds < SHUTDOWN_SECONDS
        assert "Traceback" not in stage.bot.logs()


class Relay:
    """Stands between the bot and a PostgreSQL server, and passes nothing on while it `hangs`."""

    def __init__(self, url: str) -> None:
        address = make_url(url)
        self._behind = f"{address.query['host']}/{SOCKET}"
        self._folder = tempfile.mkdtemp(prefix="relay-")  # a short path, as sockets need
        self.url = address.update_query_dict({"host": self._folder}).render_as_string()
        self.hangs = False
        self._passing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._connect, f"{self._folder}/{SOCKET}")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)
        shutil.rmtree(self._folder)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, before = await asyncio.open_unix_connection(self._behind)
        for ends in ((reader, before), (behind, writer)):
            self._passing.add(asyncio.create_task(self._pass(*ends)))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                if self.hangs:
                    await asyncio.Event().wait()
                writer.write(data)
        finally:
            writer.close()
