"""An embedding service with a fault, under the bot and the commands: all goes on, and what is left out is named."""

from __future__ import annotations

import asyncio
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.acceptance.stores import rows
from tests.acceptance.test_life import all_logged
from tests.fixtures.process import Stage
from tests.loopback.discord import eventually
from tests.loopback.openai import LoopbackOpenAI

pytestmark = pytest.mark.slow

POISON = "poison"
GOOD = ("The bridge opens on Friday.", "The harbour closes at nine.", "The tram runs every ten minutes.")
LONG = f"The {POISON} garden is open: " + "the tulips flower in April, and the roses in June. " * 6
LENGTH = 120
ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class Fault:
    """What the service does.

    Attributes:
        begin: makes it do so.
        refuses: whether the poisoned text can't be embedded.
    """

    begin: Callable[[LoopbackOpenAI], None]
    refuses: bool = True


def declining(status: int) -> Fault:
    """Requests with the poisoned text are declined."""

    def begin(server: LoopbackOpenAI) -> None:
        server.declines = lambda texts: (status, "no") if any(POISON in text for text in texts) else None

    return Fault(begin)


def answering(embedding: Any) -> Fault:  # noqa: ANN401 - something else than a vector
    """The poisoned text's vector is something else."""

    def begin(server: LoopbackOpenAI) -> None:
        def spoil(data: list[dict[str, Any]]) -> object:
            texts = server.asked("/embeddings")[-1].body["input"]
            return [
                {**item, "embedding": embedding} if POISON in text else item
                for item, text in zip(data, texts, strict=True)
            ]

        server.spoil = spoil

    return Fault(begin)


def _short_window(server: LoopbackOpenAI) -> None:
    server.declines = lambda texts: (400, "too long") if len(max(texts, key=len)) > LENGTH else None


def _few_at_once(server: LoopbackOpenAI) -> None:
    server.declines = lambda texts: (400, "too many") if len(texts) > 2 else None


def _without_index(server: LoopbackOpenAI) -> None:
    server.spoil = lambda data: [{"embedding": item["embedding"]} for item in data]


def _without_parameters(server: LoopbackOpenAI) -> None:
    server.parameters = frozenset()


def _odd_tokens(server: LoopbackOpenAI) -> None:
    server.tokens = -(10**30)


FAULTS = {
    "HTTP 500": declining(500),
    "HTTP 400": declining(400),
    "not a number": answering([math.nan] * 1536),
    "all zero": answering([0.0] * 1536),
    "strings": answering(["0.5"] * 1536),
    "another size": answering([0.5] * 7),
    "a short window": Fault(_short_window, refuses=False),
    "few texts at once": Fault(_few_at_once, refuses=False),
    "no index": Fault(_without_index, refuses=False),
    "no parameters": Fault(_without_parameters, refuses=False),
    "odd counts of tokens": Fault(_odd_tokens, refuses=False),
}


async def command(stage: Stage, *arguments: str, **environment: str) -> tuple[int | None, str]:
    """Run a command with the bot's settings; its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *arguments),
        env=stage.bot.environment | environment,
        cwd=stage.folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 90)
    return process.returncode, out.decode()


def aside(stage: Stage) -> list[str]:
    """The texts of the memories that are set aside."""
    query = "SELECT text FROM memories JOIN set_aside ON set_aside.memory_id = memories.id"
    return [text for (text,) in rows(stage.bot.database, query)]


def named(told: str, refuses: bool) -> bool:
    """Whether it is said that something is not in the index, where something is not."""
    return ("not in the index" in told.replace("\n", " ")) is refuses and POISON not in told


@pytest.mark.parametrize("name", FAULTS)
async def test_the_process_lives_and_all_but_the_poisoned_is_indexed(stage: Stage, name: str) -> None:
    fault = FAULTS[name]
    guild = stage.discord.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada", guild.role("Admins", "manage_guild"))
    stage.observe(general)
    fault.begin(stage.openai)
    await stage.bot.start()
    await stage.bot.noticed(general)
    general.say(ada, "Said first, so that the channel is observed for sure.")
    await all_logged(stage, general)
    for text in (GOOD[0], LONG, *GOOD[1:]):
        answer = await stage.discord.command(ada, general, "remember", text=text).answer(within=ANSWER_SECONDS)
        assert "Remembered" in answer.text
    outbox = "SELECT count(*) FROM outbox"
    await eventually(lambda: rows(stage.bot.database, outbox) == [(0,)], within=40, what="an empty outbox")
    assert aside(stage) == ([LONG.strip()] if fault.refuses else [])
    for text in GOOD:
        found = await stage.discord.command(ada, general, "recall", query=text).answer(within=ANSWER_SECONDS)
        assert text.rstrip(".") in found.text
    status = await stage.discord.command(ada, general, "memory status").answer(within=ANSWER_SECONDS)
    assert named(status.text, fault.refuses), status.text
    stage.bot.check()
    assert "Traceback" not in stage.bot.logs()
    assert "tulips" not in stage.bot.logs()
    assert (await stage.bot.terminate())[0] == 0

    code, told = await command(stage, "reindex")
    assert (code, "4 memories" in told, named(told, fault.refuses)) == (0, True, True), told
    code, told = await command(stage, "doctor")
    assert (code, named(told, fault.refuses)) == (0, True), told


@pytest.mark.parametrize("name", FAULTS)
async def test_a_replay_goes_through_and_names_what_it_left_out(stage: Stage, name: str) -> None:
    fault = FAULTS[name]
    lines = [
        {
            "id": str(300_000_000_000_000_000 + number),
            "guild_id": "100000000000000001",
            "channel_id": "100000000000000002",
            "author_id": "7",
            "author_name": "Ada",
            "content": text,
        }
        for number, text in enumerate((*GOOD * 10, LONG, *GOOD))
    ]
    file = stage.folder / "chat.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    fault.begin(stage.openai)
    code, told = await command(stage, "replay", str(file), "--no-extract", EMBED_MESSAGES="true")
    assert (code, named(told, fault.refuses)) == (0, True), told
    assert rows(stage.bot.database, "SELECT count(*) FROM outbox") == [(0,)]
    wanted = [(int(lines[30]["id"]),)] if fault.refuses else []
    assert rows(stage.bot.database, "SELECT message_id FROM set_aside") == wanted


def _nothing(texts: Sequence[str]) -> tuple[int, str]:
    return 500, "model requires more system memory"


async def test_while_nothing_is_embedded_everything_waits_and_is_named_and_then_indexed(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada", guild.role("Admins", "manage_guild"))
    stage.observe(general)
    await stage.bot.start()
    await stage.bot.noticed(general)
    general.say(ada, "Said first, so that the channel is observed for sure.")
    await all_logged(stage, general)
    stage.openai.declines = _nothing
    for text in GOOD:
        await stage.discord.command(ada, general, "remember", text=text).answer(within=ANSWER_SECONDS)
    tried = "SELECT count(*) FROM outbox WHERE error IS NOT NULL"
    await eventually(lambda: rows(stage.bot.database, tried) == [(3,)], within=40, what="three tries that failed")
    assert rows(stage.bot.database, "SELECT * FROM set_aside") == []
    code, told = await command(stage, "doctor")
    assert (code, "3 memories wait for the index because embeddings: " in told) == (1, True), told
    stage.openai.declines = None
    left = "SELECT count(*) FROM outbox"
    await eventually(lambda: rows(stage.bot.database, left) == [(0,)], within=90, what="an empty outbox")
    stage.bot.check()
