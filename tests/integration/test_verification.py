"""Comparing with Discord: what Discord does not say holds up nothing else, and is asked for ever less often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from bot.domain import Message, PartStanding, ServiceUnavailable, snowflake
from bot.forget import Seen, Verification
from bot.forget.verification import PAGE
from bot.observe import Intake
from tests.fixtures.memory import Pipeline
from tests.fixtures.storage import CHANNEL, GUILD

OTHER = CHANNEL + 1


WHAT_WAS_SAID = "what was said"


@dataclass
class ShownHistory:
    """Discord's history as a test has it.

    Attributes:
        shown: what it shows, by channel, oldest first.
        gone: messages of which it says that they are no more; of others that are not shown it says nothing.
        closed: channels whose history it does not give.
        broken: channels whose history makes this program fail.
        pages: the channels of the pages that were asked for.
        asked: the messages that it was asked about.
    """

    shown: dict[int, list[Seen]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    closed: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    pages: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)

    async def page(self, guild_id: int, channel_id: int, newest: int) -> list[Seen] | None:
        self.pages.append(channel_id)
        if channel_id in self.closed:
            raise ServiceUnavailable("discord", "HTTP 500")
        if channel_id in self.broken:
            raise KeyError(WHAT_WAS_SAID)
        upto = [seen for seen in self.shown.get(channel_id, []) if seen.message_id <= newest]
        return upto[::-1][:PAGE]

    async def is_gone(self, guild_id: int, channel_id: int, message_id: int) -> bool:
        self.asked.append(message_id)
        if message_id in self.gone:
            return True
        if any(seen.message_id == message_id for seen in self.shown[channel_id]):
            return False
        raise ServiceUnavailable("discord", "HTTP 404")


@dataclass
class Desk:
    """A log, Discord's history, and the comparison of the two."""

    pipeline: Pipeline
    history: ShownHistory
    verification: Verification
    standing: PartStanding

    async def contents(self) -> list[str]:
        """What is kept, oldest first."""
        kept = await self.pipeline.log.get((await self.pipeline.states()).keys())
        return [message.content for _, message in sorted(kept.items())]

    async def sweep(self, rounds: int = 20) -> None:
        """Sweep until nothing is left to compare now."""
        for _ in range(rounds):
            if not await self.verification.sweep():
                return

    def show(self, *messages: Message) -> None:
        """Discord shows these as they were said."""
        for message in messages:
            shown = self.history.shown.setdefault(message.channel_id, [])
            shown.append(Seen(message.id, message.content, None))

    def show_edited(self, message: Message, content: str, *, seconds: float = 60) -> None:
        """Discord shows this one with another text, edited so long after it was said."""
        edited_at = datetime.fromtimestamp(snowflake.to_ms(message.id) / 1000 + seconds, tz=UTC)
        self.history.shown.setdefault(message.channel_id, []).append(Seen(message.id, content, edited_at))


@pytest.fixture
async def desk(pipeline: Pipeline) -> AsyncIterator[Desk]:
    """A comparison whose intake writes."""
    intake = Intake(pipeline.log, pipeline.revisions, pipeline.erasure, group_seconds=0.001)
    writer = asyncio.create_task(intake.run())
    history, standing = ShownHistory(), PartStanding()
    verification = Verification(pipeline.log, intake, pipeline.erasure, history, pipeline.clock, standing=standing)
    yield Desk(pipeline, history, verification, standing)
    await intake.stop()
    with suppress(asyncio.CancelledError):
        await writer


async def test_a_deletion_that_discord_does_not_confirm_holds_up_no_edit_of_its_page(desk: Desk) -> None:
    lost, changed, same = await desk.pipeline.say_many(["it was deleted", "nine o'clock", "as it was"])
    desk.show_edited(changed, "ten o'clock")
    desk.show(same)
    doubtful = await desk.verification.check(GUILD, {CHANNEL: [lost.id, changed.id, same.id]})
    assert doubtful == {lost.id}
    assert await desk.contents() == ["it was deleted", "ten o'clock", "as it was"]
    desk.history.gone.add(lost.id)
    assert await desk.verification.check(GUILD, {CHANNEL: [lost.id, changed.id]}) == frozenset()
    assert await desk.contents() == ["ten o'clock", "as it was"]


async def test_an_edit_is_seen_though_only_memories_are_left_of_the_old_words(desk: Desk) -> None:
    """So it is where a message was edited after a backup, and its time in the log is over when that is restored."""
    changed, same, reacted = await desk.pipeline.say_many([f"note: it is at {hour}" for hour in (9, 10, 11)])
    await desk.pipeline.flush()
    desk.pipeline.clock.advance(31 * 86_400)
    await desk.pipeline.erasure.erase_expired(30)
    assert await desk.contents() == []
    desk.show_edited(changed, "note: it is at 8", seconds=2 * 86_400)
    desk.show(same)
    desk.show_edited(reacted, "note: it is at 11", seconds=-60)
    await desk.verification.new_session(GUILD)
    await desk.sweep()
    assert [memory.text for memory in await desk.pipeline.memories()] == ["it is at 10", "it is at 11"]


