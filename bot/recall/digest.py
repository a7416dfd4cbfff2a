"""What a digest tells: the memories of a stretch of time, for everybody who reads one channel.

It tells memories alone, never the log, so that it lasts as long as they do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from bot.domain import Memory, MemoryKind, snowflake
from bot.recall.hits import memory_hit
from bot.recall.overview import Entry, OverviewSection, Part
from bot.storage import chunks, memories

if TYPE_CHECKING:
    from bot.recall.catchup import CatchUp, Happened
    from bot.storage import Database

LATE_MS = 7 * 24 * 60 * 60 * 1000
"""What was said so long before, and read by the model only now, is told now."""

TOPICS, DECISIONS, PLANS, QUESTIONS = 4, 3, 3, 2
"""Lines of each kind: one screen, and below the 4,000 characters of a view."""


_PARTS = {
    MemoryKind.TOPIC: Part.TOPIC,
    MemoryKind.DECISION: Part.DECISION,
    MemoryKind.PLAN: Part.PLAN,
    MemoryKind.QUESTION: Part.QUESTION,
}


@dataclass(frozen=True, slots=True)
class DigestPeriod:
    """The time that a digest tells of, in milliseconds since 1970.

    Attributes:
        first_ms: what was said from then on.
        last_ms: up to then.
        looked_ms: when what came before was looked up; what is known only since then is told as well.
    """

    first_ms: int
    last_ms: int
    looked_ms: int


class DigestLines:
    """Chooses what a digest tells."""

    def __init__(self, db: Database, catchup: CatchUp) -> None:
        self._db = db
        self._catchup = catchup

    async def of(self, period: DigestPeriod, readable: frozenset[int]) -> list[Memory]:
        """The memories to tell, kind by kind, of all that cites `readable` channels alone."""
        first, last = snowflake.from_ms(period.first_ms), snowflake.from_ms(period.last_ms)
        before = snowflake.from_ms(period.first_ms - LATE_MS)
        happened = await self._catchup.since(readable, first, last - 1, readable=readable)
        earlier = await self._catchup.since(readable, before, first - 1, readable=readable)
        late = await self._known_since(period.looked_ms, (memory.id for memory in earlier.memories))
        chosen: list[Memory] = []
        for (now, most), (then, _) in zip(_kinds(happened), _kinds(earlier), strict=True):
            known = {memory.id for memory in now}
            chosen += [*now, *(memory for memory in then if memory.id in late - known)][:most]
        return chosen

    async def _known_since(self, ms: int, ids: Iterable[str]) -> frozenset[str]:
        """Those of these memories that were made after this local time."""
        late: set[str] = set()
        async with self._db.read() as connection:
            for chunk in chunks(ids):
                query = select(memories.c.id).where(memories.c.id.in_(chunk), memories.c.created_ms > ms)
                late.update(await connection.scalars(query))
        return frozenset(late)


def sections_of(chosen: Sequence[Memory]) -> list[OverviewSection]:
    """What is told, kind by kind, ready to be written."""
    sections = []
    for kind, part in _PARTS.items():
        entries = tuple(Entry(part, memory_hit(memory)) for memory in chosen if memory.kind is kind)
        if entries:
            sections.append(OverviewSection(entries, part))
    return sections


def _kinds(happened: Happened) -> Sequence[tuple[tuple[Memory, ...], int]]:
    """Each kind, with how many lines it gets."""
    return (
        (happened.topics, TOPICS),
        (happened.decisions, DECISIONS),
        (happened.plans, PLANS),
        (happened.questions, QUESTIONS),
    )
