"""`python -m bot migrate-database URL`: from SQLite to PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from bot.cli.start import DataDir, load
from bot.operate import move_database
from bot.run import alone
from bot.settings import Settings
from bot.storage import database_address, database_file

Url = Annotated[str, typer.Argument(help="postgresql://USER:PASSWORD@HOST/DATABASE, empty.", show_default=False)]


def migrate_database(url: Url, data_dir: DataDir = None) -> None:
    """Move the database from SQLite to a PostgreSQL server, with the bot stopped."""
    settings = load(data_dir, quiet=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} rows"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("rows", total=None)
        asyncio.run(_move(settings, url, lambda rows: progress.advance(task, rows)))
    file = database_file(database_address(settings), settings.data_dir)
    print("The database is moved. Set DATABASE_URL to that address, unset DATA_KEY if it is set, and start the bot.")
    print(f"Then delete {file}, which holds what may be erased from now on.")


async def _move(settings: Settings, url: str, on_rows: Callable[[int], None]) -> None:
    async with alone(settings):
        await move_database(settings, url, on_rows)
