"""Posting for everybody what recall found, so that it can be taken back, and taking it back when a source goes."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import discord
from discord import ui
from discord.ext import commands, tasks
from sqlalchemy.exc import SQLAlchemyError

from bot.domain import Hit, Phrase, do_each, frames_of, people_in, reason_of
from bot.forget import OF_SERVER, Post, Posts, sources_of
from bot.guilds import Consents
from bot.languages import Languages
from bot.memories import Asker
from bot.recall import Presenter, Reading
from cogs import texts
from cogs.access import Access, can_read
from cogs.faults import UNREACHABLE, says_gone, why
from cogs.lined_posts import LinedPosts
from cogs.views.confirm import text_view

if TYPE_CHECKING:
    from bot.domain import Supervisor
    from bot.forget import Verification
    from cogs.events import LeftEvents

log = logging.getLogger(__name__)

Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread

AT_ONCE = 20
"""Posts that one look deletes at most; Discord allows five deletions a second or so in one channel."""

COMPARISONS = 5
"""How often the sources of posts are compared first in a new session; the sweep of everything reaches the rest."""

LOOKING = Phrase("Looking it up …")


def why_not_here(asker: discord.Member, place: object) -> str:
    """Why nothing can be posted for `asker` in `place`; empty where it can."""
    if not isinstance(place, Place):
        return texts.NO_PLACE
    name = "send_messages_in_threads" if isinstance(place, discord.Thread) else "send_messages"
    if not getattr(place.permissions_for(asker), name):
        return texts.MAY_NOT_WRITE
    mine = place.permissions_for(place.guild.me)
    if not (getattr(mine, name) and can_read(mine, place)):
        return texts.CAN_NOT_WRITE
    return ""


class Publisher:
    """Posts what cites messages: noted in the database before it shows."""

    def __init__(self, presenter: Presenter, posts: Posts, consents: Consents, languages: Languages) -> None:
        self._presenter = presenter
        self._languages = languages
        self._posts = posts
        self._consents = consents

    async def post(
        self,
        place: Place,
        view: ui.LayoutView,
        reading: Reading,
        *,
        asker: Asker,
        asked_id: int,
        cited: Sequence[Hit],
        answers: discord.Message | None = None,
    ) -> discord.Message | None:
        """Post `view`, which shows the hits of `cited`, in the place of a line that says nothing yet.

        What changes from the first look at the sources on is seen by who takes posts back; what changed before is seen
        here.

        Args:
            place: where.
            view: what is to be seen.
            reading: what everybody there may read.
            asker: who asked.
            asked_id: the snowflake of the question.
            cited: the hits that the view shows, which were compared with Discord.
            answers: the message that is answered.

        Returns:
            None where a hit is not any more what it was, or may not be shown any more; the empty line goes soon.
        """
        silent = discord.AllowedMentions.none()
        glance = await self._posts.glance({message_id for hit in cited for message_id in hit.message_ids})
        looking = text_view(f"-# {self._languages.of(place.guild.preferred_locale).translated(LOOKING)}")
        if answers is None:
            message = await place.send(view=looking, allowed_mentions=silent)
        else:
            message = await answers.reply(view=looking, allowed_mentions=silent, mention_author=False)
        known = not self._consents.left_out(asker.guild_id, asker.user_id)
        try:
            await self._posts.record(
                Post(message.id, asker.guild_id, place.id),
                sources_of(cited),
                _people(cited) | ({asker.user_id} if known else set()),
                glance=glance,
                asked_id=asked_id if known else None,
            )
        except SQLAlchemyError:
            with suppress(*UNREACHABLE):
                await message.delete()  # what can't be noted can't be taken back: it stays without text
            raise
        return message if await self._show(message, view, cited, reading) else None

    async def revise(
        self, message: discord.Message, view: ui.LayoutView, reading: Reading, *, cited: Sequence[Hit]
    ) -> bool:
        """Let something that was posted show another view, with the hits of `cited`; False as for `post`."""
        glance = await self._posts.glance({message_id for hit in cited for message_id in hit.message_ids})
        post = Post(message.id, message.guild.id if message.guild else 0, message.channel.id)
        if not await self._posts.extend(post, sources_of(cited), _people(cited), glance=glance):
            return False
        return await self._show(message, view, cited, reading)

    async def take_back(self, message: discord.Message) -> None:
        """Put a post on the list of those that go."""
        await self._posts.take_back([message.id])

    async def _show(
        self, message: discord.Message, view: ui.LayoutView, cited: Sequence[Hit], reading: Reading
    ) -> bool:
        if await self._presenter.changed(cited, reading):
            await self.take_back(message)
            return False
        await message.edit(view=view, allowed_mentions=discord.AllowedMentions.none())
        return True


def _people(cited: Sequence[Hit]) -> set[int]:
    """Whoever is quoted or named."""
    return {user_id for hit in cited for user_id in (*hit.author_ids, *people_in([hit.text]))}


class TakeDown(commands.Cog):
    """Deletes in Discord what has lost a source or may not be seen where it is, until Discord says that it is gone."""

    def __init__(
        self,
        bot: commands.AutoShardedBot,
        posts: Posts,
        lined: LinedPosts,
        left_events: LeftEvents,
        access: Access,
        verification: Verification,
        supervisor: Supervisor,
        *,
        seconds: float,
    ) -> None:
        self._supervisor = supervisor
        self._bot = bot
        self._access = access
        self._posts = posts
        self._lined = lined
        self._left_events = left_events
        self._seconds = seconds
        self._verification = verification
        self._unsure: dict[int, int] = {}  # servers whose posts' sources were not compared, and the tries left
        self._begun: set[int] = set()  # servers in which the process before this one may have left something
        self._changed: set[int] = set()  # servers in which who may read what may have changed

    async def cog_load(self) -> None:
        """Begin."""
        self.rounds.change_interval(seconds=self._seconds)
        self.rounds.start()

    async def cog_unload(self) -> None:
        """Stop; what is due stays on the list."""
        self.rounds.cancel()

    @commands.Cog.listener()
    async def on_shard_ready(self, shard_id: int) -> None:
        """Sources may have been deleted, or hidden, while nobody listened."""
        here = [guild.id for guild in self._bot.guilds if guild.shard_id == shard_id]
        self._unsure |= dict.fromkeys(here, COMPARISONS)
        self._begun.update(here)
        self._changed.update(here)

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """A server came back after an outage."""
        self._changed.add(guild.id)

    @commands.Cog.listener()
    async def on_guild_channel_update(self, _: discord.abc.GuildChannel, channel: discord.abc.GuildChannel) -> None:
        """Overwrites or the age restriction may have changed."""
        self._changed.add(channel.guild.id)

    @commands.Cog.listener()
    async def on_guild_role_update(self, _: discord.Role, role: discord.Role) -> None:
        """What a role may do may have changed."""
        self._changed.add(role.guild.id)

    @commands.Cog.listener()
    async def on_guild_role_delete(self, role: discord.Role) -> None:
        """What it allowed or denied is gone."""
        self._changed.add(role.guild.id)

    @tasks.loop(seconds=60.0)
    async def rounds(self) -> None:
        """One look; whatever goes wrong is tried again."""
        if not self._bot.is_ready():
            return
        async with self._supervisor.turn("search for public posts to take down"):
            await do_each(self._compare, self.clear, self.review, self.round)

    async def clear(self) -> None:
        """Delete the events that a crash left, after a session began."""
        guilds = [self._bot.get_guild(guild_id) for guild_id in self._begun]
        reachable = [guild for guild in guilds if guild is not None and not guild.unavailable]
        await do_each(*(partial(self._clear, guild) for guild in reachable))

    async def _clear(self, guild: discord.Guild) -> None:
        try:
            cleared = await self._left_events.clear(guild)
        except UNREACHABLE as error:
            log.info("The events of server %d can't be looked through now (%s)", guild.id, why(error))
            return
        if cleared:
            self._begun.discard(guild.id)

    async def round(self) -> None:
        """Put on the list what has lost a source, and delete or edit what is on it."""
        if due := await self._posts.find_due():
            log.info("%d public posts have lost a source and are taken down or edited", due)
        await self._lined.edit_all(AT_ONCE)
        for post in await self._posts.due(AT_ONCE):
            if await self._deleted(post):
                await self._posts.gone(post)
            elif not await self._posts.later(post, removed=self._is_removed_from(post.guild_id)):
                log.warning("Post %d stays in server %d, which the bot left", post.message_id, post.guild_id)

    def _is_removed_from(self, guild_id: int) -> bool:
        """Whether the bot is in this server no more; of a server that another process serves nobody knows here."""
        shards, count = self._bot.shard_ids, self._bot.shard_count
        here = not shards or count is None or (guild_id >> 22) % count in shards
        return here and self._bot.get_guild(guild_id) is None

    async def review(self) -> None:
        """Take back what may not be seen any more where it was posted, in servers where something changed."""
        guilds = [self._bot.get_guild(guild_id) for guild_id in self._changed]
        reachable = [guild for guild in guilds if guild is not None and not guild.unavailable]
        await do_each(*(partial(self._review_changed, guild) for guild in reachable))

    async def _review_changed(self, guild: discord.Guild) -> None:
        self._changed.discard(guild.id)  # before looking: what changes meanwhile is looked at again
        try:
            await self._review(guild)
        except BaseException:
            self._changed.add(guild.id)
            raise

    async def _review(self, guild: discord.Guild) -> None:
        for place_id, sources in (await self._posts.standing(guild.id)).items():
            hidden = sources - await self._shown(guild, place_id, sources)
            if hidden and (posts := await self._posts.hide(place_id, hidden)):
                log.info("%d public posts of channel %d show what not everybody there may read", posts, place_id)

    async def _shown(self, guild: discord.Guild, place_id: int, sources: Collection[int]) -> frozenset[int]:
        if place_id == OF_SERVER:
            return await self._access.open_to_everyone(guild, sources)
        return await self._access.shown_in(guild, place_id, sources)

    async def _compare(self) -> None:
        """Compare the sources of what is posted with Discord, after a session in which deletions may be missing."""
        await do_each(*(partial(self._compare_guild, guild_id) for guild_id in list(self._unsure)))

    async def _compare_guild(self, guild_id: int) -> None:
        doubtful = await self._verification.check(guild_id, await self._posts.cited(guild_id))
        self._unsure[guild_id] -= 1
        if not (doubtful and self._unsure[guild_id]):
            del self._unsure[guild_id]

    async def _delete(self, post: Post) -> None:
        if post.channel_id == OF_SERVER:
            await self._bot.http.delete_scheduled_event(post.guild_id, post.message_id)
            return
        place: Any = self._bot.get_partial_messageable(post.channel_id, guild_id=post.guild_id)
        await place.get_partial_message(post.message_id).delete()

    async def _deleted(self, post: Post) -> bool:
        try:
            await self._delete(post)
        except UNREACHABLE as error:
            if says_gone(error):
                return True
            log.info("Post %d of channel %d can't be deleted now (%s)", post.message_id, post.channel_id, why(error))
            return False
        except Exception as error:  # noqa: BLE001 - the other posts go
            log.warning("Post %d could not be deleted: %s%s", post.message_id, reason_of(error), frames_of(error))
            return False
        return True
