"""Connections: one writer at a time, readers beside it, and bytes that really go when they are deleted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Set
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from shutil import rmtree
from typing import Literal
from weakref import WeakValueDictionary

from sqlalchemy import ColumnElement, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.storage import dialect as sqlcipher_dialect
from bot.storage.encryption import check as check_key
from bot.storage.encryption import is_plain, key_pragmas
from bot.storage.file_faults import damaged, file_unusable
from bot.storage.migrate import current, pending, upgrade
from bot.storage.postgres import (
    NO_TRANSACTION,
    PATIENT,
    SERVER_TIME,
    Locks,
    alone,
    backends_of,
    is_server,
    listen,
    locking_engine,
    locks_of,
    server_address,
    server_engines,
    unusable,
)
from bot.storage.postgres import vacuum as vacuum_server
from bot.storage.sqlite import (
    BUSY_SECONDS,
    PRAGMAS,
    READERS,
    address_of,
    busy_timeout,
    database_file,
    driver_address,
    empty_file,
    file_engine,
    private_folder,
    setting_of,
    truncate_log,
    vacuum,
)

Dialect = Literal["sqlite", "postgresql"]

log = logging.getLogger(__name__)

BACKUP = ".backup"
"""How the name of a copy ends that was made before a migration; the schema's version is before it."""

RESTORING = ".restoring"
"""How the name of a folder ends in which a backup is prepared; what a killed program left goes at the next start."""

SCRUB_SECONDS = 1.0
"""How long a scrub waits for readers; writers wait behind it."""

SWEEP_REST = 9.0
"""How many times as long as a sweep took the next one waits at least."""


