"""Makes a backup beside a running bot: one file of SQLite, whichever database it is of."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bot.domain import UserError
from bot.operate.copying import copy_all
from bot.storage import (
    BACKUP_MADE,
    BACKUP_PART,
    DATABASE_FILE,
    Installation,
    copy_file,
    data_key,
    database_address,
    database_file,
    finish,
    migrations_waiting,
    new_file,
    open_store,
    setting_of,
    sync,
)

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.settings import Settings


def _own_files(settings: Settings) -> set[Path]:
    """What a backup must not take the place of, though somebody says that it may overwrite."""
    own = [settings.erasures_path, settings.data_dir / DATABASE_FILE]  # the latter stays after a move to a server
    if not settings.uses_database_server:
        own.append(database_file(database_address(settings), settings.data_dir))
    return {path.resolve() for path in own}


async def back_up(settings: Settings, target: Path, clock: Clock, *, replace: bool) -> None:
    """Write a backup, whole or not at all.

    Args:
        settings: of the installation.
        target: becomes the backup, for the bot's user alone.
        clock: the local clock.
        replace: a file of that name may be overwritten.

    Raises:
        UserError: a file of that name is there, or the database waits for migrations.
        StartupError: the database can't be used.
    """
    if not await asyncio.to_thread(target.parent.is_dir):
        raise UserError(f"there is no folder {target.parent}: make it, or name a file elsewhere")
    if not replace and await asyncio.to_thread(target.exists):
        raise UserError(f"{target} is there already: name another file, or add --replace")
    if await asyncio.to_thread(target.resolve) in await asyncio.to_thread(_own_files, settings):
        raise UserError(f"{target} is a file that the bot itself uses: name another file")
    part = target.with_name(target.name + BACKUP_PART)
    try:
        if settings.uses_database_server:
            await _from_server(settings, part, clock())
        else:
            address = database_address(settings)
            file = database_file(address, settings.data_dir)
            await asyncio.to_thread(copy_file, file, setting_of(address), data_key(settings), part, now_ms=clock())
        await asyncio.to_thread(finish, part, target)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


async def _from_server(settings: Settings, part: Path, now_ms: int) -> None:
    """Read everything in one transaction of the server, which sees one state."""
    waiting = await migrations_waiting(database_address(settings), settings.data_dir)
    if waiting is None:
        raise UserError("DATABASE_URL: there is nothing in that database yet: the first start makes it")
    if waiting:
        raise UserError(
            "the database is of an earlier version of this program: back it up with that one, or start this one first"
        )
    folder = part.with_name(part.name + "-making")
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)  # of a backup that was killed
    try:
        async with (
            new_file(folder, key=data_key(settings)) as (file, copy),
            open_store(settings) as db,
            db.read() as source,
            copy.write() as target,
        ):
            await copy_all(source, target)
            await Installation(copy).put(target, BACKUP_MADE, str(now_ms))
        await asyncio.to_thread(sync, file)
        file.replace(part)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
