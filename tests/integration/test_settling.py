"""Judged statements become memories, change and doubt what is there, in one transaction and once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from bot.domain.model import Citation, Doubt, Memory, MemoryKind, MemoryState, Message, MessageState
from bot.guilds import Observations
from bot.memories import Asker
from bot.observe import set_state
from bot.remember.changes import AGAIN, CORRECTED, HISTORY
from bot.remember.settler import GONE, NOT_ALLOWED, OPTED_OUT, statement_id
from bot.remember.statement import Judged, Judgement, Relation, Statement, read_answer
from bot.storage.schema import batches, citations, forgotten_topics, messages
from tests.fixtures.memory import Interrupted, Pipeline
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS

pytestmark = pytest.mark.both_databases

ALICE, BOB, CAROL = 3_101, 3_102, 3_103
THREAD, PRIVATE_THREAD = 2_050, 2_060
FRIDAY, SATURDAY = "The party is on Friday 12", "The party is on Saturday 13"
LATER = datetime.fromtimestamp(NOW_MS / 1000, tz=UTC)
SAME, REPLACES = Relation.SAME, Relation.REPLACES


def stated(
    text: str,
    *said: Message,
    kind: MemoryKind = MemoryKind.DECISION,
    supporting: Sequence[Message] = (),
) -> Statement:
    return Statement(kind, text, tuple(m.id for m in said), tuple(m.id for m in supporting))


def good(relation: Relation = Relation.NEW, *related: Memory) -> Judgement:
    return Judgement(said=True, lasting=True, private=False, relation=relation, related=tuple(m.id for m in related))


def asker(user_id: int) -> Asker:
    return Asker(user_id, GUILD, frozenset({CHANNEL}))


async def told(pipeline: Pipeline, text: str, *, author: int = ALICE, channel: int = CHANNEL) -> Memory:
    """A memory of one message that says it."""
    before = {memory.id for memory in await pipeline.memories()}
    message = await pipeline.say(text, author=author, channel=channel)
    await pipeline.settle((stated(text, message), good()), channel=channel)
    (made,) = [memory for memory in await pipeline.memories() if memory.id not in before]
    return made


async def doubted(pipeline: Pipeline, *, author: int = BOB) -> tuple[Memory, Message]:
    """A memory, and the message by which it may have changed."""
    friday = await told(pipeline, FRIDAY)
    message = await pipeline.say("maybe saturday?", author=author)
    await pipeline.settle(refused=[(stated("", message), good(REPLACES, friday))])
    return (await pipeline.store.get([friday.id]))[friday.id], message


async def test_a_newer_state_replaces_the_older_one_and_history_is_kept(pipeline: Pipeline) -> None:
    friday = await told(pipeline, FRIDAY)
    message = await pipeline.say(SATURDAY, author=BOB)
    settled = await pipeline.settle((stated(SATURDAY, message), good(REPLACES, friday)))
    assert (settled.memories, settled.messages) == (1, 1)
    old, new = await pipeline.memories()
    assert (old.state, old.superseded_by, new.state) == (MemoryState.SUPERSEDED, new.id, MemoryState.CURRENT)
    assert await pipeline.store.before([new.id], readable=None) == {new.id: [old]}
    assert set((await pipeline.states()).values()) == {MessageState.EXTRACTED}


async def test_the_same_adds_a_citation_and_nothing_else(pipeline: Pipeline) -> None:
    friday = await told(pipeline, FRIDAY)
    message = await pipeline.say("friday it is", author=BOB)
    settled = await pipeline.settle((stated("We celebrate on Friday 12", message), good(SAME, friday)))
    (memory,) = await pipeline.memories()
    assert (settled.memories, memory.text, memory.author_ids) == (0, FRIDAY, (ALICE, BOB))


async def test_a_later_statement_of_the_stretch_may_replace_an_earlier_one_or_what_that_was_cited_to(
    pipeline: Pipeline,
) -> None:
    friday = await told(pipeline, FRIDAY)
    first, second = await pipeline.say("friday!"), await pipeline.say("no, saturday")
    again = stated("We celebrate on Friday 12", first)
    earlier = statement_id((await pipeline.cut()).id, again)
    await pipeline.settle(
        (again, good(SAME, friday)), (stated(SATURDAY, second), Judgement(True, True, False, REPLACES, (earlier,)))
    )
    old, new = await pipeline.memories()
    assert (old.id, old.state, old.superseded_by) == (friday.id, MemoryState.SUPERSEDED, new.id)
    assert len(old.citations) == 2


async def test_interrupted_while_applying_nothing_has_changed_and_then_everything_once(pipeline: Pipeline) -> None:
    friday = await told(pipeline, FRIDAY)
    message = await pipeline.say(SATURDAY)
    pipeline.steps.die_at = len(pipeline.steps.seen)
    with pytest.raises(Interrupted):
        await pipeline.settle((stated(SATURDAY, message), good(REPLACES, friday)))
    assert await pipeline.memories() == [friday]
    pipeline.restart()
    pipeline.clock.advance(31)
    assert await pipeline.queue.acquire(CHANNEL)
    batch = await pipeline.cut()
    judged = read_answer(batch.answer or "")
    assert isinstance(judged, Judged)
    assert (await pipeline.settler.apply(batch, judged)).memories == 1
    assert (await pipeline.settler.apply(batch, judged)).memories == 0
    assert [memory.state for memory in await pipeline.memories()] == [MemoryState.SUPERSEDED, MemoryState.CURRENT]
    assert await pipeline.rows(batches) == 0


async def test_what_is_gone_or_not_allowed_any_more_is_left_out(pipeline: Pipeline) -> None:
    await pipeline.consents.opt_out(CAROL, GUILD)
    kept, fact, out = [await pipeline.say(text, author=who) for text, who in [("a", ALICE), ("b", BOB), ("c", ALICE)]]
    elsewhere = await pipeline.say("d", channel=CHANNEL + 1)
    statements = [
        stated("cites a message that nobody knows", kept, supporting=[replace(kept, id=5)]),
        stated("cites a message of another batch", elsewhere),
        stated("Bob likes tea", fact, kind=MemoryKind.PREFERENCE),
    ]
    settled = await pipeline.settle(*((statement, good()) for statement in statements))
    assert settled.refusals == {GONE: 2, NOT_ALLOWED: 1}
    assert await pipeline.memories() == []
    assert (await pipeline.states())[out.id] is MessageState.EXTRACTED


async def test_who_has_opted_out_meanwhile_is_no_supporting_author_either_and_casts_no_doubt(
    pipeline: Pipeline,
) -> None:
    friday = await told(pipeline, FRIDAY)
    own, theirs = await pipeline.say("as Bob says"), await pipeline.say("saturday 13", author=BOB)
    await pipeline.consents.opt_out(BOB, GUILD)
    settled = await pipeline.settle(
        (stated(SATURDAY, own, supporting=[theirs]), good(REPLACES, friday)),
        refused=[(stated("", theirs), good(REPLACES, friday))],
    )
    assert settled.refusals == {OPTED_OUT: 1}
    assert await pipeline.memories() == [friday]


# --- places ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("place", "changes"), [(THREAD, True), (PRIVATE_THREAD, False), (CHANNEL + 1, False)])
@pytest.mark.matrix
async def test_a_change_crosses_into_public_threads_alone(pipeline: Pipeline, place: int, *, changes: bool) -> None:
    await pipeline.threads.note(GUILD, [(THREAD, CHANNEL, "public")])
    await _decide_on(pipeline, PRIVATE_THREAD)
    for first, second in ((CHANNEL, place), (place, CHANNEL)):
        old = await told(pipeline, f"{FRIDAY} in {first}", channel=first)
        message = await pipeline.say(SATURDAY, channel=second)
        await pipeline.settle((stated(f"{SATURDAY} in {second}", message), good(REPLACES, old)), channel=second)
        found = (await pipeline.store.get([old.id]))[old.id]
        assert (found.state is MemoryState.SUPERSEDED) is changes
        assert found.doubt is None


async def test_neighbours_are_of_the_channel_and_its_public_threads_in_any_state(pipeline: Pipeline) -> None:
    await pipeline.threads.note(GUILD, [(THREAD, CHANNEL, "public")])
    await _decide_on(pipeline, PRIVATE_THREAD)
    places = {
        name: await told(pipeline, f"{FRIDAY} {name}", channel=name) for name in (CHANNEL, THREAD, PRIVATE_THREAD)
    }
    async with pipeline.db.write() as connection:
        await pipeline.store.supersede(connection, places[THREAD].id, by=places[CHANNEL].id)

    async def near(channel: int) -> set[str]:
        found = await pipeline.neighbours.near(guild_id=GUILD, channel_id=channel, text=FRIDAY, rendered=None)
        return {memory.id for memory in found}

    together = {places[CHANNEL].id, places[THREAD].id}
    assert await near(CHANNEL) == together
    assert await near(THREAD) == together
    assert await near(PRIVATE_THREAD) == {places[PRIVATE_THREAD].id}
    assert await near(CHANNEL + 1) == set()


# --- doubt -----------------------------------------------------------------------------------------------------------


async def test_what_is_not_kept_but_replaces_a_memory_puts_it_in_doubt(pipeline: Pipeline) -> None:
    memory, message = await doubted(pipeline)
    assert memory.state is MemoryState.CURRENT
    assert memory.doubt == Doubt(message.id, CHANNEL, BOB)


async def test_a_later_statement_settles_a_doubt(pipeline: Pipeline) -> None:
    friday, _ = await doubted(pipeline)
    message = await pipeline.say("friday, as we said")
    await pipeline.settle((stated("It stays Friday 12", message), good(SAME, friday)))
    (memory,) = await pipeline.memories()
    assert memory.doubt is None
    await pipeline.settle(refused=[(stated("", await pipeline.say("or saturday?")), good(REPLACES, memory))])
    (memory,) = await pipeline.memories()
    assert memory.doubt is not None
    await pipeline.settle((stated(SATURDAY, await pipeline.say("saturday")), good(REPLACES, memory)))
    old, _ = await pipeline.memories()
    assert (old.state, old.doubt) == (MemoryState.SUPERSEDED, None)


async def test_of_several_doubts_the_newest_counts(pipeline: Pipeline) -> None:
    friday = await told(pipeline, FRIDAY)
    first, second = await pipeline.say("saturday?"), await pipeline.say("or sunday?")
    await pipeline.settle(refused=[(stated("", m), good(REPLACES, friday)) for m in (second, first)])
    (memory,) = await pipeline.memories()
    assert memory.doubt is not None
    assert memory.doubt.message_id == second.id


@pytest.mark.parametrize("way", ["deleted", "edited", "forgotten", "author erased", "channel erased", "put right"])
@pytest.mark.matrix
async def test_a_doubt_goes_with_its_message(pipeline: Pipeline, way: str) -> None:
    friday, message = await doubted(pipeline)
    match way:
        case "deleted":
            receipt = await pipeline.erasure.erase_messages(GUILD, CHANNEL, [message.id])
            assert receipt.complete
        case "edited":
            await pipeline.revisions.edited(message.id, "friday is fine", LATER)
        case "forgotten":
            note = await pipeline.own.remember(
                guild_id=GUILD, channel_id=CHANNEL, author_id=BOB, message_id=message.id, text="maybe saturday"
            )
            await pipeline.own.forget(note.id, asker(BOB))
        case "author erased":
            receipt = await pipeline.erasure.erase_member(BOB, GUILD)
            assert receipt.complete
        case "channel erased":
            assert (await pipeline.erasure.erase_channel(GUILD, CHANNEL)).complete
            assert await pipeline.memories() == []
            return
        case "put right":
            await pipeline.own.correct(friday.id, asker(ALICE), FRIDAY)
    (memory,) = await pipeline.memories()
    assert memory.doubt is None


async def test_a_doubt_outlives_retention_and_is_erased_and_edited_away_after_it(pipeline: Pipeline) -> None:
    friday, message = await doubted(pipeline)
    pipeline.clock.advance(31 * 86_400)
    await pipeline.erasure.erase_expired(30)
    assert await pipeline.states() == {}
    assert (await pipeline.store.get([friday.id]))[friday.id].doubt is not None
    await pipeline.revisions.edited(message.id, "friday is fine", LATER)
    assert (await pipeline.store.get([friday.id]))[friday.id].doubt is None


async def test_after_retention_an_erased_author_leaves_no_doubt_behind(pipeline: Pipeline) -> None:
    friday, _ = await doubted(pipeline)
    pipeline.clock.advance(31 * 86_400)
    await pipeline.erasure.erase_expired(30)
    receipt = await pipeline.erasure.erase_member(BOB, GUILD)
    assert (receipt.complete, receipt.remaining["doubts"]) == (True, 0)
    assert (await pipeline.store.get([friday.id]))[friday.id].doubt is None


async def test_what_was_put_right_after_a_message_is_not_doubted_because_of_it(pipeline: Pipeline) -> None:
    friday = await told(pipeline, FRIDAY)
    message = await pipeline.say("saturday?", author=BOB)
    await pipeline.own.correct(friday.id, asker(ALICE), "The party is on Friday the 12th")
    await pipeline.settle(refused=[(stated("", message), good(REPLACES, friday))])
    (memory,) = await pipeline.memories()
    assert memory.doubt is None


# --- supporting citations --------------------------------------------------------------------------------------------


async def supported(pipeline: Pipeline) -> tuple[Memory, Message, Message]:
    """A memory, the message that states it, and the one that only holds its date."""
    date = await pipeline.say("12 September", author=BOB)
    stating = await pipeline.say("then the party is on that day", author=ALICE)
    await pipeline.settle((stated("The party is on 12 September", stating, supporting=[date]), good()))
    (memory,) = await pipeline.memories()
    return memory, stating, date


async def test_a_supporting_citation_is_no_speaker(pipeline: Pipeline) -> None:
    memory, stating, date = await supported(pipeline)
    assert [(c.message_id, c.supporting) for c in memory.citations] == [(date.id, True), (stating.id, False)]
    assert (memory.author_ids, memory.newest.message_id) == ((ALICE,), stating.id)
    assert (await pipeline.own.of_member(GUILD, BOB, readable=None)).total == 0
    assert await pipeline.own.suggest(GUILD, asker(BOB), "") == []
    assert (await pipeline.own.of_member(GUILD, ALICE, readable=None)).items == (memory,)
    await pipeline.indexer.drain()
    assert pipeline.index.entries[memory.id].author_ids == (ALICE,)


async def test_a_supporting_citation_counts_for_who_may_read_it(pipeline: Pipeline) -> None:
    memory, _, date = await supported(pipeline)
    async with pipeline.db.write() as connection:
        moved = update(citations).where(citations.c.message_id == date.id)
        await connection.execute(moved.values(channel_id=CHANNEL + 9))
    assert (await pipeline.own.of_member(GUILD, ALICE, readable=frozenset({CHANNEL}))).total == 0
    assert (await pipeline.store.get([memory.id]))[memory.id].channel_ids == {CHANNEL, CHANNEL + 9}


@pytest.mark.parametrize("way", ["deleted", "edited", "author erased"])
@pytest.mark.matrix
async def test_what_lost_its_supporting_message_is_made_anew(pipeline: Pipeline, way: str) -> None:
    _, stating, date = await supported(pipeline)
    match way:
        case "deleted":
            await pipeline.erasure.erase_messages(GUILD, CHANNEL, [date.id])
        case "edited":
            await pipeline.revisions.edited(date.id, "19 September", LATER)
        case _:
            assert (await pipeline.erasure.erase_member(BOB, GUILD)).complete
    assert await pipeline.memories() == []
    assert (await pipeline.states())[stating.id] is MessageState.PENDING


async def test_a_supporting_citation_keeps_no_memory_alive(pipeline: Pipeline) -> None:
    _, stating, date = await supported(pipeline)
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [stating.id])
    assert await pipeline.memories() == []
    assert (await pipeline.states())[date.id] is MessageState.EXTRACTED


async def test_what_lost_its_supporting_message_after_retention_goes_with_it(pipeline: Pipeline) -> None:
    _, _, date = await supported(pipeline)
    pipeline.clock.advance(31 * 86_400)
    await pipeline.erasure.erase_expired(30)
    assert len(await pipeline.memories()) == 1
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [date.id])
    assert await pipeline.memories() == []


async def test_a_supporting_message_that_states_it_later_is_its_speakers(pipeline: Pipeline) -> None:
    memory, _, date = await supported(pipeline)
    async with pipeline.db.write() as connection:
        await pipeline.store.cite(connection, memory.id, [Citation(date.id, CHANNEL, BOB)])
    (memory,) = await pipeline.memories()
    assert memory.author_ids == (BOB, ALICE)


async def test_forgetting_leaves_the_supporting_message_to_others(pipeline: Pipeline) -> None:
    memory, stating, date = await supported(pipeline)
    await pipeline.own.forget(memory.id, asker(ALICE))
    states = await pipeline.states()
    assert (states[stating.id], states[date.id]) == (MessageState.SKIPPED, MessageState.EXTRACTED)


# --- topics ----------------------------------------------------------------------------------------------------------


async def talked(pipeline: Pipeline) -> tuple[Memory, list[Message]]:
    """A topic of four messages."""
    said = [await pipeline.say(f"about the party {n}", author=who) for n, who in enumerate([ALICE, BOB, ALICE, CAROL])]
    await pipeline.settle((stated("What the party needs", *said, kind=MemoryKind.TOPIC), good()))
    (topic,) = await pipeline.memories()
    return topic, said


@pytest.mark.parametrize("way", ["deleted", "edited"])
async def test_a_topic_goes_with_one_of_its_messages_and_the_others_are_pending_again(
    pipeline: Pipeline, way: str
) -> None:
    _, said = await talked(pipeline)
    if way == "deleted":
        await pipeline.erasure.erase_messages(GUILD, CHANNEL, [said[1].id])
    else:
        await pipeline.revisions.edited(said[1].id, "about something else", LATER)
    assert await pipeline.memories() == []
    assert set((await pipeline.states()).values()) == {MessageState.PENDING}


async def test_a_topic_stays_when_its_messages_expire_and_goes_when_one_is_deleted_then(pipeline: Pipeline) -> None:
    topic, said = await talked(pipeline)
    pipeline.clock.advance(31 * 86_400)
    await pipeline.erasure.erase_expired(30)
    assert await pipeline.memories() == [topic]
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [said[0].id])
    assert await pipeline.memories() == []


async def test_an_edit_after_retention_takes_what_was_made_before_it(pipeline: Pipeline) -> None:
    topic, said = await talked(pipeline)
    pipeline.clock.advance(31 * 86_400)
    await pipeline.erasure.erase_expired(30)
    assert not await pipeline.revisions.edited(said[0].id, "shown anew, not edited", datetime(2020, 1, 1, tzinfo=UTC))
    assert await pipeline.memories() == [topic]
    await pipeline.revisions.edited(said[0].id, "never mind", datetime(2030, 1, 1, tzinfo=UTC))
    assert await pipeline.memories() == []


async def test_a_forgotten_topic_is_not_made_again_and_what_was_said_in_it_may_be(pipeline: Pipeline) -> None:
    topic, said = await talked(pipeline)
    moderator = Asker(CAROL, GUILD, frozenset({CHANNEL}), frozenset({CHANNEL}))
    await pipeline.own.forget(topic.id, moderator)
    assert set((await pipeline.states()).values()) == {MessageState.EXTRACTED}
    await _read_again(pipeline)
    settled = await pipeline.settle(
        (stated("A party", *said[:3], kind=MemoryKind.TOPIC), good()), (stated("Bob brings a cake", said[1]), good())
    )
    assert settled.refusals == {AGAIN: 1}
    assert await pipeline.texts() == ["Bob brings a cake"]
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [m.id for m in said])
    assert await pipeline.rows(forgotten_topics) == 0


# --- messages that are read again ------------------------------------------------------------------------------------


async def test_read_again_nothing_is_doubled_and_nothing_comes_back(pipeline: Pipeline) -> None:
    friday = await told(pipeline, FRIDAY)
    change = await pipeline.say(SATURDAY, author=BOB)
    await pipeline.settle((stated(SATURDAY, change), good(REPLACES, friday)))
    cake = await told(pipeline, "Carol brings a cake", author=CAROL)
    await pipeline.own.correct(cake.id, asker(CAROL), "Carol brings two cakes")
    before = await pipeline.memories()
    await _read_again(pipeline)
    first, second, third = (memory.newest.message_id for memory in before)
    settled = await pipeline.settle(
        (Statement(MemoryKind.DECISION, "Friday 12 is the day", (first,)), good()),
        (Statement(MemoryKind.DECISION, "The party: Saturday 13", (second,)), good()),
        (Statement(MemoryKind.PLAN, "A cake comes from Carol", (third,)), good()),
    )
    assert settled.refusals == {HISTORY: 1, CORRECTED: 1}
    assert await pipeline.memories() == before


async def test_what_was_forgotten_is_neither_shown_again_nor_supports_anything(pipeline: Pipeline) -> None:
    party = await told(pipeline, FRIDAY)
    await pipeline.own.forget(party.id, asker(ALICE))
    message = await pipeline.say("yes, in the garden", author=BOB)
    work = await pipeline.queue.work(await pipeline.cut())
    assert [shown.id for shown in work.shown] == [message.id]
    lent = Statement(MemoryKind.DECISION, f"{FRIDAY} in the garden", (message.id,), (party.newest.message_id,))
    settled = await pipeline.settle((lent, good()))
    assert (settled.refusals, await pipeline.memories()) == ({GONE: 1}, [])


async def test_what_a_time_is_over_for_takes_what_it_replaced_along(pipeline: Pipeline) -> None:
    friday = await told(pipeline, FRIDAY)
    change = await pipeline.say(SATURDAY, author=BOB)
    await pipeline.settle((stated(SATURDAY, change, kind=MemoryKind.PLAN), good(REPLACES, friday)))
    rules = pipeline.consents.rules
    await rules.set_lifetime(GUILD, MemoryKind.PLAN, 30)
    pipeline.clock.advance(31 * 86_400)
    assert (await pipeline.erasure.erase_expired(60))["memories"] == 2
    assert await pipeline.memories() == []


# --- help ------------------------------------------------------------------------------------------------------------


async def _decide_on(pipeline: Pipeline, thread_id: int) -> None:
    """Have somebody switch observation on in a thread itself, as private ones need it."""
    observations = Observations(pipeline.db, pipeline.clock)
    await observations.switch_on(
        guild_id=GUILD, channel_id=thread_id, parent_id=CHANNEL, name="private", by=ALICE, from_id=1
    )


async def _read_again(pipeline: Pipeline) -> None:
    async with pipeline.db.write() as connection:
        await set_state(connection, messages.c.state == MessageState.EXTRACTED, MessageState.PENDING)
