"""The main job end to end: the real process reads along, extracts, recalls with links, and forgets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.storage.sqlite import DATABASE_FILE
from tests.acceptance.community import Community, expected, found, plain, settle
from tests.acceptance.stores import END_STATES, canary, files_with, logged, rows, traces
from tests.fixtures.process import set_stage
from tests.loopback.discord import eventually
from tests.loopback.discord_world import Channel, Member, Message

pytestmark = pytest.mark.asyncio(loop_scope="module")

GONE_WITHIN = 60.0  # seconds; everything that came from a deleted message is gone within a minute
FOUND_WITHIN = 2.0  # seconds from a message's arrival until /recall finds it
EMBEDDING_REQUESTS_A_FLUSH = 2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def community(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Community]:
    """A server whose three observed channels hold some five hundred messages, extracted and indexed."""
    async with set_stage(tmp_path_factory.mktemp("main-job")) as stage:
        community = settle(stage)
        await found(community)
        yield community
        code, _ = await stage.bot.terminate()
        assert code == 0
        assert "Traceback" not in stage.bot.logs()
        assert stage.discord.unknown == []


def memories_with(community: Community, word: str) -> list[str]:
    """Ids of the memories whose text holds this word."""
    database = community.stage.bot.database
    return [row[0] for row in rows(database, "SELECT id FROM memories WHERE text LIKE ?", f"%{word}%")]


def citations_of(community: Community, memory_id: str) -> list[tuple[int, int, int]]:
    """Message, channel and author of everything that a memory cites."""
    sql = "SELECT message_id, channel_id, author_id FROM citations WHERE memory_id = ? ORDER BY message_id"
    return rows(community.stage.bot.database, sql, memory_id)


async def gone(community: Community, *words: str) -> None:
    """Wait until no file holds any of these words."""
    needles = [word.encode() for word in words]
    folder = community.stage.folder
    await eventually(lambda: not files_with(folder, needles), within=GONE_WITHIN, what="the last trace to go")


async def kept(community: Community, message: Message) -> None:
    """Wait until a message is in the log."""
    database = community.stage.bot.database
    await eventually(lambda: message.id in logged(database, message.channel), what="the message in the log")


async def test_every_message_is_kept_once_and_ends_in_one_state(community: Community) -> None:
    database = community.stage.bot.database
    await eventually(
        lambda: logged(database, *community.observed) == expected(community), what="the log as Discord has it"
    )
    ended = rows(database, "SELECT DISTINCT state FROM messages WHERE id <= ?", community.last_id)
    assert {state for (state,) in ended} <= END_STATES
    checkpoints = dict(rows(database, "SELECT channel_id, checkpoint FROM channels"))
    assert all(checkpoints[channel.id] >= max(logged(database, channel)) for channel in community.observed)


async def test_nothing_unobserved_opted_out_or_said_by_machines_is_in_any_file(community: Community) -> None:
    stage = community.stage
    unwanted = [*community.lounge.messages, *community.opted_out, *community.by_machines]
    assert len(unwanted) >= 72
    needles = {trace for message in unwanted for trace in traces(message)}
    silent, opted_out = (
        {str(id_).encode(), id_.to_bytes(8, "big")} for id_ in (community.people["Kai"].id, community.lou.id)
    )
    assert files_with(stage.bot.data_dir, needles | silent) == []
    await eventually(  # her number is in what she asked for until that is done
        lambda: not files_with(stage.bot.data_dir, opted_out),
        within=GONE_WITHIN,
        what="the number of who opted out to go",
    )
    assert files_with(stage.folder, {word.encode() for said in unwanted for word in said.content.split()}) == []
    decision = community.decision(community.general)
    assert any(DATABASE_FILE in place for place in files_with(stage.bot.data_dir, [decision.word.encode()]))


async def test_logs_hold_no_message_and_no_secret(community: Community) -> None:
    stage = community.stage
    logs = stage.bot.logs()
    assert not [decision for decision in community.decisions if decision.word in logs]
    assert not [secret for secret in (stage.discord.token, "loopback-openai-key") if secret in logs]


async def test_every_decision_became_one_memory_that_cites_who_said_it(community: Community) -> None:
    for decision in community.decisions:
        (memory_id,), said = memories_with(community, decision.text), decision.said
        assert citations_of(community, memory_id) == [(said.id, said.channel.id, said.author.id)]
    assert community.embedding_requests <= EMBEDDING_REQUESTS_A_FLUSH * len(community.observed)
    uncited = "SELECT count(*) FROM memories WHERE id NOT IN (SELECT memory_id FROM citations)"
    assert rows(community.stage.bot.database, uncited) == [(0,)]


async def test_recall_shows_text_speaker_time_and_the_way_to_the_message(community: Community) -> None:
    decision = community.decision(community.general)
    answer = await community.recall(community.eve, community.help, f"what about the {decision.word}")
    assert answer.ephemeral
    assert decision.text in plain(answer)
    assert decision.said.author.name in plain(answer)
    assert "<t:" in answer.text
    assert f"]({decision.said.jump_url})" in answer.text


async def test_recall_without_a_hit_says_so_and_what_to_do(community: Community) -> None:
    silent = community.people["Kai"]
    answer = await community.ask(community.people["Finn"], community.general, "recall", query="chairs", member=silent)
    assert answer.ephemeral
    assert "Nothing that you can read matches" in plain(answer)
    assert answer.urls == []


async def test_nobody_recalls_what_they_cannot_read_now(community: Community) -> None:
    decision = community.decision(community.harbour)
    cleo, dan, general = community.people["Cleo"], community.people["Dan"], community.general

    async def sees(member: Member, channel: Channel) -> bool:
        return decision.text in plain(await community.recall(member, channel, decision.word))

    assert not await sees(community.eve, general)
    assert await sees(cleo, general)
    assert await sees(dan, community.harbour)
    cleo.take(community.crew)
    community.harbour.overwrite(dan, deny=["read_message_history"])
    assert not await sees(cleo, general)
    assert not await sees(dan, general)


async def test_a_message_is_found_within_two_seconds_of_its_arrival(community: Community) -> None:
    word = canary()
    arrived = time.monotonic()
    community.help.say(community.ada, f"The {word} ferry leaves at noon.")
    await asyncio.sleep(0.6)
    answer = await community.recall(community.people["Gus"], community.help, f"{word} ferry")
    assert "ferry leaves at noon" in plain(answer)
    assert time.monotonic() - arrived < FOUND_WITHIN


async def test_remember_cites_the_interaction_itself(community: Community) -> None:
    word = canary()
    asked = community.stage.discord.command(
        community.eve, community.general, "remember", text=f"The {word} key hangs behind the door"
    )
    assert (await asked.answer()).ephemeral
    (memory_id,) = memories_with(community, word)
    assert citations_of(community, memory_id) == [(asked.id, community.general.id, community.eve.id)]
    answer = await community.recall(community.people["Hana"], community.general, f"where is the {word} key")
    assert "hangs behind the door" in plain(answer)


async def test_remember_is_refused_where_nobody_observes(community: Community) -> None:
    word = canary()
    answer = await community.ask(community.eve, community.lounge, "remember", text=f"The {word} key is lost")
    assert answer.ephemeral
    assert files_with(community.stage.folder, [word.encode()]) == []


async def test_only_what_people_say_and_agree_to_can_be_remembered(community: Community) -> None:
    discord, finn = community.stage.discord, community.people["Finn"]
    kept_message = community.general.say(community.ada, f"The {canary()} ladder belongs to the neighbours.")
    for refused in (community.opted_out[0], community.by_machines[0], community.by_machines[1]):
        await discord.menu(finn, refused, "Remember this message").answer()
        assert not rows(community.stage.bot.database, "SELECT 1 FROM citations WHERE message_id = ?", refused.id)
    await discord.menu(community.people["Ivo"], kept_message, "Remember this message").answer()
    sql = "SELECT author_id FROM citations WHERE message_id = ?"
    assert rows(community.stage.bot.database, sql, kept_message.id) == [(community.ada.id,)]


async def test_a_forgotten_memory_is_gone_from_every_file(community: Community) -> None:
    word, jun = canary(), community.people["Jun"]
    await community.ask(jun, community.general, "remember", text=f"The {word} boat is green")
    (memory_id,) = memories_with(community, word)
    discord, hana = community.stage.discord, community.people["Hana"]
    of_others = discord.autocomplete(hana, community.general, "forget memory", "memory", memory=word)
    assert await of_others.suggestions() == []
    suggested = discord.autocomplete(jun, community.general, "forget memory", "memory", memory=word)
    (choice,) = await suggested.suggestions()
    await community.ask(hana, community.general, "forget memory", memory=choice["value"])
    assert memories_with(community, word) == [memory_id]
    asked = await community.ask(jun, community.general, "forget memory", memory=choice["value"])
    assert memories_with(community, word) == [memory_id]
    discord.press(jun, asked, "Forget it")
    await gone(community, word)


async def test_an_edited_message_is_found_by_its_new_words_alone(community: Community) -> None:
    before, after = canary(), canary()
    said = community.help.say(community.ada, f"The {before} gate is shut.")
    await kept(community, said)
    said.edit(f"The {after} gate is open.")
    await gone(community, before)
    (content,) = rows(community.stage.bot.database, "SELECT content FROM messages WHERE id = ?", said.id)
    assert after in content[0]
    assert "gate is open" in plain(await community.recall(community.people["Ivo"], community.help, f"{after} gate"))


async def test_a_deleted_message_takes_everything_with_it(community: Community) -> None:
    decision = community.decision(community.help)
    community.decisions.remove(decision)
    others = [community.help.say(community.ada, f"{canary()} {canary()}") for _ in range(3)]
    await kept(community, others[-1])
    decision.said.delete()
    community.help.delete_messages(others)
    words = [decision.word, *(word for other in others for word in other.content.split())]
    await gone(community, *words)
    assert memories_with(community, decision.word) == []
    sql = "SELECT 1 FROM citations WHERE message_id = ?"
    assert not rows(community.stage.bot.database, sql, decision.said.id)


async def test_memories_shows_members_their_own(community: Community) -> None:
    word, ben = canary(), community.ben
    await community.ask(ben, community.general, "remember", text=f"The {word} saw needs oil")
    assert f"{word} saw needs oil" in plain(await community.ask(ben, community.general, "memories"))
    assert word not in plain(await community.ask(community.people["Hana"], community.general, "memories"))


async def test_observation_is_for_those_who_manage_the_server(community: Community) -> None:
    answer = await community.ask(community.eve, community.lounge, "observe on")
    assert answer.ephemeral
    assert not [said for said in community.lounge.messages if said.author is community.lounge.world.me]
    listed = plain(await community.ask(community.ada, community.general, "observe list"))
    assert all(f"<#{channel.id}>" in listed or channel.name in listed for channel in community.observed)
    assert str(community.lounge.id) not in listed
