"""The memory store: what members keep, find and forget."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain import snowflake
from bot.domain.errors import NotFound, Refused
from bot.domain.model import Memory, MemoryKind, MemoryOrigin, MemoryState, MessageState
from bot.memories import MAX_TEXT, Asker, ForgetOutcome
from tests.fixtures.memory import Pipeline, bytes_in
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS

pytestmark = pytest.mark.both_databases

ALICE, BOB, CAROL = 3_101, 3_102, 3_103
SECRET_CHANNEL = 2_666
INTERACTION = snowflake.from_ms(NOW_MS)


def asker(user_id: int, *, readable: set[int] | None = None, moderated: set[int] | None = None) -> Asker:
    return Asker(user_id, GUILD, frozenset({CHANNEL} if readable is None else readable), frozenset(moderated or set()))


async def remember(pipeline: Pipeline, text: str, *, author: int = ALICE, number: int = 0) -> Memory:
    return await pipeline.own.remember(
        guild_id=GUILD, channel_id=CHANNEL, author_id=author, message_id=INTERACTION + number, text=text
    )


async def agreed(pipeline: Pipeline) -> Memory:
    """A memory that stands on what two members said."""
    text = "note: the workshop moves to the attic"
    await pipeline.say(text, author=ALICE)
    await pipeline.flush()
    await pipeline.say(text, author=BOB)
    await pipeline.flush()
    (memory,) = await pipeline.memories()
    return memory


async def test_what_is_remembered_cites_the_interaction_and_reaches_index_and_full_text(pipeline: Pipeline) -> None:
    memory = await remember(pipeline, "  the wifi password is on the fridge ")
    assert memory.text == "the wifi password is on the fridge"
    assert (memory.kind, memory.origin) == (MemoryKind.NOTE, MemoryOrigin.REMEMBERED)
    assert [(c.message_id, c.channel_id, c.author_id) for c in memory.citations] == [(INTERACTION, CHANNEL, ALICE)]
    assert await pipeline.store.get([memory.id]) == {memory.id: memory}
    await pipeline.indexer.drain()
    assert pipeline.index.memory(memory.id) == memory
    assert await pipeline.rows("memory_terms") == 1


async def test_remembering_the_same_message_twice_keeps_it_once(pipeline: Pipeline) -> None:
    first = await remember(pipeline, "buy oat milk")
    assert await remember(pipeline, "buy oat milk") == first
    assert await pipeline.store.count(GUILD) == 1


@pytest.mark.parametrize("text", ["", "   ", "x" * (MAX_TEXT + 1)])
async def test_length_bounds_are_refused_with_a_sentence(pipeline: Pipeline, text: str) -> None:
    with pytest.raises(Refused):
        await remember(pipeline, text)
    assert await pipeline.memories() == []


async def test_the_longest_text_is_kept(pipeline: Pipeline) -> None:
    assert len((await remember(pipeline, "x" * MAX_TEXT)).text) == MAX_TEXT


async def test_a_deleted_message_is_not_remembered(pipeline: Pipeline) -> None:
    await pipeline.erasure.erase_messages(GUILD, CHANNEL, [INTERACTION])
    with pytest.raises(Refused):
        await remember(pipeline, "too late")


async def test_what_the_log_would_not_take_in_is_not_remembered(pipeline: Pipeline) -> None:
    await pipeline.erasure.erase_member(ALICE, GUILD, up_to=INTERACTION)
    with pytest.raises(Refused, match="erased"):
        await remember(pipeline, "said before the erasure")
    await remember(pipeline, "said after it", number=1)
    await pipeline.consents.opt_out(BOB, None)
    with pytest.raises(Refused, match="author"):
        await remember(pipeline, "of somebody who opted out", author=BOB, number=2)
    assert await pipeline.texts() == ["said after it"]


async def test_a_member_who_opted_out_is_not_mentioned_in_what_others_keep(pipeline: Pipeline) -> None:
    await pipeline.consents.opt_out(BOB, GUILD)
    memory = await remember(pipeline, f"<@{BOB}> has the key")
    assert memory.text == "@deleted has the key"
    corrected = await pipeline.own.correct(memory.id, asker(ALICE), f"<@!{BOB}> lost the key")
    assert corrected.text == "@deleted lost the key"
    assert await pipeline.texts() == ["@deleted lost the key"]


async def test_memories_are_found_by_message_and_by_row(pipeline: Pipeline) -> None:
    memory = await agreed(pipeline)
    for citation in memory.citations:
        assert await pipeline.store.by_message([citation.message_id]) == [memory]
    assert await pipeline.store.by_message([1]) == []
    assert list((await pipeline.store.by_seq([1, 99])).values()) == [memory]


@pytest.mark.embedded
async def test_the_sole_author_removes_a_memory_and_its_bytes_go(pipeline: Pipeline, data_dir: Path) -> None:
    memory = await remember(pipeline, "qzvxkw is the name of the cat")
    await pipeline.indexer.drain()
    assert bytes_in(data_dir, "qzvxkw")
    assert await pipeline.own.forget(memory.id, asker(ALICE)) is ForgetOutcome.REMOVED
    assert not bytes_in(data_dir, "qzvxkw")
    await pipeline.indexer.drain()
    assert await pipeline.memories() == []
    assert pipeline.index.entries == {}
    assert await pipeline.rows("memory_terms") == 0
    assert await pipeline.store.by_message([INTERACTION]) == []


async def test_an_author_among_several_withdraws_their_part(pipeline: Pipeline) -> None:
    memory = await agreed(pipeline)
    assert await pipeline.own.forget(memory.id, asker(ALICE)) is ForgetOutcome.WITHDRAWN
    (left,) = await pipeline.memories()
    assert left.author_ids == (BOB,)
    await pipeline.indexer.drain()
    assert pipeline.index.memory(memory.id) == left
    assert await pipeline.own.forget(memory.id, asker(BOB)) is ForgetOutcome.REMOVED


async def test_a_moderator_of_every_cited_channel_removes_it(pipeline: Pipeline) -> None:
    memory = await agreed(pipeline)
    assert await pipeline.own.forget(memory.id, asker(CAROL, moderated={CHANNEL})) is ForgetOutcome.REMOVED


@pytest.mark.parametrize(
    "who",
    [
        asker(CAROL),
        asker(CAROL, moderated={SECRET_CHANNEL}),
        asker(CAROL, readable=set(), moderated={CHANNEL}),
        Asker(ALICE, 999, frozenset({CHANNEL}), frozenset({CHANNEL})),
    ],
    ids=["only reads", "moderates elsewhere", "can't read", "other server"],
)
@pytest.mark.matrix
async def test_who_may_not_forget_is_told_what_who_guesses_is_told(pipeline: Pipeline, who: Asker) -> None:
    memory = await agreed(pipeline)
    with pytest.raises(NotFound) as denied:
        await pipeline.own.forget(memory.id, who)
    with pytest.raises(NotFound) as unknown:
        await pipeline.own.forget("00000000-0000-0000-0000-000000000000", who)
    assert str(denied.value) == str(unknown.value)
    assert await pipeline.memories() == [memory]


async def test_what_is_forgotten_is_not_extracted_again(pipeline: Pipeline) -> None:
    """A neighbour's erasure makes cited messages pending again; what was forgotten of them stays forgotten."""
    first = await pipeline.say("note: the piano is out of tune", author=ALICE)
    await pipeline.flush()
    (memory,) = await pipeline.memories()
    await pipeline.own.forget(memory.id, asker(ALICE))
    assert await pipeline.states() == {first.id: MessageState.SKIPPED}
    await pipeline.flush()
    assert await pipeline.memories() == []


