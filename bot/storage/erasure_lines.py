"""What must not come back with a backup: each erasure, and whatever else takes something away, becomes a line.

A line is written in the transaction that it is about, and holds ids, snowflakes and keyed hashes, never a text. From
this table the lines go into a file (`bot.storage.erasures_file`), which outlives the database.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.chunks import STATEMENT_IDS, chunks
from bot.storage.engine import Database, Dialect, upsert
from bot.storage.installation import Installation
from bot.storage.schema import erasures
from bot.storage.stores import Edited, Erased, Expired, Scope, Sections, Store

if TYPE_CHECKING:
    from bot.domain import Clock

LINES_KEPT_DAYS: Final = 400
"""How long lines are kept: an older backup can't be restored without losing track of what was erased since."""

LINES_KEPT_MS: Final = LINES_KEPT_DAYS * 86_400_000

LATE_MS: Final = 60_000
"""A line is in the file a second after it was noted: one that is not after so long can't be written."""

SINCE: Final = "erasures_since"
"""Under this key the installation has the local time in milliseconds from which on its lines are complete."""


class LineKind(StrEnum):
    """What a line is about."""

    MEMBER = "member"  # all that a member said was erased
    CHANNEL = "channel"  # all that was said in a channel
    SERVER = "server"  # all that was said in a server; value: whether the bot had left it
    MESSAGE = "message"  # a message was deleted
    CHOICE = "choice"  # a member chose; value: the choice
    RULES = "rules"  # a server decided whose messages and facts are kept; value: the rules
    OBSERVATION = "observation"  # value: whether a channel is observed from then on
    NAME = "name"  # a member's name was taken out of a memory
    MEMORY = "memory"  # a memory was forgotten or put right; value: what the message was to it
    POST = "post"  # the bot posted publicly; what an earlier state of the database can't erase is taken down


_AGAIN = frozenset({LineKind.CHOICE, LineKind.RULES, LineKind.OBSERVATION, LineKind.MEMORY})
"""What may be said again later, and then counts anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureLine:
    """One line.

    Attributes:
        at_ms: local time in milliseconds.
        memory_id: see `hashed_id`.
        subject: the keyed hash of the member.
        up_to: nothing up to this snowflake may come back.
        value: depends on the kind, see `LineKind`.
    """

    kind: LineKind
    at_ms: int
    guild_id: int | None = None
    channel_id: int | None = None
    message_id: int | None = None
    memory_id: str | None = None
    subject: str | None = None
    up_to: int | None = None
    value: str | None = None

    @property
    def id(self) -> str:
        """The same for the same erasure, whoever writes it down."""
        fields = asdict(self)
        if self.kind not in _AGAIN:
            del fields["at_ms"]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:32]


def hashed_id(memory_id: str) -> str:
    """How a line names a memory: nothing but a memory that is there says which one it is."""
    return hashlib.sha256(memory_id.encode()).hexdigest()[:32]


async def note_lines(connection: AsyncConnection, lines: Collection[ErasureLine], *, written: bool = False) -> None:
    """Write lines in the caller's transaction, unless they stand there; `written`: the file has them already."""
    fresh = upsert(cast("Dialect", connection.dialect.name), erasures).on_conflict_do_nothing(
        index_elements=[erasures.c.id]
    )
    rows = [{"id": line.id, "written": written, **asdict(line)} for line in lines]
    for chunk in chunks(rows):
        await connection.execute(fresh, chunk)


async def unwritten_lines(connection: AsyncConnection) -> tuple[int, int | None]:
    """How many lines the file lacks, and since when the oldest of them waits, in milliseconds."""
    query = select(func.count(), func.min(erasures.c.at_ms)).where(~erasures.c.written)
    count, oldest_ms = (await connection.execute(query)).one()
    return count, oldest_ms


