"""Moves the embedded database to a PostgreSQL server; killed at any moment, it goes on where it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.domain import InUse, UserError
from bot.operate.copying import pages, place_of, put
from bot.storage import (
    MOVING,
    Installation,
    Progress,
    check_target,
    clear,
    count_rows,
    database_address,
    database_file,
    fingerprint,
    give_numbers_after,
    is_plain,
    numbers,
    open_database,
    open_store,
    others_connected,
    progress_of,
    setting_of,
)

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.storage import Database


async def move_database(settings: Settings, url: str, on_rows: Callable[[int], None]) -> None:
    """Copy everything to a server's database, page by page, each in a transaction that notes how far it is.

    Args:
        settings: of the installation, on whose data nothing runs.
        url: the address of the target.
        on_rows: told how many rows more are there.

    Raises:
        UserError: the target can't be used, or holds something that no move made.
        InUse: something runs on either database, or changed the source meanwhile.
        StartupError: either can't be used.
    """
    address = database_address(settings)
    if settings.uses_database_server:
        raise UserError(
            "DATABASE_URL: the database is on a server already; `backup` and `restore` take it to another one"
        )
    file = database_file(address, settings.data_dir)
    if is_plain(file, setting_of(address)) is None:
        raise UserError(f"there is no database at {file}: set DATABASE_URL to that address, and start the bot")
    await check_target(url)
    if await others_connected(url):
        raise InUse("a process of this program runs on that server's database: stop it, and try again")
    async with open_store(settings) as source:
        await source.scrub()  # all of it is in the file
        own = await asyncio.to_thread(fingerprint, file)
        async with open_database(url, settings.data_dir) as target:
            await _copy(source, target, own, on_rows)
            await source.scrub()
            if await asyncio.to_thread(fingerprint, file) != own:
                raise InUse(f"{file} was changed meanwhile: stop whatever runs on it, and run this again")
            await Installation(target).drop([MOVING])


async def _copy(source: Database, target: Database, own: str, on_rows: Callable[[int], None]) -> None:
    progress = await progress_of(target)
    if progress is None or progress.source != own:
        progress = Progress(own)
        async with target.write() as connection:
            await clear(connection)
            await progress.note(target, connection)
    async with source.read() as reading:
        async for page in pages(reading, place_of(progress.place) if progress.place else None):
            async with target.write() as connection:
                await put(connection, page)
                await Progress(own, page.place.as_json()).note(target, connection)
            on_rows(page.size)
        async with target.write() as connection:
            await give_numbers_after(connection, await numbers(reading))
            if await count_rows(connection) != await count_rows(reading):
                raise UserError("not everything was copied: empty that database, and run this again")
