"""`python -m bot pull`: fetch the models that the settings name."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from bot.cli.start import DataDir, load
from bot.domain import ServiceError, UserError
from bot.llm import Download, providers_of
from bot.settings import Settings


def pull(data_dir: DataDir = None) -> None:
    """Fetch what Ollama lacks of the models in the settings; where it lacks none, no network is needed."""
    settings = load(data_dir, quiet=True)

    async def work() -> None:
        console = Console()
        downloads = downloads_of(settings)
        lacking = await missing(downloads)
        for download in downloads:
            if download not in lacking:
                console.print(f"{download.model} is there", highlight=False)
        await pull_models(lacking, console)
        if not downloads:
            console.print("Nothing to fetch: none of the services in use is Ollama.")

    asyncio.run(work())


def downloads_of(settings: Settings) -> list[Download]:
    """All that can be fetched of the models that the settings name, each once."""
    downloads = (each for provider in providers_of(settings).in_use(settings) for each in provider.downloads())
    return list({(download.model, download.host): download for download in downloads}.values())


async def missing(downloads: Sequence[Download]) -> list[Download]:
    """Those that their hosts have not.

    Raises:
        UserError: a host does not answer.
    """
    try:
        return [download for download in downloads if not await download.is_there()]
    except ServiceError as error:
        raise UserError(str(error)) from None


async def pull_models(downloads: Sequence[Download], console: Console) -> None:
    """Fetch models and show how far it is; what is there already is only compared.

    Raises:
        UserError: a host does not answer, or can't get the model.
    """
    several = len({download.host for download in downloads}) > 1
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        for download in downloads:
            where = f" at {download.host}" if several else ""
            task = progress.add_task(f"Pulling {download.model}{where}", total=None)
            try:
                async for done, total in download.steps():
                    progress.update(task, completed=done, total=total or None)
            except ServiceError as error:
                raise UserError(f"{error}{where}") from None
            progress.remove_task(task)
            console.print(f"{download.model} is there{where}", highlight=False)
