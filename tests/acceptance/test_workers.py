"""Workers: several processes flush what is in one database, and are killed while they do."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from bot.domain.clock import system_clock
from bot.domain.model import Message
from bot.guilds.consent import Consents, SubjectHasher
from bot.index.marks import MARK
from bot.observe.messagelog import MessageLog, Said
from bot.remember.leases import LEASE_SECONDS
from bot.storage.engine import Database, open_database
from bot.storage.schema import batches, citations, memories, messages, outbox
from bot.text.fulltext import FullText
from tests.acceptance.community import decisions_as_memories
from tests.fixtures.commandline import CommandLine
from tests.fixtures.postgres import PostgresServer, server_programs
from tests.fixtures.process import OPENAI_KEY, ROOT
from tests.loopback.discord import eventually
from tests.loopback.discord_world import Json
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI
from tests.loopback.qdrant import LoopbackQdrant

MODEL_SECONDS = 0.5
DECIDED = "We decided that"
GUILDS = (91, 92, 93)
CHANNELS_EACH = 4
SETTINGS_FAULT = 2
MESSAGES = int(os.environ.get("WORKER_MESSAGES", "400"))
"""How many come in while workers are killed; more in a longer run."""


@pytest.mark.slow
async def test_a_worker_says_what_it_lacks(command_line: CommandLine) -> None:
    ran = await command_line("worker")
    assert ran.code == SETTINGS_FAULT
    faults = ran.err.splitlines()
    assert [re.match(r"error: (\w+)", fault)[1] for fault in faults] == [  # type: ignore[index]
        "DATABASE_URL",
        "MEM0_QDRANT_URL",
        "OPENAI_API_KEY",
    ]


@dataclass
class Workers:
    """Worker processes on one database, between loopback servers.

    Attributes:
        log: the message log, in the test's own process.
    """

    db: Database
    log: MessageLog
    ollama: LoopbackOllama
    qdrant: LoopbackQdrant
    folder: Path
    environment: dict[str, str]
    running: list[asyncio.subprocess.Process] = field(default_factory=list)
    _starts: int = 0

    async def start(self) -> asyncio.subprocess.Process:
        """One more."""
        self._starts += 1
        with (self.folder / f"worker-{self._starts}.log").open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot",
                "worker",
                cwd=self.folder,
                env=self.environment | {"DATA_DIR": str(self.folder / f"data-{self._starts}")},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
            )
        self.running.append(process)
        return process

    async def end(self, process: asyncio.subprocess.Process, number: signal.Signals) -> int:
        """Send one of them a signal, and wait."""
        process.send_signal(number)
        self.running.remove(process)
        return await asyncio.wait_for(process.wait(), 20)

    def logs(self) -> str:
        """What all of them wrote."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("worker-*.log")))

    async def cut_off(self) -> None:
        """End every connection to the database, as a server does that is restarted; the test's own, too."""
        others = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() ORDER BY random()"
        )
        async with self.db.read() as connection:
            await connection.execute(others)

    async def settled(self) -> None:
        """Wait until every message has its end state, and the index knows."""
        left = True
        while left:
            await asyncio.sleep(0.5)
            async with self.db.read() as connection:
                pending = await connection.scalar(select(messages.c.id).where(messages.c.state == "pending").limit(1))
                behind = await connection.scalar(select(outbox.c.seq).limit(1))
            left = (pending or behind) is not None


