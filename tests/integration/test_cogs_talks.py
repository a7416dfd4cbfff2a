"""Questions that follow on one another, and answers that take long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import discord
import pytest
import simcord
from sqlalchemy.exc import OperationalError

from bot.domain.errors import ServiceUnavailable
from bot.recall.talks import MOST_QUESTIONS, TALK_MS, AskedQuestion
from bot.storage.schema import post_sources, posts
from cogs import texts
from cogs.mentions import Mentions
from tests.fixtures.answers import Oracle, open_oracle
from tests.fixtures.discord import World, answer_of, open_world, shown
from tests.fixtures.memory import Pipeline
from tests.fixtures.public import posted, take_down
from tests.loopback.waiting import eventually

BICYCLES = "who repairs the bicycles?"
WHERE = "and where?"
SENTENCE = "Jun repairs the bicycles on Thursday at the mill"
ANSWER = "Jun repairs the bicycles on Thursday."
AFTER = f"{texts.AFTER}{BICYCLES}"


@pytest.fixture
async def oracle(pipeline: Pipeline) -> AsyncIterator[Oracle]:
    """A model that answers."""
    async with open_oracle(pipeline.db, pipeline.clock, calls_a_second=1000) as oracle:
        oracle.says, oracle.about = ANSWER, "Thursday"
        yield oracle


@pytest.fixture
async def room(pipeline: Pipeline, oracle: Oracle) -> AsyncIterator[World]:
    """An observed channel in which something was said, and nobody is patient."""
    async with open_world(pipeline, answers=oracle.answers, quick_seconds=0) as world:
        await world.observe()
        await world.say(world.ann, SENTENCE)
        yield world


async def ask(
    world: World,
    question: str,
    *,
    by: simcord.MemberActor | None = None,
    at: simcord.ChannelHandle | None = None,
    public: bool = False,
) -> str:
    """What the asker is shown."""
    return shown(await (by or world.bob).slash(at or world.general, "ask", question=question, public=public))


async def mention(world: World, question: str, by: simcord.MemberActor | None = None) -> discord.Message:
    return await world.say(by or world.bob, f"<@{world.guild_now.me.id}> {question}")


def last(world: World) -> discord.Message:
    """What the bot answered last in public."""
    mine = [message for message in world.general.history() if message.author.id == world.guild_now.me.id]
    return mine[-1]


# --- follow-ups ------------------------------------------------------------------------------------------------------


async def test_a_second_question_is_understood_with_the_one_before_it(room: World, oracle: Oracle) -> None:
    assert AFTER not in await ask(room, WHERE)
    assert ANSWER in await ask(room, BICYCLES)
    text = await ask(room, WHERE)
    assert AFTER in text
    assert ANSWER in text
    (asked,) = [prompt for prompt in oracle.prompts if f"Question: {WHERE}" in prompt]
    assert BICYCLES in asked.partition(f"Question: {WHERE}")[0]


async def test_only_for_ten_minutes_and_for_the_same_member_in_the_same_channel(room: World) -> None:
    other = room.guild.create_text_channel("other")
    await ask(room, BICYCLES)
    assert AFTER not in await ask(room, WHERE, at=other)
    assert AFTER not in await ask(room, WHERE, by=room.ann)
    room.pipeline.clock.advance(TALK_MS / 1000 + 1)
    assert AFTER not in await ask(room, WHERE)
    assert room.services.talks.before(room.guild.id, room.general.id, room.bob.id, public=False) == WHERE


async def test_what_was_asked_in_private_helps_no_mention(room: World, oracle: Oracle) -> None:
    await ask(room, BICYCLES)
    before = len(oracle.prompts)
    await mention(room, WHERE)
    assert texts.NOTHING_KNOWN in last(room).content
    assert len(oracle.prompts) == before  # nothing was found by the words of the private question
    assert posted(room) == []


async def test_what_was_asked_in_private_helps_nothing_that_is_asked_in_public(room: World) -> None:
    await ask(room, BICYCLES)
    text = await ask(room, WHERE, public=True)
    assert posted(room) == []
    assert texts.NOTHING_TO_SHARE in text
    assert AFTER in text  # for the asker alone it goes on from there


@pytest.mark.slow
async def test_what_was_asked_in_public_helps_both(room: World) -> None:
    assert "Posted" in await ask(room, BICYCLES, public=True)
    await ask(room, "what else?")  # in private
    assert "Posted" in await ask(room, WHERE, public=True)
    assert texts.NOT_ALONE in posted(room)[-1]
    await mention(room, BICYCLES)
    await mention(room, WHERE)
    assert texts.NOT_ALONE in posted(room)[-1]
    await mention(room, BICYCLES)
    assert AFTER in await ask(room, WHERE)


@pytest.mark.slow
async def test_a_private_follow_up_is_of_the_last_question_and_not_of_its_answer(room: World, oracle: Oracle) -> None:
    await ask(room, BICYCLES)
    await ask(room, "where is the mill?")
    text = await ask(room, "and when?")
    assert f"{texts.AFTER}where is the mill?" in text
    assert BICYCLES not in text
    assert ANSWER not in oracle.prompts[-1]


@pytest.mark.slow
async def test_everything_is_authorised_anew(room: World, oracle: Oracle) -> None:
    secret = room.secret_channel("secret", room.ann, room.bob)
    await room.observe(secret)
    await room.said_before(room.ann, "the bicycles stand in the marzipan cellar", secret)
    assert "Posted" in await ask(room, BICYCLES, public=True)
    before = len(oracle.prompts)
    assert "Posted" in await ask(room, WHERE, public=True)
    assert "marzipan" not in "\n".join([*posted(room), *oracle.prompts[before:]])
    oracle.says, oracle.about = None, "marzipan"
    await ask(room, BICYCLES)
    assert "marzipan" in await ask(room, WHERE)


async def test_a_reply_to_an_answer_needs_no_mention_whoever_replies(room: World) -> None:
    await mention(room, BICYCLES)
    await room.ann.send(room.general, WHERE, reply_to=last(room))
    await room.durable()
    assert len(posted(room)) == 2
    assert BICYCLES not in posted(room)[-1]  # it would stay when the question goes
    assert texts.NOT_ALONE in posted(room)[-1]
    room.pipeline.clock.advance(TALK_MS / 1000 + 1)
    room.env.backend.advance_clock(TALK_MS / 1000 + 1)
    await room.bob.send(room.general, BICYCLES, reply_to=last(room))  # it stands alone by now
    await room.durable()
    assert len(posted(room)) == 3
    assert texts.NOT_ALONE not in posted(room)[-1]


@pytest.mark.slow
async def test_a_reply_to_a_public_answer_of_the_command_and_to_i_don_t_know_count_too(room: World) -> None:
    await ask(room, BICYCLES, public=True)
    await room.ann.send(room.general, WHERE, reply_to=last(room))
    await room.durable()
    assert texts.NOT_ALONE in posted(room)[-1]
    await mention(room, "what about zeppelins?", by=room.ann)
    assert texts.NOTHING_KNOWN in last(room).content
    await room.bob.send(room.general, "in the mill?", reply_to=last(room))
    await room.durable()
    assert texts.NOT_ALONE in posted(room)[-1]


@pytest.mark.parametrize("gone", ["deleted", "edited", "opted out", "erased", "channel erased"])
@pytest.mark.matrix
async def test_a_question_that_is_gone_helps_no_other(room: World, gone: str) -> None:
    question = await mention(room, BICYCLES)
    answer, services = last(room), room.services
    match gone:
        case "deleted":
            await room.bob.delete(question)
        case "edited":
            room.env.backend.advance_clock(2)
            await room.bob.edit(question, "never mind")
        case "opted out":
            await services.guilds.consents.opt_out(room.bob.id, None)
        case "erased":
            receipt = await services.personal.delete(room.bob.id, room.guild.id)
            assert receipt.removed["questions of the last minutes"] == 1
            assert receipt.complete
        case _:
            await services.erasure.erase_channel(room.guild.id, room.general.id)
    await room.durable()
    assert services.talks.before(room.guild.id, room.general.id, room.bob.id, public=False) == ""
    assert services.talks.answered_by(answer.id) is None


async def test_a_question_stays_while_discord_only_adds_what_a_link_in_it_leads_to(room: World) -> None:
    question = await mention(room, BICYCLES)
    talks, mentions = room.services.talks, room.bot.get_cog("Mentions")
    assert isinstance(mentions, Mentions)
    for edited, remembered in ((None, True), ("2026-05-01T00:00:00+00:00", False)):
        event = SimpleNamespace(message_id=question.id, data={"embeds": [], "edited_timestamp": edited})
        await mentions.on_raw_message_edit(event)  # type: ignore[arg-type]
        before = talks.before(room.guild.id, room.general.id, room.bob.id, public=True)
        assert bool(before) is remembered


async def test_nothing_of_who_opted_out_is_remembered(room: World) -> None:
    await room.services.guilds.consents.opt_out(room.bob.id, None)
    await ask(room, BICYCLES)
    await room.services.guilds.consents.opt_in(room.bob.id, None)
    assert AFTER not in await ask(room, WHERE)


@pytest.mark.slow
async def test_a_member_is_given_what_they_asked_and_nobody_else(room: World) -> None:
    await ask(room, BICYCLES)
    for member, count in ((room.bob, 1), (room.ann, 0)):
        dossier = await room.services.personal.give(member.id, room.guild.id)
        assert len(dossier.sections["questions of the last minutes"]) == count


async def test_only_so_many_questions_are_remembered(pipeline: Pipeline) -> None:
    question = AskedQuestion(id=1, guild_id=1, channel_id=1, asker_id=1, text="?", public=True)
    for number in range(MOST_QUESTIONS + 5):
        pipeline.talks.note(replace(question, id=number, asker_id=number))
    assert pipeline.talks.before(1, 1, 4, public=True) == ""
    assert pipeline.talks.before(1, 1, 5, public=True) == "?"


# --- hits behind a button --------------------------------------------------------------------------------------------


async def test_what_was_found_is_behind_a_button_as_far_as_it_may_be_read_at_the_press(room: World) -> None:
    other = room.guild.create_text_channel("other")
    await room.observe(other)
    await room.say(room.ann, "the bicycles need marzipan", other)
    result = await room.bob.slash(room.general, "ask", question=BICYCLES)
    assert "marzipan" not in shown(result)
    opened = await room.bob.click(answer_of(result), label="What I found")
    assert "marzipan" in shown(opened)
    real: Any = room.guild_now.get_channel(other.id)
    await real.set_permissions(room.guild_now.default_role, view_channel=False)
    await room.env.settle()
    again = shown(await room.bob.click(answer_of(result), label="What I found"))
    assert "Jun repairs" in again.replace("**", "")
    assert "marzipan" not in again


# --- answers that take long ------------------------------------------------------------------------------------------


def sent(world: World, method: str, text: str) -> list[str]:
    """Requests of the bot with this text."""
    bodies = [str(request.json) for request in world.env.http_requests if request.method == method]
    return [body for body in bodies if text in body]


def slowly(oracle: Oracle, world: World, method: str, then: Callable[[], Awaitable[Any]] | None = None) -> None:
    """Let the model think until what was found is shown, and something else has happened."""

    async def think() -> None:
        await eventually(lambda: sent(world, method, texts.STILL_WRITING), within=10, what="what was found")
        if then is not None:
            await then()

    oracle.meanwhile = think


async def test_what_was_found_is_shown_until_the_answer_is_there(room: World, oracle: Oracle) -> None:
    slowly(oracle, room, "PATCH")
    text = await ask(room, BICYCLES)
    (soon,) = sent(room, "PATCH", texts.STILL_WRITING)
    assert "repairs the" in soon.replace("**", "")
    assert ANSWER in text
    assert texts.STILL_WRITING not in text


@pytest.mark.slow
@pytest.mark.parametrize("way", ["mention", "command"])
async def test_so_it_is_for_everybody_and_a_source_of_either_takes_the_post_with_it(
    room: World, oracle: Oracle, way: str
) -> None:
    slowly(oracle, room, "PATCH")
    other = await room.say(room.ann, "the bicycles are blue")
    if way == "mention":
        await mention(room, BICYCLES)
    else:
        assert "Posted" in await ask(room, BICYCLES, public=True)
    (text,) = posted(room)
    assert ANSWER in text
    assert texts.STILL_WRITING not in text
    assert await room.pipeline.rows(posts) == 1
    await room.ann.delete(other)
    await room.durable()
    await take_down(room)
    assert posted(room) == []


@pytest.mark.slow
async def test_without_an_answer_in_the_end_one_line_says_what_is_wrong(room: World, oracle: Oracle) -> None:
    async def fail() -> None:
        raise ServiceUnavailable("ollama", "away")

    slowly(oracle, room, "PATCH", fail)
    text = await ask(room, BICYCLES)
    assert "There is no answer, because the language model does not answer now" in text
    assert texts.STILL_WRITING not in text
    await mention(room, BICYCLES)
    (public,) = posted(room)
    assert "There is no answer" in public
    assert "Jun" in public


async def test_what_is_hidden_while_the_answer_is_written_is_not_in_it(room: World, oracle: Oracle) -> None:
    other = room.guild.create_text_channel("other")
    await room.observe(other)
    await room.say(room.ann, "the bicycles need marzipan on Thursday", other)
    oracle.says, oracle.about = "The bicycles need marzipan on Thursday.", "marzipan"

    async def hide() -> None:
        real: Any = room.guild_now.get_channel(other.id)
        await real.set_permissions(room.guild_now.get_role(room.moderators.id), view_channel=False)

    slowly(oracle, room, "PATCH", hide)
    await mention(room, BICYCLES)
    await take_down(room)
    assert not any("marzipan" in text for text in posted(room))
    assert await room.pipeline.rows(post_sources) == 0 or posted(room)


async def test_what_was_posted_meanwhile_goes_where_nothing_of_it_may_be_shown_any_more(
    room: World, oracle: Oracle
) -> None:
    other = room.guild.create_text_channel("other")
    await room.observe(other)
    await room.say(room.ann, "the marzipan is in the cellar", other)

    async def hide() -> None:
        real: Any = room.guild_now.get_channel(other.id)
        await real.set_permissions(room.guild_now.get_role(room.moderators.id), view_channel=False)

    slowly(oracle, room, "PATCH", hide)
    await mention(room, "where is the marzipan?")
    assert texts.STILL_WRITING in posted(room)[-1]
    assert len(await room.services.posts.due(5)) == 1
    await take_down(room)
    assert not any(texts.STILL_WRITING in text for text in posted(room))


async def test_what_was_posted_meanwhile_goes_where_the_answer_ends_by_an_error(
    room: World, oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        async def respond(*_: object, **__: object) -> None:
            raise OperationalError("SELECT", {}, OSError("away"))

        monkeypatch.setattr("bot.recall.presenter.Presenter.again", respond)

    slowly(oracle, room, "PATCH", fail)
    await mention(room, BICYCLES)
    room.env._errors.clear()  # the log has it
    assert texts.STILL_WRITING in posted(room)[-1]
    await take_down(room)
    assert not any(texts.STILL_WRITING in text for text in posted(room))


async def test_an_answer_that_can_not_be_shown_any_more_raises_nothing(room: World, oracle: Oracle) -> None:
    room.env.inject_error("PATCH", "/webhooks/*/*/messages/@original", status=404, code=10015, times=None)
    await ask(room, BICYCLES)
    slowly(oracle, room, "PATCH")
    await ask(room, WHERE)


async def test_a_channel_that_is_gone_when_the_model_is_done_raises_nothing(room: World, oracle: Oracle) -> None:
    async def gone() -> None:
        fault = {"path": "/channels/*/messages*", "status": 404, "code": 10003, "message": "gone", "times": None}
        room.env.backend.faults += [fault | {"method": method} for method in ("PATCH", "POST")]

    slowly(oracle, room, "PATCH", gone)
    await mention(room, BICYCLES)
    assert texts.STILL_WRITING in posted(room)[0]
