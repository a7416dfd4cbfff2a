"""What the whole program holds of a member: one place to have it deleted, and one to be given it.

Every place that can hold a user id, or the keyed hash of one, is registered here as a `MemberStore` and names the
columns that it answers for. Erasing goes through `Erasure`, which knows the log, the memories and the index, and asks
every store registered here besides.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Column, ColumnElement, Table, and_, func, select, true, update

from bot.domain import Memory, ServiceError, snowflake, with_names
from bot.forget.erasure import Scope
from bot.guilds import EVERYWHERE
from bot.storage import audit, channels, citations, corrections, members, memories, messages, requests, watermarks

if TYPE_CHECKING:
    from bot.forget.erasure import Erasure, Receipt
    from bot.forget.public_posts import Posts
    from bot.guilds import Consents
    from bot.index import VectorIndex
    from bot.memories import MemoryStore
    from bot.observe import Directory
    from bot.storage import Database

WITHHELD = "(not shown: it also stands on what others said in a channel that you can't read now)"

_OF_DOUBT = frozenset({"may_have_changed_since", "doubt_channel"})

Record = dict[str, Any]
"""One thing that is held, ready for JSON."""


class MemberStore(Protocol):
    """A place that can hold something of a member.

    Attributes:
        name: for receipts and exports.
        holds: the columns ("table.column") and index fields with user ids, or their keyed hashes, that it answers for.
    """

    name: str
    holds: frozenset[str]

    async def give(self, user_id: int, guild_id: int | None) -> list[Record]:
        """What it holds of a member, in one server or (None) in all."""

    async def erase(self, scope: Scope) -> int:
        """Remove what is in scope; return how many items went. Safe to repeat."""

    async def count(self, scope: Scope) -> int:
        """Count what is left in scope, by looking."""


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything that is held of a member, by store.

    Attributes:
        guild_id: the server that it is limited to; None for all.
        made_at: when it was put together.
        sections: records by the name of their store.
    """

    user_id: int
    guild_id: int | None
    made_at: datetime
    sections: Mapping[str, Sequence[Record]]


def for_eyes_with(dossier: Dossier, readable: frozenset[int]) -> Dossier:
    """The dossier as its member may see it in Discord.

    A memory that also stands on what others said where the member can't read is named without its text; and by what
    message it may have changed is told where they can read that.
    """

    def shown(record: Record) -> Record:
        if "doubt_channel" in record and int(record["doubt_channel"]) not in readable:
            record = {name: value for name, value in record.items() if name not in _OF_DOUBT}
        if not record.get("messages_of_others") or set(map(int, record["channels"])) <= readable:
            return record
        return {**record, "text": WITHHELD}

    sections = {name: [shown(record) for record in records] for name, records in dossier.sections.items()}
    return replace(dossier, sections=sections)


class PersonalData:
    """Answers "delete this user" and "give this user's data" for the whole program."""

    def __init__(self, erasure: Erasure, stores: Sequence[MemberStore]) -> None:
        self._erasure = erasure
        self._stores = stores

    @property
    def reach(self) -> frozenset[str]:
        """Every column and index field that a store answers for."""
        return frozenset().union(*(store.holds for store in self._stores))

    async def delete(
        self,
        user_id: int,
        guild_id: int | None = None,
        *,
        up_to: int | None = None,
        first: Callable[[], Awaitable[object]] | None = None,
    ) -> Receipt:
        """Erase a member from every store, in one server or (None) in all; see `Erasure.erase_member`.

        One at a time for each member, in all processes: two at once would share out what each tells that it removed.

        Args:
            user_id: the member.
            guild_id: limits it to one server.
            up_to: see `Erasure.erase_member`.
            first: awaited once nobody else is at it, such as what would have others begin.
        """
        async with self._erasure.alone_with(user_id):
            if first is not None:
                await first()
            return await self._erasure.erase_member(user_id, guild_id, up_to=up_to)

    async def give(self, user_id: int, guild_id: int | None = None) -> Dossier:
        """Everything that is held of a member, in one server or (None) in all."""
        sections = {store.name: await store.give(user_id, guild_id) for store in self._stores}
        return Dossier(user_id, guild_id, datetime.now(UTC), sections)


def member_stores(
    db: Database, store: MemoryStore, consents: Consents, directory: Directory, index: VectorIndex, posts: Posts
) -> tuple[MemberStore, ...]:
    """Every store of this program; whatever is added to it must be added here."""
    return (
        Said(db),
        Remembered(db, store, directory),
        Doubts(db),
        Index(index),
        Choices(db, consents),
        Names(db),
        Corrections(db, store),
        Decisions(db),
        Trail(db),
        Requests(db),
        posts,
    )


