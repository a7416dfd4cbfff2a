"""What somebody waits for is read next."""

from __future__ import annotations

import pytest

from bot.remember.awaited import Awaited
from tests.fixtures.memory import Pipeline
from tests.fixtures.storage import CHANNEL, GUILD

pytestmark = pytest.mark.both_databases

OTHER = CHANNEL + 1


async def test_a_channel_that_is_waited_for_is_read_at_once(pipeline: Pipeline) -> None:
    await pipeline.say_many(["chat"] * 100, channel=OTHER)
    await pipeline.say("hello")
    assert await pipeline.due() == [OTHER], "one message alone waits for others"
    await Awaited(pipeline.db, pipeline.clock).ask(GUILD, [CHANNEL])
    assert await pipeline.due() == [CHANNEL, OTHER]
    await pipeline.one_at_a_time().flush_due()
    # both are begun at once, and whichever gets its messages sooner asks first
    assert CHANNEL in [call[0].channel_id for call in pipeline.reader.calls][:2]


async def test_what_is_said_later_waits_for_its_time(pipeline: Pipeline) -> None:
    awaited = Awaited(pipeline.db, pipeline.clock)
    await pipeline.say("hello")
    await awaited.ask(GUILD, [CHANNEL])
    await pipeline.flush()
    pipeline.clock.advance(1)
    await pipeline.say("and good night")
    assert await pipeline.due() == []
    await awaited.ask(GUILD, [CHANNEL])
    assert await pipeline.due() == [CHANNEL]
