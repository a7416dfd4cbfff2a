"""Measures how long recall takes as the log grows: `python bench/recall_scale.py [MESSAGES …] [--data-dir FOLDER]`.

Makes a server of 500 channels and 2,000 people who say made-up words, as frequent as words are in real chats (Zipf's
law), with one memory for every ten messages, in a real database, and asks it questions of two to six words, as somebody
who may read all channels, half of them, twenty, and one. No embeddings: the time of the embedding call comes on top.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import snowflake
from bot.domain.clock import system_clock
from bot.domain.model import MemoryKind, MemoryOrigin, MemoryState, MessageState
from bot.index import NoIndex
from bot.index.outbox import Outbox
from bot.memories.store import MemoryStore
from bot.observe.directory import Directory, write_names
from bot.recall import Recall, RecallQuery
from bot.storage.engine import Database, open_database
from bot.storage.schema import channels, citations, memories, messages
from bot.text.fulltext import FullText, FullTextEntry

SIZES = (10_000, 100_000, 1_000_000)
GUILD = 1
CHANNELS = range(1_000, 1_500)
PEOPLE = range(10_000, 12_000)
WORDS = 60_000
ZIPF = (8, 1.05)  # offset and exponent: the most frequent word is in 15 % of messages, the 300th in 0.4 %
MEMORY_EVERY = 10
GROUP = 20_000
SECONDS_APART = 3
QUESTIONS = 200
WARM_UP = 20
Row = dict[str, Any]
FIRST_MS = snowflake.EPOCH_MS + 10 * 365 * 86_400_000


class Speech:
    """Made-up words, and sentences of them."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.words = [self._word(number) for number in range(WORDS)]
        offset, exponent = ZIPF
        self._weights = list(itertools.accumulate((rank + offset) ** -exponent for rank in range(WORDS)))

    def sentence(self, words: int) -> str:
        """So many words, each as frequent as its rank says."""
        return " ".join(self._rng.choices(self.words, cum_weights=self._weights, k=words))

    def question(self) -> str:
        """Two to six words, some of them frequent, some rare."""
        ranks = [range(60), range(60), range(60, 1000), range(60, 1000), range(1000, 20_000), range(1000, 20_000)]
        asked = self._rng.sample(ranks, self._rng.randint(2, 6))
        return "what is the " + " ".join(self.words[self._rng.choice(among)] for among in asked) + "?"

    def _word(self, number: int) -> str:
        syllables = [self._rng.choice("bdfgklmnprtvz") + self._rng.choice("aeiou") for _ in range(2 + number % 3)]
        return "".join(syllables) + self._rng.choice("mnrtk")


