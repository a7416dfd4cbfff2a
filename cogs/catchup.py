"""/catchup: what was decided, planned and left open here while a member was away.

Here is the channel with those of its threads that the member may read from it: public ones. In a thread it is that
thread alone. What they last said is looked for in the channel itself, for who spoke in a thread has not read the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain import Memory, Refused, jump_url, snowflake
from bot.recall import Happened, Presented, Presenter
from bot.text import parse_since
from cogs import texts
from cogs.access import Access, Talk
from cogs.checks import per_member
from cogs.hits import speakers_of
from cogs.names import names_for
from cogs.rendering import ago, safe, shorten
from cogs.reply import reply_view
from cogs.views.confirm import text_view

if TYPE_CHECKING:
    from bot.guilds import ZoneOf
    from bot.observe import Directory
    from bot.recall import CatchUp
    from cogs.backfill import Backfill

Interaction = discord.Interaction[Any]

DAY_MS = 86_400_000
SHOWN = 4
"""Of each kind; with these and the length of a line it stays below the 4,000 characters of a view: one screen."""
LINE_CHARS = 115
SPEAKER_CHARS = 60


class CatchUpCog(commands.Cog, name="CatchUp"):
    """Tells a member what they missed, for their eyes alone."""

    def __init__(
        self,
        catchup: CatchUp,
        directory: Directory,
        access: Access,
        backfill: Backfill,
        presenter: Presenter,
        *,
        zone_of: ZoneOf,
        remembers: bool,
    ) -> None:
        self._catchup = catchup
        self._directory = directory
        self._zone_of = zone_of
        self._remembers = remembers
        self._access = access
        self._backfill = backfill
        self._presenter = presenter

    @app_commands.command(name="catchup", description="What was decided, planned and left open here since you left")
    @app_commands.describe(since="Since then: 2h, 3d, yesterday, 2026-01-31; without it, since you last spoke here")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    @per_member(6, 30.0)
    async def catchup(self, interaction: Interaction, since: app_commands.Range[str, 1, 40] | None = None) -> None:
        """Look, compare with Discord, and show."""
        first = parse_since(since, interaction.created_at, self._zone_of(interaction.guild_id or 0)) if since else None
        place = interaction.channel
        if not isinstance(place, Talk | discord.Thread) or not self._backfill.observes(place):
            raise Refused(texts.UNOBSERVED)
        await interaction.response.defer(ephemeral=True, thinking=True)
        asker = await self._access.asker(interaction)
        if place.id not in asker.readable:
            raise Refused(texts.CAN_NOT_READ)
        spoke = None
        if first is None:
            spoke = await self._catchup.last_spoken([place.id], asker.user_id, interaction.id)
            first = snowflake.from_ms(snowflake.to_ms(interaction.id) - DAY_MS) if spoke is None else spoke + 1
        happened, shown = await self._compared(interaction, place, first)
        when = ago(snowflake.to_datetime(first))
        title = f"### Since you last spoke here, {when}" if spoke else f"### Since {when}"
        if since is None and spoke is None:
            title += "\n-# I know of nothing that you said here before, so this is the last day"
        parts = [title, *await self._sections(place, happened, shown.items)]
        if shown.incomplete:
            parts.append(f"-# {texts.NOT_COMPARED}")
        await reply_view(interaction, text_view("\n".join(parts)))

    async def _compared(
        self, interaction: Interaction, place: Talk | discord.Thread, first: int
    ) -> tuple[Happened, Presented[Memory]]:
        """What happened, and what of it may be shown after a comparison with Discord."""
        happened = await self._since(interaction, place, first)

        async def read(_: frozenset[int]) -> Sequence[Memory]:
            nonlocal happened
            happened = await self._since(interaction, place, first)
            return happened.memories

        presented = await self._presenter.present(place.guild.id, read)
        return happened, presented

    async def _since(self, interaction: Interaction, place: Talk | discord.Thread, first: int) -> Happened:
        """What happened, of what the member may read at this moment."""
        asker = await self._access.asker(interaction)
        here = await self._access.within(asker, place)
        return await self._catchup.since(here, first, interaction.id, readable=asker.readable)

    async def _sections(self, place: Talk | discord.Thread, happened: Happened, shown: Collection[Memory]) -> list[str]:
        if not shown:
            return [self._nothing(happened)]
        known = {memory.id: memory for memory in shown}
        sections = {
            "Decided": happened.decisions,
            "Planned": happened.plans,
            "Still open": happened.questions,
        }
        sure = {name: [known[m.id] for m in memories if m.id in known][:SHOWN] for name, memories in sections.items()}
        people = [user_id for memories in sure.values() for memory in memories for user_id in memory.author_ids]
        texts_shown = [memory.text for memories in sure.values() for memory in memories]
        names = await names_for(place.guild, self._directory, people, texts_shown)
        lines = [
            line
            for name, memories in sure.items()
            for line in _section(name, [_line(m, names, place.id) for m in memories], len(sections[name]))
        ]
        return [*lines, *self._waiting(happened)]

    def _nothing(self, happened: Happened) -> str:
        count = texts.count(happened.said, "message")
        lines = [f"Nothing was decided, planned or left open here, as far as I can tell; {count} came in that time."]
        lines += self._waiting(happened)
        lines.append("-# Look further back with `/catchup since: 7d`, or for something in particular with `/recall`.")
        return "\n".join(lines)

    def _waiting(self, happened: Happened) -> list[str]:
        if not self._remembers:
            return ["-# No language model is in use here, so there is only what members remembered."]
        if not happened.waiting:
            return []
        return [f"-# {texts.count(happened.waiting, 'message')} of that time still to be read for memories."]


def _section(name: str, lines: Sequence[str], count: int) -> list[str]:
    if not lines:
        return []
    more = [f"-# and {count - len(lines):,} more"] if count > len(lines) else []
    return [f"**{name}**", *(f"- {line}" for line in lines), *more]


def _line(memory: Memory, names: Mapping[int, str], here: int) -> str:
    newest = memory.newest
    doubt = "" if memory.doubt is None else f" ({texts.MAY_HAVE_CHANGED})"
    text = safe(memory.text, names, limit=LINE_CHARS - len(doubt))
    speakers = shorten(speakers_of(memory.author_ids, names), SPEAKER_CHARS)
    where = "" if newest.channel_id == here else f" in <#{newest.channel_id}>"
    jump = jump_url(memory.guild_id, newest.channel_id, newest.message_id)
    return f"{text}{doubt} – {speakers}{where}, {ago(memory.said_at)}, [jump]({jump})"
