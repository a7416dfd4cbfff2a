"""The full-text index: which messages and memories hold a term, and how many do.

A document is its terms (see `analysis`) behind tokens for its guild, channel and authors, so that who may read it is
part of the match and costs nothing behind it (at a million messages of 500 channels: 26 ms against 215 ms for a join).
The tokens contain an underscore, which no term does, so that no text can pretend to be elsewhere.

SQLite matches by FTS5. PostgreSQL matches arrays of the tokens' hashes under GIN: such an index never drops a key, so
it must hold no word. Ranking looks at the terms themselves and is the same on both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Select, bindparam, delete, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import people_in
from bot.text.analysis import terms
from bot.text.row_statements import Dialect, Indexed, RowStatements, Search, hashes
from bot.text.scope_tokens import author_token, channel_token, guild_token, mention_token

CHANNELS_IN_MATCH = 8
"""With more channels than this, merging their lists of rows costs more than looking up each row's channel."""

COUNTED = 4_000
"""Rows of a word that are counted one by one for its frequency."""

_LAST = 2**63 - 1


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
        self._statements = RowStatements(dialect)

    async def add(self, connection: AsyncConnection, where: Indexed, entries: Iterable[FullTextEntry]) -> None:
        """Index `entries`, in place of what stood under their rows."""
        await self.put(connection, where, [Document(entry.rowid, tuple(_tokens(entry))) for entry in entries])

    async def put(self, connection: AsyncConnection, where: Indexed, documents: Sequence[Document]) -> None:
        """Index documents of another index as they stand there, in place of what stood under their rows."""
        if not documents:
            return
        index = self._statements.table(where)
        if self._dialect == "sqlite":
            rows = [{"rowid": each.rowid, "terms": " ".join(each.terms)} for each in documents]
            await connection.execute(insert(index).prefix_with("OR REPLACE"), rows)
            return
        hashed = [
            {"rowid": rowid, "terms": " ".join(each.terms), "tokens": hashes(each.terms)}
            for rowid, each in {each.rowid: each for each in documents}.items()
        ]
        fresh = postgresql.insert(index)
        changed = {"terms": fresh.excluded.terms, "tokens": fresh.excluded.tokens}
        await connection.execute(fresh.on_conflict_do_update(index_elements=["rowid"], set_=changed), hashed)

    async def page(self, connection: AsyncConnection, where: Indexed, after: int, limit: int) -> list[Document]:
        """Documents by their rows, those behind `after`."""
        index = self._statements.table(where)
        query = select(index.c.rowid, index.c.terms).where(index.c.rowid > after).order_by(index.c.rowid).limit(limit)
        return [Document(row.rowid, tuple(row.terms.split())) for row in await connection.execute(query)]

    async def remove(self, connection: AsyncConnection, where: Indexed, rowids: Iterable[int]) -> None:
        """Forget rows; unknown ones are fine."""
        rows = [{"row": rowid} for rowid in rowids]
        if rows:
            index = self._statements.table(where)
            await connection.execute(delete(index).where(index.c.rowid == bindparam("row")), rows)

    async def search(
        self, connection: AsyncConnection, where: Indexed, groups: Sequence[Collection[str]], limit: int
    ) -> list[Document]:
        """Documents that hold a token of each group, best first: by BM25, or on PostgreSQL by tokens in common."""
        searches = [Search(tuple(groups))]
        best = self._statements.best(self._statements.shape(where, searches))
        rows = await connection.execute(best, self._statements.bound(searches) | {"limit": limit})
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
        searches = [_search(scope, groups) for groups in wanted]
        dated = where == "messages" and (scope.since is not None or scope.until is not None)
        placed = scope.channel_ids is not None and (where == "memories" or _too_many(scope))
        shape = self._statements.shape(where, searches, dated=dated, placed=placed)
        bound = self._statements.bound(searches) | {"limit": limit}
        if dated:
            bound |= {"since": scope.since or 0, "until": _LAST if scope.until is None else scope.until}
        if placed:
            bound["readable"] = self._statements.ids(scope.channel_ids or ())
        newest = {row[0]: row[1] for row in await connection.execute(self._statements.newest(shape), bound)}
        return [
            list(map(int, newest[number].split(","))) if newest.get(number) else [] for number in range(len(wanted))
        ]

    def holding(self, where: Indexed, scope: SearchScope, groups: Sequence[Collection[str]]) -> Select[int]:
        """All rows that hold a token of each group, those of other channels among them; for the caller's statement."""
        searches = [_search(scope, groups)]
        return self._statements.holding(self._statements.shape(where, searches)).params(
            self._statements.bound(searches)
        )

    async def documents(
        self, connection: AsyncConnection, where: Indexed, rowids: Collection[int]
    ) -> dict[int, list[str]]:
        """What rows stand under, by row; those that are not there are left out."""
        ids = {"ids": self._statements.ids(rowids)}
        rows = await connection.execute(self._statements.documents(where), ids)
        return {row[0]: row[1].split() for row in rows.all()}

    async def holders(
        self, connection: AsyncConnection, where: Indexed, scope: SearchScope, words: Sequence[Collection[str]]
    ) -> tuple[list[list[Holders]], int]:
        """How many documents of a guild hold each word (any of the terms it may stand under; without any, all do).

        Counted up to a limit, newest first, by the channels in which they lie, so that the figures serve whoever asks.
        Of few channels in scope only theirs are counted, so that those of a quiet one are among them.

        Returns:
            those of each word; and the row of the oldest document where all were to be counted, else 0.
        """
        every = [guild_token(scope.guild_id)]
        searches = [_search(scope, [word or every]) for word in words]
        shape = self._statements.shape(where, searches)
        bound = self._statements.bound(searches) | {"limit": COUNTED}
        holders: list[list[Holders]] = [[] for _ in words]
        for number, channel_ids, count, low, high in await connection.execute(self._statements.places(shape), bound):
            ids = tuple(sorted({int(channel_id) for channel_id in channel_ids.split(",")}))
            holders[number].append(Holders(ids, count, low, high))
        if all(words):
            return holders, 0
        inside = [_search(scope, [every])]
        oldest = self._statements.oldest(self._statements.shape(where, inside))
        return holders, await connection.scalar(oldest, self._statements.bound(inside)) or 0