async def test_pages_hold_a_members_memories_newest_first_in_channels_they_can_read(pipeline: Pipeline) -> None:
    for number in range(5):
        await remember(pipeline, f"thing {number}", number=number)
    await remember(pipeline, "of somebody else", author=BOB, number=9)
    await pipeline.own.remember(
        guild_id=GUILD, channel_id=SECRET_CHANNEL, author_id=ALICE, message_id=INTERACTION + 20, text="hidden"
    )
    readable = frozenset({CHANNEL})
    page = await pipeline.own.of_member(GUILD, ALICE, readable=readable, offset=1, limit=2)
    assert ([m.text for m in page.items], page.total) == (["thing 3", "thing 2"], 5)
    assert (await pipeline.own.of_member(GUILD, ALICE, readable=None)).total == 6
    assert (await pipeline.own.of_member(GUILD, ALICE, readable=frozenset())).total == 0
    assert (await pipeline.own.of_member(999, ALICE, readable=None)).total == 0


async def test_pages_are_narrowed_by_kind_and_by_words_in_any_case_and_accent(pipeline: Pipeline) -> None:
    for number, text in enumerate(("Äpfel für den Kuchen", "the cake is ready", "Kuchen ohne APFEL")):
        await remember(pipeline, text, number=number)

    async def narrowed(words: str = "", kind: MemoryKind | None = None) -> list[str]:
        page = await pipeline.own.of_member(GUILD, ALICE, readable=None, words=words, kind=kind)
        assert page.total == len(page.items)
        return [memory.text for memory in page.items]

    assert await narrowed(words="apfel") == ["Kuchen ohne APFEL", "Äpfel für den Kuchen"]
    assert await narrowed(words="kuchen äpfel") == ["Kuchen ohne APFEL", "Äpfel für den Kuchen"]
    assert await narrowed(words="kuchen fur") == ["Äpfel für den Kuchen"]
    assert await narrowed(words="%") == []
    (kind,) = {memory.kind for memory in await pipeline.memories()}
    assert len(await narrowed(kind=kind)) == 3
    assert await narrowed(kind=next(other for other in MemoryKind if other is not kind)) == []


