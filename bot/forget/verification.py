"""What happened while the bot was away: what is kept is compared with what Discord shows of it now.

After a new gateway session every kept message of a server may have been edited or deleted unnoticed. What is about to
be shown is compared first; the rest is swept newest first, a page of history at a time. What is found goes the way of
live edits and deletions, so nothing else needs to know how it was learned.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from bot.domain import Clock, PartStanding, Retries, ServiceError, frames_of, reason_of

if TYPE_CHECKING:
    from bot.domain import Message
    from bot.forget.erasure import Erasure
    from bot.observe import Intake, MessageLog

log = logging.getLogger(__name__)

PAGE = 100
"""Messages in one answer of Discord's history: so many are compared for one request."""

CONFIRMATIONS = 3
"""Deletions of a page that Discord is asked about, until it answers."""

KEPT_AT_ONCE = 1000
"""Kept messages that are looked at in one go, where Discord's history has nothing left of a long stretch."""

CHECK_SECONDS = 5.0
"""How long an answer waits for the comparison; what it did not reach is not shown."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as Discord shows it now.

    Attributes:
        content: what the log would keep of it; None where nothing of it may be kept any more.
    """

    message_id: int
    content: str | None
    edited_at: datetime | None


class History(Protocol):
    """Discord's message history."""

    async def page(self, guild_id: int, channel_id: int, newest: int) -> list[Seen] | None:
        """Up to PAGE messages with ids up to `newest`, newest first; None where the channel is no more.

        Raises:
            ServiceUnavailable: it can't be read now, or not by this bot.
        """

    async def is_gone(self, guild_id: int, channel_id: int, message_id: int) -> bool:
        """Whether Discord says that there is no such message.

        Raises:
            ServiceUnavailable: it does not say.
        """


@dataclass(slots=True)
class _Suspect:
    """A channel whose kept messages up to `up_to` may have changed, except those in `checked`.

    Those in `unconfirmed` are missing in Discord's history, and Discord does not say that they are gone.
    """

    guild_id: int
    channel_id: int
    up_to: int
    checked: set[int] = field(default_factory=set)
    unconfirmed: set[int] = field(default_factory=set)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def unsure(self, message_ids: Collection[int]) -> list[int]:
        return [i for i in message_ids if i in self.unconfirmed or (i <= self.up_to and i not in self.checked)]

    def compared(self, message_ids: Collection[int], unconfirmed: Collection[int], *, first: int, last: int) -> None:
        """Everything from `first` to `last` was compared, these messages among it, of which some are unconfirmed."""
        self.unconfirmed = {i for i in self.unconfirmed if not first <= i <= last}.union(unconfirmed)
        if last >= self.up_to:
            self.up_to = min(self.up_to, first - 1)
            self.checked = {i for i in self.checked if i <= self.up_to}
        else:
            self.checked.update(message_ids)


