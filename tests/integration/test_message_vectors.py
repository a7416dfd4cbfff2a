"""EMBED_MESSAGES: every message of the log is found by meaning, and none that is not there any more."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import select, update

from bot.cli.replay import replay_export
from bot.domain import snowflake
from bot.domain.model import HitKind, Message
from bot.forget.revisions import Revisions
from bot.guilds.composition import policy_of
from bot.index import message_vectors
from bot.index.message_vectors import MessageVectors
from bot.index.points import VectorQuery
from bot.llm.loading import load_settings
from bot.observe.exports import open_export
from bot.observe.messagelog import MessageLog, Said
from bot.recall import RecallQuery
from bot.run.app import App, open_app
from bot.run.life import alone
from bot.storage.engine import Database, open_database
from bot.storage.installation import Installation
from bot.storage.schema import outbox
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS, FakeClock, SaidFactory
from tests.loopback.http import Fault
from tests.loopback.openai import LoopbackOpenAI
from tests.loopback.qdrant import LoopbackQdrant

ADA, BEN = 3_101, 3_102
ELSEWHERE = CHANNEL + 1
ASKED = "who is it then"
"""Words that no full-text index keeps: what is found by them was found by meaning."""

SAMPLE = Path(str(files("bot.cli.sample") / "chat.jsonl"))

SECONDS = itertools.count()
"""Nothing is said at the same time as something else."""

Opened = Callable[..., AbstractAsyncContextManager["House"]]


class House:
    """The program, and what was said in it."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def say(self, *texts: str, author: int = ADA, channel: int = CHANNEL) -> list[Message]:
        spoken = [
            Message(
                id=snowflake.from_ms(NOW_MS + 1_000 * next(SECONDS)),
                guild_id=GUILD,
                channel_id=channel,
                author_id=author,
                content=text,
            )
            for text in texts
        ]
        await self.app.log.append([Said(message, "Ada" if author == ADA else "Ben") for message in spoken])
        return spoken

    async def near(self, text: str, **bounds: Any) -> list[int]:  # noqa: ANN401
        """The messages nearest in meaning."""
        found = await self.app.index.search(
            VectorQuery(guild_id=GUILD, text=text, messages=True, limit=10, **{"channel_ids": None, **bounds})
        )
        return [one.said_id for one in found]

    async def recalled(self, text: str, channels: frozenset[int] | None = None) -> list[int]:
        """The messages that recall shows."""
        result = await self.app.recall.search(RecallQuery(guild_id=GUILD, text=text, channel_ids=channels))
        return [number for hit in result.hits if hit.kind is HitKind.MESSAGE for number in hit.message_ids]


@pytest.fixture
def opened(migrated_dir: Path, openai_server: LoopbackOpenAI) -> Opened:
    @asynccontextmanager
    async def opener(*, embed: bool = True, leads: bool = True, **changes: object) -> AsyncIterator[House]:
        service = {"openai_base_url": openai_server.api_url, "openai_api_key": "k"}
        settings = load_settings(None, **{"data_dir": migrated_dir, "embed_messages": embed, **service, **changes})
        async with open_app(settings, extract=False, patient=True, leads=leads) as app:
            yield House(app)

    return opener


async def test_a_message_is_found_by_meaning_where_no_word_is_shared(opened: Opened) -> None:
    async with opened() as house:
        (said,) = await house.say("Who is it then?")
        await house.say("The ferry leaves at nine.", "Bring the blue ladder.", author=BEN)
        assert await house.recalled(ASKED) == []
        await house.app.indexer.drain()
        assert (await house.near(f"Ada: {said.content}"))[0] == said.id
        assert said.id in await house.recalled(ASKED)


async def test_without_the_setting_no_message_is_embedded(opened: Opened, openai_server: LoopbackOpenAI) -> None:
    async with opened(embed=False) as house:
        await house.say("Who is it then?")
        await house.app.indexer.drain()
        assert await house.app.indexer.backlog() == await house.app.index.count() == 0
    assert not [text for one in openai_server.requests for text in one.body.get("input", ()) if "Who is" in text]


@pytest.mark.slow
async def test_a_process_that_does_not_lead_holds_to_what_was_decided(opened: Opened) -> None:
    async with opened() as house:
        (before,) = await house.say("The ferry leaves at nine.")
        await house.app.indexer.drain()
    async with opened(embed=False, leads=False) as house:
        (said,) = await house.say("Bring the blue ladder.")
        await house.app.indexer.catch_up()
        assert set(await house.near("Ada: The ferry leaves at nine.")) == {before.id, said.id}
    async with opened(embed=False) as house:
        await house.app.indexer.catch_up()
        assert await house.app.index.count() == 0
    async with opened(leads=False) as house:
        await house.say("The bus leaves at ten.")
        await house.app.indexer.catch_up()
        assert await house.app.index.count() == 0


