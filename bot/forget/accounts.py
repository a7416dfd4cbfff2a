"""Accounts that are deleted at Discord: what is kept of them goes as if they had asked for it.

Discord tells nobody of it, so the people whose names are kept are asked about one after another, a request each, round
after round.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from bot.domain import Backoff, Retries, ServiceError, frames_of, reason_of
from bot.storage import database_away

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
        self._late: set[int] = set()
        self._retries = Retries[int](clock)

    async def sweep(self) -> bool:
        """Ask about one person; False between two rounds, and where Discord does not say.

        One over whom that fails holds up no other, and is asked about again, five minutes later at the latest.
        """
        late = next((user_id for user_id in self._late if self._retries.due(user_id)), None)
        if late is None and self._clock() < self._rest_until:
            return False
        asked = int(await self._installation.get(PLACE) or 0) if late is None else late - 1
        person = await self._directory.next_after(asked)
        if late is not None and (person is None or person[0] != late):
            self._late.discard(late)  # nothing is kept of them any more
            return True
        if person is None:
            self._rest_until = self._clock() + ROUND_MS
            await self._installation.set(PLACE, "0")
            return False
        user_id, guild_ids = person
        try:
            await self._erase_deleted(user_id, guild_ids)
        except ServiceError as error:
            log.info("Whether an account is deleted could not be found out: %s", error)
            self._rest_until = self._clock() + round(1000 * self._backoff.after_failure())
            return False
        except Exception as error:
            if database_away(error):
                raise
            log.warning("An account could not be dealt with: %s%s", reason_of(error), frames_of(error))
            self._late.add(user_id)
            self._retries.failed(user_id)
        else:
            self._late.discard(user_id)
            self._retries.succeeded(user_id)
        self._backoff.reset()
        if late is None:
            await self._installation.set(PLACE, str(user_id))
        return True

    async def _erase_deleted(self, user_id: int, guild_ids: Collection[int]) -> None:
        if await self._accounts.is_deleted(user_id, guild_ids):
            receipt = await self._personal.delete(user_id)
            log.info("An account was deleted at Discord: erased %s", receipt.removed)
