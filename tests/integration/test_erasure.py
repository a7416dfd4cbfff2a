"""Erasure: what goes, what stays, and that nothing of it is left on disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, inspect, select, text, update

from bot.domain import snowflake
from bot.domain.errors import ServiceUnavailable
from bot.domain.model import MemoryKind, MemoryOrigin, MemoryState, Message, MessageState
from bot.memories import Asker
from bot.observe.messagelog import Said
from bot.remember.statement import Statement
from bot.storage.schema import batches, channels, guilds, memories, messages, outbox, tombstones
from tests.fixtures.memory import Interrupted, Pipeline, bytes_in, replaces_the_nearest
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS

pytestmark = pytest.mark.both_databases

ALICE, BOB = 123_450_000_000_003_101, 123_450_000_000_003_102
OTHER_GUILD, OTHER_CHANNEL, THREAD = 1_002, 2_002, 2_003

# Random first letters, for a full-text index shares prefixes between neighbouring words.
CANARIES = ["xqvkzjwp", "jwbnqfxy", "kzpvdhqw"]


def joint(said: Sequence[Message]) -> list[Statement]:
    """One memory that stands on all messages of a call."""
    return [Statement(MemoryKind.DECISION, " / ".join(m.content for m in said), tuple(m.id for m in said))]


def find_all(data_dir: Path, needles: Sequence[str] = CANARIES) -> dict[str, list[str]]:
    return {needle: files for needle in needles if (files := bytes_in(data_dir, needle))}


async def everywhere(pipeline: Pipeline, needle: str) -> list[str]:
    """Names of the tables that hold `needle`, full-text tables and their shadows included."""
    found: list[str] = []
    async with pipeline.db.read() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        for name in names:
            rows = (await connection.execute(text(f'SELECT * FROM "{name}"'))).all()  # noqa: S608 - our own tables
            if any(needle.encode() in _as_bytes(value) for row in rows for value in row):
                found.append(name)
    return found


def _as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


async def fill(pipeline: Pipeline) -> list[Message]:
    """Alice's canaries in every place that can hold them: extracted, remembered, pending, answered, dead, outbox."""
    extracted = await pipeline.say(f"note: {CANARIES[0]} is decided", author=ALICE)
    await pipeline.flush()
    dead = await pipeline.say(f"note: {CANARIES[1]} breaks answers", author=ALICE)
    async with pipeline.db.write() as connection:
        await connection.execute(
            update(messages).where(messages.c.id == dead.id).values(state="dead", reason=f"AnswerInvalid: {dead.id}")
        )
    await pipeline.own.remember(
        guild_id=GUILD, channel_id=CHANNEL, author_id=ALICE, message_id=extracted.id, text=f"{CANARIES[2]} on purpose"
    )
    pending = await pipeline.say(f"note: {CANARIES[1]} waits", author=ALICE)
    await pipeline.say("note: bob was here", author=BOB)
    pipeline.steps.die_at = len(pipeline.steps.seen) + 6
    with pytest.raises(Interrupted, match="answered"):
        await pipeline.flush()
    pipeline.restart()
    pipeline.clock.advance(31)
    return [extracted, dead, pending]


ERASURES: dict[str, Callable[[Pipeline, Sequence[Message]], Awaitable[object]]] = {
    "messages": lambda p, said: p.erasure.erase_messages(GUILD, CHANNEL, [m.id for m in said]),
    "member": lambda p, _: p.erasure.erase_member(ALICE, GUILD),
    "member everywhere": lambda p, _: p.erasure.erase_member(ALICE),
    "channel": lambda p, _: p.erasure.erase_channel(GUILD, CHANNEL),
    "guild": lambda p, _: p.erasure.erase_guild(GUILD),
}


@pytest.mark.parametrize("way", ERASURES)
@pytest.mark.matrix
async def test_nothing_of_it_is_left_in_any_table_file_or_index(pipeline: Pipeline, data_dir: Path, way: str) -> None:
    said = await fill(pipeline)
    if pipeline.db.dialect == "sqlite":
        assert set(find_all(data_dir)) == set(CANARIES), "found before"
    assert all([await everywhere(pipeline, canary) for canary in CANARIES]), "found before"
    assert "batches" in await everywhere(pipeline, CANARIES[1]), "also in a stored answer"

    await ERASURES[way](pipeline, said)
    await pipeline.indexer.drain()
    await pipeline.db.scrub()

    for canary in CANARIES:
        assert await everywhere(pipeline, canary) == []
    assert find_all(data_dir) == {}
    assert not any(canary in e.text for e in pipeline.index.entries.values() for canary in CANARIES)
    assert await pipeline.rows(outbox) == 0

    await pipeline.flush()
    assert await pipeline.texts() == ([] if way in ("channel", "guild") else ["bob was here"])
    for canary in CANARIES:
        assert await everywhere(pipeline, canary) == []


