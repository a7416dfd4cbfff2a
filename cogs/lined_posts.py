"""Public posts that consist of lines: lets Discord show the lines that stand."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.domain import Clock, Memory, people_in
from bot.languages import Language, Languages
from bot.recall import next_day, sections_of
from cogs import texts
from cogs.access import Access, Talk
from cogs.entries import EntryWriter
from cogs.faults import UNREACHABLE, says_gone, why
from cogs.names import names_for
from cogs.views.confirm import text_view

if TYPE_CHECKING:
    from bot.forget import Post, Posts
    from bot.guilds import Consents, ZoneOf
    from bot.memories import MemoryStore
    from bot.observe import Directory

log = logging.getLogger(__name__)


class LinedPosts:
    """Edits such posts, from what is kept of them: which memory each line tells."""

    def __init__(
        self,
        bot: commands.AutoShardedBot,
        posts: Posts,
        store: MemoryStore,
        directory: Directory,
        access: Access,
        consents: Consents,
        zone_of: ZoneOf,
        clock: Clock,
        languages: Languages,
    ) -> None:
        self._bot = bot
        self._languages = languages
        self._posts = posts
        self._store = store
        self._directory = directory
        self._access = access
        self._consents = consents
        self._zone_of = zone_of
        self._clock = clock

    async def edit_all(self, limit: int) -> None:
        """Edit those whose lines are not what Discord shows, in the servers that this process serves."""
        for post in await self._posts.to_edit(limit):
            if self._bot.get_guild(post.guild_id) is not None:
                await self.show(post)

    async def show(self, post: Post) -> None:
        """Let Discord show what stands of a post; what fails is tried again later."""
        try:
            shown = await self._edit(post)
        except UNREACHABLE as error:
            if says_gone(error):
                await self._posts.gone(post)
                return
            log.info("Post %d of channel %d can't be edited now (%s)", post.message_id, post.channel_id, why(error))
            shown = False
        if not shown:
            await self._posts.later(post)

    async def _edit(self, post: Post) -> bool:
        """False where some line may not be shown: it goes from the list of lines before long."""
        guild = self._bot.get_guild(post.guild_id)
        if guild is None or guild.unavailable:
            return False
        place = guild.get_channel(post.channel_id)
        if not isinstance(place, Talk) or isinstance(place, discord.ForumChannel):  # the channel is no more
            await self._posts.take_back([post.message_id])
            return True
        memories = await self._current_lines(post, place)
        if not memories:
            return False
        people = {user_id for memory in memories for user_id in memory.author_ids}
        stored = [memory.text for memory in memories]
        language = self._languages.of(guild.preferred_locale)
        names = await names_for(guild, self._directory, people, stored, language)
        now = datetime.fromtimestamp(self._clock() / 1000, tz=self._zone_of(guild.id))
        text = digest_text(post, memories, names, now, language)
        await place.get_partial_message(post.message_id).edit(
            view=text_view(text), allowed_mentions=discord.AllowedMentions.none()
        )
        versions = {memory.id: memory.version for memory in memories}
        return await self._posts.was_edited(post, versions, people | people_in(stored))

    async def _current_lines(self, post: Post, place: Talk) -> list[Memory]:
        """The lines as they are now, of what everybody there may read now and may be shown of its speakers."""
        ids = await self._posts.lines(post)
        readable = await self._access.everybody(place)
        stored = await self._store.get(ids)
        opted_out = self._consents.opted_out
        return [
            memory.seen_by(readable)
            for memory in (stored[memory_id] for memory_id in ids if memory_id in stored)
            if memory.channel_ids <= readable
            and not any(opted_out(post.guild_id, author_id) for author_id in memory.author_ids)
        ]


def digest_text(
    post: Post, memories: Sequence[Memory], names: Mapping[int, str], now: datetime, language: Language
) -> str:
    """The lines of a digest, kind by kind.

    Args:
        post: where it is, and from when on it tells.
        memories: in their order.
        names: display names of everybody in it.
        now: in the time zone of the server, for the days of plans.
        language: of the server.
    """
    zone = now.tzinfo or UTC
    writer = EntryWriter(
        names, here=post.channel_id, day_of=lambda memory: next_day(memory, now.date(), zone), language=language
    )
    sections = sections_of(memories)
    lines = writer.written(sections, [entry.hit for section in sections for entry in section.entries])
    title = language.say("What happened since {when}", when=f"<t:{(post.covers_ms or 0) // 1000}:f>")
    return f"### {title}\n{lines}\n-# {language.translated(texts.BELOW_DIGEST)}"
