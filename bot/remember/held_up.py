"""What is not read now though it was tried, and why."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select, true

from bot.domain import FAR_MS, Clock, ModelUnfit
from bot.storage import PENDING, Database, batches, messages


@dataclass(frozen=True, slots=True)
class Waits:
    """Messages that are not read now, and why.

    Attributes:
        error: as `describe` has it.
        messages: how many; where a model is unfit, all that are pending.
    """

    error: str
    messages: int

    @property
    def model_unfit(self) -> bool:
        """Whether they wait for a model that can be used."""
        return self.error.startswith(ModelUnfit.__name__)

    @property
    def reason(self) -> str:
        """Why, without the kind of the error."""
        return self.error.partition(": ")[2] or self.error


class HeldUp:
    """Looks into the queue, also beside whoever works on it."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def oldest_ms(self, guild_id: int) -> tuple[int, int] | None:
        """How many messages of a server wait for a service that failed, and when the oldest came; None where none do.

        Unlike `waits` it counts those that are tried again at this moment.
        """
        held = and_(batches.c.error.is_not(None), batches.c.next_try_ms <= self._clock() + FAR_MS)
        query = select(func.count(), func.min(messages.c.logged_ms)).join(batches, messages.c.batch_id == batches.c.id)
        async with self._db.read() as connection:
            count, oldest = (await connection.execute(query.where(held, messages.c.guild_id == guild_id))).one()
        return (count, oldest) if count else None

    async def waits(self, guild_id: int | None = None) -> list[Waits]:
        """What waits because of a failure that is not its own, of one server or (None) of all, the most first."""
        now, many = self._clock(), func.count()
        unfit = batches.c.error.startswith(ModelUnfit.__name__)
        held = and_(batches.c.error.is_not(None), or_(unfit, batches.c.next_try_ms.between(now + 1, now + FAR_MS)))
        theirs = true() if guild_id is None else messages.c.guild_id == guild_id
        query = select(batches.c.error, many).join(messages, messages.c.batch_id == batches.c.id).where(held, theirs)
        async with self._db.read() as connection:
            rows = await connection.execute(query.group_by(batches.c.error).order_by(many.desc(), batches.c.error))
            waits = [Waits(error, count) for error, count in rows]
            if (model := await connection.scalar(select(func.max(batches.c.error)).where(unfit))) is None:
                return waits
            pending = await connection.scalar(select(many).select_from(messages).where(PENDING, theirs))
        return [Waits(model, pending or 0)]
