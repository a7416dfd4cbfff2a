"""The gateway of the loopback Discord: sessions, their events, and the ways in which they break."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from tests.loopback.discord_world import VIEW, Channel, Guild, Json

if TYPE_CHECKING:
    from tests.loopback.discord import LoopbackDiscord

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT = 0, 1, 2, 6, 7
REQUEST_MEMBERS, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 8, 9, 10, 11
INTENT_GUILDS, INTENT_MEMBERS, INTENT_PRESENCES = 1, 1 << 1, 1 << 8
INTENT_MESSAGES, INTENT_CONTENT = 1 << 9, 1 << 15
PRIVILEGED = INTENT_MEMBERS | INTENT_PRESENCES | INTENT_CONTENT
INTENT_OF = (("MESSAGE_", INTENT_MESSAGES), ("GUILD_MEMBER_", INTENT_MEMBERS), ("INTERACTION_", 0))
CONTENT_FIELDS: Json = {"content": "", "embeds": [], "attachments": [], "components": []}
RESUMABLE_EVENTS = 50_000  # kept for each session so that a RESUME can replay them
CLOSE_UNKNOWN_OP, CLOSE_NOT_AUTHENTICATED, CLOSE_BAD_TOKEN = 4001, 4003, 4004
CLOSE_INVALID_SHARD, CLOSE_DISALLOWED_INTENTS = 4010, 4014


@dataclass(eq=False)
class Session:
    """A client's session: it outlives its connection, so that RESUME can bring what was missed."""

    id: str
    shard: tuple[int, int]
    intents: int
    connection: Connection | None
    sequence: int = 0
    sent: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=RESUMABLE_EVENTS))

    def hears(self, event: str, guild: Guild) -> bool:
        """Whether this session's shard and intents cover an event of a guild."""
        needed = next((intent for prefix, intent in INTENT_OF if event.startswith(prefix)), INTENT_GUILDS)
        return (guild.id >> 22) % self.shard[1] == self.shard[0] and self.intents & needed == needed

    def send(self, event: str, payload: Json) -> None:
        """Queue an event; a session without a connection keeps it for RESUME."""
        self.sequence += 1
        text = json.dumps({"op": DISPATCH, "t": event, "s": self.sequence, "d": payload})
        self.sent.append((self.sequence, text))
        if self.connection is not None:
            self.connection.queue.put_nowait(text)

    def missed(self, sequence: int) -> list[str] | None:
        """The events after `sequence`, or None where they are no longer known."""
        if sequence > self.sequence or (self.sent and sequence < self.sent[0][0] - 1):
            return None
        return [text for number, text in self.sent if number > sequence]


