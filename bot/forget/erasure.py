"""Erasing what the bot keeps, everywhere it is kept.

What is to be erased goes portion by portion, a few hundred messages to a transaction. Every store is told of each in
that transaction, so each leaves everything consistent; running an erasure again finishes what an interruption left.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Select, func, select

from bot.domain import Step, no_step, snowflake
from bot.forget.proof import Proof, Receipt, Removal
from bot.index import PATIENCE_SECONDS
from bot.memories import cited_in, doubting_in
from bot.observe import mentioning, said_in
from bot.storage import (
    STATEMENT_IDS,
    Erased,
    Expired,
    Scope,
    channels,
    chunks,
    citations,
    memories,
    messages,
)

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.domain import Clock
    from bot.forget.traces import Traces
    from bot.guilds import SubjectHasher
    from bot.index import Indexer
    from bot.storage import Database, Store

SCRUB_TRIES = 5
SCRUB_PAUSE_SECONDS = 0.1

NOBODY = 0
"""An id that no member has."""

DAY_MS = 24 * 60 * 60 * 1000

_Event = TypeVar("_Event", Erased, Expired)


class Erasure:
    """Tells every store what is erased, portion by portion, and proves that it is.

    Args:
        db: the database.
        stores: all of them, each after those that its own rows are made from.
        indexer: brings deletions to the vector index.
        hasher: makes the keyed hashes by which members are known where their id must not stand.
        clock: the local clock.
        traces: looks for erased texts.
        step: told "erasing" before each portion of an erasure, and "erased" when the last one is committed.
    """

    def __init__(
        self,
        db: Database,
        stores: Sequence[Store],
        indexer: Indexer,
        hasher: SubjectHasher,
        clock: Clock,
        traces: Traces,
        step: Step = no_step,
    ) -> None:
        self._db = db
        self._stores = stores
        self._indexer = indexer
        self._hasher = hasher
        self._clock = clock
        self._proof = Proof(db, stores, traces)
        self._step = step

    # --- ways of erasing ---------------------------------------------------------------------------------------------

    async def erase_messages(self, guild_id: int, channel_id: int, ids: Collection[int]) -> Receipt:
        """Erase messages that were deleted, known or not: a tombstone keeps each of them from coming later.

        Returns as soon as the database is clean; the index, woken here, follows at once.
        """
        removal = Removal()
        receipts: list[Receipt] = []
        for chunk in chunks(ids):
            chunk_ids = frozenset(chunk)
            scope = Scope(guild_id=guild_id, message_ids=chunk_ids)
            erased = Erased(scope=scope, messages=chunk_ids, channel_ids=frozenset({channel_id}), last=True)
            await self._tell(erased, removal)
            receipts.append(await self._proof.receipt(scope, removal, texts_too=False))
        self._indexer.wake()
        await self._scrub(tries=1)
        remaining: Counter[str] = Counter()
        for receipt in receipts:
            remaining.update(receipt.remaining)
        return Receipt(dict(removal.counts), dict(remaining))

    async def erase_member(
        self,
        user_id: int,
        guild_id: int | None = None,
        *,
        up_to: int | None = None,
        removal: Removal | None = None,
    ) -> Receipt:
        """Erase all that a member said, in one guild or (None) in all, and their mentions in what others said.

        Args:
            user_id: the member.
            guild_id: limits it to one guild.
            up_to: nothing they said up to this snowflake comes back; None means up to now. Give the interaction's
                own where there is one, for then no local clock is asked.
            removal: what an earlier try removed, to be counted on.
        """
        return await self._erase(Scope(guild_id=guild_id, user_id=user_id), up_to, removal)

    def alone_with(self, user_id: int) -> AbstractAsyncContextManager[bool]:
        """Keep everybody else, in other processes too, from erasing this member for the time of the block."""
        return self._db.alone(-user_id)

    async def erase_channel(
        self, guild_id: int, channel_id: int, *, up_to: int | None = None, removal: Removal | None = None
    ) -> Receipt:
        """Erase all that was said in a channel and in its threads; see `erase_member`."""
        threads = select(channels.c.channel_id).where(channels.c.parent_id == channel_id)
        async with self._db.read() as connection:
            places = frozenset({channel_id, *await connection.scalars(threads)})
        return await self._erase(Scope(guild_id=guild_id, channel_ids=places), up_to, removal)

    async def erase_guild(
        self, guild_id: int, *, left: bool = False, up_to: int | None = None, removal: Removal | None = None
    ) -> Receipt:
        """Erase all that was said in a guild; where the bot has `left` it, what was decided there as well.

        See `erase_member`.
        """
        return await self._erase(Scope(guild_id=guild_id), up_to, removal, left=left)

    async def keep_out(self, subject: str, guild_id: int | None, *, up_to: int) -> None:
        """Let nothing be taken in that a member said up to a snowflake, of whom nothing but a keyed hash is known."""
        unknown = Scope(guild_id=guild_id, user_id=NOBODY)
        async with self._db.write() as connection:
            for store in self._stores:
                await store.erased(connection, Erased(scope=unknown, subject=subject, up_to=up_to))

    async def erase_expired(self, retention_days: int) -> dict[str, int]:
        """Erase messages that were taken in more than `retention_days` ago, and whatever else has had its time.

        Returns:
            How many items of what; memories outlive their messages, and go after a time of their own.
        """
        now_ms = self._clock()
        expired = Expired(before_ms=now_ms - retention_days * DAY_MS, now_ms=now_ms)
        removal = Removal()
        old = select(messages.c.id).where(messages.c.logged_ms < expired.before_ms)
        async for ids in self._pages(old):
            await self._tell(replace(expired, messages=ids), removal)
        await self._tell_to_the_end(replace(expired, last=True), removal)
        if removal.counts["memories"]:
            await self._indexer.drain(within=PATIENCE_SECONDS)
        if removal.counts.total():  # a round that found nothing to expire wrote nothing
            await self._scrub()
        return dict(removal.counts)

    async def sweep(self) -> None:
        """Remove the last traces of what was erased from the files; call about once a minute."""
        await self._db.sweep()

    # --- portions ----------------------------------------------------------------------------------------------------

    async def _erase(
        self, scope: Scope, up_to: int | None, removal: Removal | None = None, *, left: bool = False
    ) -> Receipt:
        removal = removal or Removal()
        self._step("erasing")
        erased = await self._begin(scope, up_to, left=left)
        for query in (select(messages.c.id).where(said_in(scope)), cited_in(scope), doubting_in(scope)):
            async for ids in self._pages(query):
                self._step("erasing")
                await self._tell(replace(erased, messages=ids), removal)
        if scope.user_id is not None:
            async for ids in self._pages(select(messages.c.id).where(mentioning(scope.user_id, scope.guild_id))):
                await self._tell(replace(erased, mentioning=ids), removal)
        self._step("erasing")
        await self._tell_to_the_end(replace(erased, last=True), removal)
        self._step("erased")
        await self._indexer.drain(within=PATIENCE_SECONDS)
        await self._scrub()
        return await self._proof.receipt(scope, removal, texts_too=True)

    async def _begin(self, scope: Scope, up_to: int | None, *, left: bool) -> Erased:
        """Let nothing in scope up to now (or up to a snowflake) be taken in again, before anything goes."""
        subject = None if scope.user_id is None else self._hasher.subject(scope.user_id)
        async with self._db.write() as connection:
            newest = (await connection.scalar(select(func.max(messages.c.id)).where(said_in(scope)))) or 0
            now = snowflake.from_ms(self._clock() + 1) - 1
            mark = max(newest, now if up_to is None else up_to)
            erased = Erased(scope=scope, subject=subject, up_to=mark, left=left)
            for store in self._stores:
                await store.erased(connection, erased)
        return erased

    async def _pages(self, query: Select[Any]) -> AsyncIterator[frozenset[int]]:
        """What a query finds, some at a time, until it finds nothing; no writer waits while it looks."""
        while True:
            async with self._db.read() as connection:
                ids: frozenset[int] = frozenset((await connection.scalars(query.limit(STATEMENT_IDS))).all())
            if not ids:
                return
            yield ids

    async def _tell(self, event: _Event, removal: Removal) -> int:
        """Tell every store of a portion in one transaction; the most that one of them removed of anything."""
        most = 0
        async with self._db.write() as connection:
            complete = await _complete(connection, event, removal)
            for store in self._stores:
                if isinstance(complete, Erased):
                    counts = await store.erased(connection, complete)
                else:
                    counts = await store.expired(connection, complete)
                removal.counts.update(counts)
                most = max(most, *counts.values(), 0)
            await removal.note(connection, removal.counts)
        return most

    async def _tell_to_the_end(self, event: _Event, removal: Removal) -> None:
        """Tell every store of the last portion, again while one of them has done no more than a part of it."""
        while await self._tell(event, removal) >= STATEMENT_IDS:
            pass

    async def _scrub(self, tries: int = SCRUB_TRIES) -> None:
        """Let the deleted bytes leave the files; a reader that holds an older state gets a moment to finish."""
        for attempt in range(tries):
            if await self._db.scrub() or attempt + 1 == tries:
                return
            await asyncio.sleep(SCRUB_PAUSE_SECONDS)


async def _complete(connection: AsyncConnection, event: _Event, removal: Removal) -> _Event:
    """The portion with who and where its messages are of, and what of their words is to be looked for afterwards."""
    ids = event.messages | event.mentioning if isinstance(event, Erased) else event.messages
    if not ids:
        return event
    stored = select(messages.c.id, messages.c.guild_id, messages.c.author_id, messages.c.channel_id, messages.c.content)
    rows = (await connection.execute(stored.where(messages.c.id.in_(ids)))).all()
    going = [row for row in rows if row.id in event.messages]
    people = {(row.guild_id, row.author_id) for row in going}
    removal.witnesses.saw(row.content for row in going)
    if isinstance(event, Erased):
        citing = select(citations.c.memory_id).where(citations.c.message_id.in_(event.messages))
        about = select(memories.c.guild_id, memories.c.text, citations.c.author_id).join(citations)
        cited = (await connection.execute(about.where(memories.c.id.in_(citing)))).all()
        people |= {(row.guild_id, row.author_id) for row in cited}
        removal.witnesses.saw(row.text for row in cited)
    return replace(
        event,
        channel_ids=event.channel_ids | {row.channel_id for row in rows},
        people=event.people | people,
    )
