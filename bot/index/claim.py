"""Which of several databases with the same id holds their index on a Qdrant server.

A database that was copied or restored has the id of the one that it was made from, and would write to the same
collections. So one process of each database, the keeper, looks every 20 seconds at the numbers in them:

- A number is a random id of the keeper's run and a counter. It is committed to the database first, where it stays for
  good, and then written to the collection in use. So a database knows each number that it ever wrote.
- Numbers in all collections of the id count, whichever generation they are of: the original may have filled its index
  anew since it was copied, or this database may be older than its index.
- Where all numbers are known, or there is none, nobody else writes there: this database holds the index at once. Where
  the number in the collection in use is not its latest, the index is an older state of itself and is mended, that is,
  compared with the database.
- Strange numbers, which the database does not know, are watched for a minute, in which nothing is made or written. If
  they stand still, their database is gone: this one holds the index, mends it, and knows them from then on. If one
  moves, this database is the copy: it searches by words, and writes and removes nothing there. A copy stays one until
  its process ends or it is told to take over, so that an original may be down for a while without losing its index to a
  copy that runs beside it. Only where no strange number is left does it watch anew, for the whole minute.
- A holder of less than a minute yields to a strange number: it watches again. A later one does not: it writes its own
  number again and mends. Who could not write for a minute, and so may have lost the index meanwhile, begins a new
  minute.
- A database that is told to take over holds the index at once, and raises the term that goes with its numbers. A holder
  that sees a strange number of a later term is the copy, however long it has held; one of an earlier term is no matter.
- In the first minute of holding, points are removed only where something was erased: a copy that was started at once
  still knows the number of its original.

This module decides, and touches nothing: `bot.index.keeper` reads, commits and writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

LOOK_MS: Final = 20_000
"""Between two looks."""

MINUTE_MS: Final = 60_000
"""How long strange numbers are watched, and for how long a holder may be silent without becoming a new one."""

CAREFUL_MS: Final = 60_000
"""For how long a new holder is careful."""


class ClaimNumber(NamedTuple):
    """What the holder writes to its collection.

    Attributes:
        term: how often databases with this id were told to take over.
        run: random id of the process's run as keeper.
        counter: from 1.
    """

    term: int
    run: str
    counter: int


Numbers = Mapping[int, ClaimNumber | None]
"""The numbers in all collections of an installation on a server, by generation; None in one that has no number."""


class Standing(StrEnum):
    """How a database stands to the index on its server."""

    WATCHING = "watching"  # whether somebody else holds it
    HOLDING = "holding"
    COPY = "copy"  # somebody else does


class Sight(NamedTuple):
    """What a look shows.

    Attributes:
        now_ms: local time.
        strange: numbers that this database never wrote, in any collection of its id.
        latest: whether the collection in use has the newest number that this database committed.
        take_over: whether this database was told to take over.
    """

    now_ms: int
    strange: frozenset[ClaimNumber] = frozenset()
    latest: bool = False
    take_over: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """How things stand after a look.

    Attributes:
        standing: of this database.
        term: of the numbers that it writes.
        mends: whether the index is to be compared with the database now.
        since_ms: since when it holds.
        seen_ms: when it last looked.
        watched: strange numbers that are watched, and may be none any more; None where there was none.
        watched_ms: since when these stand still.
        past: those whose databases are gone or have lost the index; to be known from now on.
    """

    standing: Standing = Standing.WATCHING
    term: int = 0
    mends: bool = False
    since_ms: int = 0
    seen_ms: int = 0
    watched: frozenset[ClaimNumber] | None = None
    watched_ms: int = 0
    past: frozenset[ClaimNumber] = frozenset()

    def after(self, sight: Sight) -> Claim:
        """How things stand after another look."""
        if sight.take_over and (sight.strange or self.standing is not Standing.HOLDING):
            later = replace(self, term=max(self.term, _latest_term(sight)) + 1)
            return later._hold(sight, mends=True, anew=True, past=sight.strange)
        if self.standing is Standing.HOLDING:
            return self._contested(sight)
        if self.standing is Standing.COPY and sight.strange:
            return self._become_copy(sight)
        if not sight.strange and self.watched is None:
            return self._hold(sight, mends=not sight.latest)
        return self._watch(sight)

    def is_settled(self, now_ms: int) -> bool:
        """Whether it has held the index for more than a minute, without a gap."""
        return self.standing is Standing.HOLDING and not self._is_new(now_ms)

    def _is_new(self, now_ms: int) -> bool:
        """A clock that was set back makes a holder new as well."""
        return not (self.since_ms + CAREFUL_MS <= now_ms and 0 <= now_ms - self.seen_ms < MINUTE_MS)

    def _hold(
        self, sight: Sight, *, mends: bool, anew: bool = False, past: frozenset[ClaimNumber] = frozenset()
    ) -> Claim:
        holds_on = self.standing is Standing.HOLDING and 0 <= sight.now_ms - self.seen_ms < MINUTE_MS and not anew
        since_ms = self.since_ms if holds_on else sight.now_ms
        return Claim(Standing.HOLDING, self.term, mends, since_ms, sight.now_ms, past=past)

    def _contested(self, sight: Sight) -> Claim:
        if _latest_term(sight) > self.term:
            return self._become_copy(sight)
        rivals = frozenset(number for number in sight.strange if number.term == self.term)
        if rivals and self._is_new(sight.now_ms):
            return self._watch_anew(sight)
        still_ms = self.watched_ms if self._stand_still(sight) else sight.now_ms
        past = sight.strange if sight.now_ms - still_ms >= MINUTE_MS else sight.strange - rivals
        holding = self._hold(sight, mends=not sight.latest, past=past)
        return replace(holding, watched=sight.strange or None, watched_ms=still_ms)

    def _watch(self, sight: Sight) -> Claim:
        if self.watched is None or self.standing is Standing.COPY or sight.now_ms < self.watched_ms:
            return self._watch_anew(sight)
        if not self._stand_still(sight):
            return self._become_copy(sight)
        if sight.now_ms - self.watched_ms >= MINUTE_MS:
            later = replace(self, term=max(self.term, _latest_term(sight)))
            return later._hold(sight, mends=True, past=sight.strange)
        return replace(self, seen_ms=sight.now_ms)

    def _stand_still(self, sight: Sight) -> bool:
        """Whether there is no number that was not there before."""
        return self.watched is not None and sight.strange <= self.watched and sight.now_ms >= self.watched_ms

    def _watch_anew(self, sight: Sight) -> Claim:
        now_ms = sight.now_ms
        return Claim(Standing.WATCHING, self.term, seen_ms=now_ms, watched=sight.strange, watched_ms=now_ms)

    def _become_copy(self, sight: Sight) -> Claim:
        return replace(self._watch_anew(sight), standing=Standing.COPY)


def _latest_term(sight: Sight) -> int:
    return max((number.term for number in sight.strange), default=0)
