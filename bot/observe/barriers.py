"""What keeps erased messages out: a tombstone for each deleted message, and watermarks up to which nothing may come.

Late events, backfill and replay ask here inside the transaction that would store a message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Message
from bot.guilds import EVERYWHERE
from bot.storage import Store, chunks, tombstones, upsert, watermarks

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.storage import Database, Edited, Erased, Expired, Scope

_WHOLE_SERVER = "guild"
"""The watermark's subject for a whole server."""

Watermarks = Mapping[tuple[int, str], int]
"""The highest snowflake that is erased, by guild (0: everywhere) and subject."""


class Barriers(Store):
    """Remembers what was erased, as ids and keyed hashes, so that it does not come back."""

    name = "barriers"
    tables = (tombstones, watermarks)

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db)
        self._clock = clock

    async def erased(self, connection: AsyncConnection, erased: Erased) -> Counter[str]:
        """Let nothing of it be taken in again; nothing that stands here goes."""
        if erased.scope.message_ids is not None:
            await self._bury(connection, erased.scope.message_ids)
        elif erased.up_to:
            await self._raise(connection, erased.scope.guild_id or EVERYWHERE, _subjects(erased), erased.up_to)
        return Counter()

    async def edited(self, connection: AsyncConnection, edited: Edited) -> int:
        """A tombstone stays."""
        return 0

    async def expired(self, connection: AsyncConnection, expired: Expired) -> Counter[str]:
        """They outlive the messages."""
        return Counter()

    async def count(self, scope: Scope) -> Counter[str]:
        """None of them is left over."""
        return Counter()

    async def _bury(self, connection: AsyncConnection, message_ids: Iterable[int]) -> None:
        now = self._clock()
        fresh = upsert(self._db.dialect, tombstones).on_conflict_do_nothing()
        for chunk in chunks(message_ids):
            await connection.execute(fresh, [{"message_id": i, "created_ms": now} for i in chunk])

    async def _raise(self, connection: AsyncConnection, guild_id: int, subjects: Sequence[str], up_to: int) -> None:
        rows = [{"guild_id": guild_id, "subject": subject, "up_to": up_to} for subject in subjects]
        fresh = upsert(self._db.dialect, watermarks)
        raised = fresh.on_conflict_do_update(
            index_elements=[watermarks.c.guild_id, watermarks.c.subject],
            set_={"up_to": fresh.excluded.up_to},
            where=watermarks.c.up_to < fresh.excluded.up_to,
        )
        await connection.execute(raised, rows)


async def deleted_among(connection: AsyncConnection, message_ids: Collection[int]) -> set[int]:
    """Which of these messages were deleted."""
    wanted = select(tombstones.c.message_id).where(tombstones.c.message_id.in_(message_ids))
    return set(await connection.scalars(wanted))


async def watermarks_of(connection: AsyncConnection, said: Sequence[Message], members: Iterable[str]) -> Watermarks:
    """Watermarks that may cover one of the messages; `members` are the keyed hashes of their authors."""
    places = {_channel(message.channel_id) for message in said}
    rows = await connection.execute(
        select(watermarks).where(
            watermarks.c.guild_id.in_({EVERYWHERE, *(message.guild_id for message in said)}),
            watermarks.c.subject.in_({_WHOLE_SERVER, *places, *members}),
        )
    )
    return {(row.guild_id, row.subject): row.up_to for row in rows}


def erased_up_to(marks: Watermarks, message: Message, author: str) -> int:
    """The highest watermark that covers a message; `author` is the keyed hash of who said it."""
    covering = (
        (EVERYWHERE, author),
        (message.guild_id, author),
        (message.guild_id, _channel(message.channel_id)),
        (message.guild_id, _WHOLE_SERVER),
    )
    return max(marks.get(subject, 0) for subject in covering)


def _subjects(erased: Erased) -> list[str]:
    """Whom or what a watermark is for."""
    if erased.subject is not None:
        return [erased.subject]
    if erased.scope.channel_ids is not None:
        return [_channel(channel_id) for channel_id in sorted(erased.scope.channel_ids)]
    return [_WHOLE_SERVER]


def _channel(channel_id: int) -> str:
    return f"channel:{channel_id}"
