"""What the observer keeps and what it leaves alone, and how it catches up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from fnmatch import fnmatch
from typing import Any

import discord
import pytest
import simcord
from simcord.enums import MessageType
from sqlalchemy import delete
from sqlalchemy.exc import OperationalError

from bot.domain import snowflake
from bot.domain.model import Message
from bot.guilds.audit import Action
from bot.guilds.observation import SETTINGS_FROM
from bot.guilds.threads import Threads
from bot.observe.messagelog import Said
from bot.storage.installation import Installation
from bot.storage.schema import channels, messages
from bot.storage.set_aside_store import RETRY_MS, SetAside
from cogs import content
from cogs.observer import Observer
from tests.fixtures.discord import World, open_world, shown
from tests.fixtures.memory import Pipeline


async def test_messages_of_people_in_observed_channels_are_kept(world: World) -> None:
    await world.observe()
    message = await world.say(world.ann, "hello there")
    kept = (await world.logged())[message.id]
    assert (kept.content, kept.author_id, kept.channel_id) == ("hello there", world.ann.id, world.general.id)
    assert (await world.services.directory.names(world.guild.id, [world.ann.id])) == {world.ann.id: "ann"}


async def test_nothing_is_kept_of_unobserved_channels(world: World) -> None:
    await world.observe()
    other = world.guild.create_text_channel("other")
    message = await world.say(world.ann, "not for you", other)
    await world.ann.edit(message, "still not for you")
    await world.ann.delete(message)
    await world.durable()
    assert await world.contents() == []
    assert await world.pipeline.rows("tombstones") == 0


async def test_bots_webhooks_and_discord_itself_are_left_alone(world: World) -> None:
    await world.observe()
    robot = world.guild.add_member(world.env.create_user("robot", bot=True))
    await robot.send(world.general, "beep")
    await world.guild.create_webhook(world.general).send("hook")
    world.guild.create_system_message(world.general, MessageType.NEW_MEMBER, author=world.bob)
    await world.durable()
    assert await world.contents() == []


async def test_direct_messages_are_left_alone(world: World) -> None:
    await world.observe()
    await world.ann.send_dm("psst")
    await world.durable()
    assert await world.contents() == []


async def test_members_who_opted_out_are_left_alone(world: World) -> None:
    await world.observe()
    await world.services.guilds.consents.opt_out(world.ann.id, None)
    await world.say(world.ann, "forget me")
    await world.say(world.bob, "keep me")
    assert await world.contents() == ["keep me"]


async def test_what_a_message_answers_and_carries_is_kept_with_it(world: World) -> None:
    await world.observe()
    question = await world.say(world.ann, "where is the plan?")
    answer = await world.bob.send(world.general, "here", reply_to=question, attachments=[("plan.pdf", b"%PDF")])
    await world.durable()
    kept = (await world.logged())[answer.id]
    assert kept.reply_to == question.id
    assert kept.content == "here\n[attachment: plan.pdf]"


async def test_a_forwarded_message_is_kept_where_its_source_is_observed(world: World) -> None:
    plans = world.guild.create_text_channel("plans")
    await world.observe(world.general, plans)
    source = await world.say(world.ann, "we meet at nine", plans)
    await world.bob.forward(source, world.general)
    await world.durable()
    assert "[forwarded: we meet at nine]" in await world.contents()


async def test_text_forwarded_from_an_unobserved_channel_is_not_kept(world: World) -> None:
    hidden = world.guild.create_text_channel("hidden")
    await world.observe()
    source = await world.say(world.ann, "unobserved words", hidden)
    await world.bob.forward(source, world.general)
    await world.durable()
    assert await world.contents() == ["[forwarded message]"]


async def test_text_that_the_log_may_not_hold_is_not_kept_when_it_is_forwarded(world: World) -> None:
    await world.observe()
    await world.services.guilds.consents.opt_out(world.ann.id, None)
    robot = world.guild.add_member(world.env.create_user("robot", bot=True))
    for author in (world.ann, robot):
        source = await world.say(author, "sealed words")
        await world.bob.forward(source, world.general)
    await world.durable()
    assert await world.contents() == ["[forwarded message]"] * 2


async def test_reading_back_ends_where_observation_is_switched_off(world: World) -> None:
    said = [await world.ann.send(world.general, f"message {n}") for n in range(5)]
    await world.services.guilds.observations.switch_on(
        guild_id=world.guild.id,
        channel_id=world.general.id,
        parent_id=None,
        name="general",
        by=None,
        from_id=said[0].id,
    )
    real = world.guild_now.get_channel(world.general.id)
    assert isinstance(real, discord.TextChannel)
    observations, backfill = world.services.guilds.observations, world.bot.cogs["Observer"].backfill  # type: ignore[attr-defined]
    offered = world.services.intake.counts["offered"]
    reading = backfill._offer_history(real, said[0].id - 1)
    await observations.switch_off(
        guild_id=world.guild.id, channel_id=world.general.id, parent_id=None, name="general", by=None
    )
    assert await reading is None
    assert world.services.intake.counts["offered"] == offered


async def test_an_edit_replaces_what_is_kept(world: World) -> None:
    await world.observe()
    message = await world.say(world.ann, "we meet on Monday")
    await world.ann.edit(message, "we meet on Tuesday")
    await world.durable()
    assert await world.contents() == ["we meet on Tuesday"]
    result = await world.bob.slash(world.general, "recall", query="Monday")
    assert "Nothing that you can read matches" in shown(result)


async def test_an_edit_after_observation_ended_removes_what_was_kept(world: World) -> None:
    await world.observe()
    message = await world.say(world.ann, "my number is 555")
    await world.boss.slash(world.general, "observe off")
    await world.ann.edit(message, "removed")
    await world.durable()
    assert await world.contents() == []


async def test_a_deleted_message_is_erased(world: World) -> None:
    await world.observe()
    message = await world.say(world.ann, "oops")
    await world.say(world.ann, "fine")
    await world.ann.delete(message)
    await world.durable()
    assert await world.contents() == ["fine"]


async def test_deletion_counts_also_after_observation_ended(world: World) -> None:
    await world.observe()
    message = await world.say(world.ann, "oops")
    await world.boss.slash(world.general, "observe off")
    await world.ann.delete(message)
    await world.durable()
    assert await world.contents() == []


async def test_what_was_imported_from_a_channel_that_nobody_decided_about_is_erased_when_deleted(world: World) -> None:
    other = world.guild.create_text_channel("other")
    imported = await world.ann.send(other, "imported")
    edited = await world.ann.send(other, "imported, then edited")
    foreign = await world.ann.send(other, "never imported")
    for message in (imported, edited):
        kept = Message(
            id=message.id, guild_id=world.guild.id, channel_id=other.id, author_id=world.ann.id, content=message.content
        )
        await world.pipeline.log.append([Said(kept, "ann")])
    await world.ann.delete(imported)
    await world.ann.edit(edited, "something else")
    await world.ann.delete(foreign)
    await world.durable()
    assert await world.contents() == []
    assert await world.pipeline.rows("tombstones") == 2


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.matrix
async def test_what_was_imported_is_erased_though_the_database_was_away_when_it_was_deleted(
    world: World, monkeypatch: pytest.MonkeyPatch, *, whole: bool
) -> None:
    other = world.guild.create_text_channel("other")
    message = await world.ann.send(other, "imported")
    kept = Message(id=message.id, guild_id=world.guild.id, channel_id=other.id, author_id=world.ann.id, content="said")
    await world.pipeline.log.append([Said(kept, "ann")])
    await pass_time(world, 93)

    async def away(*_: object, **__: object) -> None:
        raise OperationalError("SELECT", {}, Exception())

    for name in ("kept_between", "last_kept"):
        monkeypatch.setattr(world.pipeline.log, name, away)
    if whole:
        real = world.guild_now.get_channel(other.id)
        assert isinstance(real, discord.TextChannel)
        await real.delete()
    else:
        await world.ann.delete(message)
    await world.durable()
    monkeypatch.undo()
    await pass_time(world, 93)
    assert await world.contents() == []


async def test_messages_deleted_together_are_erased(world: World) -> None:
    await world.observe()
    first = await world.say(world.ann, "one")
    second = await world.say(world.ann, "two")
    await world.say(world.ann, "three")
    channel = world.guild_now.get_channel(world.general.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.delete_messages([first, second])
    await world.durable()
    assert await world.contents() == ["three"]


async def test_a_deleted_channel_takes_its_messages_and_memories_along(world: World) -> None:
    other = world.guild.create_text_channel("other")
    await world.observe(world.general, other)
    await world.say(world.ann, "stays")
    await world.say(world.ann, "goes", other)
    await world.remembered(world.ann, "goes too", other)
    channel = world.guild_now.get_channel(other.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.delete()
    await world.durable()
    assert await world.contents() == ["stays"]
    assert await world.pipeline.memories() == []


async def a_thread(world: World, *, private: bool = False) -> simcord.ChannelHandle:
    channel = world.guild_now.get_channel(world.general.id)
    assert isinstance(channel, discord.TextChannel)
    kind = discord.ChannelType.private_thread if private else discord.ChannelType.public_thread
    thread = await channel.create_thread(name="side talk", type=kind)
    await world.env.settle()
    return next(handle for handle in world.general.threads if handle.id == thread.id)


async def test_a_public_thread_follows_its_channel(world: World) -> None:
    await world.observe()
    thread = await a_thread(world)
    await world.say(world.ann, "aside", thread)
    assert await world.contents() == ["aside"]
    assert [known.id for known in await Threads(world.pipeline.db).of_guild(world.guild.id)] == [thread.id]


async def test_a_private_thread_is_left_alone_until_it_is_switched_on(world: World) -> None:
    await world.observe()
    thread = await a_thread(world, private=True)
    real = world.guild_now.get_thread(thread.id)
    assert real is not None
    for member in (world.ann, world.boss):
        await real.add_user(discord.Object(member.id))
    await world.say(world.ann, "between us", thread)
    assert await world.contents() == []
    await world.boss.slash(thread, "observe on")
    await world.say(world.ann, "now on record", thread)
    assert "between us" not in await world.contents()
    assert "now on record" in await world.contents()


async def test_a_deleted_thread_is_erased(world: World) -> None:
    await world.observe()
    thread = await a_thread(world)
    await world.say(world.ann, "aside", thread)
    real = world.guild_now.get_thread(thread.id)
    assert real is not None
    await real.delete()
    await world.durable()
    assert await world.contents() == []


async def checkpoint(world: World) -> int:
    return await world.services.log.checkpoint(world.general.id)


async def test_what_was_said_while_the_bot_was_away_is_read_in_order(world: World) -> None:
    said = [await world.ann.send(world.general, f"message {n}") for n in range(30)]
    await world.services.guilds.observations.switch_on(
        guild_id=world.guild.id, channel_id=world.general.id, parent_id=None, name="general", by=None, from_id=1
    )
    await world.gateway("shard_ready", 0)
    assert await world.contents() == [f"message {n}" for n in range(30)]
    assert await checkpoint(world) >= said[-1].id


@pytest.mark.parametrize(("days", "contents"), [(6, ["unheard"]), (8, [])])
async def test_where_a_channel_was_active_history_is_asked_whatever_discord_says_was_last_said_there(
    world: World, days: int, contents: list[str]
) -> None:
    before = await world.ann.send(world.general, "before")
    unheard = await world.say(world.ann, "unheard")
    await world.services.guilds.observations.switch_on(
        guild_id=world.guild.id,
        channel_id=world.general.id,
        parent_id=None,
        name="general",
        by=None,
        from_id=before.id + 1,
    )
    await world.services.guilds.observations.set_notice(world.general.id, world.general.id, before.id)
    real = world.guild_now.get_channel(world.general.id)
    assert isinstance(real, discord.TextChannel)
    real.last_message_id = before.id
    world.pipeline.clock.ms = snowflake.to_ms(unheard.id) + days * 86_400_000
    await world.gateway("shard_ready", 0)
    assert await world.contents() == contents


async def test_nothing_from_before_observation_began_is_read(world: World) -> None:
    await world.ann.send(world.general, "before")
    await world.observe()
    await world.say(world.ann, "after")
    await world.gateway("shard_ready", 0)
    assert await world.contents() == ["after"]


async def test_the_checkpoint_moves_from_the_moment_of_switching_on(world: World) -> None:
    await world.observe()
    message = await world.say(world.ann, "one")
    assert await checkpoint(world) == message.id


async def test_the_checkpoint_stands_still_while_the_connection_is_lost(world: World) -> None:
    await world.observe()
    await world.gateway("shard_ready", 0)
    first = await world.say(world.ann, "one")
    assert await checkpoint(world) == first.id
    await world.gateway("shard_disconnect", 0)
    second = await world.say(world.ann, "two")
    assert await checkpoint(world) == first.id
    await world.gateway("shard_resumed", 0)
    assert await checkpoint(world) == second.id


async def test_a_channel_that_could_not_be_read_stays_behind_and_is_read_later(world: World) -> None:
    await world.observe()
    world.env.inject_error("GET", "/channels/*/messages", status=403, times=None)
    await world.gateway("shard_disconnect", 0)
    await world.say(world.ann, "one")
    before = await checkpoint(world)
    await world.gateway("shard_ready", 0)
    message = await world.say(world.ann, "two")
    assert await checkpoint(world) == before < message.id
    world.env.backend.faults.clear()
    await pass_time(world, 31)
    assert await checkpoint(world) >= message.id
    assert await world.contents() == ["one", "two"]


async def test_what_there_was_no_room_for_is_read_though_discord_does_not_show_it_at_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.observe()
    await world.say(world.ann, "one")
    monkeypatch.setattr(world.services.intake, "_full", lambda: True)
    await world.say(world.ann, "two")
    monkeypatch.undo()
    world.env.inject_error("GET", "/channels/*/messages", status=403, times=None)
    await pass_time(world, 93)
    assert await world.contents() == ["one"]
    world.env.backend.faults.clear()
    await pass_time(world, 93)
    assert await world.contents() == ["one", "two"]
    later = await world.say(world.ann, "three")
    assert await checkpoint(world) == later.id


async def pass_time(world: World, seconds: int) -> None:
    """Let time pass for the database and for Discord, half a minute at a time."""
    for _ in range(-(-seconds // 31)):
        world.pipeline.clock.advance(31)
        await world.env.advance_time(31)
        await world.durable()


@pytest.mark.parametrize("route", ["/channels/*/messages", "/channels/*/threads/archived/public"])
@pytest.mark.matrix
async def test_what_discord_declines_to_show_is_asked_for_ever_less_often(world: World, route: str) -> None:
    async def asked(seconds: int) -> int:
        """How often it is asked for in a time."""
        world.env.http_requests.clear()
        await pass_time(world, seconds)
        return sum(entry.method == "GET" and fnmatch(entry.path, route) for entry in world.env.http_requests)

    await world.observe()
    world.env.inject_error("GET", route, status=403, times=None)
    await world.gateway("shard_disconnect", 0)
    await world.gateway("shard_ready", 0)
    assert 4 <= await asked(900) <= 10
    assert 2 <= await asked(900) <= 5
    assert 2 <= await asked(900) <= 5
    world.env.backend.faults.clear()
    assert await asked(400) == 1
    assert await asked(900) == 0


async def test_an_archived_thread_is_read_though_the_archive_could_not_be_listed_at_first(world: World) -> None:
    await world.observe()
    thread = await a_thread(world)
    await world.ann.send(thread, "said unheard")
    real = world.guild_now.get_thread(thread.id)
    assert real is not None
    await real.edit(archived=True)
    await world.durable()
    async with world.pipeline.db.write() as connection:  # as if nobody had heard it
        for table in (messages, channels):
            await connection.execute(delete(table).where(table.c.channel_id == thread.id))
    world.env.inject_error("GET", "/channels/*/threads/archived/public", status=500, times=None)
    await world.gateway("shard_ready", 0)
    await world.say(world.ann, "said later")
    assert await world.contents() == ["said later"]
    world.env.backend.faults.clear()
    await pass_time(world, 61)
    assert await world.contents() == ["said unheard", "said later"]


async def test_a_channel_that_discord_py_can_not_read_does_not_keep_others_from_being_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = world.guild.create_text_channel("other")
    await world.observe(world.general, other)
    read = discord.TextChannel.history

    def history(self: discord.TextChannel, **options: Any) -> Any:  # noqa: ANN401 - discord.py's own
        if self.id == world.general.id:
            raise TypeError("expiry")
        return read(self, **options)

    await world.services.guilds.observations.reach_back(other.id, 1)
    said = await world.ann.send(other, "read in spite of it")
    async with world.pipeline.db.write() as connection:
        await connection.execute(delete(messages))
    await world.services.guilds.observations.reach_back(other.id, said.id)
    await world.services.guilds.observations.reach_back(world.general.id, 1)
    await world.ann.send(world.general, "unreadable")
    monkeypatch.setattr(discord.TextChannel, "history", history)
    await world.gateway("shard_ready", 0)
    assert "read in spite of it" in await world.contents()


def fail_for(text: str, turn: Callable[..., Said | None]) -> Callable[..., Said | None]:
    """Turns messages into what is kept of them, except those with a text."""

    def turn_or_fail(message: discord.Message, **options: Any) -> Said | None:  # noqa: ANN401 - any option
        if message.content == text:
            raise ArithmeticError
        return turn(message, **options)

    return turn_or_fail


async def test_a_message_that_fails_on_the_way_to_the_log_is_read_in_the_history(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.observe()
    monkeypatch.setattr("cogs.observer.said", fail_for("odd", content.said))
    for text in ("before", "odd", "after"):
        await world.say(world.ann, text)
    assert await world.contents() == ["before", "odd", "after"]


async def test_what_is_lost_while_its_channel_is_read_is_read_once_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.observe()
    observer = world.bot.get_cog("Observer")
    assert isinstance(observer, Observer)
    real = world.bot.http.logs_from
    pages = 0

    async def logs_from(*args: Any, **place: Any) -> list[Any]:  # noqa: ANN401 - discord.py's own
        nonlocal pages
        pages += 1
        page: list[Any] = list(await real(*args, **place))
        if pages == 1:  # it was said after this page was made, and could not be read when it came
            page = [data for data in page if data["content"] != "odd"]
            observer.missed("MESSAGE_CREATE", {"channel_id": str(world.general.id), "guild_id": str(world.guild.id)})
        return page

    monkeypatch.setattr(observer.backfill._pages, "_fetch", logs_from)
    monkeypatch.setattr("cogs.observer.said", fail_for("odd", content.said))
    await world.gateway("shard_disconnect", 0)
    for text in ("before", "odd", "after"):
        message = await world.say(world.ann, text)
    await world.gateway("shard_ready", 0)
    assert await world.contents() == ["before", "odd", "after"]
    assert await checkpoint(world) == message.id


@pytest.mark.parametrize(
    ("event", "marks"), [("INTERACTION_CREATE", False), ("USER_UPDATE", False), ("MESSAGE_UPDATE", True)]
)
@pytest.mark.matrix
async def test_an_odd_event_from_nowhere_has_all_read_again_only_where_it_may_be_about_messages(
    world: World, event: str, marks: bool
) -> None:
    await world.observe()
    await world.say(world.ann, "before")
    observer = world.bot.get_cog("Observer")
    assert isinstance(observer, Observer)
    observer.missed(event, {})
    assert (world.general.id in world.services.intake.missed) is marks
    await world.durable()


async def test_a_message_that_fails_in_the_history_too_is_set_aside_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.observe()
    for place in ("cogs.observer.said", "cogs.backfill.said"):
        monkeypatch.setattr(place, fail_for("odd", content.said))
    for text in ("before", "odd", "after"):
        message = await world.say(world.ann, text)
    assert await world.contents() == ["before", "after"]
    assert await checkpoint(world) == message.id
    (aside,) = await SetAside(world.pipeline.db, world.pipeline.clock).counts(world.guild.id)
    assert (aside.part, aside.items) == ("observer", 1)
    monkeypatch.setattr("cogs.backfill.said", content.said)
    await pass_time(world, 93)
    assert await world.contents() == ["before", "after"]
    world.pipeline.clock.advance(RETRY_MS / 1000)
    await pass_time(world, 601)
    assert await world.contents() == ["before", "odd", "after"]


async def test_a_message_that_was_set_aside_is_read_later_though_its_thread_is_archived(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.observe()
    thread = await a_thread(world)
    for place in ("cogs.observer.said", "cogs.backfill.said"):
        monkeypatch.setattr(place, fail_for("odd", content.said))
    await world.say(world.ann, "odd", thread)
    (aside,) = await SetAside(world.pipeline.db, world.pipeline.clock).counts(world.guild.id)
    assert (aside.part, aside.items) == ("observer", 1)
    real = world.guild_now.get_thread(thread.id)
    assert real is not None
    await real.edit(archived=True)
    await world.durable()
    assert world.guild_now.get_thread(thread.id) is None
    monkeypatch.setattr("cogs.backfill.said", content.said)
    world.pipeline.clock.advance(RETRY_MS / 1000)
    await pass_time(world, 601)
    assert await world.contents() == ["odd"]


async def test_a_thread_that_was_archived_while_the_bot_was_away_is_read_too(world: World) -> None:
    await world.observe()
    thread = await a_thread(world)
    message = await world.ann.send(thread, "said unheard")
    real = world.guild_now.get_thread(thread.id)
    assert real is not None
    await real.edit(archived=True)
    await world.durable()
    async with world.pipeline.db.write() as connection:  # as if nobody had heard it
        for table in (messages, channels):
            await connection.execute(delete(table).where(table.c.channel_id == thread.id))
    assert await world.contents() == []
    await world.gateway("shard_ready", 0)
    assert await world.contents() == ["said unheard"]
    assert await world.services.log.checkpoint(thread.id) == message.id


async def test_an_archived_thread_that_can_not_be_read_keeps_no_other_from_being_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.observe()
    thread = await a_thread(world)
    await world.ann.send(thread, "said unheard")
    real = world.guild_now.get_thread(thread.id)
    assert real is not None
    await real.edit(archived=True)
    await world.durable()
    async with world.pipeline.db.write() as connection:  # as if nobody had heard it
        for table in (messages, channels):
            await connection.execute(delete(table).where(table.c.channel_id == thread.id))
    observer = world.bot.get_cog("Observer")
    assert isinstance(observer, Observer)
    fetch = world.bot.http.get_public_archived_threads

    async def odd_archive(*args: Any, **place: Any) -> dict[str, Any]:  # noqa: ANN401 - discord.py's own
        answer: dict[str, Any] = dict(await fetch(*args, **place))
        bare = [{key: value for key, value in data.items() if key != "owner_id"} for data in answer["threads"]]
        return answer | {"threads": [{"id": "7"}, *bare]}

    monkeypatch.setattr(observer.backfill._listed, "_fetch", odd_archive)
    await world.gateway("shard_ready", 0)
    assert await world.contents() == ["said unheard"]


async def test_a_channel_that_was_deleted_while_the_bot_was_away_is_erased(world: World) -> None:
    other = world.guild.create_text_channel("other")
    await world.observe(world.general, other)
    await world.say(world.ann, "stays")
    await world.say(world.ann, "goes", other)
    world.guild_now._channels.pop(other.id)  # Discord does not list it any more
    world.env.inject_error("GET", f"/channels/{other.id}", status=404, code=10003)
    await world.gateway("shard_ready", 0)
    assert await world.contents() == ["stays"]
    assert not world.services.guilds.observations.observed(other.id)


async def test_a_404_that_is_not_discords_own_erases_nothing(world: World) -> None:
    other = world.guild.create_text_channel("other")
    await world.observe(world.general, other)
    await world.say(world.ann, "stays here too", other)
    world.guild_now._channels.pop(other.id)
    world.env.inject_error("GET", f"/channels/{other.id}", status=404, code=0)  # of a proxy before Discord
    await world.gateway("shard_ready", 0)
    assert await world.contents() == ["stays here too"]
    assert world.services.guilds.observations.observed(other.id)


def settings_name(world: World, channel_ids: tuple[int, ...]) -> None:
    """OBSERVE_CHANNELS has these ids, which are known only now."""
    observer = world.bot.get_cog("Observer")
    assert isinstance(observer, Observer)
    observer.seeding.observe_channels = channel_ids


async def test_channels_of_the_settings_are_switched_on_once_with_a_notice(pipeline: Pipeline) -> None:
    async with open_world(pipeline) as world:
        settings_name(world, (world.general.id,))  # its id is known only now
        for _ in range(2):
            await world.gateway("shard_ready", 0)
        assert world.services.guilds.observations.observed(world.general.id)
        notices = [message.content for message in world.general.history() if "is observed" in message.content]
        assert len(notices) == 1
        assert "the operator of this bot" in notices[0]
        (entry,) = await world.services.guilds.audit.newest(world.guild.id, 10)
        assert (entry.action, entry.actor_id, entry.channel_id) == (Action.OBSERVE_ON, None, world.general.id)
        await world.boss.slash(world.general, "observe off")
        await world.gateway("shard_ready", 0)
        assert not world.services.guilds.observations.observed(world.general.id)


async def test_a_channel_of_the_settings_that_can_not_be_told_is_not_observed(pipeline: Pipeline) -> None:
    async with open_world(pipeline) as world:
        settings_name(world, (world.general.id,))  # its id is known only now
        world.env.inject_error("POST", f"/channels/{world.general.id}/messages", status=403, code=50013, times=None)
        await world.gateway("shard_ready", 0)
        assert not world.services.guilds.observations.observed(world.general.id)
        await world.say(world.ann, "said without a notice")
        assert await world.contents() == []


async def test_the_settings_switch_nothing_on_that_was_there_at_a_restore(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not known what was decided about it, so an admin decides."""
    async with open_world(pipeline) as world:
        observed = world.services.guilds.observations
        await Installation(pipeline.db).set(SETTINGS_FROM, str(snowflake.to_ms(world.general.id) + 1))
        await observed.load()
        settings_name(world, (world.general.id,))
        await world.gateway("shard_ready", 0)
        assert not observed.observed(world.general.id)
        assert "is observed" not in str([message.content for message in world.general.history()])
        await world.gateway("ready")
        assert f"OBSERVE_CHANNELS: since a restore {world.general.id} waits for an admin's `/observe on`" in caplog.text
        await world.boss.slash(world.general, "observe on")
        assert observed.observed(world.general.id)


