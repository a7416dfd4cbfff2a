"""Edits: a message's new text goes everywhere where the old one is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import MemoryOrigin, MessageState
from bot.guilds import Consents
from bot.index import Indexer
from bot.memories import MAX_TEXT, MemoryStore, discard_answers, undoubt
from bot.observe import set_content, set_state, storable
from bot.storage import Database, citations, memories, messages
from bot.text import Entry, FullText

_FINISHED = (MessageState.EXTRACTED, MessageState.DEAD)


class Revisions:
    """Replaces what was said by what its author made of it."""

    def __init__(
        self, db: Database, fulltext: FullText, store: MemoryStore, indexer: Indexer, consents: Consents
    ) -> None:
        self._db = db
        self._store = store
        self._fulltext = fulltext
        self._indexer = indexer
        self._consents = consents

    async def edited(self, message_id: int, content: str, edited_at: datetime) -> bool:
        """Replace the text of a message; False where there is nothing to replace.

        Memories extracted from it go, and it is extracted again with what they cited besides. A memory that a member
        kept of it on purpose takes the new text; one that was corrected stays as its member wrote it. A batch in hand
        is asked again. Edits that come late or twice change nothing.

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
            if row is None:
                changed = await self._replace_expired(connection, message_id, content, edited_ms)
            elif row.content == content or (row.edited_ms or 0) > edited_ms:
                return False
            else:
                changed = True
                entry = Entry(row.id, row.guild_id, row.channel_id, (row.author_id,), content)
                await self._replace(connection, entry, edited_ms)
        if changed:
            self._indexer.wake()
            await self._db.scrub()
        return changed

    async def _replace(self, connection: AsyncConnection, entry: Entry, edited_ms: int) -> None:
        message_id = entry.rowid
        this = messages.c.id == message_id
        await set_content(connection, message_id, entry.text, edited_ms=edited_ms)
        await set_state(connection, and_(this, messages.c.state.in_(_FINISHED)), MessageState.PENDING)
        await self._fulltext.add(connection, "messages", [entry])
        await self._indexer.messages.changed(connection, [message_id])
        await self._store.withdraw(connection, [message_id], only_extracted=True)
        await self._rewrite_kept(connection, message_id, entry.text)
        await discard_answers(connection, {entry.channel_id})

    async def _replace_expired(
        self, connection: AsyncConnection, message_id: int, content: str, edited_ms: int
    ) -> bool:
        """The same for a message that the log has no more, if it was edited after something was remembered from it."""
        made = select(func.min(memories.c.created_ms)).join(citations, citations.c.memory_id == memories.c.id)
        made_ms = await connection.scalar(made.where(citations.c.message_id == message_id))
        changed = bool(await undoubt(connection, [message_id]))
        if made_ms is not None and made_ms < edited_ms:
            withdrawal = await self._store.withdraw(connection, [message_id], only_extracted=True)
            changed |= bool(withdrawal.removed or withdrawal.reduced)
        return await self._rewrite_kept(connection, message_id, content) or changed

    async def _rewrite_kept(self, connection: AsyncConnection, message_id: int, content: str) -> bool:
        """Give the memory that a member kept of this message its new text."""
        text = content.strip()[:MAX_TEXT]
        kept = (
            select(memories.c.id, memories.c.guild_id)
            .join(citations, citations.c.memory_id == memories.c.id)
            .where(
                citations.c.message_id == message_id,
                memories.c.origin == MemoryOrigin.REMEMBERED,
                memories.c.text != text,
            )
        )
        rows = (await connection.execute(kept)).all()
        if not text:
            await self._store.remove(connection, [row.id for row in rows])
            return bool(rows)
        texts = await self._consents.without_opted_out(connection, [(row.guild_id, text) for row in rows])
        for row, shown in zip(rows, texts, strict=True):
            await self._store.rewrite(connection, row.id, shown)
        return bool(rows)
