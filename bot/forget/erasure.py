"""Erasing what the bot keeps, everywhere it is kept.

The database's tables are erased here, a few hundred messages to a transaction, each of which leaves everything
consistent: log, full text, memories, citations, stored answers, names. Any other place that can hold what was said
registers as an `ErasableStore`. Running an erasure again finishes what an interruption left.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Column, ColumnElement, Select, and_, delete, exists, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Clock, MemoryKind, people_in, snowflake, without_people
from bot.forget.traces import Traces, Witnesses
from bot.guilds import EVERYWHERE, ServerRules, SubjectHasher
from bot.index import PATIENCE_SECONDS, Indexer
from bot.memories import MemoryStore, discard_answers
from bot.observe import EVERY_MEMBER, channel_subject, delete_messages, set_content
from bot.remember import drop_empty_batches
from bot.storage import (
    STATEMENT_IDS,
    Database,
    audit,
    channels,
    chunks,
    citations,
    forgotten_topics,
    guilds,
    lifetimes,
    members,
    memories,
    messages,
    outbox,
    rereadings,
    rules,
    tombstones,
    upsert,
    watermarks,
)
from bot.text import Entry, FullText, author_token, channel_token, guild_token

SCRUB_TRIES = 5
SCRUB_PAUSE_SECONDS = 0.1

DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Scope:
    """What to erase: whatever meets every condition that is given.

    Attributes:
        guild_id: what was said in one guild; None means every guild.
        user_id: what a member said.
        channel_ids: what was said in these channels and threads.
        message_ids: these messages.
        logged_before_ms: messages taken in before this time; memories outlive them.
    """

    guild_id: int | None = None
    user_id: int | None = None
    channel_ids: frozenset[int] | None = None
    message_ids: frozenset[int] | None = None
    logged_before_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an erasure removed, store by store, and what it could still find afterwards (which must be nothing)."""

    removed: dict[str, int]
    remaining: dict[str, int]

    @property
    def complete(self) -> bool:
        """Whether nothing was found afterwards."""
        return not any(self.remaining.values())


class ErasableStore(Protocol):
    """A place besides log, memories, full text and names that may hold something of what was said or who said it."""

    name: str

    async def erase(self, scope: Scope) -> int:
        """Remove everything in scope; return how many items went. Safe to repeat."""

    async def count(self, scope: Scope) -> int:
        """Count what is left in scope, by looking, not by remembering."""


@dataclass(slots=True)
class _Taken:
    """What an erasure has taken away so far.

    Attributes:
        counts: items by store.
        witnesses: some of the texts, to be looked for afterwards.
    """

    counts: Counter[str] = field(default_factory=Counter)
    witnesses: Witnesses = field(default_factory=Witnesses)