async def test_suggestions_are_what_the_asker_may_forget(pipeline: Pipeline) -> None:
    await remember(pipeline, "Rehearsal on Monday", number=1)
    await remember(pipeline, "Rehearsal of the other choir", author=BOB, number=2)
    await remember(pipeline, "100% of the tickets", number=3)

    async def suggested(who: Asker, prefix: str) -> list[str]:
        return [m.text for m in await pipeline.own.suggest(GUILD, who, prefix)]

    assert await suggested(asker(ALICE), "réhearsal") == ["Rehearsal on Monday"]
    assert await suggested(asker(ALICE), "") == ["100% of the tickets", "Rehearsal on Monday"]
    assert await suggested(asker(ALICE), "0%") == ["100% of the tickets"]
    assert await suggested(asker(ALICE), "l%") == []
    assert await suggested(asker(CAROL), "") == []
    assert await suggested(asker(ALICE, readable=set()), "") == []
    both = ["Rehearsal of the other choir", "Rehearsal on Monday"]
    assert await suggested(asker(CAROL, moderated={CHANNEL}), "rehearsal") == both
    assert len(await pipeline.own.suggest(GUILD, asker(ALICE), "", limit=1)) == 1


async def test_what_a_removed_memory_had_superseded_holds_again(pipeline: Pipeline) -> None:
    texts = [f"the release party starts at {hour}:00" for hour in (18, 19, 20)]
    chain = [await remember(pipeline, text, number=number) for number, text in enumerate(texts)]
    async with pipeline.db.write() as connection:
        assert await pipeline.store.supersede(connection, chain[0].id, by=chain[1].id)
        assert await pipeline.store.supersede(connection, chain[1].id, by=chain[2].id)
        assert not await pipeline.store.supersede(connection, chain[1].id, by=chain[2].id)

    await pipeline.own.forget(chain[1].id, asker(ALICE))
    first = (await pipeline.store.get([chain[0].id]))[chain[0].id]
    assert (first.state, first.superseded_by) == (MemoryState.SUPERSEDED, chain[2].id)

    await pipeline.own.forget(chain[2].id, asker(ALICE))
    (first,) = await pipeline.memories()
    assert (first.state, first.superseded_by) == (MemoryState.CURRENT, None)
    await pipeline.indexer.drain()
    assert pipeline.index.memory(first.id).state is MemoryState.CURRENT


async def test_a_members_own_change_wakes_the_index(pipeline: Pipeline) -> None:
    woken: list[int] = []
    pipeline.own._announce = lambda: woken.append(1)
    memory = await remember(pipeline, "ring the bell twice")
    await pipeline.own.forget(memory.id, asker(ALICE))
    assert len(woken) == 2


async def test_what_a_memory_replaced_is_there_newest_first_for_who_may_read_it(pipeline: Pipeline) -> None:
    first, second, third, alone = [await remember(pipeline, f"Room {n} is ours", number=n) for n in range(4)]
    hidden = await pipeline.own.remember(
        guild_id=GUILD, channel_id=SECRET_CHANNEL, author_id=BOB, message_id=INTERACTION + 9, text="Room 9 is ours"
    )
    async with pipeline.db.write() as connection:
        for old, new in ((first, hidden), (hidden, second), (second, third)):
            assert await pipeline.store.supersede(connection, old.id, by=new.id)
    asked = [third.id, second.id, alone.id]

    def texts(past: dict[str, list[Memory]]) -> dict[str, list[str]]:
        return {memory_id: [memory.text for memory in memories] for memory_id, memories in past.items()}

    assert texts(await pipeline.store.before(asked, readable=None)) == {
        third.id: ["Room 9 is ours", "Room 1 is ours", "Room 0 is ours"],
        second.id: ["Room 9 is ours", "Room 0 is ours"],
    }
    assert texts(await pipeline.store.before(asked, readable=frozenset({CHANNEL}))) == {
        third.id: ["Room 1 is ours", "Room 0 is ours"],
        second.id: ["Room 0 is ours"],
    }
    async with pipeline.db.write() as connection:
        await pipeline.store.remove(connection, [second.id])
    past = await pipeline.store.before([third.id], readable=frozenset({CHANNEL}))
    assert [memory.said_at for memory in past[third.id]] == [first.said_at]
