"""The full-text index: which messages and memories hold a term, and how many do.

A document is its terms (see `analysis`) behind tokens for its guild, channel and authors, so that who may read it is
part of the match and costs nothing behind it (at a million messages of 500 channels: 26 ms against 215 ms for a join).
The tokens contain an underscore, which no term does, so that no text can pretend to be elsewhere.

SQLite matches by FTS5. PostgreSQL matches arrays of the tokens' hashes under GIN: such an index never drops a key, so
it must hold no word. Ranking looks at the terms themselves and is the same on both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Select,
    String,
    Subquery,
    TableClause,
    and_,
    bindparam,
    cast,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    not_,
    select,
    table,
    true,
    union_all,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import people_in
from bot.storage import channels, citations, memories, messages
from bot.text.analysis import terms
from bot.text.scope_tokens import author_token, channel_token, guild_token, mention_token

Indexed = Literal["messages", "memories"]
Dialect = Literal["sqlite", "postgresql"]

CHANNELS_IN_MATCH = 8
"""With more channels than this, merging their lists of rows costs more than looking up each row's channel."""

LOOKED_AT = 2000
"""Rows of a word whose channel is looked up."""

COUNTED = 4_000
"""Rows of a word that are counted one by one for its frequency."""

_HASHES = postgresql.ARRAY(BigInteger)

_TABLES: Mapping[Dialect, Mapping[Indexed, TableClause]] = MappingProxyType(
    {
        "sqlite": {
            "messages": table("message_terms", column("rowid"), column("terms")),
            "memories": table("memory_terms", column("rowid"), column("terms")),
        },
        "postgresql": {
            "messages": table("message_terms", column("rowid"), column("terms"), column("tokens", _HASHES)),
            "memories": table("memory_terms", column("rowid"), column("terms"), column("tokens", _HASHES)),
        },
    }
)


@dataclass(frozen=True, slots=True)
class FullTextEntry:
    """What the index learns about one message or memory.

    Attributes:
        rowid: messages.id or memories.seq.
        channel_id: where it was said; of a memory, where it was said last.
        author_ids: who said it.
        text: as it is stored, people as `<@user_id>`.
    """

    rowid: int
    guild_id: int
    channel_id: int
    author_ids: Collection[int]
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """A match: its row and everything that it stands under."""

    rowid: int
    terms: tuple[str, ...]


class Holders(NamedTuple):
    """Documents that lie in the same channels and hold a word, among those that were counted.

    Attributes:
        channel_ids: where they lie; of memories, all channels that they cite.
        documents: how many they are.
        oldest: the lowest of their rows.
        newest: the highest.
    """

    channel_ids: tuple[int, ...]
    documents: int
    oldest: int
    newest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchScope:
    """Where to look.

    Attributes:
        guild_id: only there.
        sole: no other guild has anything, which saves comparing with everything that this one has.
        channel_ids: only in these channels; None for all of the guild.
        hidden_ids: where it is shorter, the other channels of the guild, to look anywhere but there.
        author_id: only what this member said.
        since: only messages with this snowflake or a newer one; memories are not told apart by it.
        until: only messages with this snowflake or an older one; memories are not told apart by it.
    """

    guild_id: int
    sole: bool = False
    channel_ids: frozenset[int] | None = None
    hidden_ids: frozenset[int] | None = None
    author_id: int | None = None
    since: int | None = None
    until: int | None = None


