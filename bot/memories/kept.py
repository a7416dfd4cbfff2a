"""What becomes of memories when something is erased, edited or over its time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, and_, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import DELETED_MENTION, Memory, MemoryKind, MemoryOrigin, jump_url, with_names
from bot.memories.flags import Flags
from bot.memories.own import MAX_TEXT
from bot.memories.rows import undoubt
from bot.observe import left_in_words, mentions
from bot.storage import (
    STATEMENT_IDS,
    Record,
    Scope,
    Sections,
    Store,
    citations,
    corrections,
    forgotten_topics,
    memories,
    moment,
)

if TYPE_CHECKING:
    from bot.guilds import GuildServices, ServerRules
    from bot.memories.store import MemoryStore
    from bot.observe import Directory, LogServices, MessageLog
    from bot.storage import Database, Edited, Erased, Expired
    from bot.text import FullText

_DAY_MS = 86_400_000


class KeptMemories(Store):
    """Memories with their citations and full-text entries."""

    name = "memories"
    tables = (memories, citations)

    def __init__(
        self,
        db: Database,
        store: MemoryStore,
        fulltext: FullText,
        log: MessageLog,
        directory: Directory,
        rules: ServerRules,
    ) -> None:
        super().__init__(db)
        self._store = store
        self._fulltext = fulltext
        self._log = log
        self._directory = directory
        self._rules = rules

    async def erased(self, connection: AsyncConnection, erased: Erased) -> Counter[str]:
        """What stands on messages that go loses them; what others said goes on without a mention of the member."""
        withdrawal = await self._store.withdraw(connection, erased.messages)
        names = await self._directory.forget_silent(connection, erased.people)
        gone = Counter(memories=len(withdrawal.removed), citations=len(withdrawal.reduced), names=names)
        user_id = erased.scope.user_id
        if not erased.last or user_id is None:
            return gone
        naming = and_(mentions(memories.c.text, user_id), _in_guild(erased.scope.guild_id))
        ids = list(await connection.scalars(select(memories.c.id).where(naming).limit(STATEMENT_IDS)))
        await self._store.take_out(connection, ids, {user_id}, DELETED_MENTION)
        return gone + Counter(mentions=len(ids))

    async def edited(self, connection: AsyncConnection, edited: Edited) -> int:
        """What was extracted from the message goes, to be extracted again; what a member kept of it is rewritten.

        A memory that was corrected stays as its member wrote it.
        """
        changed = await undoubt(connection, [edited.message_id])
        if edited.logged is not None or await _made_before(connection, edited):
            withdrawal = await self._store.withdraw(connection, [edited.message_id], only_extracted=True)
            changed += len(withdrawal.removed) + len(withdrawal.reduced)
        return changed + await self._rewrite_kept(connection, edited)

    async def _rewrite_kept(self, connection: AsyncConnection, edited: Edited) -> int:
        """Give the memory that a member kept of a message its new text; how many there were."""
        text = edited.content.strip()[:MAX_TEXT]
        citing = (
            select(memories.c.id, memories.c.guild_id)
            .join(citations, citations.c.memory_id == memories.c.id)
            .where(
                citations.c.message_id == edited.message_id,
                memories.c.origin == MemoryOrigin.REMEMBERED,
                memories.c.text != text,
            )
        )
        rows = (await connection.execute(citing)).all()
        if not text:
            await self._store.remove(connection, [row.id for row in rows])
            return len(rows)
        texts = await self._log.unmentioned(connection, [(row.guild_id, text) for row in rows])
        for row, shown in zip(rows, texts, strict=True):
            await self._store.rewrite(connection, row.id, shown)
        return len(rows)

    async def expired(self, connection: AsyncConnection, expired: Expired) -> Counter[str]:
        """They outlive their messages, and go when they were kept for as long as their server wants."""
        gone: Counter[str] = Counter()
        if not expired.last:
            return gone
        kinds = (await connection.execute(select(memories.c.guild_id, memories.c.kind).distinct())).all()
        for guild_id, kind in kinds:
            days = self._rules.of(guild_id).lifetimes[MemoryKind(kind)]
            if days is not None:
                before_ms = expired.now_ms - days * _DAY_MS
                old = and_(memories.c.guild_id == guild_id, memories.c.kind == kind, memories.c.created_ms < before_ms)
                gone += await self._outlived(connection, old)
            if gone[self.name] >= STATEMENT_IDS:
                break
        return gone

    async def _outlived(self, connection: AsyncConnection, old: ColumnElement[bool]) -> Counter[str]:
        """Remove some of these with what they replaced, which does not hold again."""
        ids = list(await connection.scalars(select(memories.c.id).where(old).limit(STATEMENT_IDS)))
        if not ids:
            return Counter()
        ids = await self._store.with_past(connection, ids)
        cited = select(memories.c.guild_id, citations.c.author_id).join(memories).distinct()
        people = (await connection.execute(cited.where(memories.c.id.in_(ids)))).all()
        await self._store.remove(connection, ids)
        names = await self._directory.forget_silent(connection, [(row.guild_id, row.author_id) for row in people])
        return Counter({self.name: len(ids), self._directory.name: names})

    async def give(self, user_id: int, guild_id: int | None) -> Sections:
        """Every memory with the member's own sources, and those that they doubted."""
        cited = select(citations.c.memory_id).where(citations.c.author_id == user_id).distinct()
        doubted = select(memories).where(memories.c.doubt_author_id == user_id, _in_guild(guild_id))
        async with self._db.read() as connection:
            ids = list(await connection.scalars(cited))
            doubts = (await connection.execute(doubted.order_by(memories.c.seq))).all()
        loaded = (await self._store.get(ids, hidden=True)).values()
        shown = await self._store.get(ids)
        theirs = [memory for memory in loaded if guild_id in (None, memory.guild_id)]
        in_order = sorted(theirs, key=lambda memory: memory.said_at)
        return {
            self.name: [await self._record(memory, user_id, hidden=memory.id not in shown) for memory in in_order],
            "doubts": [
                {
                    "memory_id": row.id,
                    "may_have_changed_with": jump_url(row.guild_id, row.doubt_channel_id, row.doubt_message_id),
                }
                for row in doubts
            ],
        }

    async def _record(self, memory: Memory, user_id: int, *, hidden: bool) -> Record:
        names = await self._directory.names(memory.guild_id, memory.author_ids)
        own = [citation for citation in memory.citations if citation.author_id == user_id]
        links = {c: jump_url(memory.guild_id, c.channel_id, c.message_id) for c in own}
        record = {
            "memory_id": memory.id,
            "kind": memory.kind.value,
            "text": with_names(memory.text, names),
            "state": memory.state.value,
            "origin": memory.origin.value,
            "from": [link for c, link in links.items() if not c.supporting],
            "channels": [str(channel_id) for channel_id in sorted(memory.channel_ids)],
            "messages_of_others": len(memory.citations) - len(own),
        }
        if supporting := [link for c, link in links.items() if c.supporting]:
            record["holds_a_date_or_link_from"] = supporting
        if hidden:
            record["hidden_until_decided"] = True
        if (doubt := memory.doubt) is not None:
            record["may_have_changed_since"] = jump_url(memory.guild_id, doubt.channel_id, doubt.message_id)
            record["doubt_channel"] = str(doubt.channel_id)
        return record

    async def count(self, scope: Scope) -> Counter[str]:
        """Messages in scope that are cited, mentions of an erased member, and what is left in the full text."""
        async with self._db.read() as connection:
            left = await _count(connection, cited_in(scope))
            if scope.user_id is not None:
                naming = and_(mentions(memories.c.text, scope.user_id), _in_guild(scope.guild_id))
                left += await _count(connection, select(memories.c.id).where(naming))
            doubts = await _count(connection, doubting_in(scope))
            in_words = await left_in_words(connection, self._fulltext, "memories", scope)
        return Counter({self.name: left, "doubts": doubts, "full text": in_words})


