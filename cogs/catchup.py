"""/catchup: what happened while a member was away, for their eyes alone.

Here is the channel with those of its threads that the member may read from it: public ones. In a thread it is that
thread alone. What they last said is looked for in the channel itself, for who spoke in a thread has not read the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain import Hit, Memory, Phrase, Refused, snowflake
from bot.recall import Happened, OverviewSection, Presenter, by_channel, by_kind, next_day, pages, without
from bot.text import parse_since, window_in_words
from cogs import texts
from cogs.access import Access, Talk
from cogs.checks import per_member
from cogs.entries import EntryWriter
from cogs.languages import language_of
from cogs.names import names_for
from cogs.rendering import ago
from cogs.reply import reply_view
from cogs.views.pages import Page, Pages

if TYPE_CHECKING:
    from datetime import tzinfo

    from bot.guilds import ZoneOf
    from bot.languages import Language
    from bot.observe import Directory
    from bot.recall import CatchUp
    from bot.remember import Awaited
    from bot.text import Appointment
    from cogs.backfill import Backfill

Interaction = discord.Interaction[Any]
Place = Talk | discord.Thread

DAY_MS = 86_400_000
LINES = 12
"""Entries of a page: one screen."""


class CatchUpCog(commands.Cog, name="CatchUp"):
    """Tells a member what they missed."""

    def __init__(
        self,
        catchup: CatchUp,
        awaited: Awaited,
        directory: Directory,
        access: Access,
        backfill: Backfill,
        presenter: Presenter,
        *,
        zone_of: ZoneOf,
        remembers: bool,
    ) -> None:
        self._catchup = catchup
        self._awaited = awaited
        self._directory = directory
        self._zone_of = zone_of
        self._remembers = remembers
        self._access = access
        self._backfill = backfill
        self._presenter = presenter

    @app_commands.command(name="catchup", description="What happened here, or everywhere, while you were away")
    @app_commands.describe(
        since="Since then: 3d, yesterday, last week, 31.01.2026; without it, since you last spoke here",
        everywhere="In all channels that you can read, and not in this one alone",
    )
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    @per_member(6, 30.0)
    async def catchup(
        self,
        interaction: Interaction,
        since: app_commands.Range[str, 1, 40] | None = None,
        everywhere: bool = False,
    ) -> None:
        """Look, compare with Discord, and show."""
        zone = self._zone_of(interaction.guild_id or 0)
        first = parse_since(since, interaction.created_at, zone) if since else None
        place = interaction.channel
        if not everywhere and not self._backfill.observes(place):
            raise Refused(texts.UNOBSERVED)
        await interaction.response.defer(ephemeral=True, thinking=True)
        asker = await self._access.asker(interaction)
        if not everywhere and (not isinstance(place, Place) or place.id not in asker.readable):
            raise Refused(texts.CAN_NOT_READ)
        spoke = None
        if first is None:
            where = asker.readable if place is None or everywhere else {place.id}
            spoke = await self._catchup.last_spoken(where, asker.user_id, interaction.id)
            first = snowflake.from_ms(snowflake.to_ms(interaction.id) - DAY_MS) if spoke is None else spoke + 1
        words = window_in_words(first, None, zone) if since else ""
        request = CatchUpRequest(
            first=first, now=interaction.id, everywhere=everywhere, spoke=spoke is not None, words=words
        )
        source = CatchUpPages(
            self._catchup,
            self._directory,
            self._access,
            self._presenter,
            request,
            zone_of=self._zone_of,
            remembers=self._remembers,
        )
        await reply_view(interaction, Pages(interaction, source, await source.page(interaction, 0)))
        if self._remembers:
            await self._awaited.ask(asker.guild_id, source.waiting_in)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUpRequest:
    """What a member wants to know.

    Attributes:
        first: from this snowflake on.
        now: up to that of their question.
        everywhere: of all channels that they can read, or of the one in which they ask.
        spoke: whether `first` is where they last spoke.
        words: since when, where they told it; else empty.
    """

    first: int
    now: int
    everywhere: bool
    spoke: bool
    words: str

    def title(self, language: Language) -> str:
        """Since when it is."""
        when = ago(snowflake.to_datetime(self.first))
        if self.spoke and self.everywhere:
            return f"### {language.say('Since you last spoke in this server, {when}', when=when)}"
        if self.spoke:
            return f"### {language.say('Since you last spoke here, {when}', when=when)}"
        if self.words:
            words = language.translated(self.words)
            return f"### {words[:1].upper()}{words[1:]}, {when}"
        why = language.say("I know of nothing that you said here before, so this is the last day")
        return f"### {language.say('Since {when}', when=when)}\n-# {why}"


class CatchUpPages:
    """What happened, in pages; each is looked up again before it is shown."""

    def __init__(
        self,
        catchup: CatchUp,
        directory: Directory,
        access: Access,
        presenter: Presenter,
        request: CatchUpRequest,
        *,
        zone_of: ZoneOf,
        remembers: bool,
    ) -> None:
        self._catchup = catchup
        self._directory = directory
        self._access = access
        self._presenter = presenter
        self._request = request
        self._zone_of = zone_of
        self._remembers = remembers
        self.waiting_in: frozenset[int] = frozenset()

    async def page(self, interaction: Interaction, number: int) -> Page:
        """One page of what is still there and may still be read."""
        cut: list[list[OverviewSection]] = []
        happened: Happened | None = None

        async def read(doubtful: frozenset[int]) -> Sequence[Hit]:
            nonlocal cut, happened, number
            happened, sections = await self._sections(interaction)
            cut = pages(without(sections, doubtful), LINES)
            number = max(0, min(number, len(cut) - 1))
            return [entry.hit for section in cut[number] for entry in section.entries] if cut else []

        shown = await self._presenter.present(interaction.guild_id or 0, read)
        sections = cut[number] if cut else []
        return Page(
            title=self._request.title(language_of(interaction)),
            text=await self._text(interaction, sections, shown.items),
            number=number,
            pages=len(cut),
            notes=(*self._waiting(happened), *([texts.NOT_COMPARED] if shown.incomplete else [])),
            empty="" if happened is None else self._nothing(happened),
        )

    async def _sections(self, interaction: Interaction) -> tuple[Happened, list[OverviewSection]]:
        """What happened, of what the member may read at this moment."""
        asker = await self._access.asker(interaction)
        request, readable = self._request, asker.readable
        here = readable if request.everywhere else await self._access.within(asker, interaction.channel)
        happened = await self._catchup.since(here, request.first, request.now, readable=readable)
        concerning = await self._catchup.concerning(
            asker.user_id,
            asker.guild_id,
            here,
            request.first,
            request.now,
            readable=readable,
            zone=self._zone_of(asker.guild_id),
        )
        self.waiting_in = happened.waiting_in
        return happened, (by_channel if request.everywhere else by_kind)(happened, concerning)

    async def _text(self, interaction: Interaction, sections: Sequence[OverviewSection], hits: Sequence[Hit]) -> str:
        guild = interaction.guild
        if guild is None or not hits:
            return ""
        people = [user_id for hit in hits for user_id in hit.author_ids]
        names = await names_for(guild, self._directory, people, [hit.text for hit in hits], language_of(interaction))
        writer = EntryWriter(
            names,
            here=interaction.channel_id,
            day_of=partial(self._day_of, self._zone_of(guild.id)),
            language=language_of(interaction),
        )
        return writer.written(sections, hits)

    def _day_of(self, zone: tzinfo, memory: Memory) -> Appointment | None:
        return next_day(memory, snowflake.to_datetime(self._request.now).astimezone(zone).date(), zone)

    def _nothing(self, happened: Happened) -> str:
        messages = happened.said or 0
        if self._request.everywhere:
            nothing = Phrase.plural(
                "Nothing was decided, planned or left open, as far as I can tell; {number} message came in that time.",
                "Nothing was decided, planned or left open, as far as I can tell; {number} messages came in that time.",
                messages,
            )
        else:
            nothing = Phrase.plural(
                "Nothing was decided, planned or left open here, as far as I can tell; {number} message came in that "
                "time.",
                "Nothing was decided, planned or left open here, as far as I can tell; {number} messages came in that "
                "time.",
                messages,
            )
        further = Phrase("Look further back with `/catchup since: 7d`, or for something in particular with `/recall`.")
        return Phrase.joined("\n-# ", [nothing, further])

    def _waiting(self, happened: Happened | None) -> list[str]:
        if not self._remembers:
            return [Phrase("No language model is in use here, so there is only what members remembered.")]
        if happened is None or not happened.waiting:
            return []
        return [texts.not_read_yet(happened.waiting)]
