"""/recall share: what is posted for everybody, what never is, and how it is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
import pytest
import simcord

from bot.forget.public_posts import GIVEN_UP_AFTER_MS
from bot.memories import Asker
from bot.operate.waiting import delay_report
from bot.storage.schema import post_people, post_sources, posts
from cogs.access import Access
from tests.fixtures.discord import World, answer_of, shown
from tests.fixtures.public import posted, take_down

WORD = "marzipan"
QUESTION = "code word"
SENTENCE = f"the code word is {WORD}"


async def share(
    world: World, *, by: simcord.MemberActor | None = None, at: simcord.ChannelHandle | None = None, **options: object
) -> simcord.InteractionResult:
    """Share what is found on the code word."""
    return await (by or world.bob).slash(at or world.general, "recall", query=QUESTION, share=True, **options)


async def test_what_everybody_here_may_read_is_posted_with_link_and_asker_and_without_pings(world: World) -> None:
    await world.observe()
    message = await world.say(world.ann, f"{SENTENCE} @everyone")
    result = await share(world)
    (text,) = posted(world)
    assert f"**ann:** the **code** **word** is {WORD}" in text
    assert f"<@{world.bob.id}>" in text
    assert "@everyone" not in text
    assert "Posted" in shown(result)
    assert str(message.id) in str([component.to_dict() for m in world.general.history() for component in m.components])
    for request in world.env.http_requests:
        if request.json and request.path.endswith("/messages"):
            assert request.json["allowed_mentions"]["parse"] == []
    assert await world.contents() == [message.content]  # what the bot says is not observed


# --- who is in the room ----------------------------------------------------------------------------------------------


async def source(world: World, **overwrites: discord.PermissionOverwrite) -> simcord.ChannelHandle:
    """A channel in which the code word was said, with overwrites for "everyone", "moderators", "ann" or "bob"."""
    targets: dict[str, Any] = {
        "everyone": world.guild.default_role,
        "moderators": world.moderators,
        "ann": world.ann,
        "bob": world.bob,
    }
    channel = world.guild.create_text_channel(
        "source", overwrites={targets[name]: overwrite for name, overwrite in overwrites.items()}
    )
    await world.observe(channel)
    await world.say(world.ann, SENTENCE, channel)
    return channel


async def test_not_from_a_channel_of_few(world: World) -> None:
    secret = world.secret_channel("secret", world.ann)
    await world.observe(secret)
    await world.say(world.ann, SENTENCE, secret)
    result = await share(world, by=world.ann)
    assert posted(world) == []
    assert "Nothing was posted" in shown(result)
    assert WORD in shown(result)  # for the asker alone
    assert answer_of(result).ephemeral
    assert await world.pipeline.rows(posts) == 0


async def test_from_a_channel_of_few_into_itself_and_into_one_of_the_same_few(world: World) -> None:
    one, two = world.secret_channel("one", world.ann), world.secret_channel("two", world.ann)
    other = world.secret_channel("other", world.ann, world.bob)
    await world.observe(one)
    await world.say(world.ann, SENTENCE, one)
    for place, count in ((one, 1), (two, 1), (other, 0)):
        await share(world, by=world.ann, at=place)
        assert len(posted(world, place)) == count, place


async def test_the_rule_holds_whatever_the_asker_is_said_to_read(world: World) -> None:
    adult = world.guild_now.get_channel(world.guild.create_text_channel("adult").id)
    general = world.guild_now.get_channel(world.general.id)
    assert isinstance(adult, discord.TextChannel)
    assert isinstance(general, discord.TextChannel)
    thread = await general.create_thread(name="side", type=discord.ChannelType.private_thread)
    await world.env.settle()
    asker = Asker(world.ann.id, world.guild.id, frozenset({adult.id, thread.id, general.id}))
    access = Access(world.services.guilds.threads)
    assert await access.public(asker, general) == {adult.id, general.id}
    adult.nsfw = True  # simcord can't, and tells of changes only
    assert await access.public(asker, general) == {general.id}
    assert await access.public(asker, adult) == {adult.id, general.id}


async def test_permissions_of_this_moment_count(world: World) -> None:
    channel = await source(world)
    real = world.guild_now.get_channel(channel.id)
    assert isinstance(real, discord.TextChannel)
    await real.set_permissions(world.guild_now.default_role, view_channel=False)
    await world.env.settle()
    assert "Nothing was posted" in shown(await share(world))
    assert posted(world) == []


async def test_it_posts_nothing_for_a_member_who_may_not_write_there(world: World) -> None:
    silent = discord.PermissionOverwrite(send_messages=False)
    quiet = world.guild.create_text_channel("quiet", overwrites={world.bob: silent})
    await source(world)
    result = await share(world, at=quiet)
    assert "You may not write here" in shown(result)
    assert WORD in shown(result)
    assert posted(world, quiet) == []


# --- taking back -----------------------------------------------------------------------------------------------------


async def shared(world: World) -> discord.Message:
    """The code word, said by Ann and shared by Bob."""
    await world.observe()
    message = await world.say(world.ann, SENTENCE)
    await share(world)
    assert len(posted(world)) == 1
    return message


async def test_a_post_stays_while_its_sources_do(world: World) -> None:
    await shared(world)
    await world.say(world.ann, "something else")
    await take_down(world)
    assert len(posted(world)) == 1


async def test_a_post_that_can_not_be_deleted_holds_up_no_other_and_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await shared(world)
    await share(world)
    assert len(posted(world)) == 2
    delete, broken = discord.PartialMessage.delete, list[int]()

    async def breaks(post: discord.PartialMessage) -> None:
        if not broken or post.id in broken:
            broken.append(post.id)
            raise KeyError("broken")
        await delete(post)

    monkeypatch.setattr(discord.PartialMessage, "delete", breaks)
    await world.ann.delete(message)
    await world.durable()
    await take_down(world)
    assert len(posted(world)) == 1
    report = delay_report(world.pipeline.db, world.pipeline.clock, world.pipeline.indexer.changes)
    assert (await report.look()).removals == [
        "1 public post of the bot is not taken down yet, and tried again every five minutes"
    ]
    monkeypatch.undo()
    world.pipeline.clock.advance(400)
    await take_down(world)
    assert posted(world) == []
    assert (await report.look()).removals == []


async def test_a_deleted_source_takes_the_post_with_it(world: World) -> None:
    await world.ann.delete(await shared(world))
    await world.durable()
    await take_down(world)
    assert posted(world) == []
    for table in (posts, post_sources, post_people):
        assert await world.pipeline.rows(table) == 0


async def test_an_edited_source_takes_the_post_with_it(world: World) -> None:
    message = await shared(world)
    await world.env.advance_time(2)
    await world.ann.edit(message, "the code word is nothing")
    await world.durable()
    await take_down(world)
    assert posted(world) == []


async def test_a_forgotten_memory_takes_the_post_with_it(world: World) -> None:
    await world.observe()
    memory = await world.remembered(world.ann, SENTENCE)
    await share(world)
    assert len(posted(world)) == 1
    asked = await world.ann.slash(world.general, "forget memory", memory=memory.id)
    await world.ann.click(answer_of(asked), label="Forget it")
    await take_down(world)
    assert posted(world) == []


async def test_what_was_put_right_takes_the_post_with_it(world: World) -> None:
    await world.observe()
    memory = await world.remembered(world.ann, SENTENCE)
    await share(world)
    world.pipeline.clock.advance(1)
    asker = Asker(world.ann.id, world.guild.id, frozenset({world.general.id}))
    await world.services.own.correct(memory.id, asker, "the code word is nothing")
    await take_down(world)
    assert posted(world) == []


async def test_opting_out_takes_posts_that_quote_or_name_a_member_with_it(world: World) -> None:
    await world.observe()
    await world.say(world.ann, f"{SENTENCE}, says <@{world.boss.id}>")
    await share(world)
    receipt = await world.services.personal.delete(world.boss.id, world.guild.id)
    assert receipt.removed["public posts"] == 1
    assert receipt.complete
    await take_down(world)
    assert posted(world) == []


async def test_erasing_who_asked_takes_their_posts_with_it_and_leaves_no_id(world: World) -> None:
    await shared(world)
    dossier = await world.services.personal.give(world.bob.id, world.guild.id)
    assert len(dossier.sections["public posts"]) == 1
    receipt = await world.services.personal.delete(world.bob.id, world.guild.id)
    assert receipt.removed["public posts"] == 1
    assert await world.pipeline.rows(post_people) == 0
    await take_down(world)
    assert posted(world) == []


async def posts_about(world: World, user_id: int) -> Sequence[object]:
    return (await world.services.posts.give(user_id, None))["public posts"]


async def test_nothing_of_an_asker_who_opted_out_is_noted(world: World) -> None:
    await world.observe()
    await world.say(world.ann, SENTENCE)
    await world.services.guilds.consents.opt_out(world.bob.id, None)
    await share(world)
    assert len(posted(world)) == 1
    assert await posts_about(world, world.bob.id) == []
    assert len(await posts_about(world, world.ann.id)) == 1


async def test_retention_takes_what_quotes_old_messages_with_it(world: World) -> None:
    await shared(world)
    world.pipeline.clock.advance(31 * 24 * 3600)
    await world.services.erasure.erase_expired(30)
    await take_down(world)
    assert posted(world) == []


async def test_erasing_a_channel_takes_posts_in_it_and_from_it_with_it(world: World) -> None:
    channel = await source(world)
    await share(world)
    receipt = await world.services.erasure.erase_channel(world.guild.id, channel.id)
    assert receipt.removed["public posts"] == 1
    await take_down(world)
    assert posted(world) == []


@pytest.mark.parametrize(("status", "code"), [(503, 0), (403, 50001), (429, 0)])
@pytest.mark.matrix
async def test_what_discord_declines_is_tried_again_until_it_is_gone(world: World, status: int, code: int) -> None:
    await world.ann.delete(await shared(world))
    await world.durable()
    world.env.inject_error("DELETE", "/channels/*/messages/*", status=status, code=code, times=None)
    await take_down(world)
    assert len(posted(world)) == 1
    assert (await world.pipeline.rows(posts), await world.pipeline.rows(post_people)) == (1, 0)
    world.env.backend.faults.clear()
    await take_down(world)
    assert len(posted(world)) == 1  # not before its time
    world.pipeline.clock.advance(10)
    await take_down(world)
    assert posted(world) == []
    assert await world.pipeline.rows(posts) == 0


async def test_a_post_that_somebody_deleted_is_no_work_any_more(world: World) -> None:
    message = await shared(world)
    (post,) = [m for m in world.general.history() if m.components and not m.content]
    await world.ann.delete(message)
    await world.guild_now.get_channel(world.general.id).get_partial_message(post.id).delete()  # type: ignore[union-attr]
    await world.durable()
    await take_down(world)
    assert await world.pipeline.rows(posts) == 0


@pytest.mark.parametrize("removed", [False, True])
@pytest.mark.matrix
async def test_a_post_that_can_not_be_deleted_is_dropped_only_where_the_bot_was_removed(
    world: World, monkeypatch: pytest.MonkeyPatch, removed: bool
) -> None:
    await world.ann.delete(await shared(world))
    await world.durable()
    world.env.inject_error("DELETE", "/channels/*/messages/*", status=403, code=50001, times=None)
    await take_down(world)
    if removed:
        monkeypatch.setattr(world.bot, "get_guild", lambda _: None)
    world.pipeline.clock.advance(GIVEN_UP_AFTER_MS / 1000 + 60)
    await take_down(world)
    assert await world.pipeline.rows(posts) == (0 if removed else 1)
