"""/observe, /setup, joining; /privacy."""

from __future__ import annotations

import discord
from discord import app_commands

from tests.fixtures.discord import World, answer_of, shown


async def test_switching_on_posts_one_visible_notice(world: World) -> None:
    result = await world.boss.slash(world.general, "observe on")
    assert "is observed from now on" in shown(result)
    (notice,) = [message for message in world.general.history() if "is observed" in message.content]
    for told in ("by decision of", world.boss.mention, "30 days", "/privacy opt-out"):
        assert told in notice.content
    assert not notice.flags.ephemeral
    again = await world.boss.slash(world.general, "observe on")
    assert "observed already" in shown(again)
    assert len([m for m in world.general.history() if "is observed" in m.content]) == 1
    status = await world.services.guilds.observations.status(world.general.id)
    assert status is not None
    assert (status.notice_message_id, status.decided_by) == (notice.id, world.boss.id)


async def test_reading_back_is_asked_for_told_to_the_channel_and_shows_how_far_it_is(world: World) -> None:
    early = [await world.ann.send(world.general, f"said before, number {number}") for number in range(3)]
    result = await world.boss.slash(world.general, "observe on", read_back=7)
    await world.durable()
    assert "Read back 7 days: " in shown(result)
    assert {message.id for message in early} <= (await world.logged()).keys()
    (notice,) = [message for message in world.general.history() if "is observed" in message.content]
    assert "in the last **7 days**" in notice.content


async def test_an_observed_channel_can_be_read_back_later_and_keeps_nothing_twice(world: World) -> None:
    early = await world.ann.send(world.general, "said before")
    await world.observe()
    later = await world.say(world.ann, "said since")
    assert (await world.logged()).keys() == {later.id}
    result = await world.boss.slash(world.general, "observe on", read_back=1)
    await world.durable()
    assert "Read back 1 day: " in shown(result)
    assert (await world.logged()).keys() == {early.id, later.id}
    live = await world.say(world.ann, "and on")
    assert await world.pipeline.log.checkpoint(world.general.id) == live.id


async def test_without_the_right_to_say_so_nothing_is_observed(world: World) -> None:
    cannot = discord.PermissionOverwrite(send_messages=False)
    assert world.guild.me is not None
    mute = world.guild.create_text_channel("mute", overwrites={world.guild.me: cannot})
    result = await world.boss.slash(world.general, "observe on", channel=mute)
    assert "Send Messages" in shown(result)
    assert not world.services.guilds.observations.observed(mute.id)


async def test_if_discord_refuses_the_notice_nothing_is_observed(world: World) -> None:
    await world.env.settle()  # after the offer of the set-up, which is posted too
    world.env.inject_error("POST", "/channels/*/messages", status=403)
    result = await world.boss.slash(world.general, "observe on")
    assert "does not let me post" in shown(result)
    assert not world.services.guilds.observations.observed(world.general.id)


async def test_off_status_and_list(world: World) -> None:
    empty = await world.boss.slash(world.general, "observe list")
    assert "No channel is observed" in shown(empty)
    assert "is not observed" in shown(await world.boss.slash(world.general, "observe off"))
    await world.observe()
    status = shown(await world.boss.slash(world.general, "observe status"))
    assert "**Observed**" in status
    assert world.boss.mention in status
    assert "general" in shown(await world.boss.slash(world.general, "observe list"))
    assert "not observed any more" in shown(await world.boss.slash(world.general, "observe off"))
    assert "Not observed" in shown(await world.boss.slash(world.general, "observe status"))


async def test_forums_get_their_notice_as_a_post_and_voice_chats_in_the_chat(world: World) -> None:
    forum, voice = world.guild.create_forum_channel("ideas"), world.guild.create_voice_channel("lounge")
    assert "is observed" in shown(await world.boss.slash(world.general, "observe on", channel=forum))
    assert "is observed" in shown(await world.boss.slash(world.general, "observe on", channel=voice))
    assert "observed" in (forum.threads[0].last_message or voice.last_message).content  # type: ignore[union-attr]
    assert "is observed" in voice.last_message.content  # type: ignore[union-attr]


