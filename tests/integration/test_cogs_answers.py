"""Answers in Discord: for the asker alone, for everybody, and to who mentions the bot."""

from __future__ import annotations

from collections.abc import AsyncIterator

import discord
import pytest
import simcord
from aiohttp import web

from bot.memories import Asker
from bot.recall.answers import Answers
from bot.storage.schema import post_people, posts, tombstones
from cogs.mentions import BY_A_MEMBER
from tests.fixtures.answers import Oracle, Relay, agreeing, open_oracle, open_relay
from tests.fixtures.discord import World, answer_of, open_world, shown
from tests.fixtures.memory import Pipeline
from tests.fixtures.public import posted, take_down

SENTENCE = "the launch moved to Thursday because of the venue"
ANSWER = "The launch moved to Thursday."
ASKED = "when is the launch?"


@pytest.fixture
async def oracle(pipeline: Pipeline) -> AsyncIterator[Oracle]:
    """A model over the same database."""
    async with open_oracle(pipeline.db, pipeline.clock, calls_a_second=100) as oracle:
        yield oracle


@pytest.fixture
async def room(pipeline: Pipeline, oracle: Oracle) -> AsyncIterator[World]:
    """An observed channel, and a model that answers."""
    oracle.says, oracle.about = ANSWER, "Thursday"
    async with open_world(pipeline, answers=oracle.answers) as world:
        await world.observe()
        yield world


def link(message: discord.Message) -> str:
    assert message.guild is not None
    return f"https://discord.com/channels/{message.guild.id}/{message.channel.id}/{message.id}"


async def ask(world: World, *, at: simcord.ChannelHandle | None = None, **options: object) -> simcord.InteractionResult:
    return await world.bob.slash(at or world.general, "ask", question=ASKED, **options)


def replies(world: World, channel: simcord.ChannelHandle | None = None) -> list[discord.Message]:
    """What the bot replied to somebody."""
    return [m for m in (channel or world.general).history() if m.reference and m.author.id == world.guild_now.me.id]


async def mention(world: World, text: str = ASKED, at: simcord.ChannelHandle | None = None) -> discord.Message:
    """Ask the bot by its name."""
    return await world.say(world.bob, f"<@{world.guild_now.me.id}> {text}", at)


# --- /ask ------------------------------------------------------------------------------------------------------------


async def test_an_answer_cites_the_message_with_a_link_and_is_for_the_asker_alone(room: World) -> None:
    message = await room.say(room.ann, SENTENCE)
    result = await ask(room)
    text = shown(result)
    assert f"{ANSWER} — ann [[1]]({link(message)})" in text
    assert "1. **Ann:** the launch moved".lower() in text.lower()
    assert answer_of(result).ephemeral
    assert posted(room) == []
    assert await room.pipeline.rows(posts) == 0


async def test_without_support_it_does_not_know_and_shows_what_is_nearest(room: World, oracle: Oracle) -> None:
    oracle.says, oracle.agrees = "The launch moved to Paris.", False
    await room.say(room.ann, SENTENCE)
    text = shown(await ask(room))
    assert "I don't know" in text
    assert "Paris" not in text
    assert "the launch moved to Thursday" in text


async def test_with_the_model_down_the_hits_come_with_one_line(room: World, oracle: Oracle) -> None:
    await room.say(room.ann, SENTENCE)
    await oracle.server.stop()
    text = shown(await ask(room))
    assert "the language model does not answer now" in text
    assert "the **launch** moved to Thursday" in text


async def test_without_a_model_it_says_so(pipeline: Pipeline) -> None:
    async with open_world(pipeline, answers=Answers(None)) as world:
        await world.observe()
        await world.say(world.ann, SENTENCE)
        text = shown(await ask(world))
    assert "no language model is in use here" in text
    assert "the **launch** moved to Thursday" in text


async def test_with_nothing_found_it_is_the_ordinary_empty_answer(room: World, oracle: Oracle) -> None:
    text = shown(await ask(room))
    assert "try other words" in text
    assert "I don't know" not in text
    assert oracle.prompts == []