class ForgottenTopics(Store):
    """Messages of which no topic is to be made again; each goes with its message, and stays when that is edited."""

    name = "forgotten topics"
    tables = (forgotten_topics,)

    async def edited(self, connection: AsyncConnection, edited: Edited) -> int:
        """It stays forgotten."""
        return 0


class Corrections(Store):
    """Who put memories right: a member's words, whoever else is cited. Their texts are among the memories."""

    name = "corrections"
    tables = (corrections,)

    def __init__(self, db: Database, store: MemoryStore) -> None:
        super().__init__(db)
        self._store = store

    async def erased(self, connection: AsyncConnection, erased: Erased) -> Counter[str]:
        """Remove those that still stand on what others said, and let that be extracted again."""
        if not erased.last or erased.scope.user_id is None:
            return Counter()
        rows = (await connection.execute(_corrected_by(erased.scope.user_id, erased.scope.guild_id))).all()
        await self._store.retract(connection, [row.memory_id for row in rows])
        return Counter({self.name: len(rows)})

    async def give(self, user_id: int, guild_id: int | None) -> Sections:
        """Which memories, and when."""
        async with self._db.read() as connection:
            rows = (await connection.execute(_corrected_by(user_id, guild_id))).all()
        return {self.name: [{"memory_id": r.memory_id, "corrected_at": moment(r.corrected_ms)} for r in rows]}

    async def count(self, scope: Scope) -> Counter[str]:
        """Those of an erased member that are left."""
        if scope.user_id is None:
            return Counter()
        async with self._db.read() as connection:
            return Counter({self.name: await _count(connection, _corrected_by(scope.user_id, scope.guild_id))})


