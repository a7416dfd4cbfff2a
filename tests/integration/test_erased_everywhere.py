"""Each way of erasing, with the real embedded index: neither words nor ids are left in any file under DATA_DIR."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.consent import SubjectHasher
from bot.storage.engine import Database
from tests.fixtures.index import IndexOpener
from tests.fixtures.memory import Pipeline
from tests.fixtures.storage import FakeClock
from tests.integration.test_erasure import ALICE, CANARIES, ERASURES, fill


def files_with(folder: Path, needle: bytes) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and needle in path.read_bytes()]


@pytest.mark.parametrize("way", ERASURES)
async def test_no_file_holds_words_memories_or_vectors_of_what_was_erased(
    way: str, database: Database, open_edge: IndexOpener, clock: FakeClock, data_dir: Path
) -> None:
    async with open_edge() as index:
        pipeline = Pipeline(database, await SubjectHasher.load(database), clock)
        pipeline.index = index  # type: ignore[assignment] # the real one
        pipeline.restart()
        said = await fill(pipeline)
        await pipeline.indexer.drain()
        needles = [word.encode() for word in CANARIES]
        ids = [memory.id for memory in await pipeline.memories() if ALICE in memory.author_ids]
        assert ids
        assert all(files_with(data_dir, needle) for needle in needles)
        assert await index.count_citing(ALICE, None) == len(ids)
        await ERASURES[way](pipeline, said)
        await pipeline.indexer.drain()
        await database.sweep()
        assert await index.count_citing(ALICE, None) == 0
        for needle in [*needles, *(memory_id.encode() for memory_id in ids)]:
            assert files_with(data_dir, needle) == [], needle
