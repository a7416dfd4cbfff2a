"""kill -9 at every step of a message's way, and at random moments: nothing is lost and nothing is doubled."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import pytest

from bot.domain.crash_points import STEPS
from tests.acceptance.community import DECISIONS, SMALL_TALK, decisions_as_memories, plain
from tests.acceptance.stores import END_STATES, canary, logged, rows, said_by_people, states
from tests.fixtures.process import BotProcess, Stage
from tests.loopback.discord import eventually
from tests.loopback.discord_world import Channel, Member

KILLS = 15
FLOOD = 10_000


async def settle(stage: Stage, **environment: str) -> tuple[Channel, Channel, Member, Member]:
    """Two observed channels; a model that keeps decisions."""
    guild = stage.discord.world.guild("Workshop")
    ada, ben = guild.member("Ada", guild.role("Admins", "manage_guild")), guild.member("Ben")
    general, help_ = guild.text("general"), guild.text("help")
    stage.observe(general, help_)
    stage.ollama.answer = decisions_as_memories
    stage.bot.environment |= environment
    return general, help_, ada, ben


def decide(channel: Channel, member: Member, numbers: Sequence[int]) -> list[str]:
    """Say some decisions among other things; what is to be remembered of them."""
    decided = [f"{canary()} {DECISIONS[number]}" for number in numbers]
    for text in decided:
        for talk in SMALL_TALK:
            channel.say(member, talk)
        channel.say(member, f"We decided that the {text}.")
    return [f"The {text}." for text in decided]


def memories(bot: BotProcess) -> Counter[str]:
    """How often each memory is there."""
    return Counter(text for (text,) in rows(bot.database, "SELECT text FROM memories"))


async def everything_settled(stage: Stage, *channels: Channel, within: float = 60.0) -> None:
    """Wait until the log agrees with Discord, each message once, and all of it is in an end state and indexed."""

    def settled() -> bool:
        stage.bot.check()
        database = stage.bot.database
        return (
            logged(database, *channels) == said_by_people(*channels)
            and states(database).keys() <= END_STATES
            and rows(database, "SELECT count(*) FROM outbox") == [(0,)]
            and rows(database, "SELECT count(*) FROM batches") == [(0,)]
        )

    await eventually(settled, within=within, what="every message in an end state, once")


async def die(bot: BotProcess, step: str, count: int = 1) -> None:
    """Start a bot that dies at this step, unless it never gets there."""
    bot.entry = ("-m", "tests.acceptance.stepping_bot", step, str(count))
    await bot.start(ready=False)
    assert await bot.ended(within=90) == -9, bot.logs()
    bot.entry = ("-m", "bot", "run")


async def in_index(stage: Stage, member: Member, channel: Channel, decided: Sequence[str]) -> None:
    """Each memory is found by recall, once."""
    for text in decided:
        answer = plain(await stage.discord.command(member, channel, "recall", query=text).answer(within=20))
        assert answer.split("\n", 1)[1].count(text) == 1, answer


async def crash_at(stage: Stage, step: str) -> None:
    general, help_, ada, ben = await settle(stage, FLUSH_INTERVAL_SECONDS="1")
    await stage.bot.start(FLUSH_INTERVAL_SECONDS="3600")
    await stage.bot.noticed(general, help_)
    decided = decide(general, ada, (0, 1, 2))
    await eventually(lambda: logged(stage.bot.database, general) == said_by_people(general), within=20)
    await stage.bot.kill()
    decided += decide(general, ben, (3, 4)) + decide(help_, ada, (5, 6))
    stage.bot.environment["FLUSH_INTERVAL_SECONDS"] = "0.2"
    await die(stage.bot, step)
    await stage.bot.start()
    await everything_settled(stage, general, help_)
    assert memories(stage.bot) == Counter(decided)
    await in_index(stage, ben, help_, decided[:2])


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_every_step(stage: Stage, step: str) -> None:
    await crash_at(stage, step)


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_killed_at_random_moments_while_thousands_of_messages_come_in(stage: Stage) -> None:
    general, help_, ada, ben = await settle(stage, MEM0_ENABLED="false")
    total, kills = int(os.environ.get("CRASH_MESSAGES", FLOOD)), int(os.environ.get("CRASH_KILLS", KILLS))
    await stage.bot.start()
    await stage.bot.noticed(general, help_)
    talk = asyncio.create_task(flood(total, (general, help_), (ada, ben), seconds=kills * 3.0))
    for _ in range(kills):
        await asyncio.sleep(random.uniform(0.1, 3.0))
        await stage.bot.kill()
        await stage.bot.start(ready=False)
        if random.random() < 0.5:
            await stage.bot.ready()
    await talk
    await eventually(
        lambda: logged(stage.bot.database, general, help_) == said_by_people(general, help_),
        within=300,
        what="every message in the log, once",
    )
    assert sum(said_by_people(general, help_).values()) == total


async def flood(count: int, channels: Sequence[Channel], members: Sequence[Member], *, seconds: float) -> None:
    """Say so many messages in about so many seconds, evenly."""
    lines = chat()
    for number in range(count):
        channels[number % len(channels)].say(members[number % len(members)], f"{lines[number % len(lines)]} {number}")
        if number % 50 == 0:
            await asyncio.sleep(50 * seconds / count)


def chat() -> list[str]:
    """What people really say to each other: CRASH_CHAT (JSON Lines with `content`), or the sample chat."""
    path = os.environ.get("CRASH_CHAT")
    text = Path(path).read_text() if path else files("bot.cli.sample").joinpath("chat.jsonl").read_text()
    return [json.loads(line)["content"] for line in text.splitlines() if line.strip()]
