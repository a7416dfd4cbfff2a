"""Memories: flushing on time, /remember and its message menu, /memories, and /memory for admins."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands, tasks
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import Memory, MemoryKind, MemoryState, MessageState, Refused, jump_url
from bot.guilds import kind_name
from bot.memories import MAX_TEXT, Asker
from bot.memories import Page as StoredPage
from bot.recall import Matched, places_of
from bot.storage import BOT_ID
from cogs import texts
from cogs.access import Access
from cogs.backfill import is_private, parent_of
from cogs.checks import manager_only, per_member
from cogs.content import content_of, is_from_person, quote_nothing
from cogs.control import Control
from cogs.forget import correct_memory, forget_memory
from cogs.names import names_for
from cogs.rendering import ago, safe, shorten
from cogs.reply import reply, reply_view
from cogs.views.confirm import text_view
from cogs.views.pages import ITEM_CHARS, Item, Page, Pages
from cogs.views.remember import RememberModal
from cogs.views.status import CHART, status_view

if TYPE_CHECKING:
    from bot.forget import Verification
    from bot.operate import Services
    from bot.remember import Flusher, FlushReport

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]
Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread

OWN_PER_PAGE = 4
"""Eight components each with a way to correct them; with frame and paging below Discord's limit of 40."""

NOTHING_OWN = (
    "Nothing that you can read here is remembered from you. `/remember` keeps something on purpose; `/recall` finds "
    "what was said."
)
NONE_SUCH = "None of your memories that you can read here is like that; `/memories` without options shows all."

FLUSH_ANSWER_SECONDS = 600.0
"""How long /memory flush waits; an interaction can be answered for 15 minutes."""


