"""/catchup: what it tells, from when on, and what it does not."""

from __future__ import annotations

import discord
import pytest
import simcord
from sqlalchemy import insert

from bot.domain.model import MemoryKind
from bot.remember.statement import Judgement, Relation, Statement
from bot.storage.schema import citations
from tests.fixtures.discord import World, answer_of, open_world, shown
from tests.fixtures.memory import Pipeline


async def catchup(
    world: World, by: simcord.MemberActor | None = None, at: simcord.ChannelHandle | None = None, **options: object
) -> str:
    result = await (by or world.bob).slash(at or world.general, "catchup", **options)
    assert result.ephemeral
    text = shown(result)
    assert len(text) <= 4000
    return text


async def decided(
    world: World,
    text: str,
    channel: simcord.ChannelHandle | None = None,
    *,
    kind: MemoryKind = MemoryKind.DECISION,
) -> discord.Message:
    """Something that was said, and what a model made of it."""
    place = channel or world.general
    message = await world.say(world.ann, text, place)
    await world.pipeline.keep(text, message.id, kind=kind, channel=place.id)
    return message


async def promised(world: World, by: simcord.MemberActor, text: str) -> None:
    """A plan of a member's own."""
    message = await world.say(by, text)
    await world.pipeline.keep(text, message.id, kind=MemoryKind.PLAN, channel=world.general.id)


async def asked(world: World, text: str = "Where is the projector?") -> discord.Message:
    """A question that nobody has answered."""
    return await decided(world, text, kind=MemoryKind.QUESTION)


async def test_it_tells_decisions_plans_and_open_questions_with_speaker_time_and_link(world: World) -> None:
    await world.observe()
    decision = await decided(world, "the launch is on Thursday")
    await decided(world, "we will paint the kitchen", kind=MemoryKind.PLAN)
    question = await asked(world)
    text = await catchup(world)
    decisions, rest = text.split("**Planned**")
    plans, questions = rest.split("**Still open**")
    assert "the launch is on Thursday – ann" in decisions
    assert f"channels/{world.guild.id}/{world.general.id}/{decision.id}" in decisions
    assert "we will paint the kitchen" in plans
    assert "Where is the projector?" in questions
    assert f"/{question.id})" in questions
    assert f"<t:{int(question.created_at.timestamp())}:R>" in questions


@pytest.mark.slow
async def test_it_begins_where_the_member_last_spoke_before_they_came_back(world: World) -> None:
    await world.observe()
    await decided(world, "old: the door is blue")
    await world.say(world.bob, "bye")
    await world.env.advance_time(3600)
    await decided(world, "new: the door is red")
    await world.say(world.bob, "hi, I am back")
    text = await catchup(world)
    assert "Since you last spoke here" in text
    assert "door is red" in text
    assert "door is blue" not in text
    assert "door is blue" in await catchup(world, since="2h")
    assert "### Since Wednesday 1 January 2020, " in await catchup(world, since="1er janvier 2020")
    await world.env.advance_time(120)
    assert "door is red" not in await catchup(world, since="1m")


async def test_without_a_last_word_it_is_the_last_day_and_says_so(world: World) -> None:
    await world.observe()
    await decided(world, "the door is red")
    text = await catchup(world)
    assert "so this is the last day" in text
    assert "door is red" in text


async def test_an_empty_one_helps(world: World) -> None:
    await world.observe()
    await world.say(world.ann, "good morning")
    text = await catchup(world)
    assert "Nothing was decided" in text
    assert "1 message came in that time" in text
    assert "/catchup since: 7d" in text


async def test_a_time_that_it_does_not_know_is_told(world: World) -> None:
    await world.observe()
    assert "I don't know that time" in await catchup(world, since="soonish")


async def test_in_an_unobserved_channel_it_says_so(world: World) -> None:
    assert "not observed" in await catchup(world)


async def test_without_a_model_it_says_so(pipeline: Pipeline) -> None:
    async with open_world(pipeline, flusher=None) as world:
        await world.observe()
        await world.say(world.ann, "does anybody know where the projector is?")
        text = await catchup(world)
    assert "No language model is in use here" in text


