"""The notice of a channel, its buttons, the end of an observation, and /channels."""

from __future__ import annotations

import discord
import simcord

from bot.guilds.rules import ConsentRule, FactsRule
from cogs.client import ChannelMemoryBot
from cogs.views.notice import NoticeButton
from tests.fixtures.discord import World, answer_of, shown
from tests.fixtures.languages import LANGUAGES


def the_notice(world: World, channel: simcord.ChannelHandle | None = None) -> discord.Message:
    notices = [m for m in (channel or world.general).history() if "is observed from now on" in m.content]
    return notices[-1]


async def test_what_is_kept_of_me_is_told_to_who_presses_after_a_restart_too(world: World) -> None:
    await world.observe()
    await world.remembered(world.ann, "something")
    await world.env.restart_bot(ChannelMemoryBot(world.services, LANGUAGES, shard_count=1))
    for member, cited in ((world.ann, 1), (world.bob, 0)):
        pressed = await member.click(the_notice(world), custom_id=NoticeButton.STATUS)
        assert answer_of(pressed).ephemeral
        assert f"cite what you said: {cited} (" in shown(pressed)
        assert "**observed**" in shown(pressed)


async def test_dont_remember_me_asks_once_and_is_then_done_in_this_server(world: World) -> None:
    await world.observe()
    await world.say(world.ann, "mine")
    await world.say(world.bob, "bob stays")
    notice, consents = the_notice(world), world.services.guilds.consents
    asked = await world.ann.click(notice, custom_id=NoticeButton.OPT_OUT)
    assert "every server" in shown(asked), "the way to opt out everywhere is named"
    await world.ann.click(answer_of(asked), label="Keep it")
    assert await world.contents() == ["mine", "bob stays"]
    asked = await world.ann.click(notice, custom_id=NoticeButton.OPT_OUT)
    await world.ann.click(answer_of(asked), label="Opt out and delete")
    await world.durable()
    assert "nothing of yours is left" in shown(asked)
    assert await world.contents() == ["bob stays"]
    assert consents.opted_out(world.guild.id, world.ann.id)
    assert not consents.opted_out(world.guild.id + 1, world.ann.id)
    assert not consents.opted_out(world.guild.id, world.bob.id)
    again = await world.ann.click(notice, custom_id=NoticeButton.OPT_OUT)
    assert "/privacy opt-in" in shown(again)


async def test_facts_are_remembered_of_who_presses_and_the_way_back_is_named(world: World) -> None:
    await world.observe()
    notice, consents = the_notice(world), world.services.guilds.consents
    pressed = await world.bob.click(notice, custom_id=NoticeButton.KEEP_FACTS)
    assert "remembered from now on" in shown(pressed)
    assert "/privacy facts keep: off" in shown(pressed)
    assert [consents.facts(world.guild.id, member.id) for member in (world.bob, world.ann)] == [True, False]
    await consents.opt_out(world.ann.id, None)
    assert "opted out" in shown(await world.ann.click(notice, custom_id=NoticeButton.KEEP_FACTS))
    await consents.rules.decide(world.guild.id, facts=FactsRule.NOBODY)
    assert "keeps no facts" in shown(await world.bob.click(notice, custom_id=NoticeButton.KEEP_FACTS))
    await consents.rules.decide(world.guild.id, consent=ConsentRule.OPTED_IN, facts=FactsRule.ASKED)
    assert "/privacy opt-in" in shown(await world.boss.click(notice, custom_id=NoticeButton.KEEP_FACTS))


async def test_a_button_that_is_pressed_over_and_over_says_when_to_come_back(world: World) -> None:
    await world.observe()
    for _ in range(6):
        await world.ann.click(the_notice(world), custom_id=NoticeButton.STATUS)
    assert "try again in" in shown(await world.ann.click(the_notice(world), custom_id=NoticeButton.STATUS))
    assert "What is kept" in shown(await world.bob.click(the_notice(world), custom_id=NoticeButton.STATUS))
    other = await world.ann.click(the_notice(world), custom_id=NoticeButton.KEEP_FACTS)
    assert "remembered from now on" in shown(other), "each button is counted by itself"


