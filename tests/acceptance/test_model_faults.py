"""A language model with a fault, under the bot and the commands: all goes on, and what can't be read is named."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pytest

from tests.acceptance.stores import rows
from tests.acceptance.test_embedding_faults import ANSWER_SECONDS, command
from tests.fixtures.process import Stage
from tests.loopback.discord import eventually
from tests.loopback.ollama import Answer, Reply, Script

pytestmark = pytest.mark.slow

POISON = "zqxj"
GOOD = ("the bridge opens on Friday.", "the harbour closes at nine.", "the tram runs every ten minutes.")
LINES = tuple(f"We decided that {text}" for text in (*GOOD[:2], f"the {POISON} ladder is green.", GOOD[2]))
ELSEWHERE = "We decided that the oven is cleaned on Mondays."
KEPT = sorted(text[0].upper() + text[1:] for text in (*GOOD, "the oven is cleaned on Mondays."))
READ_SECONDS = 90.0

_DECIDED = re.compile(r"^(\d+) @.*?: We decided that (.+)$", re.MULTILINE)
_STATEMENT = re.compile(r"^S(\d+) \(", re.MULTILINE)


def sensible(request: dict[str, Any]) -> Reply:
    """A model that proposes each line that tells of a decision, and approves of whatever it is asked to check."""
    prompt = request["messages"][-1]["content"]
    if prompt.startswith("Count"):
        return {"words": ["one", "two", "three"]}
    if "\n\nStatements:\n" in prompt:
        approved = {"said": True, "lasting": True, "private": False, "relation": "new", "memory": []}
        return {"verdicts": [{"n": int(number)} | approved for number in _STATEMENT.findall(prompt)]}
    decided = _DECIDED.findall(asked_about(request))
    return {
        "memories": [{"lines": [int(n)], "kind": "decision", "text": text[0].upper() + text[1:]} for n, text in decided]
    }


def asked_about(request: dict[str, Any]) -> str:
    """The lines themselves, without those before them."""
    return str(request["messages"][-1]["content"]).rsplit("Lines:\n", 1)[-1]


def over_poison(reply: Reply, *, checking: bool = False) -> Script:
    """Says something else about the poisoned line, when it proposes or only when it checks."""

    def says(request: dict[str, Any]) -> Reply:
        lines = asked_about(request)
        return reply if POISON in lines and (not checking or "Statements:" in lines) else sensible(request)

    return says


@dataclass(frozen=True)
class Fault:
    """What the service does.

    Attributes:
        begin: makes it do so.
        dies: whether the poisoned message can't be read.
        environment: settings of the bot.
    """

    begin: Callable[[Stage], None]
    dies: bool = True
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def saying(script: Script, *, dies: bool = True) -> Fault:
    """Ollama says this."""

    def begin(stage: Stage) -> None:
        stage.ollama.answer = script

    return Fault(begin, dies)


def _breaking(stage: Stage) -> None:
    stage.ollama.answer, stage.ollama.poison = sensible, POISON


def _filtering(stage: Stage) -> None:
    stage.openai.answer, stage.openai.filtered = sensible, POISON


def _without_parameters(stage: Stage) -> None:
    stage.openai.answer = sensible
    stage.openai.chat_declines = ("temperature", "max_completion_tokens", "response_format", "stream_options")


def _thinking(stage: Stage) -> None:
    stage.ollama.answer, stage.ollama.capabilities, stage.ollama.heeds_format = (
        sensible,
        ("completion", "thinking"),
        False,
    )


def _fenced(request: dict[str, Any]) -> Reply:
    return f"Here you are:\n```json\n{json.dumps(sensible(request))}\n```"


def _miscounting(request: dict[str, Any]) -> Reply:
    return Answer(json.dumps(sensible(request)), prompt_eval_count=-1, eval_count=10**30)


OPENAI = MappingProxyType({"MEM0_LLM_PROVIDER": "openai", "MEM0_LLM_MODEL": "gpt-4o-mini"})
FAULTS = {
    "HTTP 500": Fault(_breaking),
    "content filter": Fault(_filtering, environment=OPENAI),
    "prose": saying(over_poison("I would rather not.")),
    "prose in the check": saying(over_poison("I would rather not.", checking=True)),
    "no end": saying(over_poison("word " * 100_000)),
    "no parameters": Fault(_without_parameters, dies=False, environment=OPENAI),
    "no schema without thinking": Fault(_thinking, dies=False),
    "a code fence": saying(_fenced, dies=False),
    "odd counts of tokens": saying(_miscounting, dies=False),
}


def outcome(dies: bool) -> list[tuple[str, int]]:
    """How many messages are in which state in the end."""
    return [("dead", 1), ("extracted", 4)] if dies else [("extracted", 5)]


def kept(dies: bool) -> list[str]:
    """What is remembered in the end."""
    return KEPT if dies else sorted([*KEPT, f"The {POISON} ladder is green."])


def states(stage: Stage) -> list[tuple[str, int]]:
    """How many messages are in which state."""
    return rows(stage.bot.database, "SELECT state, count(*) FROM messages GROUP BY state ORDER BY state")


def texts(stage: Stage) -> list[str]:
    """What is remembered."""
    return [text for (text,) in rows(stage.bot.database, "SELECT text FROM memories ORDER BY text")]


def named(told: str, dies: bool) -> bool:
    """Whether it is said that a message could not be read, where one could not be."""
    flat = " ".join(told.split())
    return ("1 message could not be read by the model" in flat) is dies and POISON not in told


async def chat(stage: Stage, environment: Mapping[str, str]) -> Callable[[], Awaitable[str]]:
    """Start the bot, and say the lines in two channels; a manager's `/memory status`."""
    stage.bot.environment.update(environment)
    guild = stage.discord.world.guild("Workshop")
    general, kitchen = guild.text("general"), guild.text("kitchen")
    ada = guild.member("Ada", guild.role("Admins", "manage_guild"))
    stage.observe(general, kitchen)
    await stage.bot.start(FLUSH_INTERVAL_SECONDS="1")
    await stage.bot.noticed(general, kitchen)
    for line in LINES:
        general.say(ada, line)
    kitchen.say(ada, ELSEWHERE)

    async def status() -> str:
        return (await stage.discord.command(ada, general, "memory status").answer(within=ANSWER_SECONDS)).text

    return status


