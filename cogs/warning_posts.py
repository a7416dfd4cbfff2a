"""Posting a warning once, and keeping it true: one message a matter, wherever a crash comes.

It is noted that a warning begins, then it is posted, then the post is noted. Of what a crash left between the last two,
Discord gives the same message again for some minutes; after that it is looked for in the channel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

import discord

from bot.domain import Clock, Phrase, Step, snowflake
from bot.guilds import Matter, Warned
from cogs.faults import says_gone

if TYPE_CHECKING:
    from bot.guilds import Warnings
    from bot.languages import Languages

BACK_WITHIN_MS = 60 * 60 * 1000
"""What comes back so soon after it was over is told in the same message."""

EARLIER_MS = 60 * 1000
"""A post that was not noted is looked for from so long before the warning began: Discord's clock may be another."""

LOOKED_THROUGH = 1_000
"""Messages at most in which it is looked for."""

STANDS, OVER = "⚠️", "✅"

WarningPlace = discord.TextChannel | discord.VoiceChannel | discord.StageChannel


class WarningPosts:
    """Brings the post of each matter up to date."""

    def __init__(self, warnings: Warnings, languages: Languages, clock: Clock, step: Step) -> None:
        self._warnings = warnings
        self._languages = languages
        self._clock = clock
        self._step = step

    async def tell(
        self, place: WarningPlace, matter: Matter, text: str | None, known: Warned | None, others: Collection[int]
    ) -> None:
        """Post, edit or close the warning of one matter.

        Args:
            place: the channel for warnings.
            matter: what it is about.
            text: what is to be said; None where nothing is the matter.
            known: the warning as it was noted, if it was.
            others: the posts of the other matters.
        """
        now = self._clock()
        if known is not None and known.over_ms is not None and now - known.over_ms >= BACK_WITHIN_MS:
            await self._warnings.close(known)
            known = None
        if text is not None:
            await self._show(place, known or Warned(place.guild.id, matter, place.id, None, now), text, others)
        elif known is not None and known.over_ms is None:
            await self._end(place, known, now, others)

    async def _show(self, place: WarningPlace, known: Warned, text: str, others: Collection[int]) -> None:
        """Let the post say this, and post it where there is none."""
        content = f"{STANDS} {self._languages.of(place.guild.preferred_locale).translated(text)}"
        shown = replace(known, over_ms=None, text=_hash(content))
        if shown == known:
            return
        if known.message_id is None or not await _edited(place, known.message_id, content):
            if await self._warnings.channel(place.guild.id) != place.id:
                return  # another channel was chosen meanwhile
            await self._warnings.note(known)
            self._step("warning begun")
            message = await self._unnoted(place, known, others) or await self._post(place, known, content)
            if message.content != content:
                await _edited(place, message.id, content)
            shown = replace(shown, message_id=message.id)
        await self._warnings.note(shown)
        self._step("warning noted")

    async def _post(self, place: WarningPlace, known: Warned, content: str) -> discord.Message:
        """Post it; for the same beginning Discord gives the same message for some minutes, whatever it says."""
        once = _hash(f"{place.guild.id} {known.matter} {known.since_ms} {known.message_id}")[:25]
        message = await place.send(content, nonce=once, allowed_mentions=discord.AllowedMentions.none())
        self._step("warning posted")
        return message

    async def _unnoted(self, place: WarningPlace, known: Warned, others: Collection[int]) -> discord.Message | None:
        """The post of an earlier try that was not noted."""
        begun = snowflake.from_ms(known.since_ms - EARLIER_MS) if known.message_id is None else known.message_id
        async for message in place.history(after=discord.Object(begun), limit=LOOKED_THROUGH):
            mine = message.author.id == place.guild.me.id and message.type is discord.MessageType.default
            if mine and message.content.startswith(f"{STANDS} ") and message.id not in others:
                return message
        return None

    async def _end(self, place: WarningPlace, known: Warned, now: int, others: Collection[int]) -> None:
        """Let the post say that the matter is over."""
        message_id = known.message_id
        if message_id is None:
            if (post := await self._unnoted(place, known, others)) is None:
                await self._warnings.close(known)
                return
            message_id = post.id
        stood = Phrase("(Warning from {since} to {when})", since=_time(known.since_ms), when=_time(now))
        over = Phrase.joined(" ", [_OVER[known.matter], stood])
        content = f"{OVER} {self._languages.of(place.guild.preferred_locale).translated(over)}"
        await _edited(place, message_id, content)
        self._step("warning ended")
        await self._warnings.note(replace(known, message_id=message_id, over_ms=now, text=_hash(content)))


_OVER = {
    Matter.MODEL_AWAY: Phrase("Messages don't wait for the language model any more."),
    Matter.NEAR_RETENTION: Phrase("No unread message is about to be deleted: each was read, or its time is over."),
    Matter.ERASURE: Phrase("No deletion is unfinished any more."),
    Matter.PERMISSION: Phrase("I have the permissions that I need in all observed channels."),
}


async def _edited(place: WarningPlace, message_id: int, content: str) -> bool:
    """Edit a post; False where Discord says that it is no more."""
    try:
        message = place.get_partial_message(message_id)
        await message.edit(content=content, allowed_mentions=discord.AllowedMentions.none())
    except discord.NotFound as error:
        if not says_gone(error):
            raise
        return False
    return True


def _time(at_ms: int) -> str:
    return f"<t:{at_ms // 1000}:f>"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
