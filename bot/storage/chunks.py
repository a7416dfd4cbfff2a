"""Cutting long lists of ids into statements that every database takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

STATEMENT_IDS = 500
"""Ids in one statement: far below the parameter limits of SQLite (32,766) and PostgreSQL (32,767)."""


def chunks(items: Iterable[T], size: int = STATEMENT_IDS) -> Iterator[list[T]]:
    """Yield `items` in order, at most `size` at a time."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
