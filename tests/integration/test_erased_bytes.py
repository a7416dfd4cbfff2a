"""What is deleted from the database leaves its files, down to the bytes."""

from __future__ import annotations

import asyncio
import random
import string
from pathlib import Path

import pytest
from sqlalchemy import delete, text

from bot.domain.model import Message
from bot.observe.messagelog import MessageLog
from bot.storage.engine import Database
from bot.storage.schema import messages
from bot.text.fulltext import FullText
from tests.fixtures.storage import SaidFactory


def _word(chance: random.Random) -> str:
    """A word that begins like no other: the full-text index keeps only what differs from the word before."""
    return "".join(chance.choices(string.ascii_lowercase, k=20))


def _found(words: list[str], data_dir: Path) -> list[str]:
    """Words of which the inner letters are in a file, for their first letters may stand elsewhere."""
    on_disk = b"".join(path.read_bytes() for path in data_dir.iterdir())
    return [word for word in words if word[3:15].encode() in on_disk]


async def _erase(database: Database, erased: list[Message]) -> None:
    ids = [message.id for message in erased]
    async with database.write() as connection:
        await connection.execute(delete(messages).where(messages.c.id.in_(ids)))
        await FullText(database.dialect).remove(connection, "messages", ids)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 13])  # in both, SQLite's balancing leaves a copy of an erased message behind
async def test_bytes_of_erased_messages_leave_the_files(
    seed: int, database: Database, log: MessageLog, make_said: SaidFactory, data_dir: Path
) -> None:
    chance = random.Random(seed)
    said = []
    words = {}
    for _ in range(2_000):
        word = _word(chance)
        item = make_said(f"{'chatter ' * chance.randrange(60)}{word} {'and so on ' * chance.randrange(40)}")
        words[item.message.id] = word
        said.append(item)
        if len(said) == 250:
            await log.append(said)
            said.clear()
    assert len(_found(list(words.values()), data_dir)) == len(words)

    everything = sorted(words)
    erased = chance.sample(everything, 600)
    for start in range(0, len(erased), 20):
        found = await log.get(erased[start : start + 20])
        await _erase(database, list(found.values()))
    assert await database.scrub()
    assert len(_found([words[id_] for id_ in erased], data_dir)) <= 3  # what SQLite's balancing left
    await database.sweep()
    assert _found([words[id_] for id_ in erased], data_dir) == []

    kept = sorted(set(everything) - set(erased))
    assert len(await log.get(kept)) == len(kept)


async def test_without_scrubbing_the_bytes_would_still_be_there(
    database: Database, log: MessageLog, make_said: SaidFactory, data_dir: Path
) -> None:
    word = _word(random.Random())
    said = make_said(f"the word is {word}")
    await log.append([said])
    await _erase(database, [said.message])
    assert _found([word], data_dir) == [word]


@pytest.mark.slow
async def test_a_sweep_that_is_cut_short_does_no_harm(
    database: Database, log: MessageLog, make_said: SaidFactory
) -> None:
    await log.append([make_said("x" * 20_000) for _ in range(500)])
    task = asyncio.create_task(database.sweep())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await log.append([make_said()])
    assert sum((await log.count_by_state()).values()) == 501
    async with database.read() as connection:
        assert await connection.scalar(text("PRAGMA integrity_check")) == "ok"


async def test_a_sweep_comes_only_where_something_was_erased(
    database: Database, log: MessageLog, make_said: SaidFactory
) -> None:
    async def free_pages() -> int:
        async with database.read() as connection:
            return int(await connection.scalar(text("PRAGMA freelist_count")) or 0)

    await database.sweep()
    said = [make_said("x" * 20_000) for _ in range(50)]
    await log.append(said)
    await _erase(database, [item.message for item in said])
    assert await free_pages()
    await database.sweep()
    assert await free_pages()  # nothing was scrubbed yet
    await database.scrub()
    async with asyncio.timeout(10):
        while await free_pages():
            await asyncio.sleep(0.01)  # the rest after the first sweep
            await database.sweep()


async def test_a_reader_in_the_way_is_told(database: Database, log: MessageLog, make_said: SaidFactory) -> None:
    await log.append([make_said()])
    async with database.read() as connection:
        await connection.exec_driver_sql("SELECT count(*) FROM messages")
        await log.append([make_said()])
        assert not await database.scrub()
    assert await database.scrub()
