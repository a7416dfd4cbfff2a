"""What happened, and what of it concerns somebody: what is listed, in which order, and what is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from bot.domain import snowflake
from bot.domain.model import Citation, Memory, MemoryKind, Message
from bot.observe.messagelog import Said
from bot.recall.catchup import CatchUp, Concerning, Happened, by_weight
from tests.fixtures.memory import Pipeline
from tests.fixtures.storage import AUTHOR, CHANNEL, GUILD, NOW_MS

pytestmark = pytest.mark.both_databases

NOW = snowflake.from_ms(NOW_MS)
DAY_AGO = snowflake.from_ms(NOW_MS - 86_400_000)
ME, BOB, CARA = 501, 502, 503
OTHER = CHANNEL + 1
TOPIC, DECISION, PLAN, QUESTION = MemoryKind.TOPIC, MemoryKind.DECISION, MemoryKind.PLAN, MemoryKind.QUESTION


class Log:
    """A chat, and what a model made of it."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.catchup = CatchUp(pipeline.db, pipeline.store, pipeline.fulltext)

    async def said(self, text: str, *by: int, channel: int = CHANNEL) -> list[Message]:
        """The same words of several people, one after the other."""
        return [await self.pipeline.say(text, author=author, channel=channel) for author in by or (AUTHOR,)]

    async def answered(self, text: str, to: Message, by: int) -> Message:
        """A reply."""
        (message,) = await self.said("placeholder", by, channel=to.channel_id)
        reply = replace(message, id=message.id + 1, content=text, reply_to=to.id)
        await self.pipeline.log.append([Said(reply, f"member {by}")])
        return reply

    async def made(self, kind: MemoryKind, text: str, messages: Iterable[Message]) -> Memory:
        """A memory that stands on messages, wherever they were said."""
        cited = tuple(Citation(message.id, message.channel_id, message.author_id) for message in messages)
        memory = Memory(id=f"{kind}-{text}"[:36], guild_id=GUILD, kind=kind, text=text, citations=cited)
        async with self.pipeline.db.write() as connection:
            await self.pipeline.store.add(connection, memory)
        return memory

    async def since(self, first: int = DAY_AGO, *, readable: Iterable[int] = (CHANNEL,)) -> Happened:
        return await self.catchup.since([CHANNEL, OTHER], first, NOW, readable=frozenset(readable))

    async def concerning(self, first: int = DAY_AGO, *, readable: Iterable[int] = (CHANNEL,)) -> Concerning:
        return await self.catchup.concerning(
            ME, GUILD, [CHANNEL, OTHER], first, NOW, readable=frozenset(readable), zone=UTC
        )


@pytest.fixture
def log(pipeline: Pipeline) -> Log:
    return Log(pipeline)


def texts(items: Iterable[Memory]) -> list[str]:
    return [memory.text for memory in items]


def contents(items: Iterable[Message]) -> list[str]:
    return [message.content for message in items]


async def test_what_many_people_talked_about_comes_before_what_one_said_later(log: Log) -> None:
    party = await log.said("about the party", AUTHOR, BOB, CARA, AUTHOR)
    parrot = await log.said("about my parrot", BOB)
    await log.made(TOPIC, "The party", party)
    await log.made(TOPIC, "A parrot", parrot)
    assert texts((await log.since()).topics) == ["The party", "A parrot"]


async def test_a_decision_counts_with_the_conversation_that_it_is_part_of(log: Log) -> None:
    party = await log.said("about the party", AUTHOR, BOB, CARA)
    parrot = await log.said("the parrot is called Ada", BOB)
    await log.made(TOPIC, "The party", party)
    await log.made(DECISION, "The party is on Friday.", party[:1])
    await log.made(DECISION, "The parrot is called Ada.", parrot)
    assert texts((await log.since()).decisions) == ["The party is on Friday.", "The parrot is called Ada."]


async def test_a_conversation_that_one_may_not_read_raises_nothing(log: Log) -> None:
    hidden = await log.said("about the party", AUTHOR, BOB, CARA, channel=OTHER)
    party = await log.said("on Friday then", AUTHOR)
    parrot = await log.said("the parrot is called Ada", BOB)
    await log.made(TOPIC, "The party", [*hidden, *party])
    await log.made(DECISION, "The party is on Friday.", party)
    await log.made(DECISION, "The parrot is called Ada.", parrot)
    assert texts((await log.since()).decisions)[0] == "The parrot is called Ada."
    assert texts((await log.since(readable=[CHANNEL, OTHER])).decisions)[0] == "The party is on Friday."


async def test_of_equals_the_newest_comes_first(log: Log) -> None:
    one, two = await log.said("we paint", AUTHOR, BOB)
    await log.made(PLAN, "One paints.", [one])
    await log.made(PLAN, "Two paints.", [two])
    assert texts((await log.since()).plans) == ["Two paints.", "One paints."]


