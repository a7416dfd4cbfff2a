"""`python -m bot reindex`: the vector index, filled anew from the database while the one in use goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from rich.console import Console
from rich.progress import Progress

from bot.cli.start import DataDir, load
from bot.domain import InUse, ServiceError, StartupError, UserError
from bot.index import moving_alone, open_generations
from bot.operate import look_for_delays
from bot.run import alone, open_app
from bot.settings import Settings

LOOK_SECONDS = 0.5


def reindex(data_dir: DataDir = None) -> None:
    """Fill a new vector index with every memory, then let it take over; a running bot does it for itself."""
    settings = load(data_dir, quiet=True)
    if not settings.mem0_enabled:
        raise UserError("MEM0_ENABLED=false: there is no vector index to rebuild; set it to true first")
    if lacking := settings.lacking():
        raise StartupError("\n".join(lacking))
    console = Console()
    with Progress(console=console, transient=not console.is_terminal) as progress:
        task = progress.add_task("Memories into the index")
        started = time.monotonic()
        memories, messages = asyncio.run(
            _reindex(settings, console, lambda n, total: progress.update(task, completed=n, total=total))
        )
    seconds = time.monotonic() - started
    also = f" and {messages:,} messages" if messages else ""
    console.print(f"{memories:,} memories{also} indexed in {seconds:,.0f} s", highlight=False)
    for line in asyncio.run(look_for_delays(settings)).lines:
        console.print(line, highlight=False, markup=False)


async def _reindex(settings: Settings, console: Console, progress: Callable[[int, int], None]) -> tuple[int, int]:
    """How many memories and how many messages are indexed."""
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(alone(settings))
            here = await stack.enter_async_context(moving_alone(settings))
        except InUse:
            here = False
        if not here:
            console.print("The running bot does it, whether or not somebody watches here.")
            return await _by_the_bot(settings, progress)
        return await _in_this_process(settings, progress)


async def _in_this_process(settings: Settings, progress: Callable[[int, int], None]) -> tuple[int, int]:
    async with open_app(settings, extract=False, patient=True, damaged_index=True) as app:
        if app.mover is None:
            raise UserError("There is no vector index with these settings; see `python -m bot doctor`")
        try:
            done = await app.mover.finish(progress)
        except (ServiceError, StartupError) as error:
            raise UserError(f"Not through yet ({error}): run it again, or start the bot; both go on") from None
        await app.indexer.drain()
        return done, await app.indexer.messages.count_told()


async def _by_the_bot(settings: Settings, progress: Callable[[int, int], None]) -> tuple[int, int]:
    """Ask the running bot, and show how far it is; it goes on without an onlooker."""
    async with open_generations(settings) as look:
        before = await look.ask()
        while True:
            number, copied, total = await look.standing()
            progress(copied, total)
            if number > before:
                return total, await look.messages()
            await asyncio.sleep(LOOK_SECONDS)