async def test_members_cannot_switch_anything(world: World) -> None:
    for command in ("observe on", "observe off", "observe status", "observe list", "setup"):
        await world.open_to_everybody(command)
        assert "Manage Server" in shown(await world.ann.slash(world.general, command)), command
    assert not world.services.guilds.observations.observed(world.general.id)


async def test_decisions_outlast_the_process(world: World) -> None:
    await world.observe()
    again = type(world.services.guilds.observations)(world.pipeline.db, world.pipeline.clock)
    await again.load()
    assert again.observed(world.general.id)


async def test_joining_a_server_offers_the_setup_once(world: World) -> None:
    await world.env.settle()
    await world.gateway("guild_join", world.guild_now)
    await world.gateway("guild_available", world.guild_now)
    (offer,) = [message.content for message in world.general.history() if "/setup" in message.content]
    assert "I observe **nothing**" in offer


async def test_a_server_that_is_left_is_noted_and_forgotten_when_it_is_joined_again(world: World) -> None:
    await world.gateway("guild_remove", world.guild_now)
    world.pipeline.clock.advance(60)
    assert await world.services.guilds.guilds.left_before(world.pipeline.clock()) == [world.guild.id]
    await world.gateway("guild_join", world.guild_now)
    assert await world.services.guilds.guilds.left_before(world.pipeline.clock()) == []


async def test_every_command_and_option_says_what_it_is_for(world: World) -> None:
    for command in world.commands:
        if isinstance(command, app_commands.Command):
            described = {parameter.name: str(parameter.description) for parameter in command.parameters}
            for name, description in {"": str(command.description), **described}.items():
                assert len(description) > 5, f"/{command.qualified_name} {name}"


async def test_commands_are_sent_only_when_they_changed(world: World) -> None:
    assert await world.bot.sync_commands() is False
    await world.services.installation.set("command_tree", "older")
    assert await world.bot.sync_commands() is True


async def test_privacy_status_tells_what_there_is(world: World) -> None:
    await world.observe()
    await world.remembered(world.ann, "something")
    status = shown(await world.ann.slash(world.general, "privacy status"))
    assert "You did not opt out" in status
    assert "**observed**" in status
    assert "cite what you said: 1 (" in status


async def test_opting_out_stops_it_and_deletes_what_is_there(world: World) -> None:
    await world.observe()
    await world.say(world.ann, "one")
    await world.say(world.bob, "bob stays")
    result = await world.ann.slash(world.general, "privacy opt-out")
    await world.ann.click(answer_of(result), label="Opt out and delete")
    await world.durable()
    assert "nothing of yours is left" in shown(result)
    await world.say(world.ann, "two")
    assert await world.contents() == ["bob stays"]
    assert "opted out" in shown(await world.ann.slash(world.general, "privacy status"))
    await world.ann.slash(world.general, "privacy opt-in")
    await world.say(world.ann, "three")
    assert await world.contents() == ["bob stays", "three"]


async def test_opting_out_of_this_server_alone(world: World) -> None:
    result = await world.ann.slash(world.general, "privacy opt-out", where="this server")
    assert "this server" in shown(result)
    await world.ann.click(answer_of(result), label="Opt out and delete")
    await world.durable()
    assert world.services.guilds.consents.opted_out(world.guild.id, world.ann.id)
    assert not world.services.guilds.consents.opted_out(world.guild.id + 1, world.ann.id)


async def test_facts_are_a_choice(world: World) -> None:
    await world.ann.slash(world.general, "privacy facts", keep="on")
    assert world.services.guilds.consents.facts(world.guild.id, world.ann.id)
    await world.ann.slash(world.general, "privacy facts", keep="off")
    assert not world.services.guilds.consents.facts(world.guild.id, world.ann.id)
    await world.services.guilds.consents.opt_out(world.ann.id, None)
    assert "opted out" in shown(await world.ann.slash(world.general, "privacy facts", keep="on"))


async def test_the_policy_follows_the_settings(world: World) -> None:
    text = shown(await world.ann.slash(world.general, "privacy policy"))
    for told in ("30 days", "Ollama, llama3.1:8b", "OpenAI, text-embedding-3-small", "over the internet", "/forget"):
        assert told in text


async def test_commands_are_refused_outside_servers(world: World) -> None:
    assert world.env.backend  # every command is for servers: none is offered in direct messages
    assert world.ann.user.available_commands() == ()
