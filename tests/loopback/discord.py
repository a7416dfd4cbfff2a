"""A Discord on this machine: REST v10 and gateway v10 over real HTTP and a real websocket, around a world a test holds.

    async with LoopbackDiscord() as discord:
        guild = discord.world.guild("Workshop")
        channel, ada = guild.text("general"), guild.member("Ada")
        ...                                   # start a client with discord.token, discord.api_url, discord.gateway_url
        channel.say(ada, "Hello")             # arrives there as MESSAGE_CREATE
        asked = discord.command(ada, channel, "recall", query="hello")
        print((await asked.answer()).text)    # what the client answered over REST

Everything that a client asked for is recorded, and everything can be made to fail (`discord.faults`, `gateway.drop`,
`gateway.close`, `gateway.invalidate`, `go_down`, ...). Unknown routes answer 404 and are listed in `unknown`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Self, cast

from aiohttp import BodyPartReader, web

from tests.loopback.discord_gateway import INTENT_CONTENT, INTENT_MEMBERS, INTENT_PRESENCES, Gateway
from tests.loopback.discord_interactions import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    ENTRY_POINT,
    MODAL,
    Asked,
    Commands,
    rejection,
)
from tests.loopback.discord_world import (
    CONNECT,
    HISTORY,
    MANAGE_MESSAGES,
    SEND,
    VIEW,
    Channel,
    ChannelType,
    Guild,
    Json,
    Member,
    Message,
    World,
)
from tests.loopback.waiting import eventually

PAGE = 100  # messages a history request may ask for
GENEROUS = (10_000, 1.0)  # requests and seconds of a bucket that no test limits
BODY: web.RequestKey[Any] = web.RequestKey("body", object)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def reply(body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """JSON as Discord sends it: discord.py reads it only where the content type says nothing more."""
    typed = {"Content-Type": "application/json"} | (headers or {})
    return web.Response(body=json.dumps(body).encode(), status=status, headers=typed)


class Refusal(Exception):
    """An error answer as Discord gives it: HTTP status, its own code, a message."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def response(self) -> web.Response:
        return reply({"message": self.message, "code": self.code}, status=self.status)


UNKNOWN_CHANNEL = Refusal(404, 10003, "Unknown Channel")
UNKNOWN_GUILD = Refusal(404, 10004, "Unknown Guild")
UNKNOWN_MEMBER = Refusal(404, 10007, "Unknown Member")
UNKNOWN_MESSAGE = Refusal(404, 10008, "Unknown Message")
UNKNOWN_USER = Refusal(404, 10013, "Unknown User")
WITHOUT_ENTRY_POINT = Refusal(400, 50240, "You cannot remove this app's Entry Point command in a bulk update operation")
UNKNOWN_WEBHOOK = Refusal(404, 10015, "Unknown Webhook")
UNKNOWN_INTERACTION = Refusal(404, 10062, "Unknown interaction")
MISSING_ACCESS = Refusal(403, 50001, "Missing Access")
NOT_THE_AUTHOR = Refusal(403, 50005, "Cannot edit a message authored by another user")
MISSING_PERMISSIONS = Refusal(403, 50013, "Missing Permissions")
ALREADY_ACKNOWLEDGED = Refusal(400, 40060, "Interaction has already been acknowledged.")


@dataclass(frozen=True)
class Recorded:
    """A REST request as it came in.

    Attributes:
        route: method and path without the version, as in `GET /channels/1/messages`.
        at: `time.monotonic()` of its arrival.
    """

    route: str
    query: dict[str, str]
    body: Json | list[Json] | None
    at: float


@dataclass
class _Fault:
    pattern: str
    left: int | None
    act: Handler


