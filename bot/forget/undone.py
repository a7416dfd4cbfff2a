"""What is to be removed and is not yet, though it was tried."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from sqlalchemy import and_, func, select, true

from bot.domain import Clock
from bot.forget.public_posts import DUE, EDIT
from bot.forget.requests import RequestState
from bot.storage import Database, posts, requests

LATE_MS: Final = 60_000
"""An erasure takes seconds; one that was asked for longer ago has failed, or nobody is there to carry it out."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What is not removed yet.

    Attributes:
        erasures: that were asked for.
        posts: public ones of the bot that have lost a source or a line.
    """

    erasures: int
    posts: int


class Removing:
    """Looks for it, also beside whoever removes it."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def undone(self, guild_id: int | None = None) -> Undone:
        """What was tried and is not removed, of one server or (None) of all."""
        asked = [requests.c.state != RequestState.DONE, requests.c.asked_ms < self._clock() - LATE_MS]
        due = [posts.c.state.in_((DUE, EDIT)), posts.c.attempts > 0]
        if guild_id is not None:
            asked.append(requests.c.guild_id.is_(None) | (requests.c.guild_id == guild_id))
            due.append(posts.c.guild_id == guild_id)
        async with self._db.read() as connection:
            erasures = await connection.scalar(select(func.count()).select_from(requests).where(true(), *asked))
            taken_down = await connection.scalar(select(func.count()).select_from(posts).where(true(), *due))
        return Undone(erasures or 0, taken_down or 0)

    async def by_server(self) -> tuple[dict[int, int], int]:
        """How many of these each server has, and how many erasures are of all servers."""
        late = and_(requests.c.state != RequestState.DONE, requests.c.asked_ms < self._clock() - LATE_MS)
        due = and_(posts.c.state.in_((DUE, EDIT)), posts.c.attempts > 0)
        found: Counter[int | None] = Counter()
        async with self._db.read() as connection:
            for table, those in ((requests, late), (posts, due)):
                query = select(table.c.guild_id, func.count().label("number")).where(those).group_by(table.c.guild_id)
                found.update({row.guild_id: row.number for row in await connection.execute(query)})
        everywhere = found.pop(None, 0)
        return {guild_id: count for guild_id, count in found.items() if guild_id is not None}, everywhere
