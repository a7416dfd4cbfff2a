"""`python -m bot doctor`: is everything there, and what to do where not."""

from __future__ import annotations

import asyncio

import typer
from rich.console import Console
from rich.text import Text

from bot.app import doctor_of
from bot.cli.start import DataDir, load
from bot.doctor import Verdict

MARKS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAULT: "red", Verdict.SKIPPED: "dim"}


def doctor(data_dir: DataDir = None) -> None:
    """Check settings, database, model, embeddings, vector store and Discord; exit code 1 where one is at fault."""
    settings = load(data_dir, quiet=True)
    console = Console()

    async def examine() -> bool:
        sound = True
        async for finding in doctor_of(settings).examine():
            line = Text(f"{finding.verdict:>8}  {finding.subject}: {finding.found}")
            line.stylize(MARKS[finding.verdict], 0, 8)
            console.print(line, soft_wrap=True)
            if finding.todo:
                console.print(Text(f"          → {finding.todo}"), soft_wrap=True)
            sound &= finding.verdict is not Verdict.FAULT
        return sound

    if not asyncio.run(examine()):
        raise typer.Exit(1)