@dataclass(eq=False)
class Connection:
    """One websocket, and what is still to be written to it."""

    ws: web.WebSocketResponse
    request: web.Request
    compressor: Any
    queue: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    session: Session | None = None

    async def write(self, text: str) -> None:
        if self.compressor is None:
            await self.ws.send_str(text)
            return
        data = self.compressor.compress(text.encode()) + self.compressor.flush(zlib.Z_SYNC_FLUSH)
        await self.ws.send_bytes(data)

    async def say(self, op: int, data: object) -> None:
        await self.write(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def abort(self) -> None:
        """Break off without a closing handshake, as a lost network does."""
        if self.request.transport is not None:
            self.request.transport.abort()


class Gateway:
    """Serves websockets, and can fail in all the ways that a gateway does.

    Attributes:
        heartbeat_interval: seconds; what HELLO asks for.
        acknowledges: whether heartbeats are answered.
        refusals: how many of the next connections to break off before HELLO.
        identifies: identify payloads that came in (without the token), oldest first.
        resumes: how many RESUMEs succeeded.
        delivered: how many events were written to sockets.
        alter: changes what an event says before it is sent; for payloads that clients don't expect.
    """

    def __init__(self, discord: LoopbackDiscord) -> None:
        self._discord = discord
        self.heartbeat_interval = 41.25
        self.acknowledges = True
        self.refusals = 0
        self.attempts = 0
        self.identifies: list[Json] = []
        self.resumes = 0
        self.delivered = 0
        self.alter: Callable[[str, Json], Json] = lambda event, payload: payload
        self._sessions: dict[str, Session] = {}
        self._connections: set[Connection] = set()
        self._after: list[tuple[int, Callable[[], None]]] = []
        self._going = asyncio.Event()
        self._going.set()

    # what a test does and asks

    @property
    def connected(self) -> list[Session]:
        """Sessions with a live connection."""
        return [session for session in self._sessions.values() if session.connection is not None]

    @property
    def idle(self) -> bool:
        """Whether everything queued was written."""
        return all(connection.queue.empty() for connection in self._connections)

    def drop(self) -> None:
        """Lose every connection without a word; sessions can be resumed."""
        for connection in list(self._connections):
            connection.abort()

    def hold(self) -> None:
        """Write no more events, as a gateway that hangs, until `go_on`."""
        self._going.clear()

    def go_on(self) -> None:
        """Write what was held."""
        self._going.set()

    async def garble(self) -> None:
        """Write what is neither JSON nor compressed."""
        for connection in list(self._connections):
            await connection.ws.send_bytes(b"garbage\x00\x00\xff\xff")

    async def close(self, code: int) -> None:
        """Close every connection with this code; those after which there is no resuming end the session."""
        for connection in list(self._connections):
            await connection.ws.close(code=code)

    async def reconnect(self) -> None:
        """Ask every client to reconnect and resume."""
        for session in self.connected:
            if session.connection is not None:
                await session.connection.say(RECONNECT, None)

    async def invalidate(self, *, resumable: bool = False) -> None:
        """Tell every client that its session is invalid; unless resumable, the session and its events are gone."""
        for session in self.connected:
            connection = session.connection
            if not resumable:
                self.forget(session)
            if connection is not None:
                await connection.say(INVALID_SESSION, resumable)

    def forget(self, session: Session | None = None) -> None:
        """Forget a session, or all of them: a RESUME then fails and what happened meanwhile is lost to the client."""
        for known in [session] if session is not None else list(self._sessions.values()):
            self._sessions.pop(known.id, None)

    def after_events(self, count: int, act: Callable[[], None]) -> None:
        """Call `act` once `count` more events were written to the client."""
        self._after.append((self.delivered + count, act))

    async def stop(self) -> None:
        """Close every connection."""
        for connection in list(self._connections):
            connection.abort()
        self._sessions.clear()

    # what the server does

    def dispatch(self, event: str, payload: Json, guild: Guild, channel: Channel | None) -> None:
        """Send an event to every session that is to hear it."""
        if channel is not None and event.startswith("MESSAGE_") and not self._sees(channel):
            return
        for session in self._sessions.values():
            if session.hears(event, guild):
                session.send(event, self.alter(event, self._cut_content(session, event, payload)))

    def _sees(self, channel: Channel) -> bool:
        return bool(channel.permissions(self._discord.world.me.id) & VIEW)

    def _cut_content(self, session: Session, event: str, payload: Json) -> Json:
        """Without the message content intent others' content stays empty."""
        if session.intents & INTENT_CONTENT or event not in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            return payload
        if payload["author"]["id"] == str(self._discord.world.me.id):
            return payload
        return payload | CONTENT_FIELDS

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One websocket from HELLO to its end."""
        self.attempts += 1
        if self.refusals > 0:
            self.refusals -= 1
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)
        ws = web.WebSocketResponse(max_msg_size=0)
        await ws.prepare(request)
        compressor = zlib.compressobj() if request.query.get("compress") == "zlib-stream" else None
        connection = Connection(ws, request, compressor)
        self._connections.add(connection)
        try:
            await connection.say(HELLO, {"heartbeat_interval": int(self.heartbeat_interval * 1000)})
            await self._talk(connection)
        except (ConnectionError, RuntimeError):  # the socket went away while something was written
            pass
        finally:
            self._connections.discard(connection)
            self._detach(connection)
        return ws

    async def _talk(self, connection: Connection) -> None:
        writer: asyncio.Task[None] | None = None
        try:
            async for message in connection.ws:
                if message.type is not WSMsgType.TEXT:
                    continue
                if await self._hear(connection, json.loads(message.data)) and writer is None:
                    writer = asyncio.create_task(self._write(connection))
        finally:
            if writer is not None:
                writer.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await writer

    async def _write(self, connection: Connection) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                text = await connection.queue.get()
                await self._going.wait()
                await connection.write(text)
                self.delivered += 1
                self._count()

    def _count(self) -> None:
        due = [entry for entry in self._after if entry[0] <= self.delivered]
        for entry in due:
            self._after.remove(entry)
            entry[1]()

    async def _hear(self, connection: Connection, message: Json) -> bool:
        """Take in one payload of the client; True once the connection has a session to write for."""
        op, data = message.get("op"), message.get("d") or {}
        if op == HEARTBEAT:
            if self.acknowledges:
                await connection.say(HEARTBEAT_ACK, None)
        elif op == IDENTIFY:
            await self._identify(connection, data)
        elif op == RESUME:
            await self._resume(connection, data)
        elif op == REQUEST_MEMBERS and connection.session is not None:
            self._send_members(connection.session, data)
        elif op not in (3, 4):  # presence and voice state change nothing here
            await connection.ws.close(code=CLOSE_UNKNOWN_OP)
        return connection.session is not None

    async def _identify(self, connection: Connection, data: Json) -> None:
        self.identifies.append({key: value for key, value in data.items() if key != "token"} | {"at": time.monotonic()})
        if data["token"] != self._discord.token:
            await connection.ws.close(code=CLOSE_BAD_TOKEN)
            return
        if data["intents"] & PRIVILEGED & ~self._discord.privileged:
            await connection.ws.close(code=CLOSE_DISALLOWED_INTENTS)
            return
        shard: tuple[int, int] = tuple(data.get("shard", (0, 1)))
        if not 0 <= shard[0] < shard[1]:
            await connection.ws.close(code=CLOSE_INVALID_SHARD)
            return
        for old in [known for known in self._sessions.values() if known.shard == shard and known.connection is None]:
            self.forget(old)
        session = Session(secrets.token_hex(16), shard, data["intents"], connection)
        connection.session = session
        self._welcome(session)
        self._sessions[session.id] = session

    def _welcome(self, session: Session) -> None:
        world = self._discord.world
        guilds = [guild for guild in world.guilds.values() if session.hears("GUILD_CREATE", guild)]
        ready = {
            "v": 10,
            "user": world.me.payload(),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": self._discord.gateway_url,
            "shard": list(session.shard),
            "application": {"id": str(world.me.id), "flags": self._discord.application_flags},
        }
        session.send("READY", self.alter("READY", ready))
        for guild in guilds:
            session.send("GUILD_CREATE", self.alter("GUILD_CREATE", guild.create_payload() | {"unavailable": False}))

    async def _resume(self, connection: Connection, data: Json) -> None:
        session = self._sessions.get(data["session_id"])
        missed = None if session is None else session.missed(data["seq"] or 0)
        if session is None or missed is None or data["token"] != self._discord.token:
            await connection.say(INVALID_SESSION, False)
            return
        if session.connection is not None:
            session.connection.abort()
        for text in missed:
            connection.queue.put_nowait(text)
        session.connection = connection
        connection.session = session
        session.send("RESUMED", {})
        self.resumes += 1

    def _send_members(self, session: Session, data: Json) -> None:
        guild = self._discord.world.guilds[int(data["guild_id"])]
        wanted = {int(identifier) for identifier in data.get("user_ids", [])}
        prefix = str(data.get("query") or "").lower()
        found = [
            member.payload()
            for member in guild.members.values()
            if (member.id in wanted if wanted else member.name.lower().startswith(prefix))
        ]
        chunk = {"guild_id": str(guild.id), "members": found, "chunk_index": 0, "chunk_count": 1}
        session.send("GUILD_MEMBERS_CHUNK", chunk | {"nonce": data.get("nonce")})

    def _detach(self, connection: Connection) -> None:
        session = connection.session
        if session is None or session.connection is not connection:
            return
        session.connection = None
        if connection.ws.close_code in (1000, 1001):  # the client said goodbye: its session ends
            self.forget(session)