@pytest.mark.parametrize("way", ["member", "member everywhere", "guild"])
@pytest.mark.matrix
async def test_no_id_and_no_name_of_an_erased_member_is_left(pipeline: Pipeline, data_dir: Path, way: str) -> None:
    said = await fill(pipeline)
    await pipeline.say(f"note: <@{ALICE}> and <@!{ALICE}> bring the soup", author=BOB)
    await pipeline.flush()
    await pipeline.say(f"note: ask <@{ALICE}> about the keys", author=BOB)
    assert await everywhere(pipeline, str(ALICE))

    await ERASURES[way](pipeline, said)
    await pipeline.db.scrub()

    assert await everywhere(pipeline, str(ALICE)) == []
    assert bytes_in(data_dir, f"member {ALICE}") == []
    if way != "guild":
        assert "@deleted and @deleted bring the soup" in await pipeline.texts()
        await pipeline.flush()
        assert "ask @deleted about the keys" in await pipeline.texts()


@pytest.mark.parametrize("way", ["member", "channel", "guild"])
@pytest.mark.matrix
async def test_what_was_erased_does_not_come_back(pipeline: Pipeline, way: str) -> None:
    said = await fill(pipeline)
    await ERASURES[way](pipeline, said)
    report = await pipeline.log.append([Said(m, "Alice") for m in said])
    assert report.stored == 0
    later = Message(
        id=snowflake.from_ms(pipeline.clock() + 1000), guild_id=GUILD, channel_id=CHANNEL, author_id=ALICE, content="hi"
    )
    assert (await pipeline.log.append([Said(later, "Alice")])).stored == 1


async def test_a_given_snowflake_bounds_the_watermark_whatever_the_clock_says(pipeline: Pipeline) -> None:
    said = await pipeline.say("before", author=ALICE)
    pipeline.clock.advance(10 * 86_400)
    await pipeline.erasure.erase_member(ALICE, GUILD, up_to=said.id + 10)
    after = await pipeline.say("after", author=ALICE)
    assert set(await pipeline.states()) == {after.id}


async def test_a_delete_that_comes_before_its_message_keeps_it_out(pipeline: Pipeline) -> None:
    message_id = snowflake.from_ms(NOW_MS)
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [message_id])
    late = Message(id=message_id, guild_id=GUILD, channel_id=CHANNEL, author_id=ALICE, content=CANARIES[0])
    assert (await pipeline.log.append([Said(late, "Alice")])).stored == 0
    assert await pipeline.rows(tombstones) == 1


async def test_a_receipt_counts_what_went_and_finds_nothing_left(pipeline: Pipeline) -> None:
    await fill(pipeline)
    receipt = await pipeline.erasure.erase_member(ALICE, GUILD)
    assert receipt.complete
    assert receipt.removed["messages"] == 3
    assert receipt.removed["memories"] == 2
    assert receipt.removed["model answers"] == 1
    assert receipt.removed["names"] == 1
    assert set(receipt.remaining) >= {"messages", "memories", "full text", "index", "names", "vectors", "audit trail"}
    again = await pipeline.erasure.erase_member(ALICE, GUILD)
    assert not any(again.removed.values())


async def test_a_receipt_says_so_while_the_index_can_not_be_reached(pipeline: Pipeline) -> None:
    await fill(pipeline)
    pipeline.index.fault = ServiceUnavailable("qdrant", "refused")
    receipt = await pipeline.erasure.erase_member(ALICE, GUILD)
    assert not receipt.complete
    assert receipt.remaining["index"] > 0
    pipeline.index.fault = None
    pipeline.clock.advance(600)
    assert (await pipeline.erasure.erase_member(ALICE, GUILD)).complete
    assert pipeline.index.entries == {}


