"""The full-text index: which messages and memories hold a term, and how many do.

A document is its terms (see `analysis`) behind tokens for its guild, channel and authors, so that who may read it is
part of the match and costs nothing behind it (at a million messages of 500 channels: 26 ms against 215 ms for a join).
The tokens contain an underscore, which no term does, so that no text can pretend to be elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    String,
    Subquery,
    TableClause,
    bindparam,
    cast,
    column,
    delete,
    func,
    insert,
    literal,
    literal_column,
    select,
    table,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.lexical.analysis import terms
from bot.references import people_in
from bot.storage.schema import channels, messages

Indexed = Literal["messages", "memories"]

CHANNELS_IN_MATCH = 8
"""With more channels than this, merging their lists of rows costs more than looking up each row's channel."""

LOOKED_AT = 2000
"""Rows of a word whose channel is looked up."""

COUNTED = 4_000
"""Rows of a word that are counted one by one for its frequency."""

_TABLES: Mapping[Indexed, TableClause] = MappingProxyType(
    {
        "messages": table("message_terms", column("rowid"), column("terms")),
        "memories": table("memory_terms", column("rowid"), column("terms")),
    }
)


@dataclass(frozen=True, slots=True)
class Entry:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
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


def guild_token(guild_id: int) -> str:
    """The token of everything said in a guild."""
    return f"g_{guild_id}"


def channel_token(channel_id: int) -> str:
    """The token of everything said in a channel."""
    return f"c_{channel_id}"


def author_token(author_id: int) -> str:
    """The token of everything said by a member."""
    return f"a_{author_id}"


def mention_token(user_id: int) -> str:
    """The token of everything that refers to somebody."""
    return f"m_{user_id}"


