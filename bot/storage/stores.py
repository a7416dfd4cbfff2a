"""What becomes of what is kept: every store is told of it, in one transaction for all, and does its part.

A store is whoever writes a table. It registers once, where its package opens its services, and from then on erasure,
edits, retention, exports and receipts reach it. What it does then follows from what its columns hold, unless it
overrides a method: a row that is made from a message goes with that message, and a row of a member with that member.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, False_, Table, and_, delete, false, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.columns import Holds, holding

if TYPE_CHECKING:
    from bot.domain import Message
    from bot.storage.engine import Database

Record = dict[str, Any]
"""One thing that is kept of a member, ready for JSON."""

Sections = Mapping[str, Sequence[Record]]
"""What is kept of a member, by what it is."""

LARGEST_EXACT = 2**53
"""JSON readers round larger numbers; snowflakes are larger, and are given as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What to erase: whatever meets every condition that is given.

    Attributes:
        guild_id: what was said in one guild; None means every guild.
        user_id: what a member said.
        channel_ids: what was said in these channels and threads.
        message_ids: these messages.
    """

    guild_id: int | None = None
    user_id: int | None = None
    channel_ids: frozenset[int] | None = None
    message_ids: frozenset[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """So much goes in one transaction, which leaves everything consistent.

    Attributes:
        messages: ids of messages that go, whether the log still has them or they are only cited.
        channel_ids: where those of them were said that the log still has.
        people: guild and user id of whoever said them, or is cited beside them.
        last: whatever else meets the condition goes as well. A store that has much to do then may do a part of it, at
            least STATEMENT_IDS items, and is told once more.
    """

    messages: frozenset[int] = frozenset()
    channel_ids: frozenset[int] = frozenset()
    people: frozenset[tuple[int, int]] = frozenset()
    last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased(Portion):
    """A portion of an erasure.

    Attributes:
        scope: all that is erased, portion by portion.
        up_to: nothing in scope up to this snowflake may be taken in again; 0 where single messages are erased.
        subject: the keyed hash of the member in scope, where there is one.
        mentioning: ids of messages of others that name the member, who goes without a name from now on.
        left: the bot is no longer in the guild in scope.
    """

    scope: Scope
    up_to: int = 0
    subject: str | None = None
    mentioning: frozenset[int] = frozenset()
    left: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired(Portion):
    """A portion of what retention takes.

    Attributes:
        before_ms: messages that were taken in before this local time have been kept for long enough.
        now_ms: the local time, for what is kept for a time of its own.
    """

    before_ms: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """A message has another text from now on.

    Attributes:
        content: the new text, without mentions of members who opted out.
        edited_ms: when that was, as Discord says.
        logged: the message as the log has had it; None where it has expired and only what was made from it is left.
    """

    message_id: int
    content: str
    edited_ms: int
    logged: Message | None


class Store:
    """Keeps something in tables that nobody else writes.

    Attributes:
        name: for receipts and exports.
        tables: the tables that it writes.
        of_server: what it keeps are the server's own decisions: they outlive the erasure of what was said, and go when
            the bot has left the server. Of a member who is erased only the id is taken out.
    """

    name: str
    tables: tuple[Table, ...] = ()
    of_server = False

    def __init__(self, db: Database) -> None:
        self._db = db

    async def erased(self, connection: AsyncConnection, erased: Erased) -> Counter[str]:
        """Remove what goes in this portion, in the caller's transaction; how many items of what. Safe to repeat."""
        removed = 0
        for table in self.tables:
            removed += await _delete(connection, table, made_from(table, erased.messages, erased.channel_ids))
            if erased.last:
                removed += await self._last(connection, table, erased)
        return Counter({self.name: removed})

    async def edited(self, connection: AsyncConnection, edited: Edited) -> int:
        """Let nothing of a message's old text be left, in the caller's transaction; how many items that changed."""
        places = set() if edited.logged is None else {edited.logged.channel_id}
        return sum(
            [await _delete(connection, table, made_from(table, {edited.message_id}, places)) for table in self.tables]
        )

    async def expired(self, connection: AsyncConnection, expired: Expired) -> Counter[str]:
        """Remove what was kept for long enough, in the caller's transaction; how many items of what."""
        removed = 0
        for table in self.tables:
            removed += await _delete(connection, table, made_from(table, expired.messages, expired.channel_ids))
            if expired.last:
                taken_in = holding(table, Holds.TAKEN_IN)
                removed += await _delete(connection, table, or_(false(), *(c < expired.before_ms for c in taken_in)))
        return Counter({self.name: removed})

    async def give(self, user_id: int, guild_id: int | None) -> Sections:
        """What is kept of a member, in one server or (None) in all, by the name of its section."""
        tables = [table for table in self.tables if holding(table, Holds.USER_ID)]
        if not tables:
            return {}
        records: list[Record] = []
        scope = Scope(guild_id=guild_id, user_id=user_id)
        async with self._db.read() as connection:
            for table in tables:
                rows = (await connection.execute(select(table).where(in_scope(table, scope)))).mappings()
                records += [{name: _shown(name, value) for name, value in row.items()} for row in rows]
        return {self.name: records}

    async def count(self, scope: Scope) -> Counter[str]:
        """Count what is left in scope, by looking, not by remembering."""
        if self.of_server and scope.user_id is None:
            return Counter()
        left = 0
        async with self._db.read() as connection:
            for table in self.tables:
                query = select(func.count()).select_from(table).where(in_scope(table, scope))
                left += await connection.scalar(query) or 0
        return Counter({self.name: left})

    async def _last(self, connection: AsyncConnection, table: Table, erased: Erased) -> int:
        """Remove what is left of a scope in one table."""
        scope = erased.scope
        if scope.user_id is not None:
            blanked = await _blank(connection, table, scope, scope.user_id)
            return blanked + await _delete(connection, table, in_scope(table, scope))
        if not self.of_server:
            return await _delete(connection, table, in_scope(table, scope))
        of_guild = or_(false(), *(column == scope.guild_id for column in holding(table, Holds.GUILD_ID)))
        return await _delete(connection, table, of_guild) if erased.left else 0


