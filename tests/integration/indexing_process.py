"""Runs as a process that drains the outbox of a data folder a few memories at a time, for tests that kill it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from bot.domain.clock import system_clock
from bot.domain.errors import ServiceError
from bot.index import indexer as indexing
from bot.index.base import IndexEntry
from bot.index.message_vectors import MessageVectors
from bot.index.opening import open_index
from bot.index.outbox import Outbox
from bot.memories.store import MemoryStore
from bot.observe.directory import Directory
from bot.storage.engine import open_database
from bot.storage.installation import Installation
from bot.text.fulltext import FullText
from tests.fixtures.index import BagOfWords


async def main(data_dir: Path) -> None:
    """Drain, saying on standard output when a write begins and ends."""
    async with open_database(None, data_dir) as db:
        installation = Installation(db)
        async with open_index(data_dir=data_dir, embedder=BagOfWords(), installation=installation) as index:
            write = index.upsert

            async def told(entries: Sequence[IndexEntry]) -> dict[str, ServiceError]:
                print("writing", flush=True)
                refused = await write(entries)
                print("wrote", flush=True)
                return refused

            index.upsert = told  # type: ignore[method-assign]
            fulltext = FullText(db.dialect)
            store = MemoryStore(db, fulltext, system_clock, Outbox(system_clock).add)
            vectors = MessageVectors(db, installation, system_clock)
            await indexing.Indexer(db, index, store, Directory(db), system_clock, vectors).drain()


if __name__ == "__main__":
    indexing.BATCH = 3  # type: ignore[misc]
    asyncio.run(main(Path(sys.argv[1])))