class Erasure:
    """Erases across all stores and proves it."""

    def __init__(
        self,
        db: Database,
        fulltext: FullText,
        store: MemoryStore,
        indexer: Indexer,
        hasher: SubjectHasher,
        clock: Clock,
        *,
        traces: Traces,
        stores: Sequence[ErasableStore] = (),
    ) -> None:
        self._db = db
        self._store = store
        self._fulltext = fulltext
        self._indexer = indexer
        self._hasher = hasher
        self._clock = clock
        self._traces = traces
        self._stores = stores

    # --- ways of erasing ---------------------------------------------------------------------------------------------

    async def erase_messages(self, guild_id: int, channel_id: int, ids: Collection[int]) -> Receipt:
        """Erase messages that were deleted, known or not: a tombstone keeps each of them from coming later.

        Returns as soon as the database is clean; the index, woken here, follows at once.
        """
        taken = _Taken()
        for chunk in chunks(ids):
            rows = [{"message_id": i, "created_ms": self._clock()} for i in chunk]
            async with self._db.write() as connection:
                await connection.execute(upsert(self._db.dialect, tombstones).on_conflict_do_nothing(), rows)
                await discard_answers(connection, {channel_id})
                await self._take_away(connection, chunk, taken)
        self._indexer.wake()
        await self._scrub(tries=1)
        remaining: Counter[str] = Counter()
        for chunk in chunks(ids):
            scope = Scope(guild_id=guild_id, message_ids=frozenset(chunk))
            taken.counts.update({store.name: await store.erase(scope) for store in self._stores})
            remaining.update(await self._remaining(scope))
        return Receipt(dict(taken.counts), dict(remaining))

    async def erase_member(self, user_id: int, guild_id: int | None = None, *, up_to: int | None = None) -> Receipt:
        """Erase all that a member said, in one guild or (None) in all, and their mentions in what others said.

        Args:
            user_id: the member.
            guild_id: limits it to one guild.
            up_to: nothing they said up to this snowflake comes back; None means up to now. Give the interaction's
                own where there is one, for then no local clock is asked.
        """
        place = EVERYWHERE if guild_id is None else guild_id
        scope = Scope(guild_id=guild_id, user_id=user_id)
        await self._watermark(place, [self._hasher.subject(user_id)], scope, up_to)
        return await self._erase(scope)

    def alone_with(self, user_id: int) -> AbstractAsyncContextManager[bool]:
        """Keep everybody else, in other processes too, from erasing this member for the time of the block."""
        return self._db.alone(-user_id)

    async def erase_channel(self, guild_id: int, channel_id: int, *, up_to: int | None = None) -> Receipt:
        """Erase all that was said in a channel and in its threads."""
        threads = select(channels.c.channel_id).where(channels.c.parent_id == channel_id)
        async with self._db.read() as connection:
            places = frozenset({channel_id, *await connection.scalars(threads)})
        scope = Scope(guild_id=guild_id, channel_ids=places)
        await self._watermark(guild_id, [channel_subject(place) for place in sorted(places)], scope, up_to)
        return await self._erase(scope)

    async def erase_guild(self, guild_id: int, *, left: bool = False, up_to: int | None = None) -> Receipt:
        """Erase all that was said in a guild; where the bot has `left` it, its channels and its name as well."""
        scope = Scope(guild_id=guild_id)
        await self._watermark(guild_id, [EVERY_MEMBER], scope, up_to)
        receipt = await self._erase(scope)
        async with self._db.write() as connection:
            for of_guild in (members, rereadings):
                await connection.execute(delete(of_guild).where(of_guild.c.guild_id == guild_id))
            if left:
                await connection.execute(delete(channels).where(channels.c.guild_id == guild_id))
                for decided in (guilds, rules, lifetimes, audit):
                    await connection.execute(delete(decided).where(decided.c.guild_id == guild_id))
        await self._scrub()
        return receipt

    async def erase_expired(self, retention_days: int) -> Receipt:
        """Erase messages that were taken in more than `retention_days` ago, pending ones too; memories stay."""
        return await self._erase(Scope(logged_before_ms=self._clock() - retention_days * DAY_MS))

    async def erase_outlived(self, rules: ServerRules) -> int:
        """Erase memories that were kept for longer than their server wants; how many. What they cite stays.

        What they replaced goes with them, for it does not hold again.
        """
        removed = 0
        async with self._db.read() as connection:
            kinds = (await connection.execute(select(memories.c.guild_id, memories.c.kind).distinct())).all()
        for guild_id, kind in kinds:
            days = rules.of(guild_id).lifetimes[MemoryKind(kind)]
            if days is not None:
                removed += await self._erase_older(guild_id, kind, self._clock() - days * DAY_MS)
        if removed:
            await self._indexer.drain(within=PATIENCE_SECONDS)
            await self._scrub()
        return removed

    async def _erase_older(self, guild_id: int, kind: str, before_ms: int) -> int:
        old = and_(memories.c.guild_id == guild_id, memories.c.kind == kind, memories.c.created_ms < before_ms)
        removed = 0
        while True:
            async with self._db.write() as connection:
                ids = list(await connection.scalars(select(memories.c.id).where(old).limit(STATEMENT_IDS)))
                ids = await self._store.with_past(connection, ids)
                cited = select(memories.c.guild_id, citations.c.author_id).join(memories).distinct()
                people = (await connection.execute(cited.where(memories.c.id.in_(ids)))).all()
                await self._store.remove(connection, ids)
                await _forget_names(connection, {(row.guild_id, row.author_id) for row in people})
            if not ids:
                return removed
            removed += len(ids)

    async def sweep(self) -> None:
        """Remove the last traces of what was erased from the files; call about once a minute."""
        await self._db.sweep()

    # --- the database ------------------------------------------------------------------------------------------------

    async def _erase(self, scope: Scope) -> Receipt:
        taken = _Taken()
        while await self._erase_some(select(messages.c.id).where(_said(scope)), scope, taken):
            pass
        if scope.logged_before_ms is None:
            for query in (_cited(scope), _doubting(scope)):
                while await self._erase_some(query, scope, taken):
                    pass
        if scope.user_id is not None:
            await self._erase_mentions(scope, scope.user_id, taken)
        for store in self._stores:
            taken.counts[store.name] += await store.erase(scope)
        await self._indexer.drain(within=PATIENCE_SECONDS)
        if taken.counts.total() or scope.logged_before_ms is None:  # a round that found nothing to expire wrote nothing
            await self._scrub()
        remaining = await self._remaining(scope)
        if scope.logged_before_ms is None:
            remaining["texts"] = await self._left_of(taken.witnesses.texts)
        return Receipt(dict(taken.counts), remaining)

    async def _erase_some(self, query: Select[int], scope: Scope, taken: _Taken) -> bool:
        """Erase the next messages that `query` finds; False when it finds none."""
        async with self._db.write() as connection:
            ids = list(await connection.scalars(query.limit(STATEMENT_IDS)))
            if ids:
                await self._take_away(connection, ids, taken, memories_too=scope.logged_before_ms is None)
        return bool(ids)

    async def _take_away(
        self, connection: AsyncConnection, ids: Sequence[int], taken: _Taken, *, memories_too: bool = True
    ) -> None:
        """Remove messages with all that hangs on them, in the caller's transaction."""
        those = select(messages.c.guild_id, messages.c.author_id, messages.c.channel_id, messages.c.content)
        rows = (await connection.execute(those.where(messages.c.id.in_(ids)))).all()
        taken.witnesses.saw(row.content for row in rows)
        people = {(row.guild_id, row.author_id) for row in rows}
        if memories_too:
            citing = select(memories.c.text).join(citations).where(citations.c.message_id.in_(ids))
            taken.witnesses.saw(await connection.scalars(citing))
            people |= await _cited_authors(connection, ids)
            withdrawal = await self._store.withdraw(connection, ids)
            taken.counts["memories"] += len(withdrawal.removed)
            taken.counts["citations"] += len(withdrawal.reduced)
        await self._fulltext.remove(connection, "messages", ids)
        await connection.execute(delete(forgotten_topics).where(forgotten_topics.c.message_id.in_(ids)))
        taken.counts["messages"] += await delete_messages(connection, ids)
        await self._indexer.messages.gone(connection, ids)
        taken.counts["model answers"] += await discard_answers(connection, {row.channel_id for row in rows})
        await drop_empty_batches(connection)
        taken.counts["names"] += await _forget_names(connection, people)

    async def _erase_mentions(self, scope: Scope, user_id: int, taken: _Taken) -> None:
        """Let nothing that others said name an erased member; model answers that may are asked for again."""
        while await self._erase_some_mentions(scope, user_id, taken):
            pass
        async with self._db.write() as connection:
            theirs = and_(members.c.user_id == user_id, _in_guild(members.c.guild_id, scope))
            taken.counts["names"] += (await connection.execute(delete(members).where(theirs))).rowcount

    async def _erase_some_mentions(self, scope: Scope, user_id: int, taken: _Taken) -> bool:
        said = select(messages.c.id).where(
            _mentions(messages.c.content, user_id), _in_guild(messages.c.guild_id, scope)
        )
        kept = select(memories.c.id).where(_mentions(memories.c.text, user_id), _in_guild(memories.c.guild_id, scope))
        async with self._db.read() as connection:  # these look at every row: no writer waits for that
            message_ids = list(await connection.scalars(said.limit(STATEMENT_IDS)))
            memory_ids = list(await connection.scalars(kept.limit(STATEMENT_IDS)))
        async with self._db.write() as connection:
            taken.counts["mentions"] += await self._erase_mentions_in(connection, message_ids, user_id)
            for memory in (await self._store.load(connection, memory_ids)).values():
                await self._store.rewrite(connection, memory.id, without_people(memory.text, {user_id}))
                taken.counts["mentions"] += 1
        return bool(message_ids or memory_ids)

    async def _erase_mentions_in(self, connection: AsyncConnection, message_ids: Sequence[int], user_id: int) -> int:
        rows = (await connection.execute(select(messages).where(messages.c.id.in_(message_ids)))).all()
        for row in rows:
            content = without_people(row.content, {user_id})
            await set_content(connection, row.id, content)
            entry = Entry(row.id, row.guild_id, row.channel_id, (row.author_id,), content)
            await self._fulltext.add(connection, "messages", [entry])
        await self._indexer.messages.changed(connection, message_ids)
        await discard_answers(connection, {row.channel_id for row in rows})
        return len(rows)

    async def _watermark(self, guild_id: int, subjects: Iterable[str], scope: Scope, up_to: int | None) -> None:
        """Let nothing in scope up to now (or up to a snowflake) be taken in again."""
        async with self._db.write() as connection:
            newest = (await connection.scalar(select(func.max(messages.c.id)).where(_said(scope)))) or 0
            now = snowflake.from_ms(self._clock() + 1) - 1
            mark = max(newest, now if up_to is None else up_to)
            rows = [{"guild_id": guild_id, "subject": subject, "up_to": mark} for subject in subjects]
            fresh = upsert(self._db.dialect, watermarks)
            raised = fresh.on_conflict_do_update(
                index_elements=[watermarks.c.guild_id, watermarks.c.subject],
                set_={"up_to": fresh.excluded.up_to},
                where=watermarks.c.up_to < fresh.excluded.up_to,
            )
            await connection.execute(raised, rows)

    # --- the proof ---------------------------------------------------------------------------------------------------

    async def _remaining(self, scope: Scope) -> dict[str, int]:
        """What can still be found in scope, by looking."""
        async with self._db.read() as connection:
            left = {"messages": await _count(connection, select(messages.c.id).where(_said(scope)))}
            if scope.logged_before_ms is None:
                left["memories"] = await _count(connection, _cited(scope))
                left["doubts"] = await _count(connection, _doubting(scope))
                left["full text"] = await self._left_in_fulltext(connection, scope)
                kept = exists().where(memories.c.id == outbox.c.memory_id)
                orphans = and_(~kept, ~exists().where(messages.c.id == outbox.c.message_id))
                left["index"] = await _count(connection, select(outbox.c.seq).where(orphans))
            if scope.user_id is not None:
                theirs = and_(members.c.user_id == scope.user_id, _in_guild(members.c.guild_id, scope))
                left["names"] = await _count(connection, select(members.c.user_id).where(theirs))
        for store in self._stores:
            left[store.name] = left.get(store.name, 0) + await store.count(scope)
        return left

    async def _left_of(self, texts: Sequence[str]) -> int:
        """Columns and files with one of the erased texts; where there are any, the file is written anew at once."""
        left = await self._traces.of(texts)
        if left:
            await self._db.sweep(at_once=True)
            left = await self._traces.of(texts)
        return left

    async def _left_in_fulltext(self, connection: AsyncConnection, scope: Scope) -> int:
        """How many of the full-text tables still have something under the scope's tokens."""
        groups: list[list[str]] = []
        if scope.message_ids is not None:
            return 0  # keyed by message, and gone with it in one transaction
        if scope.guild_id is not None:
            groups.append([guild_token(scope.guild_id)])
        if scope.user_id is not None:
            groups.append([author_token(scope.user_id)])
        if scope.channel_ids is not None:
            groups.append([channel_token(i) for i in sorted(scope.channel_ids)])
        found = [await self._fulltext.search(connection, table, groups, 1) for table in ("messages", "memories")]
        return sum(map(len, found))

    async def _scrub(self, tries: int = SCRUB_TRIES) -> None:
        """Let the deleted bytes leave the files; a reader that holds an older state gets a moment to finish."""
        for attempt in range(tries):
            if await self._db.scrub() or attempt + 1 == tries:
                return
            await asyncio.sleep(SCRUB_PAUSE_SECONDS)


