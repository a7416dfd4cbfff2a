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


@dataclass(frozen=True, slots=True)
class Held:
    """What a server has waiting while a service fails.

    Attributes:
        messages: all that are pending there.
        since_ms: when the oldest stretch that waits for the service was first put to the model; what waits only for
            its turn does not count.
    """

    messages: int
    since_ms: int


class HeldUp:
    """Looks into the queue, also beside whoever works on it."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def by_server(self) -> dict[int, Held]:
        """What waits for a service that failed, by server; also what is tried again at this moment, unlike `waits`."""
        held = and_(batches.c.error.is_not(None), batches.c.next_try_ms <= self._clock() + FAR_MS)
        oldest = select(batches.c.guild_id, func.min(batches.c.created_ms).label("since_ms")).where(held)
        pending = select(messages.c.guild_id, func.count().label("number")).where(PENDING)
        async with self._db.read() as connection:
            rows = (await connection.execute(oldest.group_by(batches.c.guild_id))).all()
            if not rows:
                return {}
            waiting = await connection.execute(pending.group_by(messages.c.guild_id))
            numbers: dict[int, int] = {row.guild_id: row.number for row in waiting}
        return {row.guild_id: Held(numbers[row.guild_id], row.since_ms) for row in rows if row.guild_id in numbers}

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
