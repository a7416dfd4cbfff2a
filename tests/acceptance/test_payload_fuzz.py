"""Discord's documented objects with what may be missing or null, against the real process: nothing stops or is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.acceptance.stores import logged, rows, said_by_people
from tests.fixtures.payloads import ROLE, Json, shuffled, variants
from tests.fixtures.process import Stage
from tests.loopback.discord import eventually
from tests.loopback.discord_world import Channel, Member, Message

SEEDS = range(200)
"""Payloads in which many things are missing at once."""


@dataclass(eq=False)
class OddMessage(Message):
    """A message that comes as it is given, but for its place, its author's id and its text."""

    given: Json = field(default_factory=dict)

    def payload(self) -> Json:
        place = {"id": str(self.id), "channel_id": str(self.channel.id), "content": self.content}
        edited = {"edited_timestamp": self.edited_at.isoformat()} if self.edited_at else {}
        return self.given | place | edited | {"author": self.given["author"] | {"id": str(self.author.id)}}

    def event(self) -> Json:
        return self.payload() | {"guild_id": str(self.channel.guild.id)}


def odd_messages() -> Iterator[Json]:
    for _, payload in variants("message"):
        yield payload
    for seed in SEEDS:
        yield shuffled("message", seed)


def say_odd_things(channel: Channel, member: Member) -> None:
    for number, payload in enumerate(odd_messages()):
        message = OddMessage(channel, channel.world.snowflake(), member.user, f"odd number {number}", given=payload)
        channel.put(message)
        if number % 20 == 0:
            channel.say(member, f"plain number {number}")


def otherwise(stage: Stage, *channels: Channel) -> list[str]:
    """What is in the log with another text than it has now, or without its poll."""
    contents: dict[int, str] = dict(rows(stage.bot.database, "SELECT id, content FROM messages"))
    said = [message for channel in channels for message in channel.messages if not message.author.bot]
    return [
        message.content
        for message in said
        if not contents[message.id].startswith(message.content)
        or ("[poll: " in contents[message.id]) != (isinstance(message, OddMessage) and bool(message.given.get("poll")))
    ]


async def all_there(stage: Stage, *channels: Channel) -> None:
    """Wait until the log holds what people said there, each message once and with its text."""

    def compared() -> bool:
        stage.bot.check()
        return logged(stage.bot.database, *channels) == said_by_people(*channels)

    await eventually(compared, within=120, what="every message in the log, once")
    assert otherwise(stage, *channels) == []
    assert rows(stage.bot.database, "SELECT * FROM set_aside") == []


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_messages_come_into_the_log_and_change_there_whatever_is_missing_in_them(stage: Stage) -> None:
    stage.bot.environment["SWEEP_REQUESTS_PER_MINUTE"] = "600"
    general, ada = await stage.without_model()
    say_odd_things(general, ada)
    await all_there(stage, general)
    assert len(stage.discord.gateway.identifies) == 1, "no event ended the connection"
    await stage.discord.gateway.invalidate()
    say_odd_things(general, ada)
    await all_there(stage, general)
    for message in general.messages[::7]:  # each is written by itself
        if message.author is ada.user:
            message.edit(f"changed {message.content}")
    await eventually(lambda: not otherwise(stage, general), within=120, what="every new text in the log")
    await all_there(stage, general)
    assert len(stage.discord.gateway.identifies) == 2
    assert "Traceback" not in stage.bot.logs()


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_channels_threads_and_roles_are_there_whatever_is_missing_in_them(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada")
    odd: dict[str, Json] = {}

    def alter(event: str, payload: Json) -> Json:
        if event == "GUILD_CREATE":
            changed = {kind: [odd.get(item["id"], item) for item in payload[kind]] for kind in ("channels", "threads")}
            return payload | changed | {"roles": [*payload["roles"], *roles()]}
        return odd.get(str(payload.get("id")), payload)

    def roles() -> Iterator[Json]:
        yield from (variant | {"id": str(guild.id + number)} for number, (_, variant) in enumerate(variants("role"), 1))

    def wear(channel: Channel, variant: Json, *fields: str) -> Channel:
        """Let a channel come as this payload, but for these fields."""
        real = channel.payload()
        odd[str(channel.id)] = variant | {name: real[name] for name in ("id", "guild_id", "type", "name", *fields)}
        return channel

    channels = [wear(guild.text(f"odd-{number}"), payload) for number, payload in enumerate(odd_of("channel"))]
    voices = [wear(guild.voice(f"voice-{number}"), payload) for number, payload in enumerate(odd_of("channel"))]
    threads = [
        wear(general.thread(f"aside-{number}", ada), payload, "parent_id")
        for number, payload in enumerate(odd_of("thread"))
    ]
    places = [general, *channels, *voices, *threads]
    stage.observe(general, *channels, *voices)
    stage.discord.gateway.alter = alter
    await stage.bot.start(MEM0_ENABLED="false")
    await stage.bot.noticed(general, *channels, *voices, within=120)
    for place in places:
        place.say(ada, f"Said in {place.name}.")
    await all_there(stage, *places)
    for place in places[1:]:
        place.announce()
        place.say(ada, f"Said in {place.name} after it changed.")
    for _, variant in variants("role"):
        guild.emit("GUILD_ROLE_CREATE", {"guild_id": str(guild.id), "role": variant | {"id": ROLE["id"]}})
        guild.emit("GUILD_ROLE_UPDATE", {"guild_id": str(guild.id), "role": variant | {"id": ROLE["id"]}})
    await all_there(stage, *places)
    assert len(stage.discord.gateway.identifies) == 1, "no event ended the connection"
    await stage.discord.gateway.invalidate()
    for place in places:
        place.say(ada, f"Said in {place.name} while the bot was away.")
    await all_there(stage, *places)
    assert "could not be read" not in stage.bot.logs()
    assert "Traceback" not in stage.bot.logs()


def odd_of(kind: str) -> Iterator[Json]:
    for _, payload in variants(kind):
        yield payload
