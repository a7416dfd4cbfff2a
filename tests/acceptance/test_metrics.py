"""Metrics and health of the real process, compared with what happened."""

from __future__ import annotations

import asyncio
import json

import pytest

from bot.cli.healthcheck import probe
from tests.fixtures.operations import Operator, free_port
from tests.fixtures.process import Stage
from tests.loopback.ollama import Answer

SAID = 24
OPENAI = {"provider": "openai", "model": "text-embedding-3-small"}
LLAMA = {"provider": "ollama", "model": "llama3.1:8b"}


@pytest.fixture
def operator(stage: Stage) -> Operator:
    return Operator(free_port())


@pytest.mark.slow
async def test_the_pages_tell_what_happened(stage: Stage, operator: Operator) -> None:
    guild = stage.discord.world.guild("Workshop")
    admins = guild.role("Admins", "manage_guild")
    general, ada = guild.text("general"), guild.member("Ada", admins)
    stage.observe(general)
    stage.ollama.answer = lambda _: Answer('{"memories": []}', prompt_eval_count=700, eval_count=8)
    stage.ollama.size_vram = 4_000_000_000
    await stage.bot.start(METRICS_PORT=str(operator.port), FLUSH_INTERVAL_SECONDS="3600")
    await stage.bot.noticed(general)
    assert (await operator.get("/healthz")).status_code == 200
    assert probe("127.0.0.1", operator.port)
    ready = await operator.get("/readyz")
    assert (ready.status_code, ready.json()["parts"]) == (
        200,
        {"gateway": True, "database": True, "vector store": True},
    )

    for number in range(SAID):
        general.say(ada, f"The workshop on day {number} of the month begins at nine in room {number}.")
    await operator.wait_for("messages_total", SAID, outcome="stored")
    seen = await operator.wait_for("queue_messages", SAID)
    assert seen("logged_messages", state="pending") == SAID
    await stage.discord.command(ada, general, "memory flush").answer(within=30)
    await stage.discord.command(ada, general, "recall", query="when does the workshop begin").answer(within=30)
    seen = await operator.wait_for("queue_messages", 0)

    calls = len(stage.ollama.asked("/api/chat"))
    assert calls > 0
    assert seen("model_calls_total", **LLAMA, purpose="extraction", outcome="answered") == calls
    assert seen("model_tokens_total", **LLAMA, kind="prompt") == 700 * calls
    assert seen("model_tokens_total", **LLAMA, kind="answer") == 8 * calls
    assert seen("model_seconds_count", **LLAMA) == calls
    assert seen("flushed_messages_total", outcome="extracted") == SAID
    assert seen("flush_seconds_count") == 1
    assert seen("recall_seconds_count", stage="all") == 1
    embedded = len(stage.openai.asked("/embeddings"))
    assert seen("embedding_calls_total", **OPENAI, outcome="answered") == embedded
    tokens = seen("embedding_tokens_total", **OPENAI)
    assert seen("dollars_spent_total", **OPENAI) == pytest.approx(tokens * 0.02 / 1e6)
    one_call = (SAID * 8118 * 0.15 + tokens * 0.02) / 1e6
    saved = seen("dollars_saved", baseline="one_call_a_message")
    assert saved == pytest.approx(one_call - tokens * 0.02 / 1e6)
    assert seen("ollama_vram_bytes", host=f"127.0.0.1:{stage.ollama.port}", model="llama3.1:8b") == 4e9
    assert seen("breaker_state", service="ollama", state="closed") == 1
    assert seen("dead_letters") == 0
    assert seen("shard_up", shard="0") == 1

    status = await stage.discord.command(ada, general, "memory status").answer(within=30)
    assert "Spent" in status.text

    page = (await operator.get("/metrics")).text
    assert not [word for word in ("workshop", "Ada", "general", stage.discord.token) if word in page]


