"""The statements by which rows of the full-text index are looked for, made once for each shape and then only bound.

To make such a statement takes several times as long as to run it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    String,
    TableClause,
    and_,
    bindparam,
    cast,
    column,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    table,
    union_all,
)
from sqlalchemy.dialects import postgresql

from bot.storage import citations, memories, messages

Indexed = Literal["messages", "memories"]
Dialect = Literal["sqlite", "postgresql"]

LOOKED_AT = 2000
"""Rows of a word whose channel is looked up."""

SHAPES = 256
"""Statements that are kept: some for each number of words in a question."""

HASHES = postgresql.ARRAY(BigInteger)

TABLES = MappingProxyType(
    {
        ("sqlite", "messages"): table("message_terms", column("rowid", Integer), column("terms", String)),
        ("sqlite", "memories"): table("memory_terms", column("rowid", Integer), column("terms", String)),
        ("postgresql", "messages"): table(
            "message_terms", column("rowid", BigInteger), column("terms", String), column("tokens", HASHES)
        ),
        ("postgresql", "memories"): table(
            "memory_terms", column("rowid", BigInteger), column("terms", String), column("tokens", HASHES)
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Search:
    """What a row must hold.

    Attributes:
        groups: of each of these it holds a token.
        without: of these it holds none.
    """

    groups: tuple[Collection[str], ...]
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides how a statement reads; all else is bound to it.

    Attributes:
        searches: how many groups each search has.
        without: each search has tokens that a row must not hold.
        dated: rows are of a time, from `since` to `until`.
        placed: rows lie in channels that are named, and that is looked up.
    """

    where: Indexed
    searches: tuple[int, ...]
    without: bool = False
    dated: bool = False
    placed: bool = False


