"""Brings the vector index up to what the database says, through the outbox."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple

from sqlalchemy import delete, func, insert, literal, or_, select, true, update
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import (
    FAR_MS,
    Clock,
    Memory,
    Message,
    RateLimited,
    ServiceAbsent,
    ServiceError,
    ServiceRejected,
    Step,
    no_step,
    people_in,
    with_names,
)
from bot.index.base import IndexEntry, VectorIndex
from bot.index.message_vectors import MessageVectors
from bot.index.points import point_id
from bot.memories import MemoryStore
from bot.observe import Directory
from bot.storage import Database, chunks, memories, messages, outbox

log = logging.getLogger(__name__)

INDEXING: Final = 1
"""Number of the lock on taking from the outbox: a second process could bring back what the first one just took out."""

BATCH: Final = 256
"""Outbox rows in one go. An embedder at home that takes ten texts a second still answers in time, and what is deleted
meanwhile does not wait for longer than that."""

CATCHING_UP: Final = 1_024
"""With so many rows that wait, nothing older is added to them."""

PATIENCE_SECONDS: Final = 20.0
"""For so long whoever has something else to do waits for the index, which may have all to learn anew, for hours."""

FIRST_DELAY_MS: Final = 1_000
LONGEST_DELAY_MS: Final = 300_000
SHORTEST_PAUSE_SECONDS: Final = 0.5
IDLE_SECONDS: Final = 10.0

Ready = Callable[[], Awaitable[None]]
"""Called before the outbox is taken from, when no other process does: has the index at hand be all that is to be
written. Raises ServiceAbsent where that can't be had here."""


async def always_ready() -> None:
    """The index at hand is all that there is."""


class _Point(NamedTuple):
    """What an outbox row is about.

    Attributes:
        id: of the point, which a memory shares.
        message_id: where it is a message's.
    """

    id: str
    message_id: int | None


