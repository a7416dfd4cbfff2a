"""The vector index filled anew by the real process: as it is asked to, and killed on the way."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from bot.domain.crash_points import REINDEX_STEPS
from tests.acceptance.stores import rows
from tests.acceptance.test_crashes import decide, die, everything_settled, in_index, memories, settle
from tests.fixtures.process import Stage
from tests.loopback.discord import eventually
from tests.loopback.qdrant import LoopbackQdrant


def generation_in_use(stage: Stage) -> int:
    ((told,),) = rows(stage.bot.database, "SELECT value FROM meta WHERE key = 'index_generations'")
    state = json.loads(told)
    return 0 if state["to_come"] or state["leftover"] else int(state["in_use"]["number"])


def folders(stage: Stage) -> list[str]:
    return sorted(path.name for path in stage.bot.data_dir.glob("index*"))


@pytest.mark.slow
async def test_the_command_has_the_running_bot_do_it(stage: Stage) -> None:
    general, help_, ada, ben = await settle(stage, FLUSH_INTERVAL_SECONDS="1")
    await stage.bot.start()
    await stage.bot.noticed(general, help_)
    decided = decide(general, ada, (0, 1))
    await everything_settled(stage, general, help_)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "reindex",
        env=stage.bot.environment,
        cwd=stage.folder,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, b"2 memories" in out) == (0, True), out
    await eventually(lambda: generation_in_use(stage) == 2, within=20, what="the second generation")
    assert folders(stage) == ["index-2"]
    await in_index(stage, ben, help_, decided)


@pytest.mark.slow
@pytest.mark.parametrize("step", REINDEX_STEPS)
@pytest.mark.parametrize("way", ["another model", "a Qdrant server"])
async def test_killed_on_the_way(stage: Stage, qdrant_server: LoopbackQdrant, way: str, step: str) -> None:
    general, help_, ada, ben = await settle(stage, FLUSH_INTERVAL_SECONDS="1")
    await stage.bot.start()
    await stage.bot.noticed(general, help_)
    decided = decide(general, ada, (0, 1, 2))
    await everything_settled(stage, general, help_)
    await stage.bot.kill()
    to_server = way == "a Qdrant server"
    stage.bot.environment |= {"MEM0_QDRANT_URL": qdrant_server.url} if to_server else {"EMBEDDING_DIMS": "512"}
    await die(stage.bot, step)
    await stage.bot.start()
    decided += decide(help_, ben, (3,))
    await everything_settled(stage, general, help_)
    await eventually(lambda: generation_in_use(stage) == 2, within=30, what="the second generation")
    assert folders(stage) == ([] if to_server else ["index-2"])
    assert sorted(memories(stage.bot)) == sorted(decided)
    await in_index(stage, ben, help_, decided)