@pytest.mark.parametrize("confirmed", [0, 1])
async def test_one_deletion_that_discord_confirms_speaks_for_the_others_of_its_page(desk: Desk, confirmed: int) -> None:
    *deleted, same = await desk.pipeline.say_many(["it was deleted", "so was this", "as it was"])
    desk.show(same)
    desk.history.gone.add(deleted[confirmed].id)
    assert await desk.verification.check(GUILD, {CHANNEL: [message.id for message in deleted]}) == frozenset()
    assert await desk.contents() == ["as it was"]


async def test_an_unconfirmed_deletion_holds_up_no_older_page_and_is_asked_about_ever_less_often(desk: Desk) -> None:
    said = await desk.pipeline.say_many([f"number {n}" for n in range(2 * PAGE)])
    lost = said[-1]
    desk.show_edited(said[0], "the oldest, changed")
    desk.show(*said[1:-1])
    await desk.verification.new_session(GUILD)
    hour: list[int] = []
    for _ in range(3600):
        before = len(desk.history.asked)
        await desk.verification.sweep()
        hour.append(len(desk.history.asked) - before)
        desk.pipeline.clock.advance(1)
    assert "the oldest, changed" in await desk.contents()
    assert f"number {len(said) - 1}" in await desk.contents()
    assert desk.standing.reason == "1 channel waits, the last one because deletions can't be confirmed"
    assert sum(hour[:60]) >= 3
    assert 8 <= sum(hour[1800:]) <= 3 * 10, "at least every five minutes, and little more often"
    desk.history.gone.add(lost.id)
    desk.pipeline.clock.advance(400)
    await desk.sweep()
    assert f"number {len(said) - 1}" not in await desk.contents()
    assert desk.verification.channels_left == 0
    assert not desk.standing.waits


async def test_a_doubt_about_one_channel_has_no_other_compared_again(desk: Desk) -> None:
    here = await desk.pipeline.say("here, nine o'clock")
    there = await desk.pipeline.say("there, nine o'clock", channel=OTHER)
    desk.show(here, there)
    await desk.verification.new_session(GUILD)
    await desk.sweep()
    assert desk.verification.channels_left == 0
    desk.history.pages.clear()
    desk.history.shown.clear()
    desk.show_edited(here, "here, ten o'clock")
    desk.show(there)
    desk.verification.doubt(GUILD, CHANNEL)
    assert await desk.verification.check(GUILD, {CHANNEL: [here.id], OTHER: [there.id]}) == frozenset()
    await desk.sweep()
    assert desk.history.pages == [CHANNEL]
    assert await desk.contents() == ["here, ten o'clock", "there, nine o'clock"]
    for doubts in ([(GUILD, CHANNEL), (GUILD, OTHER)], [(GUILD, CHANNEL), (GUILD,)], [(GUILD,), (GUILD, OTHER)]):
        desk.history.pages.clear()
        for doubt in doubts:
            desk.verification.doubt(*doubt)
        await desk.sweep()
        assert set(desk.history.pages) == {CHANNEL, OTHER}


@pytest.mark.parametrize("how", ["closed", "broken"])
async def test_a_channel_that_can_not_be_compared_rests_while_others_are(
    desk: Desk, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    closed = await desk.pipeline.say("closed")
    changed = await desk.pipeline.say("nine o'clock", channel=OTHER)
    desk.show_edited(changed, "ten o'clock")
    getattr(desk.history, how).add(CHANNEL)
    await desk.verification.new_session(GUILD)
    assert await desk.verification.check(GUILD, {CHANNEL: [closed.id], OTHER: [changed.id]}) == {closed.id}
    await desk.sweep()
    assert await desk.contents() == ["closed", "ten o'clock"]
    assert WHAT_WAS_SAID not in caplog.text
    assert desk.standing.waits
    assert desk.standing.reason.startswith("1 channel waits")
    for _ in range(600):
        await desk.verification.sweep()
        desk.pipeline.clock.advance(1)
    assert 6 <= desk.history.pages.count(CHANNEL) <= 12
    assert desk.history.pages.count(OTHER) <= 2
    getattr(desk.history, how).clear()
    desk.history.shown[CHANNEL] = []
    desk.pipeline.clock.advance(400)
    await desk.sweep()
    assert desk.verification.channels_left == 1, "an empty history is not believed"
