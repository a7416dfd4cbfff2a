"""The world that the loopback Discord serves: guilds, roles, members, channels, threads, messages, in their wire form.

A test holds this world and changes it (`channel.say(...)`, `message.edit(...)`, `channel.overwrite(...)`); every change
is announced through `World.emit`, which the server turns into gateway events. Shapes follow
https://discord.com/developers/docs/resources, permissions
https://discord.com/developers/docs/topics/permissions#permission-overwrites.
"""

from __future__ import annotations

import bisect
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

import discord

from bot.domain import snowflake

Json = dict[str, Any]

EPHEMERAL = 1 << 6
LOADING = 1 << 7
COMPONENTS_V2 = 1 << 15
ALL_PERMISSIONS = discord.Permissions.all().value
VIEW = discord.Permissions.view_channel.flag
HISTORY = discord.Permissions.read_message_history.flag
SEND = discord.Permissions.send_messages.flag
CONNECT = discord.Permissions.connect.flag
MANAGE_MESSAGES = discord.Permissions.manage_messages.flag
MANAGE_THREADS = discord.Permissions.manage_threads.flag
ADMINISTRATOR = discord.Permissions.administrator.flag
EVERYONE = (
    "view_channel",
    "read_message_history",
    "send_messages",
    "send_messages_in_threads",
    "create_public_threads",
    "create_private_threads",
    "use_application_commands",
    "embed_links",
    "attach_files",
    "add_reactions",
    "connect",
)


class ChannelType(IntEnum):
    """The kinds of channels that this world knows."""

    TEXT = 0
    VOICE = 2
    CATEGORY = 4
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    FORUM = 15


THREADS = frozenset({ChannelType.PUBLIC_THREAD, ChannelType.PRIVATE_THREAD})
TEXT, BUTTON_ROW, BUTTON, SECTION, TEXT_DISPLAY, CONTAINER = 0, 1, 2, 9, 10, 17


def flags_of(names: Iterable[str]) -> int:
    """The permission bits of these discord.py flag names."""
    return discord.Permissions(**dict.fromkeys(names, True)).value


def iso(identifier: int) -> str:
    """A snowflake's time as Discord writes it."""
    return snowflake.to_datetime(identifier).isoformat()


@dataclass(eq=False)
class User:
    """An account."""

    id: int
    name: str
    bot: bool = False
    deleted: bool = False

    def payload(self) -> Json:
        return {
            "id": str(self.id),
            "username": f"deleted_user_{self.id:x}" if self.deleted else self.name.lower().replace(" ", "_"),
            "global_name": None if self.deleted else self.name,
            "discriminator": "0",
            "avatar": None,
            "bot": self.bot,
            "system": False,
            "public_flags": 0,
        }


@dataclass(eq=False)
class Role:
    """A role; a guild's @everyone has the guild's id."""

    id: int
    name: str
    permissions: int
    position: int

    def payload(self) -> Json:
        return {
            "id": str(self.id),
            "name": self.name,
            "permissions": str(self.permissions),
            "position": self.position,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "managed": False,
            "mentionable": False,
            "flags": 0,
        }


@dataclass(eq=False)
class Member:
    """A user in a guild."""

    guild: Guild
    user: User
    roles: list[Role] = field(default_factory=list)
    timed_out_until: datetime | None = None

    @property
    def id(self) -> int:
        return self.user.id

    @property
    def name(self) -> str:
        return self.user.name

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"

    def payload(self, *, with_user: bool = True) -> Json:
        payload: Json = {
            "roles": [str(role.id) for role in self.roles],
            "nick": None,
            "avatar": None,
            "joined_at": iso(self.guild.id),
            "premium_since": None,
            "deaf": False,
            "mute": False,
            "pending": False,
            "flags": 0,
            "communication_disabled_until": self.timed_out_until.isoformat() if self.timed_out_until else None,
        }
        if with_user:
            payload["user"] = self.user.payload()
        return payload

    def give(self, role: Role) -> None:
        """Add a role and announce it."""
        self.roles.append(role)
        self._announce()

    def take(self, role: Role) -> None:
        """Remove a role and announce it."""
        self.roles.remove(role)
        self._announce()

    def _announce(self) -> None:
        self.guild.emit("GUILD_MEMBER_UPDATE", {"guild_id": str(self.guild.id), **self.payload()})