async def test_the_model_is_shown_nothing_that_the_asker_may_not_read(room: World, oracle: Oracle) -> None:
    secret = room.secret_channel("secret", room.ann)
    await room.observe(secret)
    await room.say(room.ann, f"{SENTENCE} marzipan", secret)
    await room.say(room.ann, "no launch news here")
    await ask(room)
    assert oracle.prompts
    assert not any("marzipan" in prompt for prompt in oracle.prompts)


async def test_what_is_deleted_while_the_model_thinks_is_not_shown(room: World, oracle: Oracle) -> None:
    message = await room.say(room.ann, SENTENCE)

    async def delete() -> None:
        await room.services.erasure.erase_messages(room.guild.id, room.general.id, [message.id])

    oracle.meanwhile = delete
    assert "Thursday" not in shown(await ask(room))


@pytest.fixture
async def relay(pipeline: Pipeline) -> AsyncIterator[Relay]:
    """A model that fails, and another one in its place."""
    async with open_relay(pipeline.db, pipeline.clock) as relay:
        relay.substitute.answer = agreeing(ANSWER)
        yield relay


@pytest.mark.parametrize("gone", ["nothing", "message", "memory", "author", "permission"])
@pytest.mark.matrix
async def test_what_went_while_a_model_failed_is_not_shown_to_the_one_in_its_place(
    pipeline: Pipeline, relay: Relay, gone: str
) -> None:
    async with open_world(pipeline, answers=relay.answers) as world:
        await world.observe()
        message = await world.say(world.ann, SENTENCE)
        memory = await world.remembered(world.ann, "the launch party is at the old mill")

        async def meanwhile(_: object) -> str:
            match gone:
                case "message":
                    await world.services.erasure.erase_messages(world.guild.id, world.general.id, [message.id])
                case "memory":
                    await pipeline.own.forget(memory.id, Asker(world.ann.id, world.guild.id, memory.channel_ids))
                case "author":  # what they said is not erased yet
                    await world.services.guilds.consents.opt_out(world.ann.id, None)
                case "permission":
                    channel = world.guild_now.get_channel(world.general.id)
                    assert isinstance(channel, discord.TextChannel)
                    await channel.set_permissions(world.guild_now.default_role, view_channel=False)
            raise web.HTTPBadGateway

        relay.own.answer = meanwhile
        text = shown(await ask(world))
    assert "Thursday" in str(relay.own.asked("/api/chat")[0].body)
    if gone == "nothing":
        assert "Thursday" in str(relay.substitute.asked("/chat/completions")[0].body)
        assert ANSWER in text
    else:
        assert relay.substitute.requests == []
        assert ANSWER not in text


async def test_an_answer_neither_pings_nor_formats(room: World, oracle: Oracle) -> None:
    await room.say(room.ann, "the launch moved to **Thursday** @everyone <@&1>")
    oracle.says = "The launch moved to **Thursday** @everyone."
    text = shown(await ask(room))
    assert "@everyone" not in text
    assert r"\*\*Thursday\*\*" in text


async def test_a_public_answer_shows_only_what_everybody_may_read_and_goes_with_its_source(
    room: World, oracle: Oracle
) -> None:
    secret = room.secret_channel("secret", room.ann, room.bob)
    await room.observe(secret)
    await room.say(room.ann, f"{SENTENCE} marzipan", secret)
    message = await room.say(room.ann, SENTENCE)
    assert "Posted" in shown(await ask(room, public=True))
    (text,) = posted(room)
    assert link(message) in text
    assert not any("marzipan" in prompt for prompt in oracle.prompts)
    await room.ann.delete(message)
    await room.durable()
    await take_down(room)
    assert posted(room) == []


# --- mentions --------------------------------------------------------------------------------------------------------


