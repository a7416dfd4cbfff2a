"""The embedded database as a file: where it is, who may read it, and how it is connected to."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from bot.domain import StartupError
from bot.storage import dialect as sqlcipher_dialect
from bot.storage.postgres import NO_TRANSACTION

DATABASE_FILE = "channel-memory.db"


READERS = 4
"""Connections kept open for reading; as many again may be opened in a rush. Each is a thread."""

BUSY_SECONDS = 4.0
"""How long to wait for another process (the command line beside the bot) to end its write."""

PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # deleted content is overwritten with zeros
    "PRAGMA temp_store = MEMORY",  # no copy of content in temporary files
    # Commits survive a crash of the process. A power cut may undo the last ones, always whole and in order, and a
    # message and its channel's checkpoint are one commit: backfill reads again what was undone.
    "PRAGMA synchronous = NORMAL",
    "PRAGMA cache_size = -16384",  # KiB for each connection
    f"PRAGMA journal_size_limit = {64 * 1024 * 1024}",
)


def database_file(url: str | None, data_dir: Path) -> Path:
    """Where the embedded database is, or would be.

    Raises:
        StartupError: the address can't be used.
    """
    return data_dir / DATABASE_FILE if url is None else path_of(url)


def setting_of(url: str | None) -> str:
    """The setting that decides where the embedded database is, for faults of its place."""
    return "DATA_DIR" if url is None else "DATABASE_URL"


def empty_file(path: Path) -> None:
    """Make a file that holds nothing, for the bot's user alone."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)


def address_of(url: str | None, data_dir: Path) -> URL:
    """The address with our driver in it; the file and its folder made with narrow permissions.

    SQLite gives its write-ahead log and shared memory the permissions of the database file.
    """
    private_folder(data_dir)
    if url is None:
        path = data_dir / DATABASE_FILE
    else:
        path = path_of(url)
        private_folder(path.parent, setting_of(url))
    if path.exists() and not path.is_file():  # rights are taken of nothing that is no database
        raise StartupError(f"{setting_of(url)}: {path} is no file: name the file of the database")
    try:
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError as error:
        raise StartupError(
            f"{setting_of(url)}: can't write {path} ({error.strerror}): give it and its folder to the user that the "
            "bot runs as, or choose another place"
        ) from None
    return driver_address(path)


def driver_address(path: Path) -> URL:
    """The address of a file, for our driver."""
    return URL.create(sqlcipher_dialect.DRIVER, database=str(path))


def path_of(url: str) -> Path:
    """The file that a `sqlite:///` address names.

    Raises:
        StartupError: it names none.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StartupError("DATABASE_URL: not an address: write it like sqlite:///data/channel-memory.db") from None
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise StartupError("DATABASE_URL: not a SQLite file: write it like sqlite:///data/channel-memory.db")
    return Path(parsed.database)


def private_folder(folder: Path, setting: str = "DATA_DIR") -> None:
    """Make a folder for the bot's user alone, if it is not there.

    Args:
        folder: to be made.
        setting: the one that decides where it is, for faults.

    Raises:
        StartupError: it can't be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise StartupError(
            f"{setting}: {folder} can't be a folder, because it, or a part of its path, is a file: choose another place"
        ) from None
    except OSError as error:
        raise StartupError(
            f"{setting}: can't make {folder} ({error.strerror}): give it to the user that the bot runs as, or choose "
            "another place"
        ) from None


async def truncate_log(connection: AsyncConnection) -> bool:
    """Empty the write-ahead log into the database; False where readers kept it from that."""
    result = await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    busy: int = result.scalar_one()
    return not busy


async def vacuum(connection: AsyncConnection) -> None:
    """VACUUM, cut short when cancelled: the program's end must not wait for it."""
    driver = (await connection.get_raw_connection()).driver_connection
    work = asyncio.ensure_future(connection.exec_driver_sql("VACUUM"))
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        if driver is not None:
            await driver.interrupt()
        with suppress(SQLAlchemyError):
            await work
        raise


def busy_timeout(seconds: float) -> str:
    """The pragma by which a connection waits so long for another writer."""
    return f"PRAGMA busy_timeout = {round(1000 * seconds)}"


def file_engine(address: URL, *, begin: str, pragmas: tuple[str, ...], connections: int) -> AsyncEngine:
    """Connections to a file, each with these pragmas; their transactions begin with the statement `begin`."""
    engine = create_async_engine(
        address,
        pool_size=connections,
        max_overflow=connections,
        connect_args={"isolation_level": None, "timeout": BUSY_SECONDS},  # transactions are begun below, by name
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        if not connection.get_execution_options().get(NO_TRANSACTION):
            connection.exec_driver_sql(begin)

    return engine
