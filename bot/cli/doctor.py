"""`python -m bot doctor`: is everything there, and what to do where not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from bot.cli.start import DataDir, load
from bot.domain import ServiceError, UserError, Verdict
from bot.llm import providers_of
from bot.operate import doctor_of
from bot.run import bot_runs
from bot.settings import Settings

MARKS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAULT: "red", Verdict.SKIPPED: "dim"}

Pull = Annotated[bool, typer.Option("--pull", help="First pull the models of these settings that Ollama lacks.")]


def doctor(pull: Pull = False, data_dir: DataDir = None) -> None:
    """Check settings, database, model, embeddings, index and Discord; exit code 1 where one is at fault."""
    settings = load(data_dir, quiet=True, lists_misspelt=True)
    console = Console()
    if pull:
        asyncio.run(_pull(settings, console))

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


async def _pull(settings: Settings, console: Console) -> None:
    """Fetch what the settings ask of hosts that can; what is there already is only compared.

    Raises:
        UserError: a host does not answer, or can't get the model.
    """
    downloads = [each for provider in providers_of(settings).in_use(settings) for each in provider.downloads()]
    several = len({download.host for download in downloads}) > 1
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        for download in downloads:
            where = f" at {download.host}" if several else ""
            task = progress.add_task(f"Pulling {download.model}{where}", total=None)
            try:
                async for done, total in download.steps():
                    progress.update(task, completed=done, total=total or None)
            except ServiceError as error:
                raise UserError(f"{error}{where}") from None
            console.print(f"{download.model} is there{where}", highlight=False)