class MemoryCog(commands.Cog, name="Memory"):
    """Keeps memories coming, and shows members theirs."""

    memory = app_commands.Group(
        name="memory",
        description="How the memory of this server is doing",
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    )

    def __init__(
        self, bot: commands.AutoShardedBot, services: Services, access: Access, verification: Verification
    ) -> None:
        self._bot = bot
        self._verification = verification
        self._services = services
        self._access = access
        self._control = Control(services)
        self._flushes: set[asyncio.Task[FlushReport]] = set()
        self._menu = app_commands.ContextMenu(name="Remember this message", callback=self._remember_message)
        self._menu.guild_only = True
        self._menu.allowed_installs = app_commands.AppInstallationType(guild=True, user=False)
        per_member(6, 60.0)(self._menu)

    async def cog_load(self) -> None:
        """Begin to flush on time."""
        self._bot.tree.add_command(self._menu)
        flusher = self._services.flusher
        if flusher is not None:
            await self._introduce(flusher)
        if flusher is not None and self._services.flushes:
            self.flush_due.change_interval(seconds=self._services.flush_check_seconds)
            self.flush_due.start()

    async def _introduce(self, flusher: Flusher) -> None:
        """Tell the flusher, and the workers beside this process, who the bot is."""
        if self._bot.user is not None:
            flusher.bot_id = self._bot.user.id
            await self._services.installation.set(BOT_ID, str(self._bot.user.id), patient=True)

    async def cog_unload(self) -> None:
        """Stop asking what is due; the flusher finishes what it has in hand."""
        self.flush_due.cancel()
        self._bot.tree.remove_command(self._menu.name, type=self._menu.type)

    @tasks.loop(seconds=15.0)
    async def flush_due(self) -> None:
        """Let the flusher do what is due; whatever goes wrong is logged and tried again at the next turn."""
        if self._services.flusher is None:
            return
        try:
            report = await self._services.flusher.flush_due()
        except SQLAlchemyError as error:
            log.warning("Flushing waits for the database: %s", type(error).__name__)
            return
        except Exception:  # a loop that ended would be noticed by nobody
            log.exception("Flushing failed; it is tried again")
            return
        if report.waiting is not None:
            log.warning("Flushing waits: %s", report.waiting)

    # --- remembering -------------------------------------------------------------------------------------------------

    @app_commands.command(name="remember", description="Remember something on purpose")
    @app_commands.describe(text="What to remember; leave it out to write at leisure")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    @per_member(6, 60.0)
    async def remember(
        self, interaction: Interaction, text: app_commands.Range[str, 1, MAX_TEXT] | None = None
    ) -> None:
        """Keep the member's own words, as said here and now."""
        self._check_may_keep(interaction, interaction.user.id)
        if text is None:
            await interaction.response.send_modal(RememberModal(interaction, self.keep))
        else:
            await self.keep(interaction, text)

    async def keep(self, interaction: Interaction, text: str) -> None:
        """Keep `text` as said by the member with this very interaction.

        Raises:
            Refused: the channel is not observed, the member opted out, or the text does not fit.
        """
        self._check_may_keep(interaction, interaction.user.id)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._keep(interaction, interaction.user, interaction.channel_id or 0, interaction.id, text)

    async def _remember_message(self, interaction: Interaction, message: discord.Message) -> None:
        """Keep somebody's message as a memory of theirs."""
        if not is_from_person(message):
            raise Refused(texts.NOT_A_PERSON)
        self._check_may_keep(interaction, message.author.id)
        text = content_of(message, may_quote=quote_nothing)
        if not text:
            raise Refused(texts.EMPTY_MESSAGE)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._keep(interaction, message.author, message.channel.id, message.id, shorten(text, MAX_TEXT))

    def _check_may_keep(self, interaction: Interaction, author_id: int) -> None:
        channel, guild_id = interaction.channel, interaction.guild_id or 0
        observations = self._services.observations
        if not observations.observed(interaction.channel_id or 0, parent_of(channel), private=is_private(channel)):
            raise Refused(texts.UNOBSERVED)
        if self._services.consents.left_out(guild_id, author_id):
            raise Refused(self._why_left_out(guild_id, author_id, own=author_id == interaction.user.id))

    def _why_left_out(self, guild_id: int, author_id: int, *, own: bool) -> str:
        if not own:
            return texts.OPTED_OUT_AUTHOR
        out = self._services.consents.opted_out(guild_id, author_id)
        return texts.OPTED_OUT_SELF if out else texts.NOT_OPTED_IN

    async def _keep(
        self, interaction: Interaction, author: discord.abc.User, channel_id: int, message_id: int, text: str
    ) -> None:
        guild_id = interaction.guild_id or 0
        memory = await self._services.own.remember(
            guild_id=guild_id, channel_id=channel_id, author_id=author.id, message_id=message_id, text=text
        )
        await self._services.directory.remember_names(guild_id, {author.id: author.display_name})
        names = {author.id: author.display_name}
        if interaction.guild is not None:
            names |= await names_for(interaction.guild, self._services.directory, (), [memory.text])
        await reply_view(interaction, text_view(f"**Remembered:** {safe(memory.text, names, limit=1500)}"))

    # --- one's own ---------------------------------------------------------------------------------------------------

    @app_commands.command(name="memories", description="What is remembered from you here")
    @app_commands.describe(
        kind="Only memories of this kind", words="Only memories with these words", channel="Only what you said there"
    )
    @app_commands.choices(kind=[app_commands.Choice(name=kind_name(kind), value=kind.value) for kind in MemoryKind])
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    @per_member(5, 30.0)
    async def memories(
        self,
        interaction: Interaction,
        kind: str | None = None,
        words: app_commands.Range[str, 1, 100] | None = None,
        channel: Place | None = None,
    ) -> None:
        """Show the memories that cite the member, newest first."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        wanted = Wanted(None if kind is None else MemoryKind(kind), words or "", channel)
        own = Own(self._services, self._access, self._verification, wanted)
        await reply_view(interaction, Pages(interaction, own, await own.page(interaction, 0)))

    # --- for admins --------------------------------------------------------------------------------------------------

    @memory.command(name="status", description="Messages, memories, what waits, and how the services are")
    @manager_only
    @per_member(5, 30.0)
    async def status(self, interaction: Interaction) -> None:
        """Show how the memory of this server is doing."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = interaction.guild_id or 0
        services = self._services
        counts = await services.log.count_by_state(guild_id)
        waiting = await services.log.pending_overview(guild_id)
        report = await services.status.report(guild_id)
        lately = report.traffic
        lines = [
            "### Memory of this server",
            f"- {texts.count(len(services.observations.channels(guild_id)), 'channel')} observed (`/observe list`)",
            f"- {texts.count(sum(counts.values()), 'message')} in the log, kept for {services.policy.retention}",
            f"- {texts.count(await services.store.count(guild_id), 'memory')}",
            f"- {texts.count(lately.last_day, 'message')} within 24 hours, {lately.last_hour:,} within the last one; "
            f"{texts.count(lately.memories, 'memory')} made within 24 hours",
        ]
        if waiting:
            pending, places = texts.count(counts[MessageState.PENDING], "message"), texts.count(len(waiting), "channel")
            lines.append(f"- {pending} waiting in {places}, the oldest since <t:{waiting[0].oldest_ms // 1000}:R>")
        if counts[MessageState.DEAD]:
            lines.append(f"- ⚠️ {texts.count(counts[MessageState.DEAD], 'message')} could not be read by the model")
        if services.flusher is None:
            lines.append("- No language model is in use: messages are searchable by their words")
        if services.intake.overflowed:
            lines.append("- ⚠️ The database does not keep up; what is missed is read later")
        unread = services.intake.counts["unreadable"] + services.intake.counts["unreadable_events"]
        if unread:
            lines.append(
                f"- ⚠️ {texts.count(unread, 'event')} of Discord, in all servers, could not be read (see the log)"
            )
        chart = discord.File(BytesIO(await services.status.chart(report)), CHART)
        await reply_view(interaction, status_view(lines, report), chart)

    @memory.command(name="flush", description="Make memories now from what waits in a channel")
    @app_commands.describe(channel="This channel unless you choose another")
    @manager_only
    @per_member(2, 60.0)
    async def flush(self, interaction: Interaction, channel: Place | None = None) -> None:
        """Flush a channel and report."""
        flusher = self._services.flusher
        if flusher is None:
            raise Refused(texts.NO_MODEL)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._services.intake.drain()
        channel_id = interaction.channel_id or 0 if channel is None else channel.id
        task = asyncio.create_task(flusher.flush_channel(channel_id))
        self._flushes.add(task)
        task.add_done_callback(self._flushes.discard)
        done, _ = await asyncio.wait({task}, timeout=FLUSH_ANSWER_SECONDS)
        await reply(interaction, _report(task.result()) if done else "It takes long and goes on; see `/memory status`.")

    @memory.command(name="settings", description="Whose messages and facts are kept, and how long memories stay")
    @manager_only
    @per_member(5, 30.0)
    async def settings(self, interaction: Interaction) -> None:
        """Show the rules of this server, to change."""
        await reply_view(interaction, self._control.panel(interaction))

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


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of their memories a member asks for; nothing given: all."""

    kind: MemoryKind | None = None
    words: str = ""
    channel: Place | None = None

    @property
    def narrowed(self) -> bool:
        """Whether anything is given."""
        return bool(self.kind or self.words or self.channel)


class Own:
    """The memories that cite a member, page by page; what they can't read now is left out."""

    def __init__(
        self, services: Services, access: Access, verification: Verification, wanted: Wanted | None = None
    ) -> None:
        self._services = services
        self._access = access
        self._verification = verification
        self._wanted = wanted or Wanted()

    async def page(self, interaction: Interaction, number: int) -> Page:
        """One page, as it is now."""
        asker = await self._access.asker(interaction)
        found = await self._load(asker, number)
        pages = -(-found.total // OWN_PER_PAGE)
        if number >= pages > 0:
            number = pages - 1
            found = await self._load(asker, number)
        doubtful = await self._verification.check(asker.guild_id, places_of(found.items))
        if found.items:  # without what the comparison removed, or may not be read any more
            asker = await self._access.asker(interaction)
            found = await self._load(asker, number)
        items = [memory for memory in found.items if not doubtful & {c.message_id for c in memory.citations}]
        names: Mapping[int, str] = {}
        if interaction.guild is not None:
            stored = [memory.text for memory in items]
            names = await names_for(interaction.guild, self._services.directory, (), stored)
        return Page(
            title=f"### {texts.count(found.total, 'memory').capitalize()} from you",
            items=tuple(_own_item(memory, names, asker, Matched(self._wanted.words)) for memory in items),
            notes=(texts.NOT_COMPARED,) if doubtful else (),
            number=number,
            pages=pages,
            empty=NONE_SUCH if self._wanted.narrowed else NOTHING_OWN,
        )

    async def forget(self, interaction: Interaction, memory_id: str) -> str:
        """Forget one of them."""
        return await forget_memory(self._services.own, memory_id, await self._access.asker(interaction))

    async def wording(self, interaction: Interaction, memory_id: str) -> str:
        """The text of one of them, to be put right."""
        return await self._services.own.wording(memory_id, await self._access.asker(interaction))

    async def correct(self, interaction: Interaction, memory_id: str, text: str) -> str:
        """Put one of them right."""
        return await correct_memory(self._services.own, memory_id, await self._access.asker(interaction), text)

    async def _load(self, asker: Asker, number: int) -> StoredPage:
        wanted, readable = self._wanted, asker.readable
        if wanted.channel is not None:
            readable = await self._access.within(asker, wanted.channel)
        return await self._services.own.of_member(
            asker.guild_id,
            asker.user_id,
            readable=readable,
            kind=wanted.kind,
            words=wanted.words,
            offset=number * OWN_PER_PAGE,
            limit=OWN_PER_PAGE,
        )


def _own_item(memory: Memory, names: Mapping[int, str], asker: Asker, bold: Matched) -> Item:
    replaced = "" if memory.state is MemoryState.CURRENT else " · replaced by a newer one"
    anchor = memory.anchor
    return Item(
        text=safe(memory.text, names, limit=ITEM_CHARS, bold=bold),
        caption=f"{memory.kind} · {ago(memory.said_at)} · <#{memory.channel_id}>{replaced}",
        url=jump_url(memory.guild_id, anchor.channel_id, anchor.message_id),
        memory_id=memory.id if asker.may_forget(memory) else None,
        correctable=asker.may_correct(memory),
    )


def _report(report: FlushReport) -> str:
    if not (report.messages or report.dead or report.waiting):
        return "Nothing was waiting in that channel."
    text = (
        f"{texts.count(report.messages, 'message')} became {texts.count(report.memories, 'memory')} in "
        f"{report.seconds:.1f} s ({texts.count(report.calls, 'call')}, {texts.count(report.tokens, 'token')})."
    )
    return f"{text} The rest waits: {report.waiting}." if report.waiting else text