async def test_interrupted_and_run_again_an_erasure_is_whole(pipeline: Pipeline) -> None:
    """A member with more than one transaction's worth, and a database that breaks off after the first."""
    said = await pipeline.say_many([f"note: plan {n} of {CANARIES[0]}" for n in range(700)], author=ALICE)
    writes = 0
    write = pipeline.db.write

    def breaking() -> object:
        nonlocal writes
        writes += 1
        if writes == 3:
            raise Interrupted("between two transactions")
        return write()

    pipeline.db.write = breaking  # type: ignore[method-assign, assignment]
    with pytest.raises(Interrupted):
        await pipeline.erasure.erase_member(ALICE, GUILD)
    pipeline.db.write = write  # type: ignore[method-assign]
    assert len(await pipeline.states()) == 200
    assert (await pipeline.log.append([Said(said[0], "Alice")])).stored == 0, "the watermark came first"
    assert (await pipeline.erasure.erase_member(ALICE, GUILD)).complete
    assert await everywhere(pipeline, CANARIES[0]) == []


# --- what else stands on an erased message ---------------------------------------------------------------------------


async def test_what_a_memory_cited_besides_is_extracted_again(pipeline: Pipeline) -> None:
    pipeline.reader.answer = joint
    theirs = await pipeline.say("Alice says seven", author=ALICE)
    others = await pipeline.say("Bob says eight", author=BOB)
    await pipeline.flush()
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [theirs.id])
    assert await pipeline.memories() == []
    assert await pipeline.states() == {others.id: MessageState.PENDING}
    await pipeline.flush()
    assert await pipeline.texts() == ["Bob says eight"]


async def test_where_the_log_no_longer_has_the_others_the_memory_loses_the_citation(pipeline: Pipeline) -> None:
    pipeline.reader.answer = joint
    others = await pipeline.say("Bob says eight", author=BOB)
    pipeline.clock.advance(3 * 86_400)
    theirs = await pipeline.say("Alice says seven", author=ALICE)
    await pipeline.flush()
    await pipeline.erasure.erase_expired(2)
    assert set(await pipeline.states()) == {theirs.id}
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [theirs.id])
    (memory,) = await pipeline.memories()
    assert [c.message_id for c in memory.citations] == [others.id]
    assert memory.version == 2
    await pipeline.erasure.erase_member(BOB, GUILD)
    assert await pipeline.memories() == []


async def test_what_was_kept_or_corrected_on_purpose_goes_with_its_last_citation(pipeline: Pipeline) -> None:
    pipeline.reader.answer = joint
    said = [await pipeline.say("one", author=ALICE), await pipeline.say("two", author=BOB)]
    await pipeline.flush()
    async with pipeline.db.write() as connection:
        await connection.execute(update(memories).values(origin=MemoryOrigin.CORRECTED, text="three"))
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [said[0].id])
    (memory,) = await pipeline.memories()
    assert (memory.text, memory.author_ids) == ("three", (BOB,))
    assert await pipeline.states() == {said[1].id: MessageState.EXTRACTED}
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [said[1].id])
    assert await pipeline.memories() == []


async def test_history_that_an_erased_memory_replaced_holds_again(pipeline: Pipeline) -> None:
    await pipeline.say("note: the release party starts at 18:00 on Friday", author=ALICE)
    await pipeline.flush()
    pipeline.reader.judge = replaces_the_nearest
    newer = await pipeline.say("note: the release party now starts at 20:00 on Friday", author=BOB)
    await pipeline.flush()
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [newer.id])
    (memory,) = await pipeline.memories()
    assert (memory.state, memory.superseded_by) == (MemoryState.CURRENT, None)


async def test_superseded_memories_of_an_erased_member_go_too(pipeline: Pipeline, data_dir: Path) -> None:
    await pipeline.say(f"note: the {CANARIES[0]} party starts at 18:00 on Friday", author=ALICE)
    await pipeline.flush()
    pipeline.reader.judge = replaces_the_nearest
    await pipeline.say(f"note: the {CANARIES[0]} party now starts at 20:00 on Friday", author=ALICE)
    await pipeline.flush()
    assert [m.state for m in await pipeline.memories()] == [MemoryState.SUPERSEDED, MemoryState.CURRENT]
    await pipeline.erasure.erase_member(ALICE)
    assert await everywhere(pipeline, CANARIES[0]) == []
    assert find_all(data_dir) == {}
    assert pipeline.index.entries == {}


async def test_a_name_stays_while_something_refers_to_it(pipeline: Pipeline) -> None:
    said = await pipeline.say("hello", author=ALICE)
    await pipeline.say(f"note: <@{ALICE}> has the keys", author=BOB)
    await pipeline.flush()
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [said.id])
    assert await pipeline.directory.names(GUILD, [ALICE]) == {ALICE: f"member {ALICE}"}
    (memory,) = await pipeline.memories()
    await pipeline.own.forget(memory.id, Asker(BOB, GUILD))
    other = await pipeline.say("hello again", author=ALICE)
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [other.id])
    assert await pipeline.directory.names(GUILD, [ALICE]) == {}


