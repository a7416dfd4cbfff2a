"""Flushing: nothing lost, nothing doubled, wherever it is interrupted."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from bot.domain.errors import AnswerCut, AnswerInvalid, RateLimited, ServiceUnavailable
from bot.domain.model import Citation, MemoryKind, MemoryState, Message, MessageState
from bot.guilds.consent import Consents
from bot.llm.base import Completion, CompletionRequest
from bot.llm.costs import Ledger
from bot.llm.fallback import FallbackModel
from bot.memories import Asker
from bot.remember import channel_flush
from bot.remember.channel_flush import CUT_MESSAGES
from bot.remember.leases import LeaseLost
from bot.remember.queue import Batch, Queue
from bot.remember.report import FlushReport
from bot.remember.settler import Settled
from bot.remember.statement import Judged, Judgement, Statement
from bot.storage.schema import batches, leases, messages, outbox
from tests.fixtures.memory import Interrupted, Pipeline, open_pipeline, replaces_the_nearest
from tests.fixtures.prices import list_prices
from tests.fixtures.remember import TwoCallModel, proposals
from tests.fixtures.storage import CHANNEL, GUILD, FakeClock, accept, refuse
from tests.integration.test_traffic import statements_of
from tests.loopback.discord import eventually

pytestmark = pytest.mark.both_databases

ALICE, BOB = 3_101, 3_102
OTHER_CHANNEL = 2_002

STATEMENTS = [
    "note: the harbour festival takes place on 12 September",
    "good morning everybody",
    "note: postgres listens on port 6543 behind the proxy",
    "note: the choir rehearses in the old library",
    "see you",
    "note: invoices go to accounting before noon",
]
KEPT = sorted(s.removeprefix("note: ") for s in STATEMENTS if s.startswith("note: "))

FESTIVAL = "the harbour festival takes place on 12 September"


async def test_pending_messages_become_memories_that_cite_them(pipeline: Pipeline) -> None:
    said = [await pipeline.say(text, author=ALICE) for text in STATEMENTS]

    report = await pipeline.flush()

    assert await pipeline.texts() == KEPT
    assert set((await pipeline.states()).values()) == {MessageState.EXTRACTED}
    assert (report.messages, report.memories, report.waiting) == (len(said), len(KEPT), None)
    assert (report.calls, report.tokens) == (2, 165)
    for memory in await pipeline.memories():
        (citation,) = memory.citations
        source = next(m for m in said if m.id == citation.message_id)
        assert (citation.author_id, citation.channel_id) == (ALICE, CHANNEL)
        assert source.content == f"note: {memory.text}"
        assert pipeline.index.entries[memory.id].text == memory.text


@pytest.mark.slow
async def test_a_flush_makes_at_most_two_embedding_requests(pipeline: Pipeline) -> None:
    await pipeline.say_many([f"note: bay {n} of the warehouse stores {n * 7} crates of fruit{n}" for n in range(200)])
    await pipeline.flush()
    assert len(pipeline.reader.calls) > 2
    assert 1 <= pipeline.index.requests <= 2


@pytest.mark.slow
async def test_a_flush_of_many_rounds_makes_at_most_two_embedding_requests(pipeline: Pipeline) -> None:
    await pipeline.say(STATEMENTS[0])
    await pipeline.flush()
    pipeline.index.forget_vectors()
    pipeline.index.requests = 0
    said = [f"note: bay {n} stores {n * 7} crates" if n % 9 == 0 else f"hello number {n}" for n in range(1_150)]
    said[20] = said[900] = STATEMENTS[0]  # merged: the memory that was there is written again
    await pipeline.say_many(said)
    report = await pipeline.flush()
    assert report.messages == len(said)
    assert pipeline.index.requests <= 2


@pytest.mark.slow
async def test_more_statements_than_one_request_takes_are_embedded_in_several(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_flush, "MAX_TEXTS", 70)
    notes = [f"note: bay {n} stores {n * 7} crates of fruit{n}" for n in range(200)]
    await pipeline.say_many(notes)
    report = await pipeline.flush()
    assert report.memories == len(await pipeline.memories())
    assert set((await pipeline.states()).values()) == {MessageState.EXTRACTED}
    assert max(pipeline.index.sizes) <= 70


async def test_context_is_what_was_said_before_and_is_not_asked_about_twice(pipeline: Pipeline) -> None:
    for said in STATEMENTS[:3]:
        await pipeline.say(said)
    await pipeline.flush()
    await pipeline.say(STATEMENTS[3])
    await pipeline.flush()
    assert [m.content for m in pipeline.reader.contexts[-1]] == STATEMENTS[:3]
    assert [m.content for m in pipeline.reader.calls[-1]] == STATEMENTS[3:4]


@pytest.mark.slow
async def test_interrupted_at_any_step_and_run_again_everything_is_there_once(tmp_path: Path) -> None:
    """Steps are counted in an undisturbed run; then each of them is where the process dies."""
    steps = await _run_and_die(tmp_path / "undisturbed", None)
    assert {
        "leased",
        "cut",
        "asked",
        "proposed",
        "checked",
        "answered",
        "applying",
        "settled",
        "applied",
        "indexed",
    } <= set(steps)
    for number in range(len(steps)):
        await _run_and_die(tmp_path / str(number), number)


async def _run_and_die(data_dir: Path, die_at: int | None) -> list[str]:
    clock = FakeClock()
    async with open_pipeline(data_dir, clock) as pipeline:
        await _two_batches(pipeline)
        pipeline.steps.die_at = die_at
        steps = pipeline.steps
        if die_at is None:
            await pipeline.flush()
        else:
            with pytest.raises(Interrupted):
                await pipeline.flush()
            await _assert_one_state_each(pipeline)
            pipeline.restart()
            assert (await pipeline.flush()).waiting or steps.seen[-1] == "released", "the dead process has the lease"
            clock.advance(31)
            await pipeline.flush()
            await pipeline.indexer.drain()  # as its own loop does at every start
        await _assert_finished(pipeline, steps.seen)
    return steps.seen


async def _two_batches(pipeline: Pipeline) -> None:
    """Messages in two batches, which the second of three applies."""
    said = [await pipeline.say(text) for text in STATEMENTS]
    assert await pipeline.queue.acquire(CHANNEL)
    await pipeline.queue.cut(CHANNEL, [said[:3], said[3:]])
    await pipeline.queue.release(CHANNEL)


async def _assert_one_state_each(pipeline: Pipeline) -> None:
    """Every message is pending or extracted, and a memory exists exactly for the extracted ones."""
    states = await pipeline.states()
    assert len(states) == len(STATEMENTS)
    cited = Counter(c.message_id for memory in await pipeline.memories() for c in memory.citations)
    async with pipeline.db.read() as connection:
        contents = {row.id: row.content for row in await connection.execute(select(messages))}
    for message_id, state in states.items():
        expected = state is MessageState.EXTRACTED and contents[message_id].startswith("note: ")
        assert cited[message_id] == expected


async def _assert_finished(pipeline: Pipeline, steps: Sequence[str]) -> None:
    died_at = steps[-1]
    assert await pipeline.texts() == KEPT, died_at
    assert set((await pipeline.states()).values()) == {MessageState.EXTRACTED}
    assert sorted(e.text for e in pipeline.index.entries.values()) == KEPT
    assert await pipeline.rows("memory_terms") == len(KEPT)
    for empty in (batches, outbox, leases):
        assert await pipeline.rows(empty) == 0, (died_at, empty.name)
    asked = Counter(m.id for call in pipeline.reader.calls for m in call)
    again = sum(asked.values()) - len(asked)
    assert again == 0 or died_at == "asked", "what is proposed and stored is not asked for again"
    checked = Counter(candidate.statement for call in pipeline.reader.checks for candidate in call)
    assert set(checked.values()) == {1} or died_at == "checked", "what is judged and stored is not asked for again"


async def test_a_model_that_is_down_leaves_messages_pending_and_is_asked_again_later(pipeline: Pipeline) -> None:
    await pipeline.say(STATEMENTS[0])
    pipeline.reader.fault = lambda _: ServiceUnavailable("ollama", "connection refused")

    report = await pipeline.flush()
    assert report.waiting == "ollama: connection refused"
    assert set((await pipeline.states()).values()) == {MessageState.PENDING}
    assert await pipeline.due() == []

    pipeline.clock.advance(6)
    assert await pipeline.due() == [CHANNEL]
    await pipeline.flusher.flush_due()
    pipeline.clock.advance(6)
    assert await pipeline.due() == [], "the second wait is longer than the first"

    pipeline.reader.fault = lambda _: None
    pipeline.clock.advance(6)
    await pipeline.flusher.flush_due()
    assert await pipeline.texts() == [FESTIVAL]


async def test_outages_never_make_dead_letters(pipeline: Pipeline) -> None:
    await pipeline.say(STATEMENTS[0])
    pipeline.reader.fault = lambda _: ServiceUnavailable("ollama", "HTTP 500")
    for _ in range(20):
        await pipeline.flush()
    assert set((await pipeline.states()).values()) == {MessageState.PENDING}


async def test_a_rate_limit_is_waited_out(pipeline: Pipeline) -> None:
    await pipeline.say(STATEMENTS[0])
    pipeline.reader.fault = lambda _: RateLimited("openai", retry_after=120)
    await pipeline.flush()
    pipeline.clock.advance(119)
    assert await pipeline.due() == []
    pipeline.clock.advance(1)
    assert await pipeline.due() == [CHANNEL]


@pytest.mark.parametrize("error", [AnswerInvalid("not JSON"), AnswerCut("too long")])
@pytest.mark.matrix
async def test_the_one_message_that_breaks_answers_dies_alone(pipeline: Pipeline, error: Exception) -> None:
    said = [await pipeline.say(text) for text in STATEMENTS]
    poison = said[2]
    pipeline.reader.fault = lambda call: error if poison in call else None

    report = await pipeline.flush()

    states = await pipeline.states()
    assert states.pop(poison.id) is MessageState.DEAD
    assert set(states.values()) == {MessageState.EXTRACTED}
    assert (report.dead, report.messages) == (1, len(said) - 1)
    assert await pipeline.texts() == [text for text in KEPT if not text.startswith("postgres")]
    (letter,) = await pipeline.dead.letters(GUILD)
    assert letter.message_id == poison.id
    assert letter.error == f"{type(error).__name__}: {error}"
    assert await pipeline.rows(batches) == 0


async def test_dead_letters_can_be_tried_again_or_dropped(pipeline: Pipeline) -> None:
    said = [await pipeline.say(text) for text in (STATEMENTS[0], STATEMENTS[2])]
    pipeline.reader.fault = lambda _: AnswerInvalid("not JSON")
    await pipeline.flush()
    assert len(await pipeline.dead.letters()) == 2

    pipeline.reader.fault = lambda _: None
    assert await pipeline.dead.retry([said[0].id]) == 1
    assert await pipeline.dead.drop() == 1
    await pipeline.flush()
    assert await pipeline.states() == {said[0].id: MessageState.EXTRACTED, said[1].id: MessageState.SKIPPED}


async def test_a_message_erased_while_the_model_thinks_leaves_nothing(pipeline: Pipeline) -> None:
    said = [await pipeline.say(text) for text in STATEMENTS[:3]]
    erased = said[0]

    async def erase() -> None:
        await pipeline.erasure.erase_messages(GUILD, CHANNEL, [erased.id])

    pipeline.reader.meanwhile = erase
    await pipeline.flush()

    assert len(pipeline.reader.calls) == 2, "the answer that may hold its text was thrown away"
    assert await pipeline.texts() == ["postgres listens on port 6543 behind the proxy"]
    assert set(await pipeline.states()) == {said[1].id, said[2].id}


async def test_a_message_edited_while_the_model_thinks_is_extracted_from_its_new_text(pipeline: Pipeline) -> None:
    said = await pipeline.say("note: the gate code is 1111")

    async def edit() -> None:
        await pipeline.revisions.edited(said.id, "note: the gate opens at nine", said.created_at)

    pipeline.reader.meanwhile = edit
    await pipeline.flush()
    assert await pipeline.texts() == ["the gate opens at nine"]


@pytest.mark.parametrize("what", ["erased", "edited", "context erased", "opted out"])
@pytest.mark.matrix
async def test_what_goes_or_changes_before_the_models_turn_is_not_shown(pipeline: Pipeline, what: str) -> None:
    context = await pipeline.say("note: the cellar floods every spring", author=BOB)
    await pipeline.flush()
    pipeline.reader.calls.clear()
    pipeline.reader.contexts.clear()
    said = await pipeline.say("note: the gate code is 1111", author=ALICE)
    await pipeline.say(STATEMENTS[2], author=BOB)

    async def happens() -> None:
        if what == "erased":
            await pipeline.erasure.erase_messages(GUILD, CHANNEL, [said.id])
        elif what == "edited":
            await pipeline.revisions.edited(said.id, "note: the gate opens at nine", said.created_at)
        elif what == "context erased":
            await pipeline.erasure.erase_messages(GUILD, CHANNEL, [context.id])
        else:
            await pipeline.consents.opt_out(ALICE, GUILD)

    pipeline.reader.before = happens
    await pipeline.flush()

    [call] = pipeline.reader.calls
    shown = [message.content for message in (*pipeline.reader.contexts[0], *call)]
    hidden = context.content if what == "context erased" else said.content
    assert STATEMENTS[2] in shown
    assert hidden not in shown
    assert ("note: the gate opens at nine" in shown) == (what == "edited")


class Failing(TwoCallModel):
    """A model that is down; what it was shown is gone by then.

    Attributes:
        happens: awaited while it is asked for the first time.
    """

    happens: Callable[[], Awaitable[object]] | None = None

    async def complete(self, request: CompletionRequest) -> Completion:
        """Fails."""
        if request.before is not None:
            await request.before()
        if self.happens is not None:
            happens, self.happens = self.happens, None
            await happens()
        raise ServiceUnavailable("ollama", "no answer within 180 s")


def _substituted(pipeline: Pipeline, own: TwoCallModel, substitute: TwoCallModel) -> FallbackModel:
    substitute.provider, substitute.model = "openai", "gpt-4o-mini"
    return FallbackModel(
        own,
        substitute,
        after_seconds=0,
        daily_budget=1,
        ledger=Ledger(pipeline.db, pipeline.clock),
        prices=list_prices(),
        clock=pipeline.clock,
    )


@pytest.mark.parametrize("what", ["erased", "opted out"])
async def test_what_goes_while_the_own_model_hangs_is_not_shown_to_its_substitute(
    pipeline: Pipeline, what: str
) -> None:
    own, substitute = Failing(), TwoCallModel()
    pipeline.ask(_substituted(pipeline, own, substitute))
    said = await pipeline.say("the gate code is 1111", author=ALICE)
    await pipeline.say("postgres listens on port 6543 behind the proxy", author=BOB)

    async def happens() -> None:
        if what == "erased":
            await pipeline.erasure.erase_messages(GUILD, CHANNEL, [said.id])
        else:  # in another process, of which this one was not told yet
            await Consents(pipeline.db, pipeline.hasher, pipeline.clock).opt_out(ALICE, GUILD)

    own.happens = happens
    report = await pipeline.flush()
    assert report.waiting is None
    [prompt] = substitute.prompts
    assert "6543" in prompt
    assert "1111" not in prompt


@pytest.mark.parametrize("what", ["older erased", "older forgotten", "newer erased"])
@pytest.mark.matrix
async def test_what_goes_while_the_own_model_hangs_is_not_judged_by_its_substitute(
    pipeline: Pipeline, what: str
) -> None:
    older = await pipeline.say("note: the release party starts at 18:00 on Friday", author=ALICE)
    await pipeline.flush()
    (old,) = await pipeline.memories()
    newer = await pipeline.say("note: the release party is moved to the chapel at 19:00", author=BOB)
    pipeline.restart()
    pipeline.steps.die_at = _step_after("proposed")
    with pytest.raises(Interrupted):
        await pipeline.flush()
    own, substitute = Failing(), TwoCallModel()
    pipeline.ask(_substituted(pipeline, own, substitute))
    pipeline.clock.advance(31)

    async def happens() -> None:
        if what == "older forgotten":
            await pipeline.own.forget(old.id, Asker(ALICE, GUILD, frozenset({CHANNEL})))
        else:
            await pipeline.erasure.erase_messages(GUILD, CHANNEL, [(older if what == "older erased" else newer).id])

    own.happens = happens
    await pipeline.flush()

    assert own.happens is None
    gone = newer if what == "newer erased" else older
    text = gone.content.removeprefix("note: ")
    shown = f"M1: {text}" if what == "older forgotten" else text  # its message is there still
    assert not any(shown in prompt for prompt in substitute.prompts)
    assert text not in await pipeline.texts()


async def test_context_erased_while_the_model_thinks_throws_the_answer_away(pipeline: Pipeline) -> None:
    first = await pipeline.say("note: the cellar floods every spring")
    await pipeline.flush()
    await pipeline.say(STATEMENTS[2])

    async def erase() -> None:
        await pipeline.erasure.erase_messages(GUILD, CHANNEL, [first.id])

    pipeline.reader.meanwhile = erase
    await pipeline.flush()
    assert [c.content for c in pipeline.reader.contexts[-1]] == []
    assert await pipeline.texts() == ["postgres listens on port 6543 behind the proxy"]


async def test_an_opt_out_between_answer_and_application_counts(pipeline: Pipeline) -> None:
    theirs = await pipeline.say(STATEMENTS[0], author=ALICE)
    others = await pipeline.say(STATEMENTS[2], author=BOB)
    pipeline.steps.die_at = _step_after("answered")
    with pytest.raises(Interrupted):
        await pipeline.flush()
    await pipeline.consents.opt_out(ALICE, None)
    pipeline.restart()
    pipeline.clock.advance(31)

    report = await pipeline.flush()

    assert await pipeline.texts() == ["postgres listens on port 6543 behind the proxy"]
    assert await pipeline.states() == {theirs.id: MessageState.SKIPPED, others.id: MessageState.EXTRACTED}
    assert report.refusals["opted_out"] == 1


async def test_no_model_is_shown_what_somebody_said_who_has_opted_out(pipeline: Pipeline) -> None:
    before = await pipeline.say(STATEMENTS[0], author=BOB)
    await pipeline.flush()
    theirs = await pipeline.say(STATEMENTS[3], author=ALICE)
    others = await pipeline.say(STATEMENTS[2], author=BOB)
    await pipeline.consents.opt_out(ALICE, GUILD)
    assert (await pipeline.flush()).messages == 2
    await pipeline.say(STATEMENTS[5], author=BOB)
    await pipeline.flush()
    shown = {m.id for call in (*pipeline.reader.calls, *pipeline.reader.contexts) for m in call}
    assert theirs.id not in shown
    assert {before.id, others.id} < shown
    assert (await pipeline.states())[theirs.id] is MessageState.SKIPPED


def _step_after(name: str) -> int:
    """The number that step `name` has in a flush of one batch."""
    return ["leased", "cut", "asked", "proposed", "prefetched", "checked", "answered"].index(name)


async def test_facts_are_kept_only_of_members_who_allow_it_when_it_is_applied(pipeline: Pipeline) -> None:
    def facts(said: Sequence[Message]) -> list[Statement]:
        return [Statement(MemoryKind.FACT, m.content, (m.id,)) for m in said]

    pipeline.reader.answer = facts
    await pipeline.consents.set_facts(ALICE, GUILD, True)
    await pipeline.say("I play the cello", author=ALICE)
    await pipeline.say("I keep bees behind the barn", author=BOB)
    report = await pipeline.flush()
    assert await pipeline.texts() == ["I play the cello"]
    assert report.refusals["facts_off"] == 1


async def test_facts_that_another_process_was_forbidden_meanwhile_are_not_kept(pipeline: Pipeline) -> None:
    pipeline.reader.answer = lambda said: [Statement(MemoryKind.FACT, m.content, (m.id,)) for m in said]
    await pipeline.consents.set_facts(ALICE, GUILD, True)
    elsewhere = Consents(pipeline.db, pipeline.consents.hasher, pipeline.clock)
    await elsewhere.load()
    await elsewhere.set_facts(ALICE, GUILD, False)
    await pipeline.say("I play the cello", author=ALICE)
    report = await pipeline.flush()
    assert await pipeline.texts() == []
    assert report.refusals["facts_off"] == 1


async def test_what_is_said_twice_is_one_memory_that_cites_both(pipeline: Pipeline) -> None:
    first = await pipeline.say(STATEMENTS[0], author=ALICE)
    await pipeline.flush()
    second = await pipeline.say(STATEMENTS[0], author=BOB)
    await pipeline.flush()
    (memory,) = await pipeline.memories()
    assert [c.message_id for c in memory.citations] == [first.id, second.id]
    assert memory.author_ids == (ALICE, BOB)
    assert memory.version == 2
    assert pipeline.index.memory(memory.id).version == 2


async def test_what_is_said_twice_in_one_batch_is_one_memory(pipeline: Pipeline) -> None:
    said = [await pipeline.say(STATEMENTS[0]), await pipeline.say(STATEMENTS[0])]
    await pipeline.flush()
    (memory,) = await pipeline.memories()
    assert [c.message_id for c in memory.citations] == [m.id for m in said]


async def test_memories_of_different_channels_never_merge(pipeline: Pipeline) -> None:
    await pipeline.say(STATEMENTS[0])
    await pipeline.say(STATEMENTS[0], channel=OTHER_CHANNEL)
    await pipeline.flusher.flush_all()
    assert sorted(map(sorted, (m.channel_ids for m in await pipeline.memories()))) == [[CHANNEL], [OTHER_CHANNEL]]


async def test_nothing_merges_into_a_memory_that_cites_another_channel_too(pipeline: Pipeline) -> None:
    await pipeline.say(STATEMENTS[0])
    await pipeline.flush()
    (memory,) = await pipeline.memories()
    async with pipeline.db.write() as connection:
        assert await pipeline.store.cite(connection, memory.id, [Citation(1, OTHER_CHANNEL, BOB)])
    await pipeline.say(STATEMENTS[0])
    await pipeline.flush()
    assert len(await pipeline.memories()) == 2


async def test_a_newer_state_supersedes_the_older_which_stays_as_history(pipeline: Pipeline) -> None:
    await pipeline.say("note: the release party starts at 18:00 on Friday")
    await pipeline.flush()
    pipeline.reader.judge = replaces_the_nearest
    await pipeline.say("note: the release party now starts at 20:00 on Friday")
    await pipeline.flush()
    old, new = await pipeline.memories()
    assert (old.state, old.superseded_by) == (MemoryState.SUPERSEDED, new.id)
    assert new.state is MemoryState.CURRENT
    assert await pipeline.store.count(GUILD) == 1


async def test_a_change_within_one_stretch_leaves_its_newer_state_current(pipeline: Pipeline) -> None:
    pipeline.reader.judge = replaces_the_nearest
    await pipeline.say("note: the release party starts at 18:00 on Friday")
    await pipeline.say("note: the release party now starts at 20:00 on Friday")
    await pipeline.flush()
    old, new = await pipeline.memories()
    assert (old.state, old.superseded_by, new.state) == (MemoryState.SUPERSEDED, new.id, MemoryState.CURRENT)


async def test_what_the_model_takes_for_something_new_stays_beside_the_older(pipeline: Pipeline) -> None:
    await pipeline.say("note: the release party starts at 18:00 on Friday")
    await pipeline.flush()
    await pipeline.say("note: the release party is moved to the chapel at 19:00", author=BOB)
    await pipeline.flush()
    assert {memory.state for memory in await pipeline.memories()} == {MemoryState.CURRENT}
    assert [memory.text for memory in pipeline.reader.checks[-1][0].near] == [
        "the release party starts at 18:00 on Friday"
    ]


async def test_what_the_model_refuses_is_not_kept_and_counted(pipeline: Pipeline) -> None:
    verdicts = iter([Judgement(False, True, False), Judgement(True, False, False), Judgement(True, True, True), None])
    pipeline.reader.judge = lambda _: next(verdicts)
    for said in STATEMENTS:
        await pipeline.say(said)
    report = await pipeline.flush()
    assert await pipeline.texts() == []
    assert report.messages == len(STATEMENTS)
    del report.refusals["small_talk"]
    assert report.refusals == {"not said": 1, "not worth keeping": 1, "private": 1, "without a verdict": 1}


async def test_a_refused_change_marks_the_memory_that_may_have_changed(pipeline: Pipeline) -> None:
    await pipeline.say("note: the release party starts at 18:00 on Friday")
    await pipeline.flush()
    (old,) = await pipeline.memories()
    pipeline.reader.judge = lambda candidate: replace(replaces_the_nearest(candidate), said=False)
    newer = await pipeline.say("note: the release party starts at 20:00 on Friday, or so", author=BOB)
    await pipeline.flush()
    (memory,) = await pipeline.memories()
    assert (memory.id, memory.state) == (old.id, MemoryState.CURRENT)
    assert memory.doubt is not None
    assert memory.doubt.message_id == newer.id


async def test_a_model_that_goes_away_before_the_check_is_asked_for_the_check_alone_later(pipeline: Pipeline) -> None:
    await pipeline.say(STATEMENTS[0])
    pipeline.reader.check_fault = lambda _: ServiceUnavailable("ollama", "can't be reached")
    report = await pipeline.flush()
    assert (report.memories, report.waiting) == (0, "ollama: can't be reached")

    pipeline.reader.check_fault = lambda _: None
    pipeline.clock.advance(6)
    await pipeline.flusher.flush_due()
    assert await pipeline.texts() == [FESTIVAL]
    assert (len(pipeline.reader.calls), len(pipeline.reader.checks)) == (1, 2)


async def test_the_one_message_that_breaks_the_check_dies_alone(pipeline: Pipeline) -> None:
    said = [await pipeline.say(text) for text in STATEMENTS]
    poison = said[2]
    pipeline.reader.check_fault = lambda call: AnswerInvalid("judges nothing") if poison in call else None

    report = await pipeline.flush()

    states = await pipeline.states()
    assert states.pop(poison.id) is MessageState.DEAD
    assert set(states.values()) == {MessageState.EXTRACTED}
    assert report.dead == 1
    assert await pipeline.texts() == [text for text in KEPT if not text.startswith("postgres")]


@pytest.mark.parametrize("what", ["erased", "edited", "opted out"])
@pytest.mark.matrix
async def test_what_goes_or_changes_before_the_check_is_not_shown_again(pipeline: Pipeline, what: str) -> None:
    said = await pipeline.say("note: the gate code is 1111", author=ALICE)
    await pipeline.say(STATEMENTS[2], author=BOB)

    async def happens() -> None:
        if what == "erased":
            await pipeline.erasure.erase_messages(GUILD, CHANNEL, [said.id])
        elif what == "edited":
            await pipeline.revisions.edited(said.id, "note: the gate opens at nine", said.created_at)
        else:
            await pipeline.consents.opt_out(ALICE, GUILD)

    pipeline.reader.before_check = happens
    await pipeline.flush()

    judged = [candidate.statement.text for call in pipeline.reader.checks for candidate in call]
    assert "the gate code is 1111" not in judged
    assert "postgres listens on port 6543 behind the proxy" in judged
    assert ("the gate opens at nine" in judged) == (what == "edited")
    assert len(pipeline.reader.calls) == 2, "it was read again"


async def test_a_message_erased_while_the_model_judges_leaves_nothing(pipeline: Pipeline) -> None:
    said = [await pipeline.say(text) for text in STATEMENTS[:3]]

    async def erase() -> None:
        await pipeline.erasure.erase_messages(GUILD, CHANNEL, [said[0].id])

    pipeline.reader.while_checking = erase
    await pipeline.flush()
    assert await pipeline.texts() == ["postgres listens on port 6543 behind the proxy"]


async def test_an_answer_of_an_older_version_is_asked_for_again(pipeline: Pipeline) -> None:
    await _two_batches(pipeline)
    old = '{"candidates":[["decision","invented","1"]],"refusals":{},"calls":1,"prompt_tokens":1,"completion_tokens":1}'
    async with pipeline.db.write() as connection:
        await connection.execute(update(batches).values(state="answered", answer=old))
    await pipeline.flush()
    assert await pipeline.texts() == KEPT


async def test_embeddings_that_are_down_hold_nothing_up(pipeline: Pipeline) -> None:
    await pipeline.say(STATEMENTS[0])
    pipeline.index.fault = ServiceUnavailable("embeddings", "timed out")
    report = await pipeline.flush()
    assert (report.memories, report.waiting) == (1, None)
    pipeline.index.fault = None
    pipeline.clock.advance(600)
    await pipeline.indexer.drain()
    assert [e.text for e in pipeline.index.entries.values()] == await pipeline.texts()


# --- when channels are due -------------------------------------------------------------------------------------------


async def test_a_channel_is_due_by_number_or_by_age(pipeline: Pipeline) -> None:
    await pipeline.say("hello")
    assert await pipeline.due() == []
    await pipeline.say_many(["hello"] * 99, channel=OTHER_CHANNEL)
    assert await pipeline.due() == []
    await pipeline.say("hello", channel=OTHER_CHANNEL)
    assert await pipeline.due() == [OTHER_CHANNEL]
    pipeline.clock.advance(3600)
    assert await pipeline.due() == [CHANNEL, OTHER_CHANNEL]


async def test_what_waits_is_found_without_reading_the_messages(pipeline: Pipeline) -> None:
    await pipeline.say("hello")
    (statement, parameters), *_ = await statements_of(pipeline.due())
    explain = "EXPLAIN QUERY PLAN" if pipeline.db.dialect == "sqlite" else "EXPLAIN"
    async with pipeline.db.read() as connection:
        if pipeline.db.dialect == "postgresql":  # a small table is read whole, whatever indexes it has
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
            await connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        plan = "\n".join(str(row[-1]) for row in await connection.exec_driver_sql(f"{explain} {statement}", parameters))
    assert re.search(r"(COVERING INDEX|Index Only Scan using) ix_messages_pending", plan), plan


async def test_a_clock_set_back_does_not_hold_a_channel_up(pipeline: Pipeline) -> None:
    await pipeline.say("hello")
    pipeline.clock.advance(-10 * 86_400)
    assert await pipeline.due() == [CHANNEL]


async def test_what_a_bot_logged_whose_clock_is_ahead_waits_like_anything_else(pipeline: Pipeline) -> None:
    pipeline.clock.advance(90)
    await pipeline.say("hello")
    pipeline.clock.advance(-90)  # a worker on another machine
    assert await pipeline.due() == []
    pipeline.clock.advance(3700)
    assert await pipeline.due() == [CHANNEL]


async def test_a_lease_that_could_not_be_renewed_once_is_renewed_the_next_time(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    async def meanwhile() -> None:
        async with pipeline.db.write() as connection:
            await refuse(connection, "UPDATE ON leases", "not now")
        await eventually(lambda: "could not be renewed" in caplog.text, within=20, what="a renewal that fails")
        async with pipeline.db.write() as connection:
            await accept(connection, "leases")
        pipeline.clock.advance(60)
        await eventually(lambda: _is_leased(pipeline), within=20, what="a renewal")

    pipeline.queue._lease_ms = 300
    pipeline.reader.meanwhile = meanwhile
    await pipeline.say("hello")
    assert (await pipeline.flush()).messages == 1


async def _is_leased(pipeline: Pipeline) -> Any:  # noqa: ANN401 - whether it is
    async with pipeline.db.read() as connection:
        return (await connection.scalar(select(leases.c.expires_ms)) or 0) > pipeline.clock()


async def test_a_leased_channel_is_nobody_elses_until_the_lease_ends(pipeline: Pipeline) -> None:
    await pipeline.say(STATEMENTS[0])
    pipeline.clock.advance(3600)
    other = Queue(pipeline.db, pipeline.clock, "another process")
    assert await other.acquire(CHANNEL)
    assert not await pipeline.queue.acquire(CHANNEL)
    assert await pipeline.due() == []
    assert (await pipeline.flush()).messages == 0
    pipeline.clock.advance(20)
    await other.renew(CHANNEL)
    pipeline.clock.advance(20)
    assert await pipeline.due() == []
    pipeline.clock.advance(11)
    assert (await pipeline.flush()).messages == 1


async def test_who_lost_the_lease_writes_nothing(pipeline: Pipeline) -> None:
    said = await pipeline.say(STATEMENTS[0])

    async def taken_over() -> None:
        async with pipeline.db.write() as connection:
            await connection.execute(update(leases).values(owner="another process"))

    pipeline.reader.meanwhile = taken_over
    report = await pipeline.flush()
    assert report.waiting is not None
    assert await pipeline.states() == {said.id: MessageState.PENDING}
    assert await pipeline.texts() == []
    assert await pipeline.rows(leases) == 1, "the other's lease is not given back"


async def test_who_lost_the_lease_applies_no_answer(pipeline: Pipeline) -> None:
    said = await pipeline.say(STATEMENTS[0])
    pipeline.steps.die_at = _step_after("answered")
    with pytest.raises(Interrupted):
        await pipeline.flush()
    pipeline.clock.advance(31)
    assert await Queue(pipeline.db, pipeline.clock, "another process").acquire(CHANNEL)
    (batch,) = await pipeline.queue.batches(CHANNEL)
    with pytest.raises(LeaseLost):
        await pipeline.settler.apply(batch, Judged())
    assert await pipeline.states() == {said.id: MessageState.PENDING}
    assert await pipeline.texts() == []


async def test_two_flushes_of_one_channel_do_its_work_once(pipeline: Pipeline) -> None:
    for said in STATEMENTS:
        await pipeline.say(said)
    reports = await asyncio.gather(pipeline.flush(), pipeline.flush(), pipeline.flush())
    assert sum(report.messages for report in reports) == len(STATEMENTS)
    assert await pipeline.texts() == KEPT


async def test_stopping_gives_back_what_does_not_finish_in_time(pipeline: Pipeline) -> None:
    said = await pipeline.say(STATEMENTS[0])
    thinking = asyncio.Event()

    async def forever() -> None:
        thinking.set()
        await asyncio.Event().wait()

    pipeline.reader.meanwhile = forever
    flush = asyncio.create_task(pipeline.flush())
    await thinking.wait()
    await pipeline.flusher.stop(deadline=0.01)
    assert (await flush).waiting == "stopped"
    assert await pipeline.states() == {said.id: MessageState.PENDING}
    assert await pipeline.rows(leases) == 0
    pipeline.restart()
    await pipeline.flush()
    assert await pipeline.texts() == [FESTIVAL]


async def test_stopping_finishes_the_batch_in_hand_when_there_is_time(pipeline: Pipeline) -> None:
    await _two_batches(pipeline)
    stopping: list[asyncio.Task[None]] = []

    async def stop() -> None:
        stopping.append(asyncio.create_task(pipeline.flusher.stop(deadline=5)))
        await asyncio.sleep(0)

    pipeline.reader.meanwhile = stop
    report = await pipeline.flush()
    await stopping[0]
    assert report.messages == 3
    assert Counter((await pipeline.states()).values()) == {MessageState.EXTRACTED: 3, MessageState.PENDING: 3}
    assert (await pipeline.flush()).messages == 0, "nothing begins after it"


async def test_stopping_lets_every_channel_in_hand_finish(pipeline: Pipeline) -> None:
    for channel in (CHANNEL, OTHER_CHANNEL):
        await pipeline.say("note: something", channel=channel)
    pipeline.clock.advance(3601)
    stopping: list[asyncio.Task[None]] = []

    async def stop() -> None:
        await eventually(lambda: len(pipeline.reader.calls) == 2, what="a second call")
        stopping.append(asyncio.create_task(pipeline.flusher.stop(deadline=20)))
        await asyncio.sleep(0.2)  # the other one ends first

    pipeline.reader.meanwhile = stop
    report = await pipeline.flusher.flush_due()
    await stopping[0]
    assert report.messages == 2
    assert report.waiting is None


async def test_one_channel_that_fails_does_not_stop_the_others(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = await pipeline.say("note: boom")
    await pipeline.say(STATEMENTS[0], channel=OTHER_CHANNEL)
    acquire = pipeline.queue.acquire

    async def fails(channel_id: int) -> bool:
        if channel_id == CHANNEL:
            raise ValueError("boom")
        return await acquire(channel_id)

    monkeypatch.setattr(pipeline.queue, "acquire", fails)
    report = await pipeline.flusher.flush_all()
    assert report.messages == 1
    assert (await pipeline.states())[bad.id] is MessageState.PENDING
    assert "A flush failed" in caplog.text


async def test_flush_all_reports_each_round(pipeline: Pipeline) -> None:
    await pipeline.say_many([f"hello {number}" for number in range(520)])
    seen: list[int] = []
    total = await pipeline.flusher.flush_all(lambda report: seen.append(report.asked))
    assert [count for count in seen if count] == [500, 20]
    assert total.messages == 520


async def test_answers_are_applied_in_the_order_of_what_was_said(pipeline: Pipeline) -> None:
    await _two_batches(pipeline)
    _, second = await pipeline.queue.batches(CHANNEL)
    assert await pipeline.queue.acquire(CHANNEL)
    assert await pipeline.queue.answer(await pipeline.queue.work(second), Judged().to_json())
    await pipeline.queue.release(CHANNEL)
    pipeline.reader.fault = lambda _: ServiceUnavailable("ollama", "refused")
    assert (await pipeline.flush()).messages == 0, "the second batch waits for the first"
    pipeline.reader.fault = lambda _: None
    assert (await pipeline.flush()).messages == len(STATEMENTS)


async def test_a_merge_into_what_is_gone_by_then_becomes_a_memory_of_its_own(pipeline: Pipeline) -> None:
    first = await pipeline.say(STATEMENTS[0])
    await pipeline.flush()
    await pipeline.say(STATEMENTS[0], author=BOB)
    (old,) = await pipeline.memories()

    class _EraseBeforeApplying:
        async def __call__(self) -> None:
            await pipeline.erasure.erase_messages(GUILD, OTHER_CHANNEL, [first.id])

    erase = _EraseBeforeApplying()
    apply = pipeline.settler.apply

    async def erased_then_applied(batch: Batch, judged: Judged) -> Settled:
        await erase()
        return await apply(batch, judged)

    pipeline.settler.apply = erased_then_applied  # type: ignore[method-assign]
    await pipeline.flush()
    (memory,) = await pipeline.memories()
    assert memory.id != old.id
    assert memory.author_ids == (BOB,)


async def test_a_batch_whose_messages_all_went_is_no_work(pipeline: Pipeline) -> None:
    async with pipeline.db.write() as connection:
        row = {"id": "x", "guild_id": GUILD, "channel_id": CHANNEL, "state": "open", "created_ms": 0}
        await connection.execute(insert(batches).values(row))
    assert await pipeline.queue.batches(CHANNEL) == []
    assert (await pipeline.flush()).calls == 0


async def test_servers_take_turns_however_many_channels_of_one_are_due(pipeline: Pipeline) -> None:
    busy = [CHANNEL + number for number in range(10, 14)]
    for channel in busy:
        await pipeline.say("note: something", channel=channel)
        pipeline.clock.advance(1)
    await pipeline.say("note: alone", guild=GUILD + 1, channel=CHANNEL + 99)
    pipeline.clock.advance(3601)
    assert await pipeline.due() == [*busy, CHANNEL + 99]
    await pipeline.one_at_a_time().flush_due()
    asked = [call[0].channel_id for call in pipeline.reader.calls]
    assert sorted(asked) == [*busy, CHANNEL + 99]
    assert asked.index(CHANNEL + 99) < 2, "one may be ready before it, of the two that are in hand"


async def test_a_channel_with_a_long_backlog_keeps_no_other_waiting(pipeline: Pipeline) -> None:
    await pipeline.say_many(["something"] * (2 * CUT_MESSAGES + 100))
    pipeline.clock.advance(3601)
    await pipeline.say("came in just now", guild=GUILD + 1, channel=OTHER_CHANNEL)

    async def comes_in() -> None:
        pipeline.clock.advance(3601)

    pipeline.reader.meanwhile = comes_in
    report = await pipeline.one_at_a_time().flush_due()
    assert report.messages == 2 * CUT_MESSAGES + 101
    asked = [call[0].channel_id for call in pipeline.reader.calls]
    before = pipeline.reader.calls[: asked.index(OTHER_CHANNEL)]
    assert CUT_MESSAGES <= sum(map(len, before)) <= CUT_MESSAGES + 60


@pytest.mark.slow
async def test_flushes_that_managers_ask_for_keep_no_other_waiting(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_flush, "CUT_MESSAGES", 100)
    busy = [CHANNEL + number for number in range(10, 14)]
    for channel in busy:
        await pipeline.say_many(["something"] * (300 if channel in busy[:2] else 1), channel=channel)
    pipeline.clock.advance(3601)
    work = pipeline.one_at_a_time()
    asked_for: list[asyncio.Task[FlushReport]] = []

    async def comes_in() -> None:
        async with asyncio.timeout(20):
            assert (await work.flush_due()).messages == 0, "what is asked for already is not waited for"
        await pipeline.say("came in just now", guild=GUILD + 1, channel=OTHER_CHANNEL)
        pipeline.clock.advance(3601)
        asked_for.append(asyncio.create_task(work.flush_due()))

    pipeline.reader.meanwhile = comes_in
    reports = await asyncio.gather(*map(pipeline.flush, busy))
    reports += await asyncio.gather(*asked_for)
    assert [report.messages for report in reports] == [300, 300, 1, 1, 1]
    assert not any(report.waiting for report in reports)
    asked = [call[0].channel_id for call in pipeline.reader.calls]
    before = pipeline.reader.calls[: asked.index(OTHER_CHANNEL)]
    assert sum(map(len, before)) <= 202 + 100, "a turn of each, and one more of who goes on beside it"
    assert set(busy[:2]) <= set(asked[asked.index(OTHER_CHANNEL) :]), "both go on behind it"


async def test_what_others_have_in_hand_is_left_to_them(pipeline: Pipeline) -> None:
    theirs = CHANNEL + 99
    for channel in (CHANNEL, OTHER_CHANNEL, theirs):
        await pipeline.say("note: something", channel=channel)
        pipeline.clock.advance(1)
    pipeline.clock.advance(3601)
    other = Queue(pipeline.db, pipeline.clock, "another process")

    async def taken() -> None:
        assert await other.acquire(theirs)

    pipeline.reader.meanwhile = taken
    report = await pipeline.one_at_a_time().flush_due()
    assert report.messages == 2
    assert report.waiting is None
    assert theirs not in [call[0].channel_id for call in pipeline.reader.calls]


async def test_channels_that_fail_end_a_flush_when_nothing_else_is_due(pipeline: Pipeline) -> None:
    await pipeline.say_many([STATEMENTS[0], STATEMENTS[1]])
    await pipeline.say(STATEMENTS[2], channel=OTHER_CHANNEL)
    pipeline.clock.advance(3601)
    pipeline.reader.fault = lambda said: RuntimeError("broken") if said[0].channel_id == CHANNEL else None
    pipeline.reader.own_fault = RuntimeError("broken")
    report = await pipeline.flusher.flush_due()
    assert report.messages == 1
    assert Counter(call[0].channel_id for call in pipeline.reader.calls)[OTHER_CHANNEL] == 1
    pipeline.reader.fault = lambda _: None
    pipeline.clock.advance(6)
    assert (await pipeline.flusher.flush_due()).messages == 2


async def test_the_next_channel_is_asked_about_while_an_answer_is_stored_and_never_two_at_once(
    pipeline: Pipeline,
) -> None:
    await pipeline.say("note: one")
    await pipeline.say("note: two", channel=OTHER_CHANNEL)
    pipeline.clock.advance(3601)
    flusher = pipeline.one_at_a_time()
    holds, let_go = asyncio.Event(), asyncio.Event()

    async def storing_takes_long() -> None:
        await eventually(lambda: pipeline.steps.seen.count("cut") == 2, what="a second channel")
        await asyncio.sleep(0.3)  # time enough to ask
        assert len(pipeline.reader.calls) == 1, "it waits for the model"
        holding.append(asyncio.create_task(_hold_up(pipeline, holds, let_go)))
        await holds.wait()

    holding: list[asyncio.Task[None]] = []
    pipeline.reader.meanwhile = storing_takes_long
    flush = asyncio.create_task(flusher.flush_due())
    try:
        await eventually(lambda: len(pipeline.reader.calls) == 2, what="a second call")
        assert "answered" not in pipeline.steps.seen
    finally:
        let_go.set()
        report = await flush
        await asyncio.gather(*holding)
    assert report.messages == 2


async def _hold_up(pipeline: Pipeline, holds: asyncio.Event, let_go: asyncio.Event) -> None:
    """Keep every other writer waiting."""
    async with pipeline.db.write():
        holds.set()
        await let_go.wait()


@pytest.mark.parametrize(
    ("zone", "day", "written"), [(None, "15", "14 June 2025 15:06"), ("Pacific/Auckland", "16", "15 June 2025 03:06")]
)
async def test_tomorrow_is_that_of_the_time_zone_which_the_server_chose(
    pipeline: Pipeline, zone: str | None, day: str, written: str
) -> None:
    await pipeline.guilds.consents.rules.set_zone(GUILD, zone)
    model = TwoCallModel()
    model.proposes(proposals(("The door is painted tomorrow.", "plan", [1])))
    pipeline.ask(model)
    await pipeline.say("the door is painted tomorrow", author=ALICE)
    await pipeline.flush()
    assert [memory.text for memory in await pipeline.memories()] == [f"The door is painted tomorrow ({day} June 2025)."]
    assert written in model.prompts[0]
