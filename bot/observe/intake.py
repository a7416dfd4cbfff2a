"""From event handlers into the log: handlers append in memory and go on; one writer commits in groups.

What is told about one message keeps its order. A channel's checkpoint moves in the same transaction as the messages,
and a live message moves it only where nothing is missing before it: in a channel that was read up to now in this
session.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from sqlalchemy.exc import SQLAlchemyError

from bot.domain import ChannelMemoryError, ServiceUnavailable, Step, no_step

if TYPE_CHECKING:
    from bot.observe.messagelog import MessageLog, Said

GROUP_SIZE = 500
GROUP_SECONDS = 0.25
"""A message waits at most this long for others to be committed with it."""

FIRST_RETRY_SECONDS = 0.25
LONGEST_RETRY_SECONDS = 30.0

_log = logging.getLogger(__name__)


class Reviser(Protocol):
    """Brings a message's new text everywhere where the old one is."""

    async def edited(self, message_id: int, content: str, edited_at: datetime) -> object:
        """Replace the text of a kept message; unknown ones are fine."""


class Eraser(Protocol):
    """Removes messages and what came from them."""

    async def erase_messages(self, guild_id: int, channel_id: int, ids: Sequence[int]) -> object:
        """Erase messages, and see to it that they don't come back."""


@dataclass(frozen=True, slots=True)
class _Said:
    said: Said
    moves: bool


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    channel_id: int
    up_to: int


@dataclass(frozen=True, slots=True)
class _Edited:
    message_id: int
    content: str
    edited_at: datetime


@dataclass(frozen=True, slots=True)
class _Deleted:
    guild_id: int
    channel_id: int
    message_ids: tuple[int, ...]


_Event = _Said | _Checkpoint | _Edited | _Deleted