class FullText:
    """Keeps and searches the terms of messages and memories, inside the caller's transaction."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect: Dialect = dialect
        self._tables = _TABLES[dialect]

    async def add(self, connection: AsyncConnection, where: Indexed, entries: Iterable[FullTextEntry]) -> None:
        """Index `entries`, in place of what stood under their rows."""
        await self.put(connection, where, [Document(entry.rowid, tuple(_tokens(entry))) for entry in entries])

    async def put(self, connection: AsyncConnection, where: Indexed, documents: Sequence[Document]) -> None:
        """Index documents of another index as they stand there, in place of what stood under their rows."""
        if not documents:
            return
        index = self._tables[where]
        if self._dialect == "sqlite":
            rows = [{"rowid": each.rowid, "terms": " ".join(each.terms)} for each in documents]
            await connection.execute(insert(index).prefix_with("OR REPLACE"), rows)
            return
        hashed = [
            {"rowid": rowid, "terms": " ".join(each.terms), "tokens": _hashes(each.terms)}
            for rowid, each in {each.rowid: each for each in documents}.items()
        ]
        fresh = postgresql.insert(index)
        changed = {"terms": fresh.excluded.terms, "tokens": fresh.excluded.tokens}
        await connection.execute(fresh.on_conflict_do_update(index_elements=["rowid"], set_=changed), hashed)

    async def page(self, connection: AsyncConnection, where: Indexed, after: int, limit: int) -> list[Document]:
        """Documents by their rows, those behind `after`."""
        index = self._tables[where]
        query = select(index.c.rowid, index.c.terms).where(index.c.rowid > after).order_by(index.c.rowid).limit(limit)
        return [Document(row.rowid, tuple(row.terms.split())) for row in await connection.execute(query)]

    async def remove(self, connection: AsyncConnection, where: Indexed, rowids: Iterable[int]) -> None:
        """Forget rows; unknown ones are fine."""
        rows = [{"row": rowid} for rowid in rowids]
        if rows:
            index = self._tables[where]
            await connection.execute(delete(index).where(index.c.rowid == bindparam("row")), rows)

    async def search(
        self, connection: AsyncConnection, where: Indexed, groups: Sequence[Collection[str]], limit: int
    ) -> list[Document]:
        """Documents that hold a token of each group, best first: by BM25, or on PostgreSQL by tokens in common."""
        index = self._tables[where]
        rows = await connection.execute(
            select(index.c.rowid, index.c.terms)
            .where(_matches(index, groups))
            .order_by(*_best_first(index, groups))
            .limit(limit)
        )
        return [Document(row.rowid, tuple(row.terms.split())) for row in rows]

    async def newest(
        self,
        connection: AsyncConnection,
        where: Indexed,
        scope: SearchScope,
        wanted: Sequence[Sequence[Collection[str]]],
        limit: int,
    ) -> list[list[int]]:
        """The newest rows in scope for each of several searches, in no order; common words cost little more.

        Args:
            connection: the caller's.
            where: messages or memories.
            scope: where to look. Of memories, channels are matched by the last one that they cite, and of many channels
                those of others may come along; of messages in many channels, old ones may be missed.
            wanted: each search as groups of tokens; a row must hold a token of each group.
            limit: at most so many rows a search.
        """
        if not wanted:
            return []
        rows = _Rows(self._tables[where], scope)
        parts = [
            select(literal(number), func.aggregate_strings(cast(newest.c.rowid, String), ","))
            for number, groups in enumerate(wanted)
            for newest in [rows.newest(groups, limit)]
        ]
        newest = {row[0]: row[1] for row in await connection.execute(union_all(*parts))}
        return [
            list(map(int, newest[number].split(","))) if newest.get(number) else [] for number in range(len(wanted))
        ]

    def holding(self, where: Indexed, scope: SearchScope, groups: Sequence[Collection[str]]) -> Select[tuple[int]]:
        """All rows that hold a token of each group, those of other channels among them; for the caller's statement."""
        return _Rows(self._tables[where], scope).holding(groups)

    async def documents(
        self, connection: AsyncConnection, where: Indexed, rowids: Collection[int]
    ) -> dict[int, list[str]]:
        """What rows stand under, by row; those that are not there are left out."""
        index = self._tables[where]
        rows = await connection.execute(select(index.c.rowid, index.c.terms).where(index.c.rowid.in_(rowids)))
        return {rowid: terms_.split() for rowid, terms_ in rows.all()}

    async def holders(
        self, connection: AsyncConnection, where: Indexed, scope: SearchScope, words: Sequence[Collection[str]]
    ) -> tuple[list[list[Holders]], int]:
        """How many documents of a guild hold each word (any of the terms it may stand under; without any, all do).

        Counted up to a limit, newest first, by the channels in which they lie, so that the figures serve whoever asks.
        Of few channels in scope only theirs are counted, so that those of a quiet one are among them.

        Returns:
            those of each word; and the row of the oldest document where all were to be counted, else 0.
        """
        parts = _Rows(self._tables[where], scope)
        every = [guild_token(scope.guild_id)]
        groups: list[list[Collection[str]]] = [[word or every] for word in words]
        counts = [parts.by_channels(number, group, COUNTED) for number, group in enumerate(groups)]
        if not all(words):
            inside = parts.holding([every])
            first = inside.order_by(inside.selected_columns[0]).limit(1).subquery()
            counts.append(select(literal(-1), literal(""), literal(0), first.c.rowid, first.c.rowid))
        holders: list[list[Holders]] = [[] for _ in groups]
        oldest_row = 0
        for number, channel_ids, count, low, high in await connection.execute(union_all(*counts)):
            if number < 0:
                oldest_row = low
            else:
                ids = tuple(sorted({int(channel_id) for channel_id in channel_ids.split(",")}))
                holders[number].append(Holders(ids, count, low, high))
        return holders, oldest_row


