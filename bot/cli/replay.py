"""`python -m bot replay FILE`: a chat export through the same pipeline as live messages."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bot.cli.start import DataDir, load
from bot.observe import Export, open_export
from bot.operate import look_for_delays
from bot.remember import Explanations
from bot.run import App, Replay, Summary, bot_runs, open_app
from bot.settings import Settings


def replay(
    file: Annotated[Path, typer.Argument(help="DiscordChatExporter JSON, or messages as JSON Lines.")],
    extract: Annotated[
        bool, typer.Option("--extract/--no-extract", help="Make memories with the language model.")
    ] = True,
    explain: Annotated[
        Path | None,
        typer.Option(
            help="Write to this file, as JSON Lines, what becomes of each statement that the model proposes. "
            "It holds what members said: delete it when you are done."
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Put a chat export through the same pipeline as live messages; safe to run twice."""
    settings = load(data_dir, quiet=True)
    export = open_export(file)
    console = Console()
    if explain is None:
        summary, notes = asyncio.run(replay_export(settings, export, extract=extract, console=console))
    else:
        with _private_file(explain) as out:
            explanations = Explanations(lambda line: print(line, file=out, flush=True))
            summary, notes = asyncio.run(
                replay_export(settings, export, extract=extract, console=console, explain=explanations)
            )
    show_summary(console, summary, notes)


async def replay_export(
    settings: Settings, export: Export, *, extract: bool, console: Console, explain: Explanations | None = None
) -> tuple[Summary, list[str]]:
    """Replay with a progress bar; returns the summary and one line for each thing done without.

    Whether messages are embedded a running bot has decided; these settings say it where there is none.
    """
    leads = not await bot_runs(settings)
    async with open_app(settings, extract=extract, leads=leads, explain=explain) as app:
        summary = await _with_progress(app, export, console)
        await app.indexer.catch_up()  # messages, with EMBED_MESSAGES
    delays = await look_for_delays(settings)
    return summary, [*app.notes, *(delays.lines if leads else delays.aside)]  # a running bot takes what waits


def _private_file(path: Path) -> TextIO:
    """An empty file to write, which nobody else on this machine reads."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8")


async def _with_progress(app: App, export: Export, console: Console) -> Summary:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=not console.is_terminal) as progress:
        total = sum(1 for _ in export)
        tasks = {"log": progress.add_task("Messages into the log", total=total)}
        if app.flusher is not None:
            tasks["extract"] = progress.add_task("Memories from messages", total=total)
        return await Replay(app.log, app.ledger, app.prices, app.flusher).run(
            export, lambda stage, count: progress.advance(tasks[stage], count)
        )


def show_summary(console: Console, summary: Summary, notes: list[str]) -> None:
    """Print what a replay did as a small table, and the notes below."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("messages kept", f"{summary.messages:,}")
    if summary.doubles:
        table.add_row("already there", f"{summary.doubles:,}")
    for reason, count in sorted(summary.refused.items()):
        table.add_row(f"not kept: {reason}", f"{count:,}")
    table.add_row("memories made", f"{summary.memories:,}")
    for reason, count in sorted(summary.declined.items()):
        table.add_row(f"  not kept: {reason.replace('_', ' ')}", f"{count:,}")
    table.add_row("model calls", f"{summary.calls:,}")
    table.add_row("model tokens", f"{summary.tokens:,}")
    table.add_row("cost", f"${summary.dollars:.6f}")
    table.add_row("seconds", f"{summary.seconds:.1f}")
    console.print(table)
    for note in notes:
        console.print(note, style="dim", highlight=False, markup=False)
