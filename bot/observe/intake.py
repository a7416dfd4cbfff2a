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
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from sqlalchemy.exc import SQLAlchemyError

from bot.domain import Backoff, ChannelMemoryError, ServiceUnavailable, Step, isolate, no_step, reason_of, snowflake
from bot.observe.intake_events import (
    CheckpointEvent,
    DeletedEvent,
    EditedEvent,
    IntakeEvent,
    SaidEvent,
    checkpoints_of,
    parts_of,
)
from bot.storage import outages_named

if TYPE_CHECKING:
    from bot.domain import Message
    from bot.observe.messagelog import MessageLog, Said

GROUP_SIZE = 500
GROUP_SECONDS = 0.25
"""A message waits at most this long for others to be committed with it."""

FIRST_RETRY_SECONDS = 0.25
LONGEST_RETRY_SECONDS = 30.0

OUTAGES = (ChannelMemoryError, OSError)
"""No event is at fault for these."""

_log = logging.getLogger(__name__)


SetMessageAside = Callable[["Message", str], Awaitable[object]]
"""Keeps the ids of a message that can't be written, and why, for another try."""


async def _leave_out(message: Message, reason: str) -> None:
    """Keep nothing of it."""


class Reviser(Protocol):
    """Brings a message's new text everywhere where the old one is."""

    async def edited(self, message_id: int, content: str, edited_at: datetime) -> object:
        """Replace the text of a kept message; unknown ones are fine."""


class Eraser(Protocol):
    """Removes messages and what came from them."""

    async def erase_messages(self, guild_id: int, channel_id: int, ids: Sequence[int]) -> object:
        """Erase messages, and see to it that they don't come back."""