async def test_a_question_is_open_until_something_answers_it(world: World) -> None:
    await world.observe()
    await asked(world)
    assert "Where is the projector?" in await catchup(world)
    (question,) = await world.pipeline.memories()
    answer = await world.say(world.bob, "it is in the cellar")
    statement = Statement(MemoryKind.ANSWER, "The projector is in the cellar.", (answer.id,))
    replaces = Judgement(True, True, False, Relation.REPLACES, (question.id,))
    await world.pipeline.settle((statement, replaces), channel=world.general.id)
    assert "projector" not in await catchup(world, since="1d")
    await world.bob.delete(answer)
    await world.durable()
    assert "Where is the projector?" in await catchup(world, since="1d")


async def test_what_may_have_changed_says_so(world: World) -> None:
    await world.observe()
    await decided(world, "the door is red")
    (door,) = await world.pipeline.memories()
    doubt = await world.say(world.ann, "or blue?")
    refused = (
        Statement(MemoryKind.DECISION, "", (doubt.id,)),
        Judgement(False, True, False, Relation.REPLACES, (door.id,)),
    )
    await world.pipeline.settle(refused=[refused], channel=world.general.id)
    assert "the door is red (⚠️ may have changed since) – ann" in await catchup(world)


async def test_it_tells_what_waits_for_the_model(world: World) -> None:
    await world.observe()
    await world.say(world.ann, "does anybody know where the projector is?")
    text = await catchup(world)
    assert "1 newer message is not read yet; I read them next" in text
    assert await world.pipeline.due() == [world.general.id]


async def test_other_channels_and_what_also_cites_a_hidden_one_are_left_out(world: World) -> None:
    other = world.guild.create_text_channel("other")
    secret = world.secret_channel("secret", world.ann)
    await world.observe(world.general, other, secret)
    await decided(world, "elsewhere: the sky is green", other)
    hidden = await world.say(world.ann, "marzipan is the word", secret)
    await decided(world, "the door is red")
    (memory,) = [memory for memory in await world.pipeline.memories() if "door" in memory.text]
    row = {"memory_id": memory.id, "message_id": hidden.id, "channel_id": secret.id, "author_id": world.ann.id}
    async with world.pipeline.db.write() as connection:
        await connection.execute(insert(citations).values(row))
    text = await catchup(world)
    assert "sky is green" not in text
    assert "door is red" not in text
    assert "sky is green" in await catchup(world, at=other)


@pytest.mark.slow
async def test_what_concerns_the_member_comes_first(world: World) -> None:
    await world.observe()
    mine = await world.say(world.bob, "I could bring lamps")
    await world.env.advance_time(3600)
    await decided(world, "the launch is on Thursday")
    await world.ann.send(world.general, "please do!", reply_to=mine)
    await world.say(world.ann, f"thanks <@{world.bob.id}>")
    await decided(world, f"<@{world.bob.id}>, do you have the key?", kind=MemoryKind.QUESTION)
    await promised(world, world.bob, "bob brings lamps on 3 March 2031")
    lines = (await catchup(world, since="2h")).splitlines()
    assert lines[1] == "**For you**"
    assert lines[2].startswith("- Asked of you: bob, do you have the key?")
    assert lines[3].startswith("- **ann** replied: please do!")
    assert lines[4].startswith("- **ann** mentioned you: thanks")
    assert lines[5].startswith("- You promised: **Mon 3 Mar** · bob brings lamps on 3 March 2031")
    assert lines[6] == "**Decided**"
    assert len(lines) == 8, "nothing is told twice"


async def test_what_was_talked_about_tells_who_and_how_much(world: World) -> None:
    await world.observe()
    first = await world.say(world.ann, "shall we move the open day?")
    second = await world.say(world.boss, "yes, to June")
    await world.pipeline.keep(
        "Moving the open day", first.id, second.id, kind=MemoryKind.TOPIC, channel=world.general.id
    )
    text = await catchup(world)
    assert "**Talked about**\n- Moving the open day – ann, boss, 2 messages, <t:" in text
    assert f"/{first.id})" in text, "the link leads to where it began"


