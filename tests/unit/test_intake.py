from __future__ import annotations

import asyncio
import inspect
import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from bot.domain.model import Message, MessageState
from bot.domain.supervision import Backoff
from bot.observe.intake import Intake
from bot.observe.messagelog import MessageLog, Said
from bot.storage.engine import Database
from tests.fixtures.storage import CHANNEL, GUILD, SaidFactory, accept, refuse
from tests.loopback.waiting import eventually

pytestmark = pytest.mark.both_databases

EDITED_AT = datetime(2025, 6, 15, tzinfo=UTC)


class Recorder:
    """Stands where revisions and erasure stand, and notes what was in the log when it was called."""

    def __init__(self, log: MessageLog) -> None:
        self._log = log
        self.calls: list[tuple[object, ...]] = []

    async def edited(self, message_id: int, content: str, edited_at: datetime) -> None:
        self.calls.append(("edited", message_id, content, message_id in await self._log.get([message_id])))

    async def erase_messages(self, guild_id: int, channel_id: int, ids: Sequence[int]) -> None:
        self.calls.append(("erased", channel_id, list(ids), sorted(await self._log.get(ids))))


@pytest.fixture
def recorder(log: MessageLog) -> Recorder:
    return Recorder(log)


@pytest.fixture
async def intake(log: MessageLog, recorder: Recorder) -> AsyncIterator[Intake]:
    intake = Intake(
        log, recorder, recorder, max_pending=40, group_size=10, group_seconds=0.02, first_retry_seconds=0.01
    )
    writer = asyncio.create_task(intake.run())
    yield intake
    await intake.stop()
    await writer


async def _stored(log: MessageLog) -> int:
    return (await log.count_by_state())[MessageState.PENDING]


async def _break(database: Database) -> None:
    async with database.write() as connection:
        await refuse(connection, "INSERT ON messages", "no space")


async def _repair(database: Database) -> None:
    async with database.write() as connection:
        await accept(connection, "messages")


@pytest.mark.parametrize("handler", ["said", "edited", "deleted", "behind", "caught_up"])
def test_what_event_handlers_call_cannot_wait(handler: str) -> None:
    assert not inspect.iscoroutinefunction(getattr(Intake, handler))


async def test_handlers_go_on_while_the_database_is_held(
    database: Database, log: MessageLog, recorder: Recorder, make_said: SaidFactory
) -> None:
    intake = Intake(log, recorder, recorder)
    said = [make_said() for _ in range(1_000)]
    async with database.write():
        writer = asyncio.create_task(intake.run())
        for item in said:
            intake.said(item)
            await asyncio.sleep(0)
        assert await _stored(log) == 0
        assert intake.pending == 1_000
    await intake.stop()
    await writer
    assert await _stored(log) == 1_000


async def test_a_message_is_kept_soon_without_being_asked_for(
    intake: Intake, log: MessageLog, make_said: SaidFactory
) -> None:
    intake.said(make_said())
    await asyncio.sleep(1)
    assert await _stored(log) == 1


async def test_order_holds_between_messages_edits_and_deletions(
    intake: Intake, recorder: Recorder, make_said: SaidFactory
) -> None:
    first, second, third = (make_said() for _ in range(3))
    intake.edited(GUILD, CHANNEL, first.message.id, "too early", EDITED_AT)
    intake.said(first)
    intake.edited(GUILD, CHANNEL, first.message.id, "changed", EDITED_AT)
    intake.edited(GUILD, CHANNEL, first.message.id, "changed again", EDITED_AT)
    intake.said(second)
    intake.deleted(GUILD, CHANNEL, [second.message.id])
    intake.deleted(GUILD, CHANNEL, [third.message.id, first.message.id])
    intake.said(third)
    await intake.drain()
    assert recorder.calls == [
        ("edited", first.message.id, "too early", False),
        ("edited", first.message.id, "changed again", True),
        (
            "erased",
            CHANNEL,
            [second.message.id, third.message.id, first.message.id],
            [first.message.id, second.message.id],
        ),
    ]


