"""A newcomer's first hour: a fresh copy, an empty environment, and nothing but the commands that the README names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from dotenv import dotenv_values

from tests.acceptance.stores import logged
from tests.fixtures.process import START_SECONDS
from tests.fixtures.terminal import Terminal
from tests.loopback.discord import LoopbackDiscord, eventually
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-loopback-key"


def copy_of_the_repository(folder: Path) -> Path:
    """What a clone holds, with an environment of the packages here in place of what `make` would fetch."""
    git = shutil.which("git")
    assert git
    listing = [git, "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()  # noqa: S603
    for name in names:
        if not name.startswith("tests/") and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    binaries = folder / ".venv/bin"
    binaries.mkdir(parents=True)
    (binaries / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (binaries / "python").chmod(0o755)
    (folder / ".venv/.run").touch()
    return folder


def readme_commands(readme: str) -> list[str]:
    """The commands of the README's way from nothing to a running bot, in its order."""
    (demo,) = re.findall(r"<!-- main-command -->`([^`]+)`", readme)
    steps = readme.split("## Run it in Discord")[1].split("\n\n")[1]
    return [demo, *re.findall(r"^\d\. `(make \w+)`", steps, re.MULTILINE)]


@pytest.fixture
async def typed(tmp_path: Path) -> AsyncIterator[list[Terminal]]:
    """Terminals that end with the test."""
    terminals: list[Terminal] = []
    yield terminals
    for terminal in terminals:
        print(terminal.shown)
        await terminal.close()


@pytest.mark.slow
async def test_from_an_empty_folder_to_a_running_bot_by_the_readme_alone(
    tmp_path: Path, typed: list[Terminal], ollama_server: LoopbackOllama, openai_server: LoopbackOpenAI
) -> None:
    clone, home = copy_of_the_repository(tmp_path / "clone"), tmp_path / "home"
    home.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    openai_server.api_key = KEY
    ollama_server.models, ollama_server.pullable = (), ("llama3.1:8b",)

    async def types(command: str) -> Terminal:
        typed.append(await Terminal.run(*command.split(), folder=clone, environment=environment))
        return typed[-1]

    demo, init, doctor, run = readme_commands((clone / "README.md").read_text(encoding="utf-8"))
    terminal = await types(demo)
    assert await terminal.ends() == 0
    assert all(question in terminal.shown for question in ("open day", "laser settings", "What milk"))

    async with LoopbackDiscord() as discord:
        addresses = {"DISCORD_API_URL": discord.api_url, "DISCORD_GATEWAY_URL": discord.gateway_url}
        addresses |= {"OPENAI_BASE_URL": openai_server.api_url}  # what the internet would be
        (clone / ".env").write_text("".join(f"{name}={value}\n" for name, value in addresses.items()))
        terminal = await types(init)
        await terminal.answers_hidden("DISCORD_TOKEN (hidden", discord.token)
        await terminal.answers("Number [", "1")
        await terminal.answers_hidden("OPENAI_API_KEY (hidden", KEY)
        await terminal.answers("Ollama listen?", ollama_server.url)
        await terminal.answers("Pull now?", "y")
        assert await terminal.ends() == 0
        assert dotenv_values(clone / ".env").items() >= addresses.items()

        terminal = await types(doctor)
        assert await terminal.ends() == 0
        assert not re.search(r"^ +(fault|warning) ", terminal.shown, re.MULTILINE)

        guild = discord.world.guild("Workshop")
        general, ada = guild.text("general"), guild.member("Ada", guild.role("Admins", "manage_guild"))
        terminal = await types(run)
        await terminal.sees("Memories by Ollama llama3.1:8b")
        await terminal.sees("https://discord.com/oauth2/authorize?")
        await eventually(lambda: discord.gateway.connected and discord.gateway.idle, within=START_SECONDS)
        await discord.command(ada, general, "observe on").answer(within=START_SECONDS)
        general.say(ada, "The open day is on 21 June.")
        database = clone / "data/channel-memory.db"
        await eventually(lambda: logged(database, general), within=START_SECONDS, what="the message in the log")
        asked = discord.command(ada, general, "recall", query="when is the open day?")
        assert "21 June" in (await asked.answer(within=START_SECONDS)).text
        terminal.types("\x03")
        await terminal.sees("Stopped")
        await terminal.ends()
    assert "Traceback" not in "".join(terminal.shown for terminal in typed)
    assert [path for path in home.rglob("*") if path.is_file()] == []