@dataclass
class Overwrite:
    """What a channel allows and denies to one role or member."""

    target_id: int
    kind: int
    allow: int
    deny: int

    def payload(self) -> Json:
        return {"id": str(self.target_id), "type": self.kind, "allow": str(self.allow), "deny": str(self.deny)}


@dataclass(eq=False)
class Channel:
    """A text channel, voice channel, forum, category or thread, and what was said in it."""

    guild: Guild
    id: int
    type: ChannelType
    name: str
    parent: Channel | None = None
    nsfw: bool = False
    owner_id: int = 0
    archived: bool = False
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    member_ids: set[int] = field(default_factory=set)
    _ids: list[int] = field(default_factory=list)
    _messages: dict[int, Message] = field(default_factory=dict)

    @property
    def world(self) -> World:
        return self.guild.world

    @property
    def is_thread(self) -> bool:
        return self.type in THREADS

    @property
    def messages(self) -> list[Message]:
        """Everything said here and not deleted, oldest first."""
        return [self._messages[identifier] for identifier in self._ids]

    def message(self, identifier: int) -> Message | None:
        return self._messages.get(identifier)

    def page(self, *, limit: int, before: int | None, after: int | None, around: int | None) -> list[Message]:
        """One page of history, newest first, as Discord cuts it: `after` gives the oldest ones after that id."""
        ids = self._ids
        if around is not None:
            middle = bisect.bisect_left(ids, around)
            chosen = ids[max(0, middle - limit // 2) : middle + (limit + 1) // 2]
        elif after is not None:
            start = bisect.bisect_right(ids, after)
            chosen = ids[start : start + limit]
        else:
            end = bisect.bisect_left(ids, before) if before is not None else len(ids)
            chosen = ids[max(0, end - limit) : end]
        return [self._messages[identifier] for identifier in reversed(chosen)]

    def put(self, message: Message) -> Message:
        """Add a message and announce it."""
        self._messages[message.id] = message
        bisect.insort(self._ids, message.id)
        self.guild.emit("MESSAGE_CREATE", message.event(), self)
        return message

    def drop(self, identifiers: Iterable[int]) -> None:
        """Remove messages without a word."""
        for identifier in identifiers:
            if self._messages.pop(identifier, None) is not None:
                del self._ids[bisect.bisect_left(self._ids, identifier)]

    def say(
        self,
        author: Member,
        content: str,
        /,
        *,
        reply_to: Message | None = None,
        at: datetime | None = None,
        **fields: object,
    ) -> Message:
        """Let somebody say something; `fields` are further wire fields of the message (attachments, poll, ...)."""
        identifier = self.world.snowflake(at)
        message = Message(self, identifier, author.user, content, reply_to=reply_to, fields=fields)
        return self.put(message)

    def webhook(self, name: str, content: str) -> Message:
        """Let a webhook post something."""
        identifier = self.world.snowflake()
        return self.put(
            Message(self, identifier, User(identifier, name, bot=True), content, fields={"webhook_id": str(identifier)})
        )

    def delete_messages(self, messages: Iterable[Message]) -> None:
        """Delete many messages at once, as moderators' tools do."""
        ids = [message.id for message in messages]
        self.drop(ids)
        self.guild.emit("MESSAGE_DELETE_BULK", {"ids": [str(i) for i in ids], **self._place()}, self)

    def thread(self, name: str, owner: Member, *, private: bool = False) -> Channel:
        """Open a thread (in a forum: a post) and announce it."""
        kind = ChannelType.PRIVATE_THREAD if private else ChannelType.PUBLIC_THREAD
        thread = Channel(self.guild, self.world.snowflake(), kind, name, parent=self, owner_id=owner.id)
        thread.member_ids.add(owner.id)
        self.guild.add_channel(thread)
        self.guild.emit("THREAD_CREATE", {**thread.payload(), "newly_created": True}, thread)
        return thread

    def join(self, member: Member) -> None:
        """Add a member to this thread and announce it."""
        self.member_ids.add(member.id)
        self.guild.emit(
            "THREAD_MEMBERS_UPDATE",
            {
                "id": str(self.id),
                "guild_id": str(self.guild.id),
                "member_count": len(self.member_ids),
                "added_members": [self.member_payload(member.id)],
                "removed_member_ids": [],
            },
            self,
        )

    def overwrite(self, target: Role | Member, *, allow: Iterable[str] = (), deny: Iterable[str] = ()) -> None:
        """Set the overwrite of a role or member and announce it."""
        kind = 0 if isinstance(target, Role) else 1
        self.overwrites[target.id] = Overwrite(target.id, kind, flags_of(allow), flags_of(deny))
        self.announce()

    def archive(self) -> None:
        """Archive this thread, and announce it."""
        self.archived = True
        self.announce()

    def announce(self) -> None:
        """Tell that this channel or thread changed."""
        self.guild.emit("THREAD_UPDATE" if self.is_thread else "CHANNEL_UPDATE", self.payload(), self)

    def delete(self) -> None:
        """Delete this channel and announce it."""
        self.guild.emit("THREAD_DELETE" if self.is_thread else "CHANNEL_DELETE", self.payload(), self)
        self.guild.remove_channel(self)

    def permissions(self, user_id: int) -> int:
        """What somebody may do here; threads follow their parent, private ones their members."""
        if not self.is_thread or self.parent is None:
            return self._own_permissions(user_id)
        granted = self.parent.permissions(user_id)
        inside = user_id in self.member_ids or granted & MANAGE_THREADS
        if self.type is ChannelType.PRIVATE_THREAD and not inside:
            return 0
        return granted

    def resolved(self, chooser: Member) -> Json:
        """How an interaction tells of it when somebody chose it."""
        return self.payload() | {"permissions": str(self.permissions(chooser.id))}

    def _own_permissions(self, user_id: int) -> int:
        base = self.guild.permissions(user_id)
        if base & ADMINISTRATOR:
            return ALL_PERMISSIONS
        member = self.guild.members.get(user_id)
        role_ids = [role.id for role in member.roles] if member else []
        base = self._apply(base, [self.guild.id])
        base = self._apply(base, role_ids)
        base = self._apply(base, [user_id])
        return base if base & VIEW else 0

    def _apply(self, base: int, target_ids: Iterable[int]) -> int:
        allow = deny = 0
        for target_id in target_ids:
            overwrite = self.overwrites.get(target_id)
            if overwrite is not None:
                allow |= overwrite.allow
                deny |= overwrite.deny
        return (base & ~deny) | allow

    def _place(self) -> Json:
        return {"channel_id": str(self.id), "guild_id": str(self.guild.id)}

    def member_payload(self, user_id: int) -> Json:
        return {"id": str(self.id), "user_id": str(user_id), "join_timestamp": iso(self.id), "flags": 0}

    def payload(self) -> Json:
        payload: Json = {
            "id": str(self.id),
            "type": int(self.type),
            "guild_id": str(self.guild.id),
            "name": self.name,
            "parent_id": str(self.parent.id) if self.parent else None,
            "last_message_id": str(self._ids[-1]) if self._ids else None,
            "rate_limit_per_user": 0,
            "flags": 0,
        }
        return payload | (self._thread_fields() if self.is_thread else self._channel_fields())

    def _thread_fields(self) -> Json:
        fields: Json = {
            "owner_id": str(self.owner_id),
            "message_count": len(self._ids),
            "member_count": len(self.member_ids),
            "total_message_sent": len(self._ids),
            "applied_tags": [],
            "thread_metadata": {
                "archived": self.archived,
                "auto_archive_duration": 1440,
                "archive_timestamp": iso(self.id),
                "locked": False,
                "create_timestamp": iso(self.id),
                "invitable": True,
            },
        }
        if self.world.me.id in self.member_ids:
            fields["member"] = self.member_payload(self.world.me.id)
        return fields

    def _channel_fields(self) -> Json:
        return {
            "position": 0,
            "topic": None,
            "nsfw": self.nsfw,
            "permission_overwrites": [overwrite.payload() for overwrite in self.overwrites.values()],
            "bitrate": 64_000,
            "user_limit": 0,
            "available_tags": [],
        }


@dataclass(eq=False)
class Guild:
    """A server."""

    world: World
    id: int
    name: str
    owner_id: int
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)

    @property
    def everyone(self) -> Role:
        return self.roles[self.id]

    @property
    def me(self) -> Member:
        """The bot as a member."""
        return self.members[self.world.me.id]

    def emit(self, event: str, payload: Json, channel: Channel | None = None) -> None:
        self.world.emit(event, payload, self, channel)

    def role(self, name: str, *permissions: str) -> Role:
        """Make a role with these permission flags."""
        role = Role(self.world.snowflake(), name, flags_of(permissions), len(self.roles))
        self.roles[role.id] = role
        self.emit("GUILD_ROLE_CREATE", {"guild_id": str(self.id), "role": role.payload()})
        return role

    def member(self, name: str, *roles: Role, bot: bool = False) -> Member:
        """Let somebody join, with these roles."""
        user = User(self.world.snowflake(), name, bot=bot)
        self.world.users[user.id] = user
        member = Member(self, user, list(roles))
        self.members[user.id] = member
        self.emit("GUILD_MEMBER_ADD", {"guild_id": str(self.id), **member.payload()})
        return member

    def text(self, name: str, *, nsfw: bool = False, parent: Channel | None = None) -> Channel:
        return self._channel(ChannelType.TEXT, name, nsfw=nsfw, parent=parent)

    def voice(self, name: str) -> Channel:
        return self._channel(ChannelType.VOICE, name)

    def forum(self, name: str) -> Channel:
        return self._channel(ChannelType.FORUM, name)

    def category(self, name: str) -> Channel:
        return self._channel(ChannelType.CATEGORY, name)

    def _channel(self, kind: ChannelType, name: str, *, nsfw: bool = False, parent: Channel | None = None) -> Channel:
        channel = Channel(self, self.world.snowflake(), kind, name, parent=parent, nsfw=nsfw)
        self.add_channel(channel)
        self.emit("CHANNEL_CREATE", channel.payload(), channel)
        return channel

    def add_channel(self, channel: Channel) -> None:
        self.channels[channel.id] = channel
        self.world.channels[channel.id] = channel

    def remove_channel(self, channel: Channel) -> None:
        del self.channels[channel.id]
        del self.world.channels[channel.id]

    def permissions(self, user_id: int) -> int:
        """What somebody may do in this guild before any channel has its say."""
        if user_id == self.owner_id:
            return ALL_PERMISSIONS
        member = self.members.get(user_id)
        if member is None:
            return 0
        granted = self.everyone.permissions
        for role in member.roles:
            granted |= role.permissions
        return ALL_PERMISSIONS if granted & ADMINISTRATOR else granted

    def active_threads(self) -> Iterator[Channel]:
        """The threads that the bot is told of: not archived, and visible to it."""
        for channel in self.channels.values():
            if channel.is_thread and not channel.archived and channel.permissions(self.world.me.id) & VIEW:
                yield channel

    def payload(self) -> Json:
        """The guild as REST gives it."""
        return {
            "id": str(self.id),
            "name": self.name,
            "owner_id": str(self.owner_id),
            "roles": [role.payload() for role in self.roles.values()],
            "emojis": [],
            "stickers": [],
            "features": [],
            "icon": None,
            "splash": None,
            "discovery_splash": None,
            "banner": None,
            "description": None,
            "system_channel_id": None,
            "afk_channel_id": None,
            "afk_timeout": 300,
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "premium_tier": 0,
            "preferred_locale": self.world.locale,
            "system_channel_flags": 0,
        }

    def create_payload(self) -> Json:
        """The guild as GUILD_CREATE gives it: with channels, threads, and no members but the bot."""
        return self.payload() | {
            "member_count": len(self.members),
            "large": False,
            "joined_at": iso(self.id),
            "members": [self.me.payload()],
            "channels": [channel.payload() for channel in self.channels.values() if not channel.is_thread],
            "threads": [thread.payload() for thread in self.active_threads()],
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }


@dataclass(eq=False)
class Message:
    """Something said, by a person, a webhook, or the bot.

    Attributes:
        fields: further wire fields (attachments, embeds, components, poll, flags, interaction_metadata, ...).
    """

    channel: Channel
    id: int
    author: User
    content: str
    reply_to: Message | None = None
    edited_at: datetime | None = None
    fields: Json = field(default_factory=dict)

    @property
    def ephemeral(self) -> bool:
        return bool(self.fields.get("flags", 0) & EPHEMERAL)

    @property
    def jump_url(self) -> str:
        return f"https://discord.com/channels/{self.channel.guild.id}/{self.channel.id}/{self.id}"

    @property
    def text(self) -> str:
        """Everything that a reader sees as text: content, embeds, text displays."""
        parts = [self.content]
        for embed in self.fields.get("embeds", []):
            parts += [embed.get("title") or "", embed.get("description") or ""]
            parts += [f"{item['name']}\n{item['value']}" for item in embed.get("fields", [])]
        parts += [part["content"] for part in walk(self.fields.get("components", [])) if part["type"] == TEXT_DISPLAY]
        return "\n".join(part for part in parts if part)

    @property
    def controls(self) -> list[Json]:
        """Its buttons and selects."""
        return [part for part in walk(self.fields.get("components", [])) if "custom_id" in part or "url" in part]

    @property
    def urls(self) -> list[str]:
        """Where its link buttons lead."""
        return [part["url"] for part in self.controls if "url" in part]

    def edit(self, content: str, **fields: object) -> None:
        """Change what was said, and announce it."""
        self.content = content
        self.edited_at = datetime.now(UTC)
        self.revise(**fields)

    def revise(self, **fields: object) -> None:
        """Change wire fields (as a link's embed that resolves does), and announce it."""
        self.fields |= fields
        if not self.ephemeral:
            self.channel.guild.emit("MESSAGE_UPDATE", self.event(), self.channel)

    def delete(self) -> None:
        """Take it back, and announce it."""
        self.channel.drop([self.id])
        place = {"channel_id": str(self.channel.id), "guild_id": str(self.channel.guild.id)}
        if not self.ephemeral:
            self.channel.guild.emit("MESSAGE_DELETE", {"id": str(self.id), **place}, self.channel)

    def payload(self) -> Json:
        """The message as REST gives it."""
        payload: Json = {
            "id": str(self.id),
            "channel_id": str(self.channel.id),
            "author": self.author.payload(),
            "content": self.content,
            "timestamp": iso(self.id),
            "edited_timestamp": self.edited_at.isoformat() if self.edited_at else None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "components": [],
            "pinned": False,
            "type": 0,
            "flags": 0,
        }
        if self.reply_to is not None:
            payload["type"] = 19
            payload["message_reference"] = {
                "type": 0,
                "message_id": str(self.reply_to.id),
                "channel_id": str(self.reply_to.channel.id),
                "guild_id": str(self.channel.guild.id),
            }
            payload["referenced_message"] = {**self.reply_to.payload(), "referenced_message": None}
        return payload | self.fields

    def event(self) -> Json:
        """The message as the gateway gives it: with its guild and its author's membership."""
        payload = self.payload() | {"guild_id": str(self.channel.guild.id)}
        member = self.channel.guild.members.get(self.author.id)
        if member is not None:
            payload["member"] = member.payload(with_user=False)
        return payload


def walk(components: Iterable[Json]) -> Iterator[Json]:
    """Every component in a tree of them."""
    for component in components:
        yield component
        yield from walk(component.get("components", []))
        yield from walk(component[key] for key in ("accessory", "component") if key in component)


class World:
    """Everything there is, and the one clock that numbers it.

    Attributes:
        locale: the language of all servers and of the clients of all members.
    """

    def __init__(self) -> None:
        self.locale = "en-US"
        self.emit: Callable[[str, Json, Guild, Channel | None], None] = lambda event, payload, guild, channel: None
        self._last = self._behind_ms = 0
        self._old: set[int] = set()
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.users: dict[int, User] = {}
        self.me = User(self.snowflake(), "Channel Memory", bot=True)
        self.users[self.me.id] = self.me

    def snowflake(self, at: datetime | None = None) -> int:
        """A new id: of now and larger than all before it, or of a given time."""
        if at is None:
            now_ms = time.time_ns() // 1_000_000 - self._behind_ms
            self._last = max(self._last + 1, snowflake.from_ms(now_ms))
            return self._last
        identifier = snowflake.from_datetime(at)
        while identifier in self._old:
            identifier += 1
        self._old.add(identifier)
        return identifier

    def put_back(self, by: timedelta) -> None:
        """Let the clock that numbers everything be so much behind from now on."""
        self._behind_ms, self._last = round(by.total_seconds() * 1000), 0

    def guild(self, name: str, *, bot_permissions: Iterable[str] = ()) -> Guild:
        """Make a guild that the bot is in; `bot_permissions` are what its invitation asked for."""
        owner = User(self.snowflake(), f"Owner of {name}")
        self.users[owner.id] = owner
        guild = Guild(self, self.snowflake(), name, owner.id)
        guild.roles[guild.id] = Role(guild.id, "@everyone", flags_of(EVERYONE), 0)
        guild.members[owner.id] = Member(guild, owner)
        guild.members[self.me.id] = Member(guild, self.me)
        if bot_permissions:
            guild.me.roles.append(guild.role("Channel Memory", *bot_permissions))
        self.guilds[guild.id] = guild
        self.emit("GUILD_CREATE", guild.create_payload(), guild, None)
        return guild
