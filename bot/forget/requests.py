"""Erasures that somebody asked for, noted before they begin, so that one which is interrupted is finished.

A member asks for themselves, an admin for a channel or the server, and the operator for a member. A receipt is kept for
a day, without an id: a member finds theirs by a keyed hash.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Row, and_, delete, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.forget.proof import Receipt, Removal
from bot.storage import Sections, Store, moment, requests

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.storage import Database, Erased, Expired, Scope

CARRYING_OUT = 101
"""Number of the lock that whoever carries requests out has."""

KEPT_MS = 86_400_000
"""How long a receipt is kept: counts, and no id."""


class RequestState(StrEnum):
    """Where a request stands."""

    ASKED = "asked"
    TAKEN = "taken"  # somebody is at it, or was when they ended
    HERE = "here"  # the same, by the command line of an earlier version
    DONE = "done"


_BEGUN = (RequestState.TAKEN, RequestState.HERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An erasure of a member, a channel or a whole server.

    Attributes:
        user_id: the member; None for a channel or a server.
        guild_id: the server; None for a member in all servers.
        channel_id: the channel, with its threads.
        up_to: nothing up to this snowflake comes back; None means up to the moment at which it is carried out.
        actor_id: the admin who asked; None for members about themselves, and for the operator.
        removed: what tries that were interrupted have removed of it, by store.
    """

    seq: int
    user_id: int | None = None
    guild_id: int | None = None
    channel_id: int | None = None
    up_to: int | None = None
    actor_id: int | None = None
    removed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a member's request.

    Attributes:
        receipt: None while it waits or is being carried out.
        at_ms: when it was asked for, or was done, in milliseconds since 1970.
    """

    receipt: Receipt | None
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEntry:
    """A request as operators see it: what of, and what came of it, without who.

    Attributes:
        of_member: whether it is of one member; else of a channel, or of the whole server.
        guild_id: the server; None for a member in all servers.
        channel_id: the channel, with its threads.
        asked_ms: when it was asked for, in milliseconds since 1970.
        done_ms: when it was done.
        receipt: None while it waits or is being carried out.
    """

    of_member: bool
    guild_id: int | None
    channel_id: int | None
    asked_ms: int
    done_ms: int | None
    receipt: Receipt | None


class Requests(Store):
    """The requests, in the database.

    Attributes:
        clock: the local clock.
    """

    name = "requests"
    tables = (requests,)

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db)
        self.clock = clock

    async def ask(
        self,
        *,
        user_id: int | None = None,
        guild_id: int | None = None,
        channel_id: int | None = None,
        up_to: int | None = None,
        actor_id: int | None = None,
    ) -> Request:
        """Ask for an erasure; see `Request`."""
        wanted = {
            "user_id": user_id,
            "guild_id": guild_id,
            "channel_id": channel_id,
            "up_to": up_to,
            "actor_id": actor_id,
            "state": RequestState.ASKED,
            "asked_ms": self.clock(),
        }
        async with self._db.write() as connection:
            return _request((await connection.execute(insert(requests).values(wanted).returning(requests))).one())

    async def waiting(self) -> list[Request]:
        """What nobody has taken, oldest first."""
        query = select(requests).where(requests.c.state == RequestState.ASKED).order_by(requests.c.seq)
        async with self._db.read() as connection:
            return [_request(row) for row in await connection.execute(query)]

    async def take(self, request: Request) -> bool:
        """Take a request on; False where another was faster."""
        change = update(requests).where(requests.c.seq == request.seq, requests.c.state == RequestState.ASKED)
        async with self._db.write() as connection:
            return (await connection.execute(change.values(state=RequestState.TAKEN))).rowcount == 1

    async def open(self) -> bool:
        """Whether there is one that is not done, taken on or not."""
        query = select(requests.c.seq).where(requests.c.state != RequestState.DONE).limit(1)
        async with self._db.read() as connection:
            return await connection.scalar(query) is not None

    def alone(self) -> AbstractAsyncContextManager[bool]:
        """Carry requests out in one process at a time; False: another one is at it."""
        return self._db.alone(CARRYING_OUT, wait=False)

    async def again(self) -> None:
        """Let what was taken by who ended then be taken again; for whoever is `alone`, or somebody is at it still."""
        async with self._db.write() as connection:
            await connection.execute(
                update(requests).where(requests.c.state.in_(_BEGUN)).values(state=RequestState.ASKED)
            )

    def removal(self, request: Request) -> Removal:
        """What is removed of a request so far, to be counted on and noted portion by portion."""

        async def note(connection: AsyncConnection, counts: Counter[str]) -> None:
            so_far = _json(Receipt(dict(counts), {}))
            await connection.execute(update(requests).where(requests.c.seq == request.seq).values(receipt=so_far))

        return Removal(Counter(request.removed), note)

    async def finish(
        self, connection: AsyncConnection, request: Request, receipt: Receipt, *, subject: str | None
    ) -> None:
        """Leave the receipt for who asked, in the caller's transaction; the ids go.

        Args:
            connection: the caller's.
            request: the request.
            receipt: what was removed.
            subject: the keyed hash of the member, who may look the receipt up.
        """
        done = {
            "state": RequestState.DONE,
            "user_id": None,
            "actor_id": None,
            "subject": subject,
            "done_ms": self.clock(),
            "receipt": _json(receipt),
        }
        await connection.execute(update(requests).where(requests.c.seq == request.seq).values(done))

    async def outcome(self, request: Request) -> tuple[RequestState, Receipt | None]:
        """Where a request stands, with its receipt when it is done."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(requests).where(requests.c.seq == request.seq))).one()
        return RequestState(row.state), _receipt(row)

    async def recent(self) -> list[RequestEntry]:
        """All that wait, and what was done within a day, the newest first."""
        async with self._db.read() as connection:
            rows = (await connection.execute(select(requests).order_by(requests.c.seq.desc()))).all()
        return [
            RequestEntry(
                of_member=row.user_id is not None or row.subject is not None,
                guild_id=row.guild_id,
                channel_id=row.channel_id,
                asked_ms=row.asked_ms,
                done_ms=row.done_ms,
                receipt=_receipt(row),
            )
            for row in rows
        ]

    async def newest_of(self, user_id: int, subject: str, guild_id: int) -> Outcome | None:
        """What came of the last request of a member, or of the operator about them, for a server or for all servers."""
        theirs = or_(requests.c.user_id == user_id, requests.c.subject == subject)
        here = or_(requests.c.guild_id == guild_id, requests.c.guild_id.is_(None))
        query = select(requests).where(theirs, here, ~self._old()).order_by(requests.c.seq.desc()).limit(1)
        async with self._db.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else Outcome(_receipt(row), row.done_ms or row.asked_ms)

    def _old(self, now_ms: int | None = None) -> ColumnElement[bool]:
        before = (self.clock() if now_ms is None else now_ms) - KEPT_MS
        return and_(requests.c.state == RequestState.DONE, requests.c.done_ms < before)

    async def erased(self, connection: AsyncConnection, erased: Erased) -> Counter[str]:
        """The request at hand is ended by whoever carries it out; an admin who is erased asked for nothing any more."""
        if erased.last and erased.scope.user_id is not None:
            theirs = requests.c.actor_id == erased.scope.user_id
            await connection.execute(update(requests).where(theirs).values(actor_id=None))
        return Counter()

    async def expired(self, connection: AsyncConnection, expired: Expired) -> Counter[str]:
        """Drop old receipts."""
        if not expired.last:
            return Counter()
        return Counter(
            {self.name: (await connection.execute(delete(requests).where(self._old(expired.now_ms)))).rowcount}
        )

    async def give(self, user_id: int, guild_id: int | None) -> Sections:
        """Those of the member that wait."""
        here = true() if guild_id is None else or_(requests.c.guild_id == guild_id, requests.c.guild_id.is_(None))
        theirs = or_(requests.c.user_id == user_id, requests.c.actor_id == user_id)
        async with self._db.read() as connection:
            rows = (await connection.execute(select(requests).where(theirs, here))).all()
        return {self.name: [{"asked_at": moment(row.asked_ms), "state": row.state} for row in rows]}

    async def count(self, scope: Scope) -> Counter[str]:
        """Waiting requests are no traces of what was erased."""
        return Counter()


def _request(row: Row[Any]) -> Request:
    return Request(
        seq=row.seq,
        user_id=row.user_id,
        guild_id=row.guild_id,
        channel_id=row.channel_id,
        up_to=row.up_to,
        actor_id=row.actor_id,
        removed={} if row.receipt is None else json.loads(row.receipt)["removed"],
    )


def _json(receipt: Receipt) -> str:
    return json.dumps({"removed": receipt.removed, "remaining": receipt.remaining})


def _receipt(row: Row[Any]) -> Receipt | None:
    """The receipt of what is done; until then the row only says what is removed so far."""
    return Receipt(**json.loads(row.receipt)) if row.state == RequestState.DONE else None
