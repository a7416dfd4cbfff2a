"""Carries out the erasures that somebody asked for, one after another, and finishes those that were interrupted.

Whoever asks has it done at once where nobody else is at it. A running bot looks once a second for what the command
line asks for, and for what another process had taken on when it ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from bot.domain import Retries, Step, frames_of, no_step, reason_of
from bot.forget.requests import Outcome, Request, Requests
from bot.guilds import Action
from bot.storage import database_away, unwritten_lines

if TYPE_CHECKING:
    from bot.forget.erasure import Erasure
    from bot.forget.personal import PersonalData
    from bot.forget.proof import Receipt
    from bot.guilds import AuditTrail, SubjectHasher
    from bot.storage import Database

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
"""Between two looks of the running bot; one indexed read each."""

LOOK_SECONDS = 0.25
"""Between two looks of who waits for another process."""


class Clerk:
    """Carries requests out.

    Args:
        db: the database.
        pending: the requests.
        erasure: erases channels and servers.
        personal: erases members.
        audit: where it is noted what was done.
        hasher: makes the keyed hash by which a member finds the receipt.
        before: awaited before each, so that what was heard so far is in the database.
        at_start: awaited once before the first.
        step: told each step of `bot.domain.crash_points.ERASURE_STEPS` as it is reached.
    """

    def __init__(
        self,
        db: Database,
        pending: Requests,
        erasure: Erasure,
        personal: PersonalData,
        audit: AuditTrail,
        hasher: SubjectHasher,
        *,
        before: Callable[[], Awaitable[object]],
        at_start: Callable[[], Awaitable[object]],
        step: Step = no_step,
    ) -> None:
        self._db = db
        self._pending = pending
        self._erasure = erasure
        self._personal = personal
        self._audit = audit
        self._hasher = hasher
        self._before = before
        self._at_start = at_start
        self._step = step
        self._retries = Retries[int](pending.clock)
        self._failures: dict[int, Exception] = {}

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
                log.warning("Erasures that were asked for are put off: %s", type(error).__name__)
            await asyncio.sleep(POLL_SECONDS)

    async def erase_member(self, user_id: int, guild_id: int, *, up_to: int) -> Receipt:
        """Erase a member in a server at their own word; `up_to` is the snowflake of the interaction."""
        return await self._carry_through(await self._pending.ask(user_id=user_id, guild_id=guild_id, up_to=up_to))

    async def erase_channel(self, guild_id: int, channel_id: int, *, up_to: int, by: int) -> Receipt:
        """Erase a channel with its threads at an admin's word."""
        asked = await self._pending.ask(guild_id=guild_id, channel_id=channel_id, up_to=up_to, actor_id=by)
        return await self._carry_through(asked)

    async def erase_guild(self, guild_id: int, *, up_to: int, by: int) -> Receipt:
        """Erase what was said in a server at an admin's word."""
        return await self._carry_through(await self._pending.ask(guild_id=guild_id, up_to=up_to, actor_id=by))

    async def outcome_for(self, user_id: int, guild_id: int) -> Outcome | None:
        """What came of the last erasure of a member in a server, for a day."""
        return await self._pending.newest_of(user_id, self._hasher.subject(user_id), guild_id)

    async def fulfil(self, request: Request) -> Receipt:
        """Have a request carried out, here unless somebody else is at it, and wait for its receipt.

        Raises:
            Exception: why it can't be done now; it is tried again until it is.
        """
        while True:
            await self.round()
            _, receipt = await self._pending.outcome(request)
            if receipt is not None:
                async with self._db.read() as connection:
                    unwritten, _ = await unwritten_lines(connection)
                return replace(receipt, unwritten=unwritten)
            if request.seq in self._failures:
                raise self._failures[request.seq]
            await asyncio.sleep(LOOK_SECONDS)

    async def _carry_through(self, request: Request) -> Receipt:
        self._step("request noted")
        return await self.fulfil(request)

    async def round(self) -> None:
        """Carry out what waits, and what somebody who ended had taken on; while another is at it, nothing.

        One that fails holds up no other: it waits, five minutes at most, and is tried again.
        """
        if not await self._pending.open():
            return
        async with self._pending.alone() as alone:
            if not alone:
                return
            await self._pending.again()
            for request in await self._pending.waiting():
                if self._retries.due(request.seq) and await self._pending.take(request):
                    self._step("request taken")
                    await self._try(request)

    async def _try(self, request: Request) -> None:
        try:
            await self._carry_out(request)
        except Exception as error:
            if database_away(error):
                raise
            self._failures[request.seq] = error
            self._retries.failed(request.seq)
            log.warning("Erasure %d is tried again: %s%s", request.seq, reason_of(error), frames_of(error))
        else:
            self._failures.pop(request.seq, None)
            self._retries.succeeded(request.seq)

    async def _carry_out(self, request: Request) -> None:
        """Erase, and leave the receipt and the entry in the audit trail."""
        await self._before()
        receipt, action = await self._erase(request)
        self._step("proved")
        subject = None if request.user_id is None else self._hasher.subject(request.user_id)
        async with self._db.write() as connection:
            await self._pending.finish(connection, request, receipt, subject=subject)
            if request.guild_id is not None:
                await self._audit.note(
                    connection,
                    request.guild_id,
                    action,
                    by=request.actor_id,
                    channel_id=request.channel_id,
                    details=receipt.removed,
                )
        self._step("request done")
        await self._db.scrub()
        log.info("Erased as it was asked for (%s): %s", action.value, receipt.removed)

    async def _erase(self, request: Request) -> tuple[Receipt, Action]:
        removal, up_to = self._pending.removal(request), request.up_to
        if request.user_id is not None:
            receipt = await self._personal.delete(request.user_id, request.guild_id, up_to=up_to, removal=removal)
            return receipt, Action.MEMBER_ERASED
        guild_id = request.guild_id or 0
        if request.channel_id is None:
            return await self._erasure.erase_guild(guild_id, up_to=up_to, removal=removal), Action.SERVER_ERASED
        receipt = await self._erasure.erase_channel(guild_id, request.channel_id, up_to=up_to, removal=removal)
        return receipt, Action.CHANNEL_ERASED
