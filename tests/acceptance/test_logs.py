"""What the real process writes to its log: batches by their ids, no content above DEBUG, no secret at any level."""

from __future__ import annotations

import json
import re

import pytest

from tests.acceptance.stores import canary
from tests.acceptance.test_crashes import settle
from tests.fixtures.process import OPENAI_KEY, Stage
from tests.loopback.discord import eventually
from tests.loopback.http import Fault

BATCH_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.mark.slow
@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
async def test_no_content_above_debug_and_no_secret_at_any_level(stage: Stage, level: str) -> None:
    key = canary() * 3
    secrets = {"DATA_KEY": key, "MEM0_QDRANT_API_KEY": key[::-1]}
    settings = {"FLUSH_INTERVAL_SECONDS": "1", "LOG_LEVEL": level, "LOG_FORMAT": "json"}
    general, help_, ada, ben = await settle(stage, **settings, **secrets)
    stage.bot.database.unlink()  # the one that lies ready is not encrypted
    await stage.bot.start()
    await stage.bot.noticed(general, help_)
    words = [canary() for _ in range(4)]
    general.say(ada, f"We decided that the {words[0]} library will open on Sundays.")
    stage.ollama.fail(Fault.GARBAGE, path="/api/chat")
    await eventually(lambda: BATCH_ID.search(stage.bot.logs()), within=30, what="a line about a batch")
    stage.ollama.heal()
    await stage.discord.command(ben, help_, "remember", text=f"The {words[1]} is kept.").answer(within=20)
    await stage.discord.command(ben, help_, "recall", query=words[2]).answer(within=20)
    stage.openai.fail(Fault.STATUS, path="/embeddings", status=401)
    await stage.discord.command(ben, help_, "recall", query=words[3]).answer(within=20)
    await stage.bot.terminate()
    lines = [json.loads(line) for line in stage.bot.logs().splitlines()]
    assert len(lines) >= 4
    written = stage.bot.logs()
    for secret in (*secrets.values(), OPENAI_KEY, stage.discord.token):
        assert secret not in written
    for line in lines:
        if line["level"] != "DEBUG":
            assert not [word for word in words if word in json.dumps(line)], line
