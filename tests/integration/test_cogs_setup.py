"""/setup, one panel with steps, and categories: switched on with all their channels, and followed."""

from __future__ import annotations

from typing import Any

import discord
import pytest
import simcord

from bot.guilds.audit import Action
from bot.guilds.rules import ConsentRule
from cogs.views.setup import STEPS
from tests.fixtures.discord import World, answer_of, buttons_of, shown

CANNOT = discord.PermissionOverwrite(send_messages=False)


async def at_step(world: World, result: simcord.InteractionResult, number: int) -> str:
    """Go on to a step; what it says."""
    for _ in range(number - 1):
        await world.boss.click(answer_of(result), label="Next")
    return shown(result)


def notices(channel: simcord.ChannelHandle) -> list[str]:
    return [message.content for message in channel.history() if "is observed from now on" in message.content]


def observed(world: World, *channels: simcord.ChannelHandle) -> list[bool]:
    return [world.services.guilds.observations.observed(channel.id) for channel in channels]


@pytest.fixture
def projects(world: World) -> simcord.ChannelHandle:
    """A category."""
    return world.guild.create_category("projects")


# --- the panel -------------------------------------------------------------------------------------------------------


async def test_the_panel_leads_through_all_steps_and_back_in_one_message(world: World) -> None:
    await world.observe()
    result = await world.boss.slash(world.general, "setup")
    page, seen = answer_of(result), [shown(result)]
    for _ in STEPS[1:]:
        await world.boss.click(page, label="Next")
        seen.append(shown(result))
    for text, told in zip(
        seen,
        (
            "I lack nothing in the channels that are observed",
            world.general.mention,
            "Whose messages",
            "at most **30 days**",
            "*Don't remember me*",
            "`/ask`",
        ),
        strict=True,
    ):
        assert told in text
        assert len(text) < 4000
    assert "Step 6 of 6" in seen[-1]
    assert world.general.mention in seen[-1]
    assert [button.get("disabled", False) for button in buttons_of(page)] == [False, True]
    for _ in STEPS[1:]:
        await world.boss.click(page, label="Back")
    assert shown(result) == seen[0]
    assert [button.get("disabled", False) for button in buttons_of(page)] == [True, False]
    assert len(result.followups) + (result.response is not None) == 1, "one message"


async def test_the_permissions_that_are_lacking_are_named_channel_by_channel(world: World) -> None:
    await world.observe()
    real = world.guild_now.get_channel(world.general.id)
    assert isinstance(real, discord.TextChannel)
    await real.set_permissions(world.guild_now.me, send_messages=False)
    await world.env.settle()
    text = shown(await world.boss.slash(world.general, "setup"))
    assert f"{world.general.mention}: I lack **Send Messages**" in text


async def test_setup_switches_channels_on_and_off_and_names_what_could_not_be(world: World) -> None:
    other = world.guild.create_text_channel("other")
    assert world.guild.me is not None
    mute = world.guild.create_text_channel("mute", overwrites={world.guild.me: CANNOT})
    await world.observe()
    result = await world.boss.slash(world.general, "setup")
    assert world.general.mention in await at_step(world, result, 2)
    await world.boss.select(answer_of(result), [other, mute])
    assert observed(world, world.general, other, mute) == [False, True, False]
    assert notices(other)
    assert f"I lack **Send Messages** in {mute.mention}" in shown(result)
    assert "not observed any more" in world.general.last_message.content  # type: ignore[union-attr]


async def test_rules_and_lifetimes_are_chosen_in_the_panel(world: World) -> None:
    result = await world.boss.slash(world.general, "setup")
    await at_step(world, result, 3)
    menus = menus_of(answer_of(result).components)
    await world.boss.select(answer_of(result), ["opted_in"], custom_id=menus[0])
    rules = world.services.guilds.consents.rules
    assert rules.of(world.guild.id).consent is ConsentRule.OPTED_IN
    await world.boss.click(answer_of(result), label="Next")
    menus = menus_of(answer_of(result).components)
    await world.boss.select(answer_of(result), ["decision"], custom_id=menus[0])
    menus = menus_of(answer_of(result).components)
    await world.boss.select(answer_of(result), ["90"], custom_id=menus[1])
    assert rules.of(world.guild.id).lifetimes["decision"] == 90  # type: ignore[index]
    assert "Step 4" in shown(result)


def menus_of(components: list[dict[str, Any]]) -> list[str]:
    """The ids of select menus, in their order."""
    ids = []
    for component in components:
        if component.get("type") == discord.ComponentType.select.value:
            ids.append(str(component["custom_id"]))
        ids += menus_of(component.get("components", []))
    return ids


async def test_every_press_in_the_panel_checks_the_right_again(world: World) -> None:
    result = await world.boss.slash(world.general, "setup")
    await world.boss.click(answer_of(result), label="Next")
    before = shown(result)
    member = await world.guild_now.fetch_member(world.boss.id)
    await member.remove_roles(discord.Object(world.managers.id))
    await world.env.settle()
    assert "Manage Server" in shown(await world.boss.select(answer_of(result), [world.general]))
    assert "Manage Server" in shown(await world.boss.click(answer_of(result), label="Next"))
    assert shown(result) == before
    assert observed(world, world.general) == [False]


# --- categories ------------------------------------------------------------------------------------------------------


