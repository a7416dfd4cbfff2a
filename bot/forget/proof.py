"""What an erasure removed, and the proof that nothing of it is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.forget.traces import Traces, Witnesses
from bot.storage import unwritten_lines

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bot.storage import Database, Scope, Store

    Note = Callable[[AsyncConnection, Counter[str]], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an erasure removed, store by store, and what it could still find afterwards (which must be nothing)."""

    removed: dict[str, int]
    remaining: dict[str, int]
    unwritten: int = field(default=0, compare=False)
    """How many lines the file of erasures lacked, without which a backup could bring back what they are about."""

    @property
    def complete(self) -> bool:
        """Whether nothing was found afterwards."""
        return not any(self.remaining.values())


async def _forget(connection: AsyncConnection, counts: Counter[str]) -> None:
    """Note nothing of what was removed."""


@dataclass(slots=True)
class Removal:
    """What an erasure has removed so far, in earlier tries that were interrupted too.

    Attributes:
        counts: items by store.
        note: told of all counts in the transaction of each portion.
        witnesses: some of the texts, to be looked for afterwards.
    """

    counts: Counter[str] = field(default_factory=Counter)
    note: Note = _forget
    witnesses: Witnesses = field(default_factory=Witnesses)


class Proof:
    """Looks for what is left of something that was erased."""

    def __init__(self, db: Database, stores: Sequence[Store], traces: Traces) -> None:
        self._db = db
        self._stores = stores
        self._traces = traces

    async def receipt(self, scope: Scope, removal: Removal, *, texts_too: bool) -> Receipt:
        """Ask every store what it still has in scope.

        Args:
            scope: what was erased.
            removal: what that removed.
            texts_too: also search every column and file for erased texts; it takes a while.
        """
        remaining: Counter[str] = Counter()
        for store in self._stores:
            remaining.update(await store.count(scope))
        if texts_too:
            remaining["texts"] = await self._left_of(removal.witnesses.texts)
        async with self._db.read() as connection:
            unwritten, _ = await unwritten_lines(connection)
        return Receipt(dict(removal.counts), dict(remaining), unwritten)

    async def _left_of(self, texts: Sequence[str]) -> int:
        """Columns and files with one of the erased texts; where there are any, the file is written anew at once."""
        left = await self._traces.of(texts)
        if left:
            await self._db.sweep(at_once=True)
            left = await self._traces.of(texts)
        return left
