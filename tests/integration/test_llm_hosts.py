"""A model on several hosts, through the real client library: which one is asked, and what becomes of one that fails."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiolimiter import AsyncLimiter

from bot.domain import snowflake
from bot.domain.addresses import host_name
from bot.domain.errors import AnswerInvalid, RateLimited, ServiceError, ServiceRejected, ServiceUnavailable
from bot.domain.model import Message
from bot.llm.base import Before, Completion, CompletionRequest, LanguageModel
from bot.llm.costs import Ledger
from bot.llm.embeddings import Embedder
from bot.llm.guarded import GuardedModel
from bot.llm.loading import load_settings
from bot.llm.ollama import OllamaModel
from bot.llm.ollama_embeddings import OllamaEmbedder
from bot.llm.pool import Host, Pool, PooledEmbedder, PooledModel
from bot.llm.resilience import Breaker, BreakerState, Guard
from bot.observe.exports import open_export
from bot.observe.messagelog import Said
from bot.recall import RecallQuery
from bot.recall.answers import Material
from bot.run.app import open_app
from bot.run.replay import Replay
from bot.storage.engine import Database
from tests.fixtures.answers import always
from tests.fixtures.storage import NOW_MS, FakeClock
from tests.loopback.http import Fault
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.waiting import eventually

COOLDOWN = 10.0
SCHEMA = {"type": "object", "properties": {"memories": {"type": "array", "items": {"type": "string"}}}}


async def asked(model: LanguageModel, before: Before | None = None) -> Completion:
    return await model.complete(
        CompletionRequest(system="s", prompt="x", schema=SCHEMA, max_tokens=50, purpose="extraction", before=before)
    )


class Farm:
    """Three hosts on loopback, and a model over them.

    Attributes:
        now: seconds of a clock that stands until it is moved.
    """

    def __init__(self, servers: list[LoopbackOllama], ledger: Ledger, slots: int) -> None:
        self.servers = servers
        self.now = 0.0
        hosts: list[Host[LanguageModel]] = []
        for server in servers:
            model = OllamaModel(server.url, "llama3.1:8b", timeout=5)
            hosts.append(Host(model, self._guard(server, model), slots))
        self.pool = Pool("ollama", hosts, now=lambda: self.now)
        self.model = PooledModel(self.pool, ledger)

    def _guard(self, server: LoopbackOllama, model: OllamaModel) -> Guard:
        return Guard(
            "ollama",
            limiter=AsyncLimiter(1_000, 1),
            timeout=0.5,
            breaker=Breaker(threshold=2, cooldown=COOLDOWN, now=lambda: self.now),
            retries=0,
            probe=model.check,
            host=host_name(server.url),
            now=lambda: self.now,
        )

    async def ask(self, before: Before | None = None) -> Completion:
        return await asked(self.model, before)

    @property
    def asked(self) -> list[int]:
        """Chats that each host was asked for."""
        return [len(server.asked("/api/chat")) for server in self.servers]

    @property
    def states(self) -> list[BreakerState]:
        return [guard.breaker.state for guard in self.model.guards]


@pytest.fixture
async def servers() -> AsyncIterator[list[LoopbackOllama]]:
    async with LoopbackOllama() as one, LoopbackOllama() as two, LoopbackOllama() as three:
        yield [one, two, three]


@pytest.fixture
async def ledger(database: Database) -> Ledger:
    return Ledger(database, FakeClock())


@pytest.fixture
async def farm(servers: list[LoopbackOllama], ledger: Ledger) -> AsyncIterator[Farm]:
    farm = Farm(servers, ledger, slots=1)
    yield farm
    for server in servers:
        server.heal()
    await farm.model.aclose()


async def test_calls_at_the_same_time_go_to_hosts_that_have_nothing_to_do(farm: Farm) -> None:
    for server in farm.servers:
        server.fail(Fault.HANG, path="/api/chat")
    calls = [asyncio.create_task(farm.ask()) for _ in range(3)]
    await eventually(lambda: farm.asked == [1, 1, 1])
    for server in farm.servers:
        server.heal()
    await asyncio.gather(*calls)


async def test_no_host_works_on_more_than_it_has_places_for(farm: Farm) -> None:
    most = 0

    async def count(request: object) -> str:
        nonlocal most
        most = max(most, *(host.busy for host in farm.pool.hosts))
        await asyncio.sleep(0.01)
        return '{"memories": []}'

    for server in farm.servers:
        server.answer = count
    await asyncio.gather(*(farm.ask() for _ in range(30)))
    assert most == 1
    assert sum(farm.asked) == 30
    assert min(farm.asked) >= 5, "all of them take part"


async def test_the_host_that_answers_soonest_is_asked_first(farm: Farm) -> None:
    for host, seconds in zip(farm.pool.hosts, (3.0, 1.0, 2.0), strict=True):
        host.answered(seconds)
    await farm.ask()
    assert farm.asked == [0, 1, 0]
    for host, busy in zip(farm.pool.hosts, (0, 1, 0), strict=True):
        host.busy = busy
    await farm.ask()
    assert farm.asked == [0, 1, 1], "with the best one at work the next best"


async def test_what_goes_between_two_attempts_is_sent_to_no_other_host_and_by_no_retry(
    farm: Farm, ledger: Ledger
) -> None:
    for server in farm.servers:
        server.fail(Fault.STATUS, path="/api/chat", status=500)
    guard = Guard("ollama", limiter=AsyncLimiter(1_000, 1), timeout=5, breaker=Breaker(), retries=3)
    retried = GuardedModel(OllamaModel(farm.servers[0].url, "llama3.1:8b"), guard, ledger)
    for model in (farm.model, retried):
        before = sum(farm.asked)

        async def stands(before: int = before) -> None:
            if sum(farm.asked) > before:
                raise LookupError("it went")

        with pytest.raises(LookupError):
            await asked(model, stands)
        assert sum(farm.asked) == before + 1
    await retried.aclose()


FAULTS = {
    "down": None,
    "HTTP 500": Fault.STATUS,
    "garbage": Fault.BROKEN,
    "another protocol": Fault.ODD,
    "drops": Fault.DROP,
    "hangs": Fault.HANG,
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.matrix
async def test_a_host_that_fails_is_passed_over_and_tried_again_when_it_is_well(farm: Farm, fault: str) -> None:
    sick, plan = farm.servers[0], FAULTS[fault]
    if plan is None:
        await sick.stop()
    else:
        sick.fail(plan)
    for _ in range(2):
        for host in farm.pool.hosts[1:]:
            host.seconds = 9.0  # so that the sick one would be asked first
        farm.pool.hosts[0].seconds = None
        assert (await farm.ask()).text, "another host answers the same call"
    assert [state.value for state in farm.states] == ["open", "closed", "closed"]
    seen = len(sick.requests)
    for _ in range(4):
        await farm.ask()
    assert len(sick.requests) == seen, "it is left alone"
    farm.now += COOLDOWN + 1
    await farm.ask()  # its health check runs beside the call, and fails
    await eventually(lambda: farm.model.guards[0].breaker.seconds_to_try > 0)
    sick.heal()
    if plan is None:
        await sick.start()
    farm.now += 2 * COOLDOWN + 1
    before = farm.asked[0]
    async with asyncio.timeout(5):
        while farm.asked[0] == before:
            await farm.ask()
    assert farm.asked[0] == before + 1, "one call tried it"
    assert [state.value for state in farm.states] == ["closed"] * 3


async def test_a_sick_hosts_health_check_keeps_no_call_waiting(farm: Farm) -> None:
    farm.servers[0].fail(Fault.HANG)
    guard = farm.model.guards[0]
    for _ in range(2):
        with pytest.raises(ServiceError):
            await guard.call(farm.pool.hosts[0].client.check)
    farm.now += COOLDOWN + 1
    await farm.ask()
    assert guard.breaker.state is BreakerState.OPEN, "the check is under way still"


async def test_a_host_with_too_much_to_do_comes_last_for_as_long_as_it_asks(farm: Farm) -> None:
    farm.servers[0].fail(Fault.STATUS, path="/api/chat", status=429)
    for _ in range(6):
        await farm.ask()
    assert farm.asked[0] == 1
    assert farm.states[0] is BreakerState.CLOSED, "it is well"


async def test_a_host_without_the_model_is_passed_over(farm: Farm) -> None:
    farm.servers[0].models = ()
    for _ in range(6):
        await farm.ask()
    assert len(farm.servers[0].asked("/api/show")) == 1
    farm.servers[1].models = farm.servers[2].models = ()
    with pytest.raises(ServiceRejected, match="ollama pull"):
        await farm.ask()


async def test_with_every_host_down_the_caller_is_told_at_once(farm: Farm, database: Database) -> None:
    for server in farm.servers:
        await server.stop()
    for _ in range(2):
        with pytest.raises(ServiceUnavailable, match="nothing listens"):
            await farm.ask()
    with pytest.raises(ServiceUnavailable, match="all 3 hosts are left alone"):
        await farm.ask()
    for server in farm.servers:
        await server.start()
    farm.now += COOLDOWN + 1
    assert (await farm.ask()).text, "nobody else is there, so the health checks are waited for"


async def test_where_every_host_asks_to_wait_the_shortest_wait_is_told(farm: Farm) -> None:
    for host, seconds in zip(farm.pool.hosts, (50.0, 40.0, 60.0), strict=True):
        with pytest.raises(RateLimited):
            await host.guard.call(_told_to_wait(seconds))
    with pytest.raises(RateLimited) as told:
        await farm.ask()
    assert told.value.retry_after == 40.0
    assert farm.asked == [0, 0, 0]


def _told_to_wait(seconds: float) -> Callable[[], Awaitable[None]]:
    async def ask() -> None:
        raise RateLimited("ollama", seconds)

    return ask


async def test_an_unusable_answer_is_the_callers_matter_and_counted_once(farm: Farm) -> None:
    for server in farm.servers:
        server.answer = lambda _: ""
    with pytest.raises(AnswerInvalid):
        await farm.ask()
    assert sum(farm.asked) == 1


async def test_each_call_is_counted_once_however_many_hosts_it_took(farm: Farm, ledger: Ledger) -> None:
    farm.servers[0].fail(Fault.STATUS, path="/api/chat", times=1)
    await farm.ask()
    (usage,) = await ledger.totals("1970-01-01")
    assert (usage.calls, usage.failures) == (1, 0)


async def test_a_call_that_is_given_up_leaves_its_place(farm: Farm) -> None:
    for server in farm.servers:
        server.fail(Fault.HANG, path="/api/chat")
    call = asyncio.create_task(farm.ask())
    await eventually(lambda: any(farm.asked))
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call
    assert [host.busy for host in farm.pool.hosts] == [0, 0, 0]
    assert sum(farm.asked) == 1, "and is not made elsewhere"


async def test_embeddings_go_to_another_host_too(servers: list[LoopbackOllama], ledger: Ledger) -> None:
    hosts: list[Host[Embedder]] = []
    for server in servers[:2]:
        embedder = OllamaEmbedder(server.url, "nomic-embed-text", 768, timeout=5)
        guard = Guard(
            "embeddings",
            limiter=AsyncLimiter(1_000, 1),
            timeout=1,
            breaker=Breaker(threshold=2),
            retries=0,
            probe=embedder.check_lightly,
            host=host_name(server.url),
        )
        hosts.append(Host(embedder, guard, 1))
    pooled = PooledEmbedder(Pool("embeddings", hosts), ledger)
    servers[0].fail(Fault.GARBAGE)  # vectors of another size: another model under that name
    assert [len(vector) for vector in await pooled.embed(["a ladder", "blue"])] == [768, 768]
    await servers[1].stop()
    with pytest.raises(ServiceError):
        await pooled.embed(["a ladder"])
    await pooled.aclose()


@pytest.mark.slow
@pytest.mark.parametrize("hosts", [1, 2])
async def test_a_burst_of_questions_takes_as_many_places_as_extraction_has(
    servers: list[LoopbackOllama], tmp_path: Path, hosts: int
) -> None:
    """Forty questions at once, then a channel to extract from, on hosts that answer two calls at a time each."""
    order: list[str] = []
    most = questions = 0

    def answering(places: asyncio.Semaphore) -> Callable[[dict[str, Any]], Awaitable[dict[str, object]]]:
        async def answer(request: dict[str, Any]) -> dict[str, object]:
            nonlocal most, questions
            asks = "\nQuestion: where?" in request["messages"][-1]["content"]
            questions += asks
            most = max(most, questions)
            async with places:
                await asyncio.sleep(0.5)
                order.append("answer" if asks else "extraction")
            questions -= asks
            return {"sentences": []} if asks else {"memories": []}

        return answer

    for server in servers:
        server.answer = answering(asyncio.Semaphore(2))
    settings = load_settings(
        None,
        data_dir=tmp_path,
        ollama_base_url=",".join(server.url for server in servers[:hosts]),
        ollama_concurrency=2,
        embedding_provider="ollama",
        embedding_model="nomic-embed-text",
        embedding_dims=768,
    )
    text = "the blue ladder stands behind the shed since the market on Sunday"
    message = Message(id=snowflake.from_ms(NOW_MS), guild_id=1, channel_id=2, author_id=3, content=text)
    async with asyncio.timeout(60), open_app(settings, extract=True, answer=True, patient=True) as app:
        await app.log.append([Said(message, "Ann")])
        query = RecallQuery(guild_id=1, text="ladder", channel_ids=None)
        material = Material((await app.recall.search(query)).hits, {3: "Ann"})
        assert app.flusher is not None
        ask = app.services.answers.answer
        where = replace(query, text="where?")
        asked = [asyncio.create_task(ask(where, material, stands=always)) for _ in range(40)]
        await eventually(lambda: questions == 2 * hosts)
        assert (await app.flusher.flush_channel(2)).asked == 1
        assert order.index("extraction") < 20, "most of the questions come after it"
        assert most == 2 * hosts
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


@pytest.mark.slow
async def test_a_channels_messages_are_asked_about_in_order_on_whatever_host(
    servers: list[LoopbackOllama], tmp_path: Path
) -> None:
    """Four channels on three hosts, one of which is slow and one fails at times: the whole program."""
    asked: list[tuple[int, int]] = []
    at_work, together = 0, asyncio.Event()

    async def answer(request: dict[str, object]) -> dict[str, object]:
        nonlocal at_work
        at_work += 1
        if at_work == 2:
            together.set()
        await together.wait()
        at_work -= 1
        said = re.findall(r"channel (\d) message (\d+)", str(request["messages"]).rsplit("Lines:", 1)[-1])
        asked.append((int(said[0][0]), int(said[0][1])))
        return {"memories": []}

    for server in servers:
        server.answer = answer
    servers[1].fail(Fault.DELAY, path="/api/chat", seconds=0.1)
    servers[2].fail(Fault.STATUS, path="/api/chat", times=2)
    lines = [
        {
            "id": str(snowflake.from_ms(NOW_MS + 1_000 * number) + channel),
            "guild_id": "1",
            "channel_id": str(10 + channel),
            "author_id": str(20 + number % 3),
            "author_name": f"member {number % 3}",
            "content": f"channel {channel} message {number} says that the blue ladder stands behind the shed",
        }
        for number in range(80)
        for channel in range(4)
    ]
    (tmp_path / "chat.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    settings = load_settings(
        None,
        data_dir=tmp_path / "data",
        ollama_base_url=",".join(server.url for server in servers),
        embedding_provider="ollama",
        embedding_model="nomic-embed-text",
        embedding_dims=768,
        flush_batch_size=20,
    )
    async with asyncio.timeout(60), open_app(settings, extract=True, patient=True) as app:
        await Replay(app.log, app.ledger, app.prices, app.flusher).run(
            open_export(tmp_path / "chat.jsonl"), lambda *_: None
        )
        assert not await app.log.pending_overview()
        names = {guard.name for guard in app.guards}
    assert {f"ollama at {host_name(server.url)}" for server in servers} <= names
    assert {f"embeddings at {host_name(server.url)}" for server in servers} <= names
    for channel in range(4):
        order = [number for theirs, number in asked if theirs == channel]
        assert order == sorted(order)
        assert len(order) > 1