async def test_a_category_of_the_settings_stands_for_its_channels(pipeline: Pipeline) -> None:
    async with open_world(pipeline) as world:
        category = world.guild.create_category("projects")
        plans = world.guild.create_text_channel("plans", category=category)
        talk = world.guild.create_voice_channel("talk", category=category)
        settings_name(world, (category.id,))
        await world.gateway("shard_ready", 0)
        observed = world.services.guilds.observations
        assert observed.observed(plans.id)
        assert observed.observed(talk.id)
        assert not observed.observed(world.general.id)


async def test_what_the_settings_name_in_vain_is_told(pipeline: Pipeline, caplog: pytest.LogCaptureFixture) -> None:
    async with open_world(pipeline) as world:
        empty = world.guild.create_category("empty")
        settings_name(world, (7, empty.id, world.general.id))
        await world.gateway("ready")
    told = [record.message for record in caplog.records if "OBSERVE_CHANNELS" in record.message]
    assert told == [
        "OBSERVE_CHANNELS: 7 is no channel that this bot can see",
        f"OBSERVE_CHANNELS: nothing is said in {empty.id} that could be observed",
    ]


async def test_a_server_that_is_joined_later_is_observed_at_once(pipeline: Pipeline) -> None:
    async with open_world(pipeline) as world:
        await world.durable()  # nothing is under way that would look at the settings
        settings_name(world, (world.general.id,))
        await world.gateway("guild_join", world.guild_now)
        assert world.services.guilds.observations.observed(world.general.id)
        await world.say(world.ann, "said at once")
        assert await world.contents() == ["said at once"]


async def test_what_discord_tells_while_the_bot_stops_starts_no_reading(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.observe()
    observer: Any = world.bot.cogs["Observer"]
    asked: list[int] = []

    async def logs_from(channel_id: int, *args: object, **kwargs: object) -> list[object]:
        asked.append(channel_id)
        return []

    await asyncio.gather(*observer.backfill._tasks.values())
    monkeypatch.setattr(observer.backfill._pages, "_fetch", logs_from)
    await observer.backfill.close()
    await world.gateway("shard_disconnect", 0)
    await world.gateway("shard_ready", 0)
    assert not observer.backfill._tasks
    assert asked == []