def document_length(tokens: Sequence[str]) -> int:
    """Terms of a document; the index's own tokens, which come first, don't count."""
    own = next((number for number, token in enumerate(tokens) if "_" not in token), len(tokens))
    return len(tokens) - own


class _Rows:
    """Finds the newest rows of an index that lie in a scope; makes the parts of one statement."""

    def __init__(self, index: TableClause, scope: SearchScope) -> None:
        self._index = index
        self._scope = scope
        self._dated = index.name == "message_terms"  # rows of memories are numbers, rows of messages are snowflakes
        self._theirs: CTE | None = None
        if self._dated and self._too_many():
            ids = sorted(scope.channel_ids or ())
            self._theirs = select(channels.c.channel_id).where(channels.c.channel_id.in_(ids)).cte("theirs")

    def newest(self, groups: Sequence[Collection[str]], limit: int) -> Subquery:
        """The newest rows that hold a token of each group."""
        rows = self.holding(groups)
        if self._dated and self._scope.since is not None:
            rows = rows.where(self._index.c.rowid >= self._scope.since)
        if self._dated and self._scope.until is not None:
            rows = rows.where(self._index.c.rowid <= self._scope.until)
        rows = rows.order_by(self._index.c.rowid.desc())
        if self._theirs is None and (self._dated or self._scope.channel_ids is None):
            return rows.limit(limit).subquery()
        looked_at = rows.limit(LOOKED_AT).subquery()
        readable = select(looked_at.c.rowid).where(self._may_read(looked_at.c.rowid))
        return readable.order_by(looked_at.c.rowid.desc()).limit(limit).subquery()

    def by_channels(self, number: int, groups: Sequence[Collection[str]], limit: int) -> Select[Any]:
        """Of the newest rows that hold a token of each group, how many lie in which channels, the oldest and newest."""
        rows = self.holding(groups).order_by(self._index.c.rowid.desc()).limit(limit).subquery()
        if self._dated:
            placed = select(rows.c.rowid, cast(messages.c.channel_id, String).label("places"))
            places = placed.join_from(rows, messages, messages.c.id == rows.c.rowid).subquery()
        else:
            channel_ids = func.aggregate_strings(cast(citations.c.channel_id, String), ",")
            cited = select(rows.c.rowid, channel_ids.label("places"))
            cited = cited.join_from(rows, memories, memories.c.seq == rows.c.rowid)
            cited = cited.join(citations, citations.c.memory_id == memories.c.id)
            places = cited.group_by(rows.c.rowid).subquery()
        row = places.c.rowid
        counted = select(literal(number), places.c.places, func.count(), func.min(row), func.max(row))
        return counted.group_by(places.c.places)

    def _may_read(self, rowid: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether a row lies in the scope's channels alone, as far as the match does not tell already."""
        if self._theirs is not None:
            theirs = messages.c.channel_id.in_(select(self._theirs.c.channel_id))
            return exists().where(messages.c.id == rowid, theirs)
        if self._dated or self._scope.channel_ids is None:
            return true()
        elsewhere = citations.c.channel_id.not_in(self._scope.channel_ids)
        return ~exists().where(memories.c.seq == rowid, citations.c.memory_id == memories.c.id, elsewhere)

    def holding(self, groups: Sequence[Collection[str]]) -> Select[tuple[int]]:
        """All rows that hold a token of each group, as far as the match can tell."""
        return select(self._index.c.rowid).where(_matches(self._index, *self._match(groups)))

    def _match(self, groups: Sequence[Collection[str]]) -> tuple[list[Collection[str]], list[str]]:
        """Groups of tokens of each of which a row must hold one, and tokens of which it may hold none."""
        scope, tokens = self._scope, list(groups)
        if scope.author_id is not None:
            tokens.append([author_token(scope.author_id)])
        if scope.channel_ids is not None and len(scope.channel_ids) <= CHANNELS_IN_MATCH:
            return [*tokens, list(map(channel_token, sorted(scope.channel_ids)))], []
        if not scope.sole:
            tokens.append([guild_token(scope.guild_id)])
        if scope.channel_ids is None or not scope.hidden_ids or self._too_many():
            return tokens, []
        return tokens, list(map(channel_token, sorted(scope.hidden_ids)))

    def _too_many(self) -> bool:
        """Whether the channels in scope are too many for the match, and those that are not as well."""
        readable, hidden = self._scope.channel_ids, self._scope.hidden_ids
        many_readable = readable is not None and len(readable) > CHANNELS_IN_MATCH
        return many_readable and (hidden is None or len(hidden) > CHANNELS_IN_MATCH)


def _matches(
    index: TableClause, groups: Sequence[Collection[str]], without: Collection[str] = ()
) -> ColumnElement[bool]:
    if "tokens" in index.c:
        held = [_hold_one_of(index, group) for group in groups]
        return and_(*held, not_(_hold_one_of(index, without))) if without else and_(*held)
    match = " AND ".join("(" + " OR ".join(group) + ")" for group in groups)
    if without:
        match = f"({match}) NOT ({' OR '.join(without)})"
    return literal_column(index.name).op("MATCH", is_comparison=True)(match)


def _hold_one_of(index: TableClause, tokens: Collection[str]) -> ColumnElement[bool]:
    return index.c.tokens.op("&&", is_comparison=True)(literal(_hashes(tokens), _HASHES))


def _best_first(index: TableClause, groups: Sequence[Collection[str]]) -> tuple[ColumnElement[Any], ...]:
    if "tokens" not in index.c:
        return (literal_column("rank"),)
    asked = literal(_hashes([token for group in groups for token in group]), _HASHES)
    held = func.unnest(index.c.tokens).table_valued("token").render_derived()
    common = select(func.count()).select_from(held).where(held.c.token == func.any(asked))
    return common.scalar_subquery().desc(), index.c.rowid.desc()


def _hashes(tokens: Iterable[str]) -> list[int]:
    """Each token once, as 64 bits; of a billion words two are the same with a chance of 3 %."""
    return sorted(
        {int.from_bytes(hashlib.blake2b(t.encode(), digest_size=8).digest(), "big", signed=True) for t in tokens}
    )


def _tokens(entry: FullTextEntry) -> list[str]:
    return [
        guild_token(entry.guild_id),
        channel_token(entry.channel_id),
        *map(author_token, sorted(entry.author_ids)),
        *map(mention_token, sorted(people_in([entry.text]))),
        *terms(entry.text),
    ]
