"""A database that is held or can't grow, under the real process: it says so, holds what it can, and ends with all."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.community import plain
from tests.acceptance.small_intake import ROOM
from tests.acceptance.stores import canary, rows, sqlite
from tests.acceptance.test_life import all_logged
from tests.fixtures.process import Stage
from tests.loopback.discord import eventually

LOUD = "refusing messages"


@contextmanager
def held(database: Path) -> Iterator[None]:
    """Nobody else can write meanwhile."""
    lock = sqlite.connect(database, isolation_level=None)
    try:
        lock.execute("BEGIN IMMEDIATE")
        yield
    finally:
        lock.close()


@contextmanager
def full(pid: int, folder: Path) -> Iterator[None]:
    """No file of the process grows any more, as on a full disk."""
    largest = max(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.slow
async def test_what_memory_has_no_room_for_is_refused_loudly_and_read_back(stage: Stage) -> None:
    guild = stage.discord.world.guild("Workshop")
    general, ada = guild.text("general"), guild.member("Ada")
    stage.observe(general)
    stage.bot.entry = ("-m", "tests.acceptance.small_intake")
    await stage.bot.start(MEM0_ENABLED="false")
    await stage.bot.noticed(general)
    general.say(ada, "Said before, so that the start is over.")
    await all_logged(stage, general)
    with held(stage.bot.database):
        for number in range(3 * ROOM):
            general.say(ada, f"Said while the database was held, number {number}.")
        await eventually(lambda: LOUD in stage.bot.logs(), within=20, what="a loud line")
    await all_logged(stage, general, within=60)
    assert stage.bot.logs().count(LOUD) == 1
    assert "Traceback" not in stage.bot.logs()


@pytest.mark.slow
async def test_a_full_disk_loses_nothing_and_recall_goes_on(stage: Stage) -> None:
    general, ada = await stage.without_model()
    word = canary()
    general.say(ada, f"The {word} was said before the disk was full.")
    await all_logged(stage, general)
    with full(stage.bot.pid, stage.bot.data_dir):
        for number in range(600):
            general.say(ada, f"Number {number}: {canary() * 100}")
        await eventually(lambda: "can't write" in stage.bot.logs(), within=20, what="a line on it")
        assert word in plain(await stage.discord.command(ada, general, "recall", query=word).answer(within=20))
        outcome = plain(await stage.discord.command(ada, general, "remember", text="Kept?").answer(within=20))
        assert ("Remembered" in outcome) != ("database" in outcome)  # a little room may be left in the log's pages
    await all_logged(stage, general, within=90)
    assert rows(stage.bot.database, "SELECT count(*) FROM memories") == [("Remembered" in outcome,)]
    stage.bot.check()