class Database:
    """The database, as services see it.

    Attributes:
        dialect: for the few places where SQL differs.
        backends: the numbers by which a server knows its connections.
    """

    def __init__(
        self,
        dialect: Dialect,
        *,
        reader: AsyncEngine,
        writer: AsyncEngine,
        file: Path | None,
        setting: str = "DATABASE_URL",
        server: URL | None = None,
        locks: AsyncEngine | None = None,
        backends: Set[int] = frozenset(),
    ) -> None:
        """Open it over `file`, placed by `setting`, or on a `server` with connections for `locks`."""
        self._server = server
        self.backends = backends
        self._locks = locks
        self.dialect: Dialect = dialect
        self._file = file
        self._setting = setting
        self._reader = reader
        self._writer = writer
        self._patient_writer = writer.execution_options(**{PATIENT: True})
        self._turn = asyncio.Lock()
        self._alone: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._traces = True  # of an earlier process, perhaps
        self._rest_until = 0.0

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one consistent state and can't write; never waits for a writer."""
        async with self._reader.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self, *, patient: bool = False) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end of the block, undone if the block raises. Writers take turns.

        Args:
            patient: wait for the writers of other processes on a server for as long as it takes, as a start does;
                otherwise the turn is given up after TURN_SECONDS of `bot.storage.postgres`, to be tried again.
        """
        writer = self._patient_writer if patient else self._writer
        async with self._turn, writer.begin() as connection:
            yield connection

    @property
    def time(self) -> ColumnElement[int] | None:
        """SQL for milliseconds since 1970 by the server's clock, which all processes share; None for a file."""
        return None if self._server is None else SERVER_TIME

    async def damage(self) -> str | None:
        """What is wrong with the pages of the embedded database, in one line; None where all of them are sound.

        It reads the whole file: a second or so for each gigabyte. A server looks after its own pages.
        """
        if self._file is None:
            return None
        try:
            async with self.read() as connection:
                faults = (await connection.exec_driver_sql("PRAGMA quick_check(1)")).scalars().all()
        except DBAPIError as error:
            return str(error.orig)
        return None if faults == ["ok"] else " ".join(str(faults[0]).split())

    def check_undamaged(self, damage: str | None) -> None:
        """Stop a start on a damaged database.

        Raises:
            StartupError: it is damaged; what to do.
        """
        if damage is not None and self._file is not None:
            raise damaged(self._file, self._setting, damage)

    @asynccontextmanager
    async def apart(self) -> AsyncIterator[AsyncConnection]:
        """Beside the turns of writers, each statement committed by itself; a file has one turn for all."""
        if self._locks is None:
            async with self.write() as connection:
                yield connection
        else:
            async with self._locks.connect() as connection:
                yield connection

    @asynccontextmanager
    async def alone(self, number: int, *, wait: bool = True) -> AsyncIterator[bool]:
        """Keep others out of blocks with the same number: in this process, and where a server is shared in all.

        Args:
            number: a channel's snowflake, the negative of a member's, or a small number of something else.
            wait: until the others are out; otherwise the block is entered at once.

        Yields:
            Whether the others are kept out.
        """
        if self._locks is None:
            lock = self._alone.setdefault(number, asyncio.Lock())
            if lock.locked() and not wait:
                yield False
                return
            async with lock:
                yield True
            return
        async with alone(self._locks, number, wait=wait) as held:
            yield held

    @property
    def shared(self) -> bool:
        """Whether several processes may run on it for long; a file has one."""
        return self._locks is not None

    def locks(self) -> AbstractAsyncContextManager[Locks]:
        """Locks for as long as a process lives, on a database that processes share."""
        if self._locks is None:
            raise RuntimeError("a file is locked by its folder")
        return locks_of(self._locks)

    async def listen(self, notify: Callable[[], None]) -> None:
        """Call `told` at once, and again whenever a process changed what others hold in memory.

        Ends when the connection is lost. A file has one bot, and nobody to be told by: there it waits for ever.
        """
        if self._server is None:
            await asyncio.Event().wait()
        else:
            await listen(self._server, notify)

    async def scrub(self) -> bool:
        """Bring the latest deletions into the database file and empty the write-ahead log, so that their bytes go.

        A backup that was made before a migration goes too: it holds what is erased now. On a server rows are gone with
        their transaction, and the rest is the server's (see `sweep`).

        Returns:
            False if a reader held an older state for too long: call again.
        """
        if self._file is None:
            self._traces = True
            return True
        _remove_backups(self._file)
        async with self._turn, self._outside_transactions() as connection:
            self._traces = True
            return await truncate_log(connection)

    async def sweep(self, *, at_once: bool = False) -> None:
        """Write the whole file anew if anything was scrubbed since the last time; call about once a minute.

        Deleted content is overwritten where it stood, but SQLite leaves a copy behind when it moves a row to another
        page to balance its trees (of one erased message in some ten thousand, as measured); only this removes such
        copies. It takes 8 ms and 1 MB of memory for each MB of the file, and writers wait: so it rests nine times as
        long as it worked, unless it is to be done `at_once`. A server vacuums its tables, beside its writers.
        """
        clock = asyncio.get_running_loop().time
        if not at_once and (not self._traces or clock() < self._rest_until):
            return
        if self._file is None:
            started, self._traces = clock(), False
            async with self._writer.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT", **{NO_TRANSACTION: True})
                await vacuum_server(connection)
            self._rest_until = clock() + SWEEP_REST * (clock() - started)
            return
        async with self._turn, self._outside_transactions() as connection:
            started = clock()
            await vacuum(connection)
            self._traces = not await truncate_log(connection)
            self._rest_until = clock() + SWEEP_REST * (clock() - started)

    async def copy_to(self, target: Path) -> None:
        """Write a copy of the whole database, for the bot's user alone."""
        empty_file(target)
        async with self._turn, self._outside_transactions() as connection:
            await connection.exec_driver_sql("VACUUM INTO ?", (str(target),))

    @asynccontextmanager
    async def _outside_transactions(self) -> AsyncIterator[AsyncConnection]:
        async with self._writer.connect() as connection:
            await connection.execution_options(**{NO_TRANSACTION: True})
            await connection.exec_driver_sql(busy_timeout(SCRUB_SECONDS))
            try:
                yield connection
            finally:
                await connection.exec_driver_sql(busy_timeout(BUSY_SECONDS))


