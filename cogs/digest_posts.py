"""Posting a digest once: late rather than twice.

Discord gets a message that says nothing yet; then it is noted, in one transaction, what the post shows and that the
digest was posted; then its lines are shown. A crash before that transaction leaves an empty message, which the next try
takes, for it has the same nonce, or is looked for in the channel. A crash after it leaves lines that are still to be
shown.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import discord
from discord.ext import commands
from sqlalchemy.exc import IntegrityError

from bot.domain import Clock, Memory, Phrase, Step, people_in, snowflake
from bot.forget import Post, lines_of
from bot.guilds import DigestTaken
from bot.recall import DigestPeriod
from cogs.access import Access
from cogs.faults import UNREACHABLE, why
from cogs.lined_posts import LinedPosts
from cogs.notices import missing_permissions
from cogs.views.confirm import text_view

if TYPE_CHECKING:
    from bot.forget import Also, Glance, Posts
    from bot.guilds import Consents, Digest, Digests
    from bot.languages import Languages
    from bot.recall import DigestLines, Presenter

log = logging.getLogger(__name__)

DigestPlace = discord.TextChannel | discord.VoiceChannel | discord.StageChannel

COMING = Phrase("The digest is coming …")

PATIENT_TRIES = 4
"""What can't be compared with Discord is waited for so often; then the digest does without it."""

EARLIER_MS = 60 * 60 * 1000
"""An empty message is looked for from so long before the first try: Discord's clock may be another."""

LOOKED_THROUGH = 1_000
"""Messages at most in which it is looked for."""


class DigestPosts:
    """Posts the digests of the servers that this process serves."""

    def __init__(
        self,
        bot: commands.AutoShardedBot,
        digests: Digests,
        lines: DigestLines,
        posts: Posts,
        lined: LinedPosts,
        presenter: Presenter,
        access: Access,
        consents: Consents,
        clock: Clock,
        step: Step,
        languages: Languages,
    ) -> None:
        self._bot = bot
        self._languages = languages
        self._digests = digests
        self._lines = lines
        self._posts = posts
        self._lined = lined
        self._presenter = presenter
        self._access = access
        self._consents = consents
        self._clock = clock
        self._step = step

    async def post(self, digest: Digest, until_ms: int) -> None:
        """Post what a channel is to be told of up to then; what fails is tried again later."""
        guild = self._bot.get_guild(digest.guild_id)
        if guild is None or guild.unavailable:
            return
        place = guild.get_channel(digest.channel_id)
        if not isinstance(place, DigestPlace):
            log.info("Channel %d is no more, and so is its digest", digest.channel_id)
            await self._digests.switch_off(digest.guild_id, digest.channel_id)
            return
        claimed = await self._digests.take(digest)
        if claimed is None:
            return
        self._step("digest taken")
        try:
            done = await self._post(claimed, place, until_ms)
        except UNREACHABLE as error:
            log.warning("The digest of channel %d can't be posted now (%s)", place.id, why(error))
            done = False
        except (DigestTaken, IntegrityError):
            log.info("The digest of channel %d was posted by somebody else, or switched off", place.id)
            return
        if not done:
            await self._digests.rest(claimed)

    async def _post(self, digest: Digest, place: DigestPlace, until_ms: int) -> bool:
        """False where it has to wait."""
        if missing := missing_permissions(place):
            log.warning("The digest of channel %d waits, for the bot lacks %s there", place.id, ", ".join(missing))
            return False
        looked_ms, glance = self._clock(), await self._posts.glance([])
        period = DigestPeriod(digest.covered_ms, until_ms, digest.looked_ms)

        async def read(_: frozenset[int]) -> list[Memory]:
            return await self._memories_of(period, place)

        presented = await self._presenter.present(place.guild.id, read)
        if presented.incomplete and digest.attempts <= PATIENT_TRIES:
            return False
        left = await self._left_empty(digest, place) if digest.attempts > 1 else []
        noted = partial(self._digests.cover, digest=digest, covered_ms=until_ms, looked_ms=looked_ms)
        if not presented.items:
            await self._digests.covered(digest, until_ms, looked_ms)
            await _delete(left)
            return True
        message = left.pop() if left else await self._begin(digest, place)
        await _delete(left)
        self._step("digest posted")
        post = await self._note(digest, message, presented.items, glance, noted)
        self._step("digest noted")
        await self._lined.show(post)
        self._step("digest shown")
        return True

    async def _memories_of(self, period: DigestPeriod, place: DigestPlace) -> list[Memory]:
        """The memories to tell, of speakers who may be quoted."""
        memories = await self._lines.of(period, await self._access.everybody(place))
        opted_out = self._consents.opted_out
        return [m for m in memories if not any(opted_out(m.guild_id, author_id) for author_id in m.author_ids)]

    async def _begin(self, digest: Digest, place: DigestPlace) -> discord.Message:
        """Post a message that says nothing yet; for the same digest Discord gives the same one for some minutes."""
        once = hashlib.sha256(f"{digest.channel_id} {digest.covered_ms}".encode()).hexdigest()[:25]
        silent = discord.AllowedMentions.none()
        coming = self._languages.of(place.guild.preferred_locale).translated(COMING)
        return await place.send(view=text_view(f"-# {coming}"), nonce=once, allowed_mentions=silent, silent=True)

    async def _note(
        self, digest: Digest, message: discord.Message, memories: Sequence[Memory], glance: Glance, noted: Also
    ) -> Post:
        post = Post(message.id, digest.guild_id, digest.channel_id, covers_ms=digest.covered_ms)
        people = {user_id for memory in memories for user_id in memory.author_ids}
        people |= people_in(memory.text for memory in memories)
        try:
            await self._posts.record(post, lines_of(memories), people, glance=glance, also=noted)
        except (DigestTaken, IntegrityError):
            if not await self._posts.is_known(message.id):
                await _delete([message])
            raise
        return post

    async def _left_empty(self, digest: Digest, place: DigestPlace) -> list[discord.Message]:
        """Messages of earlier tries that say nothing yet."""
        since = discord.Object(snowflake.from_ms((digest.tried_ms or digest.covered_ms) - EARLIER_MS))
        own = [
            message
            async for message in place.history(after=since, limit=LOOKED_THROUGH)
            if message.author.id == place.guild.me.id and self._says_nothing_yet(message)
        ]
        return [message for message in own if not await self._posts.is_known(message.id)]

    def _says_nothing_yet(self, message: discord.Message) -> bool:
        """Whether it is one of ours without lines; the server may speak another language by now."""
        coming = {f"-# {language.translated(COMING)}" for language in self._languages}
        texts = (part for box in message.components if isinstance(box, discord.Container) for part in box.children)
        return any(isinstance(part, discord.TextDisplay) and part.content in coming for part in texts)


async def _delete(messages: Sequence[discord.Message]) -> None:
    for message in messages:
        await message.delete()
