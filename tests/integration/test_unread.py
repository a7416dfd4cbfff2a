"""What can't be read: whose fault it is, what waits for that, and when it is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import select

from bot.domain.errors import AnswerCut, AnswerDeclined, AnswerInvalid, ServiceUnavailable
from bot.domain.model import Message, MessageState
from bot.llm.base import Completion, CompletionRequest
from bot.memories import Asker
from bot.operate.waiting import delay_report
from bot.remember.fitness import RETRY_MS, Call, Fitness
from bot.remember.reader import MOST_A_LINE
from bot.remember.settler import Settler
from bot.remember.statement import Judged
from bot.storage.schema import batches, memories, messages, set_aside
from bot.storage.set_aside_store import RETRY_MS as DAY_MS
from tests.fixtures.memory import Pipeline
from tests.fixtures.remember import TwoCallModel, asked, proposals
from tests.fixtures.storage import AUTHOR, CHANNEL, GUILD

pytestmark = pytest.mark.both_databases

PLACES = (CHANNEL, 2_002, 2_003)
POISON = "zqxj"
UNUSABLE = [AnswerInvalid("not JSON"), AnswerCut("too long"), AnswerDeclined("HTTP 500; it answers another prompt")]

Fault = Callable[[Sequence[Message]], Exception | None]


def over_poison(error: Exception) -> Fault:
    """Fails over what holds the poisoned message, and over nothing else."""
    return lambda said: error if any(POISON in message.content for message in said) else None


async def talk(pipeline: Pipeline) -> None:
    """A message in each channel, waiting for long enough."""
    for place in PLACES:
        await pipeline.say(f"note: the rule of room {place}", channel=place)
    pipeline.clock.advance(3601)


def asked_about(pipeline: Pipeline) -> list[int]:
    """The channels of each first call."""
    return [call[0].channel_id for call in pipeline.reader.calls]


async def lines(pipeline: Pipeline) -> list[str]:
    """What an admin of the server is told, and an operator as well."""
    report = delay_report(pipeline.db, pipeline.clock, pipeline.indexer.changes)
    of_the_server = (await report.look(GUILD)).lines
    assert of_the_server == (await report.look()).lines
    return of_the_server


@pytest.mark.parametrize("error", UNUSABLE)
@pytest.mark.parametrize("call", list(Call))
@pytest.mark.matrix
async def test_while_a_model_answers_nothing_usably_messages_are_kept_and_channels_tried_in_turn(
    pipeline: Pipeline, error: Exception, call: Call
) -> None:
    pipeline.one_at_a_time()
    await talk(pipeline)
    reader = pipeline.reader
    if call is Call.PROPOSE:
        reader.fault = lambda _: error
    else:
        reader.check_fault = lambda _: error
    reader.own_fault = AnswerInvalid("not JSON")
    tries = reader.calls if call is Call.PROPOSE else reader.checks
    await pipeline.flusher.flush_due()
    assert len(tries) <= 2, "two channels are worked on side by side"
    assert reader.proofs == [call]
    pipeline.clock.advance(RETRY_MS / 1000)
    tries.clear()
    for turn in range(1, 5):
        for _ in range(3):
            report = await pipeline.flusher.flush_due()
            assert "scripted gives no usable answer" in (report.waiting or "")
        assert (len(tries), len(reader.proofs)) == (turn, turn + 1), "one stretch each time"
        assert "scripted gives no usable answer" in ((await pipeline.flush(PLACES[1])).waiting or "")
        pipeline.clock.advance(RETRY_MS / 1000)
    if call is Call.PROPOSE:
        assert set(asked_about(pipeline)[:3]) == set(PLACES)
    assert set((await pipeline.states()).values()) == {MessageState.PENDING}
    (line,) = await lines(pipeline)
    assert line.startswith("3 messages wait to be read because ollama: scripted gives no usable answer")

    reader.fault = reader.check_fault = lambda _: None
    report = await pipeline.flusher.flush_due()
    assert (report.memories, report.dead, report.waiting) == (3, 0, None)
    assert await lines(pipeline) == []


@pytest.mark.parametrize("error", UNUSABLE)
@pytest.mark.matrix
async def test_what_alone_is_answered_unusably_dies_named_and_other_channels_go_on(
    pipeline: Pipeline, error: Exception
) -> None:
    await talk(pipeline)
    poison = await pipeline.say(f"note: {POISON}")
    pipeline.reader.fault = over_poison(error)
    report = await pipeline.flusher.flush_due()
    assert (report.memories, report.dead, report.waiting) == (3, 1, None)
    assert (await pipeline.states())[poison.id] is MessageState.DEAD
    (line,) = await lines(pipeline)
    assert line.startswith("1 message could not be read by the model: ")
    assert POISON not in line


async def test_a_usable_answer_of_a_moment_ago_proves_nothing(pipeline: Pipeline) -> None:
    await pipeline.say("note: one")
    await pipeline.flush()
    await pipeline.say(f"note: {POISON}")
    pipeline.reader.fault = over_poison(AnswerInvalid("not JSON"))
    pipeline.reader.own_fault = AnswerInvalid("not JSON")
    assert (await pipeline.flush()).dead == 0
    assert pipeline.reader.proofs == [Call.PROPOSE]


async def test_one_proof_speaks_for_all_that_failed_before_it(pipeline: Pipeline) -> None:
    fitness = Fitness(pipeline.clock, {Call.PROPOSE: ("ollama", "scripted")})
    asked: list[Call] = []

    async def prove() -> None:
        asked.append(Call.PROPOSE)
        await asyncio.sleep(0)

    await asyncio.gather(*(fitness.judge(Call.PROPOSE, prove) for _ in range(3)))
    assert len(asked) == 1
    await fitness.judge(Call.PROPOSE, prove)
    assert len(asked) == 2


async def test_while_it_can_not_be_told_whose_fault_it_is_nothing_is_counted(pipeline: Pipeline) -> None:
    await pipeline.say(f"note: {POISON}")
    pipeline.reader.fault = over_poison(AnswerInvalid("not JSON"))
    pipeline.reader.own_fault = ServiceUnavailable("ollama", "HTTP 503")
    for _ in range(9):
        assert (await pipeline.flush()).waiting == "ollama: HTTP 503"
        pipeline.clock.advance(3600)
    assert (await pipeline.queue.batches(CHANNEL))[0].failures == 0
    await pipeline.flush()
    assert await lines(pipeline) == ["1 message waits to be read because ollama: HTTP 503"]


class BreakingModel(TwoCallModel):
    """A model that breaks over every prompt with the poison in it."""

    async def complete(self, request: CompletionRequest) -> Completion:
        if POISON in request.prompt:
            raise AnswerDeclined("HTTP 500; it answers another prompt")
        return await super().complete(request)


async def test_what_breaks_the_model_breaks_nothing_that_is_said_around_it(pipeline: Pipeline) -> None:
    pipeline.ask(BreakingModel())
    said = await pipeline.say_many(["before", f"the {POISON}", "soon after", "later"])
    await pipeline.flush()
    said.append(await pipeline.say("the next day"))
    await pipeline.flush()
    states = await pipeline.states()
    dead = [message.content for message in said if states[message.id] is MessageState.DEAD]
    assert dead == [f"the {POISON}"]
    assert list(states.values()).count(MessageState.EXTRACTED) == 4


async def test_however_many_statements_a_model_proposes_only_some_are_checked(pipeline: Pipeline) -> None:
    model = TwoCallModel()
    model.proposes(proposals(*((f"Room {number} is green.", "decision", [1]) for number in range(1000))))
    pipeline.ask(model)
    await pipeline.say("The rooms are green.")
    await pipeline.flush()
    (check,) = [request for request in model.requests if request.purpose == "check"]
    assert asked(check) == MOST_A_LINE


@pytest.mark.parametrize("where", ["propose", "check", "apply"])
@pytest.mark.parametrize("ours_fails", [False, True])
@pytest.mark.matrix
async def test_a_fault_of_this_program_over_one_message_stops_no_other(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str, ours_fails: bool
) -> None:
    said = await pipeline.say_many(["note: one", f"note: {POISON}", "note: three"])
    broken = RuntimeError(f"what {POISON} said")
    if where == "propose":
        pipeline.reader.fault = over_poison(broken)
        pipeline.reader.own_fault = broken if ours_fails else None
    elif where == "check":
        pipeline.reader.check_fault = over_poison(broken)
        pipeline.reader.own_fault = broken if ours_fails else None
    else:
        apply = Settler._apply

        async def breaks(self: Settler, connection: object, batch: object, judged: Judged, done: object) -> None:
            await apply(self, connection, batch, judged, done)  # type: ignore[arg-type]
            if ours_fails or any(POISON in statement.text for statement, _ in judged.statements):
                raise broken

        monkeypatch.setattr(Settler, "_apply", breaks)
    report = await pipeline.flush()
    by_id = await pipeline.states()
    states = [by_id[message.id] for message in said]
    if ours_fails:
        assert states == [MessageState.PENDING] * 3
        assert "RuntimeError" in (report.waiting or "")
    else:
        assert states == [MessageState.EXTRACTED, MessageState.DEAD, MessageState.EXTRACTED]
        assert await pipeline.texts() == ["one", "three"]
        (letter,) = await pipeline.dead.letters()
        assert letter.error.startswith("RuntimeError")
    assert not any(POISON in line for line in (*await lines(pipeline), report.waiting or "", caplog.text))
    assert await pipeline.rows(memories) == len(await pipeline.texts()), "nothing is left of a line of our own"
    assert await pipeline.rows(messages) == 3


async def test_a_dead_letter_is_tried_again_after_a_day_three_times_and_then_after_a_change(
    pipeline: Pipeline,
) -> None:
    await pipeline.say(f"note: {POISON}")
    pipeline.reader.fault = over_poison(AnswerInvalid("not JSON"))
    await pipeline.flush()
    tries = len(pipeline.reader.calls)

    async def days(number: int) -> int:
        """How often it is tried in so many days."""
        before = len(pipeline.reader.calls)
        for _ in range(number):
            await pipeline.flusher.flush_due()
            pipeline.clock.advance(DAY_MS / 1000)
        await pipeline.flusher.flush_due()
        return (len(pipeline.reader.calls) - before) // tries

    assert (await lines(pipeline))[0].endswith("; tried again within a day")
    assert await days(6) == 3
    assert (await lines(pipeline))[0].endswith("; tried again after a change")
    pipeline.version = "2"
    pipeline.restart()
    assert await days(0) == 1

    pipeline.version = "3"
    pipeline.restart()
    pipeline.reader.fault = lambda _: None
    await pipeline.flusher.flush_due()
    assert await pipeline.texts() == [POISON]
    await pipeline.flusher.flush_due()
    assert await pipeline.rows(set_aside) == 0


@pytest.mark.parametrize("how", ["forgotten", "dropped", "erased"])
@pytest.mark.matrix
async def test_a_dead_letter_that_is_forgotten_meanwhile_is_not_tried_again(pipeline: Pipeline, how: str) -> None:
    said = await pipeline.say(f"note: {POISON}")
    memory = await pipeline.keep(POISON, said.id)
    pipeline.reader.fault = over_poison(AnswerInvalid("not JSON"))
    async with pipeline.db.write() as connection:  # read again, it dies
        await connection.execute(messages.update().values(state=MessageState.DEAD, reason="AnswerInvalid: not JSON"))
    await pipeline.flusher.flush_due()
    assert await pipeline.rows(set_aside) == 1
    match how:
        case "forgotten":
            await pipeline.own.forget(memory.id, Asker(AUTHOR, GUILD, frozenset({CHANNEL}), frozenset()))
        case "dropped":
            await pipeline.dead.drop([said.id])
        case _:
            await pipeline.erasure.erase_messages(GUILD, CHANNEL, [said.id])
    pipeline.version = "2"
    pipeline.restart()
    pipeline.reader.calls.clear()
    await pipeline.flusher.flush_due()
    assert pipeline.reader.calls == []
    assert await pipeline.rows(set_aside) == 0
    async with pipeline.db.read() as connection:
        assert await connection.scalar(select(batches.c.id)) is None