def _in_guild(column: Column[int], scope: Scope) -> ColumnElement[bool]:
    return true() if scope.guild_id is None else column == scope.guild_id


def _said(scope: Scope) -> ColumnElement[bool]:
    """Logged messages in scope."""
    conditions = [_in_guild(messages.c.guild_id, scope)]
    if scope.user_id is not None:
        conditions.append(messages.c.author_id == scope.user_id)
    if scope.channel_ids is not None:
        conditions.append(messages.c.channel_id.in_(scope.channel_ids))
    if scope.message_ids is not None:
        conditions.append(messages.c.id.in_(scope.message_ids))
    if scope.logged_before_ms is not None:
        conditions.append(messages.c.logged_ms < scope.logged_before_ms)
    return and_(*conditions)


def _cited(scope: Scope) -> Select[int]:
    """Cited messages in scope, in the log or not."""
    cited = select(citations.c.message_id).distinct()
    if scope.guild_id is not None:
        cited = cited.join(memories, memories.c.id == citations.c.memory_id).where(
            memories.c.guild_id == scope.guild_id
        )
    if scope.user_id is not None:
        cited = cited.where(citations.c.author_id == scope.user_id)
    if scope.channel_ids is not None:
        cited = cited.where(citations.c.channel_id.in_(scope.channel_ids))
    if scope.message_ids is not None:
        cited = cited.where(citations.c.message_id.in_(scope.message_ids))
    return cited


