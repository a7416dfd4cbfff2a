"""A digest of the real process: late rather than twice, wherever it dies, and without what was deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from bot.domain.crash_points import DIGEST_STEPS
from cogs.digest_posts import COMING
from tests.acceptance.community import decisions_as_memories, plain
from tests.acceptance.stores import canary, execute, logged, rows
from tests.acceptance.test_public_posts import posts_with
from tests.fixtures.process import Stage
from tests.loopback.discord import eventually
from tests.loopback.discord_world import Message

DAYS_MS = 3 * 86_400_000
HEADING = "What happened since"
NORMAL = ("-m", "bot", "run")


def make_due(stage: Stage) -> None:
    """Nothing was told for three days, while the bot was away."""
    change = "UPDATE digests SET covered_ms = covered_ms - ?, looked_ms = looked_ms - ?, next_try_ms = 0"
    execute(stage.bot.database, change, DAYS_MS, DAYS_MS)
    stage.discord.nonces.clear()


@pytest.mark.slow
async def test_wherever_it_dies_a_digest_is_posted_late_and_once(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    ada, general = guild.member("Ada", guild.role("Admins", "manage_guild")), guild.text("general")
    stage.ollama.answer = decisions_as_memories
    word, gone = canary(), canary()
    yesterday = datetime.now(UTC) - timedelta(hours=26)
    said = [
        general.say(ada, f"We decided that the {each} will be painted green.", at=yesterday) for each in (word, gone)
    ]
    await stage.bot.start(SWEEP_REQUESTS_PER_MINUTE="0")
    await stage.discord.command(ada, general, "observe on", read_back=3).answer(within=30)
    await eventually(lambda: len(logged(stage.bot.database, general)) == 2, within=60, what="what was said before")
    await stage.discord.command(ada, general, "memory flush").answer(within=60)
    remembered = "SELECT count(*) FROM memories WHERE kind = 'decision'"
    await eventually(lambda: rows(stage.bot.database, remembered) == [(2,)], within=60, what="two memories")
    await stage.discord.command(ada, general, "digest on", every="day", at=0).answer(within=20)
    await stage.bot.kill()

    def told() -> list[Message]:
        return [post for post in posts_with(word, general) if HEADING in plain(post)]

    def shows(number: int) -> bool:
        return len(told()) == number

    for number, step in enumerate((*DIGEST_STEPS, DIGEST_STEPS[1]), start=1):
        make_due(stage)
        stage.bot.entry = ("-m", "tests.acceptance.stepping_bot", step, "1")
        await stage.bot.start(ready=False)
        await stage.bot.ended(within=60)
        assert len(told()) == number - (step != DIGEST_STEPS[-1]), step
        if number > len(DIGEST_STEPS):
            stage.discord.nonces.clear()  # it was away for longer than Discord remembers what it posted
        execute(stage.bot.database, "UPDATE digests SET next_try_ms = 0")  # as after some minutes
        stage.bot.entry = NORMAL
        await stage.bot.start()
        await eventually(partial(shows, number), within=60, what=f"the digest after {step}")
        rounds = len(stage.discord.requests)
        await stage.discord.command(ada, general, "digest status").answer(within=20)
        assert len(stage.discord.requests) > rounds
        assert not [message for message in general.messages if COMING in message.text], step
        assert len(told()) == number, step
        if number <= len(DIGEST_STEPS):
            await stage.bot.kill()

    said[1].delete()
    await eventually(lambda: not posts_with(gone, general), within=60, what="the lines to be gone")
    assert len(told()) == number
    said[0].delete()
    await eventually(lambda: not told(), within=60, what="the posts to be gone")
    await eventually(lambda: rows(stage.bot.database, "SELECT count(*) FROM posts") == [(0,)], within=30)
