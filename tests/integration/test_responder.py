"""From a question to what is shown of it, without Discord."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

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


async def test_what_is_hidden_while_the_model_thinks_is_in_no_answer(
    responder: Responder, chat: Chat, oracle: Oracle
) -> None:
    await chat.say(ADA, SAID)
    may_read = set(HERE)

    async def now() -> frozenset[int]:
        return frozenset(may_read)

    async def hide() -> None:
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