def _doubting(scope: Scope) -> Select[int]:
    """Messages in scope, in the log or not, by which a memory may have changed."""
    doubting = select(memories.c.doubt_message_id).where(memories.c.doubt_message_id.is_not(None)).distinct()
    doubting = doubting.where(_in_guild(memories.c.guild_id, scope))
    if scope.user_id is not None:
        doubting = doubting.where(memories.c.doubt_author_id == scope.user_id)
    if scope.channel_ids is not None:
        doubting = doubting.where(memories.c.doubt_channel_id.in_(scope.channel_ids))
    if scope.message_ids is not None:
        doubting = doubting.where(memories.c.doubt_message_id.in_(scope.message_ids))
    return doubting


def _mentions(column: Column[str], user_id: int) -> ColumnElement[bool]:
    return or_(*(column.contains(mention) for mention in _forms(user_id)))


def _forms(user_id: int) -> tuple[str, str]:
    return f"<@{user_id}>", f"<@!{user_id}>"


async def _count(connection: AsyncConnection, query: Select[int]) -> int:
    return (await connection.scalar(select(func.count()).select_from(query.subquery()))) or 0


async def _cited_authors(connection: AsyncConnection, message_ids: Sequence[int]) -> set[tuple[int, int]]:
    """Guild and user id of whoever is cited with one of these messages."""
    query = select(memories.c.guild_id, citations.c.author_id).distinct()
    query = query.join(memories, memories.c.id == citations.c.memory_id).where(citations.c.message_id.in_(message_ids))
    return {(row.guild_id, row.author_id) for row in await connection.execute(query)}