async def test_switching_off_ends_the_notice_and_is_said_in_the_channel(world: World) -> None:
    await world.observe()
    notice = the_notice(world)
    result = await world.boss.slash(world.general, "observe off")
    assert "The channel has been told" in shown(result)
    ended = next(message for message in world.general.history() if message.id == notice.id)
    assert "not observed any more, since <t:" in ended.content
    assert world.boss.mention in ended.content
    assert ended.components == []
    told = world.general.last_message
    assert told is not None
    assert told.id != notice.id
    assert told.content.startswith("### This channel is not observed any more\n")
    assert not told.flags.ephemeral


async def test_switching_off_counts_where_it_cannot_be_told(world: World) -> None:
    await world.observe()
    world.env.inject_error("PATCH", "/channels/*/messages/*", status=403)
    world.env.inject_error("POST", "/channels/*/messages", status=403)
    assert "tell the channel yourself" in shown(await world.boss.slash(world.general, "observe off"))
    assert not world.services.guilds.observations.observed(world.general.id)


async def test_a_forum_is_told_in_the_post_that_is_its_notice(world: World) -> None:
    forum = world.guild.create_forum_channel("ideas")
    await world.boss.slash(world.general, "observe on", channel=forum)
    await world.boss.slash(world.general, "observe off", channel=forum)
    (post,) = forum.threads
    assert post.name == "This forum is not observed any more"
    ended, told = (message for message in post.history())
    assert "since <t:" in ended.content
    assert "not observed any more" in told.content


async def test_channels_lists_what_the_asker_sees_and_tells_nothing_of_the_rest(world: World) -> None:
    nothing = shown(await world.ann.slash(world.general, "channels"))
    assert "No channel that you can see is observed" in nothing
    secret = world.secret_channel("secret", world.bob)
    await world.observe(secret)
    assert shown(await world.ann.slash(world.general, "channels")) == nothing, "as if there were no such channel"
    await world.observe()
    of_ann, of_bob = [shown(await member.slash(world.general, "channels")) for member in (world.ann, world.bob)]
    assert (world.general.mention in of_ann, secret.mention in of_ann) == (True, False)
    assert (world.general.mention in of_bob, secret.mention in of_bob) == (True, True)
    assert not any(character.isdigit() for character in of_ann.replace(world.general.mention, "").split("<t:")[0])
    await world.boss.slash(world.general, "observe off")
    assert shown(await world.ann.slash(world.general, "channels")) == nothing


async def test_a_private_thread_is_listed_for_who_is_in_it(world: World) -> None:
    await world.observe()
    channel = world.guild_now.get_channel(world.general.id)
    assert isinstance(channel, discord.TextChannel)
    thread = await channel.create_thread(name="between us", type=discord.ChannelType.private_thread)
    await thread.add_user(discord.Object(world.bob.id))
    await world.services.guilds.observations.switch_on(
        guild_id=world.guild.id,
        channel_id=thread.id,
        parent_id=channel.id,
        name=thread.name,
        by=world.boss.id,
        from_id=1,
    )
    await world.env.settle()
    listed = {m.name: shown(await m.slash(world.general, "channels")) for m in (world.ann, world.bob)}
    assert thread.mention in listed["bob"]
    assert thread.mention not in listed["ann"]


async def test_the_second_page_of_channels_is_of_what_the_asker_sees_by_then(world: World) -> None:
    many = [world.guild.create_text_channel(f"room-{number:02}") for number in range(16)]
    for channel in many:
        await world.services.guilds.observations.switch_on(
            guild_id=world.guild.id, channel_id=channel.id, parent_id=None, name="room", by=None, from_id=1
        )
    result = await world.ann.slash(world.general, "channels")
    assert (many[0].mention in shown(result), many[15].mention in shown(result)) == (True, False)
    await world.ann.click(answer_of(result), label="Next")
    assert (many[0].mention in shown(result), many[15].mention in shown(result)) == (False, True)
    hidden = world.guild_now.get_channel(many[15].id)
    assert isinstance(hidden, discord.TextChannel)
    await hidden.set_permissions(world.guild_now.default_role, view_channel=False)
    await world.env.settle()
    await world.ann.click(answer_of(result), label="Back")
    assert "1 of" not in str(answer_of(result).components), "there is one page only, now that the last is hidden"
    assert many[15].mention not in shown(result)
