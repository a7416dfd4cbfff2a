"""A clock that jumps: what waits is not forgotten, and what has time is not hurried."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bot.domain.clock import steady_clock
from bot.remember.queue import Due, Queue
from tests.fixtures.storage import CHANNEL, GUILD, FakeClock
from tests.integration.test_faults import open_scene

YEAR_SECONDS = 365 * 86_400


def test_a_jump_of_the_machines_clock_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = steady_clock()
    before = clock()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert before <= clock() < before + 60_000


@pytest.mark.slow
async def test_what_waited_before_the_clock_was_put_back_is_done(data_dir: Path, clock: FakeClock) -> None:
    async with open_scene(data_dir, clock) as scene:
        dead = Queue(scene.app.db, clock, "a process that died")
        assert await dead.acquire(CHANNEL)
        await scene.break_("ollama", "refuses")
        await scene.break_("embeddings", "refuses")
        clock.advance(-YEAR_SECONDS)
        assert scene.app.flusher is not None
        await scene.app.flusher.flush_channel(CHANNEL)
        await scene.heal()
        clock.advance(-YEAR_SECONDS)
        await scene.recover()
        await scene.check(extracted=True)


async def test_a_batch_that_waits_is_due_at_once_after_the_clock_was_put_back(data_dir: Path, clock: FakeClock) -> None:
    async with open_scene(data_dir, clock) as scene:
        assert scene.app.flusher is not None
        await scene.break_("ollama", "refuses")
        await scene.app.flusher.flush_channel(CHANNEL)
        queue = Queue(scene.app.db, clock, "another")
        (batch, *_) = await queue.batches(CHANNEL)
        assert batch.next_try_ms > clock()
        assert await queue.due(interval_seconds=0, size=1) == []
        clock.advance(-YEAR_SECONDS)
        assert await queue.due(interval_seconds=0, size=1) == [Due(CHANNEL, GUILD)]


async def test_a_living_lease_is_left_alone(data_dir: Path, clock: FakeClock) -> None:
    async with open_scene(data_dir, clock) as scene:
        living, late = (Queue(scene.app.db, clock, owner) for owner in ("living", "late"))
        assert await living.acquire(CHANNEL)
        assert not await late.acquire(CHANNEL)
        clock.advance(living.lease_seconds + 1)
        assert await late.acquire(CHANNEL)
