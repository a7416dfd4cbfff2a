"""`python -m bot backup FILE`: everything that can't be rebuilt, in one file."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.start import DataDir, load
from bot.domain import UserError, system_clock
from bot.operate import back_up
from bot.storage import streamed_file

STREAM = Path("-")
"""Standard output, or standard input."""

File = Annotated[Path, typer.Argument(help="The backup; - for standard output.", show_default=False)]
Replace = Annotated[bool, typer.Option("--replace", help="Overwrite a file of that name.")]


def backup(file: File, replace: Replace = False, data_dir: DataDir = None) -> None:
    """Back up the database into one file, also beside a running bot."""
    settings = load(data_dir, quiet=True)
    if file != STREAM:
        asyncio.run(back_up(settings, file, system_clock, replace=replace))
        print(f"{file}: {file.stat().st_size:,} bytes. Keep it, and DATA_KEY where it is set, apart from this machine.")
        return
    if sys.stdout.isatty():
        raise UserError(
            "a terminal can't show a backup: write it to a file, as in `python -m bot backup - > backup.db`"
        )
    with streamed_file(settings.data_dir) as streamed:
        asyncio.run(back_up(settings, streamed, system_clock, replace=True))
        with streamed.open("rb") as made:
            shutil.copyfileobj(made, sys.stdout.buffer)
        sys.stdout.buffer.flush()
