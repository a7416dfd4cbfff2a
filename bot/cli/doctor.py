"""`python -m bot doctor`: is everything there, and what to do where not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from bot.cli.start import DataDir, load
from bot.domain import ServiceError, UserError, host_name
from bot.llm import close_client, ollama_client, pulling
from bot.operate import Verdict, doctor_of
from bot.settings import EmbeddingProvider, LLMProvider, Settings

MARKS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAULT: "red", Verdict.SKIPPED: "dim"}

PULL_SECONDS = 120.0
"""Without a word from Ollama while it pulls; it tells its progress several times a second."""

Pull = Annotated[bool, typer.Option("--pull", help="First pull the models of these settings that Ollama lacks.")]


def doctor(pull: Pull = False, data_dir: DataDir = None) -> None:
    """Check settings, database, model, embeddings, index and Discord; exit code 1 where one is at fault."""
    settings = load(data_dir, quiet=True)
    console = Console()
    if pull:
        asyncio.run(_pull(settings, console))

    async def examine() -> bool:
        sound = True
        async for finding in doctor_of(settings).examine():
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
    """Pull what the settings ask of Ollama; what is there already is only compared.

    Raises:
        UserError: Ollama does not answer, or can't get the model.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        for url in settings.ollama_base_url:
            where = f" at {host_name(url)}" if len(settings.ollama_base_url) > 1 else ""
            client = ollama_client(url, PULL_SECONDS)
            try:
                for model in _of_ollama(settings):
                    task = progress.add_task(f"Pulling {model}{where}", total=None)
                    async for _, done, total in pulling(client, model):
                        progress.update(task, completed=done, total=total or None)
                    console.print(f"{model} is there{where}", highlight=False)
            except ServiceError as error:
                raise UserError(f"{error}{where}") from None
            finally:
                await close_client(client)


def _of_ollama(settings: Settings) -> list[str]:
    models = []
    if settings.mem0_enabled and settings.mem0_llm_provider is LLMProvider.OLLAMA:
        models.append(settings.ollama_model)
        models.extend([settings.check_model] if settings.check_model else [])
    if settings.mem0_enabled and settings.embedding_provider is EmbeddingProvider.OLLAMA:
        models.append(settings.embedding_model)
    return models
