"""/upcoming: what lies ahead, and the events that are made of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import discord
import pytest
import simcord

from bot.domain import snowflake
from bot.domain.model import MemoryKind
from cogs.events import AT_WORK_MS, LeftEvents
from tests.fixtures.discord import World, answer_of, buttons_of, open_world, shown
from tests.fixtures.memory import Pipeline
from tests.fixtures.public import take_down

DAY = "2026-01-20"
"""Within the next thirty days of the simulated Discord, which begins on 31 December 2025."""


async def planned(
    world: World,
    text: str,
    channel: simcord.ChannelHandle | None = None,
    *,
    kind: MemoryKind = MemoryKind.PLAN,
) -> discord.Message:
    """Something that was said, and the plan that a model made of it."""
    place = channel or world.general
    message = await world.say(world.ann, text, place)
    await world.pipeline.keep(text, message.id, kind=kind, channel=place.id)
    return message


async def upcoming(world: World, by: simcord.MemberActor | None = None, **options: object) -> simcord.InteractionResult:
    return await (by or world.bob).slash(world.general, "upcoming", **options)


def allow_events(world: World, *members: simcord.MemberActor) -> None:
    """Let these members and the bot make events; simcord wants the older Manage Events of the bot as well."""
    role = world.guild.create_role("Events", permissions=discord.Permissions(create_events=True, manage_events=True))
    for member in members:
        world.env.backend.add_member_role(world.guild.id, member.id, role.id)
    world.env.backend.add_member_role(world.guild.id, world.guild_now.me.id, role.id)


def events(world: World) -> list[Any]:
    """The events of the server, as Discord has them."""
    return list(world.env.backend.get_guild(world.guild.id).scheduled_events.values())


def labels(result: simcord.InteractionResult) -> list[str]:
    return [str(button.get("label")) for button in buttons_of(answer_of(result))]


async def test_it_lists_what_lies_ahead_earliest_first_in_the_servers_days(world: World) -> None:
    await world.observe()
    await planned(world, "The fair is on 2026-01-25.")
    await planned(world, f"The open day is on {DAY} at 14:00.")
    await planned(world, "The party was on 2025-12-01.")
    await planned(world, "The camp is on 2026-06-01.")
    await planned(world, "The shed is painted.")
    await planned(world, "The raid is on 2026-01-28.", kind=MemoryKind.DECISION)
    text = shown(await upcoming(world))
    assert text.startswith("### The next 30 days")
    assert text.index("**Tue 20 Jan, 14:00** · The open day") < text.index("The fair") < text.index("The raid")
    assert not any(word in text for word in ("party", "camp", "shed"))
    assert "camp" in shown(await upcoming(world, days=365))


async def test_a_day_begins_where_the_server_is(pipeline: Pipeline) -> None:
    async with open_world(pipeline) as world:
        await world.observe()
        await world.services.guilds.consents.rules.set_zone(world.guild.id, "Etc/GMT+12")
        await planned(world, "The party is on 2025-12-31.")
        assert "party" in shown(await upcoming(world)), "there it is the 31st still"


async def test_an_empty_one_helps(world: World) -> None:
    await world.observe()
    assert "/browse kind: plans" in shown(await upcoming(world))


async def test_what_one_may_not_read_or_was_deleted_is_left_out(world: World) -> None:
    secret = world.secret_channel("secret", world.ann)
    await world.observe(world.general, secret)
    await planned(world, f"The marzipan comes on {DAY}.", secret)
    gone = await planned(world, f"The cake comes on {DAY}.")
    await world.ann.delete(gone)
    await world.durable()
    text = shown(await upcoming(world))
    assert "marzipan" not in text
    assert "cake" not in text


async def test_an_event_is_offered_only_to_who_may_make_one_of_what_everyone_may_read(world: World) -> None:
    secret = world.secret_channel("secret", world.ann, world.bob)
    await world.observe(world.general, secret)
    await planned(world, f"The open day is on {DAY} at 14:00.")
    await planned(world, f"The party is on {DAY} at 20:00.", secret)
    assert labels(await upcoming(world)) == []
    allow_events(world, world.bob)
    await world.env.settle()
    assert labels(await upcoming(world)) == ["Make event 1"]
    assert labels(await upcoming(world, world.ann)) == [], "she may not make events"


async def test_the_event_tells_what_when_and_where_and_goes_with_its_message(world: World) -> None:
    await world.observe()
    message = await planned(world, f"The open day of <@{world.ann.id}> is on {DAY} at 14:00. @everyone **now**")
    allow_events(world, world.bob)
    await world.env.settle()
    result = await upcoming(world)
    await world.bob.click(answer_of(result), label="Make event 1")
    assert "The event is made" in shown(result)
    (event,) = events(world)
    assert event.name.startswith(f"The open day of ann is on {DAY} at 14:00.")
    assert f"/{world.general.id}/{message.id}" in event.description
    assert r"\*\*now" in event.description, "Discord would show Markdown there"
    assert str(event.scheduled_start_time).startswith("2026-01-20")
    await take_down(world)
    assert events(world), "it stays while its message does"
    await world.ann.edit(message, "The open day is cancelled.")
    await world.durable()
    await take_down(world)
    assert events(world) == []


@pytest.mark.parametrize("change", ["deleted", "erased", "hidden"])
@pytest.mark.matrix
async def test_the_event_goes_when_its_source_goes(world: World, change: str) -> None:
    await world.observe()
    message = await planned(world, f"The open day is on {DAY} at 14:00.")
    allow_events(world, world.bob)
    await world.env.settle()
    await world.bob.click(answer_of(await upcoming(world)), label="Make event 1")
    assert len(events(world)) == 1
    if change == "deleted":
        await world.ann.delete(message)
    elif change == "erased":
        await world.pipeline.erasure.erase_member(world.ann.id, world.guild.id)
    else:
        channel = world.guild_now.get_channel(world.general.id)
        assert isinstance(channel, discord.TextChannel)
        await channel.set_permissions(world.guild_now.default_role, view_channel=False)
    await world.durable()
    await take_down(world)
    assert events(world) == []


async def test_what_was_changed_or_hidden_before_the_press_makes_no_event(world: World) -> None:
    await world.observe()
    message = await planned(world, f"The open day is on {DAY} at 14:00.")
    await planned(world, f"The fair is on {DAY} at 16:00.")
    allow_events(world, world.bob)
    await world.env.settle()
    result = await upcoming(world)
    await world.ann.delete(message)
    await world.durable()
    await world.bob.click(answer_of(result), label="Make event 1")
    assert "No event was made" in shown(result)
    channel = world.guild_now.get_channel(world.general.id)
    assert isinstance(channel, discord.TextChannel)
    result = await upcoming(world)
    managers = world.guild_now.get_role(world.managers.id)
    assert managers is not None
    await channel.set_permissions(managers, view_channel=False)
    await world.env.settle()
    await world.bob.click(answer_of(result), label="Make event 1")
    assert "No event was made" in shown(result)
    assert events(world) == []


async def test_what_changes_while_the_event_is_noted_is_not_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.observe()
    message = await planned(world, f"The open day is on {DAY} at 14:00.")
    allow_events(world, world.bob)
    await world.env.settle()
    result = await upcoming(world)
    record = world.services.posts.record

    async def deleted_meanwhile(*args: Any, **options: Any) -> None:  # noqa: ANN401 - as it is
        await record(*args, **options)
        await world.pipeline.erasure.erase_messages(world.guild.id, world.general.id, {message.id})

    monkeypatch.setattr(world.services.posts, "record", deleted_meanwhile)
    await world.bob.click(answer_of(result), label="Make event 1")
    assert "No event was made" in shown(result)
    assert [event.name for event in events(world)] == ["…"]
    await take_down(world)
    assert events(world) == []


async def test_an_event_that_a_crash_left_is_deleted_by_the_next_process(pipeline: Pipeline) -> None:
    async with open_world(pipeline) as world:
        await world.observe()
        message = await planned(world, f"The open day is on {DAY} at 14:00.")
        allow_events(world, world.bob)
        await world.env.settle()
        await world.bob.click(answer_of(await upcoming(world)), label="Make event 1")
        await pipeline.erasure.erase_messages(
            world.guild.id, world.general.id, {message.id}
        )  # and nobody was there to take it down
        pipeline.restart()
        due = await pipeline.posts.due(10)
        assert [post.message_id for post in due] == [event.id for event in events(world)]
        await take_down(world)
        assert events(world) == []
        assert await pipeline.posts.due(10) == []


@pytest.mark.parametrize("noted", [False, True])
@pytest.mark.matrix
async def test_an_event_that_a_crash_left_without_a_name_is_deleted(
    world: World, monkeypatch: pytest.MonkeyPatch, noted: bool
) -> None:
    await world.observe()
    await planned(world, f"The open day is on {DAY} at 14:00.")
    allow_events(world, world.bob)
    await world.env.settle()
    posts = world.services.posts
    record = posts.record

    async def crash(*args: Any, **options: Any) -> None:  # noqa: ANN401 - as it is
        if noted:
            await record(*args, **options)
        raise asyncio.CancelledError  # nothing that follows is done

    result = await upcoming(world)
    with monkeypatch.context() as crashing:
        crashing.setattr(posts, "record", crash)
        with suppress(asyncio.CancelledError):
            await world.bob.click(answer_of(result), label="Make event 1")
    assert [event.name for event in events(world)] == ["…"]
    left = LeftEvents(posts, lambda: snowflake.to_ms(events(world)[0].id) + AT_WORK_MS)
    with world.env._bot_scope():
        assert not await left.clear(world.guild_now), "it may be in the making"
    assert len(events(world)) == 1
    await world.bob.click(answer_of(await upcoming(world)), label="Make event 1")
    later = LeftEvents(posts, lambda: snowflake.to_ms(events(world)[0].id) + AT_WORK_MS + 1)
    with world.env._bot_scope():
        assert await later.clear(world.guild_now)
    await take_down(world)
    (event,) = events(world)
    assert event.name.startswith("The open day")