@pytest.mark.parametrize("name", FAULTS)
async def test_the_bot_lives_and_reads_all_but_the_poisoned_message(stage: Stage, name: str) -> None:
    fault = FAULTS[name]
    fault.begin(stage)
    status = await chat(stage, fault.environment)
    await eventually(lambda: states(stage) == outcome(fault.dies), within=READ_SECONDS, what="messages that are read")
    assert texts(stage) == kept(fault.dies)
    told = await status()
    assert named(told, fault.dies), told
    stage.bot.check()
    assert not [word for word in ("Traceback", POISON) if word in stage.bot.logs()]
    assert (await stage.bot.terminate())[0] == 0
    code, told = await command(stage, "doctor")
    assert (code, named(told, fault.dies)) == (0, True), told


@pytest.mark.parametrize("name", FAULTS)
async def test_a_replay_reads_all_but_the_poisoned_message(stage: Stage, name: str) -> None:
    fault = FAULTS[name]
    fault.begin(stage)
    said = [*((line, "2") for line in LINES), (ELSEWHERE, "3")]
    lines = [
        {
            "id": str(300_000_000_000_000_000 + number),
            "guild_id": "100000000000000001",
            "channel_id": f"10000000000000000{channel}",
            "author_id": "7",
            "author_name": "Ada",
            "content": text,
        }
        for number, (text, channel) in enumerate(said)
    ]
    file = stage.folder / "chat.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    code, told = await command(stage, "replay", str(file), **fault.environment)
    assert (code, states(stage)) == (0, outcome(fault.dies)), told
    assert texts(stage) == kept(fault.dies)
    assert named(told, fault.dies), told


async def test_while_a_model_answers_nothing_usably_all_is_kept_and_named_and_then_read(stage: Stage) -> None:
    stage.ollama.answer = lambda _: "I would rather not."
    status = await chat(stage, {})
    tried = "SELECT count(*) FROM batches WHERE error IS NOT NULL"
    await eventually(lambda: rows(stage.bot.database, tried)[0][0] > 0, within=READ_SECONDS, what="a try")
    asked = len(stage.ollama.asked("/api/chat"))
    told = " ".join((await status()).split())
    assert "5 messages wait to be read because ollama: llama3.1:8b gives no usable answer" in told, told
    assert len(stage.ollama.asked("/api/chat")) == asked <= 4
    assert states(stage) == [("pending", 5)]
    code, told = await command(stage, "doctor")
    assert code == 1
    assert "5 messages wait to be read because" in " ".join(told.split()), told
    assert (await stage.bot.terminate())[0] == 0

    stage.ollama.answer = sensible
    await stage.bot.start()
    await eventually(lambda: states(stage) == outcome(dies=False), within=READ_SECONDS, what="messages that are read")
    assert texts(stage) == kept(dies=False)