async def test_a_command_decides_nothing(data_dir: Path) -> None:
    settings = load_settings(None, data_dir=data_dir, embed_messages=True, openai_api_key="k")
    async with open_app(settings, extract=False) as app:
        assert not app.indexer.messages.held
        assert await Installation(app.db).get(message_vectors.STATE) is None


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.matrix
async def test_a_replay_decides_where_no_bot_runs(
    running: bool, data_dir: Path, tmp_path: Path, openai_server: LoopbackOpenAI
) -> None:
    settings = load_settings(
        None,
        data_dir=data_dir,
        embed_messages=True,
        openai_api_key="k",
        openai_base_url=openai_server.api_url,
    )
    chat = tmp_path / "chat.jsonl"
    chat.write_text(SAMPLE.read_text().splitlines()[0])
    async with alone(settings) if running else nullcontext():
        await replay_export(settings, open_export(chat), extract=False, console=Console(quiet=True))
    async with open_database(None, data_dir) as db:
        told = await Installation(db).get(message_vectors.STATE)
    assert (told is None) == running


@pytest.mark.both_databases(fast=True)
async def test_what_goes_is_told_though_another_process_decided(
    database: Database, log: MessageLog, make_said: SaidFactory, clock: FakeClock
) -> None:
    """As where one process has begun to embed, and the one that is asked to delete has not heard of it."""
    decides, knows_nothing = (MessageVectors(database, Installation(database), clock) for _ in range(2))
    said = make_said("Who is it then?")
    await log.append([said])
    await decides.load(wanted=True, remove=False)
    async with database.write() as connection:
        await knows_nothing.gone(connection, [said.message.id])
    async with database.read() as connection:
        assert (await connection.scalars(select(outbox.c.op))).all() == ["delete"]


@pytest.mark.both_databases(fast=True)
async def test_nothing_is_embedded_any_more_though_this_process_has_not_heard_of_it(
    database: Database, log: MessageLog, make_said: SaidFactory, clock: FakeClock
) -> None:
    decides, late = (MessageVectors(database, Installation(database), clock) for _ in range(2))
    await decides.load(wanted=True, remove=False)
    await late.follow()
    said = make_said("Who is it then?")
    await log.append([said])
    await decides.load(wanted=False, remove=True)
    assert late.held
    assert await late.get([said.message.id]) == {}
    assert await late.after(0, 10) == []
    while await decides.enlist():
        pass
    assert not await late.enlist()
    await late.begin_anew()
    await decides.follow()
    assert not decides.held


async def test_messages_and_memories_are_not_in_each_others_way(opened: Opened) -> None:
    async with opened() as house:
        (said,) = await house.say("The ferry leaves at nine.")
        memory = await house.app.services.own.remember(
            guild_id=GUILD, channel_id=CHANNEL, author_id=ADA, message_id=said.id, text="The ferry leaves at nine."
        )
        await house.app.indexer.drain()
        found = await house.app.index.search(VectorQuery(guild_id=GUILD, text=memory.text, channel_ids=None, limit=10))
        assert [one.memory_id for one in found] == [memory.id]
        assert await house.near(memory.text) == [said.id]
        assert await house.app.index.count_citing(ADA, GUILD) == 2
        assert await house.app.index.count_citing(ADA, GUILD + 1) == 0


async def test_nobody_finds_what_was_said_where_they_may_not_read(opened: Opened) -> None:
    async with opened() as house:
        (secret,) = await house.say("Who is it then?", channel=ELSEWHERE)
        (said,) = await house.say("Who is it then?")
        await house.app.indexer.drain()
        assert await house.near("Ada: Who is it then?", channel_ids=frozenset({CHANNEL})) == [said.id]
        assert await house.recalled(ASKED, frozenset({CHANNEL})) == [said.id]
        assert set(await house.recalled(ASKED)) == {secret.id, said.id}


async def test_a_question_that_nothing_is_near_to_finds_nothing(opened: Opened) -> None:
    async with opened() as house:
        await house.say("The ferry leaves at nine.", "Bring the blue ladder.")
        await house.app.indexer.drain()
        assert await house.recalled("xylophone quasar") == []


