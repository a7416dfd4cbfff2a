"""What discord.py can't read, as events and in the history, against the real process: nothing of it is lost."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from bot.domain import snowflake
from tests.acceptance.community import plain
from tests.acceptance.stores import canary, execute, logged, rows, said_by_people
from tests.fixtures.payloads import ATTACHMENT, POLL
from tests.fixtures.process import Stage
from tests.loopback.discord import eventually
from tests.loopback.discord_world import Channel, Json, Member, Message

UNREADABLE_POLL = POLL | {"expiry": None}
CANT_BE_READ = "could not be read"


def reply_to_a_thread_that_is_null(author: Json) -> Json:
    first = {"id": "7", "author": author, "content": "first", "type": 0, "thread": None}
    return {
        "type": 19,
        "message_reference": {"type": 0, "channel_id": "7", "message_id": "7"},
        "referenced_message": first,
    }


def without(payload: Json, field: str) -> Json:
    return {name: value for name, value in payload.items() if name != field}


def odd_fields(kind: str, ada: Member) -> Json:
    """Wire fields of a message that discord.py can't read."""
    author = ada.user.payload()
    return {
        "a poll without an end": {"poll": UNREADABLE_POLL},
        "a poll answer without text": {
            "poll": POLL | {"answers": [{"answer_id": 1, "poll_media": {"emoji": {"id": None, "name": "⬆"}}}]}
        },
        "an author without a discriminator": {"author": without(author, "discriminator")},
        "a reply to what has no thread": reply_to_a_thread_that_is_null(author),
        "an attachment without a proxy": {"attachments": [without(ATTACHMENT, "proxy_url")]},
    }[kind]


KEPT = {
    "a poll without an end": "odd\n[poll: Where to? (North; South)]",
    "a poll answer without text": "odd\n[poll: Where to? (⬆)]",
    "an author without a discriminator": "odd",
    "a reply to what has no thread": "odd",
    "an attachment without a proxy": "odd\n[attachment: Plan (the plan)]",
}


def say_that_all_is_silent(last_message_id: int, event: str, payload: Json) -> Json:
    """Begin sessions with channels in which nothing was said since a message of long ago."""
    if event != "GUILD_CREATE":
        return payload
    channels = [channel | {"last_message_id": str(last_message_id)} for channel in payload["channels"]]
    return payload | {"channels": channels}


def contents(stage: Stage) -> dict[int, str]:
    return dict(rows(stage.bot.database, "SELECT id, content FROM messages"))


async def agree(stage: Stage, *channels: Channel) -> None:
    """Wait until the log holds what people said there, each message once."""

    def compared() -> bool:
        stage.bot.check()
        return logged(stage.bot.database, *channels) == said_by_people(*channels)

    await eventually(compared, within=20, what="every message in the log, once")


async def up_to(stage: Stage, channel: Channel, message: Message) -> None:
    """Wait until the channel is read up to a message, so that live ones alone move that on."""
    checkpoint = "SELECT checkpoint FROM channels WHERE channel_id = ?"
    await eventually(
        lambda: rows(stage.bot.database, checkpoint, channel.id) == [(message.id,)], within=20, what="the checkpoint"
    )


@pytest.mark.slow
async def test_a_message_that_can_not_be_read_as_it_came_is_read_in_the_history(stage: Stage) -> None:
    general, ada = await stage.without_model()
    await up_to(stage, general, general.say(ada, "Said before all of it."))
    odd = {}
    for kind in KEPT:
        general.say(ada, f"Said before {kind}.")
        odd[kind] = general.say(ada, "odd", **odd_fields(kind, ada)).id
        general.say(ada, f"Said after {kind}.")
    await agree(stage, general)
    assert {kind: contents(stage)[message_id] for kind, message_id in odd.items()} == KEPT
    await up_to(stage, general, general.say(ada, "And on it goes."))
    assert len(stage.discord.gateway.identifies) == 1
    assert "Traceback" not in stage.bot.logs()


@pytest.mark.slow
async def test_the_first_message_after_weeks_of_silence_is_not_lost_where_it_can_not_be_read(stage: Stage) -> None:
    general, ada = await stage.without_model()
    await up_to(stage, general, general.say(ada, "Said before weeks of silence."))
    await stage.bot.terminate()
    silent_since = snowflake.from_datetime(datetime.now(UTC) - timedelta(days=20))
    execute(stage.bot.database, "UPDATE channels SET checkpoint = ?, observed_from = ?", silent_since, silent_since)
    stage.discord.gateway.alter = partial(say_that_all_is_silent, silent_since)
    await stage.bot.start()
    general.say(ada, "odd", **odd_fields("a reply to what has no thread", ada))
    await agree(stage, general)


