"""`python -m bot reindex`: the vector index, built anew from the database."""

from __future__ import annotations

import asyncio

from rich.console import Console
from rich.progress import Progress

from bot.app import open_app
from bot.cli.start import DataDir, load
from bot.errors import StartupError, UserError


def reindex(data_dir: DataDir = None) -> None:
    """Write every memory into the vector index anew, and drop what the database does not have."""
    settings = load(data_dir, quiet=True)
    if not settings.mem0_enabled:
        raise UserError("MEM0_ENABLED=false: there is no vector index to rebuild; set it to true first")
    if settings.needs_openai_key and not settings.has_openai_key:
        raise StartupError(settings.missing_key_error())
    console = Console()

    async def rebuild() -> None:
        async with open_app(settings, extract=False, patient=True, fresh_index=True) as app:
            with Progress(console=console, transient=not console.is_terminal) as progress:
                task = progress.add_task("Memories into the index")
                done = await app.indexer.rebuild(lambda n, total: progress.update(task, completed=n, total=total))
            left = await app.indexer.backlog()
            console.print(f"{done:,} memories indexed", highlight=False)
            if left:
                raise UserError(
                    f"{left:,} memories could not be indexed yet; run it again, or start the bot, which goes on"
                )

    asyncio.run(rebuild())
