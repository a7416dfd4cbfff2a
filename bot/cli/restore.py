"""`python -m bot restore FILE`: a backup in the place of the database."""

from __future__ import annotations

import asyncio
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.backup import STREAM
from bot.cli.start import DataDir, load
from bot.domain import system_clock
from bot.operate import Restored, restore_backup, shown_time
from bot.run import alone
from bot.settings import Settings
from bot.storage import streamed_file

File = Annotated[Path, typer.Argument(help="The backup; - for standard input.", show_default=False)]
Anyway = Annotated[
    bool, typer.Option("--anyway", help="Also where it is not known what was erased since; nothing is observed then.")
]


def restore(file: File, anyway: Anyway = False, data_dir: DataDir = None) -> None:
    """Put a backup in the place of the database, without what was erased since; with the bot stopped."""
    settings = load(data_dir, quiet=True)
    with ExitStack() as stack:
        if file == STREAM:
            file = stack.enter_context(streamed_file(settings.data_dir))
            with file.open("wb") as received:
                shutil.copyfileobj(sys.stdin.buffer, received)
        restored = asyncio.run(_restore(settings, file, anyway=anyway))
    print(
        f"Restored as of {shown_time(restored.made_ms)}; erasures since then that were applied: {restored.applied:,}."
    )
    if restored.file_up_to_ms is not None:
        print(f"They are known from {settings.erasures_path} up to {shown_time(restored.file_up_to_ms)}.")
    if restored.switched_off is not None:
        print(
            "What else was erased since is not known, so nothing is observed until an admin says so with /observe: "
            f"{restored.switched_off:,} channels were switched off, and OBSERVE_CHANNELS counts for new channels only."
        )
    print("Start the bot: it compares messages with Discord, and the index with the database.")


async def _restore(settings: Settings, file: Path, *, anyway: bool) -> Restored:
    async with alone(settings):
        return await restore_backup(settings, file, system_clock, anyway=anyway)
