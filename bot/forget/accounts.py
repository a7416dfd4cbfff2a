"""Accounts that are deleted at Discord: what is kept of them goes as if they had asked for it.

Discord tells nobody of it, so the people whose names are kept are asked about one after another, a request each, round
after round.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from bot.domain import Backoff, ServiceError

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot.domain import Clock
    from bot.forget.personal import PersonalData
    from bot.observe import Directory
    from bot.storage import Installation

log = logging.getLogger(__name__)

PLACE = "accounts_asked_up_to"
"""Where the installation remembers how far the round is, so that a restart does not begin it anew."""

ROUND_MS = 24 * 60 * 60 * 1000
"""From the end of a round to the next: more than a month passes before Discord really deletes an account."""


class Accounts(Protocol):
    """Discord's accounts."""

    async def is_deleted(self, user_id: int, guild_ids: Collection[int]) -> bool:
        """Whether the account is no more; `guild_ids` are the servers in which something of theirs is kept.

        Raises:
            ServiceUnavailable: Discord does not say now.
        """


class DeletedAccounts:
    """Finds accounts that are no more, and has them erased."""

    def __init__(
        self,
        accounts: Accounts,
        directory: Directory,
        personal: PersonalData,
        installation: Installation,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._directory = directory
        self._personal = personal
        self._installation = installation
        self._clock = clock
        self._rest_until = 0
        self._backoff = Backoff()

    async def sweep(self) -> bool:
        """Ask about one person; False between two rounds, and where Discord does not say."""
        if self._clock() < self._rest_until:
            return False
        asked = int(await self._installation.get(PLACE) or 0)
        person = await self._directory.next_after(asked)
        if person is None:
            self._rest_until = self._clock() + ROUND_MS
            await self._installation.set(PLACE, "0")
            return False
        user_id, guild_ids = person
        try:
            deleted = await self._accounts.is_deleted(user_id, guild_ids)
        except ServiceError as error:
            log.info("Whether an account is deleted could not be found out: %s", error)
            self._rest_until = self._clock() + round(1000 * self._backoff.after_failure())
            return False
        self._backoff.reset()
        if deleted:
            receipt = await self._personal.delete(user_id)
            log.info("An account was deleted at Discord: erased %s", receipt.removed)
        await self._installation.set(PLACE, str(user_id))
        return True
