"""Discord's documented objects, with what may be missing or null, in the shape that discord.py reads."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import discord
import pytest
from discord.ext import commands

from cogs.connection import EventReader
from cogs.content import content_of
from cogs.pages import RawMessage, UnreadableMessage
from cogs.payloads import EventPlace, place_of
from tests.fixtures.payloads import CHANNEL, MESSAGE, ROLE, THREAD, USER, Json, shuffled, variants
from tests.loopback.discord_world import World

SEEDS = range(50)
GUILD, PLACE = 1, 2
KINDS_OF_CHANNELS = (0, 2, 4, 5, 13, 15)


class Client:
    """discord.py without a connection, in one server with one channel.

    Attributes:
        missed: events that could not be read.
    """

    def __init__(self, state: Any) -> None:  # noqa: ANN401 - of the sharded client
        self.state = state
        self.missed: list[tuple[str, Any]] = []
        state.shard_ids = [0]
        me: Any = USER
        state.user = discord.ClientUser(state=state, data=me)
        EventReader(state.parsers, lambda event, data: self.missed.append((event, data)), Counter())
        self.tell("GUILD_CREATE", self.server())

    def tell(self, event: str, data: Json) -> None:
        """The gateway sends an event."""
        self.state.parsers[event](copy.deepcopy(data))

    @staticmethod
    def server(**parts: list[Json]) -> Json:
        """A server as GUILD_CREATE tells of it, with these parts added."""
        guild = World().guild("Workshop").create_payload() | {"id": str(GUILD), "unavailable": False}
        guild["roles"][0]["id"] = str(GUILD)
        guild["channels"] = [CHANNEL | {"id": str(PLACE), "name": "general"}]
        return guild | {name: [*guild[name], *added] for name, added in parts.items()}

    @property
    def guild(self) -> discord.Guild:
        guild = self.state._get_guild(GUILD)
        assert isinstance(guild, discord.Guild)
        return guild

    def read(self, payload: Json) -> str:
        """What is kept of a message."""
        channel = self.guild.get_channel(PLACE)
        assert isinstance(channel, discord.TextChannel)
        entry = RawMessage(int(payload["id"]), copy.deepcopy(payload), channel, self.state.create_message)
        return entry.read(lambda message: content_of(message, may_quote=lambda _: True))


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    intents = discord.Intents(guilds=True, guild_messages=True, message_content=True)
    flags = discord.MemberCacheFlags.none()
    async with commands.AutoShardedBot("!", intents=intents, member_cache_flags=flags, max_messages=None) as bot:
        yield Client(bot._connection)


def odd(kind: str) -> Iterator[Json]:
    for _, payload in variants(kind):
        yield payload
    for seed in SEEDS:
        yield shuffled(kind, seed)


async def test_of_every_message_what_is_kept_can_be_read(client: Client) -> None:
    assert [payload for payload in odd("message") if not client.read(payload).startswith("said")] == []


@pytest.mark.parametrize("number", KINDS_OF_CHANNELS)
async def test_every_channel_can_be_read(client: Client, number: int) -> None:
    ids: Json = {"guild_id": str(GUILD), "id": f"8{number}", "type": number}
    for payload in odd("channel"):
        client.tell("CHANNEL_CREATE", payload | ids)
        client.tell("CHANNEL_UPDATE", payload | ids)
        client.tell("GUILD_CREATE", client.server(channels=[payload | ids]))
        assert client.guild.get_channel(int(ids["id"]))
        assert client.guild.by_category()
    assert client.missed == []


async def test_every_thread_can_be_read(client: Client) -> None:
    ids = {"guild_id": str(GUILD), "id": THREAD["id"], "parent_id": str(PLACE)}
    for payload in odd("thread"):
        for event in ("THREAD_CREATE", "THREAD_UPDATE"):
            client.tell(event, payload | ids)
        client.tell("THREAD_LIST_SYNC", {"guild_id": str(GUILD), "threads": [payload | ids], "members": []})
        client.tell("GUILD_CREATE", client.server(threads=[payload | ids]))
        assert client.guild.get_thread(int(THREAD["id"]))
    assert client.missed == []


async def test_every_role_and_member_can_be_read(client: Client) -> None:
    for payload in odd("role"):
        for event in ("GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE"):
            client.tell(event, {"guild_id": str(GUILD), "role": payload})
        client.tell("GUILD_CREATE", client.server(roles=[payload]))
        assert client.guild.get_role(int(ROLE["id"]))
    for payload in odd("member"):
        client.tell("GUILD_MEMBER_UPDATE", payload | {"guild_id": str(GUILD), "user": USER})
    assert client.missed == []


async def test_one_role_or_channel_that_can_not_be_read_is_left_out_of_its_server_alone(client: Client) -> None:
    broken = CHANNEL | {"permission_overwrites": [None]}
    client.tell("GUILD_CREATE", client.server(channels=[broken, CHANNEL | {"id": "82"}], roles=[{"id": "x"}, ROLE]))
    assert {channel.id for channel in client.guild.channels} == {PLACE, 82}
    assert {role.id for role in client.guild.roles} == {GUILD, int(ROLE["id"])}
    assert [event for event, _ in client.missed] == ["GUILD_ROLE_CREATE", "CHANNEL_CREATE"]


async def test_what_can_not_be_read_inside_a_message_is_left_out_alone(client: Client) -> None:
    assert client.read(MESSAGE | {"attachments": [None, *MESSAGE["attachments"]], "poll": {"answers": 7}}) == (
        "said\n[attachment: Plan (the plan)]\n[sticker: Wave]\n[forwarded: forwarded [attachment: Plan (the plan)] "
        "[sticker: Wave]]"
    )


@pytest.mark.parametrize("change", [{"author": None}, {"edited_timestamp": "no time"}, {"author": {"id": "x"}}])
async def test_a_message_without_what_it_is_kept_by_can_not_be_read(client: Client, change: Json) -> None:
    with pytest.raises(UnreadableMessage) as refusal:
        client.read(MESSAGE | {"poll": None} | change)
    assert "no time" not in str(refusal.value), "no content of a message"


@pytest.mark.parametrize(
    ("event", "data", "place"),
    [
        ("MESSAGE_CREATE", {"guild_id": "1", "channel_id": "2", "id": "3"}, EventPlace(1, 2)),
        ("MESSAGE_DELETE", {"guild_id": "1", "id": "3"}, EventPlace(1, None, [3])),
        ("MESSAGE_DELETE_BULK", {"ids": ["3", None, "x", "4"]}, EventPlace(None, None, [3, 4])),
        ("CHANNEL_UPDATE", {"guild_id": "1", "id": "2"}, EventPlace(1, 2)),
        ("GUILD_UPDATE", {"id": "1"}, EventPlace(1, None)),
        ("MESSAGE_UPDATE", {"guild_id": "9" * 30, "channel_id": None}, EventPlace(None, None)),
        ("MESSAGE_CREATE", None, EventPlace(None, None)),
        ("MESSAGE_CREATE", [1], EventPlace(None, None)),
    ],
)
def test_an_event_that_can_not_be_read_says_where_it_was_as_far_as_it_does(
    event: str, data: object, place: EventPlace
) -> None:
    assert place_of(event, data) == place
