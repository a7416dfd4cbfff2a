"""From a question to what is shown of it, without Discord."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.domain import MemoryKind, snowflake
from bot.observe.directory import Directory
from bot.observe.messagelog import MessageLog
from bot.recall import AnswerState, Presenter, RecallQuery, Responder
from tests.fixtures.answers import Oracle
from tests.fixtures.recall import ADA, BEN, Chat
from tests.fixtures.storage import CHANNEL, GUILD

ASKED = RecallQuery(guild_id=GUILD, text="when is the launch?", channel_ids=None)
SAID = "the launch moved to Thursday because of the venue"


class Discord:
    """Compares what is asked of it, and is away for some messages."""

    def __init__(self) -> None:
        self.away: set[int] = set()

    async def check(self, guild_id: int, places: Mapping[int, Collection[int]]) -> frozenset[int]:
        return frozenset(self.away & set().union(*places.values()))


@pytest.fixture
def discord() -> Discord:
    return Discord()


@pytest.fixture
def responder(chat: Chat, oracle: Oracle, log: MessageLog, directory: Directory, discord: Discord) -> Responder:
    oracle.says, oracle.about = "The launch moved to Thursday.", "Thursday"
    return Responder(chat.recall, oracle.answers, Presenter(log, chat.store, discord), directory)


async def here() -> frozenset[int]:
    """What may be read."""
    return HERE


HERE = frozenset({CHANNEL, CHANNEL + 1})


async def test_an_answer_comes_with_the_hits_that_it_stands_on_and_all_others(responder: Responder, chat: Chat) -> None:
    said = await chat.say(ADA, SAID)
    await chat.say(BEN, "the launch needs posters", channel=CHANNEL + 1)
    answered = await responder.respond(ASKED, here)
    assert answered.is_answered
    assert [hit.anchor for hit in answered.cited] == [said.id]
    assert answered.shown == answered.cited
    assert len(answered.hits) == 2


async def test_hits_alone_ask_no_model(responder: Responder, chat: Chat, oracle: Oracle) -> None:
    await chat.say(ADA, SAID)
    answered = await responder.respond(ASKED, here, answer=False)
    assert answered.answer is None
    assert answered.shown == answered.hits != ()
    assert oracle.prompts == []


@pytest.mark.parametrize("call", [1, 2])
async def test_what_is_hidden_during_either_call_is_in_no_answer(
    responder: Responder, chat: Chat, oracle: Oracle, call: int
) -> None:
    await chat.say(ADA, SAID)
    may_read = set(HERE)

    async def now() -> frozenset[int]:
        return frozenset(may_read)

    async def hide() -> None:
        if len(oracle.prompts) + len(oracle.checks) == call:
            may_read.clear()

    oracle.meanwhile = hide
    answered = await responder.respond(ASKED, now)
    assert oracle.prompts
    assert answered.answer is not None
    assert (answered.answer.state, answered.shown) == (AnswerState.UNKNOWN, ())


async def test_what_can_not_be_compared_is_left_out_and_told(
    responder: Responder, chat: Chat, discord: Discord, oracle: Oracle
) -> None:
    discord.away.add((await chat.say(ADA, SAID)).id)
    answered = await responder.respond(ASKED, here)
    assert answered.incomplete
    assert answered.hits == ()
    assert answered.answer is not None
    assert answered.answer.state is AnswerState.UNKNOWN
    assert oracle.prompts == []


async def test_the_question_before_is_looked_for_as_well(responder: Responder, chat: Chat, oracle: Oracle) -> None:
    await chat.say(ADA, SAID)
    oracle.about = "launch"
    follow_up = RecallQuery(guild_id=GUILD, text="and who said so?", channel_ids=None, earlier="when is the launch?")
    assert (await responder.respond(follow_up, here)).hits


async def test_what_the_model_looks_for_is_searched_once_by_words_alone_and_is_before_it_the_second_time(
    responder: Responder, chat: Chat, oracle: Oracle
) -> None:
    await chat.say(ADA, "the launch is on the day when the marquee comes")
    comes = await chat.say(BEN, "tent: delivered Thursday", channel=CHANNEL + 1)
    oracle.says, oracle.about, oracle.searches = "The launch is on Thursday.", "delivered", "tent delivered"
    asked = replace(ASKED, text="which day has the launch?")
    answered = await responder.respond(asked, here)
    assert answered.is_answered
    assert [hit.anchor for hit in answered.cited] == [comes.id]
    first, second = oracle.prompts
    assert "delivered" not in first
    assert "delivered" in second
    assert chat.index.asked == [asked.text]


async def test_where_vectors_are_made_at_home_the_second_search_asks_the_index_too(
    chat: Chat, oracle: Oracle, log: MessageLog, directory: Directory, discord: Discord
) -> None:
    presenter = Presenter(log, chat.store, discord)
    at_home = Responder(chat.recall, oracle.answers, presenter, directory, embeds_at_home=True)
    await chat.say(ADA, SAID)
    oracle.searches = "venue"
    await at_home.respond(ASKED, here)
    assert chat.index.asked == [ASKED.text, "venue"]


async def test_what_is_hidden_between_two_searches_is_not_before_the_model_again(
    responder: Responder, chat: Chat, oracle: Oracle
) -> None:
    await chat.say(ADA, SAID)
    await chat.say(BEN, "the venue is secret", channel=CHANNEL + 1)
    may_read = set(HERE)

    async def now() -> frozenset[int]:
        return frozenset(may_read)

    async def hide() -> None:
        may_read.discard(CHANNEL)

    oracle.searches, oracle.meanwhile = "venue secret", hide
    answered = await responder.respond(ASKED, now)
    assert len(oracle.prompts) == 1
    assert answered.answer is not None
    assert answered.answer.state is AnswerState.UNKNOWN


async def test_what_held_before_is_shown_to_the_model_as_that_and_can_be_cited(
    responder: Responder, chat: Chat, oracle: Oracle
) -> None:
    older, newer = await chat.say(ADA, "we launch on Monday"), await chat.say(ADA, "no, on Tuesday")
    old = await chat.remember("The launch is on Monday.", older)
    await chat.remember("The launch is on Tuesday.", newer, supersedes=old)
    oracle.says, oracle.about = "Before, the launch was to be on Monday.", "held before"
    answered = await responder.respond(ASKED, here)
    assert answered.is_answered
    assert [hit.memory and hit.memory.text for hit in answered.cited] == ["The launch is on Monday."]
    assert all(hit.memory is None or hit.memory.id != old.id for hit in answered.hits)


async def test_nothing_known_names_what_was_talked_about(responder: Responder, chat: Chat, oracle: Oracle) -> None:
    said = await chat.say(ADA, "the launch needs posters and a venue")
    topic = await chat.remember("Planning the launch", said, kind=MemoryKind.TOPIC)
    oracle.says = None
    answered = await responder.respond(ASKED, here)
    assert [hit.memory and hit.memory.id for hit in answered.nearest] == [topic.id]


async def test_the_question_before_and_the_day_of_the_question_are_before_the_model(
    responder: Responder, chat: Chat, oracle: Oracle
) -> None:
    await chat.say(ADA, SAID)
    asked_at = snowflake.from_datetime(datetime(2025, 6, 1, 9, 30, tzinfo=UTC))
    await responder.respond(replace(ASKED, text="and why?", earlier="when is the launch?", asked_at=asked_at), here)
    (prompt,) = oracle.prompts
    assert prompt.startswith("Today is Sunday, 1 June 2025, 09:30 (UTC).")
    assert "Said before that: when is the launch?\nQuestion: and why?" in prompt


async def test_what_was_said_to_a_question_comes_with_it(responder: Responder, chat: Chat, oracle: Oracle) -> None:
    asked = await chat.say(BEN, "launch launch when is the launch of the launch?")
    await chat.talk([(ADA, f"chatter{n}") for n in range(9)])
    await chat.say(ADA, "the 14th", reply_to=asked)
    oracle.about = "the 14th"
    await responder.respond(ASKED, here)
    (prompt,) = oracle.prompts
    assert "the 14th" in prompt
    assert "chatter2" in prompt
    assert "chatter8" not in prompt


async def test_nothing_said_after_the_moment_that_is_asked_about_comes_along(
    responder: Responder, chat: Chat, oracle: Oracle
) -> None:
    asked = await chat.say(BEN, "when is the launch?")
    await chat.say(ADA, "the 14th", reply_to=asked)
    await responder.respond(replace(ASKED, until=asked.id), here)
    assert "the 14th" not in oracle.prompts[0]


async def test_what_shares_telling_words_with_the_best_is_before_the_model_too(
    responder: Responder, chat: Chat, oracle: Oracle
) -> None:
    await chat.say(ADA, "the budget of the open day is 400 euro")
    for number in range(30):
        await chat.say(BEN, f"chatter{number} about{number}")
    await chat.say(ADA, "the flyers came to 39 euro")
    await responder.respond(replace(ASKED, text="is there money left in the budget?"), here)
    assert "39 euro" in oracle.prompts[0]


async def test_what_shares_telling_words_is_searched_for_answers_alone(responder: Responder, chat: Chat) -> None:
    await chat.say(ADA, "the budget of the open day is 400 euro")
    for number in range(30):
        await chat.say(BEN, f"chatter{number} about{number}")
    await chat.say(ADA, "the flyers came to 39 euro")
    answered = await responder.respond(replace(ASKED, text="is there money left in the budget?"), here, answer=False)
    assert not any("39 euro" in hit.text for hit in answered.hits)


async def test_no_word_of_what_may_not_be_read_finds_anything(responder: Responder, chat: Chat, oracle: Oracle) -> None:
    await chat.say(ADA, "the budget of the open day is 400 euro", channel=CHANNEL + 5)
    await chat.say(ADA, "our budget is fine")
    for number in range(30):
        await chat.say(BEN, f"chatter{number} about{number}")
    await chat.say(ADA, "the flyers came to 39 euro")
    await chat.say(ADA, "badges came to 114 euro")
    await responder.respond(replace(ASKED, text="is there money left in the budget?"), here)
    assert "euro" not in oracle.prompts[0]
