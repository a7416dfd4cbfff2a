"""The whole program on PostgreSQL: every command as a person calls it, against a real server."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.test_command_line import QUESTIONS, SAMPLE, sample_questions, scripted
from tests.fixtures.commandline import CommandLine
from tests.fixtures.postgres import PostgresServer, server_programs
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI

pytestmark = pytest.mark.slow

TOBIAS = "200000001000000007"

if server_programs() is not None:

    @pytest.fixture
    async def on_postgres(
        postgres_server: PostgresServer,
        command_line: CommandLine,
        ollama_server: LoopbackOllama,
        openai_server: LoopbackOpenAI,
    ) -> AsyncIterator[CommandLine]:
        """The command line on a database without any schema, with a model and a key."""
        ollama_server.answer = scripted
        async with postgres_server.empty_database() as url:
            command_line.environment |= {
                "DATABASE_URL": url,
                "OLLAMA_BASE_URL": ollama_server.url,
                "OPENAI_BASE_URL": openai_server.api_url,
                "OPENAI_API_KEY": "k-for-loopback",
            }
            yield command_line

    async def test_every_command_does_its_work(on_postgres: CommandLine) -> None:
        bot = on_postgres

        async def says(*arguments: str | Path) -> str:
            ran = await bot(*arguments)
            assert ran.code == 0, (arguments, ran.out, ran.err)
            return ran.out

        assert "no database yet" in await says("migrate", "--check")
        replayed = await says("replay", SAMPLE)
        assert re.search(r"messages kept +210", replayed)
        assert re.search(r"memories made +1 *\n", replayed)
        assert re.search(r"messages kept +0 *\n *already there +210", await says("replay", SAMPLE))
        assert "up to date" in await says("migrate", "--check")
        assert "up to date" in await says("migrate")
        assert "database: postgresql: 210 messages, 1 memories" in (await bot("doctor")).out
        assert "1 memories" in await says("reindex")
        assert "from 210 messages measured here" in await says("costs", "--messages-per-day", "100")
        assert "No dead letters" in await says("deadletters", "list")
        (answer,) = [
            json.loads(line) for line in (await says("recall", "When is the open day?", "--json")).splitlines()
        ]
        assert next(hit for hit in answer["hits"] if hit["kind"] == "memory")["author_ids"] == [TOBIAS]
        answers = (await says("recall", "--queries", QUESTIONS, "--json")).splitlines()
        assert len(answers) == len(sample_questions())
        assert len(json.loads(await says("export", "--user", TOBIAS))["kept"]["messages"]) == 40
        assert "nothing of that member is left" in await says("erase", "--user", TOBIAS, "--yes")
        assert json.loads(await says("export", "--user", TOBIAS))["kept"]["messages"] == []

    async def test_the_demo_leaves_the_database_of_the_settings_alone(on_postgres: CommandLine) -> None:
        ran = await on_postgres("demo", "--data-dir", "elsewhere")
        assert ran.code == 0, ran.err
        assert "Sunday 21 June" in ran.out
        assert "no database yet" in (await on_postgres("migrate", "--check")).out

    async def test_commands_that_start_together_on_an_empty_database_all_succeed(on_postgres: CommandLine) -> None:
        ran = await asyncio.gather(*(on_postgres("replay", SAMPLE, "--no-extract") for _ in range(2)))
        assert [each.code for each in ran] == [0, 0], [each.err for each in ran]
        kept = [int(found) for each in ran for found in re.findall(r"messages kept +(\d+)", each.out)]
        assert sum(kept) == 210
