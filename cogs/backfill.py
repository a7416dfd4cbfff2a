"""Reading what was said while the bot was away, channel by channel, from where the log ends.

A channel is behind from the moment at which its shard loses the connection until its history has been read, or until
Discord has replayed what was missed (RESUME). While it is behind, live messages are kept but don't move its checkpoint.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import discord
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import Clock, Retries, cut_off, snowflake
from cogs.access import Talk, can_read
from cogs.content import said
from cogs.faults import NOT_SHOWN, UNREACHABLE, why
from cogs.pages import PAGE, HistoryReader, RawMessage, Readable, UnreadableMessage

if TYPE_CHECKING:
    from bot.guilds import Observations, Threads
    from bot.observe import Intake, Said
    from cogs.archives import Archives, Parent
    from cogs.late import LateMessages

log = logging.getLogger(__name__)

CHANNELS_AT_ONCE = 4
"""Histories read side by side; more would only wait for Discord's rate limits."""

FIRST_RETRY_SECONDS = 10.0
"""Until a channel is read again that could not be; what is behind is looked for every half minute."""

ACTIVE_MS = 7 * 86_400_000
"""Discord's `last_message_id` is a hint that may be behind: where something was said so lately, history is asked."""


def parent_of(channel: object) -> int | None:
    """The channel that a thread hangs on; None for anything else."""
    return channel.parent_id if isinstance(channel, discord.Thread) else None


def is_private(channel: object) -> bool:
    """Whether it is a private thread."""
    return isinstance(channel, discord.Thread) and channel.is_private()


@dataclass(slots=True)
class Reading:
    """How far reading back a channel with its threads has come.

    Attributes:
        messages: how many were looked at.
        newest: snowflake of the newest of them.
    """

    messages: int = 0
    newest: int = 0


def _family(channel: Talk | discord.Thread) -> set[int]:
    """The channel and its active threads."""
    return {channel.id, *(thread.id for thread in getattr(channel, "threads", ()))}


