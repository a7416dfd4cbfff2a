"""A hundred thousand messages, months of them: memory stays flat, files stay bounded, the queue drains."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from bot.domain.model import MessageState
from tests.fixtures.storage import FakeClock
from tests.integration.test_faults import open_scene

ROUNDS = 10
MESSAGES = int(os.environ.get("SOAK_MESSAGES", "40000")) // ROUNDS
DAYS_A_ROUND = 8  # so that retention takes what is older than four rounds
SETTLED = 5  # rounds after which nothing may grow any more
GROWTH = 1.25


def resident_mb() -> float:
    """Memory of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def size_mb(folder: Path) -> float:
    """All files of the program."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_memory_is_flat_files_are_bounded_and_the_queue_drains(
    data_dir: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.llm.composition.MODEL_CALLS_A_SECOND", 1000)
    memory, files = [], []
    async with open_scene(data_dir, clock) as scene:
        for _ in range(ROUNDS):
            scene.decide(2)
            for number in range(MESSAGES):
                scene.say(f"Somebody left the lights on in cellar number {number} yesterday evening.")
            await scene.app.intake.drain()
            await scene.recover()
            assert (await scene.states())[MessageState.PENDING] == 0
            clock.advance(DAYS_A_ROUND * 86_400)
            await scene.app.housekeeping.round()
            for server in scene.servers.values():
                server.requests.clear()
            memory.append(resident_mb())
            files.append(size_mb(data_dir))
            print(f"{memory[-1]:.0f} MB of memory, {files[-1]:.0f} MB of files")
    assert max(memory[SETTLED:]) < GROWTH * memory[SETTLED - 1], memory
    assert max(files[SETTLED:]) < GROWTH * files[SETTLED - 1], files