class Indexer:
    """Takes memories, and messages where they are embedded, from the database to the vector index.

    What the database says when a row's turn comes is what the index learns: a memory that is there is written, one that
    is not there is deleted, whatever the row was made for. Rows leave the outbox only after the index took what they
    say, and writing the same memory twice leaves it there once, so a crash anywhere costs nothing but repeated work.

    Attributes:
        messages: which messages the index is to hold.
    """

    def __init__(
        self,
        db: Database,
        index: VectorIndex,
        store: MemoryStore,
        directory: Directory,
        clock: Clock,
        messages: MessageVectors,
        step: Step = no_step,
        ready: Ready = always_ready,
    ) -> None:
        self.messages = messages
        self._db = db
        self._index = index
        self._store = store
        self._directory = directory
        self._clock = clock
        self._step = step
        self._ready = ready
        self._one_drain = asyncio.Lock()
        self._awake = asyncio.Event()
        self._outages = 0
        self._looked_into = False

    async def render(self, memory: Memory) -> str:
        """The memory's statement with names in place of `<@user_id>`."""
        return (await self._rendered(memory.guild_id, [memory.text]))[0]

    async def prefetch(self, texts: Sequence[str], *, guild_id: int | None = None) -> list[str]:
        """Embed statements that are about to be searched for and stored, in one request.

        Args:
            texts: statements; people may appear as `<@user_id>`.
            guild_id: server whose names stand in for those references; None leaves the texts as they are.

        Returns:
            The statements as they were embedded: search the index with these.

        Raises:
            ServiceError: the embedding service failed.
        """
        rendered = list(texts) if guild_id is None else await self._rendered(guild_id, texts)
        await self._index.prefetch(rendered)
        return rendered

    async def drain(self, *, within: float = math.inf) -> int:
        """Apply what is due in the outbox; return how many rows were.

        Never raises for a service that fails: its rows stay, wait longer each time, and are tried by a later drain.

        Args:
            within: seconds after which no other batch is begun; deletions come first. Between two batches whoever else
                drains has a turn.
        """
        applied, end = 0, time.monotonic() + within
        try:
            while time.monotonic() < end and (done := await self._apply_batch()):
                applied += done
        except ServiceAbsent as error:
            log.debug("The outbox waits for an index: %s", error)
        except ServiceError as error:
            log.warning("The index could not be brought up to date, trying again later: %s", error)
        else:
            self._outages = 0
        return applied

    async def run(self) -> None:
        """Drain whenever there is something due, until cancelled; fill an index that was lost."""
        while True:
            self._awake.clear()
            try:
                await self._refill()
                await self.drain()
                await self._enlist_messages()
                pause = await self._pause()
            except SQLAlchemyError as error:
                log.warning("The outbox can't be read, trying again later: %s", type(error).__name__)
                pause = IDLE_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), pause)

    def wake(self) -> None:
        """Tell `run` that the outbox has something new."""
        self._awake.set()

    async def backlog(self) -> int:
        """How many outbox rows wait."""
        async with self._db.read() as connection:
            return await connection.scalar(select(func.count()).select_from(outbox)) or 0

    @asynccontextmanager
    async def standing_still(self) -> AsyncIterator[None]:
        """Nothing is taken from the outbox for the time of the block, by no process."""
        async with self._one_drain, self._db.alone(INDEXING):
            yield

    async def entries_of(
        self, memory_ids: Collection[str], message_ids: Collection[int] = frozenset()
    ) -> list[IndexEntry]:
        """Those of these memories and messages that are to be in the index, as it takes them."""
        return await self._entries((await self._known(memory_ids, message_ids)).values())

    async def catch_up(self) -> None:
        """Apply what is due, and then what was in the log before the index was to hold messages."""
        await self.drain()
        while await self.messages.enlist():
            await self.drain()

    async def _apply_batch(self) -> int:
        """Apply one batch; 0 when nothing is due. In a batch too deletions come first: they need no embedding."""
        async with self.standing_still():
            await self._ready()
            due = await self._due()
            if not due:
                return 0
            known = await self._known_of(due.values())
            gone = {seq: point for seq, point in due.items() if point.id not in known}
            if gone:
                await self._take(gone, {}, self._gone(gone), deleting=True)
                await self._db.scrub()
            kept = {seq: point for seq, point in due.items() if point.id in known}
            if kept:
                entries = await self._entries(known.values())
                await self._take(kept, known, self._index.upsert(entries))
            return len(due)

    async def _known_of(self, points: Collection[_Point]) -> dict[str, Memory | Message]:
        spoken = {point.message_id for point in points if point.message_id is not None}
        return await self._known({point.id for point in points if point.message_id is None}, spoken)

    async def _known(self, memory_ids: Collection[str], message_ids: Collection[int]) -> dict[str, Memory | Message]:
        """Those of the memories and messages that are to be in the index, by the ids of their points."""
        memories = await self._store.get(memory_ids) if memory_ids else {}
        return {**memories, **await self.messages.get(message_ids)}

    async def _due(self) -> dict[int, _Point]:
        """The next rows to apply, by seq.

        Deletions come first, however many messages wait to be embedded: what was deleted is gone within a minute. Rows
        that were declined come after others, in ever smaller batches. So one memory that the service declines ends up
        alone, and does not keep the others from the index.
        """
        async with self._db.read() as connection:
            now = self._clock()
            is_due = ~outbox.c.next_try_ms.between(now + 1, now + FAR_MS)
            fewest = select(outbox.c.op, func.min(outbox.c.attempts)).where(is_due).group_by(outbox.c.op)
            first = min((await connection.execute(fewest)).all(), default=None)  # "delete" before "upsert"
            if first is None:
                return {}
            op, attempts = first
            found = await connection.execute(
                select(outbox.c.seq, outbox.c.memory_id, outbox.c.message_id)
                .where(is_due, outbox.c.op == op, outbox.c.attempts == attempts)
                .order_by(outbox.c.seq)
                .limit(max(1, BATCH >> 2 * attempts))
            )
            return {row.seq: _Point(row.memory_id, row.message_id) for row in found}

    async def _take(
        self,
        rows: Mapping[int, _Point],
        known: Mapping[str, Memory | Message],
        bring: Awaitable[Mapping[str, ServiceError]],
        *,
        deleting: bool = False,
    ) -> None:
        """Await what brings `rows` to the index, then strike them from the outbox, or put them off and raise again.

        Those that could not be embedded while others could wait.

        What is not as it was `known` any more is told to the index once more: where the lock was lost meanwhile,
        another process may have told it that already, and this one has just brought back what was before.
        """
        try:
            refused = await bring
        except ServiceRejected as error:
            await self._decline(rows, error)
            raise
        except ServiceError as error:
            await self._put_off(rows, error, deleting=deleting)
            raise
        self._step("index written")
        for seq, point in rows.items():
            if point.id in refused:
                await self._decline({seq: point}, refused[point.id])
        rows = {seq: point for seq, point in rows.items() if point.id not in refused}
        async with self._db.write() as connection:
            for chunk in chunks(rows):
                await connection.execute(delete(outbox).where(outbox.c.seq.in_(chunk)))
            now = await self._known_of(rows.values())
            changed = {point: now.get(point.id) for point in rows.values() if now.get(point.id) != known.get(point.id)}
            if changed:
                await connection.execute(insert(outbox), [self._row(*change) for change in changed.items()])
        self._step("outbox struck")

    async def _gone(self, rows: Mapping[int, _Point]) -> dict[str, ServiceError]:
        await self._index.delete(frozenset(point.id for point in rows.values()))
        return {}

    def _row(self, point: _Point, source: Memory | Message | None) -> dict[str, object]:
        op = "delete" if source is None else "upsert"
        return {"memory_id": point.id, "message_id": point.message_id, "op": op, "created_ms": self._clock()}

    async def _decline(self, rows: Mapping[int, _Point], error: ServiceError) -> None:
        """The service will not take these rows: count that, so that they are tried in smaller batches."""
        async with self._db.write() as connection:
            for chunk in chunks(rows):
                mine = outbox.c.seq.in_(chunk)
                failures = await connection.scalar(select(func.max(outbox.c.attempts)).where(mine)) or 0
                await connection.execute(
                    update(outbox)
                    .where(mine)
                    .values(attempts=failures + 1, next_try_ms=self._clock() + _delay_ms(failures), error=str(error))
                )

    async def _put_off(self, rows: Mapping[int, _Point], error: ServiceError, *, deleting: bool) -> None:
        """The service can't take anything now: everything that is due waits, deletions only where those fail."""
        delay_ms = _delay_ms(self._outages)
        if isinstance(error, RateLimited) and error.retry_after is not None:
            delay_ms = math.ceil(error.retry_after * 1_000)
        self._outages += 1
        now = self._clock()
        affected = true() if deleting else or_(outbox.c.op == "upsert", outbox.c.seq.in_(rows))
        async with self._db.write() as connection:
            await connection.execute(
                update(outbox)
                .where(outbox.c.next_try_ms <= now, affected)
                .values(next_try_ms=now + delay_ms, error=str(error))
            )

    async def _pause(self) -> float:
        """Seconds until a row is due, at most IDLE_SECONDS."""
        async with self._db.read() as connection:
            due_ms = await connection.scalar(select(func.min(outbox.c.next_try_ms)))
        wait = IDLE_SECONDS if due_ms is None else (due_ms - self._clock()) / 1_000
        return float(min(IDLE_SECONDS, max(SHORTEST_PAUSE_SECONDS, wait)))

    async def _enlist_messages(self) -> None:
        """Tell the index of some more messages that were there before it was to hold them, once it has caught up."""
        if await self.backlog() < CATCHING_UP and await self.messages.enlist():
            self.wake()

    async def _refill(self) -> None:
        """Once the index answers: enlist everything if it holds nothing, for its folder or collection was lost.

        Before anything is written into it, or what waited for a lost index would make it look whole.
        """
        if self._looked_into:
            return
        try:
            await self._ready()
            lost = await self._index.count() == 0
        except ServiceError:
            return
        self._looked_into = True
        if lost:
            await self._enlist_all()

    async def _enlist_all(self) -> None:
        """Fill the outbox with every memory of the database, and with what only the index holds."""
        now = self._clock()
        strangers = {point async for point in self._index.memory_ids()}
        if strangers:
            async with self._db.read() as connection:
                strangers -= set(await connection.scalars(select(memories.c.id)))
                if self.messages.held:
                    strangers -= {point_id(one) for one in await connection.scalars(select(messages.c.id))}
        await self.messages.begin_anew()
        async with self._db.write() as connection:
            await connection.execute(delete(outbox).where(outbox.c.op == "upsert"))
            await connection.execute(
                insert(outbox).from_select(
                    ["memory_id", "op", "created_ms"],
                    select(memories.c.id, literal("upsert"), literal(now)).order_by(memories.c.seq),
                )
            )
            if strangers:
                await connection.execute(
                    insert(outbox), [{"memory_id": m, "op": "delete", "created_ms": now} for m in strangers]
                )

    async def _entries(self, known: Iterable[Memory | Message]) -> list[IndexEntry]:
        by_guild: dict[int, list[Memory | Message]] = {}
        for source in known:
            by_guild.setdefault(source.guild_id, []).append(source)
        entries: list[IndexEntry] = []
        for guild_id, group in by_guild.items():
            texts = await self._rendered(guild_id, [_said(source) for source in group])
            entries += map(IndexEntry, group, texts)
        return entries

    async def _rendered(self, guild_id: int, texts: Sequence[str]) -> list[str]:
        names = await self._directory.names(guild_id, people_in(texts))
        return [with_names(text, names) for text in texts]


def _said(source: Memory | Message) -> str:
    """A statement, or a message behind its speaker."""
    return f"<@{source.author_id}>: {source.content}" if isinstance(source, Message) else source.text


def _delay_ms(failures: int) -> int:
    """Doubles with every failure, with jitter so that processes don't come back in step."""
    delay = min(LONGEST_DELAY_MS, FIRST_DELAY_MS << min(failures, 20))
    return round(delay * random.uniform(0.75, 1.25))  # noqa: S311 (not a secret)
