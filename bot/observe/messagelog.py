"""The message log: what was said, as it was said, until retention or erasure takes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Select, case, func, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import MemoryOrigin, Message, MessageState, snowflake
from bot.guilds import add_channels, move_checkpoints
from bot.observe.barriers import deleted_among, erased_up_to, watermarks_of
from bot.observe.directory import write_names
from bot.observe.message_rows import insert_messages, message_from_row, note_imported, note_read
from bot.storage import PENDING, channels, citations, memories, messages, taken_back
from bot.text import FullTextEntry

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.guilds import Consents
    from bot.storage import Database
    from bot.text import FullText

Told = Callable[[AsyncConnection, Collection[int]], Awaitable[None]]
"""Told of messages that are new in the log, inside the transaction."""


async def _nobody(connection: AsyncConnection, message_ids: Collection[int]) -> None:
    """Tell nobody."""


LOOKED_AT_ONCE = 1_000
"""Kept messages among which some are looked for in one go."""

STEMMED_AT_ONCE = 50
"""Messages whose words are found in one go; some 5 ms, after which others get their turn on the event loop."""


class Exclusion(StrEnum):
    """Why a message was not kept. Nothing of it is."""

    OPTED_OUT = "opted_out"
    ERASED = "erased"  # it lies before a watermark that an erasure left
    UNOBSERVED = "unobserved"  # it was said after its channel was switched off
    DELETED = "deleted"  # its deletion came before it


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it comes in.

    Attributes:
        author_name: display name of its author at that time.
        quotes: the message that it was forwarded from, where its text is part of the content.
        without_quote: the content to keep where that message is not in the log.
    """

    message: Message
    author_name: str
    quotes: int | None = None
    without_quote: str = ""


