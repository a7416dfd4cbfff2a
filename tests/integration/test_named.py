"""Members who are named in a memory: their name goes, or the memory is hidden at once until somebody decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import pytest

from bot.domain import Citation, Memory, MemoryKind, MessageState, NotFound, Refused, snowflake, with_names
from bot.forget import Glance, Post, lines_of, sources_of
from bot.guilds import Action
from bot.index import VectorQuery
from bot.index.base import ScoredPoint
from bot.memories import Asker, ForgetOutcome
from bot.memories.named import MOST_OPEN, UNDECIDED_MS, Named
from bot.observe import set_state
from bot.recall import Browse, CatchUp, DigestLines, Recall, RecallQuery, Upcoming, memory_hit
from bot.recall.digest import DigestPeriod
from bot.recall.hits import Hits
from bot.remember.statement import Judgement, Statement
from bot.storage import flags, messages
from tests.fixtures.memory import Pipeline, bytes_in, open_pipeline
from tests.fixtures.operations import older_database
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS, FakeClock

pytestmark = pytest.mark.both_databases

ALICE, BOB, CAROL, DORA, MOD = 3_101, 3_102, 3_103, 3_104, 3_105
ELSEWHERE = CHANNEL + 1
HALL = 9_001
TEXT = f"<@{CAROL}> brings the tables on 2025-06-21"
DAY_MS = 86_400_000


def asker(user_id: int, *readable: int, moderated: Sequence[int] = ()) -> Asker:
    return Asker(user_id, GUILD, frozenset(readable or (CHANNEL,)), frozenset(moderated))


CAROL_HERE, ALICE_HERE = asker(CAROL), asker(ALICE)


async def planned(
    pipeline: Pipeline, text: str = TEXT, *, by: Sequence[int] = (ALICE,), kind: MemoryKind = MemoryKind.PLAN
) -> Memory:
    """A plan that was stated by these members, each with a message of their own."""
    said = [await pipeline.say(f"line {number} about the tables", author=author) for number, author in enumerate(by)]
    return await pipeline.keep(text, *(message.id for message in said), kind=kind)


async def text_of(pipeline: Pipeline, memory: Memory) -> str:
    return (await pipeline.store.get([memory.id], hidden=True))[memory.id].text


async def is_shown(pipeline: Pipeline, memory: Memory) -> bool:
    return memory.id in await pipeline.store.get([memory.id])


async def shown_by(pipeline: Pipeline, memory: Memory, question: str = "who brings the tables?") -> set[str]:
    """The surfaces that show a memory, or compare something with it."""
    p, here = pipeline, frozenset({CHANNEL})
    catchup = CatchUp(p.db, p.store, p.fulltext)
    now = memory.newest.message_id + 1
    first = snowflake.from_ms(NOW_MS - 2 * DAY_MS)
    period = DigestPeriod(NOW_MS - 2 * DAY_MS, NOW_MS, 0)
    at = snowflake.to_datetime(now)
    by_words = RecallQuery(guild_id=GUILD, text=question, channel_ids=here, by_meaning=False)
    by_meaning = replace(by_words, text="qzvx", by_meaning=True)
    recall = Recall(p.db, p.fulltext, p.index, p.directory, p.store)

    async def near(text: str, rendered: str | None, message_ids: Sequence[int]) -> list[Memory]:
        return await p.neighbours.near(
            guild_id=GUILD, channel_id=CHANNEL, text=text, rendered=rendered, message_ids=message_ids
        )

    async def recalled(query: RecallQuery) -> list[Memory | None]:
        return [hit.memory for hit in (await recall.search(query)).hits]

    looks: dict[str, Sequence[Memory | None]] = {
        "recall by words": await recalled(by_words),
        "recall by meaning": await recalled(by_meaning),
        "hits that are shown again": [
            hit.memory for hit in await Hits(p.log, p.store).fresh([memory_hit(memory)], here)
        ],
        "browse": (await Browse(p.db, p.store, p.fulltext).page(GUILD, readable=here)).items,
        "browse for words": (await Browse(p.db, p.store, p.fulltext).page(GUILD, readable=here, words="tables")).items,
        "catch-up": (await catchup.since(here, first, now, readable=here)).memories,
        "asked of them": (await catchup.concerning(CAROL, GUILD, here, first, now, readable=here, zone=UTC)).asked,
        "upcoming": [a.memory for a in await Upcoming(p.db, p.store).ahead(GUILD, at, 30, readable=here, zone=UTC)],
        "digest": await DigestLines(p.db, catchup).of(period, here),
        "memories of who said it": (await p.own.of_member(GUILD, ALICE, readable=here)).items,
        "choices of /forget": await p.own.suggest(GUILD, ALICE_HERE, "tables"),
        "memories about me": (await p.named.about(CAROL_HERE, readable=here)).items,
        "the check, by words": await near(memory.text, None, ()),
        "the check, by meaning": await near("qzvx", "qzvx", ()),
        "the check, by message": await near("qzvx", None, [c.message_id for c in memory.citations]),
        "history": list(chain(*(await p.store.before([memory.superseded_by or ""], readable=here)).values())),
    }
    return {surface for surface, memories in looks.items() if memory.id in {m.id for m in memories if m is not None}}


@pytest.fixture
def index_finds_all(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    async def search(_: VectorQuery) -> list[ScoredPoint]:
        return [ScoredPoint(memory_id, 0.9, 0) for memory_id in pipeline.index.entries]

    monkeypatch.setattr(pipeline.index, "search", search)


# --- hidden at once, and shown again ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("index_finds_all")
async def test_what_was_flagged_is_hidden_at_once_everywhere_and_back_after_the_decision(pipeline: Pipeline) -> None:
    memory = await planned(pipeline)
    await pipeline.indexer.drain()
    everywhere = await shown_by(pipeline, memory)
    assert len(everywhere) == 15  # all but the history: nothing has replaced it
    await pipeline.named.flag(memory.id, CAROL_HERE)
    assert await shown_by(pipeline, memory) == set()
    await pipeline.indexer.drain()
    assert await shown_by(pipeline, memory) == set()
    await pipeline.named.keep(memory.id, ALICE_HERE)
    assert await shown_by(pipeline, memory) == everywhere


async def test_what_was_replaced_while_it_was_flagged_stays_out_of_the_history(pipeline: Pipeline) -> None:
    old, new = await planned(pipeline), await planned(pipeline, "the hall has tables")
    async with pipeline.db.write() as connection:
        assert await pipeline.store.supersede(connection, old.id, by=new.id)
    assert list(await pipeline.store.before([new.id], readable=None)) == [new.id]
    await pipeline.named.flag(old.id, CAROL_HERE)
    assert await pipeline.store.before([new.id], readable=None) == {}
    await pipeline.named.replace_name(old.id, CAROL_HERE)
    assert [m.text for m in (await pipeline.store.before([new.id], readable=None))[new.id]] == [
        "<@1> brings the tables on 2025-06-21"
    ]


async def test_who_said_it_is_given_it_and_told_and_can_not_correct_it_while_it_is_hidden(pipeline: Pipeline) -> None:
    memory = await planned(pipeline)
    assert "hidden_until_decided" not in (await pipeline.personal.give(ALICE, GUILD)).sections["memories"][0]
    await pipeline.named.flag(memory.id, CAROL_HERE)
    assert (await pipeline.personal.give(ALICE, GUILD)).sections["memories"][0]["hidden_until_decided"] is True
    with pytest.raises(NotFound):
        await pipeline.own.wording(memory.id, ALICE_HERE)
    with pytest.raises(NotFound):
        await pipeline.own.correct(memory.id, ALICE_HERE, "somebody else does")


async def test_posts_of_lines_lose_the_line_and_other_posts_go(pipeline: Pipeline) -> None:
    memory, other = await planned(pipeline), await planned(pipeline, "the hall has tables")
    digest, answer = Post(501, GUILD, HALL, covers_ms=1), Post(502, GUILD, HALL)
    glance = Glance(NOW_MS, {})
    await pipeline.posts.record(digest, lines_of([memory, other]), [ALICE, CAROL], glance=glance)
    await pipeline.posts.record(answer, sources_of([memory_hit(memory)]), [ALICE, CAROL], glance=glance)
    assert await pipeline.posts.find_due() == 0
    await pipeline.named.flag(memory.id, CAROL_HERE)
    assert await pipeline.posts.find_due() == 2
    assert await pipeline.posts.lines(digest) == [other.id]
    assert await pipeline.posts.to_edit(9) == [digest]
    assert await pipeline.posts.due(9) == [answer]


async def test_a_digest_is_edited_and_an_answer_goes_where_a_name_was_replaced(pipeline: Pipeline) -> None:
    memory = await planned(pipeline)
    digest, answer, glance = Post(501, GUILD, HALL, covers_ms=1), Post(502, GUILD, HALL), Glance(pipeline.clock(), {})
    await pipeline.posts.record(digest, lines_of([memory]), [ALICE, CAROL], glance=glance)
    await pipeline.posts.record(answer, sources_of([memory_hit(memory)]), [ALICE, CAROL], glance=glance)
    assert await pipeline.posts.was_edited(digest, {memory.id: memory.version}, [ALICE, CAROL])
    await pipeline.named.replace_name(memory.id, CAROL_HERE)
    assert await pipeline.posts.find_due() == 1
    assert await pipeline.posts.due(9) == [answer]
    assert await pipeline.posts.to_edit(9) == [digest]
    assert not await pipeline.posts.was_edited(digest, {memory.id: memory.version}, [ALICE, CAROL])  # of before
    now = (await pipeline.store.get([memory.id]))[memory.id]
    assert await pipeline.posts.was_edited(digest, {now.id: now.version}, [ALICE])
    assert await pipeline.posts.find_due() == 0
    assert await pipeline.posts.to_edit(9) == []


# --- the name --------------------------------------------------------------------------------------------------------


async def test_a_replaced_name_is_gone_from_text_words_index_and_history(pipeline: Pipeline, data_dir: Path) -> None:
    older = await planned(pipeline, f"<@{CAROL}> asks the hall for tables")
    memory = await planned(pipeline)
    async with pipeline.db.write() as connection:
        assert await pipeline.store.supersede(connection, older.id, by=memory.id)
    await pipeline.directory.remember_names(GUILD, {CAROL: "Carolina"})
    await pipeline.indexer.drain()
    await pipeline.named.replace_name(memory.id, CAROL_HERE)
    await pipeline.indexer.drain()
    assert await pipeline.texts() == ["<@1> asks the hall for tables", "<@1> brings the tables on 2025-06-21"]
    assert {entry.text for entry in pipeline.index.entries.values()} == {
        "somebody asks the hall for tables",
        "somebody brings the tables on 2025-06-21",
    }
    assert await pipeline.named.standing(CAROL_HERE) == Named()
    dossier = await pipeline.personal.give(ALICE, GUILD)
    assert "Carolina" not in str(dossier.sections["memories"])
    assert with_names(await text_of(pipeline, memory), {}).startswith("somebody brings")
    if pipeline.db.dialect == "sqlite":
        assert bytes_in(data_dir, f"<@{CAROL}> brings") == []


async def test_a_name_that_was_replaced_stays_so_whatever_the_text_becomes(pipeline: Pipeline) -> None:
    note = await pipeline.own.remember(
        guild_id=GUILD, channel_id=CHANNEL, author_id=ALICE, message_id=snowflake.from_ms(NOW_MS), text=TEXT
    )
    await pipeline.named.replace_name(note.id, CAROL_HERE)
    edited_at = snowflake.to_datetime(note.newest.message_id) + timedelta(minutes=1)
    assert await pipeline.revisions.edited(note.newest.message_id, f"{TEXT}, at ten", edited_at)
    assert await text_of(pipeline, note) == "<@1> brings the tables on 2025-06-21, at ten"
    edited = await pipeline.store.get([note.id])
    await pipeline.revisions.edited(note.newest.message_id, f"{TEXT}, at ten", edited_at)  # told again
    assert await pipeline.store.get([note.id]) == edited
    corrected = await pipeline.own.correct(note.id, ALICE_HERE, f"{TEXT}, at eleven")
    assert corrected.text == "<@1> brings the tables on 2025-06-21, at eleven"


async def test_messages_that_are_read_again_do_not_bring_a_name_back(pipeline: Pipeline) -> None:
    said = await pipeline.say("carol brings the tables", author=ALICE)
    memory = await pipeline.keep(TEXT, said.id, kind=MemoryKind.PLAN)
    await pipeline.named.replace_name(memory.id, CAROL_HERE)
    await reread(pipeline, said.id, f"In June it is <@{CAROL}> who has furniture for everybody")
    assert all(f"<@{CAROL}>" not in text for text in await pipeline.texts())
    assert len(await pipeline.texts()) == 2


async def test_what_was_flagged_stays_hidden_when_its_messages_are_read_again(pipeline: Pipeline) -> None:
    said = await pipeline.say("carol brings the tables", author=ALICE)
    memory = await pipeline.keep(TEXT, said.id, kind=MemoryKind.PLAN)
    await pipeline.named.flag(memory.id, CAROL_HERE)
    pipeline.clock.advance(60)
    await reread(pipeline, said.id, f"In June it is <@{CAROL}> who has furniture for everybody")
    assert await pipeline.store.by_message([said.id]) == []
    assert (await pipeline.named.to_decide(ALICE_HERE)).total == 2
    pipeline.clock.advance(UNDECIDED_MS / 1000 - 60)
    assert await pipeline.named.settle_overdue() == 2  # both wait since she flagged the first
    assert all(f"<@{CAROL}>" not in text for text in await pipeline.texts())


async def reread(pipeline: Pipeline, message_id: int, text: str) -> None:
    """Have a message read again, of which a model makes this."""
    async with pipeline.db.write() as connection:
        await set_state(connection, messages.c.id == message_id, MessageState.PENDING)
    await pipeline.settle((Statement(MemoryKind.DECISION, text, (message_id,)), Judgement(True, True, False)))


async def test_what_a_nameless_member_was_to_do_is_no_promise_of_who_said_it(pipeline: Pipeline) -> None:
    memory = await planned(pipeline)
    await pipeline.named.replace_name(memory.id, CAROL_HERE)
    catchup, here = CatchUp(pipeline.db, pipeline.store, pipeline.fulltext), frozenset({CHANNEL})
    now = memory.newest.message_id + 1
    concerning = await catchup.concerning(ALICE, GUILD, here, 1, now, readable=here, zone=UTC)
    assert concerning.promised == ()


# --- who may do what -------------------------------------------------------------------------------------------------


async def test_only_what_the_named_member_may_read_is_listed_and_may_be_pressed(pipeline: Pipeline) -> None:
    memory = await planned(pipeline)
    elsewhere = await pipeline.say("there too", author=BOB, channel=ELSEWHERE)
    async with pipeline.db.write() as connection:
        await pipeline.store.cite(connection, memory.id, [Citation(elsewhere.id, ELSEWHERE, BOB)])
    both = asker(CAROL, CHANNEL, ELSEWHERE)
    assert [m.id for m in (await pipeline.named.about(both, readable=both.readable)).items] == [memory.id]
    assert (await pipeline.named.standing(both)).about == 1
    assert (await pipeline.named.about(CAROL_HERE, readable=both.readable)).items == ()
    assert await pipeline.named.standing(CAROL_HERE) == Named()
    for press in (pipeline.named.flag, pipeline.named.replace_name):
        with pytest.raises(NotFound):
            await press(memory.id, CAROL_HERE)
        with pytest.raises(NotFound):
            await press(memory.id, replace(both, guild_id=GUILD + 1))
    assert await is_shown(pipeline, memory)
    assert await text_of(pipeline, memory) == TEXT


async def test_a_flag_of_somebody_who_is_not_named_does_nothing(pipeline: Pipeline) -> None:
    memory = await planned(pipeline)
    for somebody in (asker(DORA), ALICE_HERE, asker(MOD, moderated=[CHANNEL])):
        for press in (pipeline.named.flag, pipeline.named.replace_name):
            with pytest.raises(NotFound):
                await press(memory.id, somebody)
    assert await is_shown(pipeline, memory)
    assert await text_of(pipeline, memory) == TEXT
    assert await pipeline.rows(flags) == 0


@pytest.mark.parametrize(
    ("decider", "may"),
    [
        (asker(ALICE, CHANNEL, ELSEWHERE), True),
        (asker(ALICE, CHANNEL), False),  # who said it and can't read all of it any more
        (asker(MOD, CHANNEL, ELSEWHERE, moderated=[CHANNEL, ELSEWHERE]), True),
        (asker(MOD, CHANNEL, moderated=[CHANNEL, ELSEWHERE]), False),
        (asker(MOD, CHANNEL, ELSEWHERE, moderated=[CHANNEL]), False),
        (asker(DORA, CHANNEL, ELSEWHERE), False),
        (asker(CAROL, CHANNEL, ELSEWHERE, moderated=[CHANNEL, ELSEWHERE]), False),  # who flagged it
    ],
)
@pytest.mark.matrix
async def test_who_said_it_or_moderates_all_of_it_and_can_read_it_decides(
    pipeline: Pipeline, decider: Asker, may: bool
) -> None:
    memory = await planned(pipeline)
    elsewhere = await pipeline.say("there too", author=BOB, channel=ELSEWHERE)
    async with pipeline.db.write() as connection:
        await pipeline.store.cite(connection, memory.id, [Citation(elsewhere.id, ELSEWHERE, BOB)])
    assert (await pipeline.named.standing(decider)).to_decide == 0
    await pipeline.named.flag(memory.id, asker(CAROL, CHANNEL, ELSEWHERE))
    listed = [m.id for m in (await pipeline.named.to_decide(decider)).items]
    assert listed == ([memory.id] if may else [])
    assert (await pipeline.named.standing(decider)).to_decide == len(listed)
    if may:
        await pipeline.named.take_out_names(memory.id, decider)
        assert await is_shown(pipeline, memory)
        assert "<@1> brings" in await text_of(pipeline, memory)
        return
    for decide in (pipeline.named.keep, pipeline.named.take_out_names):
        with pytest.raises(NotFound):
            await decide(memory.id, decider)
    assert not await is_shown(pipeline, memory)


async def test_a_flagged_memory_that_others_said_too_loses_one_of_them_and_stays_hidden(pipeline: Pipeline) -> None:
    memory = await planned(pipeline, by=(ALICE, BOB))
    await pipeline.named.flag(memory.id, CAROL_HERE)
    assert await pipeline.named.forget(memory.id, ALICE_HERE) is ForgetOutcome.WITHDRAWN
    assert not await is_shown(pipeline, memory)
    assert await pipeline.named.forget(memory.id, asker(BOB)) is ForgetOutcome.REMOVED
    assert await pipeline.texts() == []
    assert await pipeline.rows(flags) == 0


# --- time and number -------------------------------------------------------------------------------------------------


async def test_without_a_decision_in_two_weeks_it_is_shown_again_without_the_name(pipeline: Pipeline) -> None:
    memory = await planned(pipeline)
    await pipeline.named.flag(memory.id, CAROL_HERE)
    pipeline.clock.advance(UNDECIDED_MS / 1000 - 1)
    assert await pipeline.named.settle_overdue() == 0
    assert not await is_shown(pipeline, memory)
    pipeline.clock.advance(2)
    assert await pipeline.named.settle_overdue() == 1
    assert await is_shown(pipeline, memory)
    assert await text_of(pipeline, memory) == "<@1> brings the tables on 2025-06-21"
    assert await pipeline.named.settle_overdue() == 0


async def test_what_was_decided_can_not_be_flagged_again_until_its_text_changes(pipeline: Pipeline) -> None:
    memory = await planned(pipeline, f"{TEXT}, <@{DORA}> helps")
    await pipeline.named.flag(memory.id, CAROL_HERE)
    await pipeline.named.flag(memory.id, CAROL_HERE)  # again changes nothing
    await pipeline.named.keep(memory.id, ALICE_HERE)
    with pytest.raises(Refused, match="decided before"):
        await pipeline.named.flag(memory.id, CAROL_HERE)
    await pipeline.named.replace_name(memory.id, asker(DORA))  # another name is no other text
    with pytest.raises(Refused, match="decided before"):
        await pipeline.named.flag(memory.id, CAROL_HERE)
    await pipeline.own.correct(memory.id, ALICE_HERE, f"<@{CAROL}> brings chairs")
    await pipeline.named.flag(memory.id, CAROL_HERE)
    assert not await is_shown(pipeline, memory)


async def test_no_more_than_five_flags_are_open_at_once(pipeline: Pipeline) -> None:
    memories = [await planned(pipeline, f"{TEXT} number {number}") for number in range(MOST_OPEN + 1)]
    for memory in memories[:MOST_OPEN]:
        await pipeline.named.flag(memory.id, CAROL_HERE)
    with pytest.raises(Refused, match="5 memories that you flagged still wait"):
        await pipeline.named.flag(memories[-1].id, CAROL_HERE)
    assert await is_shown(pipeline, memories[-1])
    assert (await pipeline.named.standing(CAROL_HERE)).undecided == MOST_OPEN
    await pipeline.named.keep(memories[0].id, ALICE_HERE)
    await pipeline.named.flag(memories[-1].id, CAROL_HERE)


async def test_two_members_flag_the_same_memory_and_both_wait(pipeline: Pipeline) -> None:
    memory = await planned(pipeline, f"<@{CAROL}> and <@{DORA}> bring the tables")
    await pipeline.named.flag(memory.id, CAROL_HERE)
    pipeline.clock.advance(3600)
    await pipeline.named.flag(memory.id, asker(DORA))
    pipeline.clock.advance(UNDECIDED_MS / 1000 - 1800)
    assert await pipeline.named.settle_overdue() == 1
    assert not await is_shown(pipeline, memory)
    assert await text_of(pipeline, memory) == f"<@1> and <@{DORA}> bring the tables"
    await pipeline.named.keep(memory.id, ALICE_HERE)
    assert await is_shown(pipeline, memory)


# --- what happens besides --------------------------------------------------------------------------------------------


async def test_a_flag_goes_with_its_memory_and_with_its_member(pipeline: Pipeline) -> None:
    gone, kept = await planned(pipeline), await planned(pipeline, f"<@{CAROL}> has the key")
    for memory in (gone, kept):
        await pipeline.named.flag(memory.id, CAROL_HERE)
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [gone.newest.message_id])
    assert await pipeline.rows(flags) == 1
    given = await pipeline.personal.give(CAROL, GUILD)
    assert [record["state"] for record in given.sections["flags"]] == ["open"]
    receipt = await pipeline.personal.delete(CAROL, GUILD)
    assert receipt.removed["flags"] == 1
    assert sum(receipt.remaining.values()) == 0
    assert await pipeline.texts() == ["@deleted has the key"]
    assert await is_shown(pipeline, kept)


async def test_an_edit_of_what_states_it_has_it_made_anew_and_unflagged(pipeline: Pipeline) -> None:
    memory = await planned(pipeline)
    await pipeline.named.flag(memory.id, CAROL_HERE)
    pipeline.clock.advance(60)
    edited_at = datetime.fromtimestamp(pipeline.clock() / 1000, tz=UTC)
    assert await pipeline.revisions.edited(memory.newest.message_id, "the hall has tables", edited_at)
    assert await pipeline.texts() == []
    assert await pipeline.rows(flags) == 0


async def test_the_audit_trail_tells_that_something_was_done_and_not_what(pipeline: Pipeline) -> None:
    memory, other = await planned(pipeline), await planned(pipeline, f"<@{CAROL}> has the key")
    await pipeline.named.flag(memory.id, CAROL_HERE)
    await pipeline.named.keep(memory.id, ALICE_HERE)
    await pipeline.named.flag(other.id, CAROL_HERE)
    await pipeline.named.take_out_names(other.id, asker(MOD, moderated=[CHANNEL]))
    entries = [
        (e.action, e.actor_id, dict(e.details), e.channel_id) for e in await pipeline.guilds.audit.newest(GUILD, 9)
    ]
    assert entries == [
        (Action.FLAG_DECIDED, MOD, {}, None),
        (Action.MEMORY_FLAGGED, None, {}, None),
        (Action.FLAG_DECIDED, None, {}, None),  # who said it is not told
        (Action.MEMORY_FLAGGED, None, {}, None),
    ]


async def test_what_was_remembered_before_the_upgrade_can_be_flagged(data_dir: Path, clock: FakeClock) -> None:
    memory = {"id": "m1", "guild_id": GUILD, "kind": "plan", "text": TEXT, "state": "current", "origin": "extracted"}
    times = {"version": 1, "said_id": 7, "created_ms": 1, "updated_ms": 1}
    cited = {"memory_id": "m1", "message_id": 7, "channel_id": CHANNEL, "author_id": ALICE, "supporting": False}
    older_database(data_dir, "x", "0019", [("memories", {**memory, **times}), ("citations", cited)])
    async with open_pipeline(data_dir, clock) as pipeline:
        await pipeline.named.flag("m1", CAROL_HERE)
        assert await pipeline.store.get(["m1"]) == {}
        assert [m.text for m in (await pipeline.named.to_decide(ALICE_HERE)).items] == [TEXT]