async def test_what_cites_a_channel_that_one_may_not_read_is_left_out(log: Log) -> None:
    (here,) = await log.said("the party")
    (there,) = await log.said("the party", channel=OTHER)
    await log.made(DECISION, "Both", [here, there])
    await log.made(DECISION, "There", [there])
    await log.made(DECISION, "Here", [here])
    assert texts((await log.since()).decisions) == ["Here"]


async def test_it_counts_what_waits_for_the_model_and_where(log: Log) -> None:
    (read,) = await log.said("read")
    await log.pipeline.keep("Read.", read.id)
    await log.said("not read yet", AUTHOR, BOB)
    await log.said("hidden", channel=OTHER)
    happened = await log.since()
    assert (happened.waiting, happened.waiting_in) == (2, frozenset({CHANNEL}))


async def test_replies_and_mentions_by_others_are_for_whom_they_answer_or_name(log: Log) -> None:
    (mine,) = await log.said("where is the key?", ME)
    await log.answered("under the mat", mine, BOB)
    await log.answered("never mind", mine, ME)
    await log.said(f"ask <@{ME}>", CARA)
    await log.said(f"I am <@{ME}>", ME)
    await log.said("ask <@999>", CARA)
    concerning = await log.concerning()
    assert contents(concerning.replies) == ["under the mat"]
    assert contents(concerning.mentions) == [f"ask <@{ME}>"]


async def test_a_reply_that_mentions_one_is_told_once(log: Log) -> None:
    (mine,) = await log.said("where is the key?", ME)
    await log.answered(f"<@{ME}> under the mat", mine, BOB)
    concerning = await log.concerning()
    assert len(concerning.replies) == 1
    assert not concerning.mentions


async def test_what_is_said_to_one_elsewhere_is_not_told_here(log: Log) -> None:
    (mine,) = await log.said("where is the key?", ME, channel=OTHER)
    await log.answered("under the mat", mine, BOB)
    await log.said(f"ask <@{ME}>", CARA, channel=OTHER)
    concerning = await log.concerning()
    assert not concerning.replies
    assert not concerning.mentions
    assert (await log.concerning(readable=[CHANNEL, OTHER])).mentions


async def test_asked_of_one_is_what_names_one_or_stands_on_a_message_to_one(log: Log) -> None:
    (mine,) = await log.said("I have the van", ME)
    reply = await log.answered("can you drive?", mine, BOB)
    mention, *_ = await log.said(f"<@{ME}> do you bring the tables?", CARA)
    (plain,) = await log.said("and the lamps", CARA)
    (other,) = await log.said("who has time?", CARA)
    await log.made(QUESTION, "Who drives?", [reply])
    await log.made(QUESTION, "Are there tables?", [mention])
    await log.made(PLAN, f"<@{ME}> brings the lamps.", [plain])
    await log.made(QUESTION, "Who has time?", [other])
    assert sorted(texts((await log.concerning()).asked)) == [
        f"<@{ME}> brings the lamps.",
        "Are there tables?",
        "Who drives?",
    ]


async def test_promised_is_what_one_planned_oneself_however_lately_one_spoke(log: Log) -> None:
    (mine,) = await log.said("I bring the lamps", ME)
    (other,) = await log.said("I bring the tables", BOB)
    await log.made(PLAN, f"<@{ME}> brings the lamps.", [mine])
    await log.made(PLAN, f"<@{BOB}> brings the tables.", [other])
    concerning = await log.concerning(first=mine.id + 1)
    assert texts(concerning.promised) == [f"<@{ME}> brings the lamps."]
    assert not concerning.asked


async def test_what_one_asked_and_another_promised_is_the_others_promise(log: Log) -> None:
    asked, promised = await log.said("who locks up? - I do", ME, BOB)
    await log.made(PLAN, f"<@{BOB}> locks up.", [asked, promised])
    await log.made(PLAN, "Everybody meets at nine.", [asked])
    assert texts((await log.concerning()).promised) == ["Everybody meets at nine."]


async def test_a_promise_whose_day_is_over_is_none_any_more(log: Log) -> None:
    today = snowflake.to_datetime(NOW).date()
    mine = await log.said("I do it", ME, ME, ME)
    for message, days in zip(mine, (-1, 0, 1), strict=True):
        await log.made(PLAN, f"The lamps come on {today + timedelta(days)}.", [message])
    assert texts((await log.concerning()).promised) == [
        f"The lamps come on {today + timedelta(1)}.",
        f"The lamps come on {today}.",
    ]


def test_ten_people_weigh_more_than_ten_messages_of_one() -> None:
    def topic(name: str, authors: Iterable[int]) -> Memory:
        cited = tuple(Citation(number, CHANNEL, author) for number, author in enumerate(authors, start=1))
        return Memory(id=name, guild_id=GUILD, kind=TOPIC, text=name, citations=cited)

    alone, together = topic("alone", [1] * 10), topic("together", range(10))
    assert by_weight([alone, together]) == [together, alone]
    few = topic("few", [1, 2])
    assert by_weight([few, alone]) == [alone, few]
