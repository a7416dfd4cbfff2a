"""/catchup: what was decided, planned and left open here while a member was away.

Here is the channel with those of its threads that the member may read from it: public ones. In a thread it is that
thread alone. What they last said is looked for in the channel itself, for who spoke in a thread has not read the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain import Memory, Message, Refused, jump_url, snowflake
from bot.recall import Happened, places_of
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
    from datetime import tzinfo

    from bot.forget import Verification
    from bot.observe import Directory
    from bot.recall import CatchUp
    from cogs.backfill import Backfill

Interaction = discord.Interaction[Any]
T = TypeVar("T")

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
        verification: Verification,
        *,
        zone: tzinfo,
        remembers: bool,
    ) -> None:
        self._catchup = catchup
        self._directory = directory
        self._zone = zone
        self._remembers = remembers
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
        first = parse_since(since, interaction.created_at, self._zone) if since else None
        place = interaction.channel
        if not isinstance(place, Talk | discord.Thread) or not self._backfill.observes(place):
            raise Refused(texts.UNOBSERVED)
        await interaction.response.defer(ephemeral=True, thinking=True)
        asker = await self._access.asker(interaction)
        if place.id not in asker.readable:
            raise Refused(texts.CAN_NOT_READ)
        spoke = None
        if first is None:
            spoke = await self._catchup.last_spoken(place.id, asker.user_id, interaction.id)
            first = snowflake.from_ms(snowflake.to_ms(interaction.id) - DAY_MS) if spoke is None else spoke + 1
        happened, doubtful = await self._compared(interaction, place, first)
        when = ago(snowflake.to_datetime(first))
        title = f"### Since you last spoke here, {when}" if spoke else f"### Since {when}"
        if since is None and spoke is None:
            title += "\n-# I know of nothing that you said here before, so this is the last day"
        parts = [title, *await self._sections(place, happened, doubtful)]
        if doubtful:
            parts.append(f"-# {texts.NOT_COMPARED}")
        await reply_view(interaction, text_view("\n".join(parts)))

    async def _compared(
        self, interaction: Interaction, place: Talk | discord.Thread, first: int
    ) -> tuple[Happened, frozenset[int]]:
        """What happened, as it is after a comparison with Discord, and the messages that could not be compared."""
        before = await self._since(interaction, place, first)
        places: defaultdict[int, set[int]] = defaultdict(set)
        for message in before.questions:
            places[message.channel_id].add(message.id)
        for channel_id, message_ids in places_of((*before.decisions, *before.plans)).items():
            places[channel_id] |= message_ids
        doubtful = await self._verification.check(place.guild.id, places)
        return await self._since(interaction, place, first), doubtful

    async def _since(self, interaction: Interaction, place: Talk | discord.Thread, first: int) -> Happened:
        """What happened, of what the member may read at this moment."""
        asker = await self._access.asker(interaction)
        here = await self._access.within(asker, place)
        return await self._catchup.since(here, first, interaction.id, readable=asker.readable)

    async def _sections(self, place: Talk | discord.Thread, happened: Happened, doubtful: Collection[int]) -> list[str]:
        decisions, plans = (
            [memory for memory in kind if not any(c.message_id in doubtful for c in memory.citations)][:SHOWN]
            for kind in (happened.decisions, happened.plans)
        )
        questions = [message for message in happened.questions if message.id not in doubtful][:SHOWN]
        if not (decisions or plans or questions):
            return [self._nothing(happened)]
        here = place.id
        remembered, contents = [*decisions, *plans], [message.content for message in questions]
        people = [user_id for memory in remembered for user_id in memory.author_ids]
        people += [message.author_id for message in questions]
        texts_shown = [*(memory.text for memory in remembered), *contents]
        names = await names_for(place.guild, self._directory, people, texts_shown)
        return [
            *_section("Decided", decisions, len(happened.decisions), lambda memory: _memory_line(memory, names, here)),
            *_section("Planned", plans, len(happened.plans), lambda memory: _memory_line(memory, names, here)),
            *_section("Still open", questions, len(happened.questions), lambda one: _question_line(one, names, here)),
            *self._waiting(happened),
        ]

    def _nothing(self, happened: Happened) -> str:
        said = texts.count(happened.said, "message")
        lines = [f"Nothing was decided, planned or left open here, as far as I can tell; {said} came in that time."]
        lines += self._waiting(happened)
        lines.append("-# Look further back with `/catchup since: 7d`, or for something in particular with `/recall`.")
        return "\n".join(lines)

    def _waiting(self, happened: Happened) -> list[str]:
        if not self._remembers:
            return ["-# No language model is in use here, so of decisions and plans only what members remembered."]
        if not happened.waiting:
            return []
        return [f"-# {texts.count(happened.waiting, 'message')} of that time still to be read for memories."]


def _section(name: str, shown: Sequence[T], count: int, line: Callable[[T], str]) -> list[str]:
    if not shown:
        return []
    more = [f"-# and {count - len(shown):,} more"] if count > len(shown) else []
    return [f"**{name}**", *(f"- {line(one)}" for one in shown), *more]


def _memory_line(memory: Memory, names: Mapping[int, str], here: int) -> str:
    newest = memory.newest
    spot = (memory.guild_id, newest.channel_id, newest.message_id)
    return _line(memory.text, memory.author_ids, memory.said_at, spot, names, here)


def _question_line(one: Message, names: Mapping[int, str], here: int) -> str:
    return _line(one.content, [one.author_id], one.created_at, (one.guild_id, one.channel_id, one.id), names, here)


def _line(
    text: str,
    author_ids: Sequence[int],
    moment: datetime,
    spot: tuple[int, int, int],
    names: Mapping[int, str],
    here: int,
) -> str:
    said = safe(text, names, limit=LINE_CHARS)
    speakers = shorten(speakers_of(author_ids, names), SPEAKER_CHARS)
    where = "" if spot[1] == here else f" in <#{spot[1]}>"
    return f"{said} – {speakers}{where}, {ago(moment)}, [jump]({jump_url(*spot)})"
