"""Opt-outs that were noted and whose erasure was interrupted: a start finishes them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select

from bot.storage import members

if TYPE_CHECKING:
    from bot.forget.personal import PersonalData
    from bot.guilds import Consents
    from bot.storage import Database

log = logging.getLogger(__name__)

PAGE = 500
"""Names that are looked at between two turns of the event loop: each costs a keyed hash, some microseconds."""


class UnfinishedOptOuts:
    """Finds people who opted out and of whom something is kept all the same."""

    def __init__(self, db: Database, consents: Consents, personal: PersonalData) -> None:
        self._db = db
        self._consents = consents
        self._personal = personal

    async def finish(self) -> None:
        """Erase what is kept of them, server by server."""
        keys = members.c.guild_id, members.c.user_id
        guild_id, user_id = 0, 0
        while True:
            later = or_(keys[0] > guild_id, and_(keys[0] == guild_id, keys[1] > user_id))
            query = select(*keys).where(later).order_by(*keys).limit(PAGE)
            async with self._db.read() as connection:
                page = [(row.guild_id, row.user_id) for row in await connection.execute(query)]
            if not page:
                return
            for guild_id, user_id in page:
                if self._consents.opted_out(guild_id, user_id):
                    receipt = await self._personal.delete(user_id, guild_id)
                    if any(receipt.removed.values()):
                        log.info("An interrupted opt-out was finished: erased %s", receipt.removed)
