"""What a digest tells: kind by kind, the weightiest first, of its own time and of what was known too late before."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.domain import Citation, Memory, MemoryKind, snowflake
from bot.recall.catchup import CatchUp
from bot.recall.digest import TOPICS, DigestLines, DigestPeriod, sections_of
from bot.recall.overview import Part
from tests.fixtures.memory import Pipeline
from tests.fixtures.storage import CHANNEL, GUILD, NOW_MS

pytestmark = pytest.mark.both_databases

HOUR_MS = 3_600_000
DAY = DigestPeriod(first_ms=NOW_MS - 24 * HOUR_MS, last_ms=NOW_MS, looked_ms=NOW_MS - 24 * HOUR_MS + 1_000)
HERE = frozenset({CHANNEL})


class Kept:
    """A server in which things are remembered at a time that a test chooses."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.lines = DigestLines(pipeline.db, CatchUp(pipeline.db, pipeline.store, pipeline.fulltext))

    async def add(
        self, text: str, hours_ago: float, kind: MemoryKind = MemoryKind.DECISION, *, people: int = 1, known: float = 0
    ) -> None:
        """Something said by so many people so long ago, and known since so many hours ago."""
        said = snowflake.from_ms(NOW_MS - round(hours_ago * HOUR_MS))
        cited = tuple(Citation(said + n, CHANNEL, 100 + n) for n in range(people))
        self.pipeline.clock.ms = NOW_MS - round((known or hours_ago) * HOUR_MS)
        async with self.pipeline.db.write() as connection:
            await self.pipeline.store.add(
                connection, Memory(id=text[:36], guild_id=GUILD, kind=kind, text=text, citations=cited)
            )

    async def told(self, readable: frozenset[int] = HERE) -> list[str]:
        return [memory.text for memory in await self.lines.of(DAY, readable)]


@pytest.fixture
def kept(pipeline: Pipeline) -> Kept:
    return Kept(pipeline)


async def test_topics_come_first_and_what_more_people_said_before_the_rest(kept: Kept) -> None:
    await kept.add("a decision", 2)
    await kept.add("a topic of two", 5, MemoryKind.TOPIC, people=2)
    await kept.add("a topic of five", 6, MemoryKind.TOPIC, people=5)
    assert await kept.told() == ["a topic of five", "a topic of two", "a decision"]
    for number in range(TOPICS):
        await kept.add(f"a small topic {number}", 3, MemoryKind.TOPIC)
    told = await kept.told()
    assert len(told) == TOPICS + 1
    assert told[-1] == "a decision"


async def test_it_tells_of_its_own_time_and_of_what_was_known_too_late_for_the_one_before(kept: Kept) -> None:
    await kept.add("told before", 30)
    await kept.add("read too late", 30, known=20)
    await kept.add("of today", 2)
    await kept.add("long ago, read now", 24 * 20, known=1)
    assert sorted(await kept.told()) == ["of today", "read too late"]


async def test_nothing_of_another_channel_is_told(kept: Kept) -> None:
    await kept.add("of today", 2)
    assert await kept.told(frozenset({CHANNEL + 1})) == []


def test_it_is_written_kind_by_kind() -> None:
    cited = (Citation(1, CHANNEL, 1),)

    def each(kinds: Sequence[MemoryKind]) -> list[Memory]:
        return [Memory(id=str(n), guild_id=1, kind=kind, text="x", citations=cited) for n, kind in enumerate(kinds)]

    sections = sections_of(each([MemoryKind.QUESTION, MemoryKind.TOPIC, MemoryKind.QUESTION, MemoryKind.PLAN]))
    assert [(section.part, len(section.entries)) for section in sections] == [
        (Part.TOPIC, 1),
        (Part.PLAN, 1),
        (Part.QUESTION, 2),
    ]
