"""Whatever members write: it is read, asked for, remembered and forgotten, and nothing waits for it."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.domain import Hit, Message, MessageState, snowflake
from bot.llm.loading import load_settings
from bot.memories import Asker, ForgetOutcome
from bot.observe import Said
from bot.recall import RecallQuery
from bot.run import App, open_app
from bot.storage import memories, messages, outbox
from cogs.rendering import plain_line, safe
from tests.fixtures.hostile import APOSTROPHES, hostile_messages
from tests.loopback.ollama import LoopbackOllama

GUILD, CHANNEL, ADA, BEN = 10, 20, 30, 31
NAMES = {ADA: "Ada", BEN: "Ben"}
AT_ONCE = 1.0
"""Seconds of processor time that the event loop may be held: Discord waits three for an answer."""
FOR_ALL = 60.0
"""Seconds of processor time for all messages, the model's included."""
PROPOSED = 100
"""Characters of a line that are proposed: what the answers of a stretch have room for."""
LINE = re.compile(r"^(\d+) @[A-Z]{1,2}(?: to @[A-Z]{1,2})?(?:, \w{3} [^:\n]+ \d\d:\d\d)?: (.+)$", re.MULTILINE)


def every_line(request: dict[str, Any]) -> str:
    """A model that proposes each line as a memory, and agrees with each statement."""
    wanted = request["format"]["properties"]
    if "verdicts" in wanted:
        kept = {"said": True, "lasting": True, "private": False, "relation": "new", "memory": []}
        numbers = range(1, wanted["verdicts"]["maxItems"] + 1)
        return json.dumps({"verdicts": [{"n": n} | kept for n in numbers]})
    lines = LINE.findall(request["messages"][-1]["content"].partition("Lines:\n")[2])
    proposed = [{"text": text[:PROPOSED], "kind": "answer", "lines": [int(number)]} for number, text in lines]
    return json.dumps({"topics": [], "memories": proposed[: wanted["memories"]["maxItems"]]}, ensure_ascii=False)


class Pulse:
    """How long the event loop was held at most, in seconds of processor time."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def beat(self) -> None:
        """Measure from now on."""
        while True:
            start = time.thread_time()
            await asyncio.sleep(0.005)
            self.longest = max(self.longest, time.thread_time() - start)


@asynccontextmanager
async def opened(folder: Path, ollama: LoopbackOllama) -> AsyncIterator[tuple[App, Pulse]]:
    """The program with a model that keeps everything, and its pulse."""
    ollama.answer = every_line
    settings = load_settings(
        None,
        data_dir=folder,
        ollama_base_url=ollama.url,
        embedding_provider="ollama",
        embedding_model="nomic-embed-text",
        embedding_dims=768,
    )
    async with open_app(settings, extract=True, patient=True) as app:
        pulse = Pulse()
        beating = asyncio.create_task(pulse.beat())
        try:
            yield app, pulse
        finally:
            beating.cancel()


async def say(app: App, texts: Iterable[str]) -> list[Message]:
    """Have two members say them in turn, each in a message of its own."""
    first = snowflake.from_ms(app.services.clock() - 3_600_000)
    said = [
        Message(
            id=first + (number << 22),
            guild_id=GUILD,
            channel_id=CHANNEL,
            author_id=(ADA, BEN)[number % 2],
            content=text,
        )
        for number, text in enumerate(texts)
    ]
    await app.log.append([Said(message, NAMES[message.author_id]) for message in said])
    return said


async def work_off(app: App) -> None:
    """Make memories of everything that waits, and index them."""
    assert app.flusher is not None
    await app.flusher.flush_all()
    await app.indexer.drain()


async def states(app: App) -> Counter[str]:
    async with app.db.read() as connection:
        return Counter(await connection.scalars(select(messages.c.state)))


async def rows(app: App, *tables: Any) -> list[int]:  # noqa: ANN401 - tables of any shape
    async with app.db.read() as connection:
        return [await connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


async def hits_of(app: App, text: str) -> tuple[Hit, ...]:
    """What recall finds, rendered as Discord would show it."""
    query = RecallQuery(guild_id=GUILD, text=text[:300], channel_ids=frozenset({CHANNEL}), asker_id=ADA)
    hits = (await app.recall.search(query)).hits
    for hit in hits:
        assert len(safe(hit.text, NAMES, limit=1_000)) <= 1_000
        assert len(plain_line(hit.text, NAMES, limit=100)) <= 100
    return hits


async def test_a_line_of_apostrophes_is_worked_off_at_once(tmp_path: Path, ollama_server: LoopbackOllama) -> None:
    async with opened(tmp_path, ollama_server) as (app, pulse), asyncio.timeout(60):
        (message,) = await say(app, [APOSTROPHES])
        await work_off(app)
        assert await states(app) == {MessageState.EXTRACTED: 1}
        (hit, *_) = await hits_of(app, "who likes green coffee?")
        assert message.id in hit.message_ids
    assert ollama_server.asked("/api/chat")
    assert pulse.longest < AT_ONCE


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_hostile_messages_are_read_asked_for_remembered_and_forgotten(
    tmp_path: Path, ollama_server: LoopbackOllama, caplog: pytest.LogCaptureFixture
) -> None:
    texts = hostile_messages(200)
    start = time.process_time()
    async with opened(tmp_path, ollama_server) as (app, pulse):
        said = await say(app, [text for _, text in texts])
        await work_off(app)
        assert await states(app) == {MessageState.EXTRACTED: len(said)}
        assert await rows(app, outbox) == [0]

        for number, ((word, text), message) in enumerate(zip(texts, said, strict=True)):
            assert any(message.id in hit.message_ids for hit in await hits_of(app, word)), text[:80]
            if number % 2:
                await hits_of(app, text)
            await remember_and_forget(app, f"{word} {text}")
        await work_off(app)

        ids = [message.id for message in said]
        await app.erasure.erase_messages(GUILD, CHANNEL, ids)
        await work_off(app)
        assert await rows(app, messages, memories, outbox) == [0, 0, 0]
        assert await app.index.count() == 0
    assert "Recall goes without the index" not in caplog.text
    assert pulse.longest < AT_ONCE
    assert time.process_time() - start < FOR_ALL


async def remember_and_forget(app: App, text: str) -> None:
    asker = Asker(ADA, GUILD, readable=frozenset({CHANNEL}))
    memory = await app.services.own.remember(
        guild_id=GUILD,
        channel_id=CHANNEL,
        author_id=ADA,
        message_id=snowflake.from_ms(app.services.clock()),
        text=text[:1_000],
    )
    assert (await app.store.get([memory.id])).keys() == {memory.id}
    assert await app.services.own.forget(memory.id, asker) is ForgetOutcome.REMOVED
    assert await app.store.get([memory.id]) == {}
