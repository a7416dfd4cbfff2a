"""Telling the admins of a server, in the channel that they chose, what stands in the way of its memory.

One message a matter. It is edited when that is over, and again where it comes back within an hour; after that a new one
is posted. What a crash left unposted is posted at the next look: Discord takes the same one for some minutes only once.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import discord
from discord.ext import commands, tasks

from bot.domain import Clock, Phrase, do_each
from bot.guilds import Action, Matter, Warned
from cogs.faults import UNREACHABLE, why
from cogs.notices import missing_permissions

if TYPE_CHECKING:
    from bot.domain import Supervisor
    from bot.guilds import GuildServices
    from bot.languages import Languages
    from bot.operate import Matters

log = logging.getLogger(__name__)

BACK_WITHIN_MS = 60 * 60 * 1000
"""What comes back so soon after it was over is told in the same message."""

MOST_CHANNELS = 10
"""Channels that one message names."""

WarningPlace = discord.TextChannel | discord.VoiceChannel | discord.StageChannel


class WarningsCog(commands.Cog, name="Warnings"):
    """Looks once a minute, in the servers that this process serves."""

    def __init__(
        self,
        bot: commands.AutoShardedBot,
        guilds: GuildServices,
        matters: Matters,
        supervisor: Supervisor,
        languages: Languages,
        clock: Clock,
        *,
        seconds: float,
    ) -> None:
        self._bot = bot
        self._guilds = guilds
        self._matters = matters
        self._supervisor = supervisor
        self._languages = languages
        self._clock = clock
        self._seconds = seconds

    async def cog_load(self) -> None:
        """Begin to look."""
        self.rounds.change_interval(seconds=self._seconds)
        self.rounds.start()

    async def cog_unload(self) -> None:
        """Stop; the next start goes on."""
        self.rounds.cancel()

    @tasks.loop(seconds=60.0)
    async def rounds(self) -> None:
        """One look; whatever goes wrong is tried again."""
        if not self._bot.is_ready():
            return
        async with self._supervisor.turn("warnings"):
            await self.round()

    async def round(self) -> None:
        """Bring the warnings of every server up to date."""
        chosen = await self._guilds.warnings.channels()
        await do_each(*(partial(self._guild, guild_id, channel_id) for guild_id, channel_id in chosen.items()))

    async def _guild(self, guild_id: int, channel_id: int) -> None:
        guild = self._bot.get_guild(guild_id)
        if guild is None or guild.unavailable:
            return
        place = guild.get_channel(channel_id)
        if not isinstance(place, WarningPlace):
            log.info("Channel %d is no more, and no warnings are posted in that server", channel_id)
            await self._guilds.warnings.choose(guild_id, None, by=None)
            await self._guilds.audit.record(guild_id, Action.SETTINGS, by=None, details={"warnings": "off"})
            return
        if missing := missing_permissions(place):
            log.warning("Warnings wait in channel %d, for the bot lacks %s there", place.id, ", ".join(missing))
            return
        standing = await self._matters.of(guild_id)
        if lost := self._lost(guild):
            standing[Matter.PERMISSION] = lost
        known = await self._guilds.warnings.of_guild(guild_id)
        for matter in Matter:
            try:
                await self._tell(place, matter, standing.get(matter), known.get(matter))
            except UNREACHABLE as error:
                log.warning("A warning in channel %d can't be brought up to date now (%s)", place.id, why(error))

    def _lost(self, guild: discord.Guild) -> str | None:
        """What the bot lacks in which observed channels."""
        lacking = []
        for observed in self._guilds.observations.list(guild.id):
            channel = guild.get_channel_or_thread(observed.channel_id)
            if not observed.observed or channel is None or isinstance(channel, discord.CategoryChannel):
                continue
            if missing := missing_permissions(channel):
                names = Phrase.joined(", ", missing)
                lacking.append(
                    Phrase("{channel}: I lack **{permissions}**", channel=channel.mention, permissions=names)
                )
        if not lacking:
            return None
        lines = lacking[:MOST_CHANNELS]
        if (more := len(lacking) - MOST_CHANNELS) > 0:
            lines.append(Phrase.plural("and {number} more channel", "and {number} more channels", more))
        return Phrase.joined("\n- ", [Phrase("I can't read along everywhere any more:"), *lines])

    async def _tell(self, place: WarningPlace, matter: Matter, text: str | None, known: Warned | None) -> None:
        """Post, edit or close the warning of one matter."""
        now = self._clock()
        if text is None and known is not None and known.over_ms is not None:
            if now - known.over_ms >= BACK_WITHIN_MS:
                await self._guilds.warnings.close(known)
            return
        if text is None and known is not None:
            await self._over(place, known, now)
            return
        if text is None:
            return
        if known is None or (known.over_ms is not None and now - known.over_ms >= BACK_WITHIN_MS):
            known = Warned(place.guild.id, matter, place.id, None, now)
            await self._guilds.warnings.note(known)
        await self._show(place, known, text)

    async def _show(self, place: WarningPlace, known: Warned, text: str) -> None:
        """Let the post say this, and post it where there is none."""
        language = self._languages.of(place.guild.preferred_locale)
        content = f"⚠️ {language.translated(text)}"
        shown = replace(known, over_ms=None, text=_hash(content))
        if shown == known:
            return
        if known.message_id is None or not await _edited(place, known.message_id, content):
            once = _hash(f"{place.guild.id} {known.matter} {known.since_ms} {known.message_id}")[:25]
            message = await place.send(content, nonce=once, allowed_mentions=discord.AllowedMentions.none())
            shown = replace(shown, message_id=message.id)
        await self._guilds.warnings.note(shown)

    async def _over(self, place: WarningPlace, known: Warned, now: int) -> None:
        """Let the post say that the matter is over."""
        if known.message_id is None:
            await self._guilds.warnings.close(known)
            return
        over = _OVER[known.matter](when=f"<t:{now // 1000}:f>", since=f"<t:{known.since_ms // 1000}:f>")
        content = f"✅ {self._languages.of(place.guild.preferred_locale).translated(over)}"
        await _edited(place, known.message_id, content)
        await self._guilds.warnings.note(replace(known, over_ms=now, text=_hash(content)))


_OVER = {
    Matter.MODEL_AWAY: partial(Phrase, "The language model answers again since {when}; it was away since {since}."),
    Matter.NEAR_RETENTION: partial(
        Phrase, "Nothing is near the end of its time unread since {when}; it was since {since}."
    ),
    Matter.ERASURE: partial(Phrase, "All deletions are finished since {when}; some were not since {since}."),
    Matter.PERMISSION: partial(
        Phrase, "I have all permissions that I need since {when}; some were missing since {since}."
    ),
}


async def _edited(place: WarningPlace, message_id: int, content: str) -> bool:
    """Edit a post; False where it was deleted."""
    try:
        message = place.get_partial_message(message_id)
        await message.edit(content=content, allowed_mentions=discord.AllowedMentions.none())
    except discord.NotFound:
        return False
    return True


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
