"""Numbers that look like ids and can be none, in what members say, ask, remember and forget: nothing minds them."""

from __future__ import annotations

import pytest

from bot.domain.model import MemoryKind
from tests.fixtures.discord import World, answer_of, shown
from tests.fixtures.hostile import TEXTS, TIMES

COOLDOWN = 61  # seconds until every command may be used again


@pytest.mark.slow
async def test_what_is_said_with_them_becomes_a_memory_and_is_shown(world: World) -> None:
    await world.observe()
    for text in TEXTS:
        await world.say(world.ann, text)
    await world.pipeline.flush(world.general.id)
    memories = await world.pipeline.memories()
    assert [memory.text for memory in memories] == [text.removeprefix("note: ") for text in TEXTS]
    assert world.pipeline.index.entries.keys() == {memory.id for memory in memories}
    for text in TEXTS:
        await world.env.advance_time(COOLDOWN)
        assert "kite" in shown(await world.bob.slash(world.general, "recall", query=text[:300]))
    assert "**Decided**" in shown(await world.boss.slash(world.general, "catchup", since="7d"))


@pytest.mark.slow
async def test_what_is_remembered_with_them_is_indexed_shown_and_forgotten(world: World) -> None:
    await world.observe()
    for text in TEXTS:
        await world.env.advance_time(COOLDOWN)
        memory = await world.remembered(world.ann, text)
        assert memory.kind is MemoryKind.NOTE
        await world.pipeline.indexer.drain()
        assert world.pipeline.index.entries.keys() == {memory.id}
        assert "kite" in shown(await world.ann.slash(world.general, "memories", words=text[:100]))
        for typed in ("kite", text[:100]):
            (choice,) = await world.ann.autocomplete(world.general, "forget memory", "memory", typed)
            assert choice["value"] == memory.id
        asked = answer_of(await world.ann.slash(world.general, "forget memory", memory=choice["value"]))
        assert "Forgotten" in shown(await world.ann.click(asked, label="Forget it"))
    assert await world.pipeline.memories() == []


async def test_a_time_without_snowflakes_is_refused_in_one_line(world: World) -> None:
    await world.observe()
    for text in TIMES:
        await world.env.advance_time(COOLDOWN)
        for command, options in (
            ("recall", {"query": "kite", "since": text}),
            ("recall", {"query": "kite", "until": text}),
            ("catchup", {"since": text}),
        ):
            answer = shown(await world.bob.slash(world.general, command, **options))
            assert "like `7d`" in answer
            assert "\n" not in answer


async def test_a_question_may_name_a_day_after_all_snowflakes(world: World) -> None:
    await world.observe()
    await world.say(world.ann, "the kite flies")
    assert "kite" in shown(await world.bob.slash(world.general, "recall", query="what about the kite on 3 May 2099"))
