"""What is kept is read again: after everything fresh, once, wherever it is interrupted, and nothing comes back."""

from __future__ import annotations

from contextlib import suppress

import pytest
from sqlalchemy import select

from bot.domain import ServiceUnavailable, snowflake
from bot.domain.model import Memory, MemoryKind, Message, MessageState
from bot.memories import Asker
from bot.observe import set_state
from bot.remember import rereading
from bot.remember.asking import MODEL_AWAY
from bot.remember.check import Candidate
from bot.remember.report import FlushReport
from bot.remember.rereading import Rereader, RereadingProgress, Rereadings
from bot.remember.statement import Judgement, Relation, Statement
from bot.storage.schema import messages, rereadings
from tests.fixtures.memory import Interrupted, Pipeline
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS

pytestmark = pytest.mark.both_databases

ALICE = 3_101
OTHER = CHANNEL + 1
NOTES = [
    "note: the harbour festival takes place on 12 September",
    "note: postgres listens on port 6543 behind the proxy",
    "note: the choir rehearses in the old library",
    "note: invoices go to accounting before noon",
    "note: Mira keeps the key of the boat shed",
    "note: the printer on the third floor needs blue cartridges",
    "note: lunch is served in the yard on warm days",
]


@pytest.fixture(autouse=True)
def _small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rereading.Rereadings.next_portion, "__defaults__", (3,))


def plan(pipeline: Pipeline) -> Rereadings:
    return Rereadings(pipeline.db)


def rereader(pipeline: Pipeline) -> Rereader:
    return Rereader(plan(pipeline), pipeline.flusher)


async def read_before(pipeline: Pipeline, channel: int = CHANNEL) -> list[Memory]:
    """Seven notes that have become memories."""
    await pipeline.say_many(NOTES, author=ALICE, channel=channel)
    await pipeline.flush(channel)
    return await pipeline.memories()


async def test_all_that_is_kept_is_read_again_in_portions_and_nothing_is_doubled(pipeline: Pipeline) -> None:
    before = await read_before(pipeline)
    calls = len(pipeline.reader.calls)
    assert await plan(pipeline).ask() == len(NOTES)
    portions: list[FlushReport] = []
    report = await rereader(pipeline).finish(portions.append)
    assert [portion.messages for portion in portions] == [3, 3, 1]
    assert (report.messages, report.memories, report.waiting) == (7, 0, None)
    again = [message.content for call in pipeline.reader.calls[calls:] for message in call]
    assert again == NOTES
    assert await pipeline.memories() == before
    assert set((await pipeline.states()).values()) == {MessageState.EXTRACTED}
    assert await pipeline.rows(rereadings) == 0


def same_when_alone_with_it(candidate: Candidate) -> Judgement:
    """A model that sees that a statement says what a memory says only where it is shown nothing else."""
    alone = len(candidate.near) == 1
    related = (candidate.near[0].id,) if alone else ()
    return Judgement(True, True, False, Relation.SAME if alone else Relation.NEW, related)


def stating(text: str, *said: Message) -> Statement:
    return Statement(MemoryKind.DECISION, text, tuple(message.id for message in said))


async def test_a_part_of_what_is_remembered_told_in_other_words_is_asked_about_again_before_it_is_new(
    pipeline: Pipeline,
) -> None:
    await pipeline.say_many(["the boat leaves from pier 4", "yes, and at dawn, bring coats", "ok"], author=ALICE)
    pipeline.reader.answer = lambda said: [
        stating("The boat leaves from pier 4 at dawn", *said[:2]),
        stating("Coats are to be brought for the trip", said[1]),
    ]
    await pipeline.flush()
    boat, coats = before = await pipeline.memories()
    pipeline.reader.answer = lambda said: [
        stating("Departure is from the fourth pier", said[0]),
        stating("Everybody brings a coat", said[1]),
    ]
    pipeline.reader.judge = same_when_alone_with_it
    await plan(pipeline).ask()
    await rereader(pipeline).finish(lambda _: None)
    first, again = pipeline.reader.checks[-2:]
    assert [{memory.id for memory in candidate.near} for candidate in first] == [{boat.id}, {boat.id, coats.id}]
    assert [candidate.statement.text for candidate in again] == ["Everybody brings a coat"]
    assert [memory.id for memory in again[0].near] == [coats.id], "the other one has its counterpart"
    assert await pipeline.memories() == before


async def test_what_is_new_at_the_second_look_too_is_kept_beside_what_was_made_before(pipeline: Pipeline) -> None:
    await pipeline.say("the boat leaves at dawn, and coats are needed", author=ALICE)
    pipeline.reader.answer = lambda said: [stating("The boat leaves at dawn", *said)]
    await pipeline.flush()
    pipeline.reader.answer = lambda said: [stating("Coats are needed on the trip", *said)]
    await plan(pipeline).ask()
    await rereader(pipeline).finish(lambda _: None)
    assert len(pipeline.reader.checks) == 3
    assert [memory.text for memory in await pipeline.memories()] == [
        "The boat leaves at dawn",
        "Coats are needed on the trip",
    ]


