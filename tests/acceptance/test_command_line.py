"""The command line without Discord: replay, recall, doctor, reindex, and faults that are told in one line."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import stat
import sys
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.cli.faults import EXIT_UNREAD
from bot.storage.sqlite import DATABASE_FILE
from tests.fixtures.answers import agreeing
from tests.fixtures.commandline import COMMAND_SECONDS, CommandLine, Lines
from tests.loopback.discord import LoopbackDiscord
from tests.loopback.http import Fault
from tests.loopback.ollama import Answer, LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI

SAMPLE = Path(str(files("bot.cli.sample") / "chat.jsonl"))
QUESTIONS = Path(str(files("bot.cli.sample") / "questions.jsonl"))


def sample_questions() -> list[dict[str, Any]]:
    return [json.loads(line) for line in QUESTIONS.read_text().splitlines()]


@pytest.mark.slow
async def test_the_main_command_needs_nothing(command_line: CommandLine) -> None:
    ran = await command_line("demo")
    assert ran.code == 0, ran.err
    assert re.search(r"messages kept +210", ran.out)
    assert "Memories are searched by words alone: OPENAI_API_KEY is not set" in ran.out
    assert "No memories were made: ollama" in ran.out
    date, plywood, milk = ran.out.split("\n? ")[1:]
    assert "now on Sunday 21 June" in date
    assert "Tobias: for 4 mm birch: speed 18, power 62" in plywood
    assert "moved from oat milk to soy" in milk
    assert "https://discord.com/channels/100000000000000001/" in date


@pytest.mark.slow
async def test_the_sample_questions_are_answered_by_words_alone(command_line: CommandLine) -> None:
    assert (await command_line("replay", SAMPLE, "--no-extract")).code == 0
    ran = await command_line("recall", "--queries", QUESTIONS, "--limit", "5", "--json")
    assert ran.code == 0, ran.err
    answers = {record["id"]: record["hits"] for record in ran.records()}
    missed = []
    for question in sample_questions():
        hits = answers[question["id"]]
        text = " ".join(hit["text"] for hit in hits)
        cited = {message_id for hit in hits for message_id in hit["message_ids"]}
        if not all(part in text for part in question["include"]) or not cited & set(question["evidence"]):
            missed.append(question["id"])
    assert missed == []


@pytest.mark.slow
async def test_replaying_twice_keeps_each_message_once(command_line: CommandLine) -> None:
    first = await command_line("replay", SAMPLE, "--no-extract")
    second = await command_line("replay", SAMPLE, "--no-extract")
    assert re.search(r"messages kept +210", first.out)
    assert re.search(r"messages kept +0 *\n", second.out)
    assert re.search(r"already there +210", second.out)


def scripted(request: dict[str, Any]) -> Answer:
    """A model that finds the decision about the date, whichever line it is on, and approves of it."""
    prompt = request["messages"][-1]["content"]
    if "verdicts" in request["format"]["properties"]:
        approved = {"n": 1, "said": True, "lasting": True, "private": False, "relation": "new", "memory": []}
        return Answer(json.dumps({"verdicts": [approved]}))
    line = re.search(r"^(\d+) @[^\n]*now on Sunday 21 June", prompt, re.MULTILINE)
    found = [{"lines": [int(line[1])], "kind": "decision", "text": "The open day is on Sunday 21 June"}] if line else []
    return Answer(json.dumps({"memories": found}))


@pytest.mark.slow
async def test_a_replay_explains_what_becomes_of_each_proposal(
    command_line: CommandLine, ollama_server: LoopbackOllama, tmp_path: Path
) -> None:
    def with_an_invention(request: dict[str, Any]) -> Answer:
        answer = json.loads(scripted(request).text)
        for memory in list(answer.get("memories", [])):
            answer["memories"].append(memory | {"text": "The open day is on Sunday 28 June"})
        return Answer(json.dumps(answer))

    ollama_server.answer = with_an_invention
    out = tmp_path / "proposals.jsonl"
    ran = await command_line("replay", SAMPLE, "--explain", out, OLLAMA_BASE_URL=ollama_server.url)
    assert ran.code == 0, ran.err
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    kept, invented = (json.loads(line) for line in out.read_text(encoding="utf-8").splitlines())
    assert "now on Sunday 21 June" in kept["lines"][0]["text"]
    assert (kept["exact"], kept["fate"], kept["verdict"]["relation"]) == ("passed", "kept", "new")
    assert (invented["exact"], invented["fate"]) == ("date not said", "date not said")


@pytest.mark.slow
async def test_a_place_for_explanations_that_can_not_be_written_is_one_line(
    command_line: CommandLine, tmp_path: Path
) -> None:
    ran = await command_line("replay", SAMPLE, "--explain", tmp_path / "none" / "out.jsonl")
    assert (ran.code, len(ran.err.splitlines())) == (1, 1)
    assert "no such file or folder" in ran.err


@pytest.mark.slow
async def test_a_replay_with_model_and_key_makes_memories_that_are_found(
    command_line: CommandLine, ollama_server: LoopbackOllama, openai_server: LoopbackOpenAI
) -> None:
    ollama_server.answer = scripted
    services = {
        "OLLAMA_BASE_URL": ollama_server.url,
        "OPENAI_BASE_URL": openai_server.api_url,
        "OPENAI_API_KEY": "k-for-loopback",
    }
    ran = await command_line("replay", SAMPLE, **services)
    assert ran.code == 0, ran.err
    assert re.search(r"memories made +1 *\n", ran.out), ran.out
    assert re.search(r"model tokens +[\d,]*[1-9]", ran.out)
    assert re.search(r"cost +\$0\.0000", ran.out)

    again = await command_line("replay", SAMPLE, **services)
    assert re.search(r"memories made +0 *\n", again.out)

    ran = await command_line("recall", "When is the open day?", "--json", **services)
    (answer,) = ran.records()
    memory = next(hit for hit in answer["hits"] if hit["kind"] == "memory")
    assert "Sunday 21 June" in memory["text"]
    assert memory["author_ids"] == ["200000001000000007"]
    assert len(memory["message_ids"]) == 1

    ran = await command_line("reindex", **services)
    assert ran.code == 0, ran.err
    assert "1 memories" in ran.out


@pytest.mark.slow
async def test_recall_by_guild_channel_and_moment(command_line: CommandLine, json_lines: Lines) -> None:
    def said(number: int, guild: int, channel: int, content: str) -> dict[str, Any]:
        return {
            "id": str((1_780_000_000_000 - 1_420_070_400_000 + number * 60_000) << 22),
            "guild_id": str(guild),
            "channel_id": str(channel),
            "channel_name": "c",
            "author_id": "77",
            "author_name": "Ada",
            "content": content,
            "reply_to": None,
        }

    messages = [
        said(1, 1, 10, "the bridge opens on Monday"),
        said(2, 1, 11, "the bridge opens on Tuesday"),
        said(3, 2, 20, "the bridge opens on Wednesday"),
        said(4, 1, 10, "the bridge opens on Thursday"),
    ]
    await command_line("replay", json_lines("messages.jsonl", messages), "--no-extract")

    async def days(*options: str) -> set[str]:
        ran = await command_line("recall", "when does the bridge open?", "--json", *options)
        assert ran.code == 0, ran.err
        text = " ".join(hit["text"] for hit in ran.records()[0]["hits"])
        return set(re.findall(r"\w+day", text))

    assert await days() == {"Monday", "Tuesday", "Wednesday", "Thursday"}
    assert await days("--guild", "1") == {"Monday", "Tuesday", "Thursday"}
    assert await days("--guild", "1", "--channel", "10") == {"Monday", "Thursday"}
    assert await days("--guild", "1", "--channel", "10", "--as-of", messages[2]["id"]) == {"Monday"}
    assert await days("--guild", "3") == set()


@pytest.mark.slow
async def test_what_was_said_commands_no_terminal(command_line: CommandLine, json_lines: Lines) -> None:
    message = json.loads(SAMPLE.read_text().splitlines()[0])
    message |= {"content": "the bridge \x1b]0;pwned\x07 opens \x1b[2J\u202e today", "author_name": "A\x1b[31mda"}
    await command_line("replay", json_lines("messages.jsonl", [message]), "--no-extract")
    ran = await command_line("recall", "bridge")
    assert "opens" in ran.out
    assert not {"\x1b", "\x07", "\u202e"} & set(ran.out)


@pytest.mark.slow
async def test_an_empty_log_and_nothing_found(command_line: CommandLine) -> None:
    ran = await command_line("recall", "anything at all")
    assert ran.code == 0
    assert "Nothing found" in ran.out
    assert "The log is empty" in ran.err
    ran = await command_line("recall", "???", "--json")
    assert ran.records() == [{"id": "1", "hits": []}]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["recall"], 1, "Give either a question or --queries FILE"),
        (["recall", "a", "--queries", "b"], 1, "Give either a question or --queries FILE"),
        (["recall", "--queries", "missing.jsonl"], 1, "missing.jsonl can't be read"),
        (["recall", "a", "--channel", "9" * 25], 2, "must be a snowflake"),
        (["replay", "missing.json"], 1, "missing.json: No such file"),
        (["run"], 2, "DISCORD_TOKEN is not set"),
        (["reindex"], 2, "OPENAI_API_KEY is not set"),
    ],
)
async def test_faults_are_one_line_and_no_traceback(
    command_line: CommandLine, arguments: list[str], code: int, expected: str
) -> None:
    ran = await command_line(*arguments)
    assert ran.code == code
    assert expected in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.slow
async def test_a_wrong_setting_ends_with_code_2_and_no_secret(command_line: CommandLine) -> None:
    ran = await command_line("run", DISCORD_TOKEN="qzxtoken", EMBEDDING_DIMS="many")
    assert ran.code == 2
    assert ran.err.startswith("error: EMBEDDING_DIMS: ")
    assert "qzxtoken" not in ran.err + ran.out


@pytest.mark.slow
async def test_a_fault_in_a_line_of_an_export_keeps_what_came_before(command_line: CommandLine, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    lines = SAMPLE.read_text().splitlines()
    broken.write_text("\n".join([*lines[:5], "{oops", *lines[5:]]))
    ran = await command_line("replay", broken, "--no-extract")
    assert ran.code == 1
    assert "broken.jsonl:6: not JSON" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["policy"], ["deadletters", "list"], ["recall", "x", "--json"], ["--help"]])
async def test_output_that_nobody_reads_to_its_end_is_no_fault(
    command_line: CommandLine, arguments: list[str], unbuffered: str
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command_line.entry,
        *arguments,
        cwd=command_line.folder,
        env=command_line.environment | {"PYTHONUNBUFFERED": unbuffered, "MEM0_ENABLED": "false"},
        stdout=writing,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writing)
    _, err = await asyncio.wait_for(process.communicate(), COMMAND_SECONDS)
    assert process.returncode in (1, EXIT_UNREAD)
    assert err.decode().splitlines() in (
        [],
        ["The log is empty: replay a chat export, or let the bot observe a channel first"],
    )


@pytest.mark.slow
async def test_doctor_on_a_sound_installation(
    command_line: CommandLine, ollama_server: LoopbackOllama, openai_server: LoopbackOpenAI
) -> None:
    async with LoopbackDiscord() as discord:
        ran = await command_line(
            "doctor",
            OLLAMA_BASE_URL=ollama_server.url,
            OPENAI_BASE_URL=openai_server.api_url,
            OPENAI_API_KEY="k-for-loopback",
            DISCORD_TOKEN=discord.token,
            DISCORD_API_URL=discord.api_url,
        )
    assert ran.code == 0, ran.out + ran.err
    assert not re.search(r"^ +(fault|warning) ", ran.out, re.MULTILINE), ran.out
    subjects = set(re.findall(r"^ +ok  ([\w ]+):", ran.out, re.MULTILINE))
    assert subjects >= {"settings", "database", "ollama", "model", "embeddings", "vector store", "discord"}
    assert "context 131,072 tokens" in ran.out


@pytest.mark.slow
async def test_doctor_names_each_fault_and_what_to_do(
    command_line: CommandLine, ollama_server: LoopbackOllama, openai_server: LoopbackOpenAI
) -> None:
    openai_server.fail(Fault.STATUS, status=500)
    async with LoopbackDiscord() as discord:
        ran = await command_line(
            "doctor",
            OLLAMA_BASE_URL=ollama_server.url,
            OLLAMA_MODEL="phi3:mini",
            OPENAI_BASE_URL=openai_server.api_url,
            OPENAI_API_KEY="k-for-loopback",
            DISCORD_TOKEN="wrong-token",
            DISCORD_API_URL=discord.api_url,
            FLUSH_INTERVAL="5",
        )
    assert ran.code == 1
    assert "FLUSH_INTERVAL is not a setting" in ran.out
    assert "FLUSH_INTERVAL" not in ran.err
    assert "ollama pull phi3:mini" in ran.out
    assert re.search(r"fault  embeddings: .*500", ran.out)
    assert "the token is not accepted" in ran.out
    assert "wrong-token" not in ran.out + ran.err
    assert "k-for-loopback" not in ran.out + ran.err


BRIDGE = {
    "id": str((1_780_000_000_000 - 1_420_070_400_000) << 22),
    "guild_id": "1",
    "channel_id": "10",
    "channel_name": "c",
    "author_id": "77",
    "author_name": "Ada",
    "content": "the bridge opens on Friday",
    "reply_to": None,
}


@pytest.mark.slow
async def test_recall_answers_from_the_hits_with_links_or_says_why_not(
    command_line: CommandLine, json_lines: Lines, ollama_server: LoopbackOllama
) -> None:
    said = "The bridge opens on Friday."
    ollama_server.answer = agreeing(said)
    await command_line("replay", json_lines("chat.jsonl", [BRIDGE]), "--no-extract")
    ask = ("recall", "when does the bridge open?", "--answer", "--json")
    (record,) = (await command_line(*ask, OLLAMA_BASE_URL=ollama_server.url)).records()
    (sentence,) = record["answer"]["sentences"]
    assert (record["answer"]["state"], sentence["text"]) == ("answered", said)
    assert sentence["links"][0].endswith(f"/{BRIDGE['id']}")
    shown = await command_line(*ask[:-1], OLLAMA_BASE_URL=ollama_server.url)
    assert f"{said} — Ada [1]" in shown.out
    assert "/api/embed" not in str(ollama_server.requests)
    down = await command_line(*ask)
    assert down.code == 0
    assert "No question is answered" in down.err
    assert down.records()[0]["answer"]["state"] == "unavailable"
    assert down.records()[0]["hits"]


@pytest.mark.slow
async def test_what_is_erased_while_a_host_fails_is_shown_to_no_other_host(
    command_line: CommandLine, json_lines: Lines, ollama_server: LoopbackOllama
) -> None:
    await command_line("replay", json_lines("chat.jsonl", [BRIDGE]), "--no-extract")

    async def erase(_: object) -> str:
        assert (await command_line("erase", "--user", "77", "--yes")).code == 0
        raise web.HTTPBadGateway

    async with LoopbackOllama() as other:
        ollama_server.answer = other.answer = erase
        hosts = f"{ollama_server.url},{other.url}"
        ran = await command_line("recall", "when does the bridge open?", "--answer", "--json", OLLAMA_BASE_URL=hosts)
        assert len([*ollama_server.asked("/api/chat"), *other.asked("/api/chat")]) == 1
    assert ran.records()[0]["answer"]["state"] == "unknown"


@pytest.mark.slow
async def test_a_database_that_can_not_be_used_is_told_in_one_line(command_line: CommandLine) -> None:
    assert (await command_line("migrate")).code == 0
    with closing(sqlite3.connect(command_line.folder / "data" / DATABASE_FILE)) as file:
        file.execute("ALTER TABLE usage RENAME TO away")
    ran = await command_line("costs")
    assert (ran.code, ran.out) == (1, "")
    assert (
        ran.err
        == "error: the database can't be used (OperationalError): see that it runs and has room, and try again\n"
    )
