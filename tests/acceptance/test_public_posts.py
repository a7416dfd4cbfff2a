"""What the bot posts for everybody is taken back, also when it was away and when Discord declines at first."""

from __future__ import annotations

import pytest

from tests.acceptance.community import plain
from tests.acceptance.stores import canary, logged, rows, said_by_people
from tests.fixtures.process import Stage
from tests.loopback.discord import eventually
from tests.loopback.discord_world import Channel, Message

MINUTE = 60.0


def posts_with(word: str, *channels: Channel) -> list[Message]:
    """What the bot says of a word for everybody to see."""
    return [
        said for place in channels for said in place.messages if said.author is place.world.me and word in plain(said)
    ]


@pytest.mark.slow
async def test_a_source_deleted_while_the_bot_was_away_takes_its_posts_with_it(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    ada, ben = guild.member("Ada", guild.role("Admins", "manage_guild")), guild.member("Ben")
    general, help_ = guild.text("general"), guild.text("help")
    stage.observe(general, help_)
    await stage.bot.start(SWEEP_REQUESTS_PER_MINUTE="0")
    await stage.bot.noticed(general, help_)
    word = canary()
    said = general.say(ada, f"The {word} stands behind the mill.")
    await eventually(lambda: logged(stage.bot.database, general) == said_by_people(general), within=30)

    await stage.discord.command(ben, help_, "recall", query=f"where is the {word}", share=True).answer(within=20)
    asked = general.say(ben, f"<@{guild.world.me.id}> where does the {word} stand?")
    await eventually(lambda: len(posts_with(word, general, help_)) == 2, within=30, what="a shared hit and an answer")
    (answer,) = posts_with(word, general)
    assert answer.reply_to is asked
    assert "I don't know" in plain(answer)  # the model found nothing to say, so the hits are shown
    assert rows(stage.bot.database, "SELECT count(*) FROM posts") == [(2,)]
    assert answer.id not in logged(stage.bot.database, general)
    await stage.bot.kill()

    said.delete()
    stage.discord.faults.status("DELETE /channels/*/messages/*", 503)
    await stage.bot.start()
    await eventually(lambda: not posts_with(word, general, help_), within=MINUTE, what="both posts to be gone")
    await eventually(lambda: rows(stage.bot.database, "SELECT count(*) FROM posts") == [(0,)], within=20)
    assert rows(stage.bot.database, "SELECT count(*) FROM post_people") == [(0,)]
