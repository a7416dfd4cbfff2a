"""Looks for erased texts wherever something is kept: the last proof that an erasure was whole."""

from __future__ import annotations

import asyncio
import heapq
import json
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, ColumnElement, String, Table, case, func, or_, select

from bot.domain import ServiceUnavailable
from bot.storage import memories, messages, metadata

if TYPE_CHECKING:
    from bot.storage import Database

WITNESSES = 8
"""Texts that are looked for: each costs a look at every row and every byte, and one erasure is one mechanism."""

SHORTEST = 12
"""Characters; shorter texts are said by many."""

LONGEST = 80
"""Characters of a text that are looked for."""

SEARCH = Path(__file__).with_name("file_search.py")
"""The program that looks into files."""

_OF_OTHERS = (messages.c.content, memories.c.text)
"""Where a text that is still kept stands by right: somebody else said it too."""


class Witnesses:
    """A few of the longest texts that an erasure takes away, each by its longest line."""

    def __init__(self) -> None:
        self._longest: list[tuple[int, str]] = []

    def saw(self, texts: Iterable[str]) -> None:
        """Choose from these texts as well."""
        lines = (max(text.split("\n"), key=len).strip()[:LONGEST] for text in texts)
        known = {line for _, line in self._longest}
        fresh = {line for line in lines if len(line) >= SHORTEST} - known
        self._longest = heapq.nlargest(WITNESSES, [*self._longest, *((len(line), line) for line in fresh)])

    @property
    def texts(self) -> list[str]:
        """What to look for."""
        return [line for _, line in self._longest]


class Traces:
    """Searches the database's text columns and the bytes of every file in the data folder."""

    def __init__(self, db: Database, folder: Path) -> None:
        self._db = db
        self._folder = folder

    async def of(self, texts: Sequence[str]) -> int:
        """How many columns and files hold one of these texts that no message or memory still says."""
        texts = await self._said_by_nobody(texts)
        if not texts:
            return 0
        return await self._columns(texts) + await _files(self._folder, _forms(texts))

    async def _said_by_nobody(self, texts: Sequence[str]) -> list[str]:
        silent = list(texts)
        for column in _OF_OTHERS:
            if not silent:
                break
            counts = [func.max(case((column.contains(text, autoescape=True), 1), else_=0)) for text in silent]
            async with self._db.read() as connection:
                row = (await connection.execute(select(*counts).select_from(column.table))).one()
            silent = [text for text, is_said in zip(silent, row, strict=True) if not is_said]
        return silent

    async def _columns(self, texts: Sequence[str]) -> int:
        total = 0
        async with self._db.read() as connection:
            for table in metadata.sorted_tables:
                for column in _text_columns(table):
                    holds = or_(*(column.contains(text, autoescape=True) for text in texts))
                    total += await connection.scalar(select(_any(holds)).select_from(table)) or 0
        return total


def _text_columns(table: Table) -> list[Column[str]]:
    return [c for c in table.columns if isinstance(c.type, String) and c not in _OF_OTHERS]


def _any(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.max(case((condition, 1), else_=0))


def _forms(texts: Iterable[str]) -> list[str]:
    """The texts as files hold them: as they are, or as JSON writes them."""
    return sorted({form for text in texts for form in (text, json.dumps(text)[1:-1])})


async def _files(folder: Path, texts: Collection[str]) -> int:
    """How many files hold one of the texts, found by another process."""
    search = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(SEARCH),
        str(folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        out, _ = await search.communicate(json.dumps(texts).encode())
    finally:
        if search.returncode is None:
            search.kill()
    if search.returncode:
        raise ServiceUnavailable("the search of the files", f"it ended with {search.returncode}")
    return int(out)