async def test_drained_means_durable(intake: Intake, log: MessageLog, make_said: SaidFactory) -> None:
    for _ in range(35):
        intake.said(make_said())
    await intake.drain()
    assert await _stored(log) == 35
    assert intake.pending == 0
    assert intake.counts == {"offered": 35, "stored": 35, "doubles": 0}


async def test_live_messages_leave_the_checkpoint_alone_until_the_channel_is_caught_up(
    intake: Intake, log: MessageLog, make_said: SaidFactory
) -> None:
    missed, live, later = make_said(), make_said(), make_said()
    intake.said(live)
    await intake.drain()
    assert await log.checkpoint(CHANNEL) == 0
    intake.said(missed, backfill=True)
    await intake.drain()
    assert await log.checkpoint(CHANNEL) == missed.message.id
    assert intake.caught_up(CHANNEL)
    await intake.drain()
    assert await log.checkpoint(CHANNEL) == live.message.id
    intake.said(later)
    await intake.drain()
    assert await log.checkpoint(CHANNEL) == later.message.id


async def test_a_new_session_stops_the_checkpoint_again(
    intake: Intake, log: MessageLog, make_said: SaidFactory
) -> None:
    intake.caught_up(CHANNEL)
    before, after, elsewhere = make_said(), make_said(), make_said(channel_id=CHANNEL + 1)
    intake.caught_up(CHANNEL + 1)
    intake.said(before)
    intake.behind(CHANNEL)
    intake.said(after)
    intake.said(elsewhere)
    await intake.drain()
    assert await log.checkpoint(CHANNEL) == before.message.id
    assert await log.checkpoint(CHANNEL + 1) == elsewhere.message.id


async def test_a_history_that_ends_with_a_bots_message_is_read_to_its_end(
    intake: Intake, log: MessageLog, make_said: SaidFactory
) -> None:
    said = make_said()
    intake.said(said, backfill=True)
    intake.caught_up(CHANNEL, up_to=said.message.id + 5)
    await intake.drain()
    assert await log.checkpoint(CHANNEL) == said.message.id + 5


async def test_a_database_that_refuses_only_delays(
    intake: Intake, database: Database, log: MessageLog, make_said: SaidFactory, caplog: pytest.LogCaptureFixture
) -> None:
    await _break(database)
    said = [make_said("xylophone") for _ in range(5)]
    intake.caught_up(CHANNEL)
    for item in said:
        intake.said(item)
    refused = re.compile(r"can't write 5 events \(.*\w+Error")
    await eventually(lambda: refused.search(caplog.text), within=60, what="a try that the database refuses")
    assert await log.checkpoint(CHANNEL) == 0
    assert intake.pending == 5
    await _repair(database)
    await intake.drain()
    assert await _stored(log) == 5
    assert await log.checkpoint(CHANNEL) == said[-1].message.id
    assert "xylophone" not in caplog.text