async def test_a_batch_none_of_whose_messages_are_left_goes(pipeline: Pipeline) -> None:
    said = await pipeline.say("note: alone", author=ALICE)
    pipeline.reader.fault = lambda _: ServiceUnavailable("ollama", "refused")
    await pipeline.flush()
    assert await pipeline.rows(batches) == 1
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [said.id])
    assert await pipeline.rows(batches) == 0


# --- limits of a scope -----------------------------------------------------------------------------------------------


async def test_an_erasure_touches_nothing_outside_its_scope(pipeline: Pipeline) -> None:
    here = await pipeline.say("note: here", author=ALICE)
    there = await pipeline.say("note: there", author=ALICE, channel=OTHER_CHANNEL)
    elsewhere = await pipeline.say("note: elsewhere", author=ALICE, channel=9, guild=OTHER_GUILD)
    await pipeline.flusher.flush_all()

    await pipeline.erasure.erase_channel(GUILD, CHANNEL)
    assert here.id not in await pipeline.states()
    assert await pipeline.texts() == ["elsewhere", "there"]
    await pipeline.erasure.erase_member(ALICE, GUILD)
    assert there.id not in await pipeline.states()
    assert await pipeline.texts() == ["elsewhere"]
    await pipeline.erasure.erase_guild(OTHER_GUILD)
    assert elsewhere.id not in await pipeline.states()
    assert await pipeline.texts() == []


async def test_a_channels_threads_go_with_it(pipeline: Pipeline) -> None:
    await pipeline.say("note: in the thread", channel=THREAD)
    await pipeline.say("note: elsewhere", channel=OTHER_CHANNEL)
    await pipeline.flusher.flush_all()
    async with pipeline.db.write() as connection:
        await connection.execute(update(channels).where(channels.c.channel_id == THREAD).values(parent_id=CHANNEL))
    await pipeline.erasure.erase_channel(GUILD, CHANNEL)
    assert await pipeline.texts() == ["elsewhere"]


async def test_a_guild_that_was_left_loses_its_channels_and_name(pipeline: Pipeline) -> None:
    await pipeline.say("hello")
    async with pipeline.db.write() as connection:
        await connection.execute(insert(guilds).values(guild_id=GUILD, name="Choir", joined_ms=0))
    await pipeline.erasure.erase_guild(GUILD)
    assert (await pipeline.rows(channels), await pipeline.rows(guilds)) == (1, 1)
    await pipeline.erasure.erase_guild(GUILD, left=True)
    assert (await pipeline.rows(channels), await pipeline.rows(guilds)) == (0, 0)


async def test_retention_takes_messages_and_leaves_memories(pipeline: Pipeline, data_dir: Path) -> None:
    extracted = await pipeline.say("note: the cellar is dry", author=ALICE)
    await pipeline.flush()
    await pipeline.say(f"{CANARIES[0]} waits for too long", author=BOB)
    pipeline.clock.advance(29 * 86_400)
    recent = await pipeline.say("hello", author=ALICE)
    await pipeline.erasure.erase_expired(30)
    assert len(await pipeline.states()) == 3
    pipeline.clock.advance(2 * 86_400)
    removed = await pipeline.erasure.erase_expired(30)
    assert removed["messages"] == 2
    assert set(await pipeline.states()) == {recent.id}
    (memory,) = await pipeline.memories()
    assert memory.citations[0].message_id == extracted.id
    assert find_all(data_dir) == {}
    assert await pipeline.directory.names(GUILD, [ALICE, BOB]) == {ALICE: f"member {ALICE}"}


# --- edits -----------------------------------------------------------------------------------------------------------

LATER = datetime.fromtimestamp(NOW_MS / 1000, tz=UTC)


async def test_an_edited_message_is_extracted_again_and_its_old_text_is_gone(
    pipeline: Pipeline, data_dir: Path
) -> None:
    said = await pipeline.say(f"note: {CANARIES[0]} is decided", author=ALICE)
    await pipeline.flush()
    assert await pipeline.revisions.edited(said.id, "note: nothing is decided", LATER)
    assert await pipeline.memories() == []
    assert await pipeline.states() == {said.id: MessageState.PENDING}
    await pipeline.flush()
    assert await pipeline.texts() == ["nothing is decided"]
    assert [e.text for e in pipeline.index.entries.values()] == ["nothing is decided"]
    assert await everywhere(pipeline, CANARIES[0]) == []
    await pipeline.db.scrub()
    assert find_all(data_dir) == {}


