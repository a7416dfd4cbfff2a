"""/upcoming: what was planned for the days ahead, and the offer to make an event of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain import Hit
from bot.recall import Ahead, Presenter, memory_hit
from cogs import texts
from cogs.access import Access
from cogs.checks import per_member
from cogs.hits import hit_item
from cogs.languages import language_of
from cogs.named import AboutMe, naming
from cogs.names import names_for
from cogs.rendering import day_label
from cogs.reply import reply_view
from cogs.views.pages import PER_PAGE, Page, PageItem, Pages

if TYPE_CHECKING:
    from datetime import datetime

    from bot.guilds import ZoneOf
    from bot.memories import Asker
    from bot.observe import Directory
    from bot.recall import Upcoming
    from bot.text import Appointment
    from cogs.events import Events

Interaction = discord.Interaction[Any]

DAYS = 30
MOST_DAYS = 365


class UpcomingCog(commands.Cog, name="Upcoming"):
    """Shows plans by their days."""

    def __init__(self, pages_of: Callable[[int], UpcomingPages], events: Events, about: AboutMe) -> None:
        """Take what gives the pages of so many days, what makes events, and what opens what names somebody."""
        self._about = about
        self._pages_of = pages_of
        self._events = events

    @app_commands.command(name="upcoming", description="What was planned for the days ahead")
    @app_commands.describe(days="How many days ahead; without it, 30")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    @per_member(5, 30.0)
    async def upcoming(self, interaction: Interaction, days: app_commands.Range[int, 1, MOST_DAYS] = DAYS) -> None:
        """List it, the earliest first."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        pages = self._pages_of(days)
        make = partial(self._events.make, ahead=pages.single)
        first = await pages.page(interaction, 0)
        await reply_view(interaction, Pages(interaction, pages, first, make_event=make, open_about=self._about.open))


class UpcomingPages:
    """What lies ahead, in pages; what the asker can't read now is left out."""

    def __init__(
        self,
        upcoming: Upcoming,
        directory: Directory,
        access: Access,
        presenter: Presenter,
        events: Events,
        zone_of: ZoneOf,
        days: int,
    ) -> None:
        self._upcoming = upcoming
        self._directory = directory
        self._access = access
        self._presenter = presenter
        self._events = events
        self._days = days
        self._zone_of = zone_of

    async def page(self, interaction: Interaction, number: int) -> Page:
        """One page, as it is now."""
        ahead: list[Ahead] = []
        asker = await self._access.asker(interaction)

        async def read(doubtful: frozenset[int]) -> Sequence[Hit]:
            nonlocal ahead, asker, number
            asker = await self._access.asker(interaction)
            hits = [(each, memory_hit(each.memory)) for each in await self._ahead(asker, interaction.created_at)]
            ahead = [each for each, hit in hits if doubtful.isdisjoint(hit.message_ids)]
            number = max(0, min(number, -(-len(ahead) // PER_PAGE) - 1))
            return [memory_hit(each.memory) for each in ahead[number * PER_PAGE :][:PER_PAGE]]

        shown = await self._presenter.present(asker.guild_id, read)
        days = {each.memory.id: each.day for each in ahead}
        title = language_of(interaction).plural("The next day", "The next {number} days", self._days)
        return Page(
            title=f"### {title}",
            items=tuple(await self._items(interaction, shown.items, asker, days)),
            number=number,
            pages=-(-len(ahead) // PER_PAGE),
            dense=True,
            notes=(texts.NOT_COMPARED,) if shown.incomplete else (),
            empty=texts.NOTHING_AHEAD,
            about=naming(shown.items, asker.user_id),
        )

    async def single(self, interaction: Interaction, memory_id: str) -> Ahead | None:
        """One of them, as it is now; None where it lies ahead no more, or may not be read."""
        asker = await self._access.asker(interaction)
        ahead = await self._ahead(asker, interaction.created_at)
        return next((each for each in ahead if each.memory.id == memory_id), None)

    async def _ahead(self, asker: Asker, now: datetime) -> list[Ahead]:
        zone = self._zone_of(asker.guild_id)
        return await self._upcoming.ahead(asker.guild_id, now, self._days, readable=asker.readable, zone=zone)

    async def _items(
        self, interaction: Interaction, hits: Sequence[Hit], asker: Asker, days: dict[str, Appointment]
    ) -> list[PageItem]:
        guild = interaction.guild
        if guild is None:
            return []
        people = [user_id for hit in hits for user_id in hit.author_ids]
        names = await names_for(guild, self._directory, people, [hit.text for hit in hits], language_of(interaction))
        items, language = [], language_of(interaction)
        for hit in hits:
            day = days[hit.memory.id if hit.memory is not None else ""]
            item = hit_item(hit, names, asker, language)
            offered = await self._events.may_be_offered(interaction, hit, day)
            items.append(
                PageItem(
                    text=f"**{day_label(language, day.first, day.last, day.minutes)}** · {item.text}",
                    caption=item.caption,
                    url=item.url,
                    event_of=hit.memory.id if offered and hit.memory is not None else None,
                )
            )
        return items
