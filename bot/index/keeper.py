"""Keeps this database's number on its Qdrant server, and tells whether the index there is this database's to write.

`bot.index.claim` has the rules. One process of each database is the keeper, under a lock of the database that goes with
its connection; the others ask the database how things stand. Who only reads never becomes the keeper. An embedded index
has one database, and none of this.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from bot.index.claim import LOOK_MS, Claim, ClaimNumber, Numbers, Sight, Standing
from bot.index.owner import new_id

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.index.generations import Generation
    from bot.index.owner import IndexOwner, Owner
    from bot.storage import Database, Locks

log = logging.getLogger(__name__)

KEEPING: Final = 4
"""Number of the lock that the keeper holds."""

IS_COPY: Final = (
    "this database is a copy: another database with the same id uses the index on the Qdrant server. Here, memories "
    "are searched by words alone, and nothing is written to the index; `python -m bot new-installation` gives this "
    "database an index of its own, `python -m bot run --take-over` gives it the index of the other one"
)

IS_WATCHING: Final = "the bot is checking for a minute whether another database with the same id uses this index"

IS_ANOTHERS: Final = (
    "another database with the same id uses it; `python -m bot new-installation` gives this one an index of its own"
)

ReadNumbers = Callable[["Generation"], Awaitable[Numbers]]
"""The numbers in the collections of this installation on a generation's server. Raises ServiceError."""

MakeCollection = Callable[["Generation"], Awaitable[None]]
"""Has a generation's collection on its server, as this version lays it out. Raises StartupError and ServiceError."""

WriteNumber = Callable[["Generation", ClaimNumber], Awaitable[None]]
"""Leaves a number in a generation's collection. Raises ServiceError."""


class Keeper:
    """See above.

    Attributes:
        standing: of this database.
        mendings: how often the index turned out to be another state of itself since the start.

    Args:
        db: whose lock the keeper holds.
        owner: what the database knows of its claim.
        read: reads the numbers.
        make: has the collection in use on the server, once it is this database's.
        write: writes a number.
        clock: the local clock.
        keeps: whether this process may be the keeper; not where it only reads.
    """

    def __init__(
        self,
        db: Database,
        owner: IndexOwner,
        *,
        read: ReadNumbers,
        make: MakeCollection,
        write: WriteNumber,
        clock: Clock,
        keeps: bool,
    ) -> None:
        self.standing = Standing.WATCHING
        self.mendings = 0
        self._db = db
        self._owner = owner
        self._read = read
        self._make = make
        self._write = write
        self._clock = clock
        self._keeps = keeps
        self._in_use: Generation | None = None
        self._laid_out: Generation | None = None
        self._answered = False
        self._shares = False
        self._settled = False
        self._lock = AsyncExitStack()
        self._locks: Locks | None = None
        self._claim: Claim | None = None
        self._run = new_id()
        self._counter = 0

    async def refresh(self, in_use: Generation) -> None:
        """Find out how things stand with the index in use: by a look when one is due, or by asking the database.

        Raises:
            StartupError: its collection is to be made, and what is on the server in its place does not fit.
            ServiceError: the server can't be asked now.
        """
        self._shares = in_use.made.server is not None
        if not self._shares:
            self._claim = None
            if self._keeps and not self._answered:
                await self._nothing_to_take_over()
            self.standing = Standing.HOLDING
        elif not self._keeps or not await self._is_keeper():
            owner, self._claim = await self._owner.load(), None
            self.standing, self._settled = owner.standing, owner.settled
        elif self._is_due(in_use):
            await self._look(in_use)
        self._in_use = in_use

    @property
    def compares(self) -> bool:
        """Whether this process compares the index with the database."""
        return not self._shares or (self._claim is not None and self.standing is Standing.HOLDING)

    @property
    def removes(self) -> bool:
        """Whether this process may remove more than what was erased; not in the first minute of holding."""
        if self._claim is not None and self._shares:
            return self._claim.is_settled(self._clock())
        return not self._shares or self._settled

    async def aclose(self) -> None:
        """Give the lock back."""
        self._locks = self._claim = None
        await self._lock.aclose()

    def _is_due(self, in_use: Generation) -> bool:
        """Whether it is time for a look; a claim to the index on one server is none to that on another."""
        if self._in_use is not None and self._in_use.made.server != in_use.made.server:
            self._claim, self.standing = None, Standing.WATCHING
        claim = self._claim
        if claim is None or self._in_use != in_use:
            return True
        pause_ms = LOOK_MS if claim.standing is Standing.HOLDING else LOOK_MS // 4
        return not 0 <= self._clock() - claim.seen_ms < pause_ms

    async def _is_keeper(self) -> bool:
        """Take the lock, or see that it is held still."""
        if not self._db.shared:  # its folder is locked
            return True
        try:
            if self._locks is not None:
                await self._locks.look()
                return True
        except SQLAlchemyError as error:
            log.warning("The lock on the index is lost, and taken again: %s", type(error).__name__)
            await self.aclose()
        async with AsyncExitStack() as lock:
            locks = await lock.enter_async_context(self._db.locks())
            if await locks.take(KEEPING):
                self._locks, self._lock = locks, lock.pop_all()
        return self._locks is not None

    async def _look(self, in_use: Generation) -> None:
        if self._claim is None:  # what was found before may be of another time, and of another database
            await self._owner.stand(Standing.WATCHING)
        owner, numbers = await self._owner.load(), await self._read(in_use)
        strange = [number for number in numbers.values() if number is not None and not await self._owner.knows(number)]
        latest = numbers.get(in_use.number) == owner.latest
        before = self._claim = self._claim or Claim(term=owner.term)
        claim = before.after(Sight(self._clock(), frozenset(strange), latest, owner.take_over))
        self.mendings += claim.mends  # before the number is written: the answer to that may be lost
        if claim.standing is Standing.HOLDING:
            await self._have_collection(in_use, lost=in_use.number not in numbers)
            await self._owner.learn(claim.past)
            self._counter += 1
            mine = ClaimNumber(claim.term, self._run, self._counter)
            await self._owner.commit(mine)
            await self._write(in_use, mine)
        await self._stand(owner, before, claim)

    async def _have_collection(self, in_use: Generation, *, lost: bool) -> None:
        """Make the collection where it is `lost`; see once that it is laid out as this version wants it."""
        if not lost and in_use == self._laid_out:
            return
        if in_use == self._laid_out:
            log.warning("The index on the Qdrant server was lost, and is made anew")
        await self._make(in_use)
        self._laid_out = in_use

    async def _stand(self, owner: Owner, before: Claim, claim: Claim) -> None:
        """Go on from a look that is over."""
        holds, settled = claim.standing is Standing.HOLDING, claim.is_settled(self._clock())
        if (claim.standing, settled) != (owner.standing, owner.settled) or (holds and owner.take_over):
            await self._owner.stand(claim.standing, settled=settled, answered=holds)
        if claim.standing is not before.standing and claim.standing is Standing.COPY:
            log.warning("%s", IS_COPY[0].upper() + IS_COPY[1:])
        elif holds and before.standing is not Standing.HOLDING and before.watched is not None:
            log.warning("This database holds the index on the Qdrant server from now on")
        self._claim, self.standing = claim, claim.standing

    async def _nothing_to_take_over(self) -> None:
        """An embedded index is this database's whatever was asked: no copy is to take that for itself later."""
        if (await self._owner.load()).take_over:
            await self._owner.stand(Standing.WATCHING, answered=True)
        self._answered = True