@pytest.mark.slow
async def test_status_tells_that_events_could_not_be_read(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada", guild.role("Admins", "manage_guild"))
    stage.observe(general)
    await stage.bot.start(MEM0_ENABLED="false")
    await stage.bot.noticed(general)
    general.say(ada, "", poll=UNREADABLE_POLL)
    await agree(stage, general)
    status = await stage.discord.command(ada, general, "memory status").answer(within=20)
    assert f"1 event of Discord, in all servers, {CANT_BE_READ}" in status.text


@pytest.mark.slow
async def test_pages_of_history_with_messages_that_can_not_be_read_are_read_whole(stage: Stage) -> None:
    general, ada = await stage.without_model()
    await stage.discord.gateway.invalidate()
    general.say(ada, "", poll=UNREADABLE_POLL)
    for number in range(210):  # more than two pages, and a bad one at each place in them
        general.say(ada, f"Said to nobody, number {number}.")
        if number in (0, 98, 150, 209):
            general.say(ada, "", poll=UNREADABLE_POLL)
    lost = general.say(ada, "Neither can this be read.", edited_timestamp="no time")
    await eventually(
        lambda: logged(stage.bot.database, general) + Counter([lost.id]) == said_by_people(general), within=30
    )
    assert rows(stage.bot.database, "SELECT part, item, channel_id FROM set_aside") == [
        ("observer", str(lost.id), general.id)
    ]
    assert stage.discord.requests_to(f"GET /channels/{general.id}/messages/{lost.id}")
    assert f"Message {lost.id} of channel {general.id}" in stage.bot.logs()
    sessions = len(stage.discord.gateway.identifies)
    await stage.discord.gateway.invalidate()  # what is kept is compared now before it is shown, on pages with bad ones
    await eventually(lambda: len(stage.discord.gateway.identifies) > sessions, within=30)
    answer = await stage.discord.command(ada, general, "recall", query="number 151").answer(within=20)
    assert "number 151" in answer.text
    await up_to(stage, general, general.say(ada, "And on it goes."))
    assert "Traceback" not in stage.bot.logs()


@pytest.mark.slow
async def test_an_edit_in_the_short_form_is_found_by_comparing(stage: Stage) -> None:
    stage.bot.environment["SWEEP_REQUESTS_PER_MINUTE"] = "600"
    general, ada = await stage.without_model()
    word = canary()
    message = general.say(ada, f"The {word} is behind the door.")
    await agree(stage, general)
    message.content, message.edited_at = "It is gone.", datetime.now(UTC)
    short = {"id": str(message.id), "channel_id": str(general.id), "guild_id": str(general.guild.id)}
    stage.discord.gateway.dispatch("MESSAGE_UPDATE", short, general.guild, general)
    await eventually(lambda: contents(stage).get(message.id) == "It is gone.", within=20)
    assert word not in plain(await stage.discord.command(ada, general, "recall", query="door").answer(within=20))


@pytest.mark.slow
@pytest.mark.parametrize("fields", [("id", "guild_id"), ("id",)])
async def test_a_delete_that_does_not_say_where_is_carried_out(stage: Stage, fields: tuple[str, ...]) -> None:
    general, ada = await stage.without_model()
    message, other = general.say(ada, "Take this back."), general.say(ada, "This stays.")
    await agree(stage, general)
    general.drop([message.id])
    place = {"id": str(message.id), "guild_id": str(general.guild.id)}
    stage.discord.gateway.dispatch("MESSAGE_DELETE", {name: place[name] for name in fields}, general.guild, general)
    await eventually(lambda: contents(stage).keys() & {message.id, other.id} == {other.id}, within=20)


@pytest.mark.slow
async def test_a_ready_that_can_not_be_read_closes_the_connection_for_another(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada")
    stage.observe(general)
    garbled = iter([True])

    def alter(event: str, payload: Json) -> Json:
        if event == "READY" and next(garbled, False):
            general.say(ada, "Said while nothing was ready.")
            return without(payload, "shard")
        return payload

    await stage.bot.start(MEM0_ENABLED="false")
    await stage.bot.noticed(general)
    stage.discord.gateway.alter = alter
    await stage.discord.gateway.invalidate()
    await eventually(lambda: len(stage.discord.gateway.identifies) == 3, within=30, what="another session")
    await agree(stage, general)
    general.say(ada, "Said later.")
    await agree(stage, general)


@pytest.mark.slow
async def test_a_server_whose_channels_lack_what_discord_py_counts_on_is_there(stage: Stage) -> None:
    def alter(event: str, payload: Json) -> Json:
        if event != "GUILD_CREATE":
            return payload
        channels = [without(channel, "position") | {"permission_overwrites": None} for channel in payload["channels"]]
        return payload | {"channels": channels}

    stage.discord.gateway.alter = alter
    general, ada = await stage.without_model()
    general.say(ada, "Said in a strange server.")
    await agree(stage, general)


@pytest.mark.slow
async def test_one_channel_that_nobody_could_read_does_not_take_its_server_away(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    broken, private, general = guild.text("broken"), guild.text("private"), guild.text("general")
    ada = guild.member("Ada")
    private.overwrite(guild.everyone, deny=["view_channel"])
    private.overwrite(guild.me, allow=["view_channel", "read_message_history", "send_messages"])
    thread = general.thread("aside", ada)

    def alter(event: str, payload: Json) -> Json:
        if event != "GUILD_CREATE":
            return payload
        channels = [
            channel | {"permission_overwrites": [None]} if channel["id"] == str(broken.id) else channel
            for channel in payload["channels"]
        ]
        return payload | {"channels": channels}

    stage.discord.gateway.alter = alter
    stage.observe(general, private)
    await stage.bot.start(MEM0_ENABLED="false")
    await stage.bot.noticed(general, private)
    word = canary()
    for place in (general, thread, private):
        place.say(ada, f"Said in {place.name}: {word}.")
    await agree(stage, general, thread, private)
    shown = plain(await stage.discord.command(ada, general, "recall", query=word).answer(within=20))
    assert ("Said in general" in shown, "Said in private" in shown) == (True, False)
    assert "CHANNEL_CREATE of Discord's gateway could not be read" in stage.bot.logs()