def made_from(table: Table, message_ids: Collection[int], channel_ids: Collection[int]) -> ColumnElement[bool]:
    """Rows that are made from one of these messages.

    A text of which nothing tells from which message it is, nor whose, counts as made from every message of its channel.
    """
    if columns := holding(table, Holds.MESSAGE_ID):
        return or_(*(column.in_(message_ids) for column in columns)) if message_ids else false()
    if holding(table, Holds.SAID) and not holding(table, Holds.USER_ID) and channel_ids:
        return or_(false(), *(column.in_(channel_ids) for column in holding(table, Holds.CHANNEL_ID)))
    return false()


def in_scope(table: Table, scope: Scope) -> ColumnElement[bool]:
    """Rows in scope; where a table can't tell of which server a member's row is, of any.

    What stands under a keyed hash is never in scope: it outlives what was erased, so that the erasure lasts.
    """
    if holding(table, Holds.USER_HASH):
        return false()
    wanted: list[tuple[Holds, Collection[int]]] = []
    if scope.user_id is not None:
        wanted.append((Holds.USER_ID, (scope.user_id,)))
    if scope.channel_ids is not None:
        wanted.append((Holds.CHANNEL_ID, scope.channel_ids))
    if scope.message_ids is not None:
        wanted.append((Holds.MESSAGE_ID, scope.message_ids))
    if scope.guild_id is not None and (not wanted or holding(table, Holds.GUILD_ID)):
        wanted.append((Holds.GUILD_ID, (scope.guild_id,)))
    conditions = [or_(false(), *(c.in_(values) for c in holding(table, what))) for what, values in wanted]
    return and_(*conditions) if conditions else false()


async def _blank(connection: AsyncConnection, table: Table, scope: Scope, user_id: int) -> int:
    """Take a member's id out of rows that go on without it; how many."""
    if holding(table, Holds.SAID, Holds.NAME):
        return 0
    blanked = 0
    for column in holding(table, Holds.USER_ID):
        if column.nullable:
            theirs = and_(column == user_id, in_scope(table, scope))
            blanked += (await connection.execute(update(table).where(theirs).values({column.name: None}))).rowcount
    return blanked


async def _delete(connection: AsyncConnection, table: Table, which: ColumnElement[bool]) -> int:
    if isinstance(which, False_):
        return 0
    return (await connection.execute(delete(table).where(which))).rowcount


def _shown(name: str, value: object) -> object:
    """A value as JSON can hold it: ids as text, local times as moments."""
    if isinstance(value, int) and name.endswith("_ms"):
        return datetime.fromtimestamp(value / 1000, tz=UTC).isoformat()
    return str(value) if isinstance(value, int) and abs(value) > LARGEST_EXACT else value


def moment(ms: int | None) -> str | None:
    """A local time as exports show it."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, tz=UTC).isoformat()
