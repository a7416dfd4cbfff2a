"""Interactions of the loopback Discord: what a member did, how it reaches the client, what the client answered.

Shapes follow https://discord.com/developers/docs/interactions/receiving-and-responding.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping

from tests.loopback.discord_world import (
    ALL_PERMISSIONS,
    COMPONENTS_V2,
    EPHEMERAL,
    LOADING,
    TEXT_DISPLAY,
    Channel,
    Json,
    Member,
    Message,
    Role,
    World,
    walk,
)
from tests.loopback.waiting import eventually

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
REPLY, DEFER, DEFER_UPDATE, UPDATE, CHOICES, SHOW_MODAL = 4, 5, 6, 7, 8, 9
CHAT_INPUT, MESSAGE_MENU, ENTRY_POINT = 1, 3, 4
SUBCOMMANDS = frozenset({1, 2})
OPTION_USER, OPTION_CHANNEL, OPTION_ROLE = 6, 7, 8
BUTTON_ROW, LABEL = 1, 18
ACKNOWLEDGE_WITHIN = 3.0  # seconds that a client has for its first answer
MAX_COMPONENTS, MAX_TEXT, MAX_CONTENT = 40, 4000, 2000


class Commands:
    """The application's commands, and the interaction data of their use."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.registered: list[Json] = []

    def put(self, commands: Iterable[Json]) -> list[Json]:
        """Replace all commands."""
        me = str(self._world.me.id)
        self.registered = [
            {
                "id": str(self._world.snowflake()),
                "type": CHAT_INPUT,
                "default_member_permissions": None,
                "description": "",
            }
            | command
            | {"version": "1", "application_id": me}
            for command in commands
        ]
        return self.registered

    @property
    def entry_points(self) -> list[Json]:
        """The command that opens the application's Activity, where it has one."""
        return [command for command in self.registered if command["type"] == ENTRY_POINT]

    def named(self, name: str, kind: int = CHAT_INPUT) -> Json:
        """The registered command of this name."""
        for command in self.registered:
            if command["name"] == name and command["type"] == kind:
                return command
        raise LookupError(f"no command {name!r}; there is {[command['name'] for command in self.registered]}")

    def call(
        self, path: str, values: Mapping[str, object], member: Member, channel: Channel, *, focused: str | None = None
    ) -> Json:
        """The data of a slash command, subcommands given with spaces: `observe on`."""
        root, *rest = path.split()
        command = node = self.named(root)
        for name in rest:
            node = next(option for option in node["options"] if option["name"] == name)
        specs = {option["name"]: option for option in node.get("options", []) if option["type"] not in SUBCOMMANDS}
        unknown = values.keys() - specs.keys()
        if unknown:
            raise LookupError(f"/{path} has no option {sorted(unknown)}; there is {sorted(specs)}")
        resolved: Json = {}
        options = [self._option(specs[name], value, channel, member, resolved) for name, value in values.items()]
        for option in options:
            if option["name"] == focused:
                option["focused"] = True
        for name in reversed(rest):
            options = [{"type": 1 if name == rest[-1] else 2, "name": name, "options": options}]
        return {"id": command["id"], "name": root, "type": CHAT_INPUT, "options": options, "resolved": resolved}

    def _option(self, spec: Json, value: object, channel: Channel, asker: Member, resolved: Json) -> Json:
        if isinstance(value, Member):
            key = str(value.id)
            resolved.setdefault("users", {})[key] = value.user.payload()
            resolved.setdefault("members", {})[key] = value.payload(with_user=False)
        elif isinstance(value, Channel):
            key = str(value.id)
            resolved.setdefault("channels", {})[key] = value.resolved(asker)
        elif isinstance(value, Role):
            key = str(value.id)
            resolved.setdefault("roles", {})[key] = value.payload()
        else:
            return {"type": spec["type"], "name": spec["name"], "value": value}
        return {"type": spec["type"], "name": spec["name"], "value": key}

    def menu(self, name: str, message: Message) -> Json:
        """The data of a message menu command."""
        command = self.named(name, MESSAGE_MENU)
        key = str(message.id)
        resolved = {"messages": {key: message.payload()}}
        return {"id": command["id"], "name": name, "type": MESSAGE_MENU, "target_id": key, "resolved": resolved}


