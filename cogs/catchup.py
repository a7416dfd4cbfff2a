"""/catchup: what was decided, planned and left open here while a member was away."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import discord
from discord import app_commands
from discord.ext import commands

from bot import snowflake
from bot.catchup import Happened
from bot.errors import Refused
from bot.memories import Asker
from bot.model import Memory, Message
from bot.moments import parse_since
from cogs import texts
from cogs.access import Access, Talk
from cogs.checks import per_member
from cogs.names import names_for
from cogs.recall import speakers_of
from cogs.rendering import ago, jump_url, safe, shorten
from cogs.reply import reply_view
from cogs.views.confirm import text_view

if TYPE_CHECKING:
    from bot.services import Services
    from bot.verification import Verification
    from cogs.backfill import Backfill

Interaction = discord.Interaction[Any]
T = TypeVar("T")

DAY_MS = 86_400_000
SHOWN = 4
"""Of each kind; with these and the length of a line it stays below the 4,000 characters of a view: one screen."""
LINE_CHARS = 140
SPEAKER_CHARS = 60


class CatchUpCog(commands.Cog, name="CatchUp"):
    """Tells a member what they missed, for their eyes alone."""

    def __init__(self, services: Services, access: Access, backfill: Backfill, verification: Verification) -> None:
        self._services = services
        self._access = access
        self._backfill = backfill
        self._verification = verification

    @app_commands.command(name="catchup", description="What was decided, planned and left open here since you left")
    @app_commands.describe(since="Since then: 2h, 3d, yesterday, 2026-01-31; without it, since you last spoke here")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    @per_member(6, 30.0)
    async def catchup(self, interaction: Interaction, since: app_commands.Range[str, 1, 40] | None = None) -> None:
        """Look, compare with Discord, and show."""
        first = parse_since(since, interaction.created_at) if since else None
        place = interaction.channel
        if not isinstance(place, Talk | discord.Thread) or not self._backfill.observes(place):
            raise Refused(texts.UNOBSERVED)
        await interaction.response.defer(ephemeral=True, thinking=True)
        asker = await self._access.asker(interaction)
        if place.id not in asker.readable:
            raise Refused(texts.CAN_NOT_READ)
        spoke = None
        if first is None:
            spoke = await self._services.catchup.last_spoken(place.id, asker.user_id, interaction.id)
            first = snowflake.from_ms(snowflake.to_ms(interaction.id) - DAY_MS) if spoke is None else spoke + 1
        happened, doubtful = await self._compared(place.id, first, interaction.id, asker)
        when = ago(snowflake.to_datetime(first))
        title = f"### Since you last spoke here, {when}" if spoke else f"### Since {when}"
        if since is None and spoke is None:
            title += "\n-# I know of nothing that you said here before, so this is the last day"
        parts = [title, *await self._sections(place.guild, happened, doubtful)]
        if doubtful:
            parts.append(f"-# {texts.NOT_COMPARED}")
        await reply_view(interaction, text_view("\n".join(parts)))

    async def _compared(self, channel_id: int, first: int, now: int, asker: Asker) -> tuple[Happened, frozenset[int]]:
        """What happened, as it is after a comparison with Discord, and the messages that could not be compared."""
        catchup = self._services.catchup
        before = await catchup.since(channel_id, first, now, readable=asker.readable)
        places: dict[int, set[int]] = {channel_id: {message.id for message in before.questions}}
        for memory in (*before.decisions, *before.plans):
            for citation in memory.citations:
                places.setdefault(citation.channel_id, set()).add(citation.message_id)
        doubtful = await self._verification.check(asker.guild_id, places)
        return await catchup.since(channel_id, first, now, readable=asker.readable), doubtful

    async def _sections(self, guild: discord.Guild, happened: Happened, doubtful: Collection[int]) -> list[str]:
        decisions, plans = (
            [memory for memory in kind if not any(c.message_id in doubtful for c in memory.citations)][:SHOWN]
            for kind in (happened.decisions, happened.plans)
        )
        questions = [message for message in happened.questions if message.id not in doubtful][:SHOWN]
        if not (decisions or plans or questions):
            return [self._nothing(guild.id, happened)]
        remembered, contents = [*decisions, *plans], [message.content for message in questions]
        people = [user_id for memory in remembered for user_id in memory.author_ids]
        people += [message.author_id for message in questions]
        texts_shown = [*(memory.text for memory in remembered), *contents]
        names = await names_for(guild, self._services.directory, people, texts_shown)
        return [
            *_section("Decided", decisions, len(happened.decisions), lambda memory: _memory_line(memory, names)),
            *_section("Planned", plans, len(happened.plans), lambda memory: _memory_line(memory, names)),
            *_section("Still open", questions, len(happened.questions), lambda one: _question_line(one, names)),
            *self._waiting(happened),
        ]

    def _nothing(self, guild_id: int, happened: Happened) -> str:
        said = texts.count(happened.said, "message")
        lines = [f"Nothing was decided, planned or left open here, as far as I can tell; {said} came in that time."]
        lines += self._waiting(happened)
        lines.append("-# Look further back with `/catchup since: 7d`, or for something in particular with `/recall`.")
        return "\n".join(lines)

    def _waiting(self, happened: Happened) -> list[str]:
        if self._services.flusher is None:
            return ["-# No language model is in use here, so of decisions and plans only what members remembered."]
        if not happened.waiting:
            return []
        return [f"-# {texts.count(happened.waiting, 'message')} of that time still to be read for memories."]


def _section(name: str, shown: Sequence[T], count: int, line: Callable[[T], str]) -> list[str]:
    if not shown:
        return []
    more = [f"-# and {count - len(shown):,} more"] if count > len(shown) else []
    return [f"**{name}**", *(f"- {line(one)}" for one in shown), *more]


def _memory_line(memory: Memory, names: Mapping[int, str]) -> str:
    newest = memory.citations[-1]
    url = jump_url(memory.guild_id, newest.channel_id, newest.message_id)
    return _line(memory.text, speakers_of(memory.author_ids, names), memory.said_at, url, names)


def _question_line(one: Message, names: Mapping[int, str]) -> str:
    url = jump_url(one.guild_id, one.channel_id, one.id)
    return _line(one.content, speakers_of([one.author_id], names), one.created_at, url, names)


def _line(text: str, speakers: str, moment: datetime, url: str, names: Mapping[int, str]) -> str:
    return f"{safe(text, names, limit=LINE_CHARS)} – {shorten(speakers, SPEAKER_CHARS)}, {ago(moment)}, [jump]({url})"
