"""Rows of any table, for copies of a whole database: read page by page, and written as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import Table, func, insert, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.changes import COUNT
from bot.storage.engine import upsert
from bot.storage.schema import meta, metadata

if TYPE_CHECKING:
    from bot.storage.engine import Dialect

_TERMS: Final = ("message_terms", "memory_terms")


async def rows_after(source: AsyncConnection, table: Table, after: tuple[Any, ...], limit: int) -> list[dict[str, Any]]:
    """The first rows of a table behind a key, in the order of keys."""
    key = list(table.primary_key.columns)
    query = select(table).order_by(*key).limit(limit)
    if after:
        query = query.where(tuple_(*key) > tuple_(*after))
    return [dict(row) for row in (await source.execute(query)).mappings()]


async def put_rows(target: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows into an emptied table, in the caller's transaction."""
    if table is not meta:
        await target.execute(insert(table), list(rows))
        return
    fresh = upsert(cast("Dialect", target.dialect.name), meta)
    replacing = fresh.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": fresh.excluded.value})
    counted = (row for row in rows if row["key"] != COUNT)  # a server's triggers count in this very transaction
    if wanted := list(counted):
        await target.execute(replacing, wanted)


async def clear(target: AsyncConnection) -> None:
    """Empty every table, in the caller's transaction."""
    names = [table.name for table in reversed(metadata.sorted_tables)]
    if target.dialect.name == "postgresql":
        await target.execute(text(f"TRUNCATE {', '.join([*_TERMS, *names])}"))
        return
    for name in (*_TERMS, *names):
        await target.execute(text(f"DELETE FROM {name}"))  # noqa: S608 - our own tables


async def numbers(source: AsyncConnection) -> dict[str, int]:
    """The highest number that each table ever gave to a row by itself."""
    given: dict[str, int] = {}
    for table in _numbered():
        if source.dialect.name == "postgresql":
            sequence = await source.scalar(select(func.pg_get_serial_sequence(table.name, "seq")))
            last = await source.scalar(text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"))  # noqa: S608
        else:
            last = await source.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
        given[table.name] = last or 0
    return given


async def give_numbers_after(target: AsyncConnection, given: dict[str, int]) -> None:
    """Give rows numbers that no row had, there or here, in the caller's transaction.

    PostgreSQL keeps a sequence's new value though the transaction is undone: it may only rise.
    """
    own = await numbers(target)
    for name, last in given.items():
        if last <= own[name]:
            continue
        if target.dialect.name == "postgresql":
            await target.execute(select(func.setval(func.pg_get_serial_sequence(name, "seq"), last)))
        else:
            await target.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": name})
            row = {"name": name, "last": last}
            await target.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), row)


def _numbered() -> list[Table]:
    return [table for table in metadata.sorted_tables if table.dialect_options["sqlite"]["autoincrement"]]