class FullText:
    """Keeps and searches the terms of messages and memories, inside the caller's transaction."""

    def __init__(self, dialect: Literal["sqlite", "postgresql"]) -> None:
        self._dialect = dialect

    async def add(self, connection: AsyncConnection, where: Indexed, entries: Iterable[Entry]) -> None:
        """Index `entries`, in place of what stood under their rows."""
        rows = [{"rowid": entry.rowid, "terms": " ".join(_tokens(entry))} for entry in entries]
        if rows:
            await connection.execute(insert(_TABLES[where]).prefix_with("OR REPLACE"), rows)

    async def remove(self, connection: AsyncConnection, where: Indexed, rowids: Iterable[int]) -> None:
        """Forget rows; unknown ones are fine."""
        rows = [{"row": rowid} for rowid in rowids]
        if rows:
            index = _TABLES[where]
            await connection.execute(delete(index).where(index.c.rowid == bindparam("row")), rows)

    async def search(
        self, connection: AsyncConnection, where: Indexed, groups: Sequence[Collection[str]], limit: int
    ) -> list[Document]:
        """Documents that hold a token of each group, best first by the database's own ranking."""
        index = _TABLES[where]
        rows = await connection.execute(
            select(index.c.rowid, index.c.terms)
            .where(_matches(index, _all_of(groups)))
            .order_by(literal_column("rank"))
            .limit(limit)
        )
        return [Document(row.rowid, tuple(row.terms.split())) for row in rows]

    async def newest(
        self,
        connection: AsyncConnection,
        where: Indexed,
        scope: Scope,
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
        rows = _Rows(_TABLES[where], scope)
        parts = [
            select(literal(number), func.aggregate_strings(cast(found.c.rowid, String), ","))
            for number, groups in enumerate(wanted)
            for found in [rows.newest(groups, limit)]
        ]
        found = {row[0]: row[1] for row in await connection.execute(union_all(*parts))}
        return [list(map(int, found[number].split(","))) if found.get(number) else [] for number in range(len(wanted))]

    async def documents(
        self, connection: AsyncConnection, where: Indexed, rowids: Collection[int]
    ) -> dict[int, list[str]]:
        """What rows stand under, by row; those that are not there are left out."""
        index = _TABLES[where]
        rows = await connection.execute(select(index.c.rowid, index.c.terms).where(index.c.rowid.in_(rowids)))
        return {rowid: terms_.split() for rowid, terms_ in rows.all()}

    async def frequencies(
        self, connection: AsyncConnection, where: Indexed, scope: Scope, words: Sequence[Collection[str]]
    ) -> list[float]:
        """How many documents there are in scope, and how many hold each word (any of the terms it may stand under).

        Counted up to a limit, newest first, and from there on estimated by how much of the time that took,
        so that the most common words cost no more than others.
        """
        parts = _Rows(_TABLES[where], scope)
        groups: list[list[Collection[str]]] = [[[guild_token(scope.guild_id)]], *([word] for word in words)]
        counts = [
            select(literal(number).label("word"), func.count(), func.min(found.c.rowid), func.max(found.c.rowid))
            for number, group in enumerate(groups)
            for found in [parts.newest(group, COUNTED)]
        ]
        inside = parts.holding(groups[0])
        first = inside.order_by(inside.selected_columns[0]).limit(1).subquery()
        oldest = select(literal(-1).label("word"), literal(0), first.c.rowid, first.c.rowid)
        rows = {row[0]: row for row in await connection.execute(union_all(*counts, oldest))}
        if -1 not in rows:
            return [0.0] * len(groups)
        span = rows[0][3] - rows[-1][2]
        counted = (rows[number] for number in range(len(groups)))
        return [_estimate(count, low, high, span) for _, count, low, high in counted]


def document_length(tokens: Sequence[str]) -> int:
    """Terms of a document; the index's own tokens, which come first, don't count."""
    own = next((number for number, token in enumerate(tokens) if "_" not in token), len(tokens))
    return len(tokens) - own


def _estimate(counted: int, oldest: int, newest: int, span: int) -> float:
    """All rows of a word, of which `counted` are between two rows, if it is as frequent in all of `span`."""
    return counted if counted < COUNTED else counted * max(1.0, span / max(1, newest - oldest))


class _Rows:
    """Finds the newest rows of an index that lie in a scope; makes the parts of one statement."""

    def __init__(self, index: TableClause, scope: Scope) -> None:
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
        if self._theirs is None:
            return rows.limit(limit).subquery()
        looked_at = rows.limit(LOOKED_AT).subquery()
        readable = select(looked_at.c.rowid).join(messages, messages.c.id == looked_at.c.rowid)
        readable = readable.where(messages.c.channel_id.in_(select(self._theirs.c.channel_id)))
        return readable.order_by(looked_at.c.rowid.desc()).limit(limit).subquery()

    def holding(self, groups: Sequence[Collection[str]]) -> Select[tuple[int]]:
        """All rows that hold a token of each group, as far as the match can tell."""
        return select(self._index.c.rowid).where(_matches(self._index, self._match(groups)))

    def _match(self, groups: Sequence[Collection[str]]) -> str:
        scope, tokens = self._scope, list(groups)
        if scope.author_id is not None:
            tokens.append([author_token(scope.author_id)])
        if scope.channel_ids is not None and len(scope.channel_ids) <= CHANNELS_IN_MATCH:
            return _all_of([*tokens, list(map(channel_token, sorted(scope.channel_ids)))])
        if not scope.sole:
            tokens.append([guild_token(scope.guild_id)])
        if scope.channel_ids is None or not scope.hidden_ids or self._too_many():
            return _all_of(tokens)
        return f"({_all_of(tokens)}) NOT ({' OR '.join(map(channel_token, sorted(scope.hidden_ids)))})"

    def _too_many(self) -> bool:
        """Whether the channels in scope are too many for the match, and those that are not as well."""
        readable, hidden = self._scope.channel_ids, self._scope.hidden_ids
        many_readable = readable is not None and len(readable) > CHANNELS_IN_MATCH
        return many_readable and (hidden is None or len(hidden) > CHANNELS_IN_MATCH)


def _matches(index: TableClause, match: str) -> ColumnElement[bool]:
    return literal_column(index.name).op("MATCH", is_comparison=True)(match)


def _all_of(groups: Sequence[Collection[str]]) -> str:
    return " AND ".join("(" + " OR ".join(group) + ")" for group in groups)


def _tokens(entry: Entry) -> list[str]:
    return [
        guild_token(entry.guild_id),
        channel_token(entry.channel_id),
        *map(author_token, sorted(entry.author_ids)),
        *map(mention_token, sorted(people_in([entry.text]))),
        *terms(entry.text),
    ]