def document_length(tokens: Sequence[str]) -> int:
    """Terms of a document; the index's own tokens, which come first, don't count."""
    own = 0
    while own < len(tokens) and "_" in tokens[own]:
        own += 1
    return len(tokens) - own


def _search(scope: SearchScope, groups: Iterable[Collection[str]]) -> Search:
    """What a row must hold to lie in the scope, as far as the match can tell, and to hold a token of each group."""
    tokens = list(groups)
    if scope.author_id is not None:
        tokens.append([author_token(scope.author_id)])
    if scope.channel_ids is not None and len(scope.channel_ids) <= CHANNELS_IN_MATCH:
        return Search((*tokens, list(map(channel_token, sorted(scope.channel_ids)))))
    if not scope.sole:
        tokens.append([guild_token(scope.guild_id)])
    if scope.channel_ids is None or not scope.hidden_ids or _too_many(scope):
        return Search(tuple(tokens))
    return Search(tuple(tokens), tuple(map(channel_token, sorted(scope.hidden_ids))))


def _too_many(scope: SearchScope) -> bool:
    """Whether the channels in scope are too many for the match, and those that are not as well."""
    readable, hidden = scope.channel_ids, scope.hidden_ids
    many_readable = readable is not None and len(readable) > CHANNELS_IN_MATCH
    return many_readable and (hidden is None or len(hidden) > CHANNELS_IN_MATCH)


def _tokens(entry: FullTextEntry) -> list[str]:
    return [
        guild_token(entry.guild_id),
        channel_token(entry.channel_id),
        *map(author_token, sorted(entry.author_ids)),
        *map(mention_token, sorted(people_in([entry.text]))),
        *terms(entry.text),
    ]
