"""Beside the running process: the operator erases and exports, and all-local means that nothing leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.stores import files_with, logged, said_by_people
from tests.fixtures.commandline import CommandLine
from tests.fixtures.process import ROOT, Stage
from tests.loopback.discord import eventually

CANARY = "xqvkzjwp"
WATCH = """
import os, sys

def watch(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        address = args[1] if event == "socket.connect" else args[-1] if event == "socket.sendto" else args[0]
        with open(os.environ["SOCKETS_FILE"], "a") as seen:
            seen.write(f"{event} {address!r}\\n")

sys.addaudithook(watch)
"""


@pytest.mark.slow
async def test_all_local_asks_nobody_but_discord_and_erases_beside_the_bot(stage: Stage, tmp_path: Path) -> None:
    """One life of the process, with every socket of it and of its children watched."""
    guild = stage.discord.world.guild("Workshop")
    ada, ben = guild.member("Ada", guild.role("Admins", "manage_guild")), guild.member("Ben")
    general = guild.text("general")
    stage.observe(general)
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(WATCH)
    sockets = tmp_path / "sockets"
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        del stage.bot.environment[name]
    await stage.bot.start(
        PYTHONPATH=f"{hook}:{ROOT}",
        SOCKETS_FILE=str(sockets),
        EMBEDDING_PROVIDER="ollama",
        EMBEDDING_MODEL="nomic-embed-text",
        EMBEDDING_DIMS="768",
    )
    await stage.bot.noticed(general)
    for number in range(12):
        general.say(ben, f"The {CANARY} opens on day {number} of the month.")
        general.say(ada, f"The harbour opens on day {number} of the year.")
    await eventually(lambda: logged(stage.bot.database, general) == said_by_people(general), what="every message")
    stage.discord.command(ben, general, "remember", text=f"the {CANARY} is mine")
    await eventually(lambda: stage.ollama.asked("/api/embed"), what="an embedding by Ollama", within=30)
    await stage.discord.command(ada, general, "memory flush").answer(within=60)
    assert files_with(stage.bot.data_dir, [CANARY.encode()])
    assert {path.stat().st_mode & 0o077 for path in stage.bot.data_dir.rglob("*")} == {0}

    command_line = CommandLine(stage.folder, stage.bot.environment)
    exported = await command_line("export", "--user", str(ben.id))
    assert len(json.loads(exported.out)["kept"]["messages"]) == 12
    erased = await command_line("erase", "--user", str(ben.id), "--yes")
    assert (erased.code, "nothing of that member is left" in erased.out) == (0, True), erased.err
    await eventually(
        lambda: not files_with(stage.bot.data_dir, [CANARY.encode()]), within=75, what="no canary in any file"
    )
    assert files_with(stage.bot.data_dir, [b"harbour"])
    assert "Traceback" not in stage.bot.logs()
    assert CANARY not in stage.bot.logs()

    await stage.bot.terminate()
    seen = sockets.read_text().splitlines()
    assert any("127.0.0.1" in line for line in seen)
    assert [line for line in seen if "127.0.0.1" not in line and "localhost" not in line] == []
    assert stage.openai.requests == []
