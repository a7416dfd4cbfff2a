"""kill -9 at every step of an erasure that somebody asked for: the next start finishes it, and the receipt stands."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from bot.domain.crash_points import ERASURE_STEPS
from tests.acceptance.community import decisions_as_memories
from tests.acceptance.stores import canary, files_with, logged, rows, said_by_people, sqlite
from tests.fixtures.commandline import CommandLine
from tests.fixtures.process import Stage
from tests.loopback.discord import eventually
from tests.loopback.discord_world import Channel, Member

REACHED = [*((step, 1) for step in ERASURE_STEPS), ("erasing", 2), ("erasing", 3)]
"""The first of each step, and further portions of the erasure."""


@dataclass
class Room:
    """A channel in which Ben said what is to be erased, and another one in which Ada goes on."""

    stage: Stage
    ada: Member
    ben: Member
    general: Channel
    other: Channel
    word: str

    def holds(self) -> list[str]:
        """Which files hold Ben's word."""
        return files_with(self.stage.bot.data_dir, [self.word.encode()])

    def done(self) -> bool:
        """Whether every erasure is done; not while a start brings the file in order, when nobody can read it."""
        try:
            return rows(self.stage.bot.database, "SELECT count(*) FROM requests WHERE state != 'done'") == [(0,)]
        except sqlite.OperationalError:
            return False


async def settle(stage: Stage) -> Room:
    """Let both talk, and remember some of it."""
    guild = stage.discord.world.guild("Workshop")
    ada, ben = guild.member("Ada", guild.role("Admins", "manage_guild")), guild.member("Ben")
    general, other = guild.text("general"), guild.text("other")
    stage.observe(general, other)
    stage.ollama.answer = decisions_as_memories
    await stage.bot.start(FLUSH_INTERVAL_SECONDS="3600")
    await stage.bot.noticed(general, other)
    room = Room(stage, ada, ben, general, other, canary())
    for number in range(3):
        general.say(ben, f"We decided that the {room.word} opens on day {number} of the month.")
        other.say(ada, f"The harbour opens on day {number} of the year.")
    everything = [general, other]
    await eventually(lambda: logged(stage.bot.database, *everything) == said_by_people(*everything), within=20)
    await stage.discord.command(ada, general, "memory flush").answer(within=60)
    await eventually(lambda: rows(stage.bot.database, "SELECT count(*) FROM memories") != [(0,)], within=30)
    assert room.holds()
    await stage.bot.kill()
    return room


COMMANDS = {
    "forget everything": ("Ben", {}, "Delete everything"),
    "memory forget-channel": ("Ada", {"channel": "general"}, "Delete it"),
    "memory forget-server": ("Ada", {}, "Delete it"),
}


async def ask(room: Room, command: str) -> None:
    """Use the command and confirm it."""
    discord = room.stage.discord
    who, options, label = COMMANDS[command]
    member = room.ben if who == "Ben" else room.ada
    given = {"channel": room.general} if options else {}
    asked = discord.command(member, room.general, command, **given)
    discord.press(member, await asked.answer(within=30), label)


@pytest.mark.slow
@pytest.mark.parametrize(("step", "count"), REACHED)
@pytest.mark.parametrize("command", COMMANDS)
async def test_an_erasure_that_was_killed_is_finished_at_the_next_start(
    stage: Stage, command: str, step: str, count: int
) -> None:
    room = await settle(stage)
    bot = stage.bot
    bot.entry = ("-m", "tests.acceptance.stepping_bot", step, str(count))
    await bot.start()
    await ask(room, command)
    assert await bot.ended(within=90) == -9, bot.logs()
    bot.entry = ("-m", "bot", "run")

    await bot.start()
    await eventually(room.done, within=60, what="the end of the erasure")
    await eventually(lambda: not room.holds(), within=75, what="no trace of what was erased")
    ((receipt,),) = rows(bot.database, "SELECT receipt FROM requests")
    assert json.loads(receipt)["removed"]["messages"] == (6 if command == "memory forget-server" else 3)
    kept = logged(bot.database, room.other)
    assert kept == (said_by_people(room.other) if command != "memory forget-server" else type(kept)())
    trail = await stage.discord.command(room.ada, room.general, "memory audit").answer(within=20)
    assert "eleted" in trail.text
    if command == "forget everything":
        status = await stage.discord.command(room.ben, room.general, "privacy status").answer(within=20)
        assert "as asked" in status.text
        assert "nothing was left" in status.text
        ids = [str(room.ben.id).encode(), room.ben.id.to_bytes(8, "big")]
        assert files_with(bot.data_dir, ids) == []


@pytest.mark.slow
@pytest.mark.parametrize("step", ["request taken", "erased"])
async def test_what_the_operator_asked_for_is_finished_once_a_bot_runs(stage: Stage, step: str) -> None:
    room = await settle(stage)
    erase = CommandLine(stage.folder, stage.bot.environment, entry=("-m", "tests.acceptance.stepping_erase"))
    died = await erase(step, str(room.ben.id))
    assert died.code == -9, died.err
    assert not room.done()
    await stage.bot.start()
    await eventually(room.done, within=60, what="the end of the erasure")
    await eventually(lambda: not room.holds(), within=75, what="no trace of what was erased")
