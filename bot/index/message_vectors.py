"""Which messages the vector index holds: all of the log with EMBED_MESSAGES, and none without.

Every message that comes, changes or goes is told to the index through the outbox, in the transaction that does it. What
was in the log when the setting was switched, either way, follows in the background, newest first, a chunk at a time.

Of several processes one decides, and the others follow. Whoever tells or writes anything asks the database at that
moment, for what it knows may be old by then: no message that is deleted is left in the index.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, and_, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Message
from bot.index.points import point_id
from bot.observe import message_from_row
from bot.storage import messages, meta, outbox

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.storage import Database, Installation

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
    """Tells the index of messages, as the database says at that moment; until somebody has decided it tells nothing.

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
        """Begin with what was so far, and decide for all processes what is to be.

        Args:
            wanted: whether the index is to hold messages from now on.
            remove: take away what it holds where it is to hold none; only the running bot does.
        """
        async with self._db.write(patient=True) as connection:
            before = state = await _stored(connection)
            if wanted and (state is None or not state.wanted):
                state = _State(wanted=True)
            elif remove and not wanted and state is not None and state.wanted:
                state = _State(wanted=False)
            if state is not None and state != before:
                await self._put(connection, state)
        self._state = state

    async def follow(self) -> None:
        """Do as the process that leads has decided, now and whenever that changes."""
        async with self._db.read() as connection:
            self._state = await _stored(connection)

    @property
    def held(self) -> bool:
        """Whether the index is to hold messages, as far as this process knows."""
        return self._state is not None and self._state.wanted

    async def changed(self, connection: AsyncConnection, message_ids: Collection[int]) -> None:
        """Messages came or changed, in the caller's transaction."""
        await self._tell(connection, message_ids)

    async def gone(self, connection: AsyncConnection, message_ids: Collection[int]) -> None:
        """Messages went, in the caller's transaction: the index learns that before anything that it has to embed."""
        await self._tell(connection, message_ids, gone=True)

    async def _tell(self, connection: AsyncConnection, message_ids: Collection[int], *, gone: bool = False) -> None:
        state = await _stored(connection) if message_ids else None
        if state is None:
            return
        row = {"op": "upsert" if state.wanted and not gone else "delete", "created_ms": self._clock()}
        await connection.execute(
            insert(outbox),
            [{"memory_id": point_id(message_id), "message_id": message_id, **row} for message_id in message_ids],
        )

    async def get(self, message_ids: Collection[int]) -> dict[str, Message]:
        """Those of the messages that the index is to hold, by the ids of their points."""
        if not message_ids:
            return {}
        async with self._db.read() as connection:
            if not await _wanted(connection):
                return {}
            rows = await connection.execute(select(messages).where(messages.c.id.in_(message_ids)))
            messages_read = map(message_from_row, rows)
            return {point_id(message.id): message for message in messages_read if message.content.strip()}

    async def after(self, message_id: int, limit: int) -> list[int]:
        """The next messages that the index is to hold, oldest first."""
        following = select(messages.c.id).where(messages.c.id > message_id).order_by(messages.c.id).limit(limit)
        async with self._db.read() as connection:
            return list(await connection.scalars(following)) if await _wanted(connection) else []

    async def count_told(self) -> int:
        """How many messages the index has been told of."""
        async with self._db.read() as connection:
            state = await _stored(connection)
            if state is None or not state.wanted:
                return 0
            return await connection.scalar(select(func.count()).select_from(messages).where(_told(state))) or 0

    async def told_after(self, message_id: int, limit: int) -> list[int]:
        """The next messages that the index has been told of, oldest first; not those that have yet to be enlisted."""
        async with self._db.read() as connection:
            state = await _stored(connection)
            if state is None or not state.wanted:
                return []
            following = select(messages.c.id).where(messages.c.id > message_id, _told(state))
            return list(await connection.scalars(following.order_by(messages.c.id).limit(limit)))

    async def enlist(self) -> bool:
        """Tell the index of the next chunk of what was in the log before; False where nothing is left to tell."""
        if self._state is None or not self._state.below:
            return False
        async with self._db.write() as connection:
            state = await _stored(connection)  # another process may have gone on with it
            ids: list[int] = []
            if state is not None and state.below:
                before = messages.c.id < state.below
                older = select(messages.c.id).where(before).order_by(messages.c.id.desc()).limit(CHUNK)
                ids = list(await connection.scalars(older))
                await self.changed(connection, ids)
                state = replace(state, below=ids[-1] if ids else 0)
                await self._put(connection, state)
        self._state = state if state is not None and (state.wanted or state.below) else None
        return bool(ids)

    async def begin_anew(self) -> None:
        """The index was lost: tell it of every message again."""
        async with self._db.write() as connection:
            if await _wanted(connection):
                self._state = _State(wanted=True)
                await self._put(connection, self._state)

    async def _put(self, connection: AsyncConnection, state: _State) -> None:
        await self._installation.put(connection, STATE, json.dumps(asdict(state)))


async def _wanted(connection: AsyncConnection) -> bool:
    state = await _stored(connection)
    return state is not None and state.wanted


async def _stored(connection: AsyncConnection) -> _State | None:
    """What was decided; None where the index holds no message."""
    stored = await connection.scalar(select(meta.c.value).where(meta.c.key == STATE))
    state = None if stored is None else _State(**json.loads(stored))
    return state if state is not None and (state.wanted or state.below) else None


def _told(state: _State) -> ColumnElement[bool]:
    """Messages of which the index has been told; those without words are none of them."""
    return and_(messages.c.id >= state.below, func.trim(messages.c.content) != "")
