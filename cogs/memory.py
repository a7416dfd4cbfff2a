"""/memory: how the memory of a server is doing, for its admins, and what they may do with it."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain import MessageState, Phrase, Refused
from cogs import texts
from cogs.checks import manager_only, per_member
from cogs.languages import language_of
from cogs.reply import reply, reply_view
from cogs.views.confirm import text_view
from cogs.views.status import CHART, status_view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.guilds import GuildServices
    from bot.memories import MemoryStore
    from bot.observe import Intake, MessageLog
    from bot.operate import Status
    from bot.remember import Flusher, FlushReport
    from cogs.control import Control

Interaction = discord.Interaction[Any]
Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread

FLUSH_ANSWER_SECONDS = 600.0
"""How long /memory flush waits; an interaction can be answered for 15 minutes."""

REASONS_SHOWN = 5


class MemoryAdmin(commands.Cog, name="Memory"):
    """Looks after the memory of a server."""

    memory = app_commands.Group(
        name="memory",
        description="How the memory of this server is doing",
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    )

    def __init__(
        self,
        guilds: GuildServices,
        log: MessageLog,
        store: MemoryStore,
        status: Status,
        intake: Intake,
        flusher: Flusher | None,
        control: Control,
    ) -> None:
        self._guilds = guilds
        self._log = log
        self._store = store
        self._status = status
        self._intake = intake
        self._flusher = flusher
        self._control = control
        self._flushes: set[asyncio.Task[FlushReport]] = set()

    @memory.command(name="status", description="Messages, memories, what waits, and how the services are")
    @manager_only
    @per_member(5, 30.0)
    async def status(self, interaction: Interaction) -> None:
        """Show how the memory of this server is doing."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = interaction.guild_id or 0
        counts = await self._log.count_by_state(guild_id)
        waiting = await self._log.pending_overview(guild_id)
        report = await self._status.report(guild_id)
        lately, observed = report.traffic, self._observed(interaction)
        lines: list[str] = [
            Phrase.plural(
                "{number} channel observed (`/observe list`)", "{number} channels observed (`/observe list`)", observed
            ),
            Phrase.plural(
                "{number} message in the log, kept for {retention}",
                "{number} messages in the log, kept for {retention}",
                sum(counts.values()),
                retention=self._guilds.policy.retention,
            ),
            texts.memories(await self._store.count(guild_id)),
            Phrase(
                "{messages} within 24 hours, {hour} within the last one; {memories} made within 24 hours",
                messages=texts.messages(lately.last_day),
                hour=lately.last_hour,
                memories=texts.memories(lately.memories),
            ),
        ]
        if report.refusals:
            reasons = _reasons(report.refusals)
            lines.append(Phrase("Not kept of what the model proposed in 30 days: {reasons}", reasons=reasons))
        if waiting:
            lines.append(
                Phrase(
                    "{messages} waiting in {channels}, the oldest since {when}",
                    messages=texts.messages(counts[MessageState.PENDING]),
                    channels=texts.channels(len(waiting)),
                    when=f"<t:{waiting[0].oldest_ms // 1000}:R>",
                )
            )
        if self._flusher is None:
            lines.append(Phrase("No language model is in use: messages are searchable by their words"))
        if self._intake.overflowed:
            lines.append(Phrase("⚠️ The database does not keep up; what is missed is read later"))
        if unread := self._intake.counts["unreadable_events"]:
            lines.append(
                Phrase.plural(
                    "{number} event of Discord, in all servers, could not be read; what it was about was read again",
                    "{number} events of Discord, in all servers, could not be read; what they were about was read "
                    "again",
                    unread,
                )
            )
        chart = await self._status.chart(report)
        files = [] if chart is None else [discord.File(BytesIO(chart), CHART)]
        view = status_view(lines, report, language_of(interaction), chart=bool(files))
        await reply_view(interaction, view, *files)

    def _observed(self, interaction: Interaction) -> int:
        """How many channels and threads are observed by a decision of their own; categories are none."""
        channel_ids = self._guilds.observations.channels(interaction.guild_id or 0)
        known = [interaction.guild.get_channel(id_) for id_ in channel_ids] if interaction.guild is not None else []
        return len(channel_ids) - sum(isinstance(channel, discord.CategoryChannel) for channel in known)

    @memory.command(name="flush", description="Make memories now from what waits in a channel")
    @app_commands.describe(channel="This channel unless you choose another")
    @manager_only
    @per_member(2, 60.0)
    async def flush(self, interaction: Interaction, channel: Place | None = None) -> None:
        """Flush a channel and report."""
        flusher = self._flusher
        if flusher is None:
            raise Refused(texts.NO_MODEL)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._intake.drain()
        channel_id = interaction.channel_id or 0 if channel is None else channel.id
        task = asyncio.create_task(flusher.flush_channel(channel_id))
        self._flushes.add(task)
        task.add_done_callback(self._flushes.discard)
        done, _ = await asyncio.wait({task}, timeout=FLUSH_ANSWER_SECONDS)
        goes_on = Phrase("It takes long and goes on; see `/memory status`.")
        await reply(interaction, _report(task.result()) if done else goes_on)

    @memory.command(
        name="settings", description="Whose messages are kept and how long memories stay; read again what is kept"
    )
    @manager_only
    @per_member(5, 30.0)
    async def settings(self, interaction: Interaction) -> None:
        """Show the rules of this server, to change."""
        await reply_view(interaction, await self._control.panel(interaction))

    @memory.command(name="audit", description="Who switched observation, changed rules and deleted what")
    @manager_only
    @per_member(5, 30.0)
    async def audit(self, interaction: Interaction) -> None:
        """Show the newest entries of the audit trail."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await reply_view(interaction, text_view(await self._control.trail(interaction)))

    @memory.command(name="forget-channel", description="Delete everything that is kept of a channel")
    @app_commands.describe(channel="This channel unless you choose another")
    @manager_only
    @per_member(2, 60.0)
    async def forget_channel(
        self, interaction: Interaction, channel: Place | discord.ForumChannel | None = None
    ) -> None:
        """Ask, delete, and show the receipt."""
        channel_id = interaction.channel_id or 0 if channel is None else channel.id
        if interaction.guild is None or interaction.guild.get_channel_or_thread(channel_id) is None:
            raise Refused(texts.NO_SUCH_CHANNEL)
        await self._control.forget_channel(interaction, channel_id)

    @memory.command(name="forget-server", description="Delete everything that is kept of this server")
    @manager_only
    @per_member(2, 60.0)
    async def forget_server(self, interaction: Interaction) -> None:
        """Ask, delete, and show the receipt."""
        await self._control.forget_server(interaction)


def _reasons(refusals: Mapping[str, int]) -> str:
    """The most frequent reasons, each with its number, and how many more there were."""
    ranked = sorted(refusals.items(), key=lambda item: (-item[1], item[0]))
    shown: list[str] = [f"{number:,} {reason.replace('_', ' ')}" for reason, number in ranked[:REASONS_SHOWN]]
    if rest := sum(number for _, number in ranked[REASONS_SHOWN:]):
        shown.append(Phrase("{number} for other reasons", number=rest))
    return Phrase.joined(", ", shown)


def _report(report: FlushReport) -> str:
    if not (report.messages or report.dead or report.waiting):
        return Phrase("Nothing was waiting in that channel.")
    text = Phrase(
        "{messages} became {memories} in {seconds} s ({calls}, {tokens}).",
        messages=texts.messages(report.messages),
        memories=texts.memories(report.memories),
        seconds=f"{report.seconds:.1f}",
        calls=Phrase.plural("{number} call", "{number} calls", report.calls),
        tokens=Phrase.plural("{number} token", "{number} tokens", report.tokens),
    )
    if not report.waiting:
        return text
    return Phrase.joined(" ", [text, Phrase("The rest waits: {reason}.", reason=report.waiting)])
