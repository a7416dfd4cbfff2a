"""/help and the bot mentioned without a question: examples of what their readers may read, and nothing else."""

from __future__ import annotations

import discord
import simcord

from bot.domain.model import Memory, MemoryKind
from cogs import texts
from tests.fixtures.discord import World, answer_of, shown
from tests.fixtures.public import posted, take_down


async def topic(
    world: World, text: str, channel: simcord.ChannelHandle | None = None
) -> tuple[discord.Message, Memory]:
    """A topic of a conversation of one message, by bob."""
    place = channel or world.general
    message = await world.say(world.bob, f"about {text}", place)
    return message, await world.pipeline.keep(text, message.id, kind=MemoryKind.TOPIC, channel=place.id)


async def call(world: World, member: simcord.MemberActor, channel: simcord.ChannelHandle | None = None) -> None:
    """Mention the bot, and nothing else."""
    await world.env.advance_time(61)
    await member.send(channel or world.general, f"<@{world.guild_now.me.id}>")
    await world.durable()


def replies(world: World) -> list[str]:
    """What the bot replied that cites nothing."""
    me = world.guild_now.me.id
    return [message.content for message in world.general.history() if message.reference and message.author.id == me]


async def test_help_shows_topics_that_the_asker_may_read_to_the_asker_alone(world: World) -> None:
    secret = world.secret_channel("secret", world.bob)
    await world.observe(world.general, secret)
    fixed = await world.ann.slash(world.general, "help")
    assert answer_of(fixed).ephemeral
    for question in texts.FIXED_QUESTIONS:
        assert question in shown(fixed)
    await topic(world, "Who paints the boat")
    await topic(world, "The surprise party", secret)
    of_ann, of_bob = [shown(await member.slash(world.general, "help")) for member in (world.ann, world.bob)]
    assert texts.FIXED_QUESTIONS[0] not in of_ann
    assert ("paints the boat" in of_ann, "surprise" in of_ann) == (True, False)
    assert ("paints the boat" in of_bob, "surprise" in of_bob) == (True, True)


async def test_help_lists_the_commands_that_the_asker_may_use(world: World) -> None:
    of_ann, of_boss = [shown(await member.slash(world.general, "help")) for member in (world.ann, world.boss)]
    for command in ("ask", "privacy", "forget", "channels"):
        assert f"`/{command}` – " in of_ann
    for command in ("setup", "observe", "memory", "digest"):
        assert f"`/{command}` – " not in of_ann
        assert f"`/{command}` – " in of_boss
    assert of_ann.count("*Remember this message*") == 1
    assert len(of_boss) < 4000


async def test_a_topic_in_an_example_neither_pings_nor_formats(world: World) -> None:
    await world.observe()
    await topic(world, "@everyone `code` **bold** " + "long words " * 40)
    text = shown(await world.ann.slash(world.general, "help"))
    assert "@everyone" not in text
    assert r"\*\*bold\*\*" in text
    assert len(text) < 4000


async def test_a_bare_mention_shows_everybody_only_what_all_of_them_may_read(world: World) -> None:
    secret = world.secret_channel("secret", world.bob)
    await world.observe(world.general, secret)
    await topic(world, "The surprise party", secret)
    await call(world, world.bob)
    (fixed,) = replies(world)
    assert texts.FIXED_QUESTIONS[0] in fixed
    assert posted(world) == []
    await topic(world, "Who paints the boat")
    await call(world, world.bob)
    (text,) = posted(world)
    assert "paints the boat" in text
    assert "surprise" not in text
    await call(world, world.bob, secret)
    (inside,) = posted(world, secret)
    assert "surprise" in inside


async def test_what_a_mention_showed_goes_with_its_source(world: World) -> None:
    await world.observe()
    message, _ = await topic(world, "Who paints the boat")
    await call(world, world.ann)
    assert len(posted(world)) == 1
    await world.bob.delete(message)
    await world.durable()
    await take_down(world)
    assert posted(world) == []


async def test_what_a_mention_showed_goes_when_not_everybody_may_read_it_any_more(world: World) -> None:
    other = world.guild.create_text_channel("other")
    await world.observe(world.general, other)
    await topic(world, "Who paints the boat", other)
    await call(world, world.ann)
    assert len(posted(world)) == 1
    real = world.guild_now.get_channel(other.id)
    assert isinstance(real, discord.TextChannel)
    await real.set_permissions(world.guild_now.default_role, view_channel=False)
    await world.env.settle()
    await take_down(world)
    assert posted(world) == []