async def test_it_tells_how_far_it_is(pipeline: Pipeline) -> None:
    await read_before(pipeline)
    rereads = plan(pipeline)
    assert await rereads.standing() == RereadingProgress(0, 0)
    await rereads.ask()
    assert await rereads.standing() == RereadingProgress(7, 7)
    assert await rereads.next_portion() == CHANNEL
    assert await rereads.standing(guild_id=GUILD) == RereadingProgress(7, 7)
    await pipeline.flush()
    assert await rereads.standing(channel_id=CHANNEL) == RereadingProgress(7, 4)
    assert await rereads.standing(channel_id=OTHER) == RereadingProgress(0, 0)
    assert await rereads.standing(guild_id=GUILD + 1) == RereadingProgress(0, 0)


async def test_only_what_is_asked_for_is_read(pipeline: Pipeline) -> None:
    await read_before(pipeline)
    await read_before(pipeline, OTHER)
    rereads = plan(pipeline)
    third = sorted(await pipeline.states())[2]
    assert await rereads.ask(channel_id=CHANNEL, since=third) == 5
    assert await rereads.ask(guild_id=GUILD + 1) == 0
    async with pipeline.db.read() as connection:
        (row,) = (await connection.execute(select(rereadings))).all()
    assert (row.channel_id, row.read_up_to, row.messages) == (CHANNEL, third - 1, 5)
    assert await rereads.ask(channel_id=CHANNEL) == 7, "asked for more, it reaches further back"
    assert await rereads.ask() == 14


@pytest.mark.slow
async def test_interrupted_at_any_step_it_goes_on_and_everything_is_there_once(pipeline: Pipeline) -> None:
    before = await read_before(pipeline)
    pipeline.restart()
    await plan(pipeline).ask()
    await rereader(pipeline).finish(lambda _: None)
    steps = list(pipeline.steps.seen)
    assert "settled" in steps
    for number in range(0, len(steps), 3):
        await plan(pipeline).ask()
        pipeline.restart()
        pipeline.steps.die_at = number
        with suppress(Interrupted):  # what comes of the last steps is noticed by nobody
            await rereader(pipeline).finish(lambda _: None)
        pipeline.restart()
        pipeline.clock.advance(31)  # the dead process has the lease until then
        assert (await rereader(pipeline).finish(lambda _: None)).waiting is None
        await pipeline.indexer.drain()
        assert await pipeline.memories() == before
        assert await plan(pipeline).standing() == RereadingProgress(0, 0), steps[number]


async def test_what_was_forgotten_is_not_read_again(pipeline: Pipeline) -> None:
    before = await read_before(pipeline)
    await pipeline.own.forget(before[2].id, Asker(ALICE, GUILD, frozenset({CHANNEL})))
    assert await plan(pipeline).ask() == 6
    await rereader(pipeline).finish(lambda _: None)
    assert await pipeline.memories() == [*before[:2], *before[3:]]
    assert list((await pipeline.states()).values()).count(MessageState.SKIPPED) == 1


async def test_what_the_model_was_away_for_is_read(pipeline: Pipeline) -> None:
    await pipeline.say_many(NOTES, author=ALICE)
    async with pipeline.db.write() as connection:
        await set_state(connection, messages.c.channel_id == CHANNEL, MessageState.SKIPPED, MODEL_AWAY)
    assert await plan(pipeline).ask() == 7
    assert (await rereader(pipeline).finish(lambda _: None)).memories == 7


async def test_fresh_messages_come_first_and_one_portion_is_in_hand_at_a_time(pipeline: Pipeline) -> None:
    await read_before(pipeline)
    await read_before(pipeline, OTHER)
    await plan(pipeline).ask()
    await pipeline.say("note: something fresh", channel=CHANNEL + 2)
    pipeline.clock.advance(3601)
    assert await rereader(pipeline)._next() is None
    await pipeline.flusher.flush_due()
    assert await plan(pipeline).next_portion() == CHANNEL
    assert await plan(pipeline).next_portion() is None, "it waits for the portion that is in hand"
    assert await pipeline.due() == [CHANNEL], "which anybody takes up who flushes"


async def test_nobody_is_warned_of_what_is_read_again(pipeline: Pipeline) -> None:
    await read_before(pipeline)
    await plan(pipeline).ask()
    await plan(pipeline).next_portion()
    pipeline.clock.advance(29 * 86_400)
    assert await pipeline.log.pending_overview() == []
    assert await pipeline.log.count_pending(logged_before_ms=pipeline.clock.ms) == 0


async def test_while_the_model_is_down_nothing_more_is_taken_up(pipeline: Pipeline) -> None:
    before = await read_before(pipeline)
    await plan(pipeline).ask()
    pipeline.reader.fault = lambda _: ServiceUnavailable("ollama", "down")
    report = await rereader(pipeline).finish(lambda _: None)
    assert report.waiting is not None
    assert list((await pipeline.states()).values()).count(MessageState.PENDING) == 3
    pipeline.reader.fault = lambda _: None
    pipeline.clock.advance(3600)
    assert (await rereader(pipeline).finish(lambda _: None)).waiting is None
    assert await pipeline.memories() == before


async def test_what_is_erased_is_not_asked_for_any_more(pipeline: Pipeline) -> None:
    await read_before(pipeline)
    await plan(pipeline).ask()
    await pipeline.erasure.erase_guild(GUILD, up_to=snowflake.from_ms(NOW_MS))
    assert await pipeline.rows(rereadings) == 0
    assert (await rereader(pipeline).finish(lambda _: None)).messages == 0
