"""Opens the database of the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.domain import Clock
from bot.settings import Settings
from bot.storage.engine import Database, open_database
from bot.storage.erasure_lines import ErasureLines
from bot.storage.installation import Installation
from bot.storage.moving import check_whole
from bot.storage.set_aside_store import SetAside
from bot.storage.sqlite import setting_of
from bot.storage.stores import Store


def database_address(settings: Settings) -> str | None:
    """DATABASE_URL as it is given, its password included; None for the default."""
    return settings.database_url.get_secret_value() if settings.database_url else None


def data_key(settings: Settings) -> str | None:
    """DATA_KEY, for whoever opens the database."""
    return settings.data_key.get_secret_value() if settings.data_key else None


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Database]:
    """The database of the settings, for the time of a block; see `open_database`.

    Raises:
        StartupError: it can't be opened, or is not ready for use; see `check_whole`.
    """
    address = database_address(settings)
    async with open_database(address, settings.data_dir, key=data_key(settings)) as db:
        await check_whole(db, setting_of(address))
        yield db


def storage_stores(db: Database, clock: Clock) -> tuple[Store, ...]:
    """What this package keeps."""
    return (Installation(db), SetAside(db, clock), ErasureLines(db, clock))
