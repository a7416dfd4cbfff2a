"""Warnings of the real process: one message a matter, neither doubled nor forgotten wherever it dies."""

from __future__ import annotations

import pytest

from bot.domain.crash_points import WARNING_STEPS
from tests.acceptance.stores import canary, execute, logged, rows
from tests.fixtures.process import Stage
from tests.loopback.discord import eventually
from tests.loopback.discord_world import Channel, Member, Message
from tests.loopback.http import Fault

HOURS_MS = 2 * 3_600_000
QUICK = ("-m", "tests.acceptance.warning_bot")
NORMAL = ("-m", "bot", "run")
CHANNEL_MENU = 8


def told(place: Channel) -> list[Message]:
    """The warnings that stand there, and those that are over."""
    return [message for message in place.messages if message.author is place.world.me]


async def choose(stage: Stage, place: Channel, *, by: Member) -> None:
    """Switch warnings on through the panel of the rules."""
    panel = await stage.discord.command(by, place, "memory settings").answer(within=20)
    menu = next(part["custom_id"] for part in panel.controls if part["type"] == CHANNEL_MENU)
    await stage.discord.press(by, panel, menu, [place]).edited(within=20)


@pytest.mark.slow
async def test_wherever_it_dies_a_warning_is_told_once_and_ended(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    ada = guild.member("Ada", guild.role("Admins", "manage_guild"))
    general, place = guild.text("general"), guild.text("for-admins")
    stage.observe(general)
    word = canary()
    await stage.bot.start(FLUSH_BATCH_SIZE="1")
    await stage.bot.noticed(general)
    await choose(stage, place, by=ada)
    stage.ollama.fail(Fault.STATUS, path="/api/chat", status=503)
    general.say(ada, f"We decided that the {word} will be painted green.")
    await eventually(lambda: logged(stage.bot.database, general), within=20, what="the message in the log")
    waits = "SELECT count(*) FROM batches WHERE error IS NOT NULL"
    await eventually(lambda: rows(stage.bot.database, waits) == [(1,)], within=60, what="a batch that waits")
    await stage.bot.kill()
    execute(stage.bot.database, "UPDATE batches SET created_ms = created_ms - ?", HOURS_MS)

    begun, posted, noted, ended = WARNING_STEPS
    for step, number in ((begun, 0), (posted, 1), (noted, 1)):
        stage.bot.entry = (*QUICK, step)
        await stage.bot.start(ready=False)
        await stage.bot.ended(within=60)
        assert len(told(place)) == number, step
        stage.discord.nonces.clear()  # it was away for longer than Discord remembers what it posted
    (warning,) = told(place)
    assert warning.text.startswith("⚠️ Messages here have been waiting for an hour or more")
    assert not [secret for secret in (word, "general", stage.ollama.url, "127.0.0.1") if secret in warning.text]

    stage.ollama.heal()
    execute(stage.bot.database, "UPDATE batches SET next_try_ms = 0")
    stage.bot.entry = (*QUICK, ended)
    await stage.bot.start(ready=False)
    await stage.bot.ended(within=90)
    stage.bot.entry = NORMAL
    await stage.bot.start()
    over = "SELECT count(*) FROM warnings WHERE over_ms IS NOT NULL"
    await eventually(lambda: rows(stage.bot.database, over) == [(1,)], within=90, what="the end of the warning")
    assert [message.text.split(" (")[0] for message in told(place)] == [
        "✅ Messages don't wait for the language model any more."
    ]
    assert (await stage.bot.terminate())[0] == 0
    assert stage.discord.unknown == []
    assert "Traceback" not in stage.bot.logs()