async def test_a_mention_with_a_question_is_answered_where_it_was_asked(room: World) -> None:
    message = await room.say(room.ann, SENTENCE)
    question = await mention(room)
    (reply,) = replies(room)
    assert reply.reference is not None
    assert reply.reference.message_id == question.id
    (text,) = posted(room)
    assert link(message) in text
    assert await room.contents() == [SENTENCE, question.content]  # the question is observed, the answer is not
    assert await room.pipeline.rows(posts) == 1


async def test_it_answers_from_what_everybody_there_may_read(room: World, oracle: Oracle) -> None:
    secret = room.secret_channel("secret", room.bob)
    await room.observe(secret)
    await room.said_before(room.bob, f"{SENTENCE} marzipan", secret)
    await mention(room)
    assert "I found nothing on that" in replies(room)[0].content
    assert oracle.prompts == []
    await mention(room, at=secret)
    assert "Thursday" in posted(room, secret)[0]


async def test_without_support_it_says_that_it_does_not_know(room: World, oracle: Oracle) -> None:
    oracle.says = None
    await room.say(room.ann, SENTENCE)
    await mention(room)
    (text,) = posted(room)
    assert "I don't know" in text


async def test_a_deleted_question_takes_its_answer_with_it(room: World) -> None:
    await room.say(room.ann, SENTENCE)
    await room.bob.delete(await mention(room))
    await room.durable()
    await take_down(room)
    assert posted(room) == []
    assert await room.pipeline.rows(post_people) == 0


async def test_in_an_unobserved_channel_it_only_says_so_and_nothing_is_kept(room: World, oracle: Oracle) -> None:
    await room.say(room.ann, SENTENCE)
    other = room.guild.create_text_channel("other")
    await mention(room, at=other)
    (reply,) = replies(room, other)
    assert "not listening" in reply.content
    assert (await room.contents(), await room.pipeline.rows(posts), await room.pipeline.rows(tombstones)) == (
        [SENTENCE],
        0,
        0,
    )
    assert oracle.prompts == []


async def test_a_mention_without_a_question_gets_a_hint(room: World) -> None:
    await mention(room, "")
    assert "/ask" in replies(room)[0].content


async def test_a_reply_to_something_else_and_a_bot_that_names_it_get_nothing(room: World) -> None:
    message = await room.say(room.ann, SENTENCE)
    await mention(room)
    before = len(replies(room))
    (notice,) = [m for m in room.general.history() if "This channel is observed" in m.content]
    for other in (message, notice):
        await room.bob.send(room.general, "thanks, when is the launch?", reply_to=other)
    robot = room.guild.add_member(room.env.create_user("robot", bot=True))
    await robot.send(room.general, f"<@{room.guild_now.me.id}> {ASKED}")
    await room.say(room.bob, f"@everyone {ASKED}")
    assert len(replies(room)) == before


async def test_a_member_who_asks_too_often_is_not_answered_for_a_while(room: World) -> None:
    await room.say(room.ann, SENTENCE)
    for _ in range(BY_A_MEMBER[0] + 2):
        await mention(room)
    assert len(replies(room)) == BY_A_MEMBER[0]
    await room.env.advance_time(90)
    await mention(room)
    assert len(replies(room)) == BY_A_MEMBER[0] + 1


async def test_a_member_who_opted_out_is_answered_and_nothing_of_them_is_kept(room: World) -> None:
    await room.say(room.ann, SENTENCE)
    await room.services.guilds.consents.opt_out(room.bob.id, None)
    await mention(room)
    assert len(posted(room)) == 1
    assert await room.contents() == [SENTENCE]
    assert await room.services.posts.give(room.bob.id, None) == {"public posts": []}


async def test_where_the_bot_may_not_write_it_is_silent(room: World) -> None:
    channel = room.guild_now.get_channel(room.general.id)
    assert isinstance(channel, discord.TextChannel)
    await room.say(room.ann, SENTENCE)
    await channel.set_permissions(room.guild_now.me, send_messages=False)
    await room.env.settle()
    await mention(room)
    assert replies(room) == []
