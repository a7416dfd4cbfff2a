"""Members who are named in memories, in Discord: what they find, press, and are told, and who decides."""

from __future__ import annotations

import pytest
import simcord

from bot.domain import Memory, MemoryKind
from bot.memories.named import DECIDED, MOST_OPEN, NOT_NAMED, TOO_MANY, UNDECIDED_MS
from cogs import texts
from cogs.named import ABOUT_NOTE
from tests.fixtures.answers import open_oracle
from tests.fixtures.discord import World, answer_of, buttons_of, open_world, shown
from tests.fixtures.memory import Pipeline
from tests.fixtures.public import posted, take_down


@pytest.fixture
async def memory(world: World) -> Memory:
    """A decision that Ann stated and that names Bob."""
    return await decided(world)


async def decided(world: World, text: str = "<@{bob}> has the key of the shed") -> Memory:
    await world.observe()
    await world.say(world.bob, "hello")
    said = await world.say(world.ann, "who has the key? bob")
    text = text.format(bob=world.bob.id)
    return await world.pipeline.keep(text, said.id, kind=MemoryKind.DECISION, channel=world.general.id)


async def opened(world: World, member: simcord.MemberActor, label: str) -> simcord.InteractionResult:
    """A part of a member's /memories."""
    result = await member.slash(world.general, "memories")
    await member.click(answer_of(result), label=label)
    return result


def labels(result: simcord.InteractionResult) -> list[str]:
    return [button["label"] for button in buttons_of(answer_of(result))]


async def browsed(world: World, member: simcord.MemberActor) -> str:
    return shown(await member.slash(world.general, "browse"))


@pytest.mark.usefixtures("memory")
async def test_who_is_named_finds_it_and_has_the_name_replaced(world: World) -> None:
    result = await world.bob.slash(world.general, "memories")
    assert "key of the shed" not in shown(result)
    assert labels(result) == ["From me", "About me: 1"]
    await world.bob.click(answer_of(result), label="About me: 1")
    text = shown(result)
    assert "1 memory about you" in text
    assert "bob has the key of the shed" in text
    assert ABOUT_NOTE in text
    assert texts.MESSAGE_STAYS in text
    await world.bob.click(answer_of(result), label="Replace my name")
    assert "Your name is replaced by “somebody” there. The message itself stays in Discord" in shown(result)
    assert "has the key" not in shown(result)
    assert "somebody has the key of the shed" in await browsed(world, world.ann)


@pytest.mark.usefixtures("memory")
async def test_what_is_flagged_is_hidden_until_who_said_it_keeps_it(world: World) -> None:
    result = await opened(world, world.bob, "About me: 1")
    await world.bob.click(answer_of(result), label="This is wrong")
    text = shown(result)
    assert "It is hidden until somebody who said it, or a moderator, decides." in text
    assert "1 memory that you flagged: hidden until somebody decides." in text
    for member in (world.ann, world.bob, world.boss):
        assert "key" not in await browsed(world, member)
    assert "key" not in shown(await world.ann.slash(world.general, "memories"))
    decision = await opened(world, world.ann, "To decide: 1")
    assert "bob has the key of the shed" in shown(decision)
    assert "says that this is wrong" in shown(decision)
    await world.ann.click(answer_of(decision), label="Keep it")
    assert "It is shown again as it was" in shown(decision)
    assert "bob has the key" in await browsed(world, world.boss)
    again = await opened(world, world.bob, "About me: 1")
    refused = await world.bob.click(answer_of(again), label="This is wrong")
    assert shown(refused).endswith(DECIDED)


@pytest.mark.parametrize(("button", "left"), [("Replace the name", "somebody has the key"), ("Forget", "")])
@pytest.mark.matrix
async def test_a_moderator_decides_and_a_member_can_not(world: World, memory: Memory, button: str, left: str) -> None:
    moderator = world.guild.add_member(world.env.create_user("mod"), roles=[world.moderators])
    member = world.guild.add_member(world.env.create_user("dora"))
    await world.bob.click(answer_of(await opened(world, world.bob, "About me: 1")), label="This is wrong")
    assert labels(await member.slash(world.general, "memories")) == []
    decision = await opened(world, moderator, "To decide: 1")
    await moderator.click(answer_of(decision), label=button)
    if button == "Forget":
        await moderator.click(answer_of(decision), label="Forget it")
    assert "Nothing waits for your decision." in shown(decision)
    assert left in await browsed(world, member)
    assert [m.id for m in await world.pipeline.memories()] == ([memory.id] if left else [])
    trail = shown(await world.boss.slash(world.general, "memory audit"))
    assert f"<@{moderator.id}> decided on a flagged memory" in trail
    assert "A member flagged a memory that names them" in trail
    assert str(world.bob.id) not in trail


