"""What is to be removed and is not yet, though it was tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select, true

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
