"""The bot with room for few messages in memory: `python -m tests.acceptance.small_intake`."""

from __future__ import annotations

import asyncio
from functools import partial

import bot.app
from bot.cli.start import load
from bot.config import check_for_run
from bot.intake import Intake
from bot.life import live

ROOM = 200

if __name__ == "__main__":
    bot.app.Intake = partial(Intake, max_pending=ROOM)  # type: ignore[attr-defined, assignment]
    settings = load()
    check_for_run(settings)
    asyncio.run(live(settings))