class Intake:
    """Takes what Discord tells, never waits, and sees it into the database.

    Everything that is not a coroutine is for the event loop's thread, and takes microseconds.

    Attributes:
        counts: what was offered and what became of it, for status and metrics: offered, refused_full, stored, doubles,
            refusals by reason, set_aside, and what Discord sent that can't be read (unreadable messages,
            unreadable_events).

    Args:
        log: where messages go.
        revisions: takes edits.
        erasure: takes deletions.
        set_aside: takes a message that can't be written.
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
        set_aside: SetMessageAside = _leave_out,
        step: Step = no_step,
    ) -> None:
        self._log = log
        self._set_aside = set_aside
        self._revisions = revisions
        self._erasure = erasure
        self._max_pending = max_pending
        self._group_size = group_size
        self._group_seconds = group_seconds
        self._first_retry = first_retry_seconds
        self._step = step
        self.counts: Counter[str] = Counter()
        self._events: deque[IntakeEvent] = deque()
        self._offered = 0
        self._done = 0
        self._overflowed = False
        self._stopping = asyncio.Event()
        self._ended = False
        self._insisting: dict[asyncio.Task[None], str] = {}
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
    def unwritten(self) -> Counter[str]:
        """Edits and deletions that the database does not take, by the reason why; each is tried again until it does."""
        return Counter(self._insisting.values())

    @property
    def missed(self) -> frozenset[int]:
        """Channels of which messages were refused or lost; to be read again (`behind`, history, `caught_up`)."""
        return frozenset(self._missed)

    def said(self, said: Said, *, backfill: bool = False) -> bool:
        """Offer a message, from the gateway or (`backfill`) read oldest first from a channel's history.

        Returns:
            False if it was not taken, for lack of room or because an earlier one of its channel was not: its channel
            has to be read again from its checkpoint.
        """
        message = said.message
        channel_id, message_id = message.channel_id, message.id
        self.counts["offered"] += 1
        if not snowflake.are_possible(message_id, channel_id, message.guild_id, message.author_id):
            _log.error("A message with an id that can be none is left out")
            self.counts["unreadable"] += 1
            return True
        if self._full() or (backfill and channel_id in self._missed):
            self.lost(channel_id)
            self.counts["refused_full"] += 1
            return False
        self._newest[channel_id] = max(message_id, self._newest.get(channel_id, 0))
        self._offer(SaidEvent(said, backfill or channel_id in self._caught_up))
        return True

    def edited(self, guild_id: int, channel_id: int, message_id: int, content: str, edited_at: datetime) -> None:
        """Offer a message's new text. Edits and deletions are always taken: no backfill would bring them back."""
        if snowflake.are_possible(message_id):
            self._offer(EditedEvent(message_id, content, edited_at))

    def deleted(self, guild_id: int, channel_id: int, message_ids: Iterable[int]) -> None:
        """Offer the deletion of messages."""
        ids = tuple(filter(snowflake.are_possible, message_ids))
        if ids and snowflake.are_possible(guild_id, channel_id):
            self._offer(DeletedEvent(guild_id, channel_id, ids))

    def lost(self, channel_id: int) -> None:
        """A message of this channel did not get here: until it is read again its checkpoint stands still."""
        self._caught_up.discard(channel_id)
        self._missed.add(channel_id)

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
        newest = max(up_to if snowflake.are_possible(up_to) else 0, self._newest.get(channel_id, 0))
        if newest:
            self._offer(CheckpointEvent(channel_id, newest))
        return True

    async def room(self) -> None:
        """Wait until there is room for a page of history, so that a backfill never crowds out live messages."""
        async with self._progress:
            await self._progress.wait_for(lambda: self._stopping.is_set() or self.pending < self._max_pending // 2)

    async def run(self) -> None:
        """Write until `stop`; run it as a task for as long as events are offered.

        The database refusing or being locked only delays: events are held and tried again. Where it takes other events,
        what it does not take stops none of them. Anything else ends the task with its error; it can be begun again.
        """
        self._ended = False
        try:
            while await self._wait_for_group():
                for part in parts_of(itertools.islice(self._events, self._group_size)):
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
        self._stopping.set()
        self._hurry.set()
        self._arrived.set()
        async with self._progress:
            self._progress.notify_all()
        await self.drain()
        if self._insisting:
            await asyncio.wait(self._insisting)

    def _full(self) -> bool:
        if self._stopping.is_set():
            return True
        if not self._overflowed and self.pending >= self._max_pending:
            self._overflowed = True
            _log.error("intake full at %d events: the database does not keep up; refusing messages", self.pending)
        return self._overflowed

    def _offer(self, event: IntakeEvent) -> None:
        self._events.append(event)
        self._offered += 1
        self._arrived.set()
        if self.pending >= self._group_size:
            self._hurry.set()

    async def _wait_for_group(self) -> bool:
        """Wait for a first event and then a moment for others; False when stopped and nothing is left."""
        self._arrived.clear()
        if not self._events and not self._stopping.is_set():
            await self._arrived.wait()
        if not self._stopping.is_set() and len(self._events) < self._group_size:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._group_seconds):  # wait_for may miss that it is cancelled
                    await self._hurry.wait()
        self._hurry.clear()
        return bool(self._events)

    async def _write_until_done(self, part: list[IntakeEvent]) -> None:
        waits = Backoff(self._first_retry, LONGEST_RETRY_SECONDS)
        while True:
            try:
                return await self._write(part)
            except (SQLAlchemyError, *OUTAGES) as error:
                delay = waits.after_failure()
                _log.warning("can't write %d events (%s); next try in %.2f s", len(part), reason_of(error), delay)
            await asyncio.sleep(delay)

    async def _write(self, part: Sequence[IntakeEvent]) -> None:
        """Write what can be written of neighbouring events; raises where nothing can be."""
        removes = isinstance(part[-1], EditedEvent | DeletedEvent)
        parts = [part] if removes else [[event] for event in part]
        at_once = False

        async def work(neighbours: Sequence[Sequence[IntakeEvent]]) -> None:
            nonlocal at_once
            await self._write_all(neighbours, moves=len(neighbours) == len(parts))
            at_once = len(neighbours) == len(parts)

        for failed, error in await isolate(parts, work, proof=self._log.prove, outages=OUTAGES):
            if removes:
                self._insist(failed, error)
            else:
                await self._leave(failed[-1], error)
        if not (removes or at_once):  # all of them are in the log or set aside now
            await self._move(checkpoints_of(part))

    async def _write_all(self, parts: Sequence[Sequence[IntakeEvent]], *, moves: bool = True) -> None:
        """Write events; raises ServiceUnavailable where the database can't take anything now.

        `moves` is False for some of a group: no checkpoint passes what was not written yet, so that it is read again
        if the process dies before it is.
        """
        part = list(itertools.chain.from_iterable(parts))
        with outages_named():
            await self._write_part(part, moves=moves)

    async def _write_part(self, part: Sequence[IntakeEvent], *, moves: bool) -> None:
        match part[-1]:
            case EditedEvent(message_id, content, edited_at):
                await self._revisions.edited(message_id, content, edited_at)
            case DeletedEvent(guild_id, channel_id):
                ids = [
                    message_id for event in part if isinstance(event, DeletedEvent) for message_id in event.message_ids
                ]
                await self._erasure.erase_messages(guild_id, channel_id, ids)
            case _:
                await self._append(part, moves=moves)

    async def _leave(self, event: IntakeEvent, error: Exception) -> None:
        """Set a message aside that the database does not take while it takes another, or leave it out."""
        if not isinstance(event, SaidEvent):
            return  # a checkpoint, which is moved when all of the group are written
        message = event.said.message
        _log.error("Message %d of channel %d can't be kept: %s", message.id, message.channel_id, reason_of(error))

        async def set_aside(_: Sequence[Message]) -> None:
            with outages_named():
                await self._set_aside(message, reason_of(error))

        for _, failure in await isolate([message], set_aside, proof=self._log.prove, outages=OUTAGES):
            _log.error("Message %d can't be set aside either: %s", message.id, reason_of(failure))
        self.counts["set_aside"] += 1

    async def _move(self, checkpoints: Mapping[int, int]) -> None:
        """Move checkpoints; a channel of which that can't be done is read again from where it stands."""
        try:
            with outages_named():
                await self._log.append((), checkpoints=checkpoints)
        except OUTAGES:
            raise
        except Exception as error:  # noqa: BLE001 - nothing is lost by it, and the next group goes on
            _log.error("Checkpoints can't be moved: %s", reason_of(error))

    def _insist(self, part: Sequence[IntakeEvent], error: Exception) -> None:
        """Go on trying an edit or a deletion that the database does not take, beside everything else."""
        _log.error("An edit or a deletion can't be written, and is tried again: %s", reason_of(error))
        task = asyncio.create_task(self._write_in_the_end(part))
        self._insisting[task] = reason_of(error)
        task.add_done_callback(self._insisting.pop)

    async def _write_in_the_end(self, part: Sequence[IntakeEvent]) -> None:
        waits = Backoff(self._first_retry)
        last = False
        while not last:
            last = await self._stops_within(waits.after_failure())
            try:
                await self._write_all([part])
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, what removes something is not given up
                _log.error("An edit or a deletion still can't be written: %s", reason_of(error))

    async def _stops_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._stopping.wait()
        except TimeoutError:
            return False

    async def _append(self, part: Iterable[IntakeEvent], *, moves: bool) -> None:
        said = [event.said for event in part if isinstance(event, SaidEvent)]
        self._step("writing")
        report = await self._log.append(said, checkpoints=checkpoints_of(part) if moves else {})
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