class Said:
    """Messages in the log; `Erasure` removes them with all that hangs on them."""

    name = "messages"
    holds = frozenset({"messages.author_id", "messages.content"})

    def __init__(self, db: Database) -> None:
        self._db = db

    async def give(self, user_id: int, guild_id: int | None) -> list[Record]:
        """Every message, oldest first."""
        wanted = and_(messages.c.author_id == user_id, _in(messages.c.guild_id, guild_id))
        async with self._db.read() as connection:
            rows = (await connection.execute(select(messages).where(wanted).order_by(messages.c.id))).all()
        return [
            {
                "message_id": str(row.id),
                "said_at": _when(row.id),
                "link": _link(row.guild_id, row.channel_id, row.id),
                "text": row.content,
                "state": row.state,
                "kept_since": _moment(row.logged_ms),
            }
            for row in rows
        ]

    async def erase(self, scope: Scope) -> int:
        """Nothing is left for it to do."""
        return 0

    async def count(self, scope: Scope) -> int:
        """Mentions of an erased member in what others said."""
        return 0 if scope.user_id is None else await _mentions(self._db, messages, messages.c.content, scope)


class Remembered:
    """Memories that cite the member; `Erasure` removes them or their part in them."""

    name = "memories"
    holds = frozenset({"citations.author_id", "memories.text"})

    def __init__(self, db: Database, store: MemoryStore, directory: Directory) -> None:
        self._db = db
        self._store = store
        self._directory = directory

    async def give(self, user_id: int, guild_id: int | None) -> list[Record]:
        """Every memory with the member's own sources; of others only how many are cited."""
        cited = select(citations.c.memory_id).where(citations.c.author_id == user_id).distinct()
        async with self._db.read() as connection:
            ids = list(await connection.scalars(cited))
        found = (await self._store.get(ids)).values()
        theirs = [memory for memory in found if guild_id in (None, memory.guild_id)]
        return [await self._record(memory, user_id) for memory in sorted(theirs, key=lambda memory: memory.said_at)]

    async def _record(self, memory: Memory, user_id: int) -> Record:
        names = await self._directory.names(memory.guild_id, memory.author_ids)
        own = [citation for citation in memory.citations if citation.author_id == user_id]
        links = {c: _link(memory.guild_id, c.channel_id, c.message_id) for c in own}
        record = {
            "memory_id": memory.id,
            "kind": memory.kind.value,
            "text": with_names(memory.text, names),
            "state": memory.state.value,
            "origin": memory.origin.value,
            "from": [link for c, link in links.items() if not c.supporting],
            "channels": [str(channel_id) for channel_id in sorted(memory.channel_ids)],
            "messages_of_others": len(memory.citations) - len(own),
        }
        if supporting := [link for c, link in links.items() if c.supporting]:
            record["holds_a_date_or_link_from"] = supporting
        if (doubt := memory.doubt) is not None:
            record["may_have_changed_since"] = _link(memory.guild_id, doubt.channel_id, doubt.message_id)
            record["doubt_channel"] = str(doubt.channel_id)
        return record

    async def erase(self, scope: Scope) -> int:
        """Nothing is left for it to do."""
        return 0

    async def count(self, scope: Scope) -> int:
        """Mentions of an erased member in memories of others."""
        return 0 if scope.user_id is None else await _mentions(self._db, memories, memories.c.text, scope)


class Doubts:
    """Messages of the member by which a memory may have changed; `Erasure` removes the marks."""

    name = "doubts"
    holds = frozenset({"memories.doubt_author_id"})

    def __init__(self, db: Database) -> None:
        self._db = db

    async def give(self, user_id: int, guild_id: int | None) -> list[Record]:
        """The member's messages, and which memories they speak against."""
        theirs = and_(memories.c.doubt_author_id == user_id, _in(memories.c.guild_id, guild_id))
        async with self._db.read() as connection:
            rows = (await connection.execute(select(memories).where(theirs).order_by(memories.c.seq))).all()
        return [
            {
                "memory_id": row.id,
                "may_have_changed_with": _link(row.guild_id, row.doubt_channel_id, row.doubt_message_id),
            }
            for row in rows
        ]

    async def erase(self, scope: Scope) -> int:
        """Nothing is left for it to do."""
        return 0

    async def count(self, scope: Scope) -> int:
        """`Erasure` counts them."""
        return 0