class ErasureLines(Store):
    """Keeps the lines, and notes whatever is erased."""

    name = "erasures noted for backups"
    tables = (erasures,)

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db)
        self._clock = clock

    async def begin(self) -> None:
        """Lines are complete from now on, unless they are since an earlier time."""
        installation = Installation(self._db)
        if await installation.get(SINCE) is None:
            await installation.set_first(SINCE, str(self._clock()))

    async def unwritten(self) -> list[ErasureLine]:
        """The first lines that the file lacks, oldest first."""
        query = select(erasures).where(~erasures.c.written).order_by(erasures.c.seq).limit(STATEMENT_IDS)
        async with self._db.read() as connection:
            return [line_of(row) for row in await connection.execute(query)]

    async def overdue(self) -> tuple[int, float]:
        """How many lines the file lacks although there was time enough to write them, and seconds since the oldest."""
        async with self._db.read() as connection:
            count, oldest_ms = await unwritten_lines(connection)
        waited_ms = 0 if oldest_ms is None else self._clock() - oldest_ms
        return (count, waited_ms / 1000) if waited_ms > LATE_MS else (0, 0.0)

    async def all(self) -> list[ErasureLine]:
        """Every line, oldest first."""
        async with self._db.read() as connection:
            return [line_of(row) for row in await connection.execute(select(erasures).order_by(erasures.c.seq))]

    async def are_written(self, lines: Sequence[ErasureLine]) -> None:
        """The file has these lines."""
        async with self._db.write() as connection:
            for chunk in chunks(line.id for line in lines):
                await connection.execute(update(erasures).where(erasures.c.id.in_(chunk)).values(written=True))

    async def erased(self, connection: AsyncConnection, erased: Erased) -> Counter[str]:
        """Note what is erased, before its first portion; nothing that stands here goes."""
        await note_lines(connection, _lines(erased, self._clock()))
        return Counter()

    async def edited(self, connection: AsyncConnection, edited: Edited) -> int:
        """Nothing here is a text."""
        return 0

    async def expired(self, connection: AsyncConnection, expired: Expired) -> Counter[str]:
        """Drop lines that no backup needs any more."""
        if expired.last:
            await connection.execute(delete(erasures).where(erasures.c.at_ms < expired.now_ms - LINES_KEPT_MS))
        return Counter()

    async def give(self, user_id: int, guild_id: int | None) -> Sections:
        """What they say of a member stands among the choices."""
        return {}

    async def count(self, scope: Scope) -> Counter[str]:
        """None of them is left over."""
        return Counter()


def line_of(row: Row[Any]) -> ErasureLine:
    """A line from its row."""
    return ErasureLine(
        kind=LineKind(row.kind),
        at_ms=row.at_ms,
        guild_id=row.guild_id,
        channel_id=row.channel_id,
        message_id=row.message_id,
        memory_id=row.memory_id,
        subject=row.subject,
        up_to=row.up_to,
        value=row.value,
    )


def line_of_values(kind: str, *values: Any) -> ErasureLine:  # noqa: ANN401 - of a row, in the order of the fields
    """A line from the values of its row."""
    names = [field.name for field in dataclass_fields(ErasureLine)][1:]
    return ErasureLine(kind=LineKind(kind), **dict(zip(names, values, strict=True)))


def _lines(erased: Erased, at_ms: int) -> list[ErasureLine]:
    """The lines of an erasure, where this is its begin."""
    scope, guild_id = erased.scope, erased.scope.guild_id
    if scope.message_ids is not None:
        channel_id = min(erased.channel_ids, default=None)
        return [
            ErasureLine(kind=LineKind.MESSAGE, at_ms=at_ms, guild_id=guild_id, channel_id=channel_id, message_id=each)
            for each in sorted(scope.message_ids)
        ]
    if erased.last or erased.messages or erased.mentioning:
        return []
    if erased.subject is not None:
        member = ErasureLine(
            kind=LineKind.MEMBER, at_ms=at_ms, guild_id=guild_id, subject=erased.subject, up_to=erased.up_to
        )
        return [member]
    if scope.channel_ids is not None:
        return [
            ErasureLine(kind=LineKind.CHANNEL, at_ms=at_ms, guild_id=guild_id, channel_id=each, up_to=erased.up_to)
            for each in sorted(scope.channel_ids)
        ]
    left = "left" if erased.left else None
    return [ErasureLine(kind=LineKind.SERVER, at_ms=at_ms, guild_id=guild_id, up_to=erased.up_to, value=left)]