class Faults:
    """What goes wrong with the next requests to a route, given as in `GET /channels/*/messages`."""

    def __init__(self) -> None:
        self._faults: list[_Fault] = []
        self._released = asyncio.Event()

    def status(self, pattern: str, status: int, *, times: int | None = 1) -> None:
        """Answer with this HTTP status."""
        self._add(pattern, times, lambda: reply({"message": "loopback fault", "code": 0}, status=status))

    def rate_limit(
        self, pattern: str, retry_after: float, *, times: int | None = 1, via: bool = True, everywhere: bool = False
    ) -> None:
        """Answer 429; without `via` it looks like a ban by Cloudflare, `everywhere` is the global limit."""
        self._add(pattern, times, lambda: too_many(retry_after, via=via, everywhere=everywhere))

    def hang(self, pattern: str, *, times: int | None = 1) -> None:
        """Take the request and say nothing until `release`; then break off."""

        async def act(request: web.Request) -> web.StreamResponse:
            await self._released.wait()
            return _break_off(request)

        self._faults.append(_Fault(pattern, times, act))

    def cut(self, pattern: str, *, times: int | None = 1) -> None:
        """Take the request and break off the connection without an answer."""

        async def act(request: web.Request) -> web.StreamResponse:
            return _break_off(request)

        self._faults.append(_Fault(pattern, times, act))

    def garbage(self, pattern: str, *, times: int | None = 1) -> None:
        """Answer with JSON that breaks off in the middle."""
        typed = {"Content-Type": "application/json"}
        self._add(pattern, times, lambda: web.Response(body=b'{"id": "1', headers=typed))

    def clear(self) -> None:
        """Everything works again."""
        self._faults.clear()
        self.release()

    def release(self) -> None:
        """Let go of the requests that hang."""
        self._released.set()
        self._released = asyncio.Event()

    def _add(self, pattern: str, times: int | None, answer: Callable[[], web.StreamResponse]) -> None:
        async def act(request: web.Request) -> web.StreamResponse:
            return answer()

        self._faults.append(_Fault(pattern, times, act))

    def take(self, route: str) -> Handler | None:
        """The fault that hits this request, if any."""
        for fault in self._faults:
            if fault.left != 0 and fnmatchcase(route, fault.pattern):
                if fault.left is not None:
                    fault.left -= 1
                return fault.act
        return None


def too_many(retry_after: float, *, via: bool = True, everywhere: bool = False) -> web.Response:
    """A 429 as Discord gives it (https://discord.com/developers/docs/topics/rate-limits)."""
    headers = {"Retry-After": f"{retry_after:.3f}", "X-RateLimit-Scope": "global" if everywhere else "user"}
    if via:
        headers["Via"] = "1.1 google"
    body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": everywhere}
    return reply(body, status=429, headers=headers)


def _break_off(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


@dataclass
class _Bucket:
    limit: int
    per: float
    window: float = 0.0
    used: int = 0

    def take(self) -> tuple[bool, dict[str, str]]:
        """Whether a request passes, and the headers that tell how it stands."""
        now = time.time()
        if now >= self.window + self.per:
            self.window, self.used = now, 0
        passes = self.used < self.limit
        self.used += passes
        reset = self.window + self.per
        return passes, {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.limit - self.used),
            "X-RateLimit-Reset": f"{reset:.3f}",
            "X-RateLimit-Reset-After": f"{max(0.0, reset - now):.3f}",
        }