async def test_a_full_intake_refuses_loudly_once_and_backfill_brings_the_rest(
    intake: Intake, database: Database, log: MessageLog, make_said: SaidFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await _break(database)
    intake.caught_up(CHANNEL)
    said = [make_said() for _ in range(60)]
    taken = [intake.said(item) for item in said]
    assert taken == [True] * 40 + [False] * 20
    assert intake.overflowed
    assert intake.missed == {CHANNEL}
    assert intake.counts["refused_full"] == 20
    intake.deleted(GUILD, CHANNEL, [1])  # always taken
    assert intake.pending == 41

    await _repair(database)
    await intake.drain()
    assert not intake.overflowed
    assert [record.levelname for record in caplog.records if "intake" in record.message] == ["ERROR", "INFO"]
    assert await log.checkpoint(CHANNEL) == said[39].message.id
    live = make_said()
    assert intake.said(live)
    assert not intake.caught_up(CHANNEL)  # something is missing: read again
    await intake.drain()
    assert await log.checkpoint(CHANNEL) == said[39].message.id

    intake.behind(CHANNEL)
    for item in said[30:]:
        await intake.room()
        assert intake.said(item, backfill=True)
    assert intake.caught_up(CHANNEL)
    await intake.drain()
    assert await _stored(log) == 61
    assert await log.checkpoint(CHANNEL) == live.message.id


async def test_a_backfill_with_a_hole_does_not_move_the_checkpoint_past_it(
    intake: Intake, database: Database, log: MessageLog, make_said: SaidFactory
) -> None:
    await _break(database)
    said = [make_said() for _ in range(42)]
    assert [intake.said(item, backfill=True) for item in said[:41]] == [True] * 40 + [False]
    await _repair(database)
    await intake.drain()
    assert not intake.said(said[41], backfill=True)  # there is room, but the one before it is missing
    await intake.drain()
    assert await log.checkpoint(CHANNEL) == said[39].message.id


async def test_room_waits_while_live_messages_need_it(
    intake: Intake, database: Database, make_said: SaidFactory
) -> None:
    await _break(database)
    for _ in range(20):
        intake.said(make_said())
    waiting = asyncio.create_task(intake.room())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await _repair(database)
    await asyncio.wait_for(waiting, 60)


async def test_stopping_makes_everything_durable_and_refuses_the_rest(
    log: MessageLog, recorder: Recorder, make_said: SaidFactory
) -> None:
    intake = Intake(log, recorder, recorder, group_seconds=60)
    writer = asyncio.create_task(intake.run())
    await asyncio.sleep(0)
    for _ in range(700):
        intake.said(make_said())
    await asyncio.wait_for(intake.stop(), 60)
    await writer
    assert await _stored(log) == 700
    assert not intake.said(make_said())


async def test_an_idle_intake_stops_at_once(log: MessageLog, recorder: Recorder) -> None:
    intake = Intake(log, recorder, recorder)
    writer = asyncio.create_task(intake.run())
    await asyncio.sleep(0.01)
    await intake.stop()
    await asyncio.wait_for(writer, 60)


async def test_a_message_that_the_database_does_not_take_is_set_aside_and_all_others_are_kept(
    log: MessageLog, recorder: Recorder, make_said: SaidFactory
) -> None:
    aside: dict[int, str] = {}

    async def set_aside(message: Message, reason: str) -> None:
        aside[message.id] = reason

    intake = Intake(log, recorder, recorder, group_size=10, group_seconds=0.01, set_aside=set_aside)
    writer = asyncio.create_task(intake.run())
    said = [make_said() for _ in range(25)]
    poisoned = replace(said[7], message=replace(said[7].message, reply_to=2**63))
    intake.caught_up(CHANNEL)
    for item in (*said[:7], poisoned, *said[8:]):
        intake.said(item)
    await asyncio.wait_for(intake.stop(), 60)
    await writer
    assert aside.keys() == {poisoned.message.id}
    assert (await log.get([item.message.id for item in said])).keys() == {
        item.message.id for item in said if item is not said[7]
    }
    assert await log.checkpoint(CHANNEL) == said[-1].message.id
    assert intake.counts["set_aside"] == 1


async def test_a_message_that_can_not_even_be_set_aside_stops_no_other(
    log: MessageLog, recorder: Recorder, make_said: SaidFactory
) -> None:
    tries: list[int] = []

    async def set_aside(message: Message, reason: str) -> None:
        tries.append(message.id)
        raise OverflowError

    intake = Intake(log, recorder, recorder, group_size=10, group_seconds=0.01, set_aside=set_aside)
    writer = asyncio.create_task(intake.run())
    first, other = make_said(), make_said()
    intake.said(replace(first, message=replace(first.message, reply_to=2**63)))
    intake.said(other)
    await asyncio.wait_for(intake.stop(), 60)
    await writer
    assert tries == [first.message.id] * 2
    assert await log.get([other.message.id])


@pytest.mark.parametrize("number", [0, -1, 2**63, 10**30])
async def test_what_has_an_id_that_can_be_none_is_left_out(
    log: MessageLog, recorder: Recorder, make_said: SaidFactory, number: int
) -> None:
    intake = Intake(log, recorder, recorder, group_seconds=0.01)
    writer = asyncio.create_task(intake.run())
    said, other = make_said(), make_said()
    intake.caught_up(CHANNEL, up_to=number)
    changes: list[dict[str, Any]] = [{name: number} for name in ("id", "guild_id", "channel_id", "author_id")]
    for change in changes:
        assert intake.said(replace(said, message=replace(said.message, **change)))
    intake.edited(GUILD, CHANNEL, number, "changed", EDITED_AT)
    intake.deleted(GUILD, CHANNEL, [number, other.message.id])
    intake.deleted(number, CHANNEL, [7])
    intake.said(other)
    await asyncio.wait_for(intake.stop(), 60)
    await writer
    assert intake.counts["unreadable"] == 4
    assert recorder.calls == [("erased", CHANNEL, [other.message.id], [])]
    assert await log.checkpoint(CHANNEL) == other.message.id


async def test_a_checkpoint_that_the_database_does_not_take_stops_nothing(
    log: MessageLog, recorder: Recorder, make_said: SaidFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = log.append

    async def refuses(said: Sequence[Said], *, checkpoints: Mapping[int, int], **options: Any) -> object:  # noqa: ANN401
        if CHANNEL in checkpoints:
            raise KeyError("no such checkpoint")
        return await append(said, checkpoints=checkpoints, **options)

    monkeypatch.setattr(log, "append", refuses)
    intake = Intake(log, recorder, recorder, group_seconds=0.01)
    writer = asyncio.create_task(intake.run())
    item = make_said(channel_id=CHANNEL + 1)
    intake.caught_up(CHANNEL, up_to=item.message.id)
    intake.said(item)
    await asyncio.wait_for(intake.stop(), 60)
    await writer
    assert await log.get([item.message.id])
    assert await log.checkpoint(CHANNEL) == 0


async def test_no_checkpoint_passes_a_message_before_it_is_set_aside(
    log: MessageLog, recorder: Recorder, make_said: SaidFactory
) -> None:
    checkpoints: list[int] = []

    async def set_aside(message: Message, reason: str) -> None:
        checkpoints.append(await log.checkpoint(message.channel_id))

    intake = Intake(log, recorder, recorder, group_size=10, group_seconds=0.01, set_aside=set_aside)
    first, *others = [make_said() for _ in range(8)]
    intake.caught_up(CHANNEL)
    for item in (replace(first, message=replace(first.message, reply_to=2**63)), *others):
        intake.said(item)
    writer = asyncio.create_task(intake.run())
    await asyncio.wait_for(intake.stop(), 60)
    await writer
    assert checkpoints == [0]
    assert await log.checkpoint(CHANNEL) == others[-1].message.id


async def test_no_message_is_set_aside_while_the_database_takes_none(
    database: Database, log: MessageLog, intake: Intake, make_said: SaidFactory
) -> None:
    await _break(database)
    intake.said(make_said())
    await asyncio.sleep(0.1)
    assert (intake.pending, intake.counts["set_aside"]) == (1, 0)
    await _repair(database)
    await intake.drain()
    assert await _stored(log) == 1


async def test_an_edit_that_can_not_be_written_stops_nothing_and_is_tried_until_it_is(
    log: MessageLog, recorder: Recorder, make_said: SaidFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Faulty(Recorder):
        breaks = True

        async def edited(self, message_id: int, content: str, edited_at: datetime) -> None:
            if self.breaks:
                raise KeyError(message_id)
            await super().edited(message_id, content, edited_at)

    monkeypatch.setattr("bot.observe.intake.Backoff", partial(Backoff, 0.01))
    faulty, later = Faulty(log), make_said()
    intake = Intake(log, faulty, recorder)
    writer = asyncio.create_task(intake.run())
    intake.edited(GUILD, CHANNEL, 1, "changed", EDITED_AT)
    intake.said(later)
    await asyncio.wait_for(intake.drain(), 5)
    assert await log.get([later.message.id])
    assert [(reason.startswith("KeyError"), count) for reason, count in intake.unwritten.items()] == [(True, 1)]
    faulty.breaks = False
    await eventually(lambda: faulty.calls and not intake.unwritten)
    await intake.stop()
    await writer


async def test_the_intake_holds_no_more_than_it_may(
    log: MessageLog, recorder: Recorder, make_said: SaidFactory
) -> None:
    intake = Intake(log, recorder, recorder, max_pending=1_000)
    for _ in range(5_000):
        intake.said(make_said())
    assert intake.pending == 1_000
