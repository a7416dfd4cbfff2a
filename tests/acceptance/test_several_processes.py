"""Two bots with a shard each and three workers on the same servers: any of them may die at any moment."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from qdrant_client import models

from bot.domain import snowflake
from bot.domain.clock import system_clock
from bot.llm.loading import load_settings
from bot.run.app import open_app
from tests.acceptance.community import DECISIONS, decisions_as_memories, plain
from tests.acceptance.stores import END_STATES, canary, said_by_people
from tests.acceptance.test_crashes import flood
from tests.fixtures.commandline import CommandLine
from tests.fixtures.index import MARKED, holds_exactly
from tests.fixtures.postgres import PostgresServer, server_programs
from tests.fixtures.process import OPENAI_KEY, START_SECONDS, BotProcess, Stage, set_stage
from tests.loopback.discord import eventually
from tests.loopback.discord_world import Channel, Guild, Member, Message
from tests.loopback.qdrant import LoopbackQdrant

SHARDS = 2
WORKERS = 3
MESSAGES = int(os.environ.get("SCALE_MESSAGES", "1200"))
KILLS = int(os.environ.get("SCALE_KILLS", "5"))
FIRST, SECOND = "_1", "_2"
"""How the names of the collections end; before that is the installation's id."""
DECIDED = "We decided that"
SOME = 1_000
"""Memories to copy; some batches."""

SETTLE_SECONDS = 300.0 + MESSAGES / 50


@dataclass
class Fleet:
    """Bots and workers, and what they share.

    Attributes:
        qdrant: their index.
        guilds: one of each shard.
        decided: what was decided, by channel.
    """

    stage: Stage
    url: str
    qdrant: LoopbackQdrant
    bots: list[BotProcess]
    workers: list[BotProcess]
    guilds: list[Guild]
    decided: dict[int, list[str]] = field(default_factory=dict)

    @property
    def channels(self) -> list[Channel]:
        """Every observed channel."""
        wanted = {"general", "help"}
        return [channel for guild in self.guilds for channel in guild.channels.values() if channel.name in wanted]

    async def rows(self, sql: str, *values: object) -> list[Any]:
        """Read from the database that all of them share."""
        connection = await asyncpg.connect(self.url)
        try:
            return list(await connection.fetch(sql, *values))
        finally:
            await connection.close()

    async def connected(self, *shards: int) -> None:
        """Wait until these shards have a session."""
        gateway = self.stage.discord.gateway

        def there() -> bool:
            return {session.shard for session in gateway.connected} >= {(shard, SHARDS) for shard in shards}

        await eventually(there, within=2 * START_SECONDS, what=f"sessions of shards {shards}")

    @property
    def collections(self) -> set[str]:
        """What is on the Qdrant server."""
        return {collection.name for collection in self.qdrant.engine.get_collections().collections}

    def named(self, ending: str) -> str:
        """The collection whose name ends so; empty where it is not there."""
        return next((name for name in self.collections if name.endswith(ending)), "")

    def held_by(self, ending: str) -> int:
        """How many memories a collection holds; 0 where it is not there."""
        name = self.named(ending)
        return self.qdrant.engine.count(name, models.Filter(must_not=[MARKED])).count if name else 0

    def searches(self) -> int:
        """How often the second collection was searched."""
        return len(self.qdrant.asked(f"{SECOND}/points/query"))

    async def decide(self, channel: Channel, member: Member, number: int) -> None:
        """Say that something was decided."""
        text = f"{canary()} {DECISIONS[number]}"
        channel.say(member, f"We decided that the {text}.")
        self.decided.setdefault(channel.id, []).append(f"The {text}.")

    async def logged(self) -> Counter[int]:
        """How often each message is in the log."""
        return Counter(row["id"] for row in await self.rows("SELECT id FROM messages"))

    async def settled(self) -> None:
        """Wait until the log agrees with Discord and everything is in an end state and in the index."""

        async def settled() -> bool:
            for process in (*self.bots, *self.workers):
                process.check()
            if await self.logged() != said_by_people(*self.channels):  # first: what comes later would be pending
                return False
            waiting = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM batches) AS left"
            states = {row["state"] for row in await self.rows("SELECT DISTINCT state FROM messages")}
            left = (await self.rows(waiting))[0]["left"]
            return states <= END_STATES and not left

        async with asyncio.timeout(SETTLE_SECONDS):
            while not await settled():  # noqa: ASYNC110 - other processes have no event for it
                await asyncio.sleep(0.5)

    async def in_order_and_once(self) -> None:
        """Each decision is one memory, made in the order in which it was said in its channel, and a point."""
        found = await self.rows(
            "SELECT c.channel_id, c.message_id, m.text FROM memories m JOIN citations c ON c.memory_id = m.id "
            "ORDER BY m.seq"
        )
        for channel in self.channels:
            remembered = [row for row in found if row["channel_id"] == channel.id]
            texts, decided = [row["text"] for row in remembered], self.decided.get(channel.id, [])
            assert texts == decided, [await self.fate(text) for text in decided if text not in texts]
            assert [row["message_id"] for row in remembered] == sorted(row["message_id"] for row in remembered)

    async def fate(self, text: str) -> str:
        """What became of a decision without a memory: where the model was shown it, and what was refused and why."""
        word = text.split()[1]
        asked = [request.body for request in self.stage.ollama.asked("/api/chat") if word in str(request.body)]
        answers = [(body["messages"][-1]["content"], decisions_as_memories(body)) for body in asked]
        message = await self.rows(f"SELECT id, state FROM messages WHERE content LIKE '%{word}%'")  # noqa: S608
        refused = await self.rows("SELECT reason, sum(number) AS number FROM refusals GROUP BY reason")
        return f"{text} {[dict(row) for row in (*message, *refused)]}\n" + "\n".join(map(str, answers))


