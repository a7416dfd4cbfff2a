"""Events of a server, made of plans that everybody may read, and deleted when a source of theirs goes."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import discord
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import Clock, Hit, jump_url, people_in, snowflake
from bot.forget import OF_SERVER, Post, Posts, sources_of
from bot.guilds import Consents, ZoneOf
from bot.recall import Ahead, Presenter, memory_hit, times_of
from cogs import texts
from cogs.access import Access
from cogs.faults import UNREACHABLE, why
from cogs.names import names_for
from cogs.rendering import plain_line, safe

if TYPE_CHECKING:
    from bot.observe import Directory
    from bot.text import Appointment

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]
Look = Callable[[Interaction, str], Awaitable[Ahead | None]]
"""Gives what lies ahead of a memory, as the asker may read it now."""

EVENTS = (3, 60.0)
"""Events that a member may have made at most, and seconds."""

NAME_CHARS, LOCATION_CHARS, TEXT_CHARS = 100, 100, 800
"""Of an event; Discord's limits are 100, 100 and 1,000."""

NO_NAME_YET = "…"

AT_WORK_MS = 10 * 60 * 1000
"""An event that has no name yet may still be in the making for so long."""


class Events:
    """Makes events: noted in the database before one shows what was said."""

    def __init__(
        self,
        presenter: Presenter,
        posts: Posts,
        consents: Consents,
        directory: Directory,
        access: Access,
        *,
        zone_of: ZoneOf,
    ) -> None:
        self._presenter = presenter
        self._posts = posts
        self._consents = consents
        self._directory = directory
        self._access = access
        self._zone_of = zone_of

    async def may_be_offered(self, interaction: Interaction, hit: Hit, day: Appointment) -> bool:
        """Whether the member may have an event made of this, and everybody in the server may read all of it."""
        guild, member = interaction.guild, interaction.user
        if guild is None or not isinstance(member, discord.Member) or not _may_make(guild, member):
            return False
        starts, _ = times_of(day, self._zone_of(guild.id))
        return starts > interaction.created_at and hit.channel_ids <= await self._everyone(guild, hit)

    async def make(self, interaction: Interaction, memory_id: str, *, ahead: Look) -> str:
        """Make an event of a plan; one sentence on that."""
        interaction.client.cooldowns.use(interaction, *EVENTS, button="event")
        guild = interaction.guild
        plan = await ahead(interaction, memory_id)
        if guild is None or plan is None:
            return texts.NO_EVENT
        hit = memory_hit(plan.memory)
        if not await self.may_be_offered(interaction, hit, plan.day):
            return texts.NO_EVENT
        everyone = partial(self._everyone, guild, hit)
        (shown,) = (await self._presenter.again(guild.id, [hit], everyone)).items or (None,)
        if shown is None or shown.text != hit.text:
            return texts.NO_EVENT
        try:
            return await self._publish(interaction, guild, shown, plan.day, everyone)
        except UNREACHABLE as error:
            log.info("An event could not be made in server %d (%s)", guild.id, why(error))
            return texts.EVENT_DECLINED

    async def _publish(
        self,
        interaction: Interaction,
        guild: discord.Guild,
        hit: Hit,
        day: Appointment,
        everyone: Callable[[], Awaitable[frozenset[int]]],
    ) -> str:
        """Make an event that says nothing yet, note it, and then let it say what it is."""
        starts, ends = times_of(day, self._zone_of(guild.id))
        glance = await self._posts.glance(hit.message_ids)
        event = await guild.create_scheduled_event(
            name=NO_NAME_YET,
            start_time=starts,
            end_time=ends,
            entity_type=discord.EntityType.external,
            privacy_level=discord.PrivacyLevel.guild_only,
            location=NO_NAME_YET,
        )
        asker_id = interaction.user.id
        known = not self._consents.left_out(guild.id, asker_id)
        people = {*hit.author_ids, *people_in([hit.text]), *([asker_id] if known else [])}
        try:
            await self._posts.record(Post(event.id, guild.id, OF_SERVER), sources_of([hit]), people, glance=glance)
        except SQLAlchemyError:
            with suppress(*UNREACHABLE):
                await event.delete()  # what can't be noted can't be taken back: it says nothing
            raise
        if await self._presenter.changed([hit], everyone):
            await self._posts.take_back([event.id])
            return texts.NO_EVENT
        names = await names_for(guild, self._directory, hit.author_ids, [hit.text])
        place = guild.get_channel_or_thread(hit.anchor_channel_id)
        link = jump_url(guild.id, hit.anchor_channel_id, hit.anchor)
        try:
            await event.edit(
                name=plain_line(hit.text, names, limit=NAME_CHARS),
                description=f"{safe(hit.text, names, limit=TEXT_CHARS)}\n{link}",
                location=NO_NAME_YET if place is None else plain_line(f"#{place.name}", {}, limit=LOCATION_CHARS),
            )
        except UNREACHABLE:
            await self._posts.take_back([event.id])
            raise
        return texts.EVENT_MADE

    async def _everyone(self, guild: discord.Guild, hit: Hit) -> frozenset[int]:
        """Those channels of a hit that @everyone may read."""
        return await self._access.open_to_everyone(guild, hit.channel_ids)


class LeftEvents:
    """Deletes events that a crash left before they said what they are."""

    def __init__(self, posts: Posts, clock: Clock) -> None:
        self._posts = posts
        self._clock = clock

    async def clear(self, guild: discord.Guild) -> bool:
        """Delete those of a server; False where one may still be in the making, and it has to be looked at again."""
        if not guild.me.guild_permissions.create_events:
            return True
        events = await guild.fetch_scheduled_events(with_counts=False)
        left = [event for event in events if event.creator_id == guild.me.id and event.name == NO_NAME_YET]
        old = [event for event in left if self._clock() - snowflake.to_ms(event.id) > AT_WORK_MS]
        for event in old:
            if not await self._posts.take_back([event.id]):  # it was not noted
                await event.delete()
        return old == left


def _may_make(guild: discord.Guild, member: discord.Member) -> bool:
    return guild.me.guild_permissions.create_events and member.guild_permissions.create_events