class RowStatements:
    """Makes and keeps the statements for one database."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect: Dialect = dialect
        self.best = lru_cache(SHAPES)(self._best)
        self.newest = lru_cache(SHAPES)(self._newest)
        self.places = lru_cache(SHAPES)(self._places)
        self.oldest = lru_cache(SHAPES)(self._oldest)
        self.documents = lru_cache(SHAPES)(self._documents)

    def table(self, where: Indexed) -> TableClause:
        """The index of messages or memories."""
        return TABLES[self._dialect, where]

    def shape(self, where: Indexed, searches: Sequence[Search], *, dated: bool = False, placed: bool = False) -> Shape:
        """The shape of a statement for searches, all of which are `without` something or none."""
        if self._dialect == "sqlite":  # a search is one string there, whatever it says
            return Shape(where, (1,) * len(searches), dated=dated, placed=placed)
        groups = tuple(len(search.groups) for search in searches)
        return Shape(where, groups, any(search.without for search in searches), dated, placed)

    def bound(self, searches: Sequence[Search]) -> dict[str, Any]:
        """What is bound for the searches of a statement."""
        if self._dialect == "sqlite":
            return {f"held_{number}_0": match(search) for number, search in enumerate(searches)}
        bound: dict[str, Any] = {}
        for number, search in enumerate(searches):
            bound |= {f"held_{number}_{place}": hashes(group) for place, group in enumerate(search.groups)}
            if search.without:
                bound[f"without_{number}"] = hashes(search.without)
        return bound

    def ids(self, ids: Iterable[int]) -> str | list[int]:
        """Many ids, as one thing that is bound."""
        return json.dumps(sorted(ids)) if self._dialect == "sqlite" else sorted(ids)

    def ids_bound(self, name: str) -> Select[int]:
        """The ids that are bound by this name, as rows."""
        if self._dialect == "sqlite":
            return select(func.json_each(bindparam(name)).table_valued("value").c.value)
        return select(func.unnest(bindparam(name, type_=HASHES)).column_valued())

    def holding(self, shape: Shape, number: int = 0) -> Select[int]:
        """All rows that hold what a search wants."""
        index = self.table(shape.where)
        if self._dialect == "sqlite":
            matches = literal_column(index.name).op("MATCH", is_comparison=True)
            return select(index.c.rowid).where(matches(bindparam(f"held_{number}_0", type_=String)))
        held = [_overlap(index, f"held_{number}_{place}") for place in range(shape.searches[number])]
        if shape.without:
            held.append(not_(_overlap(index, f"without_{number}")))
        return select(index.c.rowid).where(and_(*held))

    def _documents(self, where: Indexed) -> Select[int, str]:
        """Rows with what they stand under; `ids` are bound."""
        index = self.table(where)
        return select(index.c.rowid, index.c.terms).where(index.c.rowid.in_(self.ids_bound("ids")))

    def _best(self, shape: Shape) -> Select[int, str]:
        """Rows of one search with what they stand under, best first: by BM25, or on PostgreSQL by tokens in common."""
        index = self.table(shape.where)
        rows = self.holding(shape).add_columns(index.c.terms).limit(bindparam("limit", type_=Integer))
        if self._dialect == "sqlite":
            return rows.order_by(literal_column("rank"))
        groups = [bindparam(f"held_0_{place}", type_=HASHES) for place in range(shape.searches[0])]
        held = func.unnest(index.c.tokens).table_valued("token").render_derived()
        asked = or_(*(held.c.token == func.any(group) for group in groups))
        common = select(func.count()).select_from(held).where(asked)
        return rows.order_by(common.scalar_subquery().desc(), index.c.rowid.desc())

    def _newest(self, shape: Shape) -> CompoundSelect[Any]:
        """The newest rows of each search, by its number; `limit`, `since`, `until` and `readable` are bound."""
        parts = []
        for number in range(len(shape.searches)):
            rows = self.holding(shape, number)
            index = self.table(shape.where)
            if shape.dated:
                rows = rows.where(index.c.rowid.between(bindparam("since"), bindparam("until")))
            rows = rows.order_by(index.c.rowid.desc())
            if shape.placed:
                seen = rows.limit(LOOKED_AT).subquery()
                rows = select(seen.c.rowid).where(self._readable(shape.where, seen.c.rowid))
                rows = rows.order_by(seen.c.rowid.desc())
            newest = rows.limit(bindparam("limit", type_=Integer)).subquery()
            parts.append(select(_number(number), func.aggregate_strings(cast(newest.c.rowid, String), ",")))
        return union_all(*parts)

    def _readable(self, where: Indexed, rowid: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether a row lies in the readable channels alone."""
        readable = self.ids_bound("readable")
        if where == "messages":
            return exists().where(messages.c.id == rowid, messages.c.channel_id.in_(readable))
        elsewhere = citations.c.channel_id.not_in(readable)
        return ~exists().where(memories.c.seq == rowid, citations.c.memory_id == memories.c.id, elsewhere)

    def _places(self, shape: Shape) -> CompoundSelect[Any]:
        """Of the newest rows of each search, how many lie where, the oldest and the newest; `limit` is bound."""
        return union_all(*(self._places_of(shape, number) for number in range(len(shape.searches))))

    def _places_of(self, shape: Shape, number: int) -> Select[Any]:
        rows = self.holding(shape, number).order_by(self.table(shape.where).c.rowid.desc())
        newest = rows.limit(bindparam("limit", type_=Integer)).subquery()
        if shape.where == "messages":
            placed = select(newest.c.rowid, cast(messages.c.channel_id, String).label("places"))
            places = placed.join_from(newest, messages, messages.c.id == newest.c.rowid).subquery()
        else:
            channel_ids = func.aggregate_strings(cast(citations.c.channel_id, String), ",")
            cited = select(newest.c.rowid, channel_ids.label("places"))
            cited = cited.join_from(newest, memories, memories.c.seq == newest.c.rowid)
            cited = cited.join(citations, citations.c.memory_id == memories.c.id)
            places = cited.group_by(newest.c.rowid).subquery()
        row = places.c.rowid
        counted = select(_number(number), places.c.places, func.count(), func.min(row), func.max(row))
        return counted.group_by(places.c.places)

    def _oldest(self, shape: Shape) -> Select[int]:
        """The oldest row of one search."""
        rows = self.holding(shape)
        return rows.order_by(self.table(shape.where).c.rowid).limit(1)


def match(search: Search) -> str:
    """A search as FTS5 reads it."""
    wanted = " AND ".join("(" + " OR ".join(group) + ")" for group in search.groups)
    return f"({wanted}) NOT ({' OR '.join(search.without)})" if search.without else wanted


def hashes(tokens: Iterable[str]) -> list[int]:
    """Each token once, as 64 bits; of a billion words two are the same with a chance of 3 %."""
    return sorted(
        {int.from_bytes(hashlib.blake2b(t.encode(), digest_size=8).digest(), "big", signed=True) for t in tokens}
    )


def _overlap(index: TableClause, name: str) -> ColumnElement[bool]:
    return index.c.tokens.op("&&", is_comparison=True)(bindparam(name, type_=HASHES))


def _number(number: int) -> ColumnElement[int]:
    return literal_column(str(number), Integer)
