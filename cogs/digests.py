"""/digest: what happened, posted once a day or a week for everybody who reads a channel."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import discord
from discord import app_commands
from discord.ext import commands, tasks

from bot.domain import Clock, Phrase, Refused, do_each
from bot.guilds import Action, Digest, Every
from cogs import texts
from cogs.checks import manager_only, per_member
from cogs.digest_posts import DigestPlace
from cogs.languages import language_of
from cogs.notices import missing_permissions
from cogs.reply import reply, reply_view
from cogs.views.confirm import text_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.domain import Supervisor
    from bot.guilds import AuditTrail, Digests, ZoneOf
    from cogs.digest_posts import DigestPosts

Interaction = discord.Interaction[Any]
Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel

MOST = 20
"""Channels of one server that get a digest."""

_OFTEN = {
    Every.DAY: partial(Phrase, "{channel} gets a digest every day at {time} ({zone}), next {when}"),
    Every.WEEK: partial(Phrase, "{channel} gets a digest every Monday at {time} ({zone}), next {when}"),
}


class DigestCog(commands.Cog, name="Digests"):
    """Switches digests, and posts those that are due."""

    digest = app_commands.Group(
        name="digest",
        description="What happened, posted once a day or a week",
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    )

    def __init__(
        self,
        bot: commands.AutoShardedBot,
        digests: Digests,
        audit: AuditTrail,
        posts: DigestPosts,
        supervisor: Supervisor,
        clock: Clock,
        zone_of: ZoneOf,
        *,
        seconds: float,
    ) -> None:
        self._bot = bot
        self._digests = digests
        self._audit = audit
        self._posts = posts
        self._supervisor = supervisor
        self._clock = clock
        self._zone_of = zone_of
        self._seconds = seconds

    async def cog_load(self) -> None:
        """Begin to look at what is due."""
        self.rounds.change_interval(seconds=self._seconds)
        self.rounds.start()

    async def cog_unload(self) -> None:
        """Stop; what is due is posted later."""
        self.rounds.cancel()

    @tasks.loop(seconds=60.0)
    async def rounds(self) -> None:
        """One look; whatever goes wrong is tried again."""
        if not self._bot.is_ready():
            return
        async with self._supervisor.turn("digests"):
            await self.round()

    async def round(self) -> None:
        """Post what is due in the servers that this process serves."""
        await do_each(*(self._due(digest) for digest in await self._digests.to_try()))

    def _due(self, digest: Digest) -> Callable[[], Any]:
        async def post() -> None:
            until = digest.due_ms(self._clock(), self._zone_of(digest.guild_id))
            if until is not None:
                await self._posts.post(digest, until)

        return post

    # --- commands ----------------------------------------------------------------------------------------------------

    @digest.command(name="on", description="Post in a channel, once a day or a week, what happened")
    @app_commands.describe(
        every="How often; a week's digest comes on Monday",
        at="The hour of the day, from 0 to 23, in this server's time zone",
        channel="This channel unless you choose another",
    )
    @manager_only
    @per_member(10, 60.0)
    async def on(
        self,
        interaction: Interaction,
        every: Literal["day", "week"],
        at: app_commands.Range[int, 0, 23],
        channel: Place | None = None,
    ) -> None:
        """Switch it on; what is posted is from what everybody who reads that channel may read."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        place = self._place(interaction, channel)
        if missing := missing_permissions(place):
            raise Refused(texts.lacking(missing, place.mention))
        guild_id = place.guild.id
        others = [digest for digest in await self._digests.of_guild(guild_id) if digest.channel_id != place.id]
        if len(others) >= MOST:
            raise Refused(
                Phrase("{most} channels get a digest already; switch one off with `/digest off` first.", most=MOST)
            )
        digest = await self._digests.switch_on(guild_id, place.id, Every(every), at, by=interaction.user.id)
        details = {"every": every, "at": f"{at}:00"}
        await self._audit.record(
            guild_id, Action.DIGEST_ON, by=interaction.user.id, channel_id=place.id, details=details
        )
        await reply(interaction, Phrase.joined(". ", [self._line(digest), texts.DIGEST_IS_PUBLIC]))

    @digest.command(name="off", description="Post no digest in a channel any more; what is posted stays")
    @app_commands.describe(channel="This channel unless you choose another")
    @manager_only
    @per_member(10, 60.0)
    async def off(self, interaction: Interaction, channel: Place | None = None) -> None:
        """Switch it off; where one channel alone gets a digest, that one is meant."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = interaction.guild_id or 0
        digests = [digest.channel_id for digest in await self._digests.of_guild(guild_id)]
        channel_id = (interaction.channel_id or 0) if channel is None else channel.id
        if channel is None and len(digests) == 1:
            (channel_id,) = digests
        place = f"<#{channel_id}>"
        if not await self._digests.switch_off(guild_id, channel_id):
            none = Phrase("{channel} gets no digest; `/digest status` tells which channels do.", channel=place)
            await reply(interaction, none)
            return
        await self._audit.record(guild_id, Action.DIGEST_OFF, by=interaction.user.id, channel_id=channel_id)
        await reply(interaction, Phrase("{channel} gets no digest any more; what is posted stays.", channel=place))

    @digest.command(name="status", description="Which channels get a digest, and when the next one comes")
    @manager_only
    @per_member(10, 60.0)
    async def status(self, interaction: Interaction) -> None:
        """List them."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        say = language_of(interaction).translated
        lines = [f"- {say(self._line(digest))}" for digest in await self._digests.of_guild(interaction.guild_id or 0)]
        text = "\n".join([f"### {say(Phrase('Digests'))}", *(lines or [say(texts.NO_DIGEST)])])
        await reply_view(interaction, text_view(text))

    def _line(self, digest: Digest) -> str:
        """Which channel, how often, when next, and what stands in the way."""
        zone, now = self._zone_of(digest.guild_id), self._clock()
        when = (digest.due_ms(now, zone) or digest.next_ms(now, zone)) // 1000
        line = _OFTEN[digest.every](
            channel=f"<#{digest.channel_id}>", time=f"{digest.hour}:00", zone=str(zone), when=f"<t:{when}:f>"
        )
        guild = self._bot.get_guild(digest.guild_id)
        place = None if guild is None else guild.get_channel(digest.channel_id)
        if isinstance(place, DigestPlace) and (missing := missing_permissions(place)):
            lack = Phrase(
                "⚠️ I lack **{permissions}** there, and post it late once I have that",
                permissions=Phrase.joined(", ", missing),
            )
            return Phrase.joined("; ", [line, lack])
        return line

    @staticmethod
    def _place(interaction: Interaction, channel: Place | None) -> Place:
        """The chosen channel, or the one in which the command was given.

        Raises:
            Refused: it is of another kind, or unknown to the bot.
        """
        wanted = (interaction.channel_id or 0) if channel is None else channel.id
        place = None if interaction.guild is None else interaction.guild.get_channel(wanted)
        if not isinstance(place, DigestPlace):
            raise Refused(
                Phrase("A digest can be posted in a text or voice channel that I can see; choose one of them.")
            )
        return place
