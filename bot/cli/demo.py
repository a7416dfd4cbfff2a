"""`python -m bot demo`: the main job on the sample chat, with nothing but what was just installed."""

from __future__ import annotations

import asyncio
from importlib.resources import as_file, files
from pathlib import Path

from rich.console import Console

from bot.cli.recall import CommandLineQuestion, find, show
from bot.cli.replay import replay_export, show_summary
from bot.cli.start import DataDir, load
from bot.observe import open_export
from bot.run import open_app
from bot.settings import Settings

QUESTIONS = (
    "On which date is the open day now?",
    "Which laser settings work for 4 mm birch plywood?",
    "What milk does Ines take in her coffee now?",
)
DEMO_DATA = Path("data/demo")


def demo(data_dir: DataDir = DEMO_DATA) -> None:
    """Replay the sample chat of a makerspace, then ask three questions about it."""
    settings, console = load(data_dir, quiet=True), Console()
    asyncio.run(_demo(_apart(settings), console))
    if settings.uses_database_server:
        console.print(f"\nThe sample is in {settings.data_dir}: nothing of it went to DATABASE_URL.", highlight=False)
    else:
        console.print(
            f"\nAsk more with: python -m bot recall --data-dir {settings.data_dir} 'your question'", highlight=False
        )


def _apart(settings: Settings) -> Settings:
    """The settings with everything in a folder of its own: the sample is not for the servers of a real bot."""
    return settings.model_copy(update={"database_url": None, "mem0_qdrant_host": None, "mem0_qdrant_url": None})


async def _demo(settings: Settings, console: Console) -> None:
    with as_file(files("bot.cli.sample") / "chat.jsonl") as sample:
        summary, notes = await replay_export(settings, open_export(sample), extract=True, console=console)
    show_summary(console, summary, notes)
    async with open_app(settings, extract=False) as app:
        for number, query in enumerate(QUESTIONS, start=1):
            console.print()
            question = CommandLineQuestion(id=str(number), query=query)
            show(console, question, await find(app, question, limit=3))
