"""What becomes of the message log when something is erased, edited or over its time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlalchemy import Column, ColumnElement, and_, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import MessageState, jump_url, snowflake, without_people
from bot.observe.message_rows import delete_messages, set_content, set_state
from bot.storage import Scope, Sections, Store, messages, moment
from bot.text import FullTextEntry, author_token, channel_token, guild_token

if TYPE_CHECKING:
    from bot.storage import Database, Edited, Erased, Expired
    from bot.text import FullText, Indexed

_FINISHED = (MessageState.EXTRACTED, MessageState.DEAD)


class KeptMessages(Store):
    """The log's messages with their full-text entries."""

    name = "messages"
    tables = (messages,)

    def __init__(self, db: Database, fulltext: FullText) -> None:
        super().__init__(db)
        self._fulltext = fulltext

    async def erased(self, connection: AsyncConnection, erased: Erased) -> Counter[str]:
        """Messages of this portion go; those of others that mention an erased member do so no more."""
        gone = await self._remove(connection, erased.messages)
        if erased.scope.user_id is None or not erased.mentioning:
            return gone
        rows = (await connection.execute(select(messages).where(messages.c.id.in_(erased.mentioning)))).all()
        for row in rows:
            content = without_people(row.content, {erased.scope.user_id})
            await set_content(connection, row.id, content)
            entry = FullTextEntry(row.id, row.guild_id, row.channel_id, (row.author_id,), content)
            await self._fulltext.add(connection, "messages", [entry])
        return gone + Counter({"mentions": len(rows)})

    async def edited(self, connection: AsyncConnection, edited: Edited) -> int:
        """Replace the text; what was extracted from it, or died, is extracted again."""
        logged = edited.logged
        if logged is None:
            return 0
        await set_content(connection, logged.id, edited.content, edited_ms=edited.edited_ms)
        finished = and_(messages.c.id == logged.id, messages.c.state.in_(_FINISHED))
        await set_state(connection, finished, MessageState.PENDING)
        entry = FullTextEntry(logged.id, logged.guild_id, logged.channel_id, (logged.author_id,), edited.content)
        await self._fulltext.add(connection, "messages", [entry])
        return 1

    async def expired(self, connection: AsyncConnection, expired: Expired) -> Counter[str]:
        """Those that were kept for long enough go, pending ones too."""
        return await self._remove(connection, expired.messages)

    async def give(self, user_id: int, guild_id: int | None) -> Sections:
        """Every message, oldest first."""
        wanted = said_in(Scope(user_id=user_id, guild_id=guild_id))
        async with self._db.read() as connection:
            rows = (await connection.execute(select(messages).where(wanted).order_by(messages.c.id))).all()
        return {
            self.name: [
                {
                    "message_id": str(row.id),
                    "said_at": snowflake.to_datetime(row.id).isoformat(),
                    "link": jump_url(row.guild_id, row.channel_id, row.id),
                    "text": row.content,
                    "state": row.state,
                    "kept_since": moment(row.logged_ms),
                }
                for row in rows
            ]
        }

    async def count(self, scope: Scope) -> Counter[str]:
        """Messages in scope, mentions of an erased member in what others said, and what is left in the full text."""
        wanted = said_in(scope)
        if scope.user_id is not None:
            wanted = or_(wanted, mentioning(scope.user_id, scope.guild_id))
        async with self._db.read() as connection:
            left = await connection.scalar(select(func.count()).select_from(messages).where(wanted)) or 0
            in_words = await left_in_words(connection, self._fulltext, "messages", scope)
        return Counter({self.name: left, "full text": in_words})

    async def _remove(self, connection: AsyncConnection, message_ids: Iterable[int]) -> Counter[str]:
        ids = sorted(message_ids)
        await self._fulltext.remove(connection, "messages", ids)
        return Counter({self.name: await delete_messages(connection, ids)})


def said_in(scope: Scope) -> ColumnElement[bool]:
    """Messages of the log in scope."""
    conditions = [_in_guild(scope.guild_id)]
    if scope.user_id is not None:
        conditions.append(messages.c.author_id == scope.user_id)
    if scope.channel_ids is not None:
        conditions.append(messages.c.channel_id.in_(scope.channel_ids))
    if scope.message_ids is not None:
        conditions.append(messages.c.id.in_(scope.message_ids))
    return and_(*conditions)


def mentioning(user_id: int, guild_id: int | None) -> ColumnElement[bool]:
    """Messages of the log that mention somebody, in one guild or (None) in all; a look at every row."""
    return and_(mentions(messages.c.content, user_id), _in_guild(guild_id))


def mentions(text: Column[str], user_id: int) -> ColumnElement[bool]:
    """Whether a text mentions somebody, in either form that Discord knows."""
    return or_(text.contains(f"<@{user_id}>"), text.contains(f"<@!{user_id}>"))


async def left_in_words(connection: AsyncConnection, fulltext: FullText, where: Indexed, scope: Scope) -> int:
    """Whether the full text still has something under the scope's tokens: 0 or 1."""
    if scope.message_ids is not None:
        return 0  # keyed by message, and gone with it in one transaction
    groups: list[list[str]] = []
    if scope.guild_id is not None:
        groups.append([guild_token(scope.guild_id)])
    if scope.user_id is not None:
        groups.append([author_token(scope.user_id)])
    if scope.channel_ids is not None:
        groups.append([channel_token(channel_id) for channel_id in sorted(scope.channel_ids)])
    return len(await fulltext.search(connection, where, groups, 1))


def _in_guild(guild_id: int | None) -> ColumnElement[bool]:
    return true() if guild_id is None else messages.c.guild_id == guild_id
