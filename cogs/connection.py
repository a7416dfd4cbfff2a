"""The gateway connection: whom it reaches, what it reads in between, and what becomes of what can't be read."""

from __future__ import annotations

import asyncio
import logging
import re
import zlib
from collections import Counter
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any

import aiohttp
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from cogs.faults import UNPARSED, where
from cogs.payloads import mended, with_poll, without_nulls

log = logging.getLogger(__name__)

GARBLED = 4002
"""The close code for what can't be decoded."""

OF_SERVERS = frozenset(
    {
        "GUILD_CREATE",
        "GUILD_UPDATE",
        "GUILD_ROLE_CREATE",
        "GUILD_ROLE_UPDATE",
        "GUILD_MEMBER_UPDATE",
        "CHANNEL_CREATE",
        "CHANNEL_UPDATE",
        "THREAD_CREATE",
        "THREAD_UPDATE",
        "THREAD_LIST_SYNC",
    }
)
"""Events that tell of a server and what is in it."""

LEFT_OUT = frozenset({"emojis", "stickers", "presences", "voice_states", "stage_instances", "guild_scheduled_events"})
"""What nobody here needs of a server that can't be read whole."""

OF_MESSAGES = frozenset({"MESSAGE_CREATE", "MESSAGE_UPDATE"})

_API_VERSION = re.compile(r"/v\d+$")

Parser = Callable[[Any], Any]
Missed = Callable[[str, Any], None]
"""Told of each event that can't be read: its name, and its data."""


def use_proxies(api_url: str | None, gateway_url: str | None) -> None:
    """Send REST calls and gateway connections of this process to other addresses than Discord's own.

    discord.py keeps both addresses on its classes, so this counts for the whole process.

    Args:
        api_url: base of the REST API; `/v10` is added where it names no version.
        gateway_url: address of the gateway.
    """
    if api_url is not None:
        Route.BASE = api_url if _API_VERSION.search(api_url) else f"{api_url}/v10"
    if gateway_url is not None:
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)


def give_way() -> None:
    """Let everything else have its turn after each payload that the gateway connections of this process read.

    discord.py reads on for as long as its socket holds something: in a burst of 6,000 messages, with both cores busy,
    nothing else ran for 4.2 s at a time; so it is 1.4 s. What is no event at all may have been one, and without READY
    nothing is known of any server: the connection is given up for a new session, with growing waits. Of other events
    `EventReader` takes care.
    """
    read = DiscordWebSocket.received_message

    async def read_and_give_way(self: DiscordWebSocket, message: Any, /) -> None:  # noqa: ANN401
        try:
            await read(self, message)
        except (*UNPARSED, zlib.error) as error:
            await self.close(GARBLED)
            raise aiohttp.ClientPayloadError(f"garbled gateway ({where(error)})") from None
        await asyncio.sleep(0)

    DiscordWebSocket.received_message = read_and_give_way  # type: ignore[method-assign]


class EventReader:
    """Lets no event that discord.py can't read pass unnoticed, or end the connection.

    Args:
        parsers: discord.py's, by the name of the event; each is replaced.
        missed: told of what can't be read, before any other event is.
        counts: told under `unreadable_events` how many these are.
    """

    def __init__(self, parsers: MutableMapping[str, Parser], missed: Missed, counts: Counter[str]) -> None:
        self._parsers = dict(parsers)
        self._missed = missed
        self._counts = counts
        for event in parsers.keys() - {"READY", "RESUMED"}:  # without them there is no connection
            parsers[event] = partial(self.read, event)

    def read(self, event: str, data: Any) -> None:  # noqa: ANN401 - as Discord sent it
        """Read one event."""
        try:
            if event in OF_SERVERS:
                self._read_of_server(event, mended(event, data))
            else:
                self._parsers[event](with_poll(data) if event in OF_MESSAGES else data)
        except Exception as error:  # noqa: BLE001 - whatever discord.py stumbles upon, other events are read
            self._counts["unreadable_events"] += 1
            log.error("%s of Discord's gateway could not be read (%s)", event, where(error))  # noqa: TRY400
            self._missed(event, data)

    def _read_of_server(self, event: str, data: dict[str, Any]) -> None:
        try:
            self._parsers[event](data)
        except UNPARSED:
            data = without_nulls(data)
            if event == "GUILD_CREATE":
                self._read_in_parts(data)
            else:
                self._parsers[event](data)

    def _read_in_parts(self, server: dict[str, Any]) -> None:
        """Read a server one part after another, so that one that can't be read is left out alone."""
        bare = {name: value for name, value in server.items() if name not in LEFT_OUT}
        self._parsers["GUILD_CREATE"]({**bare, "roles": [], "channels": [], "threads": []})
        for role in server["roles"]:
            self.read("GUILD_ROLE_CREATE", {"guild_id": server["id"], "role": role})
        for kind in ("channel", "thread"):
            for part in server[f"{kind}s"]:
                self.read(f"{kind.upper()}_CREATE", {**part, "guild_id": server["id"]})
