"""The bot with room for few messages in memory: `python -m tests.acceptance.small_intake`."""

from __future__ import annotations

import asyncio
from functools import partial

import bot.forget.composition
from bot.cli.start import load
from bot.observe.intake import Intake
from bot.run.life import live
from bot.settings.loading import check_for_run

ROOM = 200

if __name__ == "__main__":
    bot.forget.composition.Intake = partial(Intake, max_pending=ROOM)  # type: ignore[attr-defined, assignment]
    settings = load()
    check_for_run(settings)
    asyncio.run(live(settings))