if server_programs() is not None:

    @pytest.fixture
    async def fleet(postgres_server: PostgresServer, tmp_path: Path) -> AsyncIterator[Fleet]:
        """Bots and workers that are not started."""
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(postgres_server.empty_database())
            qdrant = await stack.enter_async_context(LoopbackQdrant())
            stage = await stack.enter_async_context(set_stage(tmp_path))
            stage.discord.shards = SHARDS
            stage.ollama.answer = decisions_as_memories
            guilds = [await _guild(stage, shard) for shard in range(SHARDS)]
            fleet = Fleet(stage, url, qdrant, [], [], guilds)
            shared = stage.bot.environment | {
                "DATABASE_URL": url,
                "MEM0_QDRANT_URL": qdrant.url,
                "FLUSH_INTERVAL_SECONDS": "1",
                "OBSERVE_CHANNELS": ",".join(str(channel.id) for channel in fleet.channels),
            }
            for shard in range(SHARDS):
                own = {"SHARD_IDS": str(shard), "SHARD_COUNT": str(SHARDS), "ERASURES_FILE": "erasures.jsonl"}
                fleet.bots.append(await _process(stack, stage, tmp_path / f"bot{shard}", shared | own))
            for number in range(WORKERS):
                worker = await _process(stack, stage, tmp_path / f"worker{number}", shared)
                worker.entry = ("-m", "bot", "worker")
                fleet.workers.append(worker)
            yield fleet

    @pytest.mark.slow
    @pytest.mark.timeout(900)
    async def test_restarts_in_turn_lose_and_double_nothing(fleet: Fleet) -> None:
        ada, ben = (guild.member("Ada") for guild in fleet.guilds)
        await asyncio.gather(*(bot.start(ready=False) for bot in fleet.bots))
        await fleet.connected(0, 1)
        await fleet.bots[0].noticed(*fleet.channels)
        assert fleet.stage.discord.command_puts == 1
        for number, bot in enumerate(fleet.bots * 2):
            talk = asyncio.create_task(flood(100, fleet.channels[:2], (ada,), seconds=4))
            await flood(100, fleet.channels[2:], (ben,), seconds=4)
            for channel in fleet.channels:
                await fleet.decide(channel, ada if channel.guild is fleet.guilds[0] else ben, number)
            await (bot.kill() if number < SHARDS else bot.terminate())
            await bot.start(ready=False)
            await talk
            await fleet.connected(0, 1)
        await fleet.settled()
        await fleet.in_order_and_once()

        await _opt_out_of_every_server(fleet, ben)

    @pytest.mark.slow
    @pytest.mark.timeout(7200)
    async def test_any_of_them_is_killed_at_random_while_messages_come_in(fleet: Fleet) -> None:
        members = [guild.member("Ada") for guild in fleet.guilds]
        everybody = [*fleet.bots, *fleet.workers]
        await asyncio.gather(*(process.start(ready=False) for process in everybody))
        await fleet.connected(0, 1)
        await fleet.bots[0].noticed(*fleet.channels)
        seconds = max(KILLS * 6.0, MESSAGES / 200)
        talks = [
            asyncio.create_task(
                flood(MESSAGES // SHARDS, fleet.channels[2 * n : 2 * n + 2], (member,), seconds=seconds)
            )
            for n, member in enumerate(members)
        ]
        for number in range(KILLS):
            await asyncio.sleep(random.uniform(0.5, 1.5) * seconds / KILLS / 2)
            if number < len(DECISIONS):
                for channel in fleet.channels:
                    await fleet.decide(channel, members[fleet.guilds.index(channel.guild)], number)
            victim = random.choice(everybody)
            await victim.kill()
            await victim.start(ready=False)
        await asyncio.gather(*talks)
        await fleet.connected(0, 1)
        await fleet.settled()
        await fleet.in_order_and_once()
        assert sum(said_by_people(*fleet.channels).values()) >= MESSAGES
        print(f"{MESSAGES} messages, {KILLS} killed: lost 0, doubled 0")

    @pytest.mark.slow
    @pytest.mark.timeout(900)
    @pytest.mark.parametrize("way", ["undisturbed", "its bot killed"])
    async def test_the_index_is_filled_anew_while_all_of_them_work(fleet: Fleet, tmp_path: Path, way: str) -> None:
        members = {guild.id: guild.member("Ada") for guild in fleet.guilds}
        for bot in fleet.bots:
            bot.environment["FLUSH_IN_BOT"] = "false"
        running = [*fleet.bots, fleet.workers[0]]
        await asyncio.gather(*(process.start(ready=False) for process in running))
        await fleet.connected(0, 1)
        await fleet.bots[0].noticed(*fleet.channels)
        old = await _many_memories(fleet, tmp_path, members[fleet.guilds[1].id])
        fleet.qdrant.fail("delay", path=f"{SECOND}/points", seconds=0.5)
        to_be_killed = way == "its bot killed"

        filling = asyncio.create_task(_reindex(fleet, tmp_path))
        said: list[Message] = []
        for number in itertools.count():
            channel = fleet.channels[number // 4 % len(fleet.channels)]
            begins = DECIDED if number % 4 == 3 else "I heard that"
            words = f"the {canary()} {canary()} will use the {canary()} {canary()}"
            message = channel.say(members[channel.guild.id], f"{begins} {words}.")
            if begins == DECIDED:
                said.append(message)
            if number % 16 == 15:
                said.pop(random.randrange(len(said))).delete()
            if number % 8 == 1:
                _take_back(fleet.channels[2], old)
            if to_be_killed and fleet.held_by(SECOND) > SOME / 4:
                to_be_killed = False
                await fleet.bots[0].kill()
                await fleet.bots[0].start(ready=False)
            if filling.done():
                break
            await asyncio.sleep(0.2)
        fleet.qdrant.heal()
        assert not to_be_killed
        print(f"{len(said)} memories made, {SOME - len(old) + number // 16} forgotten meanwhile; {await filling}")
        await fleet.settled()
        there = {row["id"]: row["text"] for row in await fleet.rows("SELECT id, text FROM memories")}
        decided = [message.text.removeprefix(f"{DECIDED} ").capitalize() for message in said]
        assert sorted(there.values()) == sorted([*old.values(), *decided])
        holds_exactly(fleet.qdrant, fleet.named(SECOND), there, 1536)
        await eventually(
            lambda: fleet.collections == {fleet.named(SECOND)}, within=120, what="the end of the former collection"
        )

        await _all_search(fleet, members)
        for process in running:
            assert "without the index" not in process.logs()
            assert "Traceback" not in process.logs()


async def _many_memories(fleet: Fleet, folder: Path, ada: Member) -> dict[int, str]:
    """What was remembered before of which message, in the index that there is until now."""
    settings = load_settings(
        None,
        data_dir=folder / "filler",
        database_url=fleet.url,
        mem0_qdrant_url=fleet.qdrant.url,
        openai_base_url=fleet.stage.openai.api_url,
        openai_api_key=OPENAI_KEY,
    )
    first_id = snowflake.from_ms(system_clock())
    texts = {first_id + number: f"The {canary()} is behind the {canary()}" for number in range(SOME)}
    async with open_app(settings, extract=False, patient=True) as app:
        for message_id, text in texts.items():
            place = {"guild_id": ada.guild.id, "channel_id": fleet.channels[2].id, "author_id": ada.user.id}
            await app.services.own.remember(**place, message_id=message_id, text=text)
    await fleet.settled()
    assert fleet.held_by(FIRST) == SOME
    return texts


def _take_back(channel: Channel, remembered: dict[int, str]) -> None:
    """The oldest of the remembered messages is deleted, of which only this event tells."""
    message_id = next(iter(remembered))
    del remembered[message_id]
    place = {"channel_id": str(channel.id), "guild_id": str(channel.guild.id)}
    channel.guild.emit("MESSAGE_DELETE", {"id": str(message_id), **place}, channel)


async def _reindex(fleet: Fleet, folder: Path) -> str:
    """The command, on a machine on which no bot runs."""
    environment = fleet.bots[0].environment | {"DATA_DIR": str(folder / "elsewhere")}
    ran = await CommandLine(folder, environment, seconds=300)("reindex")
    assert ran.code == 0, ran
    assert "The running bot does it" in ran.out
    return ran.out.splitlines()[-1]


async def _all_search(fleet: Fleet, members: dict[int, Member]) -> None:
    """Each bot recalls by meaning, and the worker compares what it makes, in the second collection."""
    for number, guild in enumerate(fleet.guilds):
        channel, before = fleet.channels[2 * number], fleet.searches()
        text = (await fleet.rows("SELECT text FROM memories WHERE guild_id = $1 AND kind = 'decision'", guild.id))[0][0]
        asked = fleet.stage.discord.command(members[guild.id], channel, "recall", query=text)
        assert text in plain(await asked.answer(within=30))
        assert fleet.searches() > before
    before = fleet.searches()
    await fleet.decide(fleet.channels[0], members[fleet.guilds[0].id], 0)
    await fleet.settled()
    assert fleet.searches() > before


async def _opt_out_of_every_server(fleet: Fleet, ben: Member) -> None:
    """Lou says so where the first bot is, and the second one keeps nothing more of her."""
    (here, there), discord = fleet.guilds, fleet.stage.discord
    lou = here.member("Lou")
    lou_there = there.members[lou.user.id] = Member(there, lou.user)
    place = fleet.channels[-1]
    said = place.say(lou_there, canary())
    await eventually(lambda: _holds(fleet, said.id), within=30, what="what Lou said")
    asked = discord.command(lou, fleet.channels[0], "privacy opt-out")
    discord.press(lou, await asked.answer(within=30), "Opt out and delete")
    await asked.edited(within=30)
    place.say(lou_there, canary())
    after = place.say(ben, canary())
    await eventually(lambda: _holds(fleet, after.id), within=30, what="what came after Lou")
    assert await fleet.rows("SELECT 1 FROM messages WHERE author_id = $1", lou.user.id) == []


async def _holds(fleet: Fleet, message_id: int) -> Any:  # noqa: ANN401 - rows
    return await fleet.rows("SELECT 1 FROM messages WHERE id = $1", message_id)


async def _guild(stage: Stage, shard: int) -> Guild:
    """A server of that shard, with two channels; those of other shards that come up on the way stay empty."""
    while True:
        guild = stage.discord.world.guild(f"Workshop {shard}")
        if (guild.id >> 22) % SHARDS == shard:
            guild.text("general")
            guild.text("help")
            return guild
        await asyncio.sleep(0.002)


async def _process(stack: AsyncExitStack, stage: Stage, folder: Path, environment: dict[str, str]) -> BotProcess:
    folder.mkdir()
    process = BotProcess(stage.discord, folder, environment | {"DATA_DIR": str(folder / "data")})
    stack.callback(lambda: print(process.logs()[-3000:]))
    stack.push_async_callback(process.cleanup)
    return process
