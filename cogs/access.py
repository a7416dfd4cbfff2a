"""What a member can read at this moment, from the permissions that the gateway keeps current.

Asked again for every command, page turn and button; nothing of it is remembered, and it costs no REST call (a thread
that somebody decided about and that is archived costs one, once a process).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import discord

from bot.memories import Asker
from cogs.faults import NOT_SHOWN, why

if TYPE_CHECKING:
    from bot.guilds import KnownThread, Threads

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]
Talk = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel
"""Channels that hold messages or threads."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What somebody can read.

    Attributes:
        readable: channels and active threads.
        moderated: those of them in which they have Manage Messages.
        parents: the channels whose public threads they can read, each with whether they moderate them.
    """

    readable: frozenset[int]
    moderated: frozenset[int]
    parents: Mapping[int, bool]


def can_read(permissions: discord.Permissions, channel: Talk | discord.Thread) -> bool:
    """Whether these permissions are enough to read the history of `channel`.

    Voice and stage chats need Connect as well
    (https://discord.com/developers/docs/resources/message#get-channel-messages).
    """
    if not (permissions.view_channel and permissions.read_message_history):
        return False
    return permissions.connect or not isinstance(channel, discord.VoiceChannel | discord.StageChannel)


def is_age_restricted(channel: object) -> bool:
    """Whether Discord shows `channel` to adults only."""
    match channel:
        case discord.Thread():
            return channel.parent is not None and channel.parent.is_nsfw()
        case discord.TextChannel() | discord.VoiceChannel() | discord.StageChannel() | discord.ForumChannel():
            return channel.is_nsfw()
        case _:
            return False


def reach_of(member: discord.Member, inside: object) -> Reach:
    """What `member` can read and moderate among the channels and active threads that the bot can see too.

    Args:
        member: with the roles that they have now.
        inside: the channel or thread in which they ask. A private thread counts only there, and age-restricted
            channels only from an age-restricted one.
    """
    channels = _channels(member, adult=is_age_restricted(inside))
    readable = {channel_id for channel_id in channels if not _is_forum(member.guild, channel_id)}
    moderated = {channel_id for channel_id in readable if channels[channel_id]}
    for thread in {*member.guild.threads, *([inside] if isinstance(inside, discord.Thread) else [])}:
        if thread.parent_id in channels and (not thread.is_private() or _same(thread, inside)):
            readable.add(thread.id)
            if channels[thread.parent_id]:
                moderated.add(thread.id)
    return Reach(frozenset(readable), frozenset(moderated), channels)


def _channels(member: discord.Member, *, adult: bool) -> dict[int, bool]:
    channels: dict[int, bool] = {}
    for channel in member.guild.channels:
        if not isinstance(channel, Talk) or (channel.is_nsfw() and not adult):
            continue
        permissions = channel.permissions_for(member)
        if can_read(permissions, channel) and can_read(channel.permissions_for(member.guild.me), channel):
            channels[channel.id] = permissions.manage_messages
    return channels


def _is_forum(guild: discord.Guild, channel_id: int) -> bool:
    return isinstance(guild.get_channel(channel_id), discord.ForumChannel)


def _same(thread: discord.Thread, inside: object) -> bool:
    return isinstance(inside, discord.Thread) and inside.id == thread.id


def may_be_shown_in(source: Talk, home: Talk) -> bool:
    """Whether what was said in `source` or its public threads may be shown to everybody in `home` or a thread of it.

    So it is where the same people read both: they are one channel, or both have the same overwrites; and where
    @everyone may read `source` and no overwrite takes that from anybody. Nothing of an age-restricted channel shows
    outside of such channels.
    """
    if is_age_restricted(source) and not is_age_restricted(home):
        return False
    if home.id == source.id:
        return True
    same_need = _needs_connect(home) or not _needs_connect(source)
    return (same_need and _overwrites(home) == _overwrites(source)) or _open_to_everyone(source)


def _needs_connect(channel: object) -> bool:
    return isinstance(channel, discord.VoiceChannel | discord.StageChannel)


def _overwrites(channel: Talk | discord.ForumChannel) -> dict[int, tuple[int, int]]:
    pairs = ((target.id, overwrite.pair()) for target, overwrite in channel.overwrites.items())
    decided = {target_id: (allow.value, deny.value) for target_id, (allow, deny) in pairs}
    return {target_id: values for target_id, values in decided.items() if any(values)}


def _open_to_everyone(channel: Talk) -> bool:
    if not can_read(channel.permissions_for(channel.guild.default_role), channel):
        return False
    needed = ["view_channel", "read_message_history", *(["connect"] if _needs_connect(channel) else [])]
    return not any(getattr(overwrite, name) is False for overwrite in channel.overwrites.values() for name in needed)


def _home(guild: discord.Guild, channel_id: int, known: Mapping[int, KnownThread]) -> Talk | None:
    """The channel itself, or the one that a thread hangs on."""
    active = guild.get_thread(channel_id)
    if active is not None:
        home_id = active.parent_id
    else:
        home_id = known[channel_id].parent_id if channel_id in known else channel_id
    home = guild.get_channel(home_id)
    return home if isinstance(home, Talk) else None


class Access:
    """Answers who may read what, archived threads included."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._private: dict[int, bool] = {}  # of archived threads; a thread never changes between public and private

    async def asker(self, interaction: Interaction) -> Asker:
        """Who asks in `interaction`, and what they can read and moderate now."""
        if not isinstance(interaction.user, discord.Member):
            return Asker(interaction.user.id, interaction.guild_id or 0)
        return await self.member(interaction.user, interaction.channel)

    async def member(self, member: discord.Member, inside: object) -> Asker:
        """`member`, and what they can read and moderate now when they ask in the channel or thread `inside`."""
        guild = member.guild
        reach = reach_of(member, inside)
        archived = [
            thread
            for thread in await self._threads.of_guild(guild.id)
            if thread.parent_id in reach.parents
            and guild.get_thread(thread.id) is None
            and await self._is_public(guild, thread)
        ]
        return Asker(
            member.id,
            guild.id,
            reach.readable | {thread.id for thread in archived},
            reach.moderated | {thread.id for thread in archived if reach.parents[thread.parent_id]},
        )

    async def public(self, asker: Asker, place: Talk | discord.Thread) -> frozenset[int]:
        """What of all that `asker` can read may be shown to everybody in `place`, where they ask."""
        return await self.shown_in(place.guild, place.id, asker.readable)

    async def everybody(self, place: Talk) -> frozenset[int]:
        """What may be shown to everybody in `place`, of all that the bot can read."""
        guild = place.guild
        channels = {
            channel.id
            for channel in guild.channels
            if isinstance(channel, Talk) and can_read(channel.permissions_for(guild.me), channel)
        }
        active = {thread.id for thread in guild.threads if thread.parent_id in channels}
        archived = {thread.id for thread in await self._threads.of_guild(guild.id) if thread.parent_id in channels}
        return await self.shown_in(guild, place.id, channels | active | archived)

    async def shown_in(self, guild: discord.Guild, place_id: int, source_ids: Collection[int]) -> frozenset[int]:
        """Those of these channels and threads whose messages may be shown to everybody in a channel or thread now."""
        known = {thread.id: thread for thread in await self._threads.of_guild(guild.id)}
        home = _home(guild, place_id, known)
        shown = set()
        for source_id in source_ids:
            source = _home(guild, source_id, known)
            if home is None or source is None:
                continue
            if source_id == place_id or (
                may_be_shown_in(source, home) and await self._is_open(guild, source_id, known.get(source_id))
            ):
                shown.add(source_id)
        return frozenset(shown)

    async def open_to_everyone(self, guild: discord.Guild, source_ids: Collection[int]) -> frozenset[int]:
        """Those of these channels and threads whose messages @everyone may read, and that are not age-restricted."""
        known = {thread.id: thread for thread in await self._threads.of_guild(guild.id)}
        homes = {source_id: _home(guild, source_id, known) for source_id in source_ids}
        return frozenset(
            [
                source_id
                for source_id, home in homes.items()
                if home is not None
                and not is_age_restricted(home)
                and _open_to_everyone(home)
                and await self._is_open(guild, source_id, known.get(source_id))
            ]
        )

    async def _is_open(self, guild: discord.Guild, channel_id: int, thread: KnownThread | None) -> bool:
        """Whether it is no private thread."""
        active = guild.get_thread(channel_id)
        if active is not None:
            return not active.is_private()
        return thread is None or await self._is_public(guild, thread)

    async def _is_public(self, guild: discord.Guild, thread: KnownThread) -> bool:
        if not thread.decided:
            return True
        if thread.id not in self._private:
            try:
                channel = await guild.fetch_channel(thread.id)
            except NOT_SHOWN as error:
                log.info("Thread %d could not be looked up (%s)", thread.id, why(error))
                return False
            self._private[thread.id] = not isinstance(channel, discord.Thread) or channel.is_private()
        return not self._private[thread.id]

    async def sees(self, member: discord.Member, inside: object, channel_id: int) -> bool:
        """Whether `member` sees in Discord that there is this channel or thread, when they ask in `inside`.

        A private thread is seen by who is in it, or may manage the threads of its channel; Discord is asked about that.
        """
        place = await self._looked_up(member.guild, channel_id)
        if not isinstance(place, discord.Thread):
            return isinstance(place, Talk) and place.permissions_for(member).view_channel
        if place.parent is None:
            return False
        permissions = place.parent.permissions_for(member)
        if not permissions.view_channel:
            return False
        if not place.is_private() or permissions.manage_threads or _same(place, inside):
            return True
        try:
            await place.fetch_member(member.id)
        except NOT_SHOWN:
            return False
        return True

    @staticmethod
    async def _looked_up(guild: discord.Guild, channel_id: int) -> object:
        """A channel or thread, archived ones too; None where Discord shows the bot no such one."""
        known = guild.get_channel_or_thread(channel_id)
        if known is not None:
            return known
        try:
            return await guild.fetch_channel(channel_id)
        except NOT_SHOWN:
            return None

    async def within(self, asker: Asker, channel: object) -> frozenset[int]:
        """What `asker` can read of one channel: itself, or the threads in it, or both."""
        if not isinstance(channel, Talk | discord.Thread):
            return frozenset()
        active = {thread.id for thread in getattr(channel, "threads", ())}
        archived = {t.id for t in await self._threads.of_guild(asker.guild_id) if t.parent_id == channel.id}
        return asker.readable & {channel.id, *active, *archived}