def cited_in(scope: Scope) -> Select[tuple[int]]:
    """Cited messages in scope, in the log or not."""
    cited = select(citations.c.message_id).distinct()
    if scope.guild_id is not None:
        cited = cited.join(memories, memories.c.id == citations.c.memory_id).where(_in_guild(scope.guild_id))
    if scope.user_id is not None:
        cited = cited.where(citations.c.author_id == scope.user_id)
    if scope.channel_ids is not None:
        cited = cited.where(citations.c.channel_id.in_(scope.channel_ids))
    if scope.message_ids is not None:
        cited = cited.where(citations.c.message_id.in_(scope.message_ids))
    return cited


def doubting_in(scope: Scope) -> Select[tuple[int]]:
    """Messages in scope, in the log or not, by which a memory may have changed."""
    doubting = select(memories.c.doubt_message_id).where(memories.c.doubt_message_id.is_not(None)).distinct()
    doubting = doubting.where(_in_guild(scope.guild_id))
    if scope.user_id is not None:
        doubting = doubting.where(memories.c.doubt_author_id == scope.user_id)
    if scope.channel_ids is not None:
        doubting = doubting.where(memories.c.doubt_channel_id.in_(scope.channel_ids))
    if scope.message_ids is not None:
        doubting = doubting.where(memories.c.doubt_message_id.in_(scope.message_ids))
    return doubting


async def _made_before(connection: AsyncConnection, edited: Edited) -> bool:
    """Whether something was remembered from a message before it was edited."""
    made = select(func.min(memories.c.created_ms)).join(citations, citations.c.memory_id == memories.c.id)
    made_ms: int | None = await connection.scalar(made.where(citations.c.message_id == edited.message_id))
    return made_ms is not None and made_ms < edited.edited_ms


def _corrected_by(user_id: int, guild_id: int | None) -> Select[Any]:
    query = select(corrections.c.memory_id, corrections.c.corrected_ms)
    query = query.join(memories, memories.c.id == corrections.c.memory_id)
    return query.where(corrections.c.author_id == user_id, _in_guild(guild_id))


def _in_guild(guild_id: int | None) -> ColumnElement[bool]:
    return true() if guild_id is None else memories.c.guild_id == guild_id


async def _count(connection: AsyncConnection, query: Select[Any]) -> int:
    return (await connection.scalar(select(func.count()).select_from(query.subquery()))) or 0


def memory_stores(db: Database, guilds: GuildServices, logged: LogServices, store: MemoryStore) -> tuple[Store, ...]:
    """What this package keeps."""
    rules = guilds.consents.rules
    return (
        KeptMemories(db, store, logged.fulltext, logged.log, logged.directory, rules),
        Flags(db),
        ForgottenTopics(db),
        Corrections(db, store),
    )