class Asked:
    """One interaction: who did what where, and everything that the client answered.

    Attributes:
        callback: type of the client's first answer; None before it.
        acknowledged_after: seconds until that answer.
        original: the message that answers (or that a component's answer changes).
        follow_ups: further messages.
        choices: answer to an autocomplete.
        modal: the modal that was shown.
        waiting: deferred, and not yet filled.
    """

    def __init__(self, kind: int, member: Member, channel: Channel, data: Json, source: Message | None) -> None:
        self.kind = kind
        self.member = member
        self.channel = channel
        self.data = data
        self.source = source
        self.id = channel.world.snowflake()
        self.token = secrets.token_urlsafe(24)
        self.sent_at = time.monotonic()
        self.acknowledged_after: float | None = None
        self.callback: int | None = None
        self.original: Message | None = None
        self.follow_ups: list[Message] = []
        self.deleted: list[Message] = []
        self.choices: list[Json] | None = None
        self.modal: Json | None = None
        self.waiting = False
        self.edits = 0

    # what a test asks

    async def answer(self, *, within: float = 10.0) -> Message:
        """The message that the client answered with, once it is there and filled."""
        return await eventually(self._answered, within=within, what=f"an answer to {self.data.get('name', 'it')}")

    def _answered(self) -> Message | None:
        if self.callback is None or self.waiting:
            return None
        return self.follow_ups[-1] if self.follow_ups else self.original

    async def edited(self, edits: int = 1, *, within: float = 10.0) -> Message:
        """The message of the answer, once it was edited so many times."""
        await eventually(lambda: self.edits >= edits, within=within, what="an edited answer")
        return self.messages[-1]

    async def suggestions(self, *, within: float = 5.0) -> list[Json]:
        """The choices that an autocomplete was answered with."""
        await eventually(lambda: self.choices is not None, within=within, what="choices")
        return self.choices or []

    async def shown_modal(self, *, within: float = 5.0) -> Json:
        """The modal that the client showed."""
        return await eventually(lambda: self.modal, within=within, what="a modal") or {}

    @property
    def messages(self) -> list[Message]:
        """Every message of the answer, oldest first."""
        return ([self.original] if self.original is not None else []) + self.follow_ups

    @property
    def expired(self) -> bool:
        """Whether the time for the first answer is over."""
        return time.monotonic() - self.sent_at > ACKNOWLEDGE_WITHIN

    # the wire

    def payload(self) -> Json:
        """INTERACTION_CREATE."""
        channel, guild = self.channel, self.channel.guild
        permissions = str(channel.permissions(self.member.id))
        payload: Json = {
            "id": str(self.id),
            "application_id": str(channel.world.me.id),
            "type": self.kind,
            "token": self.token,
            "version": 1,
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": channel.world.locale, "features": []},
            "channel_id": str(channel.id),
            "channel": channel.payload() | {"permissions": permissions},
            "member": self.member.payload() | {"permissions": permissions},
            "app_permissions": str(channel.permissions(channel.world.me.id) or ALL_PERMISSIONS),
            "locale": channel.world.locale,
            "guild_locale": channel.world.locale,
            "entitlements": [],
            "authorizing_integration_owners": {"0": str(guild.id)},
            "context": 0,
            "attachment_size_limit": 10_485_760,
            "data": self.data,
        }
        if self.source is not None:
            payload["message"] = self.source.payload()
        return payload

    def metadata(self) -> Json:
        """What a message that answers tells about where it came from."""
        return {
            "id": str(self.id),
            "type": self.kind,
            "user": self.member.user.payload(),
            "authorizing_integration_owners": {"0": str(self.channel.guild.id)},
        }

    def filled_modal(self, values: Mapping[str, str]) -> Json:
        """The data of submitting the modal with these values by custom id or label; the others stay as they are."""
        if self.modal is None:
            raise LookupError("no modal was shown")
        left = dict(values)
        components = [_filled(component, left, None) for component in self.modal["components"]]
        if left:
            raise LookupError(f"the modal has no field {sorted(left)}")
        return {"custom_id": self.modal["custom_id"], "components": components}

    # what the server does

    def makes_message(self, callback: int, data: Json) -> int | None:
        """The extra flags of the message that this first answer makes; None where it makes none."""
        if callback == REPLY:
            return 0
        if callback == DEFER or (callback == DEFER_UPDATE and self.source is None):
            return LOADING
        return None

    def changes_message(self, callback: int, data: Json) -> Message | None:
        """The message that this first answer changes."""
        return self.source if callback == UPDATE else None

    def acknowledge(self, callback: int, data: Json, message: Message | None) -> None:
        """Take the client's first answer."""
        self.acknowledged_after = time.monotonic() - self.sent_at
        self.callback = callback
        self.waiting = callback == DEFER
        self.original = message or self.source
        if callback == CHOICES:
            self.choices = data.get("choices", [])
        elif callback == SHOW_MODAL:
            self.modal = data
        elif callback == UPDATE:
            self.edits += 1
        elif callback == REPLY and message is not None:
            self._publish(message)

    def acknowledged(self) -> Json:
        """The body that answers a callback."""
        message = self.original if self.callback in (REPLY, DEFER, UPDATE) else None
        told: Json = {"id": str(self.id), "type": self.kind}
        resource: Json = {"type": self.callback}
        if message is not None:
            told |= {
                "response_message_id": str(message.id),
                "response_message_loading": self.waiting,
                "response_message_ephemeral": message.ephemeral,
            }
            resource["message"] = message.payload()
        return {"interaction": told, "resource": resource}

    def follow_up(self, message: Message) -> None:
        """Take a further message."""
        self.follow_ups.append(message)
        self._publish(message)

    def filled(self, message: Message) -> None:
        """Take an edit of the answer; the first one of a deferred answer fills it."""
        self.edits += 1
        if message is self.original and self.waiting:
            self.waiting = False
            message.fields["flags"] &= ~LOADING
            self._publish(message)

    def message(self, which: str) -> Message | None:
        """The answer's message of this id or `@original`."""
        if which == "@original":
            return self.original
        return next((message for message in self.messages if str(message.id) == which), None)

    def _publish(self, message: Message) -> None:
        if not message.ephemeral:
            self.channel.put(message)