def main() -> None:
    """Print a table, one line for each size and kind of asker."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("messages", type=int, nargs="*", default=SIZES, help="sizes of the log")
    parser.add_argument("--data-dir", type=Path, help="keep the databases here and use those that are there")
    options = parser.parse_args()
    heads = ("median ms", "95 %", "worst", "95 % busy")  # busy: processor time, for a machine with other work
    print(f"{'messages':>10} {'memories':>9} {'asker reads':>12}", *map("{:>9}".format, heads))
    with tempfile.TemporaryDirectory() as scratch:
        for size in options.messages:
            folder = (options.data_dir or Path(scratch)) / str(size)
            asyncio.run(run(size, folder, fresh=not folder.exists()))


async def run(size: int, folder: Path, *, fresh: bool) -> None:
    """Fill a database of `size` messages if it is fresh, and ask it."""
    rng = random.Random(size)
    speech = Speech(rng)
    async with open_database(None, folder) as db:
        fulltext = FullText(db.dialect)
        if fresh:
            await fill(db, fulltext, speech, rng, size)
        recall = Recall(
            db, fulltext, NoIndex(), Directory(db), MemoryStore(db, fulltext, system_clock, Outbox(system_clock).add)
        )
        everything = list(CHANNELS)
        askers: dict[str, Callable[[], Sequence[int]]] = {
            "all": lambda: everything,
            "half": lambda: rng.sample(everything, len(everything) // 2),
            "twenty": lambda: rng.sample(everything, 20),
            "one": lambda: rng.sample(everything, 1),
        }
        gc.collect()
        gc.freeze()  # the words of this benchmark are no part of what it measures
        for name, readable in askers.items():
            took = [await ask(recall, speech.question(), readable()) for _ in range(WARM_UP + QUESTIONS)][WARM_UP:]
            wall, busy = (sorted(of) for of in zip(*took, strict=True))
            figures = (statistics.median(wall), percentile(wall), wall[-1], percentile(busy))
            print(f"{size:>10,} {size // MEMORY_EVERY:>9,} {name:>12}", *map("{:>9.0f}".format, figures), flush=True)


def percentile(ascending: Sequence[float]) -> float:
    """The 95th percentile."""
    return ascending[len(ascending) * 95 // 100]


async def ask(recall: Recall, text: str, readable: Sequence[int]) -> tuple[float, float]:
    """Milliseconds that one question takes, on the wall and of the processor."""
    started, busy = time.perf_counter(), time.process_time()
    await recall.search(RecallQuery(guild_id=GUILD, text=text, channel_ids=frozenset(readable)))
    return 1000 * (time.perf_counter() - started), 1000 * (time.process_time() - busy)


async def fill(db: Database, fulltext: FullText, speech: Speech, rng: random.Random, size: int) -> None:
    """Put messages and memories in; past the log's own checks, which are measured elsewhere."""
    async with db.write() as connection:
        known = [{"channel_id": channel, "guild_id": GUILD} for channel in CHANNELS]
        await connection.execute(insert(channels), known)
        await write_names(connection, db.dialect, {(GUILD, user_id): f"member{user_id}" for user_id in PEOPLE})
    said = make_messages(speech, rng, size)
    while rows := list(itertools.islice(said, GROUP)):
        async with db.write() as connection:
            await connection.execute(insert(messages), rows)
            await fulltext.add(connection, "messages", [entry(row["id"], row, row["content"]) for row in rows])
            await remember(connection, fulltext, speech, rows[::MEMORY_EVERY])


def make_messages(speech: Speech, rng: random.Random, size: int) -> Iterator[Row]:
    """Messages in order; channels are of very different sizes, messages of very different lengths."""
    busy = list(itertools.accumulate((rank + 5) ** -0.8 for rank in range(len(CHANNELS))))
    for number in range(size):
        yield {
            "id": snowflake.from_ms(FIRST_MS + 1000 * SECONDS_APART * number),
            "guild_id": GUILD,
            "channel_id": rng.choices(CHANNELS, cum_weights=busy)[0],
            "author_id": rng.choice(PEOPLE),
            "content": speech.sentence(min(80, max(1, round(rng.lognormvariate(2.1, 0.7))))),
            "logged_ms": 0,
            "state": MessageState.EXTRACTED,
        }


async def remember(connection: AsyncConnection, fulltext: FullText, speech: Speech, cited: Sequence[Row]) -> None:
    """One memory for each of these messages."""
    rows = [
        {
            "id": str(uuid.UUID(int=row["id"])),
            "guild_id": GUILD,
            "kind": MemoryKind.DECISION,
            "text": speech.sentence(12),
            "state": MemoryState.CURRENT,
            "origin": MemoryOrigin.EXTRACTED,
            "version": 1,
            "said_id": row["id"],
            "created_ms": 0,
            "updated_ms": 0,
        }
        for row in cited
    ]
    await connection.execute(insert(memories), rows)
    stands_on = zip(rows, cited, strict=True)
    await connection.execute(
        insert(citations),
        [
            {
                "memory_id": memory["id"],
                "message_id": row["id"],
                "channel_id": row["channel_id"],
                "author_id": row["author_id"],
            }
            for memory, row in stands_on
        ],
    )
    newest = select(memories.c.seq, memories.c.text).order_by(memories.c.seq.desc()).limit(len(rows))
    made = [(int(row.seq), str(row.text)) for row in await connection.execute(newest)][::-1]
    found = [entry(seq, row, text) for (seq, text), row in zip(made, cited, strict=True)]
    await fulltext.add(connection, "memories", found)


def entry(rowid: int, said: Row, text: str) -> FullTextEntry:
    """What the full-text index learns of a message, or of the memory that cites it."""
    return FullTextEntry(rowid, GUILD, said["channel_id"], (said["author_id"],), text)


if __name__ == "__main__":
    main()