async def test_a_category_stands_for_its_channels_and_what_can_not_be_is_named(
    world: World, projects: simcord.ChannelHandle
) -> None:
    plans = world.guild.create_text_channel("plans", category=projects)
    talk = world.guild.create_voice_channel("talk", category=projects)
    assert world.guild.me is not None
    mute = world.guild.create_text_channel("mute", category=projects, overwrites={world.guild.me: CANNOT})
    result = await world.boss.slash(world.general, "observe on", channel=projects)
    assert observed(world, plans, talk, mute, world.general) == [True, True, False, False]
    assert plans.mention in shown(result)
    assert f"I lack **Send Messages** in {mute.mention}" in shown(result)
    assert "come into it later" in shown(result)
    assert notices(plans)
    assert "observed already" not in shown(result)
    listed = shown(await world.boss.slash(world.general, "observe list"))
    assert plans.mention in listed
    ended = await world.boss.slash(world.general, "observe off", channel=projects)
    assert observed(world, plans, talk) == [False, False]
    assert plans.mention in shown(ended)
    assert "not observed any more" in plans.last_message.content  # type: ignore[union-attr]
    again = shown(await world.boss.slash(world.general, "observe off", channel=projects))
    assert "is not observed, nor is any channel of it" in again


async def test_a_category_leaves_alone_what_its_admin_does_not_see(
    world: World, projects: simcord.ChannelHandle
) -> None:
    hidden = discord.PermissionOverwrite(view_channel=False)
    assert world.guild.me is not None
    secret = world.guild.create_text_channel(
        "secret",
        category=projects,
        overwrites={world.guild.default_role: hidden, world.guild.me: discord.PermissionOverwrite(view_channel=True)},
    )
    result = await world.boss.slash(world.general, "observe on", channel=projects)
    assert observed(world, secret) == [False]
    assert secret.mention not in shown(result)


async def test_a_channel_that_comes_into_the_category_follows_it(world: World, projects: simcord.ChannelHandle) -> None:
    await world.boss.slash(world.general, "observe on", channel=projects)
    created = world.guild.create_text_channel("created", category=projects)
    await world.durable()
    assert observed(world, created) == [True]
    (notice,) = notices(created)
    assert world.boss.mention in notice
    said = await world.say(world.ann, "in the new one", created)
    assert said.id in await world.logged()
    entry = (await world.services.guilds.audit.newest(world.guild.id, 1))[0]
    assert (entry.action, entry.actor_id, entry.channel_id) == (Action.OBSERVE_ON, world.boss.id, created.id)
    moved = world.guild.create_text_channel("moved")
    await world.durable()
    assert observed(world, moved) == [False]
    real, category = world.guild_now.get_channel(moved.id), world.guild_now.get_channel(projects.id)
    assert isinstance(real, discord.TextChannel)
    assert isinstance(category, discord.CategoryChannel)
    await real.edit(category=category)
    await world.durable()
    assert observed(world, moved) == [True]


async def test_what_has_permissions_of_its_own_or_was_switched_off_does_not_follow(
    world: World, projects: simcord.ChannelHandle
) -> None:
    await world.boss.slash(world.general, "observe on", channel=projects)
    hidden = discord.PermissionOverwrite(view_channel=False)
    assert world.guild.me is not None
    own = world.guild.create_text_channel(
        "own",
        category=projects,
        overwrites={world.guild.default_role: hidden, world.guild.me: discord.PermissionOverwrite(view_channel=True)},
    )
    off = world.guild.create_text_channel("off", category=projects)
    await world.durable()
    assert observed(world, own, off) == [False, True]
    await world.boss.slash(world.general, "observe off", channel=off)
    await world.gateway("shard_ready", 0)
    assert observed(world, own, off) == [False, False]
    assert own.history() == []


async def test_what_would_follow_but_can_not_be_told_is_named_and_follows_when_it_can(
    world: World, projects: simcord.ChannelHandle
) -> None:
    await world.boss.slash(world.general, "observe on", channel=projects)
    category = world.guild_now.get_channel(projects.id)
    assert isinstance(category, discord.CategoryChannel)
    assert world.guild.me is not None
    await category.set_permissions(world.guild_now.me, overwrite=CANNOT)
    mute = world.guild.create_text_channel("mute", category=projects, overwrites={world.guild.me: CANNOT})
    await world.durable()
    assert observed(world, mute) == [False]
    text = shown(await world.boss.slash(world.general, "setup"))
    assert f"{mute.mention}: I lack **Send Messages**" in text
    real = world.guild_now.get_channel(mute.id)
    assert isinstance(real, discord.TextChannel)
    await category.set_permissions(world.guild_now.me, overwrite=None)
    await real.set_permissions(world.guild_now.me, overwrite=None)
    await world.durable()
    assert observed(world, mute) == [True]


async def test_what_was_created_while_the_bot_was_away_follows_when_it_is_back(
    world: World, projects: simcord.ChannelHandle
) -> None:
    created = world.guild.create_text_channel("created", category=projects)
    await world.durable()
    await world.services.guilds.observations.switch_on(
        guild_id=world.guild.id, channel_id=projects.id, parent_id=None, name="", by=world.boss.id, from_id=1
    )
    for _ in range(2):
        await world.gateway("shard_ready", 0)
    assert observed(world, created) == [True]
    assert len(notices(created)) == 1


async def test_a_category_is_chosen_in_the_panel(world: World, projects: simcord.ChannelHandle) -> None:
    plans = world.guild.create_text_channel("plans", category=projects)
    result = await world.boss.slash(world.general, "setup")
    await at_step(world, result, 2)
    await world.boss.select(answer_of(result), [projects])
    assert observed(world, plans) == [True]
    assert projects.mention in shown(result)
    await world.boss.select(answer_of(result), [])
    assert observed(world, plans) == [False]
