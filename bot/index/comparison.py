"""Compares the index with the database, and has the outbox bring it to what the database says.

A folder that was swapped for an older copy, or a collection that was restored or removed, is no error that anybody
would notice: recall would find less, and what was erased would be back. Both sides are read in the order of their ids,
a page at a time; what differs gets a row in the outbox, and what the database says when its turn comes is what counts.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from sqlalchemy import select

from bot.index.backlog import DELETE, UPSERT, OutboxPoint
from bot.index.known import PART, point_of
from bot.index.points import PAGE, point_id
from bot.storage import chunks, memories, outbox, set_aside

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.index.backlog import Backlog
    from bot.index.base import VectorIndex
    from bot.index.message_vectors import MessageVectors
    from bot.storage import Database

log = logging.getLogger(__name__)

EVERY_MS: Final = 86_400_000
"""Between two comparisons; the first one is made at the start."""


@dataclass(frozen=True, slots=True)
class Differences:
    """In what an index and its database differ.

    Attributes:
        lacking: points that the index lacks, without those that wait for it anyway.
        unknown: points that it holds and the database does not know.
    """

    lacking: int = 0
    unknown: int = 0


class Gate(Protocol):
    """When a process may compare.

    Attributes:
        mendings: raised each time the index turned out to be in another state than it was left in.
    """

    mendings: int

    @property
    def compares(self) -> bool:
        """Whether this process compares."""

    @property
    def removes(self) -> bool:
        """Whether it removes what the database does not know; what it left is removed as soon as it does."""


class _Always:
    """The index is nobody else's."""

    mendings = 0
    compares = removes = True


ALWAYS: Final[Gate] = _Always()


class IndexComparison:
    """Compares when it is time to.

    Args:
        db: what counts.
        index: is compared with it.
        messages: which messages the index is to hold.
        changes: gets the differences.
        clock: the local clock.
        gate: when this process may compare, and remove what the database does not know.
    """

    def __init__(
        self,
        db: Database,
        index: VectorIndex,
        messages: MessageVectors,
        changes: Backlog,
        clock: Clock,
        gate: Gate = ALWAYS,
    ) -> None:
        self._db = db
        self._index = index
        self._messages = messages
        self._changes = changes
        self._clock = clock
        self._gate = gate
        self._done_ms: int | None = None
        self._mendings = 0
        self._left = False

    @property
    def is_due(self) -> bool:
        """Whether it is time; a clock that was set back makes it so, too."""
        if not self._gate.compares:
            return False
        if self._gate.mendings != self._mendings or (self._left and self._gate.removes):
            return True
        return self._done_ms is None or not 0 <= self._clock() - self._done_ms < EVERY_MS

    async def compare(self) -> Differences:
        """Compare, and enlist what differs.

        Raises:
            ServiceError: the index can't be read now.
        """
        mendings, removes = self._gate.mendings, self._gate.removes
        if await self._index.count() == 0:
            await self._messages.begin_anew()  # they follow the memories, the newest first
        differences, left = Differences(), False
        part: dict[OutboxPoint, str] = {}
        async for point, op in self._differing():
            if op == DELETE and not removes:
                left = True
                continue
            part[point] = op
            if len(part) == PAGE:
                differences = await self._enlist(part, differences)
                part = {}
        differences = await self._enlist(part, differences)
        self._done_ms, self._mendings, self._left = self._clock(), mendings, left
        if differences != Differences():
            log.warning(
                "The index lacks %d memories or messages and holds %d that are gone: it is brought up to date",
                differences.lacking,
                differences.unknown,
            )
        return differences

    async def _differing(self) -> AsyncIterator[tuple[OutboxPoint, str]]:
        """What one side has and the other has not: both come in the order of their ids."""
        held, known = self._index.memory_ids(), self._known()
        point, mine = await anext(held, None), await anext(known, None)
        while point is not None or mine is not None:
            if mine is None or (point is not None and point < mine.id):
                if point is not None:
                    yield point_of(point), DELETE
                point = await anext(held, None)
            elif point is None or mine.id < point:
                yield mine, UPSERT
                mine = await anext(known, None)
            else:
                point, mine = await anext(held, None), await anext(known, None)

    async def _known(self) -> AsyncIterator[OutboxPoint]:
        """What is to be in the index; ids of messages are small numbers, and come before those of memories."""
        message_id = 0
        while ids := await self._messages.told_after(message_id, PAGE):
            for message_id in ids:
                yield OutboxPoint(point_id(message_id), message_id)
        last = ""
        while True:
            following = select(memories.c.id).where(memories.c.id > last).order_by(memories.c.id).limit(PAGE)
            async with self._db.read() as connection:
                memory_ids = list(await connection.scalars(following))
            for last in memory_ids:
                yield OutboxPoint(last, None)
            if not memory_ids:
                return

    async def _enlist(self, differing: Mapping[OutboxPoint, str], before: Differences) -> Differences:
        """Enlist what does not wait already, or was set aside with its reason; all differences until now."""
        if not differing:
            return before
        ids = [point.id for point in differing]
        async with self._db.write() as connection:
            waiting: set[str] = set()
            aside: set[str] = set()
            for chunk in chunks(ids):
                rows = select(outbox.c.memory_id).where(outbox.c.memory_id.in_(chunk))
                waiting.update(await connection.scalars(rows))
                items = select(set_aside.c.item).where(set_aside.c.part == PART, set_aside.c.item.in_(chunk))
                aside.update(await connection.scalars(items))
            new = {
                point: op
                for point, op in differing.items()
                if point.id not in waiting and (op == DELETE or point.id not in aside)
            }
            await self._changes.add(connection, new)
        unknown = sum(op == DELETE for op in new.values())
        return Differences(before.lacking + len(new) - unknown, before.unknown + unknown)