@asynccontextmanager
async def open_database(url: str | None, data_dir: Path, *, key: str | None = None) -> AsyncIterator[Database]:
    """Bring the schema up to date, after a backup if there is anything to bring, then open for the time of the block.

    The backup lies beside the database, encrypted as it is, until the migration has succeeded.

    Args:
        url: `sqlite:///path/to/file`, `postgresql://user:password@host/database`, or None for a file in `data_dir`.
        data_dir: made if it is not there, for the bot's user alone.
        key: DATA_KEY; None for a database that is not encrypted. A server encrypts its own disks.

    Raises:
        StartupError: the address can't be used, the key does not fit, or a newer version of this program made the
            database.
    """
    if url is not None and is_server(url):
        async with _open_server(url, data_dir) as database:
            yield database
        return
    setting = setting_of(url)
    check_key(database_file(url, data_dir), setting, key)
    address = address_of(url, data_dir)
    sqlcipher_dialect.register()
    first = key_pragmas(key)
    writer = file_engine(
        address, begin="BEGIN IMMEDIATE", pragmas=(*first, "PRAGMA journal_mode = WAL", *PRAGMAS), connections=1
    )
    reader = file_engine(
        address, begin="BEGIN", pragmas=(*first, *PRAGMAS, "PRAGMA query_only = ON"), connections=READERS
    )
    try:
        file = Path(address.database or "")
        database = Database("sqlite", reader=reader, writer=writer, file=file, setting=setting)
        await _bring_up_to_date(database, file, setting, key)
        yield database
    finally:
        await reader.dispose()
        await writer.dispose()


async def migrations_waiting(url: str | None, data_dir: Path, *, key: str | None = None) -> list[str] | None:
    """Names of the migrations that opening would run, oldest first; None where there is no database yet.

    Nothing is changed.

    Raises:
        StartupError: the address can't be used, or a newer version of this program made the database.
    """
    if url is not None and is_server(url):
        return await _waiting_on_server(url)
    file, setting = database_file(url, data_dir), setting_of(url)
    if is_plain(file, setting) is None:
        return None
    check_key(file, setting, key)
    sqlcipher_dialect.register()
    first = key_pragmas(key)
    reader = file_engine(driver_address(file), begin="BEGIN", pragmas=(*first, "PRAGMA query_only = ON"), connections=1)
    try:
        async with reader.connect() as connection:
            return await connection.run_sync(pending)
    except DBAPIError as error:
        raise file_unusable(file, setting, key, error) from None
    finally:
        await reader.dispose()


@asynccontextmanager
async def _open_server(url: str, data_dir: Path) -> AsyncIterator[Database]:
    private_folder(data_dir)
    address = server_address(url)
    reader, writer = server_engines(address, READERS)
    locks = locking_engine(address)
    try:
        backends = backends_of(reader, writer, locks)
        database = Database(
            "postgresql", reader=reader, writer=writer, file=None, server=address, locks=locks, backends=backends
        )
        try:
            async with database.read() as connection:
                waiting = await connection.run_sync(pending)
            if waiting:
                async with database.write(patient=True) as connection:
                    await connection.run_sync(upgrade)
        except DBAPIError as error:
            raise unusable(error) from None
        yield database
    finally:
        await locks.dispose()
        await reader.dispose()
        await writer.dispose()


async def _waiting_on_server(url: str) -> list[str] | None:
    reader, writer = server_engines(server_address(url), READERS)
    try:
        async with reader.connect() as connection:
            waiting = await connection.run_sync(pending)
            return None if await connection.run_sync(current) is None else waiting
    except DBAPIError as error:
        raise unusable(error) from None
    finally:
        await reader.dispose()
        await writer.dispose()


async def _bring_up_to_date(database: Database, file: Path, setting: str, key: str | None) -> None:
    try:
        async with database.read() as connection:
            waiting = await connection.run_sync(pending)
            before = await connection.run_sync(current)
        if waiting:
            if before is not None:
                await _back_up(database, file, before)
            async with database.write() as connection:
                await connection.run_sync(upgrade)
        _remove_backups(file)
    except DBAPIError as error:
        raise file_unusable(file, setting, key, error) from None


async def _back_up(database: Database, file: Path, version: str) -> None:
    """Copy the database as it is, before a migration changes it."""
    await database.copy_to(backup := file.with_name(f"{file.name}.{version}{BACKUP}"))
    log.info("Before migrating, the database was copied to %s; the copy goes when that has succeeded", backup)


def _remove_backups(file: Path) -> None:
    for backup in file.parent.glob(f"{file.name}.*{BACKUP}"):
        backup.unlink(missing_ok=True)
    rmtree(file.with_name(file.name + RESTORING), ignore_errors=True)


def upsert(dialect: Dialect, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that knows `on_conflict_do_update` and `on_conflict_do_nothing` on either database."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
