"""The worker as its own process beside a bot: its pages, what it does for the bot, and how it fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.acceptance.community import decisions_as_memories
from tests.fixtures.commandline import CommandLine
from tests.fixtures.operations import Operator, free_port
from tests.fixtures.postgres import PostgresServer, running_server, server_programs
from tests.fixtures.process import OPENAI_KEY, BotProcess, Stage, set_stage
from tests.loopback.discord_world import Channel, Json, Member
from tests.loopback.ollama import Reply
from tests.loopback.qdrant import LoopbackQdrant

pytestmark = pytest.mark.slow

SETTINGS_FAULT = 2
BRIDGE = "We decided that the bridge will be painted green."
BRIDGE_MEMORY = "The bridge will be painted green."
PURPOSES = ("extraction", "check")
LLAMA = {"provider": "ollama", "model": "llama3.1:8b"}


@dataclass
class Household:
    """A bot that leaves the making of memories to a worker, and the worker; neither is started.

    Attributes:
        operator: looks at the worker's pages.
        general: an observed channel, in which Ada speaks.
    """

    stage: Stage
    url: str
    qdrant: LoopbackQdrant
    bot: BotProcess
    worker: BotProcess
    operator: Operator
    general: Channel
    ada: Member

    async def start(self) -> None:
        """Start the bot and then the worker."""
        await self.bot.start()
        await self.bot.noticed(self.general)
        await self.worker.start(ready=False)
        await self.operator.answers("/readyz", 200)

    async def say(self, *texts: str) -> None:
        """Have Ada say something, and wait until it is in the log."""
        before = await self.value("SELECT count(*) FROM messages")
        for text in texts:
            self.general.say(self.ada, text)

        await self.comes_to("SELECT count(*) FROM messages", before + len(texts))

    async def value(self, sql: str) -> Any:  # noqa: ANN401 - what a query gives
        """One value out of the database."""
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    async def comes_to(self, sql: str, wanted: object, *, within: float = 40.0) -> None:
        """Wait until a query gives this."""
        async with asyncio.timeout(within):
            while await self.value(sql) != wanted:
                self.bot.check()
                self.worker.check()
                await asyncio.sleep(0.2)

    def command_line(self) -> CommandLine:
        """The command line with the same settings, and nothing of Discord."""
        unwanted = ("DISCORD_TOKEN", "METRICS_PORT")
        given = {name: value for name, value in self.worker.environment.items() if name not in unwanted}
        return CommandLine(self.worker.folder, given | {"COLUMNS": "160"})


STATES = "SELECT string_agg(DISTINCT state, ' ') FROM messages"

if server_programs() is not None:

    @pytest.fixture
    async def household(postgres_server: PostgresServer, tmp_path: Path) -> AsyncIterator[Household]:
        """On a database of the server of all tests."""
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(postgres_server.empty_database())
            yield await household_on(stack, url, tmp_path)

    async def household_on(stack: AsyncExitStack, url: str, folder: Path) -> Household:
        """On this database."""
        qdrant = await stack.enter_async_context(LoopbackQdrant())
        stage = await stack.enter_async_context(set_stage(folder))
        stage.ollama.answer = decisions_as_memories
        guild = stage.discord.world.guild("Workshop")
        general = guild.text("general")
        shared = {
            "DATABASE_URL": url,
            "MEM0_QDRANT_URL": qdrant.url,
            "FLUSH_INTERVAL_SECONDS": "1",
            "FLUSH_IN_BOT": "false",
        }
        stage.bot.environment |= shared
        stage.observe(general)
        (folder / "worker").mkdir()
        port = free_port()
        own = {"DATA_DIR": str(folder / "worker/data"), "METRICS_PORT": str(port)}
        environment = {name: value for name, value in stage.bot.environment.items() if not name.startswith("DISCORD")}
        worker = BotProcess(stage.discord, folder / "worker", environment | own, entry=("-m", "bot", "worker"))
        stack.callback(lambda: print(worker.logs()))
        stack.push_async_callback(worker.cleanup)
        ada = guild.member("Ada", guild.role("Admins", "manage_guild"))
        return Household(stage, url, qdrant, stage.bot, worker, Operator(port), general, ada)

    async def test_the_bot_logs_the_worker_remembers_and_both_bot_and_command_line_recall(household: Household) -> None:
        await household.bot.start()
        await household.bot.noticed(household.general)
        await household.say("Has anybody seen the blue ladder?", BRIDGE)
        await asyncio.sleep(8)  # the bot looks for what is due every five seconds, or would
        assert await household.value(STATES) == "pending"
        assert household.stage.ollama.asked("/api/chat") == []

        await household.worker.start(ready=False)
        await household.comes_to(STATES, "extracted")
        await household.comes_to("SELECT count(*) FROM outbox", 0)
        found = await household.stage.discord.command(
            household.ada, household.general, "recall", query="which colour will the bridge get"
        ).answer(within=30)
        assert BRIDGE_MEMORY in found.text.replace("**", "")
        ran = await household.command_line()("recall", "which colour will the bridge get", "--json")
        (answer,) = [json.loads(line) for line in ran.out.splitlines()]
        assert BRIDGE_MEMORY in [hit["text"] for hit in answer["hits"] if hit["kind"] == "memory"]
        assert (await household.worker.terminate())[0] == 0
        assert (await household.bot.terminate())[0] == 0

    async def test_its_pages_tell_what_it_did(household: Household) -> None:
        await household.start()
        operator = household.operator
        assert (await operator.get("/healthz")).json() == {"alive": True}
        ready = await operator.get("/readyz")
        assert ready.json() == {"ready": True, "parts": {"database": True, "vector store": True}}
        await household.say("Has anybody seen the blue ladder?", BRIDGE)
        seen = await operator.wait_for("flushed_messages_total", 2, outcome="extracted")
        assert seen("memories_made_total") == 1
        assert seen("flush_seconds_count") >= 1
        calls = len(household.stage.ollama.asked("/api/chat"))
        answered = [
            seen("model_calls_total", **LLAMA, purpose=purpose, outcome="answered")
            for purpose in ("extraction", "check")
        ]
        assert sum(answered) == calls
        assert seen("ready", part="database") == seen("ready", part="vector store") == 1
        seen = await operator.wait_for("index_backlog", 0)
        seen = await operator.wait_for("queue_messages", 0)
        assert seen("memories") == 1
        guild = str(household.general.guild.id)
        assert seen("guild_messages", guild=guild, within="1h") in {0, 2}, "at most half a minute old"
        page = (await operator.get("/metrics")).text
        assert not [word for word in ("bridge", "Ada", "general", OPENAI_KEY) if word in page]

    async def test_what_a_killed_worker_used_is_in_the_costs(household: Household) -> None:
        household.worker.environment["METRICS_PORT"] = ""  # reading the metrics writes the ledger as well
        await household.bot.start()
        await household.bot.noticed(household.general)
        await household.worker.start(ready=False)
        await household.say(BRIDGE)
        await household.comes_to(STATES, "extracted")
        await household.comes_to("SELECT coalesce(sum(messages), 0)::int FROM usage", 1, within=80)
        await household.worker.kill()

    async def test_what_the_model_cannot_read_is_listed_and_tried_again(household: Household) -> None:
        def ill(request: Json) -> Reply:
            lines = request["messages"][-1]["content"].rsplit("Lines:", 1)[-1]  # what was said before is above them
            return "One, two, three." if "oven" in lines else decisions_as_memories(request)

        household.stage.ollama.answer = ill
        await household.start()
        await household.say("We decided that the kitchen will get a second oven.")
        await household.comes_to(STATES, "dead")
        await household.operator.wait_for("dead_letters", 1)
        assert (await household.operator.metrics())("flushed_messages_total", outcome="dead") == 1
        bot = household.command_line()
        listed = (await bot("deadletters", "list", "--json")).records()
        assert [letter["message_id"] for letter in listed] == [str(household.general.messages[-1].id)]
        await household.say(BRIDGE)
        await household.comes_to("SELECT count(*) FROM memories", 1)

        household.stage.ollama.answer = decisions_as_memories
        assert (await bot("deadletters", "retry")).code == 0
        await household.comes_to("SELECT count(*) FROM memories", 2)
        await household.operator.wait_for("dead_letters", 0)

    async def test_the_model_that_takes_over_does_so_in_a_worker(household: Household) -> None:
        await household.stage.ollama.stop()
        household.stage.openai.answer = lambda request: decisions_as_memories(
            request | {"format": request["response_format"]["json_schema"]["schema"]}
        )
        household.worker.environment |= {
            "OLLAMA_FALLBACK": "openai",
            "FALLBACK_AFTER_SECONDS": "1",
            "FALLBACK_DAILY_BUDGET_USD": "1",
        }
        await household.start()
        await household.say(BRIDGE)
        await household.comes_to("SELECT text FROM memories", BRIDGE_MEMORY, within=80)
        asked = len(household.stage.openai.asked("/chat/completions"))
        assert asked > 0
        counted = {"provider": "openai", "model": "gpt-4o-mini", "outcome": "answered"}
        seen = await household.operator.metrics()
        assert sum(seen("model_calls_total", **counted, purpose=purpose) for purpose in PURPOSES) == asked

    async def test_it_waits_for_servers_that_are_gone_and_goes_on_when_they_are_back(tmp_path: Path) -> None:
        with running_server() as server:
            async with AsyncExitStack() as stack:
                url = await stack.enter_async_context(server.empty_database())
                household = await household_on(stack, url, tmp_path)
                await household.start()
                server.go_down()
                gone = await household.operator.answers("/readyz", 503)
                assert gone.json()["parts"] == {"database": False, "vector store": True}
                assert (await household.operator.get("/healthz")).status_code == 200
                assert (await household.operator.metrics())("scrape_ok") == 0
                household.general.say(household.ada, BRIDGE)
                server.come_up()
                await household.operator.answers("/readyz", 200)
                await household.comes_to("SELECT text FROM memories", BRIDGE_MEMORY, within=90)

                await household.qdrant.stop()
                gone = await household.operator.answers("/readyz", 503)
                assert gone.json()["parts"] == {"database": True, "vector store": False}
                await household.qdrant.start()
                await household.operator.answers("/readyz", 200)
                household.worker.check()
                assert (await household.worker.terminate())[0] == 0
                await household.bot.terminate()

    ENOUGH = {"MEM0_QDRANT_URL": "http://127.0.0.1:9", "OPENAI_API_KEY": OPENAI_KEY}

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"DATABASE_URL": ""}, "DATABASE_URL is not a PostgreSQL server"),
            ({"DATABASE_URL": "sqlite:///here.db"}, "DATABASE_URL is not a PostgreSQL server"),
            (
                {"DATABASE_URL": "postgresql://bot@127.0.0.1:9/none"},
                "DATABASE_URL: no PostgreSQL server answers there",
            ),
            ({"MEM0_QDRANT_URL": ""}, "MEM0_QDRANT_URL (or MEM0_QDRANT_HOST) is not set"),
            ({"MEM0_ENABLED": "false"}, "MEM0_ENABLED=false: no memories are made"),
            ({"OPENAI_API_KEY": ""}, "OPENAI_API_KEY"),
        ],
    )
    async def test_what_it_can_not_start_without_is_one_clear_line(
        postgres_server: PostgresServer, command_line: CommandLine, change: dict[str, str], told: str
    ) -> None:
        async with postgres_server.database() as url:
            ran = await command_line("worker", **({"DATABASE_URL": url} | ENOUGH | change))
        assert ran.code == SETTINGS_FAULT
        (line,) = ran.err.splitlines()
        assert line.startswith(f"error: {told}")
        assert ran.out == ""