async def test_undecided_for_two_weeks_it_is_shown_without_the_name(world: World, memory: Memory) -> None:
    await world.bob.click(answer_of(await opened(world, world.bob, "About me: 1")), label="This is wrong")
    world.pipeline.clock.advance(UNDECIDED_MS / 1000)
    await world.services.named.settle_overdue()
    assert "somebody has the key" in await browsed(world, world.ann)
    assert labels(await world.bob.slash(world.general, "memories")) == []
    assert (await world.pipeline.store.get([memory.id]))[memory.id].text == "<@1> has the key of the shed"


@pytest.mark.slow
async def test_the_sixth_open_flag_is_refused_with_one_line(world: World) -> None:
    memories = [await decided(world, f"<@{{bob}}> has key {number}") for number in range(MOST_OPEN + 1)]
    result = await opened(world, world.bob, f"About me: {MOST_OPEN + 1}")
    for _ in range(MOST_OPEN):
        await world.bob.click(answer_of(result), custom_id=first(result, "This is wrong"))
    refused = await world.bob.click(answer_of(result), custom_id=first(result, "This is wrong"))
    assert shown(refused).endswith(TOO_MANY)
    assert len(await world.pipeline.store.get([memory.id for memory in memories])) == 1


def first(result: simcord.InteractionResult, label: str) -> str:
    found = next(button for button in buttons_of(answer_of(result)) if button["label"] == label)
    return str(found["custom_id"])


async def test_each_press_is_checked_anew(world: World, memory: Memory) -> None:
    result = await opened(world, world.bob, "About me: 1")
    real = world.guild_now.get_channel(world.general.id)
    await real.set_permissions(await world.guild_now.fetch_member(world.bob.id), read_message_history=False)  # type: ignore[union-attr]
    await world.env.settle()
    for label in ("This is wrong", "Replace my name"):
        assert shown(await world.bob.click(answer_of(result), label=label)).endswith(NOT_NAMED)
    assert (await world.pipeline.store.get([memory.id]))[memory.id] == memory


@pytest.mark.usefixtures("memory")
@pytest.mark.parametrize(("command", "options"), [("recall", {"query": "the key of the shed"}), ("browse", {})])
@pytest.mark.matrix
async def test_hits_have_the_same_button_for_who_is_named_alone(
    world: World, command: str, options: dict[str, str]
) -> None:
    assert "About me" not in labels(await world.ann.slash(world.general, command, **options))
    result = await world.bob.slash(world.general, command, **options)
    panel = await world.bob.click(answer_of(result), label="About me")
    assert "bob has the key of the shed" in shown(panel)
    await world.bob.click(answer_of(panel), label="This is wrong")
    assert "key" not in await browsed(world, world.ann)


async def test_answers_have_the_same_button(pipeline: Pipeline) -> None:
    async with (
        open_oracle(pipeline.db, pipeline.clock, calls_a_second=100) as oracle,
        open_world(pipeline, answers=oracle.answers) as world,
    ):
        await decided(world)
        oracle.says, oracle.about = "Bob has the key.", "key"
        answer = await world.bob.slash(world.general, "ask", question="who has the key of the shed?")
        assert "About me" in labels(answer)
        panel = await world.bob.click(answer_of(answer), label="About me")
        assert "bob has the key of the shed" in shown(panel)


@pytest.mark.usefixtures("memory")
async def test_what_was_posted_for_everybody_goes(world: World) -> None:
    await world.ann.slash(world.general, "recall", query="the key of the shed", share=True)
    assert "key of the shed" in "\n".join(posted(world))
    await world.bob.click(answer_of(await opened(world, world.bob, "About me: 1")), label="This is wrong")
    await take_down(world)
    assert posted(world) == []
