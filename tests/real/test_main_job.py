"""The main job with a real Ollama by each way in: the real bot reads along, remembers, answers and forgets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.community import plain
from tests.acceptance.stores import END_STATES, canary, files_with, logged, rows, said_by_people, states
from tests.fixtures.commandline import CommandLine
from tests.fixtures.process import Stage
from tests.loopback.discord import eventually
from tests.loopback.discord_world import Channel
from tests.real.servers import RealServer
from tests.real.ways import WAYS, Way

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]

PATIENCE = 900.0
"""Seconds for a small model on a busy processor to read a dozen messages."""

TALK = (
    "morning all, did anybody feed the cat?",
    "yes, she is asleep on the printer again",
    "We decided that the {word} ferry will stop at the old mill on Sundays from June on.",
    "good, then I can come by boat",
    "The key for the {word} shed hangs behind the green door, please put it back there.",
    "will do",
)


@pytest.mark.parametrize("label", WAYS)
async def test_it_reads_along_remembers_answers_and_forgets(stage: Stage, real_ollama: RealServer, label: str) -> None:
    guild = stage.discord.world.guild("Workshop")
    general, ada, ben = guild.text("general"), guild.member("Ada"), guild.member("Ben")
    stage.bot.environment |= Way(real_ollama, label).settings() | {"FLUSH_INTERVAL_SECONDS": "1"}
    stage.observe(general)
    await stage.bot.start()
    await stage.bot.noticed(general)
    word = canary()
    said = [general.say((ada, ben)[n % 2], text.format(word=word)) for n, text in enumerate(TALK)]
    await settled(stage, general)
    assert "Traceback" not in stage.bot.logs()

    recalled = await stage.discord.command(ben, general, "recall", query=f"{word} ferry").answer(within=60)
    assert "old mill" in plain(recalled)
    assert said[2].jump_url in recalled.text
    asked = stage.discord.command(ben, general, "ask", question=f"Where does the {word} ferry stop?")
    await asked.answer(within=PATIENCE)
    memories = rows(stage.bot.database, "SELECT kind, text FROM memories")
    print(label, memories, plain(await asked.answer()), sep="\n")

    said[2].delete()
    said[4].delete()
    folder = stage.bot.data_dir
    await eventually(lambda: not files_with(folder, [word.encode()]), within=60, what="the last trace to go")
    code, _ = await stage.bot.terminate(within=60)
    assert code == 0


@pytest.mark.parametrize("label", WAYS)
async def test_doctor_approves_of_it(command_line: CommandLine, real_ollama: RealServer, label: str) -> None:
    ran = await command_line("doctor", **Way(real_ollama, label).settings())
    print(ran.out)
    faults = [line for line in ran.out.splitlines() if line.lstrip().startswith("fault")]
    assert all("DISCORD_TOKEN" in line or "discord" in line for line in faults), ran.out
    assert "Traceback" not in ran.err
    if label == WAYS[0]:
        assert str(real_ollama.get("/api/version")["version"]) in ran.out


async def settled(stage: Stage, channel: Channel) -> None:
    """Wait until each message is in an end state, once, and what came of it in the index."""

    def done() -> bool:
        stage.bot.check()
        database: Path = stage.bot.database
        waiting = rows(database, "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM batches)")
        return (
            logged(database, channel) == said_by_people(channel)
            and states(database).keys() <= END_STATES
            and waiting == [(0,)]
        )

    await eventually(done, within=PATIENCE, what="every message in an end state")