class Verification:
    """Finds edits and deletions that nobody told of.

    Args:
        log: what is kept.
        intake: takes what is found.
        erasure: erases channels that are no more.
        history: Discord's side.
        clock: by which a channel rests that could not be compared.
        standing: is told how the comparison does.
        seconds: how long `check` waits.
    """

    def __init__(
        self,
        log: MessageLog,
        intake: Intake,
        erasure: Erasure,
        history: History,
        clock: Clock,
        *,
        standing: PartStanding | None = None,
        seconds: float = CHECK_SECONDS,
    ) -> None:
        self._log = log
        self._intake = intake
        self._erasure = erasure
        self._history = history
        self._seconds = seconds
        self._retries = Retries[int](clock)
        self._resting: dict[int, str] = {}
        self._standing = standing or PartStanding()
        self._unlisted: dict[int, frozenset[int] | None] = {}  # doubted servers, with the channels; None: all of them
        self._suspects: dict[int, dict[int, _Suspect]] = {}
        self._rotation: deque[_Suspect] = deque()

    @property
    def channels_left(self) -> int:
        """How many channels hold messages that were not compared yet."""
        return sum(len(channels) for channels in self._suspects.values())

    async def new_session(self, guild_id: int) -> None:
        """Nothing was replayed: whatever is kept of this server may have changed."""
        self.doubt(guild_id)
        await self._list(guild_id)

    def doubt(self, guild_id: int, channel_id: int | None = None) -> None:
        """Compare what is kept of this server, or of one channel, (again), beginning with the next check or sweep."""
        doubted = self._unlisted.get(guild_id, frozenset())
        if channel_id is None or doubted is None or guild_id not in self._suspects:
            self._unlisted[guild_id] = None
        else:
            self._unlisted[guild_id] = doubted | {channel_id}

    async def check(self, guild_id: int, places: Mapping[int, Collection[int]]) -> frozenset[int]:
        """Compare messages that are about to be shown, by channel.

        Returns:
            Those that could not be compared now: they must not be shown.
        """
        await self._list(guild_id)
        suspects = self._suspects.get(guild_id, {})
        doubts = {
            channel_id: unsure
            for channel_id, ids in places.items()
            if channel_id in suspects and (unsure := suspects[channel_id].unsure(ids))
        }
        if not doubts:
            return frozenset()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                await asyncio.gather(*(self._check(suspects[channel_id], ids) for channel_id, ids in doubts.items()))
        return frozenset(
            message_id for channel_id, ids in doubts.items() for message_id in suspects[channel_id].unsure(ids)
        )

    async def sweep(self) -> bool:
        """Compare one more page of what nobody asked for; False when there is nothing to compare now."""
        for guild_id in list(self._unlisted):
            await self._list(guild_id)
        for _ in range(len(self._rotation)):
            suspect = self._rotation.popleft()
            if self._suspects.get(suspect.guild_id, {}).get(suspect.channel_id) is not suspect:
                continue
            if not self._retries.due(suspect.channel_id):
                self._rotation.append(suspect)
                continue
            left = True
            try:
                async with suspect.turn:
                    left = await self._sweep(suspect)
            finally:
                if left:
                    self._rotation.append(suspect)
            if left:
                return True
            self._cleared(suspect)
        return False

    def _cleared(self, suspect: _Suspect) -> None:
        """All of it was compared; where the channel was doubted anew meanwhile, that doubt stands."""
        suspects = self._suspects.get(suspect.guild_id, {})
        if suspects.get(suspect.channel_id) is suspect:
            del suspects[suspect.channel_id]

    async def _list(self, guild_id: int) -> None:
        """Learn what is kept of a server whose session nobody has looked at yet, the first one included."""
        if self._is_listed(guild_id):
            return
        newest = await self._log.newest_kept(guild_id)
        if self._is_listed(guild_id):  # somebody else was faster
            return
        doubted = self._unlisted.pop(guild_id, None)
        fresh = {
            channel_id: _Suspect(guild_id, channel_id, message_id)
            for channel_id, message_id in newest.items()
            if doubted is None or channel_id in doubted
        }
        self._suspects[guild_id] = fresh if doubted is None else self._suspects[guild_id] | fresh
        self._rotation.extend(fresh.values())

    def _is_listed(self, guild_id: int) -> bool:
        return guild_id in self._suspects and guild_id not in self._unlisted

    async def _check(self, suspect: _Suspect, message_ids: Collection[int]) -> None:
        async with suspect.turn:
            doubts = suspect.unsure(message_ids)
            while doubts and await self._compare(suspect, newest := max(doubts)):
                doubts = [i for i in suspect.unsure(message_ids) if i < newest]

    async def _sweep(self, suspect: _Suspect) -> bool:
        """Compare the newest page of what is left in a channel, the unconfirmed last; False when nothing is left."""
        newest = await self._log.last_kept(suspect.channel_id, suspect.up_to)
        if newest is not None:
            suspect.up_to = newest
        else:
            newest = max(suspect.unconfirmed, default=None)
        if newest is not None:
            await self._compare(suspect, newest)
        return newest is not None

    async def _compare(self, suspect: _Suspect, newest: int) -> bool:
        """Compare one page up to `newest` and see the differences applied; False where Discord can't be asked.

        The channel rests from the sweep afterwards where that is so, or where a deletion could not be confirmed.
        """
        try:
            unconfirmed = await self._compared(suspect, newest)
        except Exception as error:  # noqa: BLE001 - whatever it is, other channels are compared
            level = logging.INFO if isinstance(error, ServiceError) else logging.WARNING
            reason = f"{reason_of(error)}{frames_of(error)}"
            log.log(level, "Channel %d could not be compared and rests: %s", suspect.channel_id, reason)
            self._rest(suspect.channel_id, reason_of(error))
            return False
        self._rest(suspect.channel_id, "deletions can't be confirmed" if unconfirmed else "")
        return True

    def _rest(self, channel_id: int, reason: str) -> None:
        """Let a channel rest from the sweep that could not be compared whole; without a reason there is none to."""
        if reason:
            self._retries.failed(channel_id)
            self._resting[channel_id] = reason
            self._standing.failures += 1
            waiting = "1 channel waits" if len(self._resting) == 1 else f"{len(self._resting):,} channels wait"
            self._standing.reason = f"{waiting}, the last one because {reason}"
        else:
            self._retries.succeeded(channel_id)
            self._resting.pop(channel_id, None)
        self._standing.waits = bool(self._resting)

    async def _compared(self, suspect: _Suspect, newest: int) -> Collection[int]:
        """Compare one page; returns what is missing and can't be confirmed to be deleted."""
        guild_id, channel_id = suspect.guild_id, suspect.channel_id
        page = await self._history.page(guild_id, channel_id, newest)
        if page is None:
            await self._erasure.erase_channel(guild_id, channel_id, up_to=newest)
            suspect.up_to = 0
            suspect.unconfirmed.clear()
            return ()
        first = page[-1].message_id if len(page) == PAGE else 0
        logged = await self._log.kept_between(channel_id, first, newest, limit=KEPT_AT_ONCE)
        first = first if len(logged) < KEPT_AT_ONCE else min(logged)
        unconfirmed = await self._apply(suspect, logged, {seen.message_id: seen for seen in page})
        suspect.compared([*logged, newest], unconfirmed, first=first, last=newest)
        return unconfirmed

    async def _apply(
        self, suspect: _Suspect, logged: Mapping[int, Message | None], shown: Mapping[int, Seen]
    ) -> Collection[int]:
        """Hand the intake what was edited and deleted; returns what is missing and can't be confirmed to be deleted."""
        guild_id, channel_id = suspect.guild_id, suspect.channel_id
        gone: list[int] = []
        for message_id, message in logged.items():
            seen = shown.get(message_id)
            if seen is None or seen.edited_at is None or not _newer(seen.edited_at, message):
                continue
            if seen.content is None:
                gone += () if message is None else (message_id,)
            elif message is None or seen.content != message.content:
                self._intake.edited(guild_id, channel_id, message_id, seen.content, seen.edited_at)
        missing = [message_id for message_id in logged if message_id not in shown]
        unconfirmed: Collection[int] = ()
        try:
            if missing and await self._confirmed(guild_id, channel_id, missing):
                gone += missing
        except ServiceError as error:
            log.warning("%d deletions in channel %d can't be confirmed: %s", len(missing), channel_id, error)
            unconfirmed = missing
        if gone:
            self._intake.deleted(guild_id, channel_id, gone)
        await self._intake.drain()
        return unconfirmed

    async def _confirmed(self, guild_id: int, channel_id: int, missing: Sequence[int]) -> bool:
        """Whether messages that Discord's history leaves out are gone: so it is if Discord says it of one of them.

        An empty history is also what a bot gets that may not read it.

        Raises:
            ServiceUnavailable: it says of none of them whether it is there.
        """
        for message_id in missing[: CONFIRMATIONS - 1]:
            with suppress(ServiceError):
                return await self._is_gone(guild_id, channel_id, message_id)
        return await self._is_gone(guild_id, channel_id, missing[:CONFIRMATIONS][-1])

    async def _is_gone(self, guild_id: int, channel_id: int, message_id: int) -> bool:
        gone = await self._history.is_gone(guild_id, channel_id, message_id)
        if not gone:
            log.warning(
                "The history of channel %d leaves out messages that are there; nothing is concluded", channel_id
            )
        return gone


def _newer(edited_at: datetime, message: Message | None) -> bool:
    """Whether that is after the edit that the log knows, if it has the message still; the log keeps milliseconds."""
    known = 0 if message is None or message.edited_at is None else round(message.edited_at.timestamp() * 1000)
    return round(edited_at.timestamp() * 1000) > known
