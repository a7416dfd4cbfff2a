"""Leases: one process at a time works on a channel, so that the order of its messages holds."""

from __future__ import annotations

from sqlalchemy import BigInteger, ColumnElement, and_, delete, exists, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import ChannelMemoryError, Clock
from bot.storage import Database, leases, upsert

LEASE_SECONDS = 30.0
"""How long a channel stays with a process that no longer renews its lease."""


class LeaseLost(ChannelMemoryError):
    """Another process has taken over the channel; what this one had in hand is that one's now."""


class Leases:
    """The channels that a process works on."""

    def __init__(
        self, db: Database, clock: Clock, owner: str, *, seconds: float, time: ColumnElement[int] | None = None
    ) -> None:
        """Take leases for `owner`, a name that no other running process has.

        They hold for `seconds`, by `time`, SQL for the present time that all processes share, or else by `clock`.
        """
        self._db = db
        self._clock = clock
        self._owner = owner
        self._lease_time = time
        self._lease_ms = round(seconds * 1000)

    @property
    def lease_seconds(self) -> float:
        """How long a lease holds without being renewed."""
        return self._lease_ms / 1000

    async def acquire(self, channel_id: int) -> bool:
        """Take the lease of a channel if nobody has it; waits for nobody who is taking or renewing it."""
        theirs = leases.c.channel_id == channel_id
        row = select(literal(channel_id, BigInteger), literal(self._owner), literal(0))
        absent = row.where(~exists().where(theirs))  # one that is being renewed is there, and would be waited for
        new = upsert(self._db.dialect, leases).from_select(["channel_id", "owner", "expires_ms"], absent)
        free = select(leases.c.channel_id).where(theirs, ~self.in_force()).with_for_update(skip_locked=True)
        take = update(leases).where(leases.c.channel_id.in_(free))
        async with self._db.apart() as connection:
            await connection.execute(new.on_conflict_do_nothing())
            return (await connection.execute(take.values(owner=self._owner, expires_ms=self._ends()))).rowcount == 1

    async def renew(self, channel_id: int) -> None:
        """Keep the lease for another while.

        Raises:
            LeaseLost: it is another's now.
        """
        async with self._db.apart() as connection:
            await self.hold(connection, channel_id)

    async def release(self, channel_id: int) -> None:
        """Give the lease back; what is in hand stays in the queue."""
        async with self._db.apart() as connection:
            await connection.execute(delete(leases).where(self._ours(channel_id)))

    async def hold(self, connection: AsyncConnection, channel_id: int) -> None:
        """Renew the lease inside a transaction, which so takes effect only while the lease is ours.

        Raises:
            LeaseLost: it is another's now.
        """
        renewed = update(leases).where(self._ours(channel_id)).values(expires_ms=self._ends())
        if (await connection.execute(renewed)).rowcount == 0:
            raise LeaseLost(f"the lease of channel {channel_id} was lost")

    def _ours(self, channel_id: int) -> ColumnElement[bool]:
        return and_(leases.c.channel_id == channel_id, leases.c.owner == self._owner)

    def _now(self) -> ColumnElement[int]:
        return literal(self._clock(), BigInteger) if self._lease_time is None else self._lease_time

    def _ends(self) -> ColumnElement[int]:
        return self._now() + self._lease_ms

    def in_force(self) -> ColumnElement[bool]:
        """Leases that hold; one that ends later than any lease can was taken before the clock was put back."""
        return leases.c.expires_ms.between(self._now() + 1, self._now() + 2 * self._lease_ms)
