"""`python -m bot doctor`: is everything there, and what to do where not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bot.cli.pull import downloads_of, pull_models
from bot.cli.start import DataDir, load
from bot.domain import Verdict
from bot.operate import doctor_of
from bot.run import bot_runs

MARKS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAULT: "red", Verdict.SKIPPED: "dim"}

Pull = Annotated[bool, typer.Option("--pull", help="First pull the models of these settings that Ollama lacks.")]


def doctor(pull: Pull = False, data_dir: DataDir = None) -> None:
    """Check settings, database, model, embeddings, index and Discord; exit code 1 where one is at fault."""
    settings = load(data_dir, quiet=True, lists_misspelt=True)
    console = Console()
    if pull:
        asyncio.run(pull_models(downloads_of(settings), console))

    async def examine() -> bool:
        sound = True
        async for finding in doctor_of(settings, partial(bot_runs, settings)).examine():
            line = Text(f"{finding.verdict:>8}  {finding.subject}: {finding.found}")
            line.stylize(MARKS[finding.verdict], 0, 8)
            console.print(line, soft_wrap=True)
            if finding.todo:
                console.print(Text(f"          → {finding.todo}"), soft_wrap=True)
            if finding.table:
                console.print(Padding(_lines(finding.table), (0, 0, 0, 10)))
            sound &= finding.verdict is not Verdict.FAULT
        return sound

    if not asyncio.run(examine()):
        raise typer.Exit(1)


def _lines(table: Sequence[Sequence[str]]) -> Table:
    """A finding's table; its two first columns are words, the others numbers."""
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for number, head in enumerate(table[0]):
        shown.add_column(head, justify="left" if number < 2 else "right", no_wrap=number < 2)
    for line in table[1:]:
        shown.add_row(*map(Text, line))
    return shown