async def test_an_edit_is_embedded_anew(opened: Opened) -> None:
    async with opened() as house:
        (said,) = await house.say("Who is it then?")
        await house.app.indexer.drain()
        text = "The ferry leaves at nine."
        app = house.app
        revisions = Revisions(app.db, app.stores, app.indexer, app.services.guilds.consents)
        assert await revisions.edited(said.id, text, datetime.now(UTC))
        await house.app.indexer.drain()
        (found,) = await house.app.index.search(
            VectorQuery(guild_id=GUILD, text=f"Ada: {text}", messages=True, channel_ids=None, limit=10)
        )
        assert found.said_id == said.id
        assert found.score == pytest.approx(1)


async def test_a_deleted_message_and_an_expired_one_are_gone(opened: Opened) -> None:
    async with opened() as house:
        said = await house.say("Who is it then?", "The ferry leaves at nine.")
        await house.app.indexer.drain()
        receipt = await house.app.erasure.erase_messages(GUILD, CHANNEL, [said[0].id])
        await house.app.indexer.drain()
        assert receipt.removed["messages"] == 1
        assert await house.near("Who is it then?") == [said[1].id]
        assert (await house.app.erasure.erase_expired(-1))["messages"] == 1
        await house.app.indexer.drain()
        assert await house.app.index.count() == 0


