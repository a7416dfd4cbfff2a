"""Who decided and erased what: for admins, with ids and counts, never with content."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, insert, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage import Expired, Sections, Store, audit, moment

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.storage import Database

KEPT_DAYS = 365
"""How long entries are kept."""

_DAY_MS = 86_400_000

Detail = int | str | None


class Action(StrEnum):
    """What was done."""

    OBSERVE_ON = "observe_on"
    OBSERVE_OFF = "observe_off"
    SETTINGS = "settings"
    READ_AGAIN = "read_again"
    WARNINGS_ENDED = "warnings_ended"  # by nobody: their channel is no more
    DIGEST_ON = "digest_on"
    DIGEST_OFF = "digest_off"
    CHANNEL_ERASED = "channel_erased"
    SERVER_ERASED = "server_erased"
    MEMORY_FLAGGED = "memory_flagged"  # by somebody who is named in it; the trail tells neither whom nor what
    FLAG_DECIDED = "flag_decided"  # by a moderator, or (nobody is told) by who said it
    NAME_REPLACED = "name_replaced"  # of somebody who is named, by their wish or for want of a decision
    MEMBER_ERASED = "member_erased"  # by themselves or by the operator; the trail does not tell whom


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that was done.

    Attributes:
        actor_id: the admin; None for the operator, for members about themselves, and for admins who were erased.
        at_ms: when, in milliseconds since 1970.
        details: counts by store, or settings with their new values.
    """

    at_ms: int
    action: Action
    actor_id: int | None
    channel_id: int | None
    details: Mapping[str, Detail]


class AuditTrail(Store):
    """Keeps entries for a year."""

    name = "audit trail"
    tables = (audit,)
    of_server = True

    def __init__(self, db: Database, clock: Clock) -> None:
        super().__init__(db)
        self._clock = clock

    async def record(
        self,
        guild_id: int,
        action: Action,
        *,
        by: int | None,
        channel_id: int | None = None,
        details: Mapping[str, Detail] | None = None,
    ) -> None:
        """Note what was done; details that are 0 are left out."""
        async with self._db.write() as connection:
            await self.note(connection, guild_id, action, by=by, channel_id=channel_id, details=details)

    async def note(
        self,
        connection: AsyncConnection,
        guild_id: int,
        action: Action,
        *,
        by: int | None,
        channel_id: int | None = None,
        details: Mapping[str, Detail] | None = None,
    ) -> None:
        """As `record`, in the caller's transaction."""
        shown = {name: value for name, value in (details or {}).items() if value != 0}
        row = {
            "guild_id": guild_id,
            "actor_id": by,
            "at_ms": self._clock(),
            "action": action,
            "channel_id": channel_id,
            "details": json.dumps(shown),
        }
        await connection.execute(insert(audit).values(row))

    async def newest(self, guild_id: int, limit: int) -> list[AuditEntry]:
        """The last things that were done in a server, newest first."""
        query = select(audit).where(audit.c.guild_id == guild_id).order_by(audit.c.seq.desc()).limit(limit)
        async with self._db.read() as connection:
            rows = (await connection.execute(query)).all()
        return [
            AuditEntry(row.at_ms, Action(row.action), row.actor_id, row.channel_id, json.loads(row.details))
            for row in rows
        ]

    async def expired(self, connection: AsyncConnection, expired: Expired) -> Counter[str]:
        """Drop what is older than a year."""
        if not expired.last:
            return Counter()
        old = audit.c.at_ms < expired.now_ms - KEPT_DAYS * _DAY_MS
        return Counter({self.name: (await connection.execute(delete(audit).where(old))).rowcount})

    async def give(self, user_id: int, guild_id: int | None) -> Sections:
        """What the member did as an admin."""
        theirs = and_(audit.c.actor_id == user_id, true() if guild_id is None else audit.c.guild_id == guild_id)
        async with self._db.read() as connection:
            rows = (await connection.execute(select(audit).where(theirs).order_by(audit.c.seq))).all()
        return {
            self.name: [{"server": str(r.guild_id), "action": r.action, "at": moment(r.at_ms)} for r in rows],
        }