class Index:
    """Vectors; they follow the memories, and hold ids but no text."""

    name = "vectors"
    holds = frozenset({"index.author_ids"})

    def __init__(self, index: VectorIndex) -> None:
        self._index = index

    async def give(self, user_id: int, guild_id: int | None) -> list[Record]:
        """Nothing that the memories do not tell."""
        return []

    async def erase(self, scope: Scope) -> int:
        """The outbox tells the index."""
        return 0

    async def count(self, scope: Scope) -> int:
        """Vectors that still cite an erased member, or stand for what was said in an erased channel or server.

        Those of single messages and of retention's follow in their own time; the outbox tells what waits.
        """
        if scope.user_id is None:
            return await self._count_said(scope)
        return await self._index.count_citing(scope.user_id, scope.guild_id) if await self._index.count() else 0

    async def _count_said(self, scope: Scope) -> int:
        if scope.guild_id is None or scope.message_ids is not None or scope.logged_before_ms is not None:
            return 0
        try:
            return await self._index.count_said(scope.guild_id, scope.channel_ids)
        except ServiceError:
            return 0  # it can't be asked now: what it has yet to forget is counted in the outbox


class Choices:
    """Consent and watermarks, under a keyed hash; they outlive an erasure, so that it holds."""

    name = "choices"
    holds = frozenset({"consents.subject", "watermarks.subject"})

    def __init__(self, db: Database, consents: Consents) -> None:
        self._db = db
        self._consents = consents

    async def give(self, user_id: int, guild_id: int | None) -> list[Record]:
        """What the member chose and had erased, by server ("every server" where it is for all)."""
        subject = self._consents.hasher.subject(user_id)
        marks = select(watermarks).where(watermarks.c.subject == subject)
        async with self._db.read() as connection:
            erased = {row.guild_id: row.up_to for row in await connection.execute(marks)}
        chosen = self._consents.chosen(user_id)
        return [
            {
                "server": "every server" if place == EVERYWHERE else str(place),
                "opted_out": chosen[place].opted_out if place in chosen else False,
                "opted_in": chosen[place].opted_in if place in chosen else False,
                "facts": chosen[place].facts if place in chosen else None,
                "erased_up_to": _when(erased[place]) if place in erased else None,
            }
            for place in sorted({*chosen, *erased})
            if guild_id is None or place in (EVERYWHERE, guild_id)
        ]

    async def erase(self, scope: Scope) -> int:
        """They stay: without them what was erased would come back."""
        return 0

    async def count(self, scope: Scope) -> int:
        """None of them is left over."""
        return 0


class Names:
    """Display names; `Erasure` removes them."""

    name = "names"
    holds = frozenset({"members.user_id", "members.name"})

    def __init__(self, db: Database) -> None:
        self._db = db

    async def give(self, user_id: int, guild_id: int | None) -> list[Record]:
        """The name in each server."""
        wanted = and_(members.c.user_id == user_id, _in(members.c.guild_id, guild_id))
        async with self._db.read() as connection:
            rows = (await connection.execute(select(members).where(wanted))).all()
        return [{"server": str(row.guild_id), "name": row.name} for row in rows]

    async def erase(self, scope: Scope) -> int:
        """Nothing is left for it to do."""
        return 0

    async def count(self, scope: Scope) -> int:
        """`Erasure` counts names."""
        return 0


class Corrections:
    """Memories that the member put right: their words, whoever else is cited."""

    name = "corrections"
    holds = frozenset({"corrections.author_id"})

    def __init__(self, db: Database, store: MemoryStore) -> None:
        self._db = db
        self._store = store

    async def give(self, user_id: int, guild_id: int | None) -> list[Record]:
        """Which memories, and when; their texts are among the memories."""
        async with self._db.read() as connection:
            rows = (await connection.execute(_by(user_id, guild_id))).all()
        return [{"memory_id": row.memory_id, "corrected_at": _moment(row.corrected_ms)} for row in rows]

    async def erase(self, scope: Scope) -> int:
        """Remove those that still stand on what others said, and let that be extracted again."""
        if scope.user_id is None:
            return 0
        async with self._db.write() as connection:
            rows = (await connection.execute(_by(scope.user_id, scope.guild_id))).all()
            await self._store.retract(connection, [row.memory_id for row in rows])
        return len(rows)

    async def count(self, scope: Scope) -> int:
        """Those that are left."""
        if scope.user_id is None:
            return 0
        async with self._db.read() as connection:
            return len((await connection.execute(_by(scope.user_id, scope.guild_id))).all())


