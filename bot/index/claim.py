"""Which of several databases with the same id holds their index on a Qdrant server.

A database that was copied or restored has the id of the one that it was made from, and would write to the same
collection. So one process of each database, the keeper, looks every 20 seconds at a number in the collection:

- The number is a random id of the keeper's run and a counter. It is committed to the database first, where it stays for
  good, and then written to the collection. So a database knows each number that it ever wrote.
- No number, or one that this database knows, means that nobody else writes there: this database holds the index at
  once. Where the number is not its latest, the index is an older state of itself and is mended, that is, compared with
  the database.
- A strange number, one that the database does not know, is watched for a minute, in which nothing is written. If it
  stands still, its database is gone: this one holds the index, and mends it. If it moves, this database is the copy: it
  searches by words, and writes and removes nothing there. A copy stays one until its process ends or it is told to take
  over, so that an original may be down for a while without losing its index to a copy that runs beside it.
- A holder of less than a minute yields to a strange number: it watches again. A later one does not: it writes its own
  number again and mends. Who could not write for a minute, and so may have lost the index meanwhile, begins a new
  minute.
- A database that is told to take over holds the index at once, and raises the term that goes with its numbers. A holder
  that sees a strange number of a later term is the copy, however long it has held.
- In the first minute of holding, points are removed only where something was erased: a copy that was started at once
  still knows the number of its original.

This module decides, and touches nothing: `bot.index.keeper` reads, commits and writes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

LOOK_MS: Final = 20_000
"""Between two looks."""

MINUTE_MS: Final = 60_000
"""How long a strange number is watched, and for how long a holder may be silent without becoming a new one."""

CAREFUL_MS: Final = 60_000
"""For how long a new holder is careful."""


class Number(NamedTuple):
    """What the holder writes to its collection.

    Attributes:
        term: how often databases with this id were told to take over.
        run: random id of the process's run as keeper.
        counter: from 1.
    """

    term: int
    run: str
    counter: int


class Standing(StrEnum):
    """How a database stands to the index on its server."""

    WATCHING = "watching"  # whether somebody else holds it
    HOLDING = "holding"
    COPY = "copy"  # somebody else does


class Sight(NamedTuple):
    """What a look shows.

    Attributes:
        now_ms: local time.
        number: in the collection, if any.
        known: whether this database once wrote it.
        latest: whether it is the newest that this database committed.
        take_over: whether this database was told to take over.
    """

    now_ms: int
    number: Number | None
    known: bool = False
    latest: bool = False
    take_over: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """How things stand after a look.

    Attributes:
        standing: of this database.
        term: of the numbers that it writes.
        mends: whether the index is to be compared with the database now.
        since_ms: since when it holds, or watches the number at hand.
        seen_ms: when it last looked.
        watched: the strange number at hand.
    """

    standing: Standing = Standing.WATCHING
    term: int = 0
    mends: bool = False
    since_ms: int = 0
    seen_ms: int = 0
    watched: Number | None = None

    def after(self, sight: Sight) -> Claim:
        """How things stand after another look."""
        if sight.number is None or sight.known:
            return self._hold(sight, mends=not sight.latest)
        if sight.take_over:
            return replace(self, term=max(self.term, sight.number.term) + 1)._hold(sight, mends=True, anew=True)
        if self.standing is Standing.HOLDING:
            return self._contested(sight, sight.number)
        if self.standing is Standing.COPY:
            return replace(self, mends=False, seen_ms=sight.now_ms, watched=sight.number)
        return self._watch(sight, sight.number)

    def is_settled(self, now_ms: int) -> bool:
        """Whether it has held the index for more than a minute, without a gap."""
        return self.standing is Standing.HOLDING and not self._is_new(now_ms)

    def _is_new(self, now_ms: int) -> bool:
        """A clock that was set back makes a holder new as well."""
        return not (self.since_ms + CAREFUL_MS <= now_ms and 0 <= now_ms - self.seen_ms < MINUTE_MS)

    def _hold(self, sight: Sight, *, mends: bool, anew: bool = False) -> Claim:
        holds_on = self.standing is Standing.HOLDING and 0 <= sight.now_ms - self.seen_ms < MINUTE_MS and not anew
        since_ms = self.since_ms if holds_on else sight.now_ms
        return Claim(Standing.HOLDING, self.term, mends, since_ms, sight.now_ms)

    def _contested(self, sight: Sight, strange: Number) -> Claim:
        if strange.term > self.term:
            return self._become_copy(sight, strange)
        if self._is_new(sight.now_ms):
            return Claim(Standing.WATCHING, self.term, since_ms=sight.now_ms, seen_ms=sight.now_ms, watched=strange)
        return self._hold(sight, mends=True)

    def _watch(self, sight: Sight, strange: Number) -> Claim:
        if self.watched is None or sight.now_ms < self.since_ms:
            return replace(self, since_ms=sight.now_ms, seen_ms=sight.now_ms, watched=strange)
        if strange != self.watched:
            return self._become_copy(sight, strange)
        if sight.now_ms - self.since_ms >= MINUTE_MS:
            return replace(self, term=max(self.term, strange.term))._hold(sight, mends=True)
        return replace(self, seen_ms=sight.now_ms)

    def _become_copy(self, sight: Sight, strange: Number) -> Claim:
        return Claim(Standing.COPY, self.term, since_ms=sight.now_ms, seen_ms=sight.now_ms, watched=strange)