async def test_an_edit_reopens_what_its_memories_cited_besides(pipeline: Pipeline) -> None:
    pipeline.reader.answer = joint
    first, second = await pipeline.say("at seven"), await pipeline.say("in the attic")
    await pipeline.flush()
    await pipeline.revisions.edited(first.id, "at eight", LATER)
    assert set((await pipeline.states()).values()) == {MessageState.PENDING}
    await pipeline.flush()
    assert await pipeline.texts() == ["at eight / in the attic"]
    assert set(await pipeline.states()) == {first.id, second.id}


async def test_an_edit_throws_a_stored_answer_away(pipeline: Pipeline) -> None:
    said = await fill(pipeline)
    await pipeline.revisions.edited(said[2].id, "note: a new plan", LATER)
    assert "batches" not in await everywhere(pipeline, CANARIES[1])
    await pipeline.flush()
    assert "a new plan" in await pipeline.texts()


async def test_late_double_and_unknown_edits_change_nothing(pipeline: Pipeline) -> None:
    said = await pipeline.say("note: first", author=ALICE)
    earlier = datetime.fromtimestamp(NOW_MS / 1000 - 60, tz=UTC)
    assert await pipeline.revisions.edited(said.id, "note: third", LATER)
    assert not await pipeline.revisions.edited(said.id, "note: second", earlier)
    assert not await pipeline.revisions.edited(said.id, "note: third", LATER)
    assert not await pipeline.revisions.edited(4711, "note: who?", LATER)
    assert (await pipeline.log.get([said.id]))[said.id].content == "note: third"


async def test_an_edit_brings_no_mention_of_a_member_who_opted_out(pipeline: Pipeline) -> None:
    said = await pipeline.say("who has the key?", author=ALICE)
    kept = await pipeline.own.remember(
        guild_id=GUILD, channel_id=CHANNEL, author_id=ALICE, message_id=said.id, text=said.content
    )
    await pipeline.consents.opt_out(BOB, GUILD)
    assert await pipeline.revisions.edited(said.id, f"<@{BOB}> has the key", LATER)
    assert (await pipeline.log.get([said.id]))[said.id].content == "@deleted has the key"
    assert [memory.text for memory in await pipeline.memories() if memory.id == kept.id] == ["@deleted has the key"]
    await pipeline.erasure.erase_expired(0)
    await pipeline.revisions.edited(said.id, f"<@{BOB}> lost the key", LATER)
    assert await pipeline.texts() == ["@deleted lost the key"]


async def test_a_note_kept_of_a_message_follows_its_edit_and_a_correction_does_not(pipeline: Pipeline) -> None:
    said = await pipeline.say("the key is under the mat", author=ALICE)
    kept = await pipeline.own.remember(
        guild_id=GUILD, channel_id=CHANNEL, author_id=ALICE, message_id=said.id, text=said.content
    )
    await pipeline.revisions.edited(said.id, "the key is gone", LATER)
    assert await pipeline.texts() == ["the key is gone"]
    async with pipeline.db.write() as connection:
        corrected = update(memories).where(memories.c.id == kept.id)
        await connection.execute(corrected.values(origin=MemoryOrigin.CORRECTED, text="ask the neighbour"))
    await pipeline.revisions.edited(said.id, "the key is back", datetime.now(tz=UTC))
    assert await pipeline.texts() == ["ask the neighbour"]


async def test_an_edit_that_empties_a_message_takes_the_note_kept_of_it(pipeline: Pipeline) -> None:
    said = await pipeline.say("the key is under the mat", author=ALICE)
    await pipeline.own.remember(
        guild_id=GUILD, channel_id=CHANNEL, author_id=ALICE, message_id=said.id, text=said.content
    )
    await pipeline.revisions.edited(said.id, "", LATER)
    assert await pipeline.memories() == []


async def test_an_edit_gives_a_dead_letter_another_chance(pipeline: Pipeline) -> None:
    said = await pipeline.say("note: garbled", author=ALICE)
    async with pipeline.db.write() as connection:
        await connection.execute(update(messages).values(state=MessageState.DEAD, reason="AnswerInvalid: not JSON"))
    await pipeline.revisions.edited(said.id, "note: clear", LATER)
    await pipeline.flush()
    assert await pipeline.texts() == ["clear"]
    async with pipeline.db.read() as connection:
        assert (await connection.execute(select(messages.c.reason))).scalar_one() is None