class LoopbackDiscord:
    """The server: `world` is what there is, `gateway` and `faults` are how it behaves, `requests` is what came in.

    Attributes:
        token: the one bot token that it knows.
        commands: the application commands that were put here.
        command_puts: how often the whole command list was put.
        asked: every interaction that was sent, oldest first.
        nonces: messages by channel and nonce; Discord forgets them after some minutes.
        privileged: intents that the application may use; others close the gateway with 4014.
        application: what the developer portal has otherwise than here, as fields of the application object.
    """

    def __init__(self, *, shards: int = 1) -> None:
        self.token = "loopback.discord.token"
        self.world = World()
        self.world.emit = self._emit
        self.shards = shards
        self.privileged = INTENT_CONTENT | INTENT_MEMBERS | INTENT_PRESENCES
        self.application: Json = {}
        self.faults = Faults()
        self.requests: list[Recorded] = []
        self.unknown: list[str] = []
        self.commands = Commands(self.world)
        self.command_puts = 0
        self.asked: list[Asked] = []
        self.nonces: dict[tuple[int, str], Message] = {}
        self.gateway = Gateway(self)
        self._limits: list[tuple[str, int, float]] = []
        self._buckets: dict[str, _Bucket] = {}
        self._port = 0
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    # life

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._middleware], client_max_size=32 * 1024**2)
        for method, path, handler in self._routes():
            app.router.add_route(method, "/api/v10" + path, handler)
        app.router.add_get("/gateway", self.gateway.serve)
        app.router.add_route("*", "/{rest:.*}", self._not_found)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await self.come_up()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.faults.clear()
        await self.gateway.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def go_down(self) -> None:
        """Stop listening and drop every gateway connection: new connections are refused."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        self.gateway.drop()

    async def come_up(self) -> None:
        """Listen (again), on the same port as before."""
        if self._runner is None or self._site is not None:
            return
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await self._site.start()
        self._port = int(self._runner.addresses[-1][1])

    @property
    def api_url(self) -> str:
        """What to set as DISCORD_API_URL."""
        return f"http://127.0.0.1:{self._port}/api/v10"

    @property
    def gateway_url(self) -> str:
        """What to set as DISCORD_GATEWAY_URL."""
        return f"ws://127.0.0.1:{self._port}/gateway"

    def _emit(self, event: str, payload: Json, guild: Guild, channel: Channel | None) -> None:
        self.gateway.dispatch(event, payload, guild, channel)

    # what a test does

    def limit(self, pattern: str, count: int, per: float) -> None:
        """Allow `count` requests in `per` seconds in each bucket of the routes that match, and answer 429 beyond."""
        self._limits.append((pattern, count, per))
        self._buckets.clear()

    def requests_to(self, pattern: str) -> list[Recorded]:
        """The requests whose route matches, oldest first."""
        return [request for request in self.requests if fnmatchcase(request.route, pattern)]

    def command(self, member: Member, channel: Channel, name: str, /, **options: object) -> Asked:
        """Use a slash command, as in `command(ada, general, "observe on")`."""
        return self._ask(COMMAND, member, channel, self.commands.call(name, options, member, channel))

    def autocomplete(self, member: Member, channel: Channel, name: str, focused: str, /, **options: object) -> Asked:
        """Type into an option of a slash command."""
        data = self.commands.call(name, options, member, channel, focused=focused)
        return self._ask(AUTOCOMPLETE, member, channel, data)

    def menu(self, member: Member, message: Message, name: str) -> Asked:
        """Use a message menu command."""
        return self._ask(COMMAND, member, message.channel, self.commands.menu(name, message))

    def press(self, member: Member, message: Message, control: str, values: Iterable[str | Channel] = ()) -> Asked:
        """Press the button with this label or custom id, or choose values or channels in the select with this id."""
        part = next((part for part in message.controls if control in (part.get("label"), part.get("custom_id"))), None)
        if part is None or "custom_id" not in part or part.get("disabled"):
            shown = [part.get("label") or part.get("custom_id") for part in message.controls]
            raise LookupError(f"nothing to press called {control!r}; there is {shown}")
        data = {"component_type": part["type"], "custom_id": part["custom_id"], "id": part.get("id", 0)}
        if chosen := list(values):
            channels = {str(value.id): value for value in chosen if isinstance(value, Channel)}
            data["values"] = [value if isinstance(value, str) else str(value.id) for value in chosen]
            data["resolved"] = {"channels": {key: channel.resolved(member) for key, channel in channels.items()}}
        return self._ask(COMPONENT, member, message.channel, data, source=message)

    def submit(self, asked: Asked, /, **values: str) -> Asked:
        """Fill in the modal that answered `asked` (by custom id or label) and send it."""
        return self._ask(MODAL, asked.member, asked.channel, asked.filled_modal(values), source=asked.source)

    def _ask(self, kind: int, member: Member, channel: Channel, data: Json, *, source: Message | None = None) -> Asked:
        asked = Asked(kind, member, channel, data, source)
        self.asked.append(asked)
        self.gateway.dispatch("INTERACTION_CREATE", asked.payload(), channel.guild, None)
        return asked

    # every request

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/gateway"):
            return await handler(request)
        route = f"{request.method} {request.path.removeprefix('/api/v10')}"
        self.requests.append(Recorded(route, dict(request.query), await _body(request), time.monotonic()))
        fault = self.faults.take(route)
        if fault is not None:
            return await fault(request)
        passes, headers = self._bucket(request, route).take()
        if not passes:
            response: web.StreamResponse = too_many(float(headers["X-RateLimit-Reset-After"]))
        else:
            response = await self._answer(request, route, handler)
        response.headers.update(headers)
        response.headers["X-RateLimit-Bucket"] = f"{request.method}-{len(route.split('/'))}"
        return response

    def _bucket(self, request: web.Request, route: str) -> _Bucket:
        major = "/".join(route.split("/")[:3])
        key = f"{request.match_info.route.name or request.match_info.handler}{major}"
        bucket = self._buckets.get(key)
        if bucket is None:
            limits = ((count, per) for pattern, count, per in self._limits if fnmatchcase(route, pattern))
            bucket = self._buckets[key] = _Bucket(*next(limits, GENEROUS))
        return bucket

    async def _answer(self, request: web.Request, route: str, handler: Handler) -> web.StreamResponse:
        by_token = "/webhooks/" in route or "/interactions/" in route
        if not by_token and request.headers.get("Authorization") != f"Bot {self.token}":
            return Refusal(401, 0, "401: Unauthorized").response()
        try:
            return await handler(request)
        except Refusal as refusal:
            return refusal.response()

    async def _not_found(self, request: web.Request) -> web.StreamResponse:
        self.unknown.append(f"{request.method} {request.path}")
        return Refusal(404, 0, "404: Not Found").response()

    def _routes(self) -> list[tuple[str, str, Handler]]:
        application = "/applications/{application}"
        message = "/channels/{channel}/messages/{message:[0-9]+}"
        webhook = "/webhooks/{application}/{token}"
        return [
            ("GET", "/gateway/bot", self._gateway_bot),
            ("GET", "/users/@me", self._me),
            ("GET", "/users/{user:[0-9]+}", self._user),
            ("GET", "/applications/@me", self._application),
            ("GET", "/oauth2/applications/@me", self._application),
            ("GET", application + "/commands", self._commands),
            ("PUT", application + "/commands", self._put_commands),
            ("GET", application + "/guilds/{guild}/commands", self._guild_commands),
            ("PUT", application + "/guilds/{guild}/commands", self._guild_commands),
            ("GET", "/guilds/{guild}", self._guild),
            ("GET", "/guilds/{guild}/channels", self._guild_channels),
            ("GET", "/guilds/{guild}/roles", self._guild_roles),
            ("GET", "/guilds/{guild}/threads/active", self._active_threads),
            ("GET", "/guilds/{guild}/members/{user}", self._member),
            ("GET", "/guilds/{guild}/members", self._members),
            ("GET", "/channels/{channel}", self._channel),
            ("GET", "/channels/{channel}/messages", self._history),
            ("POST", "/channels/{channel}/messages", self._post_message),
            ("POST", "/channels/{channel}/messages/bulk-delete", self._bulk_delete),
            ("GET", message, self._message),
            ("PATCH", message, self._edit_message),
            ("DELETE", message, self._delete_message),
            ("POST", "/channels/{channel}/typing", self._nothing),
            ("GET", "/channels/{channel}/threads/archived/{kind:public|private}", self._archived_threads),
            ("GET", "/channels/{channel}/users/@me/threads/archived/private", self._archived_threads),
            ("POST", "/channels/{channel}/threads", self._open_thread),
            ("GET", "/channels/{channel}/thread-members/{user:[0-9]+}", self._thread_member),
            ("GET", "/channels/{channel}/thread-members", self._thread_members),
            ("PUT", "/channels/{channel}/thread-members/@me", self._join_thread),
            ("POST", "/interactions/{interaction}/{token}/callback", self._callback),
            ("POST", webhook, self._follow_up),
            ("GET", webhook + "/messages/{message}", self._get_answer),
            ("PATCH", webhook + "/messages/{message}", self._edit_answer),
            ("DELETE", webhook + "/messages/{message}", self._delete_answer),
        ]

    # the application

    async def _gateway_bot(self, request: web.Request) -> web.StreamResponse:
        limit = {"total": 1000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1}
        return reply(
            {"url": self.gateway_url, "shards": self.shards, "session_start_limit": limit},
        )

    async def _me(self, request: web.Request) -> web.StreamResponse:
        return reply(self.world.me.payload())

    async def _user(self, request: web.Request) -> web.StreamResponse:
        user = self.world.users.get(int(request.match_info["user"]))
        if user is None:
            raise UNKNOWN_USER
        return reply(user.payload())

    async def _application(self, request: web.Request) -> web.StreamResponse:
        return reply(
            {
                "id": str(self.world.me.id),
                "name": self.world.me.name,
                "description": "",
                "icon": None,
                "bot_public": True,
                "bot_require_code_grant": False,
                "verify_key": "00",
                "owner": next(iter(self.world.users.values())).payload(),
                "flags": self.application_flags,
                "interactions_endpoint_url": None,
                "integration_types_config": {"0": {}, "1": {}},
            }
            | self.application
        )

    @property
    def application_flags(self) -> int:
        """What the application object says of its privileged intents (presence, members, message content)."""
        bits = ((INTENT_PRESENCES, 1 << 12), (INTENT_MEMBERS, 1 << 14), (INTENT_CONTENT, 1 << 18))
        return sum(flag for intent, flag in bits if self.privileged & intent)

    async def _commands(self, request: web.Request) -> web.StreamResponse:
        return reply(self.commands.registered)

    async def _put_commands(self, request: web.Request) -> web.StreamResponse:
        commands = await request.json()
        if self.commands.entry_points and not any(command.get("type") == ENTRY_POINT for command in commands):
            raise WITHOUT_ENTRY_POINT
        self.command_puts += 1
        return reply(self.commands.put(commands))

    async def _guild_commands(self, request: web.Request) -> web.StreamResponse:
        return reply([])

    # guilds

    def _guild_of(self, request: web.Request) -> Guild:
        guild = self.world.guilds.get(int(request.match_info["guild"]))
        if guild is None:
            raise UNKNOWN_GUILD
        return guild

    async def _guild(self, request: web.Request) -> web.StreamResponse:
        return reply(self._guild_of(request).payload())

    async def _guild_channels(self, request: web.Request) -> web.StreamResponse:
        channels = self._guild_of(request).channels.values()
        return reply([channel.payload() for channel in channels if not channel.is_thread])

    async def _guild_roles(self, request: web.Request) -> web.StreamResponse:
        return reply([role.payload() for role in self._guild_of(request).roles.values()])

    async def _active_threads(self, request: web.Request) -> web.StreamResponse:
        return reply(self._thread_list(self._guild_of(request).active_threads()))

    async def _member(self, request: web.Request) -> web.StreamResponse:
        member = self._guild_of(request).members.get(int(request.match_info["user"]))
        if member is None:
            raise UNKNOWN_MEMBER
        return reply(member.payload())

    async def _members(self, request: web.Request) -> web.StreamResponse:
        after, limit = int(request.query.get("after", 0)), int(request.query.get("limit", 1))
        members = sorted(self._guild_of(request).members.values(), key=lambda member: member.id)
        return reply([member.payload() for member in members if member.id > after][:limit])

    # channels and messages

    def _channel_of(self, request: web.Request, needed: int = VIEW) -> Channel:
        channel = self.world.channels.get(int(request.match_info["channel"]))
        if channel is None:
            raise UNKNOWN_CHANNEL
        granted = channel.permissions(self.world.me.id)
        closed = channel.type is ChannelType.VOICE and not granted & CONNECT
        if closed or not granted & VIEW:
            raise MISSING_ACCESS
        if granted & needed != needed:
            raise MISSING_PERMISSIONS
        return channel

    def _message_of(self, request: web.Request, needed: int = VIEW) -> Message:
        message = self._channel_of(request, needed).message(int(request.match_info["message"]))
        if message is None:
            raise UNKNOWN_MESSAGE
        return message

    def _thread_list(self, threads: Iterable[Channel]) -> Json:
        threads = list(threads)
        mine = [thread.member_payload(self.world.me.id) for thread in threads if self.world.me.id in thread.member_ids]
        return {"threads": [thread.payload() for thread in threads], "members": mine, "has_more": False}

    async def _channel(self, request: web.Request) -> web.StreamResponse:
        return reply(self._channel_of(request).payload())

    async def _history(self, request: web.Request) -> web.StreamResponse:
        channel = self._channel_of(request)
        limit = int(request.query.get("limit", 50))
        if not 1 <= limit <= PAGE:
            raise Refusal(400, 50035, "Invalid Form Body")
        if not channel.permissions(self.world.me.id) & HISTORY:
            return reply([])
        before, after, around = (
            int(request.query[key]) if key in request.query else None for key in ("before", "after", "around")
        )
        page = channel.page(limit=limit, before=before, after=after, around=around)
        return reply([message.payload() for message in page])

    async def _message(self, request: web.Request) -> web.StreamResponse:
        return reply(self._message_of(request, VIEW | HISTORY).payload())

    async def _post_message(self, request: web.Request) -> web.StreamResponse:
        channel, body = self._channel_of(request, SEND), await _json(request)
        once = (channel.id, body["nonce"]) if body.get("enforce_nonce") else None
        if once in self.nonces:
            return reply(self.nonces[once].payload())
        message = self._make_message(channel, body)
        if once is not None:
            self.nonces[once] = message
        channel.put(message)
        return reply(message.payload())

    async def _edit_message(self, request: web.Request) -> web.StreamResponse:
        message = self._message_of(request)
        if message.author is not self.world.me:
            raise NOT_THE_AUTHOR
        self._change_message(message, await _json(request))
        return reply(message.payload())

    async def _delete_message(self, request: web.Request) -> web.StreamResponse:
        message = self._message_of(request)
        if message.author is not self.world.me and not message.channel.permissions(self.world.me.id) & MANAGE_MESSAGES:
            raise MISSING_PERMISSIONS
        message.delete()
        return web.Response(status=204)

    async def _bulk_delete(self, request: web.Request) -> web.StreamResponse:
        channel = self._channel_of(request, MANAGE_MESSAGES)
        wanted = [channel.message(int(identifier)) for identifier in (await _json(request))["messages"]]
        channel.delete_messages(message for message in wanted if message is not None)
        return web.Response(status=204)

    async def _nothing(self, request: web.Request) -> web.StreamResponse:
        self._channel_of(request)
        return web.Response(status=204)

    async def _archived_threads(self, request: web.Request) -> web.StreamResponse:
        parent, kind = self._channel_of(request, VIEW | HISTORY), request.match_info.get("kind", "private")
        archived = [
            thread
            for thread in parent.guild.channels.values()
            if thread.parent is parent
            and thread.archived
            and (thread.type.name == f"{kind.upper()}_THREAD")
            and thread.permissions(self.world.me.id) & VIEW
        ]
        return reply(self._thread_list(archived))

    async def _open_thread(self, request: web.Request) -> web.StreamResponse:
        parent, body = self._channel_of(request, SEND), await _json(request)
        private = body.get("type") == ChannelType.PRIVATE_THREAD
        thread = parent.thread(body["name"], parent.guild.me, private=private)
        answer = thread.payload()
        if "message" in body:  # a post in a forum begins with its message, which has the post's id
            first = self._make_message(thread, body["message"])
            first.id = thread.id
            answer["message"] = thread.put(first).payload()
        return reply(answer, status=201)

    async def _thread_member(self, request: web.Request) -> web.StreamResponse:
        thread, user_id = self._channel_of(request), int(request.match_info["user"])
        if user_id not in thread.member_ids:
            raise UNKNOWN_MEMBER
        return reply(thread.member_payload(user_id))

    async def _thread_members(self, request: web.Request) -> web.StreamResponse:
        thread = self._channel_of(request)
        return reply([thread.member_payload(user_id) for user_id in sorted(thread.member_ids)])

    async def _join_thread(self, request: web.Request) -> web.StreamResponse:
        thread = self._channel_of(request)
        thread.join(thread.guild.me)
        return web.Response(status=204)

    def _make_message(self, channel: Channel, body: Json, *, asked: Asked | None = None, flags: int = 0) -> Message:
        """A message of the bot from what it posted; `flags` are set besides its own."""
        reason = rejection(body)
        if reason:
            raise Refusal(400, 50035, f"Invalid Form Body: {reason}")
        fields = {key: body[key] for key in ("embeds", "components", "poll", "allowed_mentions") if body.get(key)}
        fields["flags"] = body.get("flags", 0) | flags
        replied = body.get("message_reference")
        reply_to = channel.message(int(replied["message_id"])) if replied else None
        if asked is not None:
            fields["interaction_metadata"] = asked.metadata()
            fields["application_id"] = str(self.world.me.id)
        content = body.get("content") or ""
        return Message(channel, self.world.snowflake(), self.world.me, content, reply_to=reply_to, fields=fields)

    def _change_message(self, message: Message, body: Json) -> None:
        reason = rejection(body, message.fields.get("flags", 0))
        if reason:
            raise Refusal(400, 50035, f"Invalid Form Body: {reason}")
        if "content" in body:
            message.content = body["content"] or ""
        fields = {key: body[key] or [] for key in ("embeds", "components") if key in body}
        message.revise(**fields, flags=message.fields.get("flags", 0) | (body.get("flags") or 0))

    # interactions

    def _asked(self, request: web.Request) -> Asked:
        asked = next((asked for asked in reversed(self.asked) if asked.token == request.match_info["token"]), None)
        if asked is None:
            raise UNKNOWN_WEBHOOK
        return asked

    async def _callback(self, request: web.Request) -> web.StreamResponse:
        asked = next((asked for asked in self.asked if str(asked.id) == request.match_info["interaction"]), None)
        if asked is None or asked.token != request.match_info["token"] or asked.expired:
            raise UNKNOWN_INTERACTION
        if asked.callback is not None:
            raise ALREADY_ACKNOWLEDGED
        body = await _json(request)
        data = body.get("data") or {}
        made = asked.makes_message(body["type"], data)
        message = None if made is None else self._make_message(asked.channel, data, asked=asked, flags=made)
        changes = asked.changes_message(body["type"], data)
        if changes is not None:
            self._change_message(changes, data)
        asked.acknowledge(body["type"], data, message)
        return reply(asked.acknowledged())

    async def _follow_up(self, request: web.Request) -> web.StreamResponse:
        asked, body = self._asked(request), await _json(request)
        if asked.callback is None:
            raise UNKNOWN_WEBHOOK
        if asked.waiting and asked.original is not None:
            # the first follow-up to a deferred answer takes its place, ephemeral or not as it was deferred
            self._fill(asked, asked.original, body)
            return reply(asked.original.payload())
        message = self._make_message(asked.channel, body, asked=asked)
        asked.follow_up(message)
        return reply(message.payload())

    def _answer_of(self, request: web.Request) -> tuple[Asked, Message]:
        asked = self._asked(request)
        message = asked.message(request.match_info["message"])
        if message is None:
            raise UNKNOWN_MESSAGE if asked.callback is not None else UNKNOWN_WEBHOOK
        return asked, message

    async def _get_answer(self, request: web.Request) -> web.StreamResponse:
        return reply(self._answer_of(request)[1].payload())

    async def _edit_answer(self, request: web.Request) -> web.StreamResponse:
        asked, message = self._answer_of(request)
        self._fill(asked, message, await _json(request))
        return reply(message.payload())

    def _fill(self, asked: Asked, message: Message, body: Json) -> None:
        self._change_message(message, body)
        asked.filled(message)

    async def _delete_answer(self, request: web.Request) -> web.StreamResponse:
        asked, message = self._answer_of(request)
        message.delete()
        asked.deleted.append(message)
        return web.Response(status=204)


async def _body(request: web.Request) -> Json | list[Json] | None:
    """The JSON of a request, of a form's `payload_json` where files come with it; None where there is none."""
    if BODY not in request:
        request[BODY] = await _read_body(request)
    body: Json | list[Json] | None = request[BODY]
    return body


async def _read_body(request: web.Request) -> Json | list[Json] | None:
    if request.content_type == "multipart/form-data":
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name == "payload_json":
                return cast(Json, json.loads(await part.text()))
        return {}
    with contextlib.suppress(json.JSONDecodeError):
        return cast(Json | list[Json], json.loads(await request.text()))
    return None


async def _json(request: web.Request) -> Json:
    body = await _body(request)
    if not isinstance(body, dict):
        raise Refusal(400, 50109, "The request body contains invalid JSON.")
    return body


__all__ = ["Asked", "LoopbackDiscord", "Recorded", "eventually"]
