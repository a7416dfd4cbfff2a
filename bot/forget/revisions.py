"""Edits: a message's new text goes everywhere where the old one is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from bot.observe import message_from_row, storable
from bot.storage import Edited, messages

if TYPE_CHECKING:
    from bot.guilds import Consents
    from bot.index import Indexer
    from bot.storage import Database, Store


class Revisions:
    """Tells every store of a message's new text."""

    def __init__(self, db: Database, stores: Sequence[Store], indexer: Indexer, consents: Consents) -> None:
        self._db = db
        self._stores = stores
        self._indexer = indexer
        self._consents = consents

    async def edited(self, message_id: int, content: str, edited_at: datetime) -> bool:
        """Replace the text of a message; False where there is nothing to replace.

        What was made of the old text goes with it, and is made again. Edits that come late or twice change nothing.

        Args:
            message_id: the message; unknown ones are fine.
            content: its whole new text.
            edited_at: when it was edited, as Discord says.
        """
        content = storable(content)
        edited_ms = round(edited_at.timestamp() * 1000)
        async with self._db.write() as connection:
            row = (await connection.execute(select(messages).where(messages.c.id == message_id))).one_or_none()
            if row is not None:
                (content,) = await self._consents.without_opted_out(connection, [(row.guild_id, content)])
                if row.content == content or (row.edited_ms or 0) > edited_ms:
                    return False
            logged = None if row is None else message_from_row(row)
            edited = Edited(message_id=message_id, content=content, edited_ms=edited_ms, logged=logged)
            changed = sum([await store.edited(connection, edited) for store in self._stores])
        if changed:
            self._indexer.wake()
            await self._db.scrub()
        return bool(changed)