class Intake:
    """Takes what Discord tells, never waits, and sees it into the database.

    Everything that is not a coroutine is for the event loop's thread, and takes microseconds.

    Attributes:
        counts: what was offered and what became of it, for status and metrics: offered, refused_full, stored, doubles,
            refusals by reason, and what Discord sent that can't be read (unreadable messages, unreadable_events).
    """

    def __init__(
        self,
        log: MessageLog,
        revisions: Reviser,
        erasure: Eraser,
        *,
        max_pending: int = 50_000,
        group_size: int = GROUP_SIZE,
        group_seconds: float = GROUP_SECONDS,
        first_retry_seconds: float = FIRST_RETRY_SECONDS,
        step: Step = no_step,
    ) -> None:
        self._log = log
        self._revisions = revisions
        self._erasure = erasure
        self._max_pending = max_pending
        self._group_size = group_size
        self._group_seconds = group_seconds
        self._first_retry = first_retry_seconds
        self._step = step
        self.counts: Counter[str] = Counter()
        self._events: deque[_Event] = deque()
        self._offered = 0
        self._done = 0
        self._overflowed = False
        self._stopping = False
        self._ended = False
        self._caught_up: set[int] = set()
        self._missed: set[int] = set()
        self._newest: dict[int, int] = {}
        self._arrived = asyncio.Event()
        self._hurry = asyncio.Event()
        self._progress = asyncio.Condition()

    @property
    def pending(self) -> int:
        """How many events are waiting to be written."""
        return self._offered - self._done

    @property
    def overflowed(self) -> bool:
        """Whether messages are refused because the database does not keep up."""
        return self._overflowed

    @property
    def missed(self) -> frozenset[int]:
        """Channels of which messages were refused: they have to be read again (`behind`, history, `caught_up`)."""
        return frozenset(self._missed)

    def said(self, said: Said, *, backfill: bool = False) -> bool:
        """Offer a message, from the gateway or (`backfill`) read oldest first from a channel's history.

        Returns:
            False if it was not taken, for lack of room or because an earlier one of its channel was not: its channel
            has to be read again from its checkpoint.
        """
        channel_id, message_id = said.message.channel_id, said.message.id
        self.counts["offered"] += 1
        if self._full() or (backfill and channel_id in self._missed):
            self._caught_up.discard(channel_id)
            self._missed.add(channel_id)
            self.counts["refused_full"] += 1
            return False
        self._newest[channel_id] = max(message_id, self._newest.get(channel_id, 0))
        self._offer(_Said(said, backfill or channel_id in self._caught_up))
        return True

    def edited(self, guild_id: int, channel_id: int, message_id: int, content: str, edited_at: datetime) -> None:
        """Offer a message's new text. Edits and deletions are always taken: no backfill would bring them back."""
        self._offer(_Edited(message_id, content, edited_at))

    def deleted(self, guild_id: int, channel_id: int, message_ids: Iterable[int]) -> None:
        """Offer the deletion of messages."""
        self._offer(_Deleted(guild_id, channel_id, tuple(message_ids)))

    def behind(self, channel_id: int) -> None:
        """Messages of this channel may be missing: leave its checkpoint to the backfill that begins now."""
        self._caught_up.discard(channel_id)
        self._missed.discard(channel_id)

    def caught_up(self, channel_id: int, up_to: int = 0) -> bool:
        """The channel's history has been offered to its end: from now on live messages move its checkpoint.

        Args:
            channel_id: the channel.
            up_to: newest snowflake of its history, where that is no message to keep (a bot's).

        Returns:
            False if one of its messages was not taken meanwhile: call `behind` and read it again.
        """
        if channel_id in self._missed:
            return False
        self._caught_up.add(channel_id)
        newest = max(up_to, self._newest.get(channel_id, 0))
        if newest:
            self._offer(_Checkpoint(channel_id, newest))
        return True

    async def room(self) -> None:
        """Wait until there is room for a page of history, so that a backfill never crowds out live messages."""
        async with self._progress:
            await self._progress.wait_for(lambda: self._stopping or self.pending < self._max_pending // 2)

    async def run(self) -> None:
        """Write until `stop`; run it as a task for as long as events are offered.

        The database refusing or being locked only delays: events are held and tried again. Anything else is a fault of
        this program and ends the task with its error; it can be begun again.
        """
        self._ended = False
        try:
            while await self._wait_for_group():
                for part in _parts(itertools.islice(self._events, self._group_size)):
                    await self._write_until_done(part)
                    await self._advance(len(part))
        finally:
            self._ended = True
            async with self._progress:
                self._progress.notify_all()

    async def drain(self) -> None:
        """Wait until everything offered so far is durable.

        Raises:
            ServiceUnavailable: the writer ended before that.
        """
        target = self._offered
        async with self._progress:
            while self._done < target:
                if self._ended:
                    raise ServiceUnavailable("database", f"{self.pending} events were not written")
                self._hurry.set()
                await self._progress.wait()

    async def stop(self) -> None:
        """Take in nothing more, and let `run` end when everything taken is durable."""
        self._stopping = True
        self._hurry.set()
        self._arrived.set()
        async with self._progress:
            self._progress.notify_all()
        await self.drain()

    def _full(self) -> bool:
        if self._stopping:
            return True
        if not self._overflowed and self.pending >= self._max_pending:
            self._overflowed = True
            _log.error("intake full at %d events: the database does not keep up; refusing messages", self.pending)
        return self._overflowed

    def _offer(self, event: _Event) -> None:
        self._events.append(event)
        self._offered += 1
        self._arrived.set()
        if self.pending >= self._group_size:
            self._hurry.set()

    async def _wait_for_group(self) -> bool:
        """Wait for a first event and then a moment for others; False when stopped and nothing is left."""
        self._arrived.clear()
        if not self._events and not self._stopping:
            await self._arrived.wait()
        if not self._stopping and len(self._events) < self._group_size:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), self._group_seconds)
        self._hurry.clear()
        return bool(self._events)

    async def _write_until_done(self, part: list[_Event]) -> None:
        delay = self._first_retry
        while True:
            try:
                return await self._write(part)
            except (SQLAlchemyError, ChannelMemoryError, OSError) as error:
                _log.warning("can't write %d events (%s); next try in %.2f s", len(part), type(error).__name__, delay)
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_RETRY_SECONDS)

    async def _write(self, part: Sequence[_Event]) -> None:
        match part[-1]:
            case _Edited(message_id, content, edited_at):
                await self._revisions.edited(message_id, content, edited_at)
            case _Deleted(guild_id, channel_id):
                ids = [message_id for event in part if isinstance(event, _Deleted) for message_id in event.message_ids]
                await self._erasure.erase_messages(guild_id, channel_id, ids)
            case _:
                await self._append(part)

    async def _append(self, part: Iterable[_Event]) -> None:
        said: list[Said] = []
        checkpoints: dict[int, int] = {}
        for event in part:
            match event:
                case _Said(item, moves):
                    said.append(item)
                    if moves:
                        _raise_to(checkpoints, item.message.channel_id, item.message.id)
                case _Checkpoint(channel_id, up_to):
                    _raise_to(checkpoints, channel_id, up_to)
        self._step("writing")
        report = await self._log.append(said, checkpoints=checkpoints)
        self._step("logged")
        self.counts.update(stored=report.stored, doubles=report.doubles)
        self.counts.update({reason.value: count for reason, count in report.refused.items()})

    async def _advance(self, written: int) -> None:
        for _ in range(written):
            self._events.popleft()
        self._done += written
        if self._overflowed and self.pending < self._max_pending // 2:
            self._overflowed = False
            _log.info("intake takes messages again; %d channels have to be read again", len(self._missed))
        async with self._progress:
            self._progress.notify_all()


def _parts(events: Iterable[_Event]) -> list[list[_Event]]:
    """Neighbouring events that are written together, in order."""
    return [list(part) for _, part in itertools.groupby(events, key=_part_key)]


def _part_key(event: _Event) -> tuple[object, ...]:
    match event:
        case _Edited(message_id):
            return ("edited", message_id)
        case _Deleted(guild_id, channel_id):
            return ("deleted", guild_id, channel_id)
        case _:
            return ("said",)


def _raise_to(checkpoints: dict[int, int], channel_id: int, up_to: int) -> None:
    checkpoints[channel_id] = max(up_to, checkpoints.get(channel_id, 0))