@pytest.mark.slow
async def test_what_is_missing_is_told(stage: Stage, operator: Operator) -> None:
    guild = stage.discord.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada", guild.role("Admins", "manage_guild"))
    stage.observe(general)
    await stage.ollama.stop()
    await stage.bot.start(METRICS_PORT=str(operator.port), LOG_FORMAT="json")
    await stage.bot.noticed(general)
    general.say(ada, "We decided to open the bridge on the third of May.")
    await operator.wait_for("messages_total", 1, outcome="stored")
    for _ in range(2):
        await stage.discord.command(ada, general, "memory flush").answer(within=60)
    seen = await operator.wait_for("queue_messages", 1)
    assert seen("ollama_up") == 0
    assert seen("service_errors_total", service="ollama", kind="failed") >= 1
    assert seen("queue_oldest_seconds") > 0

    lines = [json.loads(line) for line in stage.bot.logs().splitlines()]
    assert {"time", "level", "logger", "message"} <= set.intersection(*(set(line) for line in lines))


@pytest.mark.slow
async def test_each_of_several_hosts_is_told_without_its_password(stage: Stage, operator: Operator) -> None:
    guild = stage.discord.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada", guild.role("Admins", "manage_guild"))
    stage.observe(general)
    well, sick = f"127.0.0.1:{stage.ollama.port}", f"127.0.0.1:{free_port()}"
    both = f"http://bot:zqxvkw@{sick},{stage.ollama.url}"  # of two that are not known yet the first is asked first
    await stage.bot.start(METRICS_PORT=str(operator.port), OLLAMA_BASE_URL=both)
    await stage.bot.noticed(general)
    general.say(ada, "We decided to open the bridge on the third of May.")
    await operator.wait_for("messages_total", 1, outcome="stored")
    await stage.discord.command(ada, general, "memory flush").answer(within=60)
    seen = await operator.wait_for("queue_messages", 0)
    assert seen("host_up", service="ollama", host=well) == 1
    assert seen("host_failures_total", service="ollama", host=sick) >= 1
    assert seen("host_calls_total", service="ollama", host=well) == len(stage.ollama.asked("/api/chat"))
    assert seen("breaker_state", service="ollama", state="closed") == 1, "one host is enough"
    ready = await operator.get("/readyz")
    assert (ready.status_code, ready.json()["hosts"].keys()) == (200, {f"ollama at {well}", f"ollama at {sick}"})
    status = await stage.discord.command(ada, general, "memory status").answer(within=30)
    assert f"ollama at {well}: in order" in status.text
    told = (await operator.get("/metrics")).text + ready.text + status.text + stage.bot.logs()
    assert "zqxvkw" not in told


@pytest.mark.slow
async def test_without_a_port_nothing_is_opened_and_a_taken_one_is_a_fault(stage: Stage, operator: Operator) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", operator.port)
    await stage.bot.start(ready=False, METRICS_PORT=str(operator.port))
    assert await stage.bot.ended() == 2
    assert f"error: METRICS_PORT: another program listens on 127.0.0.1:{operator.port}: choose" in stage.bot.logs()
    server.close()
    await server.wait_closed()
    await stage.bot.start(METRICS_PORT="")
    assert not probe("127.0.0.1", operator.port)


@pytest.mark.slow
async def test_it_is_alive_before_it_is_ready(stage: Stage, operator: Operator) -> None:
    stage.discord.world.guild("Workshop")
    stage.discord.gateway.refusals = 1_000_000
    await stage.bot.start(ready=False, METRICS_PORT=str(operator.port), MEM0_ENABLED="false")
    await operator.answers("/healthz", 200)
    waiting = await operator.answers("/readyz", 503)
    assert waiting.json() == {
        "ready": False,
        "parts": {"gateway": False, "database": True, "vector store": True},
    }
    stage.discord.gateway.refusals = 0
    ready = await operator.answers("/readyz", 200)
    assert ready.json()["ready"] is True
    assert (await operator.metrics())("ready", part="gateway") == 1


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["broken off", "out of reach"])
async def test_a_gateway_that_is_lost_later_is_noticed_until_it_is_back(
    stage: Stage, operator: Operator, loss: str
) -> None:
    stage.discord.world.guild("Workshop")
    await stage.bot.start(METRICS_PORT=str(operator.port), MEM0_ENABLED="false")
    await operator.answers("/readyz", 200)
    if loss == "out of reach":
        await stage.discord.go_down()
    else:
        stage.discord.gateway.refusals = 1_000_000
        stage.discord.gateway.drop()
    lost = await operator.answers("/readyz", 503)
    assert lost.json()["parts"] == {"gateway": False, "database": True, "vector store": True}
    stage.discord.gateway.refusals = 0
    await stage.discord.come_up()
    await operator.answers("/readyz", 200, within=60)