async def test_everywhere_goes_channel_by_channel_over_what_one_may_read(world: World) -> None:
    other, quiet = world.guild.create_text_channel("other"), world.guild.create_text_channel("quiet")
    secret = world.secret_channel("secret", world.ann)
    await world.observe(other, secret)
    await decided(world, "the sky is green", other)
    await decided(world, "marzipan is the word", secret)
    text = await catchup(world, at=quiet, everywhere=True)
    assert f"**In <#{other.id}>**\n- Decided: the sky is green – ann, <t:" in text
    assert "marzipan" not in text


@pytest.mark.slow
async def test_everywhere_begins_where_the_member_last_spoke_at_all(world: World) -> None:
    other = world.guild.create_text_channel("other")
    await world.observe(world.general, other)
    await decided(world, "the door is blue")
    await world.say(world.bob, "bye", other)
    await world.env.advance_time(3600)
    await decided(world, "the door is red")
    text = await catchup(world, everywhere=True)
    assert "Since you last spoke in this server" in text
    assert "door is red" in text
    assert "door is blue" not in text


@pytest.mark.slow
async def test_what_does_not_fit_is_on_the_next_page_as_it_is_then(world: World) -> None:
    await world.observe()
    made = [await decided(world, f"door {number} is red") for number in range(14)]
    result = await world.bob.slash(world.general, "catchup")
    assert "and 2 more on the pages after this" in shown(result)
    assert "door 1 is red" not in shown(result)
    await world.ann.delete(made[0])
    await world.durable()
    await world.bob.click(answer_of(result), label="Next")
    assert "door 1 is red" in shown(result)
    assert "door 0 is red" not in shown(result)


async def test_a_private_thread_is_told_of_from_inside_alone(world: World) -> None:
    await world.observe()
    channel = world.guild_now.get_channel(world.general.id)
    assert isinstance(channel, discord.TextChannel)
    thread = await channel.create_thread(name="side", type=discord.ChannelType.private_thread)
    await thread.add_user(discord.Object(world.bob.id))
    await thread.add_user(discord.Object(world.ann.id))
    await world.env.settle()
    (side,) = world.general.threads
    await world.services.guilds.observations.switch_on(
        guild_id=world.guild.id,
        channel_id=thread.id,
        parent_id=world.general.id,
        name="side",
        by=world.boss.id,
        from_id=1,
    )
    await decided(world, "the door is red", side)
    assert "door is red" not in await catchup(world, everywhere=True)
    assert "door is red" in await catchup(world, at=side, everywhere=True)
    assert "door is red" in await catchup(world, at=side)


async def test_what_was_deleted_is_not_told(world: World) -> None:
    await world.observe()
    await world.ann.delete(await decided(world, "the door is red"))
    await world.ann.delete(await asked(world))
    await world.durable()
    text = await catchup(world)
    assert "door" not in text
    assert "projector" not in text


@pytest.mark.slow
async def test_a_busy_week_is_one_screen(world: World) -> None:
    await world.observe()
    for number in range(6):
        await decided(world, f"number {number} " + "*long* words " * 60)
        await asked(world, f"Where is projector {number}, " + "of _all_ things " * 60 + "?")
        await decided(world, f"plan {number} " + "*long* words " * 60, kind=MemoryKind.PLAN)
    text = await catchup(world)
    assert text.count("and 2 more") == 3


async def test_it_neither_pings_nor_formats(world: World) -> None:
    await world.observe()
    await decided(world, "@everyone the **door** is red")
    text = await catchup(world)
    assert "@everyone" not in text
    assert r"\*\*door\*\*" in text


async def test_what_was_decided_in_a_thread_says_in_which(world: World) -> None:
    await world.observe()
    channel = world.guild_now.get_channel(world.general.id)
    assert isinstance(channel, discord.TextChannel)
    thread = await channel.create_thread(name="side", type=discord.ChannelType.public_thread)
    await world.env.settle()
    (side,) = world.general.threads
    await decided(world, "the door is red", side)
    await decided(world, "the roof is blue")
    lines = (await catchup(world)).splitlines()
    assert [f"in <#{thread.id}>" in line for line in lines if "door" in line or "roof" in line] == [False, True]
