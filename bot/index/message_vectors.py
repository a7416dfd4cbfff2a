"""Which messages the vector index holds: all of the log with EMBED_MESSAGES, and none without.

Every message that comes, changes or goes is told to the index through the outbox, in the transaction that does it. What
was in the log when the setting was switched, either way, follows in the background, newest first, a chunk at a time.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.index.points import point_id
from bot.messagelog import message_from_row
from bot.model import Message
from bot.storage.schema import messages, meta, outbox

if TYPE_CHECKING:
    from bot.clock import Clock
    from bot.installation import Installation
    from bot.storage.engine import Database

STATE: Final = "message_vectors"
"""Where the installation remembers how far the index follows the setting."""

CHUNK: Final = 2_048
"""Messages that are enlisted at once: as many texts as one OpenAI embedding request takes."""

_END: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _State:
    """What the index is to hold.

    Attributes:
        wanted: every message of the log, or (False) none any more.
        below: messages with smaller snowflakes have yet to be enlisted.
    """

    wanted: bool
    below: int = _END


class MessageVectors:
    """Tells the index of messages. Without `load` it tells nothing.

    Args:
        db: where the messages are.
        installation: remembers what was enlisted.
        clock: the local clock.
    """

    def __init__(self, db: Database, installation: Installation, clock: Clock) -> None:
        self._db = db
        self._installation = installation
        self._clock = clock
        self._state: _State | None = None

    async def load(self, *, wanted: bool, remove: bool) -> None:
        """Begin with what was so far.

        Args:
            wanted: whether the index is to hold messages from now on.
            remove: take away what it holds where it is to hold none; only the running bot does.
        """
        state = await self._stored()
        if wanted and (state is None or not state.wanted):
            state = _State(wanted=True)
        elif remove and not wanted and state is not None and state.wanted:
            state = _State(wanted=False)
        await self._save(state)

    async def follow(self) -> None:
        """Do as the process that leads has decided, now and whenever that changes."""
        self._state = await self._stored()

    @property
    def held(self) -> bool:
        """Whether the index is to hold messages."""
        return self._state is not None and self._state.wanted

    async def changed(self, connection: AsyncConnection, message_ids: Collection[int]) -> None:
        """Messages came or changed, in the caller's transaction."""
        await self._tell(connection, message_ids, "upsert" if self.held else "delete")

    async def gone(self, connection: AsyncConnection, message_ids: Collection[int]) -> None:
        """Messages went, in the caller's transaction: the index learns that before anything that it has to embed."""
        await self._tell(connection, message_ids, "delete")

    async def _tell(self, connection: AsyncConnection, message_ids: Collection[int], op: str) -> None:
        if self._state is None or not message_ids:
            return
        row = {"op": op, "created_ms": self._clock()}
        await connection.execute(
            insert(outbox), [{"memory_id": point_id(one), "message_id": one, **row} for one in message_ids]
        )

    async def get(self, message_ids: Collection[int]) -> dict[str, Message]:
        """Those of the messages that the index is to hold, by the ids of their points."""
        if not self.held or not message_ids:
            return {}
        async with self._db.read() as connection:
            rows = await connection.execute(select(messages).where(messages.c.id.in_(message_ids)))
            found = map(message_from_row, rows)
            return {point_id(message.id): message for message in found if message.content.strip()}

    async def after(self, message_id: int, limit: int) -> list[int]:
        """The next messages that the index is to hold, oldest first."""
        if not self.held:
            return []
        following = select(messages.c.id).where(messages.c.id > message_id).order_by(messages.c.id).limit(limit)
        async with self._db.read() as connection:
            return list(await connection.scalars(following))

    async def enlist(self) -> bool:
        """Tell the index of the next chunk of what was in the log before; False where nothing is left to tell."""
        if self._state is None or not self._state.below:
            return False
        async with self._db.write() as connection:
            told = await connection.scalar(select(meta.c.value).where(meta.c.key == STATE))
            state = _from_json(told) or self._state  # another process may have gone on with it
            older = select(messages.c.id).where(messages.c.id < state.below).order_by(messages.c.id.desc()).limit(CHUNK)
            ids = list(await connection.scalars(older))
            await self.changed(connection, ids)
            state = replace(state, below=ids[-1] if ids else 0)
            await self._installation.put(connection, STATE, json.dumps(asdict(state)))
        self._state = state if state.wanted or state.below else None
        return bool(ids)

    async def begin_anew(self) -> None:
        """The index was lost: tell it of every message again."""
        if self.held:
            await self._save(_State(wanted=True))

    async def _stored(self) -> _State | None:
        return _from_json(await self._installation.get(STATE))

    async def _save(self, state: _State | None) -> None:
        self._state = state
        if state is not None:
            await self._installation.set(STATE, json.dumps(asdict(state)))


def _from_json(told: str | None) -> _State | None:
    """What was remembered; None where the index holds no message."""
    state = None if told is None else _State(**json.loads(told))
    return state if state is not None and (state.wanted or state.below) else None
