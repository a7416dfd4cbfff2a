"""Every service, every way to fail, every thing that is done meanwhile: nothing is lost, nothing is doubled.

The program is wired as it runs, with real databases and client libraries; Ollama, OpenAI and Qdrant are loopback
servers. The fast part of the matrix has every service, fault and operation at least once.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import snowflake
from bot.domain.errors import ServiceError
from bot.domain.model import Message, MessageState
from bot.index.opening import prepare_mem0
from bot.llm.loading import load_settings
from bot.llm.resilience import Breaker
from bot.memories import Asker
from bot.observe.messagelog import Said
from bot.recall import RecallQuery
from bot.run.app import App, open_app
from bot.storage.schema import batches, memories, messages, outbox
from bot.storage.sqlite import DATABASE_FILE
from tests.acceptance.community import DECISIONS, SMALL_TALK, decisions_as_memories
from tests.acceptance.stores import canary, sqlite
from tests.fixtures.storage import AUTHOR, CHANNEL, GUILD, NOW_MS, FakeClock
from tests.loopback.http import Fault, LoopbackServer
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI
from tests.loopback.qdrant import LoopbackQdrant
from tests.loopback.waiting import eventually

SERVICES = ("ollama", "embeddings", "qdrant", "database")
FAULTS = ("refuses", "hangs", "429", "500", "cuts", "garbage")
OPERATIONS = ("intake", "flush", "recall", "remember", "forget")
Case = tuple[str, str, str]


ALL = list(itertools.product(SERVICES, FAULTS, OPERATIONS))
FAST = ALL[::11]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The program's waits in hundredths of a second."""
    prepare_mem0(tmp_path)  # before one of the lines below imports it
    for name in ("llm.composition.MODEL_SECONDS", "llm.composition.EMBEDDING_SECONDS", "index.vectors.QDRANT_SECONDS"):
        monkeypatch.setattr(f"bot.{name}", 0.6)
    for name in ("llm.composition.MODEL_CALLS_A_SECOND", "llm.composition.EMBEDDING_CALLS_A_SECOND"):
        monkeypatch.setattr(f"bot.{name}", 1000)
    for module in ("llm.composition", "index.vectors"):
        monkeypatch.setattr(f"bot.{module}.Breaker", partial(Breaker, cooldown=0.05, longest_cooldown=0.05))
    monkeypatch.setattr("bot.llm.resilience.BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr("bot.recall.memories.MEANING_SECONDS", 2.0)
    monkeypatch.setattr("bot.index.qdrant_store.REQUEST_SECONDS", 1)
    monkeypatch.setattr("bot.storage.sqlite.BUSY_SECONDS", 0.1)


@dataclass
class Scene:
    """The program between its services.

    Attributes:
        accepted: ids of messages that the intake took.
        words: of every decision that was said or remembered, and not forgotten.
    """

    app: App
    clock: FakeClock
    folder: Path
    servers: dict[str, LoopbackServer]
    accepted: set[int] = field(default_factory=set)
    decided: list[str] = field(default_factory=list)
    _minutes: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: Any = None

    def say(self, text: str) -> None:
        message_id = snowflake.from_ms(NOW_MS - 86_400_000 + 60_000 * next(self._minutes))
        message = Message(id=message_id, guild_id=GUILD, channel_id=CHANNEL, author_id=AUTHOR, content=text)
        assert self.app.intake.said(Said(message, "Ada"), backfill=True)
        self.accepted.add(message_id)

    def decide(self, number: int) -> str:
        """Say a decision among other things."""
        decided = f"{canary()} {DECISIONS[number]}"
        self.say(f"We decided that the {decided}.")
        self.say(SMALL_TALK[number])
        self.decided.append(decided)
        return decided

    async def break_(self, service: str, fault: str) -> None:
        if service == "database":
            await self._break_database(full=fault in ("500", "cuts", "garbage"))
            return
        server = self.servers[service]
        match fault:
            case "refuses":
                await server.stop()
            case "hangs":
                server.fail(Fault.HANG)
            case "429":
                server.fail(Fault.STATUS, status=429, retry_after=0.2)
            case "500":
                server.fail(Fault.STATUS, status=500)
            case "cuts":
                server.fail(Fault.CUT if service == "ollama" else Fault.DROP)
            case "garbage":
                server.fail(Fault.GARBAGE if service == "ollama" else Fault.BROKEN)

    async def _break_database(self, *, full: bool) -> None:
        if full:
            async with self.app.db.write() as connection:
                pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
                await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        else:
            self._lock = sqlite.connect(self.folder / DATABASE_FILE, isolation_level=None, check_same_thread=False)
            self._lock.execute("BEGIN IMMEDIATE")

    async def heal(self) -> None:
        for server in self.servers.values():
            server.heal()
            if server._runner is None:
                await server.start()
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        with suppress(SQLAlchemyError):
            async with self.app.db.write() as connection:
                await connection.exec_driver_sql("PRAGMA max_page_count = 1073741823")

    async def recover(self) -> None:
        """Let everything be done that waits."""
        await asyncio.sleep(0.1)  # the cooldown of the breakers
        await asyncio.wait_for(self.app.intake.drain(), 20)
        assert self.app.flusher is not None
        for _ in range(20):
            self.clock.advance(3600)
            await self.app.flusher.flush_all()
            await self.app.indexer.drain()
            if not await self.app.indexer.backlog() and not (await self.states())[MessageState.PENDING]:
                return
            await asyncio.sleep(0.1)
        pytest.fail("something waits that could be done")

    async def states(self) -> Counter[str]:
        async with self.app.db.read() as connection:
            return Counter(await connection.scalars(select(messages.c.state)))

    async def check(self, *, extracted: bool) -> None:
        """Everything accepted is there once, in one state; memories are there once, in SQL and in the index."""
        async with self.app.db.read() as connection:
            logged = list(await connection.scalars(select(messages.c.id)))
            texts = Counter(await connection.scalars(select(memories.c.text)))
            ids = set(await connection.scalars(select(memories.c.id)))
            left = (
                (await connection.execute(select(outbox.c.seq))).all(),
                (await connection.execute(select(batches))).all(),
            )
        assert sorted(logged) == sorted(self.accepted)
        assert (await self.states()).keys() <= {MessageState.EXTRACTED, MessageState.SKIPPED, MessageState.DEAD}
        assert set(texts.values()) <= {1}
        if extracted:
            assert texts == Counter({f"The {decided}.": 1 for decided in self.decided})
        indexed = [memory_id async for memory_id in self.app.index.memory_ids()]
        assert sorted(indexed) == sorted(ids)
        assert left == ([], [])


@asynccontextmanager
async def open_scene(folder: Path, clock: FakeClock) -> AsyncIterator[Scene]:
    """A program that has made one memory and waits with messages for another."""
    async with LoopbackOllama() as ollama, LoopbackOpenAI(api_key="k") as openai, LoopbackQdrant() as qdrant:
        ollama.answer = decisions_as_memories
        settings = load_settings(
            None,
            data_dir=folder,
            ollama_base_url=ollama.url,
            openai_base_url=openai.api_url,
            openai_api_key="k",
            mem0_qdrant_url=qdrant.url,
        )
        async with open_app(settings, extract=True, patient=True, clock=clock) as app:
            writer = asyncio.create_task(app.intake.run())
            servers: dict[str, LoopbackServer] = {"ollama": ollama, "embeddings": openai, "qdrant": qdrant}
            scene = Scene(app, clock, folder, servers)
            try:
                scene.decide(0)
                await app.intake.drain()
                await scene.recover()
                scene.decide(1)
                await app.intake.drain()
                yield scene
            finally:
                await scene.heal()
                await app.intake.stop()
                await writer


async def operate(scene: Scene, operation: str, *, service: str) -> None:
    """Do it while the service fails; only a database may keep it from being done, and says so."""
    app = scene.app
    may_fail = suppress(SQLAlchemyError) if service == "database" else nullcontext()
    match operation:
        case "intake":
            scene.decide(2)
            if service != "database":
                await asyncio.wait_for(app.intake.drain(), 5)
        case "flush":
            assert app.flusher is not None
            with may_fail:
                await asyncio.wait_for(app.flusher.flush_channel(CHANNEL), 20)
        case "recall":
            result = await asyncio.wait_for(app.recall.search(query(scene.decided[0])), 5)
            assert any(scene.decided[0] in hit.text for hit in result.hits)
            down = service in ("embeddings", "qdrant")
            assert bool(result.notes) == down, result.notes
        case "remember":
            text = f"The {canary()} is kept on purpose."
            with may_fail:
                await asyncio.wait_for(remember(scene, text), 5)
                scene.decided.append(text[4:-1])
        case "forget":
            async with app.db.read() as connection:
                (memory_id,) = await connection.scalars(select(memories.c.id))
            with may_fail:
                await asyncio.wait_for(app.services.own.forget(memory_id, Asker(AUTHOR, GUILD)), 5)
                del scene.decided[0]


def query(text: str) -> RecallQuery:
    return RecallQuery(guild_id=GUILD, text=text, channel_ids=frozenset({CHANNEL}))


async def remember(scene: Scene, text: str) -> None:
    interaction = snowflake.from_ms(NOW_MS)
    await scene.app.services.own.remember(
        guild_id=GUILD, channel_id=CHANNEL, author_id=AUTHOR, message_id=interaction, text=text
    )


async def play(case: Case, folder: Path, clock: FakeClock) -> None:
    service, fault, operation = case
    async with open_scene(folder, clock) as scene:
        await scene.break_(service, fault)
        await operate(scene, operation, service=service)
        with suppress(ServiceError, SQLAlchemyError):
            await scene.app.indexer.drain()
        await scene.heal()
        await scene.recover()
        unusable = service == "ollama" and fault in ("cuts", "garbage") and operation == "flush"
        await scene.check(extracted=not unusable)


@pytest.mark.parametrize("case", FAST, ids="-".join)
@pytest.mark.matrix
async def test_nothing_is_lost_and_nothing_is_doubled(case: Case, migrated_dir: Path, clock: FakeClock) -> None:
    await play(case, migrated_dir, clock)


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in ALL if case not in FAST], ids="-".join)
async def test_nothing_is_lost_and_nothing_is_doubled_whatever_meets(
    case: Case, migrated_dir: Path, clock: FakeClock
) -> None:
    await play(case, migrated_dir, clock)


PATHS = {"embeddings": "/embeddings", "qdrant": "/collections"}


@pytest.mark.parametrize("service", PATHS)
@pytest.mark.matrix
async def test_a_service_that_asks_to_wait_is_left_alone_for_so_long(
    service: str, migrated_dir: Path, clock: FakeClock
) -> None:
    async with open_scene(migrated_dir, clock) as scene:
        server = scene.servers[service]
        server.requests.clear()
        server.fail(Fault.STATUS, path=PATHS[service], status=429, retry_after=1)
        assert scene.app.flusher is not None
        flush = asyncio.create_task(scene.app.flusher.flush_channel(CHANNEL))
        await eventually(lambda: server.asked(PATHS[service]))
        await asyncio.sleep(0.7)
        assert len(server.asked(PATHS[service])) == 1
        server.heal()
        await flush
        await scene.recover()
        await scene.check(extracted=True)
        assert len(server.asked(PATHS[service])) > 1