class _Column:
    """A column with the id of somebody who did something; erasing empties it and leaves the row."""

    name: str
    holds: frozenset[str]

    def __init__(self, db: Database, column: Column[int], guild_id: Column[int]) -> None:
        self._db = db
        self._column = column
        self._guild_id = guild_id

    async def erase(self, scope: Scope) -> int:
        """Take the id out."""
        if scope.user_id is None:
            return 0
        async with self._db.write() as connection:
            theirs = self._theirs(scope.user_id, scope.guild_id)
            return (
                await connection.execute(update(self._column.table).where(theirs).values({self._column.name: None}))
            ).rowcount

    async def count(self, scope: Scope) -> int:
        """Rows with the id."""
        if scope.user_id is None:
            return 0
        theirs = self._theirs(scope.user_id, scope.guild_id)
        async with self._db.read() as connection:
            return await connection.scalar(select(func.count()).select_from(self._column.table).where(theirs)) or 0

    async def _rows(self, user_id: int, guild_id: int | None) -> Sequence[Any]:
        async with self._db.read() as connection:
            return (await connection.execute(select(self._column.table).where(self._theirs(user_id, guild_id)))).all()

    def _theirs(self, user_id: int, guild_id: int | None) -> ColumnElement[bool]:
        return and_(self._column == user_id, _in(self._guild_id, guild_id))


class Decisions(_Column):
    """Who switched observation on or off."""

    name = "decisions about channels"
    holds = frozenset({"channels.decided_by"})

    def __init__(self, db: Database) -> None:
        super().__init__(db, channels.c.decided_by, channels.c.guild_id)

    async def give(self, user_id: int, guild_id: int | None) -> list[Record]:
        """The channels that the member decided about."""
        rows = await self._rows(user_id, guild_id)
        return [
            {"channel_id": str(row.channel_id), "observed": row.observed, "decided_at": _moment(row.decided_ms)}
            for row in rows
        ]


class Trail(_Column):
    """What the member did as an admin."""

    name = "audit trail"
    holds = frozenset({"audit.actor_id"})

    def __init__(self, db: Database) -> None:
        super().__init__(db, audit.c.actor_id, audit.c.guild_id)

    async def give(self, user_id: int, guild_id: int | None) -> list[Record]:
        """Their entries."""
        rows = await self._rows(user_id, guild_id)
        return [{"server": str(row.guild_id), "action": row.action, "at": _moment(row.at_ms)} for row in rows]


class Requests:
    """Erasures that the operator asked for; the id goes when one is done."""

    name = "requests"
    holds = frozenset({"requests.user_id"})

    def __init__(self, db: Database) -> None:
        self._db = db

    async def give(self, user_id: int, guild_id: int | None) -> list[Record]:
        """Those that wait."""
        async with self._db.read() as connection:
            rows = (await connection.execute(select(requests).where(requests.c.user_id == user_id))).all()
        return [{"asked_at": _moment(row.asked_ms), "state": row.state} for row in rows]

    async def erase(self, scope: Scope) -> int:
        """The request at hand is ended by whoever carries it out."""
        return 0

    async def count(self, scope: Scope) -> int:
        """Waiting requests are no traces of what was erased."""
        return 0


def _by(user_id: int, guild_id: int | None) -> Any:  # noqa: ANN401 - a Select of two columns
    query = select(corrections.c.memory_id, corrections.c.corrected_ms)
    query = query.join(memories, memories.c.id == corrections.c.memory_id)
    return query.where(corrections.c.author_id == user_id, _in(memories.c.guild_id, guild_id))


async def _mentions(db: Database, table: Table, text: Column[str], scope: Scope) -> int:
    mentions = text.contains(f"<@{scope.user_id}>") | text.contains(f"<@!{scope.user_id}>")
    query = select(func.count()).select_from(table).where(mentions, _in(table.c.guild_id, scope.guild_id))
    async with db.read() as connection:
        return await connection.scalar(query) or 0


def _in(column: Column[int], guild_id: int | None) -> ColumnElement[bool]:
    return true() if guild_id is None else column == guild_id


def _when(message_id: int) -> str:
    return snowflake.to_datetime(message_id).isoformat()


def _moment(ms: int | None) -> str | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, tz=UTC).isoformat()


def _link(guild_id: int, channel_id: int, message_id: int) -> str:
    return f"https://discord.com/channels/{guild_id}/{channel_id}/{message_id}"
