"""Connecting: a Discord that can't be reached is tried again, with real requests over real sockets."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import discord
import pytest
import yarl
from aiohttp import web
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from cogs.client import ChannelMemoryBot
from cogs.connection import use_proxies
from tests.fixtures.discord import World, wire
from tests.fixtures.languages import LANGUAGES
from tests.fixtures.memory import Pipeline
from tests.loopback.discord import LoopbackDiscord
from tests.loopback.discord_interactions import ENTRY_POINT

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(autouse=True)
def _addresses_are_put_back() -> Iterator[None]:
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    yield
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway


@pytest.fixture
async def bot(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ChannelMemoryBot]:
    monkeypatch.setattr("cogs.client.FIRST_RETRY_SECONDS", 0.01)
    async with ChannelMemoryBot(wire(pipeline), LANGUAGES) as bot:
        yield bot


async def test_the_readme_lists_every_command(world: World) -> None:
    rows = [line.split(" | ")[0] for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| `/")]
    for command in world.commands:
        name, _, subcommand = command.qualified_name.partition(" ")
        wanted = rf"\| `/{name}(?=[ `])" + (rf".*[ `]{subcommand}[ `]" if subcommand else "")
        if isinstance(command, app_commands.ContextMenu):
            wanted = rf".*\*{command.name}\*"
        assert any(re.match(wanted, row) for row in rows), command.qualified_name


def test_addresses_can_be_those_of_a_proxy() -> None:
    use_proxies("http://proxy:3000/api", "ws://proxy:4000")
    assert Route.BASE == "http://proxy:3000/api/v10"
    assert yarl.URL("ws://proxy:4000") == DiscordWebSocket.DEFAULT_GATEWAY
    use_proxies("http://proxy:3000/api/v9", None)
    assert Route.BASE == "http://proxy:3000/api/v9"


async def test_a_wrong_token_is_told_at_once(bot: ChannelMemoryBot) -> None:
    async with Rest(lambda _: web.json_response({"message": "401: Unauthorized", "code": 0}, status=401)):
        with pytest.raises(discord.LoginFailure):
            await asyncio.wait_for(bot.login("wrong"), 10)


async def test_login_is_tried_again_until_discord_can_be_reached(bot: ChannelMemoryBot) -> None:
    use_proxies("http://127.0.0.1:9", None)  # nobody listens there
    attempt = asyncio.create_task(bot.login("token"))
    await asyncio.sleep(0.2)
    assert not attempt.done()
    async with Rest(lambda _: web.json_response({"message": "401: Unauthorized", "code": 0}, status=401)):
        with pytest.raises(discord.LoginFailure):
            await asyncio.wait_for(attempt, 10)


async def test_an_unreachable_gateway_neither_ends_the_process_nor_deepens_the_stack(
    bot: ChannelMemoryBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """discord.py's own method would call itself for every attempt (its waits are taken out here)."""
    depths: list[int] = []

    async def refuse(*_: object, **__: object) -> None:
        depths.append(len(inspect.stack(0)))
        await real_sleep(0)
        raise OSError("connection refused")

    real_sleep = asyncio.sleep
    monkeypatch.setattr("discord.shard.asyncio.sleep", lambda seconds: real_sleep(min(seconds, 0.001)))
    monkeypatch.setattr(DiscordWebSocket, "from_client", refuse)
    await bot._async_setup_hook()
    launching = asyncio.create_task(bot.launch_shard(yarl.URL("ws://127.0.0.1:9"), 0, initial=True))
    while len(depths) < 40:
        await real_sleep(0.005)
    assert not launching.done()
    assert depths[39] == depths[2]
    await bot.close()
    await asyncio.wait_for(launching, 10)


async def test_an_entry_point_command_of_the_application_stays_and_ours_are_sent(bot: ChannelMemoryBot) -> None:
    launch = {"id": "7", "type": ENTRY_POINT, "name": "launch", "handler": 2, "contexts": [0], "description": ""}
    async with LoopbackDiscord() as server:
        server.commands.put([launch])
        use_proxies(server.api_url, server.gateway_url)
        await bot.login(server.token)
        assert await bot.sync_commands() is False  # they are there
        assert server.commands.named("recall")
        (kept,) = server.commands.entry_points
        assert {name: kept[name] for name in launch} == launch
        assert server.command_puts == 1


class Rest:
    """A REST API that gives every request the same answer."""

    def __init__(self, handler: object) -> None:
        self._handler = handler

    async def __aenter__(self) -> None:
        app = web.Application()

        async def answer(request: web.Request) -> web.StreamResponse:
            response: web.StreamResponse = self._handler(request)  # type: ignore[operator]
            return response

        app.router.add_route("*", "/{path:.*}", answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        use_proxies(f"http://127.0.0.1:{port}", None)

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
