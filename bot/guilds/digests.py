"""Digests: which channels get one, how often and when; and which process posts the one that is due.

A digest covers what was said up to a certain moment, and the next one goes on from there. Whoever is to post it takes
it first, in the database, so that of several processes one posts; whether it was posted is noted in the transaction
that notes the post itself. So a digest that a crash interrupted is posted late, and never twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Backoff, ChannelMemoryError, Clock
from bot.storage import Store, digests, upsert

if TYPE_CHECKING:
    from bot.storage import Database

AT_WORK_MS = 5 * 60 * 1000
"""Who took a digest has so long to post it; after that somebody else may."""

FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS = 60.0, 1_800.0
"""Between two tries at a digest that can't be posted now."""

_MONDAY = 0


class Every(StrEnum):
    """How often a digest is posted."""

    DAY = "day"
    WEEK = "week"  # on Mondays


class DigestTaken(ChannelMemoryError):
    """Somebody else posted this digest meanwhile, or it was switched off."""


@dataclass(frozen=True, slots=True)
class Digest:
    """What a channel gets.

    Attributes:
        hour: of the day in the server's time zone, from 0 to 23.
        covered_ms: what was said up to then has been told.
        looked_ms: the local time at which that was looked up.
        tried_ms: since when the one that is due is tried; None where it was not begun.
        attempts: how often it was.
    """

    guild_id: int
    channel_id: int
    every: Every
    hour: int
    covered_ms: int
    looked_ms: int
    tried_ms: int | None = None
    attempts: int = 0

    def due_ms(self, now_ms: int, zone: tzinfo) -> int | None:
        """Up to when one is due now; None where none is. Of several that were missed it is the newest."""
        latest = next(at for at in self._around(now_ms, zone, -1) if at <= now_ms)
        return latest if latest > self.covered_ms else None

    def next_ms(self, now_ms: int, zone: tzinfo) -> int:
        """When the next one will be due."""
        return next(at for at in self._around(now_ms, zone, 1) if at > now_ms)

    def _around(self, now_ms: int, zone: tzinfo, step: int) -> list[int]:
        """The moments of the days around one in this direction, the nearest first.

        An hour that the clocks leave out is the one after it, and of an hour that comes twice it is the first.
        """
        today = datetime.fromtimestamp(now_ms / 1000, tz=zone).date()
        days = [today + timedelta(days=step * number) for number in range(-1, 9)]
        if self.every is Every.WEEK:
            days = [day for day in days if day.weekday() == _MONDAY]
        at = [datetime(day.year, day.month, day.day, self.hour, tzinfo=zone).astimezone(UTC) for day in days]
        return [round(moment.timestamp() * 1000) for moment in at]


class Digests(Store):
    """The digests of every server."""

    name = "digests"
    tables = (digests,)
    of_server = True

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db)
        self._clock = clock

    async def switch_on(self, guild_id: int, channel_id: int, every: Every, hour: int, *, by: int) -> Digest:
        """Let a channel get a digest from now on; where it gets one already, it gets it so from now on."""
        now = self._clock()
        chosen = {"every": every, "hour": hour, "decided_by": by, "decided_ms": now}
        row = upsert(self._db.dialect, digests).values(
            channel_id=channel_id, guild_id=guild_id, covered_ms=now, looked_ms=now, **chosen
        )
        async with self._db.write() as connection:
            await connection.execute(row.on_conflict_do_update(index_elements=[digests.c.channel_id], set_=chosen))
            return _from_row(
                (await connection.execute(select(digests).where(digests.c.channel_id == channel_id))).one()
            )

    async def switch_off(self, guild_id: int, channel_id: int) -> bool:
        """Let a channel get none any more; False where it got none."""
        own = (digests.c.guild_id == guild_id, digests.c.channel_id == channel_id)
        async with self._db.write() as connection:
            return bool((await connection.execute(delete(digests).where(*own))).rowcount)

    async def of_guild(self, guild_id: int) -> list[Digest]:
        """Those of one server."""
        return await self._read(guild_id)

    async def to_try(self) -> list[Digest]:
        """Those of all servers that nobody is at, or that rest, at this moment."""
        return await self._read(None)

    async def _read(self, guild_id: int | None) -> list[Digest]:
        wanted = digests.c.next_try_ms <= self._clock() if guild_id is None else digests.c.guild_id == guild_id
        query = select(digests).where(wanted).order_by(digests.c.channel_id)
        async with self._db.read() as connection:
            return [_from_row(row) for row in await connection.execute(query)]

    async def take(self, digest: Digest) -> Digest | None:
        """Be the one that posts what is due; as it stands then, or None where somebody else is at it."""
        now = self._clock()
        change = update(digests).where(*_unchanged(digest), digests.c.next_try_ms <= now)
        values = {
            "tried_ms": digest.tried_ms or now,
            "attempts": digest.attempts + 1,
            "next_try_ms": now + AT_WORK_MS,
        }
        async with self._db.write() as connection:
            if not (await connection.execute(change.values(values))).rowcount:
                return None
            query = select(digests).where(digests.c.channel_id == digest.channel_id)
            return _from_row((await connection.execute(query)).one())

    async def rest(self, digest: Digest) -> None:
        """Try one that was taken again after a growing wait."""
        wait = round(1000 * Backoff(FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS).after(digest.attempts))
        change = update(digests).where(*_unchanged(digest)).values(next_try_ms=self._clock() + wait)
        async with self._db.write() as connection:
            await connection.execute(change)

    async def covered(self, digest: Digest, covered_ms: int, looked_ms: int) -> None:
        """Nothing has to be posted any more of what was said up to then."""
        async with self._db.write() as connection:
            await self.cover(connection, digest, covered_ms, looked_ms)

    async def cover(self, connection: AsyncConnection, digest: Digest, covered_ms: int, looked_ms: int) -> None:
        """As `covered`, in the caller's transaction.

        Raises:
            DigestTaken: somebody else did it, or it was switched off.
        """
        values = {"covered_ms": covered_ms, "looked_ms": looked_ms, "tried_ms": None, "attempts": 0, "next_try_ms": 0}
        change = update(digests).where(*_unchanged(digest)).values(values)
        if not (await connection.execute(change)).rowcount:
            raise DigestTaken


def _unchanged(digest: Digest) -> tuple[Any, ...]:
    """Its row, as long as nobody posted it or took it since."""
    return (
        digests.c.channel_id == digest.channel_id,
        digests.c.covered_ms == digest.covered_ms,
        digests.c.attempts == digest.attempts,
    )


def _from_row(row: Row[Any]) -> Digest:
    return Digest(
        guild_id=row.guild_id,
        channel_id=row.channel_id,
        every=Every(row.every),
        hour=row.hour,
        covered_ms=row.covered_ms,
        looked_ms=row.looked_ms,
        tried_ms=row.tried_ms,
        attempts=row.attempts,
    )