if server_programs() is not None:

    @pytest.fixture
    async def workers(postgres_server: PostgresServer, tmp_path: Path) -> AsyncIterator[Workers]:
        """No worker runs yet."""
        async with (
            postgres_server.database() as url,
            LoopbackOllama(answer=_slow_model) as ollama,
            LoopbackOpenAI(api_key=OPENAI_KEY) as openai,
            LoopbackQdrant() as qdrant,
            _log_of(url, tmp_path) as (db, log),
        ):
            environment = {
                "PATH": os.environ.get("PATH", ""),
                "HOME": str(tmp_path),
                "PYTHONPATH": str(ROOT),
                "PYTHONUNBUFFERED": "1",
                "DATABASE_URL": url,
                "MEM0_QDRANT_URL": qdrant.url,
                "OLLAMA_BASE_URL": ollama.url,
                "OPENAI_BASE_URL": openai.api_url,
                "OPENAI_API_KEY": OPENAI_KEY,
                "FLUSH_BATCH_SIZE": "10",
                "FLUSH_INTERVAL_SECONDS": "1",
            }
            group = Workers(db, log, ollama, qdrant, tmp_path, environment)
            try:
                yield group
            finally:
                for process in list(group.running):
                    await group.end(process, signal.SIGKILL)
                print(group.logs()[-8000:])

    @pytest.mark.slow
    @pytest.mark.timeout(600)
    async def test_workers_that_are_killed_lose_and_double_nothing_and_keep_the_order(workers: Workers) -> None:
        rng = random.Random(5)
        for _ in range(3):
            await workers.start()
        coming = asyncio.create_task(_talk(workers.log, rng))
        await eventually(lambda: "Working" in workers.logs(), within=60, what="a worker at work")
        while not coming.done():
            await asyncio.sleep(rng.uniform(2.0, 6.0))
            await workers.end(rng.choice(workers.running), signal.SIGKILL)
            await workers.start()
        said = await coming
        for _ in range(4):
            await asyncio.sleep(rng.uniform(2.0, 6.0))
            await workers.end(rng.choice(workers.running), signal.SIGKILL)
            await workers.start()
        await workers.settled()
        assert [await workers.end(process, signal.SIGTERM) for process in list(workers.running)] == [0, 0, 0]
        await _nothing_lost_doubled_or_out_of_order(workers, said)

    @pytest.mark.slow
    @pytest.mark.timeout(600)
    async def test_workers_that_stand_still_or_are_cut_off_lose_and_double_nothing_and_keep_the_order(
        workers: Workers,
    ) -> None:
        """Two in turn hang for longer than its leases hold and go on; and the server ends every connection."""
        for _ in range(3):
            await workers.start()
        await eventually(lambda: workers.logs().count("Working") == 3, within=60, what="three workers at work")
        coming = asyncio.create_task(_talk(workers.log, random.Random(11)))
        for process in workers.running[:2]:
            process.send_signal(signal.SIGSTOP)
            for _ in range(4):
                await asyncio.sleep(LEASE_SECONDS / 3)
                await workers.cut_off()
            process.send_signal(signal.SIGCONT)
        said = await coming
        await workers.settled()
        assert [await workers.end(process, signal.SIGTERM) for process in list(workers.running)] == [0, 0, 0]
        await _nothing_lost_doubled_or_out_of_order(workers, said)

    @pytest.mark.slow
    async def test_no_message_is_asked_about_by_two_workers(workers: Workers) -> None:
        for _ in range(3):
            await workers.start()
        await eventually(lambda: workers.logs().count("Working") == 3, within=60, what="three workers at work")
        said = await _talk(workers.log, random.Random(7), pause=0.0)
        await workers.settled()
        chats = [
            chat.body for chat in workers.ollama.asked("/api/chat") if "memories" in chat.body["format"]["properties"]
        ]
        prompts = [chat["messages"][-1]["content"].rsplit("Lines:", 1)[-1] for chat in chats]
        asked = Counter(message.content for message in said for prompt in prompts if message.content in prompt)
        assert len(asked) == len(said)
        assert max(asked.values()) == 1


async def _nothing_lost_doubled_or_out_of_order(workers: Workers, said: list[Message]) -> None:
    cited = select(memories.c.id, memories.c.seq, citations.c.message_id, citations.c.channel_id)
    cited = cited.join(citations, citations.c.memory_id == memories.c.id).order_by(memories.c.seq)
    async with workers.db.read() as connection:
        states = Counter(await connection.scalars(select(messages.c.state)))
        made = (await connection.execute(cited)).all()
        in_hand = (await connection.execute(select(batches))).all()
    assert states == {"extracted": len(said)}
    assert in_hand == []
    decided = sorted(message.id for message in said if message.content.startswith(DECIDED))
    assert sorted(row.message_id for row in made) == decided
    in_channels = defaultdict(list)
    for row in made:
        in_channels[row.channel_id].append(row.message_id)
    assert all(ids == sorted(ids) for ids in in_channels.values())
    (collection,) = (each.name for each in workers.qdrant.engine.get_collections().collections)
    points, _ = workers.qdrant.engine.scroll(collection, limit=10 * len(said))
    assert len([point for point in points if point.id != MARK]) == len(decided)


async def _talk(log: MessageLog, rng: random.Random, pause: float = 0.5) -> list[Message]:
    """Talk in many channels, each sixth message of one a decision, in words of its own, a few at a time."""
    places = [(guild, guild * 10 + n) for guild in GUILDS for n in range(CHANNELS_EACH)]
    said: list[Message] = []
    in_channel: Counter[int] = Counter()
    while len(said) < MESSAGES:
        few: list[Message] = []
        for _ in range(min(10, MESSAGES - len(said))):
            guild_id, channel_id = rng.choice(places)
            in_channel[channel_id] += 1
            decided = in_channel[channel_id] % 6 == 0
            said_so = DECIDED if decided else "I heard that"
            few.append(
                Message(
                    id=(system_clock() - 1_420_070_400_000 << 22) + len(said) + len(few),
                    guild_id=guild_id,
                    channel_id=channel_id,
                    author_id=rng.randrange(500, 512),
                    content=f"{said_so} the {_word(rng)} {_word(rng)} will use the {_word(rng)} {_word(rng)}",
                )
            )
        await _append(log, few)
        said += few
        await asyncio.sleep(pause)
    return said


async def _append(log: MessageLog, few: list[Message]) -> None:
    """As the bots do it: tried again when the server has ended the connection."""
    while True:
        with suppress(SQLAlchemyError):
            await log.append([Said(message, author_name=f"Member {message.author_id}") for message in few])
            return
        await asyncio.sleep(0.2)


async def _slow_model(request: Json) -> Json:
    """Decisions, after a while: what a process has in hand when it is killed."""
    await asyncio.sleep(MODEL_SECONDS)
    return decisions_as_memories(request)


def _word(rng: random.Random) -> str:
    return "".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(4))


@asynccontextmanager
async def _log_of(url: str, folder: Path) -> AsyncIterator[tuple[Database, MessageLog]]:
    async with open_database(url, folder) as db:
        consents = Consents(db, await SubjectHasher.load(db), system_clock)
        await consents.load()
        yield db, MessageLog(db, FullText(db.dialect), consents, system_clock)
