"""/browse: what a server decided, planned, answered and linked."""

from __future__ import annotations

import discord
import simcord

from bot.domain.model import Citation, Memory, MemoryKind
from tests.fixtures.discord import World, answer_of, shown


async def remembered(
    world: World, text: str, kind: MemoryKind = MemoryKind.DECISION, channel: simcord.ChannelHandle | None = None
) -> discord.Message:
    """Something that was said, and what a model made of it."""
    place = channel or world.general
    message = await world.say(world.ann, text, place)
    await world.pipeline.keep(text, message.id, kind=kind, channel=place.id)
    return message


async def browse(world: World, **options: object) -> str:
    result = await world.bob.slash(world.general, "browse", **options)
    assert result.ephemeral
    return shown(result)


async def test_it_lists_what_was_settled_newest_first_and_nothing_about_members(world: World) -> None:
    await world.observe()
    message = await remembered(world, "the door is red")
    await remembered(world, "manual: https://example.org/saw", MemoryKind.LINK)
    cited = (Citation(message.id, world.general.id, world.ann.id),)
    tea = Memory(id="tea", guild_id=world.guild.id, kind=MemoryKind.PREFERENCE, text="ann prefers tea", citations=cited)
    async with world.pipeline.db.write() as connection:
        await world.pipeline.store.add(connection, tea)
    await remembered(world, "who has the key?", MemoryKind.QUESTION)
    text = await browse(world)
    assert text.startswith("### 2 memories of this server")
    assert text.index("example.org/saw") < text.index("the door is red\n-# decision · ann · <t:")
    assert f"[jump](https://discord.com/channels/{world.guild.id}/{world.general.id}/{message.id})" in text
    assert "tea" not in text
    assert "key" not in text


async def test_kind_words_and_channel_narrow_it(world: World) -> None:
    other = world.guild.create_text_channel("other")
    await world.observe(world.general, other)
    await remembered(world, "the doors are red")
    await remembered(world, "the roof is green", channel=other)
    await remembered(world, "who has the key?", MemoryKind.QUESTION)
    assert "roof" not in await browse(world, words="door")
    assert "the **doors** are **red**" in await browse(world, words="red door")
    assert "is like that" in await browse(world, words="red roof")
    assert "doors" not in await browse(world, channel=other)
    questions = await browse(world, kind="question")
    assert "who has the key?" in questions
    assert "roof" not in questions


async def test_an_empty_one_helps(world: World) -> None:
    await world.observe()
    assert "`/recall` looks through what was said" in await browse(world)


async def test_what_one_may_not_read_or_was_replaced_is_left_out(world: World) -> None:
    secret = world.secret_channel("secret", world.ann)
    await world.observe(world.general, secret)
    await remembered(world, "the word is marzipan", channel=secret)
    gone = await remembered(world, "the door is blue")
    await world.ann.delete(gone)
    await world.durable()
    await remembered(world, "the door is red")
    text = await browse(world)
    assert text.startswith("### 1 memory of this server")
    assert "marzipan" not in text
    assert "blue" not in text


async def test_pages_are_as_they_are_when_they_are_turned(world: World) -> None:
    await world.observe()
    made = [await remembered(world, f"door {number} is red") for number in range(7)]
    result = await world.bob.slash(world.general, "browse")
    await world.ann.delete(made[1])
    await world.durable()
    await world.bob.click(answer_of(result), label="Next")
    assert "door 0 is red" in shown(result)
    assert "door 1" not in shown(result)


async def test_it_neither_pings_nor_formats(world: World) -> None:
    await world.observe()
    await remembered(world, "@everyone the **door** is red")
    text = await browse(world)
    assert "@everyone" not in text
    assert r"\*\*door\*\*" in text


async def test_who_said_it_may_forget_it_there(world: World) -> None:
    await world.observe()
    await remembered(world, "the door is red")
    result = await world.ann.slash(world.general, "browse")
    await world.ann.click(answer_of(result), label="Forget 1")
    assert "door" in shown(result)
    await world.ann.click(answer_of(result), label="Forget it")
    assert "door" not in shown(result)
    assert await world.pipeline.memories() == []
