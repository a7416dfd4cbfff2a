"""What other processes changed reaches this one: members' choices, rules, decisions on channels, another vector index.

Listeners ask the first three in memory for every message. On PostgreSQL triggers count each change and tell of it when
it is committed (migrations 0006 and 0008); the count is also looked at once a second, so that a lost connection, or a
pooler that passes nothing on, costs that second. Until then nothing wrong is stored: the log asks the database again in
the very transaction that stores a message, and so does whoever writes to the index.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from bot.storage.engine import Database
    from bot.storage.installation import Installation

log = logging.getLogger(__name__)

COUNT: Final = "changes"
"""Where the triggers count."""

LOOK_SECONDS: Final = 1.0
"""Between two looks at the count without being told; one row by its key."""

LISTEN_AGAIN_SECONDS: Final = 2.0

Load = Callable[[], Awaitable[None]]


class Changes:
    """Reads again what is held in memory whenever it changed.

    Args:
        db: tells of changes.
        installation: holds the count.
        loads: read what is held in memory; called in turn.
        look_seconds: see LOOK_SECONDS.
    """

    def __init__(
        self, db: Database, installation: Installation, loads: Sequence[Load], *, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._db = db
        self._installation = installation
        self._loads = loads
        self._look_seconds = look_seconds
        self._told = asyncio.Event()
        self._seen: str | None = ""  # no count at all: the first look reads, for it was loaded a while ago

    async def run(self) -> None:
        """Keep up to date until cancelled; what the database refuses is tried again."""
        listener = asyncio.create_task(self._listen(), name="listener")
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._look_seconds):  # wait_for may miss that it is cancelled
                        await self._told.wait()
                self._told.clear()
                try:
                    await self.look()
                except SQLAlchemyError as error:
                    log.warning("Whether anything changed can't be read: %s", type(error).__name__)
                    await asyncio.sleep(self._look_seconds)
        finally:
            listener.cancel()
            await asyncio.wait({listener})

    async def look(self) -> bool:
        """Read again if anything changed since the last time; tells whether it did."""
        count = await self._installation.get(COUNT)  # before what it counts: what comes between is read twice
        if count == self._seen:
            return False
        for load in self._loads:
            await load()
        self._seen = count
        return True

    async def _listen(self) -> None:
        while True:
            try:
                await self._db.listen(self._told.set)
            except (SQLAlchemyError, OSError) as error:
                log.warning("Not told of changes, looking for them instead: %s", type(error).__name__)
            await asyncio.sleep(LISTEN_AGAIN_SECONDS)
