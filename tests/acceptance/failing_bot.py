"""The bot, each part of which fails at first, as nobody thought of: `python -m tests.acceptance.failing_bot`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from bot.cli.start import load
from bot.forget.clerk import Clerk
from bot.index.indexer import Indexer
from bot.index.mover import Mover
from bot.observe.intake import Intake
from bot.operate.housekeeping import Housekeeping
from bot.run.life import live
from bot.settings.loading import check_for_run
from cogs.client import ChannelMemoryBot

CANARY = "zqxvkw-nobody-may-read-this"
FAILURES = 2


def failing(run: Callable[..., Awaitable[None]], *, after: float = 0.0) -> Callable[..., Awaitable[None]]:
    """`run`, which fails, at its first calls, so many seconds after it began."""
    calls = 0

    async def attempt(*arguments: Any, **options: Any) -> None:  # noqa: ANN401
        nonlocal calls
        calls += 1
        if calls > FAILURES:
            return await run(*arguments, **options)
        running = asyncio.ensure_future(run(*arguments, **options))
        await asyncio.sleep(after)
        running.cancel()
        await asyncio.wait({running})
        raise TypeError(CANARY)

    return attempt


def main() -> None:
    """Run the bot."""
    for part in (Indexer, Mover, Intake, Housekeeping, Clerk):
        part.run = failing(part.run)  # type: ignore[method-assign, assignment]
    ChannelMemoryBot.connect = failing(ChannelMemoryBot.connect, after=3.0)  # type: ignore[method-assign, assignment]
    settings = load()
    check_for_run(settings)
    asyncio.run(live(settings))


if __name__ == "__main__":
    main()