async def _forget_names(connection: AsyncConnection, people: Iterable[tuple[int, int]]) -> int:
    """Forget the names of those of whom nothing is left: no message, no citation, and no memory refers to them."""
    by_guild: defaultdict[int, set[int]] = defaultdict(set)
    for guild_id, user_id in people:
        by_guild[guild_id].add(user_id)
    forgotten = 0
    for guild_id, users in by_guild.items():
        said = exists().where(messages.c.author_id == members.c.user_id, messages.c.guild_id == guild_id)
        cited = exists().where(
            citations.c.author_id == members.c.user_id,
            ~citations.c.supporting,
            citations.c.memory_id == memories.c.id,
            memories.c.guild_id == guild_id,
        )
        theirs = and_(members.c.guild_id == guild_id, members.c.user_id.in_(users))
        silent = set(await connection.scalars(select(members.c.user_id).where(theirs, ~said, ~cited)))
        if silent:
            referring = select(memories.c.text).where(memories.c.guild_id == guild_id, memories.c.text.contains("<@"))
            silent -= people_in(await connection.scalars(referring))
        nothing_left = and_(members.c.guild_id == guild_id, members.c.user_id.in_(silent))
        forgotten += (await connection.execute(delete(members).where(nothing_left))).rowcount
    return forgotten