@pytest.mark.parametrize("whole_server", [False, True])
@pytest.mark.matrix
async def test_a_receipt_tells_of_vectors_that_did_not_go(
    whole_server: bool, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as house:
        await house.say("Who is it then?")
        await house.say("The ferry leaves at nine.", channel=ELSEWHERE)
        await house.app.indexer.drain()
        erasure = house.app.erasure

        async def forgets_nothing(memory_ids: Collection[str]) -> None:
            """As a store would that takes a deletion and keeps the points."""

        with monkeypatch.context() as broken:
            broken.setattr(house.app.index, "delete", forgets_nothing)
            receipt = await (erasure.erase_guild(GUILD) if whole_server else erasure.erase_channel(GUILD, CHANNEL))
        assert receipt.removed["messages"] == 1 + whole_server
        assert receipt.remaining["vectors"] == 1 + whole_server
        assert not receipt.complete


async def test_on_a_qdrant_server_they_are_found_and_forgotten_as_well(
    opened: Opened, qdrant_server: LoopbackQdrant
) -> None:
    async with opened(mem0_qdrant_url=qdrant_server.url) as house:
        (said,) = await house.say("Who is it then?")
        (secret,) = await house.say("Who is it then?", channel=ELSEWHERE)
        await house.app.indexer.drain()
        assert await house.recalled(ASKED, frozenset({CHANNEL})) == [said.id]
        receipt = await house.app.erasure.erase_channel(GUILD, CHANNEL)
        assert receipt.complete
        assert await house.near("Who is it then?") == [secret.id]
        assert (await house.app.erasure.erase_guild(GUILD)).complete
        assert await house.app.index.count() == 0


async def test_a_message_that_went_before_its_turn_is_never_embedded(
    opened: Opened, openai_server: LoopbackOpenAI
) -> None:
    async with opened() as house:
        (said,) = await house.say("Who is it then?")
        await house.app.erasure.erase_messages(GUILD, CHANNEL, [said.id])
        await house.app.indexer.drain()
        assert await house.app.index.count() == await house.app.indexer.backlog() == 0
    assert not [text for one in openai_server.requests for text in one.body.get("input", ()) if "Who is" in text]


async def test_while_the_embedder_is_away_messages_wait_and_words_find_them(
    opened: Opened, openai_server: LoopbackOpenAI
) -> None:
    async with opened() as house:
        (said,) = await house.say("The ferry leaves at nine.")
        openai_server.fail(Fault.STATUS, path="/embeddings", status=500)
        await house.app.indexer.drain()
        assert await house.app.indexer.backlog() == 1
        assert await house.recalled("when does the ferry leave") == [said.id]


@pytest.mark.slow
async def test_what_was_there_before_follows_and_goes_on_after_a_restart(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_vectors, "CHUNK", 3)
    async with opened(embed=False) as house:
        said = [message.id for message in await house.say(*(f"The ferry number {n} leaves." for n in range(8)))]
    async with opened() as house:
        assert await house.app.indexer.messages.enlist()
        await house.app.indexer.drain()
        assert sorted(await house.near("ferry")) == said[5:]
    async with opened() as house:
        late = (await house.say("The ferry is late."))[0].id
        await house.app.indexer.catch_up()
        assert sorted(await house.near("ferry")) == [*said, late]
        assert not await house.app.indexer.messages.enlist()


async def test_what_was_there_before_follows_though_people_never_stop_talking(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(embed=False) as house:
        said = [message.id for message in await house.say(*(f"The ferry number {n} leaves." for n in range(8)))]
    async with opened() as house:
        await house.say("The ferry is late.")

        async def talking() -> float:
            await house.say("Something else, all the time.")
            return 0.01

        monkeypatch.setattr(house.app.indexer.changes, "pause", talking)
        running = asyncio.create_task(house.app.indexer.run())
        try:
            async with asyncio.timeout(20):
                while not set(said) <= set(await house.near("ferry", up_to=said[-1])):  # noqa: ASYNC110 - no event
                    await asyncio.sleep(0.01)
        finally:
            running.cancel()


@pytest.mark.slow
async def test_switched_off_again_their_vectors_go(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_vectors, "CHUNK", 3)
    async with opened() as house:
        said = await house.say(*(f"The ferry number {n} leaves." for n in range(8)))
        await house.app.indexer.drain()
        assert await house.app.index.count() == 8
    async with opened(embed=False) as house:
        await house.app.erasure.erase_messages(GUILD, CHANNEL, [said[0].id])
        await house.app.indexer.catch_up()
        await house.app.indexer.drain()
        assert await house.app.index.count() == 0
        await house.say("The ferry is late.")
        await house.app.indexer.drain()
        assert await house.app.index.count() == await house.app.indexer.backlog() == 0
    async with opened() as house:
        await house.app.indexer.catch_up()
        assert await house.app.index.count() == 8


@pytest.mark.slow
async def test_they_are_in_the_next_generation_of_the_index_as_well(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.index.mover.BATCH", 3)
    async with opened() as house:
        said = [message.id for message in await house.say(*(f"The ferry number {n} leaves." for n in range(8)))]
        await house.app.indexer.drain()
    async with opened(embedding_dims=256) as house:
        mover = house.app.mover
        assert mover is not None
        assert await mover.move()
        late = (await house.say("The ferry is late."))[0].id
        await house.app.erasure.erase_messages(GUILD, CHANNEL, said[:1])
        await house.app.indexer.drain()
        while await mover.move():
            pass
        assert sorted(await house.near("ferry")) == [*said[1:], late]
        assert await house.app.index.count() == 8


async def test_an_index_that_was_lost_holds_them_again(opened: Opened, data_dir: Path) -> None:
    async with opened() as house:
        said = [message.id for message in await house.say("The ferry leaves.", "The ferry is late.")]
        await house.app.indexer.drain()
    for path in sorted((data_dir / "index").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    async with opened() as house:
        running = asyncio.create_task(house.app.indexer.run())
        try:
            for _ in range(1_000):
                if await house.app.index.count() == len(said):
                    break
                await asyncio.sleep(0.01)
        finally:
            running.cancel()
        assert sorted(await house.near("ferry")) == said


def test_members_are_told_that_messages_are_embedded() -> None:
    told = policy_of(load_settings(None, embed_messages=True)).text()
    assert "OpenAI, text-embedding-3-small turns messages, memories and questions into numbers" in told
    assert "turns memories and questions into numbers" in policy_of(load_settings(None)).text()


@pytest.mark.slow
async def test_a_key_that_is_missing_for_a_while_costs_no_vector(opened: Opened, data_dir: Path) -> None:
    async with opened() as house:
        said = [message.id for message in await house.say("The ferry leaves.", "The ferry is late.")]
        await house.app.indexer.drain()
    async with opened(openai_api_key=None) as house:
        await house.app.erasure.erase_messages(GUILD, CHANNEL, said[:1])
        said.append((await house.say("The ferry is back."))[0].id)
        await house.app.indexer.catch_up()
    async with opened() as house:
        assert await house.app.index.count() == 1
        async with house.app.db.write() as connection:
            await connection.execute(update(outbox).values(next_try_ms=0))  # it waits for a second or so
        await house.app.indexer.catch_up()
        assert sorted(await house.near("ferry")) == said[1:]


async def test_without_a_key_nothing_piles_up(opened: Opened) -> None:
    async with opened(openai_api_key=None) as house:
        await house.say("The ferry leaves.")
        await house.app.indexer.catch_up()
        assert await house.app.indexer.backlog() == 0