@dataclass(frozen=True, slots=True)
class AppendReport:
    """What became of a group of messages.

    Attributes:
        stored: how many are new in the log.
        doubles: how many were there already.
        refused: how many were not kept, by reason.
    """

    stored: int = 0
    doubles: int = 0
    refused: Mapping[Exclusion, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unread:
    """What a channel has waiting for extraction.

    Attributes:
        messages: how many are pending.
        oldest_ms: when the first of them was logged, in milliseconds since 1970.
    """

    guild_id: int
    channel_id: int
    messages: int
    oldest_ms: int


class MessageLog:
    """Keeps messages, and knows how far each channel has been read."""

    def __init__(
        self, db: Database, fulltext: FullText, consents: Consents, clock: Clock, told: Told = _nobody
    ) -> None:
        self._db = db
        self._told = told
        self._fulltext = fulltext
        self._consents = consents
        self._clock = clock

    async def append(
        self,
        said: Sequence[Said],
        *,
        checkpoints: Mapping[int, int] = MappingProxyType({}),
        from_export: bool = False,
    ) -> AppendReport:
        """Keep what may be kept and then move the channels' checkpoints, in one transaction.

        Left out are doubles, members who opted out and mentions of them, messages that an erasure covers, what was
        said after its channel was switched off, and messages that were deleted before they came; all of this is looked
        up inside the transaction. Forwarded text is kept where the log holds what was forwarded and may go on
        holding it.

        Args:
            said: messages in any order; of doubles among them the first counts.
            checkpoints: channel ids with the snowflake up to which the channel is read; never moves one backwards.
            from_export: an export brings them; otherwise the bot has read them itself.
        """
        async with self._db.write() as connection:
            report = await self._keep(connection, said, from_export) if said else AppendReport()
            await move_checkpoints(connection, checkpoints)
        return report

    async def prove(self) -> None:
        """Write a message of our own, and undo it: where that fails, no message is at fault."""
        ours = Message(id=1, guild_id=0, channel_id=0, author_id=0, content="proof")
        async with taken_back(self._db) as connection:
            await self._insert(connection, [Said(ours, "proof")])

    async def get(self, ids: Collection[int]) -> dict[int, Message]:
        """Those of the messages that are in the log."""
        async with self._db.read() as connection:
            rows = await connection.execute(select(messages).where(messages.c.id.in_(set(ids))))
            return {row.id: message_from_row(row) for row in rows}

    async def around(self, channel_id: int, message_id: int, before: int, after: int) -> list[Message]:
        """The message with up to `before` and `after` neighbours of its channel, oldest first."""
        in_channel = select(messages).where(messages.c.channel_id == channel_id)
        earlier = in_channel.where(messages.c.id <= message_id).order_by(messages.c.id.desc()).limit(before + 1)
        later = in_channel.where(messages.c.id > message_id).order_by(messages.c.id).limit(after)
        async with self._db.read() as connection:
            rows = [*reversed((await connection.execute(earlier)).all()), *await connection.execute(later)]
        return [message_from_row(row) for row in rows]

    async def count_by_state(self, guild_id: int | None = None) -> dict[MessageState, int]:
        """How many messages stand where, in a server or (None) in all; states without any are 0."""
        query = select(messages.c.state, func.count().label("messages")).group_by(messages.c.state)
        if guild_id is not None:
            query = query.where(messages.c.guild_id == guild_id)
        async with self._db.read() as connection:
            counts = {row.state: row.messages for row in await connection.execute(query)}
        return {state: counts.get(state, 0) for state in MessageState}

    async def pending_overview(self, guild_id: int | None = None) -> list[Unread]:
        """The channels that have messages waiting for extraction, longest wait first; not what is read again."""
        oldest = func.min(messages.c.logged_ms)
        query = (
            select(messages.c.guild_id, messages.c.channel_id, func.count(), oldest)
            .where(messages.c.state == MessageState.PENDING, messages.c.reason.is_(None))
            .group_by(messages.c.guild_id, messages.c.channel_id)
            .order_by(oldest, messages.c.channel_id)
        )
        if guild_id is not None:
            query = query.where(messages.c.guild_id == guild_id)
        async with self._db.read() as connection:
            return [Unread(*row) for row in await connection.execute(query)]

    async def count_pending(self, *, logged_before_ms: int) -> int:
        """How many messages that were logged before then still wait for extraction; not what is read again."""
        return sum((await self.pending_by_server(logged_before_ms=logged_before_ms)).values())

    async def pending_by_server(self, *, logged_before_ms: int) -> dict[int, int]:
        """The same of each server that has any."""
        query = select(messages.c.guild_id, func.count().label("number")).where(
            PENDING,
            messages.c.logged_ms < logged_before_ms,
            messages.c.reason.is_(None),
        )
        async with self._db.read() as connection:
            rows = await connection.execute(query.group_by(messages.c.guild_id))
            return {row.guild_id: row.number for row in rows}

    async def guild_ids(self) -> list[int]:
        """Every guild of which something is kept."""
        query = union(select(messages.c.guild_id), select(memories.c.guild_id))
        async with self._db.read() as connection:
            return sorted(await connection.scalars(query))

    async def checkpoint(self, channel_id: int) -> int:
        """The snowflake up to which the channel is read; 0 if it never was."""
        async with self._db.read() as connection:
            checkpoint = await connection.scalar(
                select(channels.c.checkpoint).where(channels.c.channel_id == channel_id)
            )
        return checkpoint or 0

    async def newest_kept(self, guild_id: int) -> dict[int, int]:
        """The newest message of each channel of a server of which something is kept; see `kept_between`."""
        newest: dict[int, int] = {}
        logged = select(messages.c.channel_id, func.max(messages.c.id)).where(messages.c.guild_id == guild_id)
        cited = _from_extracted(select(citations.c.channel_id, func.max(citations.c.message_id)))
        cited = cited.where(memories.c.guild_id == guild_id)
        doubting = select(memories.c.doubt_channel_id, func.max(memories.c.doubt_message_id))
        doubting = doubting.where(memories.c.doubt_message_id.is_not(None), memories.c.guild_id == guild_id)
        queries = (
            logged.group_by(messages.c.channel_id),
            cited.group_by(citations.c.channel_id),
            doubting.group_by(memories.c.doubt_channel_id),
        )
        async with self._db.read() as connection:
            for query in queries:
                for channel_id, message_id in await connection.execute(query):
                    newest[channel_id] = max(message_id, newest.get(channel_id, 0))
        return newest

    async def last_kept(self, channel_id: int, up_to: int) -> int | None:
        """The newest message of a channel up to a snowflake of which something is kept; see `kept_between`."""
        messages_before = await self.kept_between(channel_id, 0, up_to, limit=1)
        return max(messages_before, default=None)

    async def kept_between(self, channel_id: int, first: int, last: int, *, limit: int) -> dict[int, Message | None]:
        """The newest `limit` messages from `first` to `last` that are in the log, or (None) only cited or in doubt.

        Citations count where a memory was extracted: the others may cite a command, which is no message. In doubt is a
        message by which a memory may have changed.
        """
        wanted = select(messages).where(messages.c.channel_id == channel_id, messages.c.id.between(first, last))
        wanted = wanted.order_by(messages.c.id.desc()).limit(limit)
        cited = _from_extracted(select(citations.c.message_id).distinct())
        cited = cited.where(citations.c.channel_id == channel_id, citations.c.message_id.between(first, last))
        cited = cited.order_by(citations.c.message_id.desc()).limit(limit)
        doubting = (
            select(memories.c.doubt_message_id)
            .distinct()
            .where(memories.c.doubt_channel_id == channel_id, memories.c.doubt_message_id.between(first, last))
        )
        doubting = doubting.order_by(memories.c.doubt_message_id.desc()).limit(limit)
        async with self._db.read() as connection:
            by_id: dict[int, Message | None] = dict.fromkeys(await connection.scalars(cited))
            by_id |= dict.fromkeys(await connection.scalars(doubting))
            by_id |= {row.id: message_from_row(row) for row in await connection.execute(wanted)}
        return {message_id: by_id[message_id] for message_id in sorted(by_id, reverse=True)[:limit]}

    async def kept_among(self, channel_id: int, message_ids: Collection[int]) -> set[int]:
        """Those of these messages of a channel of which something is kept; see `kept_between`."""
        kept_ids: set[int] = set()
        first, last = min(message_ids, default=0), max(message_ids, default=0)
        while page := await self.kept_between(channel_id, first, last, limit=LOOKED_AT_ONCE):
            kept_ids.update(page.keys() & message_ids)
            last = min(page) - 1
        return kept_ids

    async def refusals(self, connection: AsyncConnection, fresh: Sequence[Message]) -> dict[int, Exclusion]:
        """Which of the messages may not be kept, and why, as the database has it inside the caller's transaction."""
        if not fresh:
            return {}
        members = {(message.guild_id, message.author_id) for message in fresh}
        subjects = {member: self._consents.hasher.subject(member[1]) for member in members}
        opted_out = await self._consents.left_out_among(connection, subjects)
        marks = await watermarks_of(connection, fresh, subjects.values())
        deleted = await deleted_among(connection, [message.id for message in fresh])
        ends = await _switched_off(connection, {message.channel_id for message in fresh})
        refused: dict[int, Exclusion] = {}
        for message in fresh:
            member = (message.guild_id, message.author_id)
            if member in opted_out:
                refused[message.id] = Exclusion.OPTED_OUT
            elif message.id <= erased_up_to(marks, message, subjects[member]):
                refused[message.id] = Exclusion.ERASED
            elif message.id >= ends.get(message.channel_id, message.id + 1):
                refused[message.id] = Exclusion.UNOBSERVED
            elif message.id in deleted:
                refused[message.id] = Exclusion.DELETED
        return refused

    async def unmentioned(self, connection: AsyncConnection, texts: Sequence[tuple[int, str]]) -> list[str]:
        """Texts (each with its server) without mentions of members who opted out there, in the caller's transaction."""
        return await self._consents.without_opted_out(connection, texts)

    async def as_kept(self, connection: AsyncConnection, said: Sequence[Said]) -> list[Said]:
        """Messages as the log keeps them, by what the database has inside the caller's transaction."""
        quoting = await self._quoting(connection, said)
        texts = await self.unmentioned(connection, [(item.message.guild_id, item.message.content) for item in quoting])
        return [
            replace(item, message=replace(item.message, content=storable(content)))
            for item, content in zip(quoting, texts, strict=True)
        ]

    async def _keep(self, connection: AsyncConnection, said: Sequence[Said], from_export: bool) -> AppendReport:
        first: dict[int, Said] = {}
        for item in said:
            first.setdefault(item.message.id, item)
        known = await _present(connection, messages.c.id, first)
        fresh = [item for id_, item in first.items() if id_ not in known]
        refused = await self.refusals(connection, [item.message for item in fresh])
        accepted = [item for item in fresh if item.message.id not in refused]
        guilds = {item.message.channel_id: item.message.guild_id for item in said}
        await add_channels(connection, self._db.dialect, guilds)
        if accepted:
            await self._insert(connection, await self.as_kept(connection, accepted))
        if from_export:
            await note_imported(connection, self._db.dialect, [item.message for item in accepted])
        else:
            await note_read(connection, known)
        return AppendReport(len(accepted), len(said) - len(fresh), Counter(refused.values()))

    async def _quoting(self, connection: AsyncConnection, items: Sequence[Said]) -> list[Said]:
        """Leave forwarded text out where it is not of a message that the log may hold."""
        wanted = {item.quotes for item in items if item.quotes is not None}
        if not wanted:
            return list(items)
        rows = await connection.execute(select(messages).where(messages.c.id.in_(wanted)))
        held = [message_from_row(row) for row in rows]
        refused = await self.refusals(connection, held)
        sources = {message.id: message.guild_id for message in held if message.id not in refused}
        sources |= {item.message.id: item.message.guild_id for item in items}
        return [
            item
            if item.quotes is None or sources.get(item.quotes) == item.message.guild_id
            else replace(item, message=replace(item.message, content=item.without_quote))
            for item in items
        ]

    async def _insert(self, connection: AsyncConnection, items: Sequence[Said]) -> None:
        now = self._clock()
        new = [item.message for item in items]
        await insert_messages(connection, new, now)
        entries = [
            FullTextEntry(message.id, message.guild_id, message.channel_id, (message.author_id,), message.content)
            for message in new
        ]
        for start in range(0, len(entries), STEMMED_AT_ONCE):
            await self._fulltext.add(connection, "messages", entries[start : start + STEMMED_AT_ONCE])
        await self._told(connection, [message.id for message in new])
        names = {(item.message.guild_id, item.message.author_id): storable(item.author_name) for item in items}
        await write_names(connection, self._db.dialect, names)


def storable(text: str) -> str:
    """The text without what a database can't hold: NUL characters and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _from_extracted(query: Select[Any]) -> Select[Any]:
    """A query of citations, limited to those of memories that were extracted from messages."""
    joined = query.join(memories, memories.c.id == citations.c.memory_id)
    return joined.where(memories.c.origin == MemoryOrigin.EXTRACTED)


async def _present(connection: AsyncConnection, column: Column[int], ids: Collection[int]) -> set[int]:
    return set(await connection.scalars(select(column).where(column.in_(ids))))


async def _switched_off(connection: AsyncConnection, places: Collection[int]) -> dict[int, int]:
    """The first snowflakes that may not be kept of those channels that were switched off, or whose parents were."""
    parents = channels.alias()
    own = channels.c.observed.is_not(None)
    rows = await connection.execute(
        select(
            channels.c.channel_id,
            case((own, channels.c.observed), else_=parents.c.observed).label("observed"),
            case((own, channels.c.decided_ms), else_=parents.c.decided_ms).label("decided_ms"),
        )
        .outerjoin(parents, parents.c.channel_id == channels.c.parent_id)
        .where(channels.c.channel_id.in_(places))
    )
    return {
        row.channel_id: snowflake.from_ms(row.decided_ms)
        for row in rows
        if row.observed is not None and not row.observed
    }
