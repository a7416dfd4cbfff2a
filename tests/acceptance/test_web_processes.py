"""The operator's page beside the running bot, and as a process of its own over every kind of database."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar
from yarl import URL

from bot.run.web_page import LINK_FILE
from bot.storage.engine import open_database
from tests.acceptance.stores import logged, said_by_people
from tests.acceptance.test_public_posts import posts_with
from tests.fixtures.commandline import CommandLine
from tests.fixtures.operations import free_port
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.process import Stage
from tests.fixtures.web import Visitor
from tests.loopback.discord import eventually

KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.slow
async def test_beside_the_bot_what_is_forgotten_takes_its_public_posts_with_it(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada")
    stage.observe(general)
    port = free_port()
    await stage.bot.start(WEB_PORT=str(port), FLUSH_INTERVAL_SECONDS="3600")
    await stage.bot.noticed(general)
    said = general.say(ada, "The kiln is free on Mondays")
    await eventually(lambda: logged(stage.bot.database, general) == said_by_people(general), within=30)
    await stage.discord.menu(ada, said, "Remember this message").answer(within=30)
    await stage.discord.command(ada, general, "recall", query="when is the kiln free", share=True).answer(within=30)
    await eventually(lambda: len(posts_with("Mondays", general)) == 1, within=30, what="a public post")

    file = stage.bot.data_dir / LINK_FILE
    assert file.stat().st_mode & 0o777 == 0o600
    link = file.read_text().strip()
    token = URL(link).query["token"]
    assert token not in stage.bot.logs()
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        visitor = await Visitor(link, session).open()
        listed = await visitor.get("/memories?words=kiln")
        (memory,) = {path for path in listed.links if path.startswith("/memories/")}
        assert "Forgotten" in (await visitor.submit(f"{memory}/forget")).shown

    await eventually(lambda: not posts_with("Mondays", general), within=60, what="the public post to go")
    assert (await stage.bot.terminate())[0] == 0
    assert not file.exists()
    assert token not in stage.bot.logs()


async def _shown(command_line: CommandLine, data_dir: Path, path: str, **environment: str) -> str:
    """A page of `python -m bot web`."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command_line.entry,
        *("web", "--data-dir", str(data_dir)),
        cwd=command_line.folder,
        env=command_line.environment | environment | {"WEB_PORT": str(port)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(command_line.seconds):
            while not (line := (await process.stdout.readline()).decode().strip()).startswith("http"):
                assert process.returncode is None
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
            return (await (await Visitor(line, session).open()).get(path)).shown
    finally:
        process.terminate()
        assert await process.wait() == 0


@pytest.mark.slow
async def test_an_encrypted_database_is_shown(command_line: CommandLine, tmp_path: Path) -> None:
    async with open_database(None, tmp_path / "data", key=KEY):
        pass
    shown = await _shown(command_line, tmp_path / "data", "/", DATA_KEY=KEY)
    assert "Nothing is kept yet." in shown


@pytest.mark.slow
async def test_a_database_on_a_server_is_shown(
    command_line: CommandLine, tmp_path: Path, postgres_server: PostgresServer
) -> None:
    async with postgres_server.database() as url:
        shown = await _shown(command_line, tmp_path / "data", "/memories", DATABASE_URL=url)
    assert "Nothing is remembered yet." in shown


@pytest.mark.slow
async def test_a_port_that_is_taken_and_a_key_that_is_wrong_are_one_line(
    command_line: CommandLine, tmp_path: Path
) -> None:
    async def nobody(reader: object, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(nobody, "127.0.0.1", 0)
    async with server:
        port = str(server.sockets[0].getsockname()[1])
        ran = await command_line("web", "--port", port)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.strip() == f"error: WEB_PORT: another program listens on 127.0.0.1:{port}: choose another port"
    async with open_database(None, tmp_path / "locked", key=KEY):
        pass
    ran = await command_line("web", "--data-dir", "locked", DATA_KEY=KEY[::-1])
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1)
    assert "DATA_KEY" in ran.err
