"""The rows of the message log, and what may be done to them: nothing else writes that table.

Everything here works inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Message, MessageState
from bot.storage import Dialect, chunks, imports, messages, upsert


def message_from_row(row: Row[Any]) -> Message:
    """A message from its row of the messages table."""
    return Message(
        id=row.id,
        guild_id=row.guild_id,
        channel_id=row.channel_id,
        author_id=row.author_id,
        content=row.content,
        reply_to=row.reply_to,
        edited_at=None if row.edited_ms is None else datetime.fromtimestamp(row.edited_ms / 1000, tz=UTC),
    )


async def insert_messages(connection: AsyncConnection, new: Sequence[Message], now_ms: int) -> None:
    """Put messages that are not there yet into the log; they wait for extraction."""
    rows = [
        {
            "id": message.id,
            "guild_id": message.guild_id,
            "channel_id": message.channel_id,
            "author_id": message.author_id,
            "content": message.content,
            "reply_to": message.reply_to,
            "edited_ms": None if message.edited_at is None else round(message.edited_at.timestamp() * 1000),
            "logged_ms": now_ms,
            "state": MessageState.PENDING,
        }
        for message in new
    ]
    await connection.execute(insert(messages), rows)


async def note_imported(connection: AsyncConnection, dialect: Dialect, new: Sequence[Message]) -> None:
    """Note messages that an export brings."""
    rows = [{"message_id": each.id, "guild_id": each.guild_id, "channel_id": each.channel_id} for each in new]
    if rows:
        await connection.execute(upsert(dialect, imports).on_conflict_do_nothing(), rows)


async def note_read(connection: AsyncConnection, message_ids: Collection[int]) -> None:
    """Note that the bot has read these messages itself: no export takes them away."""
    for chunk in chunks(message_ids):
        await connection.execute(delete(imports).where(imports.c.message_id.in_(chunk)))


READ_AGAIN = "read_again"
"""Reason of messages that wait to be read once more: nothing is late with them, and nobody is warned of them."""


async def set_state(
    connection: AsyncConnection, which: ColumnElement[bool], state: MessageState, reason: str | None = None
) -> int:
    """Give the messages that meet a condition another state, outside of any batch; how many they are.

    Args:
        connection: the caller's.
        which: a condition on columns of messages.
        state: the new state.
        reason: why they were skipped or died, or READ_AGAIN; never content.
    """
    change = update(messages).where(which).values(state=state, reason=reason, batch_id=None)
    return (await connection.execute(change)).rowcount


async def set_batch(connection: AsyncConnection, which: ColumnElement[bool], batch_id: str) -> int:
    """Put the messages that meet a condition into a batch; how many they are."""
    return (await connection.execute(update(messages).where(which).values(batch_id=batch_id))).rowcount


async def set_content(
    connection: AsyncConnection, message_id: int, content: str, *, edited_ms: int | None = None
) -> None:
    """Replace a message's text; `edited_ms` is the time of the edit, where its author edited it."""
    edit = {} if edited_ms is None else {"edited_ms": edited_ms}
    await connection.execute(update(messages).where(messages.c.id == message_id).values(content=content, **edit))


async def delete_messages(connection: AsyncConnection, message_ids: Collection[int]) -> int:
    """Remove messages; how many there were."""
    count = 0
    for chunk in chunks(message_ids):
        count += (await connection.execute(delete(messages).where(messages.c.id.in_(chunk)))).rowcount
    return count
