"""`python -m bot migrate`: bring the database up to date, or tell whether it is."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from bot.cli.start import DataDir, load
from bot.storage import data_key, database_address, migrations_waiting, open_store

Check = Annotated[bool, typer.Option("--check", help="Change nothing; exit code 1 where migrations wait.")]


def migrate(check: Check = False, data_dir: DataDir = None) -> None:
    """Bring the database up to date, as every start does, after a backup."""
    settings = load(data_dir)

    async def work() -> bool:
        waiting = await migrations_waiting(database_address(settings), settings.data_dir, key=data_key(settings))
        if waiting is None:
            print("There is no database yet; the first start makes it.")
        elif not waiting:
            print("The database is up to date.")
        else:
            print(f"Migrations that wait: {', '.join(waiting)}")
        if check:
            return bool(waiting)
        async with open_store(settings):
            if waiting:
                print("Done.")
        return False

    if asyncio.run(work()):
        raise typer.Exit(1)
