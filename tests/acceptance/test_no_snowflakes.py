"""Ids that can be none, against the real process: a member says, remembers and asks with them, and all goes on."""

from __future__ import annotations

import pytest

from tests.acceptance.community import decisions_as_memories, plain
from tests.acceptance.stores import logged, rows, said_by_people, states
from tests.fixtures.commandline import CommandLine
from tests.fixtures.hostile import NO_SNOWFLAKES, TEXTS
from tests.fixtures.process import Stage
from tests.loopback.discord import eventually
from tests.loopback.discord_world import Channel, Member

INDEXED = [(0,)]


async def asks(stage: Stage, member: Member, channel: Channel) -> None:
    """Use every command that shows what was remembered, with an id that can be none in its words."""
    number = NO_SNOWFLAKES[0]
    answers = [
        await stage.discord.command(member, channel, "recall", query=f"who gets the kite, <@{number}>").answer(
            within=20
        ),
        await stage.discord.command(member, channel, "catchup", since="7d").answer(within=20),
        await stage.discord.command(member, channel, "memories", words=f"kite <@{number}>").answer(within=20),
    ]
    assert all("kite" in plain(answer) for answer in answers)
    suggestions = await stage.discord.autocomplete(
        member, channel, "forget memory", "memory", memory="kite"
    ).suggestions()
    assert suggestions
    refused = await stage.discord.command(member, channel, "recall", query="kite", since="2090-01-01").answer(within=20)
    assert "2026-01-31" in refused.text


@pytest.mark.slow
async def test_a_member_says_remembers_and_asks_with_ids_that_can_be_none(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    general, ada, owner = guild.text("general"), guild.member("Ada"), guild.members[guild.owner_id]
    stage.ollama.answer = decisions_as_memories
    stage.observe(general)
    await stage.bot.start()
    await stage.bot.noticed(general)
    for text in TEXTS:
        general.say(ada, text)
    general.say(ada, f"We decided that the kite goes to <@{NO_SNOWFLAKES[0]}> on Sunday.")
    database = stage.bot.database
    await eventually(lambda: logged(database, general) == said_by_people(general), within=20, what="every message")
    for text in TEXTS[1:3]:
        remembered = await stage.discord.command(ada, general, "remember", text=text).answer(within=20)
        assert "Remembered" in plain(remembered)
    await stage.discord.command(owner, general, "memory flush").answer(within=30)
    await eventually(lambda: not states(database)["pending"], within=30, what="the end of the flush")
    await eventually(lambda: rows(database, "SELECT count(*) FROM outbox") == INDEXED, within=30, what="the index")
    assert rows(database, "SELECT count(*) FROM memories WHERE text LIKE '%kite%'") == [(3,)]
    await asks(stage, ada, general)
    assert (await stage.bot.terminate(within=45))[0] == 0

    await stage.bot.start()
    remembered = await stage.discord.command(ada, general, "remember", text=TEXTS[3]).answer(within=20)
    assert "Remembered" in plain(remembered)
    await eventually(lambda: rows(database, "SELECT count(*) FROM outbox") == INDEXED, within=30, what="the index")
    await asks(stage, ada, general)
    assert (await stage.bot.terminate(within=45))[0] == 0
    assert "Traceback" not in stage.bot.logs(1) + stage.bot.logs(2)

    command_line = CommandLine(stage.folder, stage.bot.environment)
    ran = await command_line("recall", TEXTS[1], "--json")
    assert ran.code == 0, ran.err
    assert "kite" in ran.out
