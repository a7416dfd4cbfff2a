"""Recall over a real database: finds the right thing, cites what it quotes, shows nobody what they can't read."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from bot.domain import references, snowflake
from bot.domain.errors import ServiceRejected, ServiceUnavailable
from bot.domain.model import Hit, HitKind, Message
from bot.recall import RecallResult
from bot.recall.memories import UNREACHABLE
from tests.fixtures.recall import ADA, BEN, CLEO, NAMES, Chat
from tests.fixtures.storage import CHANNEL, GUILD

pytestmark = pytest.mark.both_databases

ELSEWHERE = CHANNEL + 1
SMALL_TALK = [
    (ADA, "good morning everyone"),
    (BEN, "morning! coffee first"),
    (CLEO, "it rains again"),
    (ADA, "my train was late"),
    (BEN, "lunch at noon?"),
    (CLEO, "sure, the usual place"),
]


def ids(result: RecallResult) -> list[int]:
    return [message_id for hit in result.hits for message_id in hit.message_ids]


def kinds(result: RecallResult) -> list[HitKind]:
    return [hit.kind for hit in result.hits]


# --- finding ---------------------------------------------------------------------------------------------------------


async def test_what_was_just_said_is_found(chat: Chat) -> None:
    said = await chat.say(ADA, "the boat leaves at six")
    (hit,) = (await chat.ask("When does the boat leave?")).hits
    assert (hit.kind, hit.message_ids, hit.anchor, hit.author_ids) == (HitKind.MESSAGE, (said.id,), said.id, (ADA,))
    assert hit.text == f"<@{ADA}>: the boat leaves at six"


async def test_an_answer_that_repeats_no_word_of_the_question_comes_with_it(chat: Chat) -> None:
    await chat.talk(SMALL_TALK)
    asked, answered = await chat.talk([(ADA, "which paint did we use for the fence?"), (BEN, "Nordic green, matte")])
    await chat.talk(SMALL_TALK)
    first = (await chat.ask("Which paint is on the fence?")).hits[0]
    assert {asked.id, answered.id} <= set(first.message_ids)


async def test_neighbours_of_another_channel_are_no_neighbours(chat: Chat) -> None:
    said = await chat.say(ADA, "the fence is green")
    await chat.say(BEN, "top secret", channel=ELSEWHERE)
    await chat.say(ADA, "and dry")
    for hit in (await chat.ask("Is the fence green?")).hits:
        assert len(hit.channel_ids) == 1
        assert said.id not in hit.message_ids or "secret" not in hit.text


@pytest.mark.parametrize("readable", [1, 12], ids=["few channels", "many channels"])
@pytest.mark.parametrize("remembered", [False, True], ids=["messages", "memories"])
@pytest.mark.matrix
async def test_what_the_asker_may_not_read_changes_no_order_and_no_score(
    chat: Chat, readable: int, remembered: bool
) -> None:
    channels = frozenset(range(CHANNEL, CHANNEL + readable))
    hidden = range(CHANNEL + 100, CHANNEL + 112)
    for channel in channels:
        lines = await chat.talk([(ADA, "the ferry leaves at six"), (BEN, "lunch is at noon")], channel=channel)
        harbour = await chat.talk([(CLEO, "the harbour closes at nine"), (BEN, "see you")], channel=channel)
        if remembered:
            await chat.remember("The ferry leaves at six.", lines[0])
            await chat.remember("The harbour closes at nine.", harbour[0])
    chat.index.near.clear()

    async def seen() -> list[tuple[str, float]]:
        result = await chat.ask("ferry or harbour?", channel_ids=channels)
        return [(hit.text, hit.score) for hit in result.hits]

    before = await seen()
    for number, channel in enumerate(hidden):
        secrets = await chat.talk([(ADA, f"the ferry is sold, offer {number}")] * 4, channel=channel)
        if remembered:
            await chat.remember(f"The ferry is sold by offer {number}.", secrets[0])
    chat.index.near.clear()
    assert before
    assert await seen() == before


def best_speaker(result: RecallResult) -> int:
    """Who said the message that the first hit leads to."""
    best = result.hits[0]
    return {line.message_id: line.author_id for line in best.lines}[best.anchor]


async def test_a_person_named_in_the_question_is_taken_as_the_speaker(chat: Chat) -> None:
    for author in (ADA, BEN, CLEO):
        await chat.say(author, "my favourite tea is from Assam")
        await chat.talk(SMALL_TALK)
    assert best_speaker(await chat.ask("What is Ben's favourite tea?")) == BEN
    assert best_speaker(await chat.ask(f"Which favourite tea did <@{CLEO}> name?")) == CLEO


async def test_i_and_my_mean_the_asker(chat: Chat) -> None:
    for author in (ADA, BEN, CLEO):
        await chat.say(author, "the spare key is at the neighbours")
        await chat.talk(SMALL_TALK)
    assert best_speaker(await chat.ask("Where is my spare key?", asker_id=BEN)) == BEN


async def test_of_a_fact_that_changed_the_newest_comes_first_if_asked_for(chat: Chat) -> None:
    for budget in (200, 300, 400):
        await chat.say(ADA, f"the approved budget is {budget} euros")
        await chat.talk(SMALL_TALK)
    assert "400" in (await chat.ask("What is the current approved budget?")).hits[0].text


async def test_what_was_said_on_a_day_is_found_by_the_day(chat: Chat) -> None:
    await chat.say(ADA, "we baked a cake")
    await chat.pass_days(5)
    day = (await chat.say(BEN, "Cleo and I repaired the roof")).created_at
    await chat.pass_days(5)
    await chat.say(ADA, "we baked bread")
    assert "roof" in (await chat.ask(f"What happened on {day:%B} {day.day}?")).hits[0].text


async def test_what_was_said_days_ago_is_found_by_their_number(chat: Chat) -> None:
    await chat.say(ADA, "we baked a cake")
    await chat.pass_days(10)
    await chat.say(BEN, "Cleo and I repaired the roof")
    await chat.pass_days(5)
    now = snowflake.from_ms(chat.now_ms)
    assert "roof" in (await chat.ask("What happened five days ago?", until=now)).hits[0].text


async def test_a_question_in_several_parts_is_answered_in_all_of_them(chat: Chat) -> None:
    for number in range(30):
        await chat.say(ADA, f"note {number} on the budget: budget talks about the budget of the project go on and on")
    await chat.talk(SMALL_TALK)
    vendor = await chat.say(BEN, "the vendor will be Blue Harbour")
    await chat.talk(SMALL_TALK)
    assert vendor.id in ids(await chat.ask("What are the budget, and the vendor?", max_chars=800))


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("Die Besprechungen sind ab jetzt immer montags um neun", "Wann ist die Besprechung?"),
        ("Les réunions ont lieu le lundi", "Quand est la réunion ?"),
        ("Las reuniones son los lunes a las nueve", "¿Cuándo es la reunión?"),
        ("الاجتماعات أصبحت يوم الاثنين", "متى الاجتماعات؟"),
        ("Встречи теперь по понедельникам", "Когда встреча?"),
        ("会議は月曜日の九時からです", "会議は何時からですか"),
        ("项目会议改到星期一上午", "项目会议什么时候"),
        ("회의는 월요일 아홉 시입니다", "회의 언제야"),
        ("การประชุมเลื่อนไปวันจันทร์", "ประชุมวันไหน"),
    ],
)
@pytest.mark.matrix
async def test_other_languages_are_found_in_their_own_words(chat: Chat, said: str, asked: str) -> None:
    await chat.talk(SMALL_TALK)
    message = await chat.say(ADA, said)
    await chat.talk(SMALL_TALK)
    assert (await chat.ask(asked)).hits[0].anchor == message.id


@pytest.mark.parametrize("text", ["", "   ", "what is it?", "🙂", "\x00", '"', "AND OR NOT", "a" * 4000, "*" * 100])
async def test_any_question_is_answered_or_finds_nothing(chat: Chat, text: str) -> None:
    await chat.talk(SMALL_TALK)
    assert isinstance(await chat.ask(text), RecallResult)


async def test_a_guild_without_messages_has_no_hits(chat: Chat) -> None:
    assert (await chat.ask("Where is the boat?")) == RecallResult(())


# --- filters ---------------------------------------------------------------------------------------------------------


async def test_nothing_newer_or_older_than_asked_for(chat: Chat) -> None:
    said = [await chat.say(ADA, f"boat number {number}") for number in range(6)]
    result = await chat.ask("Which boat?", since=said[1].id, until=said[3].id)
    assert set(ids(result)) == {said[1].id, said[2].id, said[3].id}


async def test_only_what_a_member_said(chat: Chat) -> None:
    said = await chat.talk([(ADA, "the boat is red"), (BEN, "no, the boat is blue"), (ADA, "the boat is both")])
    assert set(ids(await chat.ask("What colour is the boat?", author_id=ADA))) == {said[0].id, said[2].id}


async def test_other_guilds_are_no_part_of_it(chat: Chat) -> None:
    here = await chat.say(ADA, "the boat is red")
    await chat.say(ADA, "the boat is blue", guild=GUILD + 1, channel=ELSEWHERE)
    assert ids(await chat.ask("What colour is the boat?")) == [here.id]
    everywhere = frozenset({CHANNEL, ELSEWHERE})
    assert ids(await chat.ask("What colour is the boat?", channel_ids=everywhere)) == [here.id]


# --- what a hit is ---------------------------------------------------------------------------------------------------


def quoted(hit: Hit) -> Sequence[int]:
    return [line.message_id for line in hit.lines]


async def test_an_excerpt_cites_exactly_what_it_quotes(chat: Chat) -> None:
    said: dict[int, Message] = {}
    for number in range(20):
        said |= {m.id: m for m in await chat.talk([*SMALL_TALK, (ADA, f"boat {number}: the boat and its anchor")])}
    result = await chat.ask("What about the boat and its anchor?")
    assert result.hits
    for hit in result.hits:
        assert quoted(hit) == sorted(hit.message_ids)
        assert hit.anchor in hit.message_ids
        for line in hit.lines:
            assert line.content == said[line.message_id].content
            assert f"<@{line.author_id}>: {line.content}" in hit.text
        assert hit.text.count(": ") - hit.text.count("boat ") <= len(hit.lines)
    assert len(ids(result)) == len(set(ids(result)))


@pytest.mark.parametrize("room", [60, 300, 4000])
@pytest.mark.matrix
async def test_hits_keep_to_their_number_and_room_with_names_in_it(chat: Chat, room: int) -> None:
    for number in range(40):
        await chat.say(BEN, f"boat {number} belongs to <@{ADA}> and <@{CLEO}>")
        await chat.talk(SMALL_TALK)
    result = await chat.ask("Whose boat is it?", limit=5, max_chars=room)
    assert len(result.hits) <= 5
    assert sum(len(references.with_names(hit.text, NAMES)) for hit in result.hits) <= room
    assert result.hits


async def test_a_long_message_leaves_room_for_others(chat: Chat) -> None:
    await chat.say(ADA, "boat " + "blah " * 700)
    await chat.talk(SMALL_TALK)
    other = await chat.say(BEN, "the boat sank")
    result = await chat.ask("What about the boat?", max_chars=1500)
    assert other.id in ids(result)


async def test_scores_fall_from_hit_to_hit(chat: Chat) -> None:
    for number in range(12):
        await chat.say(ADA, "boat " * (1 + number % 4))
        await chat.talk(SMALL_TALK)
    scores = [hit.score for hit in (await chat.ask("boat")).hits]
    assert scores == sorted(scores, reverse=True)


# --- memories --------------------------------------------------------------------------------------------------------


async def test_a_memory_is_found_by_words_and_by_meaning_once(chat: Chat) -> None:
    said = await chat.say(ADA, "ok so six it is then")
    memory = await chat.remember("The boat leaves at six", said)
    result = await chat.ask("When does the boat leave?")
    assert [hit.memory for hit in result.hits if hit.kind is HitKind.MEMORY] == [memory]
    chat.index.near = []
    assert memory in [hit.memory for hit in (await chat.ask("When does the boat leave?")).hits]


async def test_a_memory_near_in_meaning_needs_no_common_word(chat: Chat) -> None:
    memory = await chat.remember("The vessel departs at dawn", await chat.say(ADA, "dawn then"))
    assert (await chat.ask("When does the boat leave?")).hits[0].memory == memory


async def test_a_nonsense_question_finds_nothing_although_something_is_always_nearest(chat: Chat) -> None:
    await chat.remember("The team meets in Lisbon", await chat.say(ADA, "then Lisbon it is"))
    chat.index.similar = 0.3
    assert (await chat.ask("xyzzy plugh frobnicate")).hits == ()


async def test_what_is_no_nearer_than_unrelated_texts_never_comes_along(chat: Chat) -> None:
    first = await chat.say(ADA, "then Lisbon it is")
    await chat.say(BEN, "the printer is on fire")
    memory = await chat.remember("The team meets in Lisbon", first)
    chat.index.similar = 0.15
    assert memory.text not in await chat.found("what about the printer?")
    chat.index.similar = 0.3
    assert memory.text in await chat.found("what about the printer?")


async def test_the_index_is_asked_with_names_not_references(chat: Chat) -> None:
    await chat.talk(SMALL_TALK)
    await chat.ask(f"What does <@{BEN}> drink?")
    assert chat.index.asked == ["What does Ben Okoro drink?"]


@pytest.mark.parametrize("fault", [ServiceUnavailable("qdrant", "down"), ServiceRejected("embeddings", "bad key")])
async def test_without_the_index_words_still_find_memories_and_messages(chat: Chat, fault: Exception) -> None:
    said = await chat.say(ADA, "the boat leaves at six")
    memory = await chat.remember("Departure of the boat: six", said)
    other = await chat.say(BEN, "the boat is full")
    chat.index.fault = fault
    result = await chat.ask("When does the boat leave?")
    assert result.notes == (UNREACHABLE,)
    assert memory in [hit.memory for hit in result.hits]
    assert other.id in ids(result)


async def test_an_excerpt_of_a_memorys_own_message_gives_way_to_the_memory(chat: Chat) -> None:
    said = await chat.say(ADA, "the boat leaves at six")
    await chat.remember("The boat leaves at six", said)
    assert kinds(await chat.ask("When does the boat leave?")) == [HitKind.MEMORY]


async def test_memories_never_crowd_out_what_was_said(chat: Chat) -> None:
    for number in range(30):
        await chat.remember(f"Boat fact {number}", await chat.say(CLEO, "hm"))
    said = await chat.say(ADA, "the boat leaves at six")
    result = await chat.ask("When does the boat leave?")
    assert kinds(result).count(HitKind.MEMORY) == 4
    assert said.id in ids(result)


async def test_a_replaced_memory_is_not_shown_but_was_true_before(chat: Chat) -> None:
    first = await chat.say(ADA, "hm, five")
    old = await chat.remember("The boat leaves at five", first)
    await chat.pass_days(1)
    new = await chat.remember("The boat leaves at six", await chat.say(ADA, "hm, six"), supersedes=old)

    async def memories(**changes: int) -> list[str]:
        hits = (await chat.ask("When does the boat leave?", **changes)).hits
        return [hit.memory.id for hit in hits if hit.memory]

    assert await memories() == [new.id]
    assert await memories(until=first.id) == [old.id]


async def test_filters_hold_for_memories(chat: Chat) -> None:
    early = await chat.say(ADA, "x1")
    late = await chat.say(BEN, "x2")
    by_ada = await chat.remember("The boat is red", early)
    by_ben = await chat.remember("The boat is blue", late)
    by_both = await chat.remember("The boat is both", early, late)

    async def memories(**changes: int) -> set[str]:
        return {hit.memory.id for hit in (await chat.ask("Which boat?", **changes)).hits if hit.memory}

    assert await memories() == {by_ada.id, by_ben.id, by_both.id}
    assert await memories(author_id=ADA) == {by_ada.id, by_both.id}
    assert await memories(until=early.id) == {by_ada.id}
    assert await memories(since=late.id) == {by_ben.id, by_both.id}
    assert await memories(guild_id=GUILD + 1) == set()


# --- who may see what ------------------------------------------------------------------------------------------------


async def test_nobody_gets_a_hit_without_a_channel(chat: Chat) -> None:
    await chat.remember("The boat is red", await chat.say(ADA, "the boat is red"))
    assert await chat.ask("boat", channel_ids=frozenset()) == RecallResult(())


async def test_a_memory_of_two_channels_needs_both(chat: Chat) -> None:
    here, there = await chat.say(ADA, "x1"), await chat.say(ADA, "x2", channel=ELSEWHERE)
    memory = await chat.remember("The boat is red", here, there)
    for readable in ({CHANNEL}, {ELSEWHERE}):
        assert (await chat.ask("Which boat?", channel_ids=frozenset(readable))).hits == ()
    (hit,) = (await chat.ask("Which boat?", channel_ids=frozenset({CHANNEL, ELSEWHERE}))).hits
    assert hit.memory == memory


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 12))])
@pytest.mark.matrix
async def test_nothing_that_cites_a_channel_outside_leaves(chat: Chat, seed: int) -> None:
    """Random chats, memories across channels and askers; the index would show everything to everybody."""
    rng = random.Random(seed)
    channels = [CHANNEL + number for number in range(60)]
    words = ["boat", "anchor", "harbour", "budget", "Friday", "current", f"c_{CHANNEL}", "Ben", "Ada"]
    said = []
    for _ in range(150):
        author, channel = rng.choice([ADA, BEN, CLEO]), rng.choice(channels)
        said.append(await chat.say(author, " ".join(rng.choices(words, k=4)), channel=channel))
    for number in range(40):
        await chat.remember(f"The {rng.choice(words)} of {number}", *sorted(rng.sample(said, 3), key=lambda m: m.id))
    where = {message.id: message.channel_id for message in said}
    found = 0
    for count in (1, 2, 10, 30, 59):
        readable = frozenset(rng.sample(channels, count))
        text = "What is " + " and ".join(rng.sample(words, 3)) + f" on June {rng.randint(1, 14)}?"
        changes = {"author_id": rng.choice([None, ADA]), "asker_id": BEN, "until": rng.choice([None, said[99].id])}
        for hit in (await chat.ask(text, channel_ids=readable, **changes)).hits:
            found += 1
            assert hit.channel_ids == {where[message_id] for message_id in hit.message_ids}
            assert hit.channel_ids <= readable
            assert hit.anchor_channel_id == where[hit.anchor]
            assert changes["until"] is None or max(hit.message_ids) <= changes["until"]
    assert found


async def test_a_lost_permission_counts_from_the_next_question_on(chat: Chat) -> None:
    said = await chat.say(ADA, "the boat is red", channel=ELSEWHERE)
    assert ids(await chat.ask("boat", channel_ids=frozenset({CHANNEL, ELSEWHERE}))) == [said.id]
    assert ids(await chat.ask("boat", channel_ids=frozenset({CHANNEL}))) == []


async def test_a_date_or_a_name_opens_no_way_around(chat: Chat) -> None:
    """Both look for messages whatever their words are."""
    day = (await chat.say(ADA, "the secret", channel=ELSEWHERE)).created_at
    for text in (f"What happened on {day:%Y-%m-%d}?", "What about Ada?", f"<@{ADA}>"):
        assert (await chat.ask(text, channel_ids=frozenset({CHANNEL}))).hits == ()
        assert (await chat.ask(text, channel_ids=frozenset({ELSEWHERE}))).hits


async def test_what_is_said_again_word_for_word_takes_no_room_from_the_rest(chat: Chat) -> None:
    reminder = "reminder for the harbour project: mark old dates and budgets of the harbour project as history"
    await chat.talk([(ADA, reminder)] * 9)
    await chat.say(CLEO, "harbour moves to July")
    text = await chat.found("which date and budget has the harbour project?", max_chars=400)
    assert text.count("reminder") == 1
    assert "July" in text
