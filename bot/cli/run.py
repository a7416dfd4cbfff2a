"""`python -m bot run`: the bot."""

from __future__ import annotations

import asyncio

from bot.cli.start import load
from bot.settings import check_for_run


def run() -> None:
    """Run the bot until SIGTERM or SIGINT."""
    settings = load()
    check_for_run(settings)
    from bot.run import live

    asyncio.run(live(settings))
