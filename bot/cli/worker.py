"""`python -m bot worker`: flushing alone, beside any number of bots and other workers."""

from __future__ import annotations

import asyncio

from bot.cli.start import load
from bot.run import work
from bot.settings import check_for_worker


def worker() -> None:
    """Make memories of what the bots take in, until SIGTERM or SIGINT; needs PostgreSQL and a Qdrant server."""
    settings = load()
    check_for_worker(settings)
    asyncio.run(work(settings))