class Backfill:
    """Keeps every observed channel up to date, and knows which are."""

    def __init__(
        self,
        intake: Intake,
        observations: Observations,
        threads: Threads,
        pages: HistoryReader,
        archives: Archives,
        late: LateMessages,
        clock: Clock,
    ) -> None:
        self._intake = intake
        self._observations = observations
        self._pages = pages
        self._listed = archives
        self._late = late
        self._threads = threads
        self._clock = clock
        self._slots = asyncio.Semaphore(CHANNELS_AT_ONCE)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._current: set[int] = set()
        self._held: dict[int, set[int]] = {}
        self._archived: dict[int, dict[int, discord.Thread]] = {}
        self._unlisted: set[int] = set()
        self._archives: dict[int, dict[int, int]] = {}
        self._retries = Retries[int](clock, FIRST_RETRY_SECONDS)
        self._listings = Retries[int](clock, FIRST_RETRY_SECONDS)
        self._readings: dict[int, Reading] = {}
        self._reaching: dict[int, tuple[Talk | discord.Thread, int]] = {}
        self._again: dict[int, discord.Guild] = {}
        self._misses = Counter[int]()
        self._closed = False

    def observes(self, channel: object) -> bool:
        """Whether messages of this channel or thread are kept now."""
        channel_id = getattr(channel, "id", 0)
        return self._observations.observed(channel_id, parent_of(channel), private=is_private(channel))

    def may_quote(self, guild: discord.Guild | None) -> Callable[[int], bool]:
        """Tells of a channel id whether text that was forwarded from there may be kept."""

        def known(channel_id: int) -> bool:
            channel = guild.get_channel_or_thread(channel_id) if guild is not None else None
            return self._observations.observed(channel_id) if channel is None else self.observes(channel)

        return known

    # --- what the gateway tells --------------------------------------------------------------------------------------

    def new_session(self, guild: discord.Guild) -> None:
        """Nothing was replayed: read every observed channel of `guild` from its checkpoint."""
        self.disconnected(guild)
        for channel in (*self._observed(guild), *self._archived.get(guild.id, {}).values()):
            self._retries.succeeded(channel.id)
        for parent in self._parents(guild):
            self._listings.succeeded(parent.id)
        self._held.pop(guild.id, None)
        self._unlisted.add(guild.id)
        self._start(guild)

    def disconnected(self, guild: discord.Guild) -> None:
        """The connection is lost: every channel is behind until it is known what was missed."""
        self._stop(guild.id)
        ids = {channel.id for channel in self._observed(guild)}
        self._held.setdefault(guild.id, set()).update(ids & self._current)
        self._current -= ids
        for channel_id in ids:
            self._intake.behind(channel_id)

    def resumed(self, guild: discord.Guild) -> None:
        """Discord has replayed what was missed: what was current is so again, and the rest goes on being read."""
        for channel_id in self._held.pop(guild.id, set()):
            self._caught_up(channel_id)
        self.catch_up(guild)

    def catch_up(self, guild: discord.Guild) -> None:
        """Read the channels of `guild` that are behind; if that is going on already, look again when it ends.

        They are behind because observation was just switched on, Discord or the database failed, or the bot could
        not see them before.
        """
        if guild.id in self._tasks:
            self._again[guild.id] = guild
            return
        if guild.id not in self._held and (guild.id in self._unlisted or self._waiting(guild)):
            self._start(guild)

    def missed(self, guild: discord.Guild, channel_id: int | None) -> None:
        """A message of this channel (None: of any) was said, and could not be read: read it in its history.

        A thread that was read up to now may be archived, and unknown until Discord tells that it is back.
        """
        observed = {channel.id for channel in self._observed(guild)}
        for missed in observed if channel_id is None else {channel_id} & (observed | self._current):
            self._current.discard(missed)
            self._held.get(guild.id, set()).discard(missed)
            self._misses[missed] += 1
            self._intake.lost(missed)
        self.catch_up(guild)

    def read_back(self, channel: Talk | discord.Thread, from_id: int) -> Reading:
        """Begin to read an observed channel and its threads again, from the snowflake `from_id` on.

        Returns:
            How far that has come, kept up to date while `is_reading`.
        """
        reading = self._readings[channel.id] = Reading()
        self._reaching[channel.id] = (channel, from_id)
        self._retries.succeeded(channel.id)
        self._stop(channel.guild.id)
        self._start(channel.guild)
        return reading

    def is_reading(self, channel: Talk | discord.Thread) -> bool:
        """Whether something of a channel and its threads is still to be read."""
        family = _family(channel)
        going_on = channel.guild.id in self._tasks or any(
            channel_behind.id in family for channel_behind in self._behind(channel.guild)
        )
        if not going_on:
            self._readings.pop(channel.id, None)
        return going_on

    async def close(self) -> None:
        """Stop reading, and wait until it has stopped; what Discord still tells is read at the next start."""
        self._closed = True
        for guild_id in list(self._tasks):
            self._stop(guild_id)
        await cut_off(self._stopping)

    # --- reading -----------------------------------------------------------------------------------------------------

    def _start(self, guild: discord.Guild) -> None:
        if self._closed:
            return
        task = asyncio.create_task(self._begin(guild), name=f"backfill-{guild.id}")
        self._tasks[guild.id] = task
        task.add_done_callback(lambda done: self._ended(guild.id, done))

    def _stop(self, guild_id: int) -> None:
        task = self._tasks.pop(guild_id, None)
        if task is not None:
            task.cancel()
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)

    async def _begin(self, guild: discord.Guild) -> None:
        """Read a server when what was stopped has ended: until then its channels are taken for being read."""
        await cut_off(self._stopping)
        await self._read_guild(guild)

    def _ended(self, guild_id: int, task: asyncio.Task[None]) -> None:
        failed = False
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("Reading back server %d ended; it is tried again", guild_id, exc_info=error)
            failed = True
        if self._tasks.get(guild_id) is task:  # otherwise another has begun, and looks again when it ends
            del self._tasks[guild_id]
            again = self._again.pop(guild_id, None)
            if again is not None and not failed:
                self.catch_up(again)

    async def _read_guild(self, guild: discord.Guild) -> None:
        for channel, from_id in [reach for reach in self._reaching.values() if reach[0].guild.id == guild.id]:
            await self._reach_back(channel, from_id)
        await self.note_threads(guild.id, guild.threads)
        if guild.id in self._unlisted:
            await self._note_archives(guild)
        await self._read_all(self._behind(guild))
        for parent in self._to_list(guild):
            await self._find_archived(guild, parent)
        await self._read_all(list(self._archived.get(guild.id, {}).values()))

    async def _note_archives(self, guild: discord.Guild) -> None:
        """Note from when on archived threads are to be looked for, before reading moves that on."""
        archives = self._archives.setdefault(guild.id, {})
        for parent in self._parents(guild):
            up_to = await self._threads.read_up_to(parent.id)
            archives[parent.id] = min(up_to, archives.get(parent.id, up_to))
        self._unlisted.discard(guild.id)

    def _waiting(self, guild: discord.Guild) -> bool:
        """Whether something of a server is to be read or listed now."""
        channels = (*self._behind(guild), *self._archived.get(guild.id, {}).values())
        return bool(self._to_list(guild)) or any(self._retries.due(channel.id) for channel in channels)

    def _to_list(self, guild: discord.Guild) -> list[Parent]:
        """Channels whose archived threads are to be listed now."""
        archives = self._archives.get(guild.id, {})
        return [parent for parent in self._parents(guild) if parent.id in archives and self._listings.due(parent.id)]

    async def _reach_back(self, channel: Talk | discord.Thread, from_id: int) -> None:
        """Move checkpoints back, after the last event that would move them on."""
        for channel_id in _family(channel):
            self._current.discard(channel_id)
            self._intake.behind(channel_id)
        await self._intake.drain()
        await self._observations.reach_back(channel.id, from_id)
        self._unlisted.add(channel.guild.id)
        self._reaching.pop(channel.id, None)

    async def _read_all(self, channels: Iterable[Readable]) -> None:
        await asyncio.gather(*(self._read(channel) for channel in channels if self._retries.due(channel.id)))

    async def _read(self, channel: Readable) -> None:
        """Read one channel to its end; where that fails it stays behind and is tried again later, ever less often."""
        async with self._slots:
            self._current.discard(channel.id)
            self._intake.behind(channel.id)
            misses = self._misses[channel.id]
            try:
                async with self._observations.reading(channel.id) as ours:
                    newest = await self._offer_new(channel) if ours else None
            except (*UNREACHABLE, SQLAlchemyError) as error:
                log.warning("Channel %d could not be read back (%s)", channel.id, why(error))
                self._retries.failed(channel.id)
                return
            except Exception:  # what came is not Discord's: this channel alone has to wait
                log.exception("Channel %d of server %d could not be read back", channel.id, channel.guild.id)
                self._retries.failed(channel.id)
                return
            self._retries.succeeded(channel.id)
            current = newest is not None and self._intake.caught_up(channel.id, newest)
            if current:
                self._current.add(channel.id)
                self._misses -= Counter({channel.id: misses})  # what was missed since then is still to be read
            if current or not self.observes(channel):
                self._archived.get(channel.guild.id, {}).pop(channel.id, None)

    async def _offer_new(self, channel: Readable) -> int | None:
        after = await self._observations.last_seen(channel.id, parent_of(channel))
        return await self._offer_history(channel, after)

    async def _offer_history(self, channel: Readable, after: int) -> int | None:
        """Hand the intake what came after `after`, oldest first; the newest snowflake, None if not all was taken."""
        newest, count = after, 0
        reading = self._readings.get(channel.id) or self._readings.get(parent_of(channel) or 0) or Reading()
        if self._is_silent(channel, after):
            return newest
        async for entry in self._pages.after(channel, after):
            if count % PAGE == 0:
                await self._intake.room()
            if not self.observes(channel):  # it was switched off meanwhile
                return None
            newest, count = max(newest, entry.id), count + 1
            reading.messages, reading.newest = reading.messages + 1, max(reading.newest, newest)
            item = await self._said_of(entry)
            if item is not None and not self._intake.said(item, backfill=True):
                return None
        return newest

    async def _said_of(self, entry: RawMessage) -> Said | None:
        to_said = partial(said, may_quote=self.may_quote(entry.channel.guild))
        try:
            return entry.read(to_said)
        except UnreadableMessage:
            return await self._late.read_singly(entry, to_said)

    async def read_late(self, guilds: Iterable[discord.Guild]) -> None:
        """Try messages once more that were set aside, where it is time for that."""
        places = {guild.id: guild for guild in guilds}
        for guild_id, channel_id, message_id in await self._late.due(places):
            guild = places[guild_id]
            try:
                channel = guild.get_channel_or_thread(channel_id) or await guild.fetch_channel(channel_id)
            except NOT_SHOWN as error:
                log.warning("Message %d, which was set aside, can't be read again (%s)", message_id, why(error))
                continue
            if isinstance(channel, Readable) and self.observes(channel):
                await self._late.read_again(channel, message_id, partial(said, may_quote=self.may_quote(guild)))

    def _is_silent(self, channel: Readable, after: int) -> bool:
        """Whether Discord is believed, without a request, that nothing was said in a channel since `after`.

        Of what was said and could not be read, `last_message_id` does not tell.
        """
        last = channel.last_message_id
        if last is None or self._misses[channel.id]:
            return False
        return last <= after < snowflake.from_ms(self._clock() - ACTIVE_MS)

    async def _find_archived(self, guild: discord.Guild, parent: Parent) -> None:
        """Public threads that were archived after the last message that is kept from this channel and its threads."""
        since = snowflake.to_datetime(self._archives[guild.id][parent.id])
        try:
            archived = await self._listed.threads(parent, since)
        except NOT_SHOWN as error:
            log.warning("Archived threads of channel %d could not be listed (%s)", parent.id, why(error))
            self._listings.failed(parent.id)
            return
        self._listings.succeeded(parent.id)
        del self._archives[guild.id][parent.id]
        observed = {thread.id: thread for thread in archived if self.observes(thread)}
        await self.note_threads(guild.id, observed.values())
        self._archived.setdefault(guild.id, {}).update(observed)

    async def note_threads(self, guild_id: int, threads: Iterable[discord.Thread]) -> None:
        """Remember the parents of observed public threads, for the time when they are archived."""
        public = [thread for thread in threads if not thread.is_private() and self.observes(thread)]
        await self._threads.note(guild_id, [(thread.id, thread.parent_id, thread.name) for thread in public])

    def _caught_up(self, channel_id: int) -> None:
        if self._intake.caught_up(channel_id):
            self._current.add(channel_id)

    def _observed(self, guild: discord.Guild) -> list[Readable]:
        channels: list[Readable] = [*guild.text_channels, *guild.voice_channels, *guild.stage_channels, *guild.threads]
        return [channel for channel in channels if self.observes(channel)]

    def _behind(self, guild: discord.Guild) -> list[Readable]:
        missed = self._intake.missed
        return [
            channel
            for channel in self._observed(guild)
            if (channel.id not in self._current or channel.id in missed)
            and (not isinstance(channel, discord.Thread) or channel.parent is not None)
            and can_read(channel.permissions_for(guild.me), channel)
        ]

    def _parents(self, guild: discord.Guild) -> list[Parent]:
        parents: list[Parent] = [*guild.text_channels, *guild.forums]
        return [
            parent
            for parent in parents
            if self._observations.observed(parent.id) and can_read(parent.permissions_for(guild.me), parent)
        ]
