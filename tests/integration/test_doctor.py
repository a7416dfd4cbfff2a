"""`doctor` against each service, sound and broken: a fault is told with what to do, and hides no other finding."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import ServiceUnavailable
from bot.domain.findings import Finding, Verdict
from bot.llm.loading import load_settings
from bot.operate.composition import doctor_of
from bot.operate.discord_check import examine_discord
from bot.run.app import open_app
from bot.run.life import alone, bot_runs
from tests.fixtures.commandline import CommandLine
from tests.loopback.discord import LoopbackDiscord
from tests.loopback.discord_gateway import INTENT_CONTENT
from tests.loopback.http import Fault
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI
from tests.loopback.qdrant import LoopbackQdrant

SUBJECTS = {
    "settings",
    "data folder",
    "database",
    "at rest",
    "limits",
    "servers",
    "ollama",
    "model",
    "language model",
    "both calls",
    "speed",
    "graphics card",
    "embeddings",
    "vector store",
    "what waits",
    "discord",
}


class Patient:
    """Settings with every service there, and ways to examine them."""

    def __init__(
        self, data_dir: Path, ollama: LoopbackOllama, openai: LoopbackOpenAI, discord: LoopbackDiscord
    ) -> None:
        self.ollama, self.openai, self.discord = ollama, openai, discord
        self.settings: dict[str, object] = {
            "data_dir": data_dir,
            "ollama_base_url": ollama.url,
            "openai_base_url": openai.api_url,
            "openai_api_key": "sk-x",
            "discord_api_url": discord.api_url,
            "discord_token": discord.token,
        }

    async def examine(self, **changes: object) -> dict[str, Finding]:
        """The findings by subject."""
        settings = load_settings(None, **(self.settings | changes))
        doctor = doctor_of(settings, partial(bot_runs, settings))
        return {finding.subject: finding async for finding in doctor.examine()}


@pytest.fixture
async def patient(
    migrated_dir: Path, ollama_server: LoopbackOllama, openai_server: LoopbackOpenAI
) -> AsyncIterator[Patient]:
    async with LoopbackDiscord() as discord:
        yield Patient(migrated_dir, ollama_server, openai_server, discord)


def faults(found: dict[str, Finding]) -> dict[str, str]:
    """What is not in order, with what to do."""
    return {subject: f.todo for subject, f in found.items() if f.verdict in {Verdict.FAULT, Verdict.WARNING}}


async def test_everything_in_order(patient: Patient) -> None:
    found = await patient.examine()
    assert set(found) == SUBJECTS
    assert faults(found) == {}
    assert "100% of llama3.1:8b is on it, 4.9 of 4.9 GB" in found["graphics card"].found
    assert "80 tokens a second" in found["speed"].found
    assert "2.0 s of them for loading" in found["speed"].found


@pytest.mark.parametrize("nonsense", [{"memories": [{"text": 1}]}, {"memories": [], "verdicts": []}])
@pytest.mark.matrix
async def test_a_model_that_follows_a_schema_and_not_what_it_is_asked_for(
    patient: Patient, nonsense: dict[str, Any]
) -> None:
    def answer(request: dict[str, Any]) -> str:
        schema = request["format"]["properties"]
        return '{"words": ["one"]}' if "words" in schema else json.dumps(nonsense)

    patient.ollama.answer = answer
    found = await patient.examine()
    assert found["language model"].verdict is Verdict.OK
    assert "no usable answer about a line of this program's own" in found["both calls"].found
    assert "choose another model" in faults(found)["both calls"]


async def test_a_data_folder_that_takes_no_file(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    found = await patient.examine(mem0_enabled=False)
    assert "No space left on device" in found["data folder"].found
    assert "has room" in faults(found)["data folder"]


async def test_the_lock_of_a_running_bot_is_no_fault(patient: Patient) -> None:
    settings = load_settings(None, **patient.settings)
    async with alone(settings):
        found = await patient.examine(mem0_enabled=False)
    assert "held by the bot, which is running" in found["data folder"].found
    assert faults(found) == {}


async def test_a_model_partly_or_not_on_the_card(patient: Patient) -> None:
    patient.ollama.size_vram = 2_450_000_000
    found = await patient.examine()
    assert "50% of llama3.1:8b" in found["graphics card"].found
    assert "smaller model" in faults(found)["graphics card"]
    patient.ollama.size_vram = 0
    found = await patient.examine()
    assert "runs on the processor alone" in found["graphics card"].found


async def test_a_slow_model(patient: Patient) -> None:
    patient.ollama.tokens_a_second = 6.0
    found = await patient.examine()
    assert "6 tokens a second" in found["speed"].found
    assert "nothing is lost" in faults(found)["speed"]


@pytest.mark.parametrize("heeds_format", [True, False])
@pytest.mark.matrix
async def test_a_model_is_fit_where_the_work_finds_its_answer(patient: Patient, heeds_format: bool) -> None:
    """In a code fence, or only with thoughts."""
    wanted = '{"words": ["one", "two", "three"]}'
    ollama = patient.ollama
    if heeds_format:
        ollama.answer = lambda _: f"Here you are:\n```json\n{wanted}\n```"
    else:
        ollama.capabilities, ollama.heeds_format, ollama.answer = ("completion", "thinking"), False, lambda _: wanted
    found = await patient.examine()
    assert "llama3.1:8b follows a JSON schema" in found["language model"].found


@pytest.mark.parametrize(
    "answer", ["One, two, three.", '{"numbers": ["one"]}', '{"words": ["uno"]}', '["one"]', '{"words": 1}']
)
@pytest.mark.matrix
async def test_a_model_that_does_not_follow_a_schema(patient: Patient, answer: str) -> None:
    patient.ollama.answer = patient.openai.answer = lambda _: answer
    found = await patient.examine(mem0_llm_provider="ollama")
    assert "llama3.1:8b does not follow a JSON schema" in found["language model"].found
    assert "OLLAMA_MODEL" in faults(found)["language model"]
    found = await patient.examine(mem0_llm_provider="openai")
    assert "gpt-4o-mini does not follow a JSON schema" in found["language model"].found
    assert "OPENAI_LLM_MODEL" in faults(found)["language model"]


async def test_the_model_that_takes_over_is_checked_as_well(patient: Patient) -> None:
    found = await patient.examine(ollama_fallback="openai", openai_llm_model="gpt-4o-mini")
    assert "gpt-4o-mini follows a JSON schema" in found["language model"].found
    patient.openai.fail(Fault.STATUS, status=400)
    found = await patient.examine(mem0_llm_provider="openai")
    assert "HTTP 400" in found["language model"].found
    assert "OPENAI_LLM_MODEL" in faults(found)["language model"]


async def test_a_reasoning_model_is_asked_without_thinking(patient: Patient) -> None:
    patient.ollama.capabilities = ("completion", "thinking")
    assert faults(await patient.examine()) == {}
    assert {request.body["think"] for request in patient.ollama.asked("/api/chat")} == {False}


async def test_a_window_that_is_too_small(patient: Patient) -> None:
    patient.ollama.context_length = 2048
    assert "4096" in faults(await patient.examine())["model"]


async def test_ollama_without_the_model_down_or_of_another_protocol(patient: Patient) -> None:
    found = await patient.examine(ollama_model="mistral:7b")
    assert "mistral:7b" in found["ollama"].found or "mistral:7b" in str(found)
    assert any("doctor --pull" in todo for todo in faults(found).values())
    patient.ollama.fail(Fault.BROKEN)
    assert "ollama" in faults(await patient.examine())
    patient.ollama.heal()
    await patient.ollama.stop()
    found = await patient.examine()
    assert "nothing listens" in found["ollama"].found
    assert set(faults(found)) == {"ollama"}


@pytest.mark.slow
async def test_several_hosts_are_examined_each(patient: Patient) -> None:
    async with LoopbackOllama() as second:
        secret = second.url.replace("http://", "http://bot:zqxvkw@")
        both: dict[str, object] = {"ollama_base_url": f"{patient.ollama.url},{secret}"}
        found = await patient.examine(**both)
        assert faults(found) == {}
        name = f"127.0.0.1:{second.port}"
        assert {f"ollama ({name})", f"speed ({name})", f"language model ({name})"} <= found.keys()
        assert "the same on each of 2 hosts" in found["ollama hosts"].found

        second.digest = "7" * 64
        differs = (await patient.examine(**both))["ollama hosts"]
        assert (differs.verdict, "ollama pull" in differs.todo) == (Verdict.WARNING, True)
        assert f"llama3.1:8b is not the same on 127.0.0.1:{patient.ollama.port} (000000000000), {name}" in differs.found

        second.models = ()
        found = await patient.examine(**both)
        assert found[f"ollama ({name})"].verdict is Verdict.WARNING, "the other host does its work"
        assert "has no model" in found[f"ollama ({name})"].found
    await patient.ollama.stop()
    found = await patient.examine(**both)
    assert found[f"ollama ({name})"].verdict is Verdict.FAULT, "none is left"
    assert "zqxvkw" not in str(found)


async def test_an_embedding_model_that_differs_between_hosts_is_told(patient: Patient) -> None:
    async with LoopbackOllama(digest="7" * 64) as second:
        found = await patient.examine(
            ollama_base_url=f"{patient.ollama.url},{second.url}",
            embedding_provider="ollama",
            embedding_model="nomic-embed-text",
            embedding_dims=768,
        )
    assert "nomic-embed-text is not the same" in found["ollama hosts"].found


async def test_embeddings_that_fail_do_not_hide_the_rest(patient: Patient) -> None:
    patient.openai.fail(Fault.STATUS, status=401)
    found = await patient.examine()
    assert "embeddings" in faults(found)
    assert found["speed"].verdict is Verdict.OK
    assert found["discord"].verdict is Verdict.OK
    assert "to invite it: https://discord.com/oauth2/authorize?client_id=" in found["discord"].found


async def test_it_embeds_many_texts_at_once_and_the_longest_that_may_come(patient: Patient) -> None:
    await patient.examine()
    sizes = [len(request.body["input"]) for request in patient.openai.asked("/embeddings")]
    longest = max(len(text) for request in patient.openai.asked("/embeddings") for text in request.body["input"])
    assert (max(sizes), longest) == (16, 4_000)


@pytest.mark.slow
async def test_what_an_embedding_service_does_not_take_is_told(patient: Patient) -> None:
    patient.openai.declines = lambda texts: (400, "no") if len(texts) > 10 or len(max(texts, key=len)) > 1_000 else None
    found = (await patient.examine())["embeddings"]
    assert found.verdict is Verdict.OK
    assert "texts that it takes at once: 8," in found.found
    assert re.search(r"of long texts it reads the first \d{3} characters", found.found)
    both: dict[str, object] = {"embed_messages": True, "embedding_model": "all-minilm", "embedding_dims": 1536}
    found = (await patient.examine(**both, embedding_provider="openai"))["embeddings"]
    assert (found.verdict, "longer window" in found.todo) == (Verdict.WARNING, True)
    patient.openai.declines = lambda texts: (500, "NaN") if "platform 3" in str(texts) else None
    assert (await patient.examine())["embeddings"].verdict is Verdict.FAULT


@pytest.mark.slow
async def test_what_waits_and_what_was_set_aside_is_named_with_why(patient: Patient, tmp_path: Path) -> None:
    async with open_app(load_settings(None, **patient.settings), extract=False, patient=True) as app:
        for number in range(3):
            await app.services.own.remember(
                guild_id=1, channel_id=2, author_id=3, message_id=number + 1, text=f"The train {number} is late."
            )
        patient.openai.declines = lambda texts: (500, "NaN") if any("1" in text for text in texts) else None
        await app.indexer.drain()
        found = (await patient.examine())["what waits"]
        assert found.verdict is Verdict.WARNING
        assert found.found.startswith("1 memory or message is not in the index but found by words, because embeddings:")
        assert "failed (HTTP 500); see the log" in found.found
        assert found.found.endswith("tried again within a day")
        await app.services.own.remember(guild_id=1, channel_id=2, author_id=3, message_id=9, text="The tram is late.")
        patient.openai.declines = lambda _: (503, "busy")
        await app.indexer.drain()
        found = (await patient.examine())["what waits"]
        assert found.found.startswith("1 memory waits for the index because embeddings: ")
        assert "HTTP 503" in found.found
        assert "nothing is lost" in found.todo
        await app.erasure.erase_messages(1, 2, [1])
        await app.index.aclose()
        (tmp_path / "data" / "index").rename(tmp_path / "elsewhere")
        (tmp_path / "data" / "index").touch()
        await app.indexer.drain()
        found = (await patient.examine())["what waits"]
        assert (found.verdict, found.found[:39]) == (Verdict.FAULT, "1 deletion waits for the index because ")


@pytest.mark.slow
async def test_what_a_running_bot_can_not_do_is_named(patient: Patient) -> None:
    async with open_app(load_settings(None, **patient.settings), extract=False, patient=True) as app:
        async with app.supervisor.turn("search for deleted accounts"):
            raise ServiceUnavailable("discord", "HTTP 500")
        await app.troubles.note()
        found = (await patient.examine())["what waits"]
        assert found.verdict is Verdict.WARNING
        assert found.found == "The search for deleted accounts failed and is tried again soon: discord: HTTP 500"


async def test_a_database_that_is_no_database(patient: Patient, tmp_path: Path) -> None:
    file = tmp_path / "broken.db"
    file.write_bytes(b"not a database at all" * 400)
    assert "database" in faults(await patient.examine(database_url=f"sqlite:///{file}"))


async def test_a_qdrant_server_that_is_down(patient: Patient) -> None:
    found = await patient.examine(mem0_qdrant_url="http://127.0.0.1:9")
    assert found["qdrant"].found == "nothing listens at http://127.0.0.1:9"
    assert "MEM0_QDRANT_HOST" in faults(found)["qdrant"]
    assert found["vector store"].verdict is Verdict.SKIPPED


@pytest.mark.slow
async def test_an_index_that_lost_something_is_named_with_both_figures(patient: Patient, tmp_path: Path) -> None:
    async with open_app(load_settings(None, **patient.settings), extract=False, patient=True) as app:
        for number in range(3):
            await app.services.own.remember(
                guild_id=1, channel_id=2, author_id=3, message_id=number + 1, text=f"The train {number} is late."
            )
        await app.indexer.drain()
    whole = (await patient.examine())["vector store"]
    assert (whole.verdict, whole.found) == (Verdict.OK, "3 of 3 memories")
    (tmp_path / "data" / "index").rename(tmp_path / "lost")
    lost = (await patient.examine())["vector store"]
    assert (lost.verdict, lost.found) == (Verdict.FAULT, f"qdrant: the index in {tmp_path}/data/index is not there")
    assert "start the bot" in lost.todo
    assert not (tmp_path / "data" / "index").exists(), "what only reads makes nothing"
    async with open_app(load_settings(None, **patient.settings), extract=False) as app:
        assert app.notes == [f"Memories are searched by words alone: {lost.found}, the bot makes it anew"]
    assert not (tmp_path / "data" / "index").exists()
    async with open_app(load_settings(None, **patient.settings), extract=False, patient=True) as app:
        assert await app.index.count() == 0, "the bot makes it, and then fills it"
    lacking = (await patient.examine())["vector store"]
    assert (lacking.verdict, lacking.found) == (Verdict.WARNING, "0 of 3 memories")
    assert "start the bot" in lacking.todo


@pytest.mark.slow
async def test_a_collection_that_is_spread_otherwise_than_the_settings_say(patient: Patient) -> None:
    async with LoopbackQdrant() as qdrant:
        cluster: dict[str, object] = {"mem0_qdrant_url": qdrant.url, "mem0_qdrant_shard_number": 6}
        async with open_app(load_settings(None, **(patient.settings | cluster)), extract=False, patient=True):
            pass
        assert (await patient.examine(**cluster))["vector store"].verdict is Verdict.OK
        vectors = (await patient.examine(**cluster, mem0_qdrant_replication_factor=2))["vector store"]
    assert vectors.verdict is Verdict.WARNING
    assert "1 replicas of each instead of 2" in vectors.found
    assert "shards" not in vectors.found
    assert "reindex" in vectors.todo


async def test_discord_with_a_wrong_token_or_without_the_intent(patient: Patient) -> None:
    assert "developer portal" in faults(await patient.examine(discord_token="wrong-token"))["discord"]
    assert "DISCORD_TOKEN" in str((await patient.examine(discord_token=None))["discord"])


@pytest.mark.parametrize(("private_group", "verdict"), [(True, Verdict.OK), (False, Verdict.WARNING)])
@pytest.mark.matrix
async def test_a_volume_as_fsgroup_makes_it_is_the_bots_alone(
    patient: Patient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, private_group: bool, verdict: Verdict
) -> None:
    folder = tmp_path / "volume"
    folder.mkdir()
    folder.chmod(0o2770)
    (folder / "old.db").touch()
    (folder / "old.db").chmod(0o660)
    monkeypatch.setattr(os, "geteuid", lambda: os.getegid() + (not private_group))
    finding = (await patient.examine(data_dir=folder, mem0_enabled=False))["at rest"]
    assert (finding.verdict, bool(finding.todo)) == (verdict, not private_group)


@pytest.mark.parametrize(
    ("privileged", "application", "todo"),
    [
        (0, {}, "switch on Message Content Intent (Bot)"),
        (INTENT_CONTENT, {"bot_require_code_grant": True}, "switch off Requires OAuth2 Code Grant (Bot)"),
        (INTENT_CONTENT, {"integration_types_config": {"1": {}}}, "choose Guild Install (Installation)"),
        (
            *(INTENT_CONTENT, {"interactions_endpoint_url": "https://other.example.org"}),
            "clear Interactions Endpoint URL (General Information)",
        ),
    ],
)
async def test_what_is_missing_in_the_developer_portal_is_named_with_its_place(
    patient: Patient, privileged: int, application: dict[str, object], todo: str
) -> None:
    patient.discord.privileged, patient.discord.application = privileged, application
    finding = await examine_discord(load_settings(None, **patient.settings))
    assert (finding.verdict, finding.todo) == (Verdict.FAULT, f"in the developer portal: {todo}")
    patient.discord.privileged = 0
    both = await examine_discord(load_settings(None, **patient.settings))
    assert todo in both.todo
    assert "Message Content Intent" in both.todo


@pytest.mark.slow
async def test_models_that_are_there_are_not_asked_for_again(
    command_line: CommandLine, ollama_server: LoopbackOllama
) -> None:
    """So that a start without a network goes on: the real server asks the registry whatever it has."""
    ollama_server.pullable = ("bespoke-minicheck",)
    settings = {
        "OLLAMA_BASE_URL": ollama_server.url,
        "EMBEDDING_PROVIDER": "ollama",
        "CHECK_MODEL": "bespoke-minicheck",
    }
    settings |= {"EMBEDDING_MODEL": "nomic-embed-text", "EMBEDDING_DIMS": "768"}
    ran = await command_line("pull", **settings)
    assert (ran.code, ran.err) == (0, "")
    assert set(ran.out.splitlines()) == {
        f"{name} is there" for name in ("llama3.1:8b", "nomic-embed-text", "bespoke-minicheck")
    }
    assert [asked.body["model"] for asked in ollama_server.asked("/api/pull")] == ["bespoke-minicheck"]


@pytest.mark.slow
async def test_the_command_pulls_what_is_missing(command_line: CommandLine, ollama_server: LoopbackOllama) -> None:
    ollama_server.models, ollama_server.pullable = (), ("llama3.1:8b",)
    settings = {
        "OLLAMA_BASE_URL": ollama_server.url,
        "EMBEDDING_PROVIDER": "ollama",
        "EMBEDDING_MODEL": "nomic-embed-text:latest",
        "EMBEDDING_DIMS": "768",
    }
    before = await command_line("doctor", **settings)
    assert before.code == 1
    after = await command_line("doctor", "--pull", **settings)
    assert after.code == 0, after.out
    assert "llama3.1:8b is there" in after.out
    assert [request.body["model"] for request in ollama_server.asked("/api/pull")] == [
        "llama3.1:8b",
        "nomic-embed-text:latest",
    ]
    unknown = await command_line("doctor", "--pull", **settings, OLLAMA_MODEL="no-such-model")
    assert (unknown.code, "can't pull 'no-such-model'" in unknown.err) == (1, True)
