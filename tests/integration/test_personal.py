"""One service reaches everything that is held of a member; what members put right stays right."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import insert, select, update

from bot.domain import snowflake
from bot.domain.errors import NotFound, Refused
from bot.domain.model import MemoryKind, MemoryOrigin, Message, MessageState
from bot.forget import Post, Posts
from bot.guilds.audit import Action, AuditTrail
from bot.guilds.digests import Digests, Every
from bot.guilds.observation import Observations
from bot.guilds.warnings import Warnings
from bot.index.base import IndexEntry
from bot.memories import Asker
from bot.remember.statement import Statement
from bot.storage.columns import Holds, holding
from bot.storage.schema import corrections, messages, metadata, requests
from bot.storage.set_aside_store import Item, SetAside
from tests.fixtures.index import IndexOpener, MemoryFactory
from tests.fixtures.memory import Pipeline
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS

pytestmark = pytest.mark.both_databases

ALICE, BOB = 123_450_000_000_003_101, 123_450_000_000_003_102
OTHER_GUILD = GUILD + 1


async def act(pipeline: Pipeline) -> None:
    """Let Alice leave traces wherever a member, an admin or an erased person can."""
    await pipeline.say("note: the harbour opens at nine", author=ALICE)
    await pipeline.say(f"note: ask <@{ALICE}> about the cello", author=BOB)
    await pipeline.flush()
    await pipeline.indexer.drain()
    own, other = sorted(await pipeline.memories(), key=lambda memory: memory.author_ids)
    await pipeline.own.correct(own.id, Asker(ALICE, GUILD, frozenset({CHANNEL})), "the harbour opens at ten")
    await pipeline.named.flag(other.id, Asker(ALICE, GUILD, frozenset({CHANNEL})))
    await pipeline.say("note: waits for the model", author=ALICE)
    observations = Observations(pipeline.db, pipeline.clock)
    await observations.switch_on(guild_id=GUILD, channel_id=9, parent_id=None, name="x", by=ALICE, from_id=1)
    await AuditTrail(pipeline.db, pipeline.clock).record(GUILD, Action.OBSERVE_ON, by=ALICE, channel_id=9)
    await Digests(pipeline.db, pipeline.clock).switch_on(GUILD, 9, Every.DAY, 8, by=ALICE)
    await Warnings(pipeline.db, pipeline.clock).choose(GUILD, CHANNEL, by=ALICE)
    await pipeline.consents.set_facts(ALICE, GUILD, True)
    async with pipeline.db.write() as connection:
        await pipeline.store.doubt(connection, other.id, own.newest)
        asked = {"user_id": ALICE, "actor_id": None, "subject": None, "state": "asked", "asked_ms": 1}
        as_admin = {**asked, "user_id": None, "actor_id": ALICE, "guild_id": OTHER_GUILD}
        done = {**asked, "user_id": None, "subject": pipeline.hasher.subject(ALICE), "state": "done"}
        for row in (asked, as_admin, done):
            await connection.execute(insert(requests).values(row))
        item = Item(key="1", guild_id=GUILD, channel_id=CHANNEL, message_id=1, author_id=ALICE)
        await SetAside(pipeline.db, pipeline.clock).add(connection, "observing", {item: "unreadable"}, basis="1")
    posts = Posts(pipeline.db, pipeline.clock)
    await posts.record(Post(1, GUILD, CHANNEL), [], [ALICE], glance=await posts.glance([]))


async def traces(pipeline: Pipeline, user_id: int) -> set[str]:
    """Every column of every table, and field of the index, in which an id or its keyed hash can be found."""
    needles = (str(user_id), pipeline.hasher.subject(user_id))
    found: set[str] = set()
    async with pipeline.db.read() as connection:
        for table in metadata.sorted_tables:
            for row in (await connection.execute(select(table))).mappings():
                found |= {
                    f"{table.name}.{name}" for name, value in row.items() if any(n in str(value) for n in needles)
                }
    for entry in pipeline.index.entries.values():
        if user_id in entry.author_ids:
            found.add("index.author_ids")
    return found


def declared(*what: Holds) -> set[str]:
    """The columns that say that they hold this."""
    return {str(column) for table in metadata.sorted_tables for column in holding(table, *what)}


async def test_every_column_that_holds_a_user_id_says_so(pipeline: Pipeline) -> None:
    await act(pipeline)
    found = await traces(pipeline, ALICE)
    await pipeline.personal.delete(BOB)
    found |= await traces(pipeline, BOB)  # the watermark
    whose, mentioned = declared(Holds.USER_ID, Holds.USER_HASH), declared(Holds.SAID, Holds.NAME)
    assert whose <= found <= whose | mentioned | {"index.author_ids"}


async def test_deleting_leaves_nothing_but_keyed_hashes(pipeline: Pipeline) -> None:
    await act(pipeline)
    async with pipeline.db.write() as connection:
        await connection.execute(update(requests).values(user_id=None, state="done"))
    receipt = await pipeline.personal.delete(ALICE)
    assert receipt.complete, receipt.remaining
    assert await traces(pipeline, ALICE) == {
        "consents.subject",
        "watermarks.subject",
        "requests.subject",
        "erasures.subject",
    }
    assert receipt.removed["audit trail"] == receipt.removed["decisions about channels"] == 1


async def test_what_is_given_is_all_of_one_member_and_nothing_of_others(pipeline: Pipeline) -> None:
    await act(pipeline)
    await pipeline.say("note: bob's secret plan", author=BOB)
    await pipeline.say("note: elsewhere", author=ALICE, guild=OTHER_GUILD, channel=77)
    dossier = await pipeline.personal.give(ALICE, GUILD)
    assert [record["reason"] for record in dossier.sections["set aside"]] == ["unreadable"]
    texts = [record["text"] for record in dossier.sections["messages"]]
    assert texts == ["note: the harbour opens at nine", "note: waits for the model"]
    (memory,) = dossier.sections["memories"]
    assert (memory["text"], memory["origin"], memory["messages_of_others"]) == (
        "the harbour opens at ten",
        "corrected",
        0,
    )
    assert memory["from"] == [record["link"] for record in dossier.sections["messages"][:1]]
    assert dossier.sections["choices"][0]["facts"] is True
    assert "secret" not in str(dossier)
    assert len((await pipeline.personal.give(ALICE)).sections["messages"]) == 3


@pytest.mark.matrix
async def test_the_index_says_whether_it_still_cites_somebody(
    open_either: IndexOpener, make_memory: MemoryFactory
) -> None:
    async with open_either() as index:
        memories = [make_memory(author_id=ALICE), make_memory(author_id=ALICE, guild_id=OTHER_GUILD), make_memory()]
        await index.upsert([IndexEntry(memory, memory.text) for memory in memories])
        assert await index.count_citing(ALICE, None) == 2
        assert await index.count_citing(ALICE, GUILD) == 1
        assert await index.count_citing(BOB, None) == 0


# --- corrections -----------------------------------------------------------------------------------------------------


def reader(user_id: int) -> Asker:
    return Asker(user_id, GUILD, frozenset({CHANNEL}))


async def test_a_correction_is_kept_with_its_author_and_wins_over_extraction(pipeline: Pipeline) -> None:
    message = await pipeline.say("note: we meet at five", author=ALICE)
    await pipeline.flush()
    (memory,) = await pipeline.memories()
    corrected = await pipeline.own.correct(memory.id, reader(ALICE), "we meet at six")
    assert (corrected.text, corrected.origin) == ("we meet at six", MemoryOrigin.CORRECTED)
    async with pipeline.db.read() as connection:
        assert await connection.scalar(select(corrections.c.author_id)) == ALICE
    async with pipeline.db.write() as connection:
        await connection.execute(update(messages).values(state=MessageState.PENDING))
    report = await pipeline.flush()
    assert await pipeline.texts() == ["we meet at six"]
    assert report.refusals["corrected"] == 1
    assert await pipeline.states() == {message.id: MessageState.EXTRACTED}
    await pipeline.indexer.drain()
    assert pipeline.index.entries[memory.id].text == "we meet at six"


async def test_what_is_said_later_is_extracted_beside_a_correction(pipeline: Pipeline) -> None:
    await pipeline.say("note: we meet at five", author=ALICE)
    await pipeline.flush()
    (memory,) = await pipeline.memories()
    await pipeline.own.correct(memory.id, reader(ALICE), "we meet at six")
    await pipeline.say("note: the cake is ordered", author=ALICE)
    await pipeline.flush()
    assert await pipeline.texts() == ["the cake is ordered", "we meet at six"]


async def test_only_who_said_it_alone_corrects_it(pipeline: Pipeline) -> None:
    def joint(said: Sequence[Message]) -> list[Statement]:
        return [Statement(MemoryKind.PLAN, "both", tuple(message.id for message in said))]

    pipeline.reader.answer = joint
    await pipeline.say("one", author=ALICE)
    await pipeline.say("two", author=BOB)
    await pipeline.flush()
    (both,) = await pipeline.memories()
    own = await pipeline.own.remember(
        guild_id=GUILD, channel_id=CHANNEL, author_id=BOB, message_id=snowflake.from_ms(NOW_MS), text="bob's own"
    )
    blind, stranger = Asker(BOB, GUILD), Asker(BOB, OTHER_GUILD, frozenset({CHANNEL}))
    moderator = Asker(ALICE, GUILD, frozenset({CHANNEL}), frozenset({CHANNEL}))
    for asker, memory_id in ((reader(ALICE), both.id), (moderator, own.id), (blind, own.id), (stranger, own.id)):
        with pytest.raises(NotFound):
            await pipeline.own.correct(memory_id, asker, "forged")
    with pytest.raises(Refused):
        await pipeline.own.correct(own.id, reader(BOB), " ")
    assert await pipeline.texts() == ["bob's own", "both"]


async def test_an_erased_members_correction_goes_though_others_are_cited_too(pipeline: Pipeline) -> None:
    await pipeline.say("note: we meet at five", author=ALICE)
    await pipeline.flush()
    (memory,) = await pipeline.memories()
    await pipeline.own.correct(memory.id, reader(ALICE), "we meet at six")
    others = await pipeline.say("note: we meet at six", author=BOB)
    await pipeline.flush()
    (merged,) = await pipeline.memories()
    assert set(merged.author_ids) == {ALICE, BOB}
    receipt = await pipeline.erasure.erase_member(ALICE, GUILD)
    assert receipt.complete
    assert await pipeline.states() == {others.id: MessageState.PENDING}
    await pipeline.flush()
    (again,) = await pipeline.memories()
    assert (again.author_ids, again.origin) == ((BOB,), MemoryOrigin.EXTRACTED)
