"""Brings the vector index up to what the database says, through the outbox."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import (
    Clock,
    Memory,
    Message,
    RateLimited,
    ServiceAbsent,
    ServiceError,
    ServiceUnavailable,
    Step,
    isolate,
    no_step,
    people_in,
    reason_of,
    with_names,
)
from bot.index.backlog import DELETE, IDLE_SECONDS, UPSERT, Backlog, OutboxPoint
from bot.index.base import IndexEntry, VectorIndex
from bot.index.comparison import ALWAYS, Gate, IndexComparison
from bot.index.known import PART, count_expected
from bot.index.message_vectors import MessageVectors
from bot.memories import MemoryStore
from bot.observe import Directory
from bot.storage import Database, Item, SetAside, memories, messages

log = logging.getLogger(__name__)

INDEXING: Final = 1
"""Number of the lock on taking from the outbox: a second process could bring back what the first one just took out."""

COMPARING: Final = 3
"""Number of the lock on comparing the index with the database."""

BATCH: Final = 256
"""Outbox rows in one go. An embedder at home that takes ten texts a second still answers in time, and what is deleted
meanwhile does not wait for longer than that."""

CATCHING_UP: Final = 1_024
"""With so many rows that wait, nothing older is added to them."""

PATIENCE_SECONDS: Final = 20.0
"""For so long whoever has something else to do waits for the index, which may have all to learn anew, for hours."""

IDS_SHOWN: Final = 5
"""Of what was set aside, in a line of the log."""

OUTAGES: Final = (RateLimited, ServiceAbsent, SQLAlchemyError)
"""What is at fault in these is no memory and no message."""

Basis = Callable[[], str]
"""What indexing hangs on, such as the version of this program and the model of the index, in one line."""

Ready = Callable[[], Awaitable[None]]
"""Called before the outbox is taken from, when no other process does: has the index at hand be all that is to be
written. Raises ServiceAbsent where that can't be had here, ServiceError where it can't be found out now."""


async def always_ready() -> None:
    """The index at hand is all that there is."""


class Indexer:
    """Takes memories, and messages where they are embedded, from the database to the vector index.

    What the database says when a row's turn comes is what the index learns: a memory that is there is written, one that
    is not there is deleted, whatever the row was made for. Rows leave the outbox only after the index took what they
    say, and writing the same memory twice leaves it there once, so a crash anywhere costs nothing but repeated work.

    What can't be written while something else can is set aside, and nothing of it stays in the index. A deletion never
    is: it is tried again until it succeeds.

    Attributes:
        messages: which messages the index is to hold.
        changes: what it has yet to learn.
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
        basis: Basis = str,
        gate: Gate = ALWAYS,
        gather_seconds: float = 0.0,
    ) -> None:
        self.messages = messages
        self.changes = Backlog(db, clock, gather_seconds)
        self._aside = SetAside(db, clock)
        self._basis = basis
        self._db = db
        self._index = index
        self._store = store
        self._directory = directory
        self._clock = clock
        self._step = step
        self._ready = ready
        self._one_drain = asyncio.Lock()
        self._awake = asyncio.Event()
        self._comparison = IndexComparison(db, index, messages, self.changes, clock, gate)

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

    async def drain(self, *, within: float = math.inf, gathers: bool = True) -> int:
        """Apply what is due in the outbox; return how many rows were.

        Never raises for a service that fails: its rows stay, wait longer each time, and are tried by a later drain.

        Args:
            within: seconds after which no other batch is begun; deletions come first. Between two batches whoever else
                drains has a turn.
            gathers: leave messages that have not waited for long, where models have to be swapped to embed them.
        """
        applied, end = 0, time.monotonic() + within
        try:
            while time.monotonic() < end and (done := await self._apply_batch(gathers=gathers)):
                applied += done
        except ServiceAbsent as error:
            log.debug("The outbox waits for an index: %s", error)
        except ServiceError as error:
            log.warning("The index could not be brought up to date, trying again later: %s", error)
        else:
            self.changes.works()
        return applied

    async def run(self) -> None:
        """Drain whenever there is something due, until cancelled; once a day, look whether the index is whole."""
        while True:
            self._awake.clear()
            try:
                pause = await self.keep_up()
            except SQLAlchemyError as error:
                log.warning("The outbox can't be read, trying again later: %s", type(error).__name__)
                pause = IDLE_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):  # wait_for misses that it is cancelled while it is woken
                    await self._awake.wait()

    async def keep_up(self) -> float:
        """Do once what `run` does again and again; seconds until there may be something to do."""
        await self._compare()
        await self.drain()
        await self._try_again()
        await self._enlist_messages()
        return await self.changes.pause()

    def wake(self) -> None:
        """Tell `run` that the outbox has something new."""
        self._awake.set()

    async def backlog(self) -> int:
        """How many outbox rows wait."""
        return await self.changes.count()

    async def figures(self) -> tuple[int, int] | None:
        """How many memories and messages the index holds, and is to hold; None where it can't be asked now."""
        try:
            held = await self._index.count()
        except ServiceError:
            return None
        return held, await count_expected(self._db, self.messages)

    @asynccontextmanager
    async def standing_still(self) -> AsyncIterator[None]:
        """Nothing is taken from the outbox for the time of the block, by no process."""
        async with self._one_drain, self._db.alone(INDEXING):
            yield

    async def entries_of(self, points: Collection[OutboxPoint]) -> list[IndexEntry]:
        """Those of these points that are to be in the index, as it takes them."""
        return await self._entries((await self._known_of(points)).values())

    async def catch_up(self) -> None:
        """Apply what is due, and then what was in the log before the index was to hold messages."""
        await self.drain(gathers=False)
        while await self.messages.enlist():
            await self.drain(gathers=False)

    async def set_aside(self, reasons: Mapping[OutboxPoint, Exception]) -> frozenset[str]:
        """Set points aside that can't be indexed while others can; the ids of those whose source is there still."""
        items: dict[Item, str] = {}
        async with self._db.write() as connection:
            for point, error in reasons.items():
                if (item := await _item_of(connection, point)) is not None:
                    items[item] = reason_of(error)
            aside = await self._aside.add(connection, PART, items, basis=self._basis())
        self._tell({point: error for point, error in reasons.items() if point.id in aside})
        return aside

    async def _apply_batch(self, *, gathers: bool) -> int:
        """Apply one batch; 0 when nothing is due."""
        async with self.standing_still():
            unready = await self._unready()
            deleting, due = await self.changes.due(BATCH, gathers=gathers)
            if not due:
                return 0
            if unready is not None:
                await self._put_all_off(due, unready, deleting=deleting)
                raise unready
            failures: dict[int, Exception] = {}

            async def bring(rows: Sequence[tuple[int, OutboxPoint]]) -> None:
                failures.update(await self._bring(dict(rows)))

            proof = partial(self._index.prove, embeds=not deleting)
            try:
                failed = await isolate(list(due.items()), bring, proof=proof, outages=OUTAGES)
            except SQLAlchemyError:
                raise
            except Exception as error:
                await self._put_all_off(due, error, deleting=deleting)
                raise
            failures.update({seq: failure for (seq, _), failure in failed})
            if failures:
                await self._leave_out({seq: due[seq] for seq in failures}, failures)
            return len(due)

    async def _unready(self) -> ServiceError | None:
        """Have the index at hand be all that is to be written; what a service says that can't be asked for that now.

        Raises:
            ServiceAbsent: this process is not to write.
        """
        try:
            await self._ready()
        except ServiceAbsent:
            raise
        except ServiceError as error:
            return error
        return None

    async def _put_all_off(self, rows: Collection[int], error: Exception, *, deleting: bool) -> None:
        seconds = await self.changes.put_all_off(rows, error, deleting=deleting)
        if deleting:
            log.error("Deletions wait for the index, next try in %.0f s: %s", seconds, reason_of(error))
        if not isinstance(error, ServiceError):
            raise ServiceUnavailable("index", reason_of(error)) from None

    async def _bring(self, rows: Mapping[int, OutboxPoint]) -> dict[int, Exception]:
        """Have the index learn these rows, and strike them; those that could not be embedded stay, each with why."""
        known = await self._known_of(rows.values())
        gone = {seq: point for seq, point in rows.items() if point.id not in known}
        if gone:
            await self._index.delete(frozenset(point.id for point in gone.values()))
            await self._strike(gone, {})
            await self._db.scrub()
        present = {seq: point for seq, point in rows.items() if point.id in known}
        if not present:
            return {}
        refused = await self._index.upsert(await self._entries(known.values()))
        await self._strike({seq: point for seq, point in present.items() if point.id not in refused}, known)
        return {seq: refused[point.id] for seq, point in present.items() if point.id in refused}

    async def _leave_out(self, rows: Mapping[int, OutboxPoint], failures: Mapping[int, Exception]) -> None:
        """Set aside what can't be indexed, of which no older version may stay in the index; put deletions off."""
        try:
            await self._index.delete(frozenset(point.id for point in rows.values()))
        except Exception as error:  # noqa: BLE001 - then all of it is to be deleted first, and waits
            failures = dict.fromkeys(rows, error)
            aside = frozenset[str]()
        else:
            aside = await self.set_aside({point: failures[seq] for seq, point in rows.items()})
        left = {seq: failures[seq] for seq, point in rows.items() if point.id not in aside}
        async with self._db.write() as connection:
            await self.changes.strike(connection, rows.keys() - left.keys())
            await self.changes.put_off(connection, left)
        for seq, failure in left.items():
            log.error("The index can't forget %s, tried again soon: %s", rows[seq].id, reason_of(failure))

    def _tell(self, aside: Mapping[OutboxPoint, Exception]) -> None:
        """One line for each reason, with some of the ids."""
        by_reason: dict[str, list[str]] = {}
        for point, error in aside.items():
            by_reason.setdefault(reason_of(error), []).append(point.id)
        for reason, ids in by_reason.items():
            log.warning("%d can't be indexed and are set aside (%s): %s", len(ids), ", ".join(ids[:IDS_SHOWN]), reason)

    async def _try_again(self) -> None:
        """Enlist what was set aside and may be tried again, unless what was enlisted before it waits for a service."""
        basis = self._basis()
        if await self.backlog() or not await self._aside.is_due(PART, basis=basis):
            return
        async with self._db.write() as connection:
            items = await self._aside.due(connection, PART, basis=basis, limit=BATCH)
            points = {OutboxPoint(item.key, item.message_id): UPSERT for item in items}
            await self.changes.add(connection, points)
        self.wake()

    async def _known_of(self, points: Collection[OutboxPoint]) -> dict[str, Memory | Message]:
        spoken = {point.message_id for point in points if point.message_id is not None}
        return await self._known({point.id for point in points if point.message_id is None}, spoken)

    async def _known(self, memory_ids: Collection[str], message_ids: Collection[int]) -> dict[str, Memory | Message]:
        """Those of the memories and messages that are to be in the index, by the ids of their points."""
        memories = await self._store.get(memory_ids, hidden=True) if memory_ids else {}
        return {**memories, **await self.messages.get(message_ids)}

    async def _strike(self, rows: Mapping[int, OutboxPoint], known: Mapping[str, Memory | Message]) -> None:
        """Strike rows from the outbox that the index has learned.

        What is not as it was `known` any more is told to the index once more: where the lock was lost meanwhile,
        another process may have told it that already, and this one has just brought back what was before.
        """
        self._step("index written")
        async with self._db.write() as connection:
            await self.changes.strike(connection, rows.keys())
            await self._aside.settle(connection, PART, {point.id for point in rows.values()})
            now = await self._known_of(rows.values())
            changed = {point for point in rows.values() if now.get(point.id) != known.get(point.id)}
            await self.changes.add(connection, {point: UPSERT if point.id in now else DELETE for point in changed})
        self._step("outbox struck")

    async def _enlist_messages(self) -> None:
        """Tell the index of some more messages that were there before it was to hold them, once it has caught up."""
        if await self.backlog() < CATCHING_UP and await self.messages.enlist():
            self.wake()

    async def _compare(self) -> None:
        """Compare the index with the database when that is due and the index answers; by one process at a time."""
        if not self._comparison.is_due:
            return
        try:
            await self._ready()
            async with self._db.alone(COMPARING, wait=False) as held:
                if held and self._comparison.is_due:  # the look may have turned this database into the copy
                    await self._comparison.compare()
        except ServiceError as error:
            log.debug("The index can't be compared now: %s", error)

    async def _entries(self, known: Iterable[Memory | Message]) -> list[IndexEntry]:
        by_guild: dict[int, list[Memory | Message]] = {}
        for source in known:
            by_guild.setdefault(source.guild_id, []).append(source)
        entries: list[IndexEntry] = []
        for guild_id, group in by_guild.items():
            texts = await self._rendered(guild_id, [_text_of(source) for source in group])
            entries += map(IndexEntry, group, texts)
        return entries

    async def _rendered(self, guild_id: int, texts: Sequence[str]) -> list[str]:
        names = await self._directory.names(guild_id, people_in(texts))
        return [with_names(text, names) for text in texts]


def _text_of(source: Memory | Message) -> str:
    """A statement, or a message behind its speaker."""
    return f"<@{source.author_id}>: {source.content}" if isinstance(source, Message) else source.text


async def _item_of(connection: AsyncConnection, point: OutboxPoint) -> Item | None:
    """A point as it may be set aside; None where its memory or message is no more."""
    if point.message_id is None:
        query = select(memories.c.guild_id).where(memories.c.id == point.id)
        guild_id = await connection.scalar(query)
        return None if guild_id is None else Item(key=point.id, guild_id=guild_id, memory_id=point.id)
    of_message = select(messages.c.guild_id, messages.c.channel_id, messages.c.author_id)
    row = (await connection.execute(of_message.where(messages.c.id == point.message_id))).one_or_none()
    if row is None:
        return None
    place = {"guild_id": row.guild_id, "channel_id": row.channel_id, "author_id": row.author_id}
    return Item(key=point.id, message_id=point.message_id, **place)
