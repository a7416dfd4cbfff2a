"""Copies what one database holds into another one, whichever kind each is, page by page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from bot.storage import give_numbers_after, metadata, numbers, put_rows, rows_after
from bot.text import Document, FullText

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.storage import Dialect
    from bot.text import Indexed

ROWS: Final = 500
"""In one page: below the parameter limits of both databases with the widest table."""

_TERMS: Final[tuple[Indexed, ...]] = ("messages", "memories")


@dataclass(frozen=True, slots=True)
class CopyPosition:
    """How far a copy is: the last key of a table, or (with `is_text`) of its full text."""

    table: str = ""
    key: tuple[Any, ...] = ()
    is_text: bool = False

    def as_json(self) -> str:
        """For keeping; see `place_of`."""
        return json.dumps([self.table, list(self.key), self.is_text])


@dataclass(frozen=True, slots=True)
class TablePage:
    """Some rows of a table, or documents of its full text, and the place behind them."""

    place: CopyPosition
    rows: Sequence[dict[str, Any]] = ()
    documents: Sequence[Document] = ()

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.rows) + len(self.documents)


def place_of(written: str) -> CopyPosition:
    """A place that `CopyPosition.as_json` wrote."""
    table, key, is_text = json.loads(written)
    return CopyPosition(table, tuple(key), is_text)


async def copy_all(source: AsyncConnection, target: AsyncConnection) -> None:
    """Copy everything into an emptied database, in one transaction, the caller's."""
    async for page in pages(source):
        await put(target, page)
    await give_numbers_after(target, await numbers(source))


async def pages(source: AsyncConnection, begun: CopyPosition | None = None) -> AsyncIterator[TablePage]:
    """Everything in a database, what others refer to first.

    Args:
        source: sees one state for the time of the whole copy.
        begun: go on behind this place.
    """
    tables = metadata.sorted_tables
    names = [table.name for table in tables]
    place = begun or CopyPosition()
    first = 0 if not place.table else names.index(place.table)
    if not place.is_text:
        for table in tables[first:]:
            after = place.key if table.name == place.table else ()
            while rows := await rows_after(source, table, after, ROWS):
                after = tuple(rows[-1][column.name] for column in table.primary_key)
                yield TablePage(CopyPosition(table.name, after), rows)
    fulltext = FullText(_dialect(source))
    for where in _TERMS:
        if place.is_text and _TERMS.index(cast("Indexed", place.table)) > _TERMS.index(where):
            continue
        last = int(place.key[0]) if place.is_text and where == place.table else -1
        while documents := await fulltext.page(source, where, last, ROWS):
            last = documents[-1].rowid
            yield TablePage(CopyPosition(where, (last,), is_text=True), documents=documents)


async def put(target: AsyncConnection, page: TablePage) -> None:
    """Write a page into an emptied database, in the caller's transaction."""
    if page.documents:
        where = cast("Indexed", page.place.table)
        await FullText(_dialect(target)).put(target, where, page.documents)
        return
    await put_rows(target, metadata.tables[page.place.table], page.rows)


def _dialect(connection: AsyncConnection) -> Dialect:
    return cast("Dialect", connection.dialect.name)