def _filled(component: Json, values: dict[str, str], label: str | None) -> Json:
    kind = component["type"]
    if kind == BUTTON_ROW:
        return {"type": kind, "components": [_filled(child, values, label) for child in component["components"]]}
    if kind == LABEL:
        return {"type": kind, "component": _filled(component["component"], values, component["label"])}
    if "custom_id" not in component:
        return {"type": kind}
    name = component["custom_id"]
    for key in (name, component.get("label"), label):
        if key in values:
            return {"type": kind, "custom_id": name, "value": values.pop(key)}
    return {"type": kind, "custom_id": name, "value": component.get("value", "")}


def rejection(body: Json, flags: int = 0) -> str | None:
    """Why Discord would not take this message: the limits that matter here."""
    components = list(walk(body.get("components") or []))
    text = sum(len(part["content"]) for part in components if part["type"] == TEXT_DISPLAY)
    layout = (body.get("flags", 0) | flags) & COMPONENTS_V2
    if layout and (body.get("content") or body.get("embeds")):
        return "content and embeds can't stand beside components v2"
    if not layout and text:
        return "text displays need the components v2 flag"
    if len(components) > MAX_COMPONENTS or text > MAX_TEXT:
        return f"{len(components)} components with {text} characters"
    if len(body.get("content") or "") > MAX_CONTENT:
        return f"content of {len(body['content'])} characters"
    return None


__all__ = ["AUTOCOMPLETE", "COMMAND", "COMPONENT", "EPHEMERAL", "MODAL", "Asked", "Commands", "rejection"]
