"""Where the admins of a server are warned, and which warnings stand there: one message for each matter."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, and_, delete, select

from bot.storage import Store, upsert, warning_channels, warnings

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.storage import Database


class Matter(StrEnum):
    """What admins are warned of."""

    MODEL_AWAY = "model_away"
    NEAR_RETENTION = "near_retention"
    ERASURE = "erasure"
    PERMISSION = "permission"


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning as it stands in a channel.

    Attributes:
        channel_id: where it was posted.
        message_id: the post; None where it was begun and is not posted yet.
        since_ms: since when the matter stands.
        over_ms: since when it is over; None while it stands.
        text: a hash of what the post says.
    """

    guild_id: int
    matter: Matter
    channel_id: int
    message_id: int | None
    since_ms: int
    over_ms: int | None = None
    text: str = ""


class Warnings(Store):
    """The channels for warnings of every server, and what was posted there."""

    name = "warnings"
    tables = (warnings, warning_channels)
    of_server = True

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db)
        self._clock = clock

    async def channels(self) -> dict[int, int]:
        """The channel of each server that chose one, by the server's id."""
        query = select(warning_channels.c.guild_id, warning_channels.c.channel_id)
        async with self._db.read() as connection:
            return {row.guild_id: row.channel_id for row in await connection.execute(query)}

    async def channel(self, guild_id: int) -> int | None:
        """The channel of one server; None where it chose none."""
        query = select(warning_channels.c.channel_id).where(warning_channels.c.guild_id == guild_id)
        async with self._db.read() as connection:
            return await connection.scalar(query)

    async def choose(self, guild_id: int, channel_id: int | None, *, by: int | None) -> None:
        """Warn there from now on, or (None) nowhere; what was posted elsewhere is not looked after any more."""
        elsewhere = and_(warnings.c.guild_id == guild_id, warnings.c.channel_id != (channel_id or 0))
        async with self._db.write() as connection:
            await connection.execute(delete(warnings).where(elsewhere))
            await connection.execute(delete(warning_channels).where(warning_channels.c.guild_id == guild_id))
            if channel_id is not None:
                chosen = {"channel_id": channel_id, "decided_by": by, "decided_ms": self._clock()}
                row = upsert(self._db.dialect, warning_channels).values(guild_id=guild_id, **chosen)
                keys = [warning_channels.c.guild_id]
                await connection.execute(row.on_conflict_do_update(index_elements=keys, set_=chosen))

    async def noted(self) -> dict[int, dict[Matter, Warned]]:
        """The warnings of each server that stand, or are over for less than the time in which they may come back."""
        noted: dict[int, dict[Matter, Warned]] = {}
        async with self._db.read() as connection:
            for warned in map(_from_row, await connection.execute(select(warnings))):
                noted.setdefault(warned.guild_id, {})[warned.matter] = warned
        return noted

    async def note(self, warned: Warned) -> None:
        """Keep how a warning stands now."""
        values = {
            "channel_id": warned.channel_id,
            "message_id": warned.message_id,
            "since_ms": warned.since_ms,
            "over_ms": warned.over_ms,
            "text": warned.text,
        }
        row = upsert(self._db.dialect, warnings).values(guild_id=warned.guild_id, matter=warned.matter, **values)
        keys = [warnings.c.guild_id, warnings.c.matter]
        async with self._db.write() as connection:
            await connection.execute(row.on_conflict_do_update(index_elements=keys, set_=values))

    async def close(self, warned: Warned) -> None:
        """Forget one that is over for good; its post stays."""
        theirs = (warnings.c.guild_id == warned.guild_id, warnings.c.matter == warned.matter)
        async with self._db.write() as connection:
            await connection.execute(delete(warnings).where(*theirs))


def _from_row(row: Row[Any]) -> Warned:
    return Warned(
        guild_id=row.guild_id,
        matter=Matter(row.matter),
        channel_id=row.channel_id,
        message_id=row.message_id,
        since_ms=row.since_ms,
        over_ms=row.over_ms,
        text=row.text,
    )
