"""Erasures that the command line asks for: the running bot takes them from the database; where none runs, the asker.

A running bot holds the index and has its own events in hand, so it does the erasing. It looks once a second; a request
that nobody took within a few seconds is carried out by whoever asked.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.forget.proof import Receipt
from bot.guilds import Action
from bot.storage import Sections, Store, moment, requests

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.forget.personal import PersonalData
    from bot.guilds import AuditTrail
    from bot.storage import Database, Erased, Expired, Scope

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""Between two looks of the running bot; one indexed read each."""

CARRYING_OUT = 101
"""Number of the lock that the bot has which carries requests out."""

KEPT_MS = 86_400_000
"""How long the receipt of a request is kept: counts, and no id."""


HERE_MS = 3_600_000
"""What whoever asked has not carried out after so long was interrupted: a bot, or the next who asks, does it."""


class State(StrEnum):
    """Where a request stands."""

    ASKED = "asked"
    TAKEN = "taken"  # by the running bot
    HERE = "here"  # by whoever asked
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Request:
    """An erasure of a member, in one server or (None) in all."""

    seq: int
    user_id: int
    guild_id: int | None


class Requests(Store):
    """The requests, in the database; the id of a member goes when theirs is done."""

    name = "requests"
    tables = (requests,)

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db)
        self._clock = clock

    async def ask(self, user_id: int, guild_id: int | None) -> Request:
        """Ask for an erasure."""
        row = {"user_id": user_id, "guild_id": guild_id, "state": State.ASKED, "asked_ms": self._clock()}
        async with self._db.write() as connection:
            statement = insert(requests).values(row).returning(requests.c.seq)
            return Request((await connection.execute(statement)).scalar_one(), user_id, guild_id)

    async def waiting(self) -> list[Request]:
        """What nobody has taken, oldest first."""
        query = select(requests).where(requests.c.state == State.ASKED).order_by(requests.c.seq)
        async with self._db.read() as connection:
            return [Request(row.seq, row.user_id, row.guild_id) for row in await connection.execute(query)]

    async def take(self, request: Request, state: State) -> bool:
        """Take a request on; False where another was faster."""
        change = update(requests).where(requests.c.seq == request.seq, requests.c.state == State.ASKED)
        async with self._db.write() as connection:
            return (await connection.execute(change.values(state=state))).rowcount == 1

    async def open(self) -> bool:
        """Whether there is one that a bot has yet to carry out, taken on or not."""
        query = select(requests.c.seq).where((requests.c.state == State.ASKED) | self._interrupted()).limit(1)
        async with self._db.read() as connection:
            return await connection.scalar(query) is not None

    def alone(self) -> AbstractAsyncContextManager[bool]:
        """Carry requests out in one bot at a time; False: another one is at it."""
        return self._db.alone(CARRYING_OUT, wait=False)

    async def again(self) -> None:
        """Let what was taken by who ended then be taken again; for whoever is `alone`, or a bot may be at it still."""
        async with self._db.write() as connection:
            await connection.execute(update(requests).where(self._interrupted()).values(state=State.ASKED))

    def _interrupted(self) -> ColumnElement[bool]:
        """What a bot has taken, unless it is at it, and what an asker has for longer than it takes."""
        late = requests.c.asked_ms < self._clock() - HERE_MS
        return (requests.c.state == State.TAKEN) | ((requests.c.state == State.HERE) & late)

    async def erased(self, connection: AsyncConnection, erased: Erased) -> Counter[str]:
        """The request at hand is ended by whoever carries it out."""
        return Counter()

    async def expired(self, connection: AsyncConnection, expired: Expired) -> Counter[str]:
        """Drop old receipts."""
        if not expired.last:
            return Counter()
        old = (requests.c.state == State.DONE) & (requests.c.asked_ms < expired.now_ms - KEPT_MS)
        return Counter({self.name: (await connection.execute(delete(requests).where(old))).rowcount})

    async def give(self, user_id: int, guild_id: int | None) -> Sections:
        """Those that wait."""
        async with self._db.read() as connection:
            rows = (await connection.execute(select(requests).where(requests.c.user_id == user_id))).all()
        return {self.name: [{"asked_at": moment(row.asked_ms), "state": row.state} for row in rows]}

    async def count(self, scope: Scope) -> Counter[str]:
        """Waiting requests are no traces of what was erased."""
        return Counter()

    async def finish(self, request: Request, receipt: Receipt) -> None:
        """Leave the receipt for who asked; the id goes."""
        told = json.dumps({"removed": receipt.removed, "remaining": receipt.remaining})
        change = update(requests).where(requests.c.seq == request.seq)
        async with self._db.write() as connection:
            await connection.execute(change.values(state=State.DONE, user_id=None, receipt=told))
        await self._db.scrub()

    async def outcome(self, request: Request) -> tuple[State, Receipt | None]:
        """Where a request stands, with its receipt when it is done."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(requests).where(requests.c.seq == request.seq))).one()
        receipt = None if row.receipt is None else Receipt(**json.loads(row.receipt))
        return State(row.state), receipt


class Clerk:
    """Carries requests out.

    Args:
        before: awaited before each, so that what was heard so far is in the database.
        at_start: awaited once before the first.
    """

    def __init__(
        self,
        pending: Requests,
        personal: PersonalData,
        audit: AuditTrail,
        *,
        before: Callable[[], Awaitable[object]],
        at_start: Callable[[], Awaitable[object]],
    ) -> None:
        self._pending = pending
        self._personal = personal
        self._audit = audit
        self._before = before
        self._at_start = at_start

    async def run(self) -> None:
        """Take what is asked for until cancelled; what the database refuses is tried again."""
        started = False
        while True:
            try:
                if not started:
                    await self._at_start()
                    started = True
                await self.round()
            except SQLAlchemyError as error:
                started = False
                log.warning("Requests of the command line are put off: %s", type(error).__name__)
            await asyncio.sleep(POLL_SECONDS)

    async def round(self) -> None:
        """Carry out what waits, and what somebody who ended had taken on; while another is at it, nothing."""
        if not await self._pending.open():
            return
        async with self._pending.alone() as alone:
            if not alone:
                return
            await self._pending.again()
            for request in await self._pending.waiting():
                if await self._pending.take(request, State.TAKEN):
                    await self.carry_out(request)

    async def carry_out(self, request: Request) -> Receipt:
        """Erase, and leave the receipt."""
        await self._before()
        receipt = await self._personal.delete(request.user_id, request.guild_id)
        if request.guild_id is not None:
            await self._audit.record(request.guild_id, Action.MEMBER_ERASED, by=None, details=receipt.removed)
        await self._pending.finish(request, receipt)
        log.info("Erased a member as the operator asked: %s", receipt.removed)
        return receipt
