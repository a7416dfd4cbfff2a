"""Buttons and windows of before a restart: they end with one sentence, and show and do nothing."""

from __future__ import annotations

import pytest

from cogs import texts
from cogs.client import ChannelMemoryBot
from tests.fixtures.discord import World, answer_of, buttons_of, shown
from tests.fixtures.languages import LANGUAGES
from tests.integration.test_cogs_recall import fill, recall


async def restart(world: World) -> None:
    await world.env.restart_bot(ChannelMemoryBot(world.services, LANGUAGES, shard_count=1))
    await world.durable()


@pytest.mark.parametrize("label", ["Next", "Share here"])
@pytest.mark.matrix
async def test_a_page_of_before_a_restart_ends_with_one_sentence_and_keeps_its_links(world: World, label: str) -> None:
    await fill(world, 7)
    result = await recall(world, world.bob, "pancake recipe")
    before = shown(result)
    await restart(world)
    pressed = await world.bob.click(answer_of(result), label=label)
    assert texts.GONE in shown(pressed)
    assert before in shown(result)
    assert shown(result).count("](https://discord.com/channels/") == 5
    assert all(button.get("disabled") for button in buttons_of(answer_of(result)))


@pytest.mark.parametrize(
    ("command", "label"),
    [("memories", "Forget"), ("memories", "Correct"), ("forget everything", "Delete everything")],
)
@pytest.mark.matrix
async def test_nothing_is_forgotten_by_a_button_of_before_a_restart(world: World, command: str, label: str) -> None:
    await world.observe()
    memory = await world.remembered(world.ann, "the launch is on Thursday")
    result = await world.ann.slash(world.general, command)
    await restart(world)
    pressed = await world.ann.click(answer_of(result), label=label)
    assert texts.GONE in shown(pressed)
    assert [kept.id for kept in await world.pipeline.memories()] == [memory.id]


async def test_a_window_of_before_a_restart_says_so(world: World) -> None:
    await world.observe()
    opened = await world.ann.slash(world.general, "remember")
    assert opened.modal is not None
    field = opened.modal["components"][0]["component"]["custom_id"]
    await restart(world)
    sent = await world.ann.submit_modal(opened, {field: "the launch is on Thursday"})
    assert texts.GONE in shown(sent)
    assert await world.pipeline.memories() == []


async def test_a_button_of_this_process_is_answered_once(world: World) -> None:
    await fill(world, 7)
    result = await recall(world, world.bob, "pancake recipe")
    pressed = await world.bob.click(answer_of(result), label="Next")
    assert texts.GONE not in shown(result) + shown(pressed)
    asked = await world.bob.slash(world.general, "forget everything")
    kept = await world.bob.click(answer_of(asked), label="Keep it")
    assert texts.GONE not in shown(kept)
