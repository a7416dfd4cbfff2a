"""What changes between a question and what is shown next: the next page, an answer, a post, a window to correct."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import discord
import pytest
import simcord

from bot.domain import MemoryKind
from bot.forget.verification import Verification
from bot.memories import NOT_FOUND
from cogs.recall import SHARES
from tests.fixtures.discord import answer_of, shown
from tests.fixtures.permissions import (
    ALLOWED,
    BY_COMMAND,
    FORBIDDEN,
    OF_TOPICS,
    QUESTION,
    Scene,
    Way,
    choices,
    mention,
    recall,
)
from tests.fixtures.public import posted, take_down

pytestmark = pytest.mark.asyncio(loop_scope="module")

Change = Callable[[Scene, simcord.ChannelHandle], Awaitable[Any]]

COMPARED = [ways[0] for ways in BY_COMMAND.values() if choices not in ways]
"""One way to ask each command that shows what was said; choices have to come too soon to be compared."""

CHANGES: dict[str, Change] = {
    "a role may not view it": lambda s, c: s.change(c, crew="-view"),
    "its history may not be read": lambda s, c: s.change(c, everyone="-history"),
    "the asker may not view it": lambda s, c: s.change(c, asker="-view"),
    "it is for adults": lambda s, c: s.restrict(c),
    "the bot can not see it": lambda s, c: s.change(c, bot="-view"),
    "it is deleted": lambda s, c: delete(s, c),
}


async def delete(scene: Scene, channel: simcord.ChannelHandle) -> None:
    await scene.real(channel).delete()
    await scene.durable()


# --- pages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.matrix
async def test_the_next_page_leaves_out_what_may_not_be_read_any_more(scene: Scene, change: str) -> None:
    words = [f"{ALLOWED}{number}" for number in range(7)]
    channels = {word: scene.channel() for word in words}
    for word, channel in channels.items():
        await scene.pipeline.log.append([scene.said(f"the code word is {word}", channel)])
    result = await scene.asker.slash(scene.place, "recall", query=QUESTION)
    hidden, stays = [word for word in words if word not in shown(result)]
    await CHANGES[change](scene, channels[hidden])
    await scene.asker.click(answer_of(result), label="Next")
    assert stays in shown(result)
    assert hidden not in shown(result)


async def test_the_page_before_leaves_it_out_as_well(scene: Scene) -> None:
    words = [f"{ALLOWED}{number}" for number in range(7)]
    channels = {word: scene.channel() for word in words}
    for word, channel in channels.items():
        await scene.pipeline.log.append([scene.said(f"the code word is {word}", channel)])
    result = await scene.asker.slash(scene.place, "recall", query=QUESTION)
    hidden, stays, *_ = [word for word in words if word in shown(result)]
    await scene.asker.click(answer_of(result), label="Next")
    await scene.change(channels[hidden], crew="-view")
    await scene.asker.click(answer_of(result), label="Back")
    assert stays in shown(result)
    assert hidden not in shown(result)


@pytest.mark.parametrize("way", COMPARED)
@pytest.mark.matrix
async def test_what_changes_while_it_is_compared_with_discord_is_left_out(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    channel = scene.channel()
    scene.speaker = scene.asker
    if way in OF_TOPICS:
        scene.kind = MemoryKind.TOPIC
    await scene.observe()
    await scene.tell(ALLOWED, scene.general)
    await scene.tell(FORBIDDEN, scene.general, channel)
    assert FORBIDDEN in await way(scene)
    check = Verification.check

    async def check_and_change(*args: Any) -> frozenset[int]:  # noqa: ANN401
        await scene.change_at_once(channel, scene.crew, "-view")
        return await check(*args)

    monkeypatch.setattr(Verification, "check", check_and_change)
    text = await way(scene)
    assert ALLOWED in text
    assert FORBIDDEN not in text


async def test_what_may_not_be_read_any_more_is_not_shown_to_be_corrected(scene: Scene) -> None:
    scene.speaker = scene.asker
    channel = scene.channel()
    await scene.tell(FORBIDDEN, channel)
    mine = await scene.asker.slash(scene.place, "memories")
    opened = await scene.asker.click(answer_of(mine), label="Correct")
    assert FORBIDDEN in str(opened.modal)
    await scene.change(channel, crew="-view")
    refused = await scene.asker.click(answer_of(mine), label="Correct")
    assert refused.modal is None
    assert NOT_FOUND in shown(refused)


# --- answers and posts -----------------------------------------------------------------------------------------------


async def told(scene: Scene) -> simcord.ChannelHandle:
    """Both words are said, and the model is about to tell the forbidden one, whose channel is closed meanwhile."""
    channel = scene.channel()
    await scene.tell(ALLOWED, scene.general)
    await scene.tell(FORBIDDEN, channel)
    scene.oracle.says, scene.oracle.about = f"The code word is {FORBIDDEN}.", FORBIDDEN
    return channel


async def test_an_answer_is_from_what_may_be_read_when_the_model_is_done(scene: Scene) -> None:
    channel = await told(scene)
    before = await scene.asker.slash(scene.place, "ask", question=QUESTION)
    assert f"The code word is {FORBIDDEN}" in shown(before)
    scene.oracle.meanwhile = lambda: scene.change_at_once(channel, scene.crew, "-view")
    text = shown(await scene.asker.slash(scene.place, "ask", question=QUESTION))
    assert ALLOWED in text
    assert FORBIDDEN not in text


@pytest.mark.parametrize("asked", ["by /ask", "by mention"])
@pytest.mark.matrix
async def test_a_posted_answer_is_from_what_everybody_may_read_when_the_model_is_done(scene: Scene, asked: str) -> None:
    channel = await told(scene)
    await scene.observe(scene.place)
    scene.oracle.meanwhile = lambda: scene.change_at_once(channel, scene.guests, "-view")
    if asked == "by mention":
        await mention(scene)
    else:
        await scene.asker.slash(scene.place, "ask", question=QUESTION, public=True)
    text = "\n".join(posted(scene))
    assert ALLOWED in text
    assert FORBIDDEN not in text


async def test_a_shared_page_is_from_what_everybody_may_read_at_the_press(scene: Scene) -> None:
    channel = scene.channel()
    await scene.tell(ALLOWED, scene.general)
    await scene.tell(FORBIDDEN, channel)
    result = await scene.asker.slash(scene.place, "recall", query=QUESTION)
    assert FORBIDDEN in shown(result)
    await scene.change(channel, guests="-view")
    await scene.asker.click(answer_of(result), label="Share here")
    text = "\n".join(posted(scene))
    assert ALLOWED in text
    assert FORBIDDEN not in text
    assert FORBIDDEN in shown(result)  # for the asker alone
    assert "Posted" in shown(result)


async def test_a_page_of_which_nothing_is_for_everybody_is_not_posted(scene: Scene) -> None:
    await scene.tell(FORBIDDEN, scene.channel(everyone="-view", asker="+view"))
    result = await scene.asker.slash(scene.place, "recall", query=QUESTION)
    await scene.asker.click(answer_of(result), label="Share here")
    assert posted(scene) == []
    assert "nothing on this page may be read by everybody here" in shown(result)
    await scene.change(scene.general, asker="-send")
    await scene.asker.click(answer_of(result), label="Share here")
    assert "You may not write here" in shown(result)


async def test_pages_are_not_posted_without_end(scene: Scene) -> None:
    await scene.tell(ALLOWED, scene.general)
    result = await scene.asker.slash(scene.place, "recall", query=QUESTION)
    for _ in range(SHARES[0]):
        await scene.asker.click(answer_of(result), label="Share here")
    refused = await scene.asker.click(answer_of(result), label="Share here")
    assert "try again in" in shown(refused)
    assert len(posted(scene)) == SHARES[0]


async def test_what_changes_while_a_post_is_noted_is_not_seen(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = scene.channel()
    await scene.tell(FORBIDDEN, channel)
    posts = scene.services.posts
    record = posts.record

    async def record_and_change(*args: Any, **more: Any) -> None:  # noqa: ANN401
        await record(*args, **more)
        await scene.change_at_once(channel, scene.guests, "-view")

    monkeypatch.setattr(posts, "record", record_and_change)
    result = await scene.asker.slash(scene.place, "recall", query=QUESTION, share=True)
    assert FORBIDDEN not in "\n".join(posted(scene))
    assert "Nothing was posted" in shown(result)
    assert FORBIDDEN in shown(result)  # for the asker alone
    await take_down(scene)
    assert posted(scene) == []


# --- what stands already ---------------------------------------------------------------------------------------------

LATER: dict[str, Change] = {
    "one role may not view it": lambda s, c: s.change(c, guests="-view"),
    "one role may not read its history": lambda s, c: s.change(c, guests="-history"),
    "one member may not view it": lambda s, c: s.change(c, bob="-view"),
    "nobody may view it": lambda s, c: s.change(c, bot="+view +history", everyone="-view"),
    "it is for adults": lambda s, c: s.restrict(c),
    "the bot can not see it": lambda s, c: s.change(c, bot="-view"),
}


async def post_both(scene: Scene, allowed: simcord.ChannelHandle, forbidden: simcord.ChannelHandle) -> None:
    """Two posts, each from one channel."""
    for word, channel in ((ALLOWED, allowed), (FORBIDDEN, forbidden)):
        await scene.tell(word, channel)
        await scene.asker.slash(scene.place, "recall", query=QUESTION, share=True, channel=channel)
    text = "\n".join(posted(scene, scene.place))
    assert ALLOWED in text
    assert FORBIDDEN in text


async def only_the_allowed_one_stands(scene: Scene) -> None:
    await take_down(scene)
    text = "\n".join(posted(scene, scene.place))
    assert ALLOWED in text
    assert FORBIDDEN not in text


@pytest.mark.parametrize("change", LATER)
@pytest.mark.matrix
async def test_a_post_goes_when_its_source_is_hidden_from_anybody_there(scene: Scene, change: str) -> None:
    hidden = scene.channel()
    await post_both(scene, scene.channel(), hidden)
    await take_down(scene)
    await LATER[change](scene, hidden)
    await only_the_allowed_one_stands(scene)


async def test_a_post_goes_when_everyone_may_not_read_its_source_any_more(scene: Scene) -> None:
    await scene.change(scene.general, everyone="+view +history", bot="+view +history")
    await post_both(scene, scene.channel(everyone="+view +history"), scene.channel())
    permissions = scene.guild_now.default_role.permissions
    permissions.update(view_channel=False)
    await scene.guild_now.default_role.edit(permissions=permissions)
    await scene.durable()
    await only_the_allowed_one_stands(scene)


async def test_a_post_goes_when_the_place_where_it_stands_is_opened(scene: Scene) -> None:
    few = {"everyone": "-view", "crew": "+view"}
    scene.place = scene.channel(**few)
    await post_both(scene, scene.channel(), scene.channel(**few))
    await scene.change(scene.place, guests="+view")
    await only_the_allowed_one_stands(scene)


@pytest.mark.slow
async def test_a_post_goes_when_its_source_was_hidden_while_the_bot_was_away(scene: Scene) -> None:
    hidden = scene.channel()
    await post_both(scene, scene.channel(), hidden)
    await take_down(scene)
    scene.real(hidden).nsfw = True  # and nobody tells
    await take_down(scene)
    assert FORBIDDEN in "\n".join(posted(scene))
    await scene.gateway("shard_ready", 0)
    await only_the_allowed_one_stands(scene)


async def test_a_server_that_discord_has_lost_for_now_loses_no_post(scene: Scene) -> None:
    hidden = scene.channel()
    await post_both(scene, scene.channel(), hidden)
    await scene.change(hidden, guests="-view")
    scene.guild_now.unavailable = True
    await take_down(scene)
    assert FORBIDDEN in "\n".join(posted(scene))
    scene.guild_now.unavailable = False
    await only_the_allowed_one_stands(scene)


async def test_a_role_that_is_deleted_counts_from_then_on(scene: Scene) -> None:
    staff_only = scene.channel(everyone="-view", crew="+view")
    await scene.tell(ALLOWED, scene.general)
    await scene.tell(FORBIDDEN, staff_only)
    assert FORBIDDEN in await recall(scene)
    role = scene.guild_now.get_role(scene.crew.id)
    assert isinstance(role, discord.Role)
    await role.delete()
    await scene.durable()
    text = await recall(scene)
    assert ALLOWED in text
    assert FORBIDDEN not in text
