"""`python -m bot run`: the bot."""

from __future__ import annotations

import asyncio

from bot.cli.start import load, warn_of_misspelt
from bot.settings import check_for_run


def run() -> None:
    """Run the bot until SIGTERM or SIGINT."""
    settings = load()
    warn_of_misspelt(settings)
    check_for_run(settings)
    from bot.run import live

    asyncio.run(live(settings))
