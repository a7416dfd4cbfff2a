"""Listens where it may, and hands what it hears to the intake; it never waits for the database to keep a message."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import discord
from discord.ext import commands, tasks
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import snowflake
from cogs.backfill import parent_of
from cogs.content import content_of, is_from_person, quote_nothing, said
from cogs.faults import NOT_SHOWN, says_gone, where, why
from cogs.payloads import OF_MEMORY, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain import Clock, Supervisor
    from bot.forget import DeletedAccounts, Erasure, Verification
    from bot.guilds import GuildServices
    from bot.observe import Intake, MessageLog
    from cogs.backfill import Backfill
    from cogs.seeding import Seeding

log = logging.getLogger(__name__)

CATCH_UP_SECONDS, LATE_SECONDS = 30.0, 600.0
"""How often channels that are behind are looked for, and messages that were set aside."""


class Observer(commands.Cog):
    """Turns gateway events into intake events, for observed channels alone."""

    def __init__(
        self,
        bot: commands.AutoShardedBot,
        guilds: GuildServices,
        log: MessageLog,
        intake: Intake,
        erasure: Erasure,
        backfill: Backfill,
        verification: Verification,
        accounts: DeletedAccounts,
        supervisor: Supervisor,
        *,
        clock: Clock,
        leads: bool,
        seeding: Seeding,
        sweep_requests_per_minute: int,
    ) -> None:
        self._clock = clock
        self._leads = leads
        self.seeding = seeding
        self._sweep_requests_per_minute = sweep_requests_per_minute
        self._bot = bot
        self._guilds = guilds
        self._log = log
        self._erasure = erasure
        self._verification = verification
        self._accounts = accounts
        self._supervisor = supervisor
        self._intake = intake
        self._observations = guilds.observations
        self.backfill = backfill

    async def cog_load(self) -> None:
        """Begin to look after channels that are behind."""
        self.catch_up.start()
        self.read_late.start()
        if self._sweep_requests_per_minute:
            self.sweep.change_interval(seconds=60 / self._sweep_requests_per_minute)
            self.sweep.start()

    async def cog_unload(self) -> None:
        """Stop reading."""
        self.catch_up.cancel()
        self.sweep.cancel()
        self.read_late.cancel()
        await self.backfill.close()

    def missed(self, event: str, data: Any) -> None:  # noqa: ANN401 - as Discord sent it, whatever that is
        """An event could not be read: what it was about is read again, and what is kept there compared.

        By some, such as commands, nothing changes that is kept, and by a message that is new nothing that is there.
        Where it does not say of which channel it is, or of which server, every one of them may be meant.
        """
        if not event.startswith(OF_MEMORY):
            return
        place = place_of(event, data)
        guild = self._bot.get_guild(place.guild_id or 0) or self._guild_of(place.channel_id)
        if place.deletes:
            self._bot.dispatch("unplaced_delete", place.deletes)
        for doubted in self._bot.guilds if guild is None else [guild]:
            if event != "MESSAGE_CREATE":
                self._verification.doubt(doubted.id, place.channel_id if event.startswith("MESSAGE_") else None)
            if not place.deletes:
                self.backfill.missed(doubted, place.channel_id)

    def _guild_of(self, channel_id: int | None) -> discord.Guild | None:
        return getattr(self._bot.get_channel(channel_id or 0), "guild", None)

    @commands.Cog.listener()
    async def on_unplaced_delete(self, message_ids: Sequence[int]) -> None:
        """Erase messages of which Discord does not say where they were, where the log knows it."""
        await self._intake.drain()  # the newest may be on their way into the log
        for message in (await self._log.get(message_ids)).values():
            self._intake.deleted(message.guild_id, message.channel_id, [message.id])

    # --- messages ----------------------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Keep what a person says in an observed channel."""
        if message.guild is None or not self.backfill.observes(message.channel):
            return
        try:
            item = said(message, may_quote=self.backfill.may_quote(message.guild))
        except Exception as error:  # noqa: BLE001 - whatever it is, the message is looked for in its history
            log.error("Message %d could not be read (%s)", message.id, where(error))  # noqa: TRY400
            self.backfill.missed(message.guild, message.channel.id)
            return
        if item is None or self._guilds.consents.left_out(message.guild.id, message.author.id):
            return
        self._intake.said(item)

    @commands.Cog.listener()
    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Bring a message's new text to where the old one is.

        Discord also sends this when a link's preview resolves; such a message has no time of an edit. Where observation
        was switched off meanwhile the new text may not be kept and the old one is not what was said: it goes.
        """
        message = payload.message
        if message.guild is None or message.edited_at is None or not is_from_person(message):
            return
        if self.backfill.observes(message.channel):
            try:
                content = content_of(message, may_quote=quote_nothing)
            except Exception as error:  # noqa: BLE001 - whatever it is, what is kept is compared with the history
                log.error("The edit of message %d could not be read (%s)", message.id, where(error))  # noqa: TRY400
                self._verification.doubt(message.guild.id, message.channel.id)
                return
            self._intake.edited(message.guild.id, message.channel.id, message.id, content, message.edited_at)
        else:
            await self._deleted(message.guild.id, message.channel.id, [message.id])

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Erase a deleted message."""
        await self._deleted(payload.guild_id, payload.channel_id, [payload.message_id])

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Erase messages that were deleted together."""
        await self._deleted(payload.guild_id, payload.channel_id, sorted(payload.message_ids))

    async def _deleted(self, guild_id: int | None, channel_id: int, message_ids: list[int]) -> None:
        if guild_id is None:
            return
        guild = self._bot.get_guild(guild_id)
        channel = guild.get_channel_or_thread(channel_id) if guild is not None else None
        if not self._may_hold(guild_id, channel_id, channel):
            message_ids = await self._imported(guild_id, channel_id, message_ids)
        if message_ids:
            self._intake.deleted(guild_id, channel_id, message_ids)

    async def _imported(self, guild_id: int, channel_id: int, message_ids: list[int]) -> list[int]:
        """Those of the messages that are kept from a channel that nobody decided about: they were imported."""
        try:
            return sorted(await self._log.kept_among(channel_id, message_ids))
        except SQLAlchemyError as error:
            self._erase_later(guild_id, channel_id, error)
            return []

    def _may_hold(self, guild_id: int, channel_id: int, channel: object) -> bool:
        """Whether something may have been heard in this channel; of the rest only imported messages are deleted.

        A channel that Discord's cache does not know may be an archived thread of an observed one.
        """
        decided = {decision.channel_id for decision in self._observations.list(guild_id)}
        return bool(decided) if channel is None else bool(decided & {channel_id, parent_of(channel)})

    # --- channels ----------------------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Erase a deleted channel, its threads included."""
        if self._may_hold(channel.guild.id, channel.id, channel) or await self._holds(channel.guild.id, channel.id):
            await self._gone(channel.guild.id, channel.id)

    @commands.Cog.listener()
    async def on_guild_channel_create(self, channel: discord.abc.GuildChannel) -> None:
        """Observe a new channel of a category that is observed."""
        await self._into_category(channel)

    @commands.Cog.listener()
    async def on_guild_channel_update(self, _: discord.abc.GuildChannel, channel: discord.abc.GuildChannel) -> None:
        """The same of one that was moved there, was given its permissions, or may be told only now."""
        await self._into_category(channel)

    async def _into_category(self, channel: discord.abc.GuildChannel) -> None:
        if self.seeding.follows(channel) and not self._observations.observed(channel.id):
            await self.seeding.seed(channel.guild)
            self.backfill.catch_up(channel.guild)

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        """Erase a deleted thread."""
        decided = {decision.channel_id for decision in self._observations.list(payload.guild_id)}
        if decided & {payload.thread_id, payload.parent_id} or await self._holds(payload.guild_id, payload.thread_id):
            await self._gone(payload.guild_id, payload.thread_id)

    async def _holds(self, guild_id: int, channel_id: int) -> bool:
        try:
            return await self._log.last_kept(channel_id, snowflake.from_ms(self._clock())) is not None
        except SQLAlchemyError as error:
            self._erase_later(guild_id, channel_id, error)
            return False

    async def _gone(self, guild_id: int, channel_id: int) -> None:
        """Erase what was said in a channel that is no more, and then forget that it was observed."""
        try:
            await self._erasure.erase_channel(guild_id, channel_id)
        except SQLAlchemyError as error:
            self._erase_later(guild_id, channel_id, error)
            return
        for decision in self._observations.list(guild_id):
            if decision.channel_id == channel_id:
                await self._observations.switch_off(
                    guild_id=guild_id, channel_id=channel_id, parent_id=decision.parent_id, name="", by=None
                )

    def _erase_later(self, guild_id: int, channel_id: int, error: SQLAlchemyError) -> None:
        log.warning("What was deleted of channel %d is erased later (%s)", channel_id, type(error).__name__)
        self._verification.doubt(guild_id)  # it asks for the channel and what is kept of it, and is told what is gone

    async def _erase_vanished(self, guild: discord.Guild) -> None:
        """Erase channels that were deleted while the bot was away."""
        for decision in self._observations.list(guild.id):
            if not decision.observed or guild.get_channel_or_thread(decision.channel_id) is not None:
                continue
            try:
                await guild.fetch_channel(decision.channel_id)
            except NOT_SHOWN as error:
                if says_gone(error):
                    await self._gone(guild.id, decision.channel_id)
                else:
                    log.info("Channel %d could not be looked up (%s)", decision.channel_id, why(error))

    @commands.Cog.listener()
    async def on_thread_create(self, thread: discord.Thread) -> None:
        """Read a new thread, for its first messages may have come before it."""
        await self._thread_is_active(thread)

    @commands.Cog.listener()
    async def on_thread_join(self, thread: discord.Thread) -> None:
        """Read a thread that came back from the archive."""
        await self._thread_is_active(thread)

    async def _thread_is_active(self, thread: discord.Thread) -> None:
        if self.backfill.observes(thread):
            await self.backfill.note_threads(thread.guild.id, [thread])
            self.backfill.catch_up(thread.guild)

    # --- sessions ----------------------------------------------------------------------------------------------------

    @commands.Cog.listener()
    async def on_shard_connect(self, shard_id: int) -> None:
        """A new session begins, and commands may come before it is ready."""
        for guild in self._of_shard(shard_id):
            self._verification.doubt(guild.id)

    @commands.Cog.listener()
    async def on_shard_ready(self, shard_id: int) -> None:
        """A new gateway session: read every observed channel from its checkpoint."""
        guilds = self._of_shard(shard_id)
        for guild in guilds:
            self.backfill.new_session(guild)
        for guild in guilds:
            await self._enter(guild)

    async def _enter(self, guild: discord.Guild) -> None:
        """What follows a new session of a server, when reading it back has begun."""
        await self._verification.new_session(guild.id)
        await self.seeding.seed(guild)
        await self._erase_vanished(guild)
        self.backfill.catch_up(guild)

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Every server is known: tell the operator what the settings name in vain."""
        self.seeding.warn()

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """A server that came back after an outage, or later than its shard: read it too."""
        if self._bot.is_ready():
            self.backfill.new_session(guild)
            await self._enter(guild)

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """A server that the bot was just added to: the settings may name its channels."""
        self.backfill.new_session(guild)
        await self._enter(guild)

    @commands.Cog.listener()
    async def on_shard_disconnect(self, shard_id: int) -> None:
        """From here on messages may be missed."""
        for guild in self._of_shard(shard_id):
            self.backfill.disconnected(guild)

    @commands.Cog.listener()
    async def on_shard_resumed(self, shard_id: int) -> None:
        """Discord has replayed everything since the connection was lost."""
        for guild in self._of_shard(shard_id):
            self.backfill.resumed(guild)

    @commands.Cog.listener()
    async def on_observation_begun(self, guild: discord.Guild) -> None:
        """A channel was switched on: read what was said since, so that its checkpoint moves from now on."""
        self.backfill.catch_up(guild)

    @tasks.loop(seconds=CATCH_UP_SECONDS)
    async def catch_up(self) -> None:
        """Read channels that are still behind."""
        if self._bot.is_ready():
            for guild in self._bot.guilds:
                self.backfill.catch_up(guild)

    @tasks.loop(seconds=LATE_SECONDS)
    async def read_late(self) -> None:
        """Read messages again that were set aside because they could not be read."""
        if not self._bot.is_ready():
            return
        async with self._supervisor.turn("reading of messages that were set aside"):
            await self.backfill.read_late(self._bot.guilds)

    @tasks.loop(seconds=60.0)
    async def sweep(self) -> None:
        """Compare one page of what is kept with Discord's history, or look for a deleted account when all is compared.

        Whatever goes wrong is tried again.
        """
        if not self._bot.is_ready():
            return
        compared = False
        async with self._supervisor.turn("search for edits and deletions that Discord did not tell of"):
            compared = await self._verification.sweep()
        if not compared and self._leads:
            async with self._supervisor.turn("search for deleted accounts"):
                await self._accounts.sweep()

    def _of_shard(self, shard_id: int) -> list[discord.Guild]:
        return [guild for guild in self._bot.guilds if guild.shard_id == shard_id]
