"""What may have changed: how it is shown, and that a public post of it goes with the newer message."""

from __future__ import annotations

import discord
import pytest

from bot.domain.model import Citation, Memory
from bot.memories import Asker
from bot.storage.schema import post_sources
from tests.fixtures.discord import World, shown
from tests.fixtures.public import posted, take_down

SINCE = "may have changed since"


async def doubted(world: World) -> tuple[Memory, discord.Message]:
    """A memory of ann's, and a later message of bob's by which it may have changed."""
    await world.observe()
    said = await world.say(world.ann, "the choir rehearses in the attic")
    memory = await world.pipeline.keep("The choir rehearses in the attic", said.id, channel=world.general.id)
    newer = await world.say(world.bob, "isn't it the cellar by now?")
    async with world.pipeline.db.write() as connection:
        await world.pipeline.store.doubt(connection, memory.id, Citation(newer.id, world.general.id, world.bob.id))
    return memory, newer


async def test_recall_says_so_with_a_link_to_the_newer_message(world: World) -> None:
    _, newer = await doubted(world)
    text = shown(await world.bob.slash(world.general, "recall", query="where does the choir rehearse"))
    assert (
        f"{SINCE}: [newer message](https://discord.com/channels/{world.guild.id}/{world.general.id}/{newer.id})" in text
    )


async def test_the_speaker_sees_it_among_their_memories_and_putting_it_right_ends_it(world: World) -> None:
    memory, _ = await doubted(world)
    assert SINCE in shown(await world.ann.slash(world.general, "memories"))
    asker = Asker(world.ann.id, world.guild.id, frozenset({world.general.id}))
    await world.services.own.correct(memory.id, asker, "The choir rehearses in the cellar")
    assert SINCE not in shown(await world.ann.slash(world.general, "memories"))


@pytest.mark.parametrize("way", ["deleted", "edited"])
@pytest.mark.matrix
async def test_a_post_that_says_so_goes_with_the_newer_message(world: World, way: str) -> None:
    _, newer = await doubted(world)
    await world.bob.slash(world.general, "recall", query="where does the choir rehearse", share=True)
    (text,) = posted(world)
    assert SINCE in text
    assert await world.pipeline.rows(post_sources) >= 2
    await (world.bob.delete(newer) if way == "deleted" else world.bob.edit(newer, "the attic it is"))
    await world.durable()
    await take_down(world)
    assert posted(world) == []
