"""A copy of the embedded database as one file, made beside whoever writes to it, and looked into without a change."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlcipher3 import dbapi2 as sqlcipher

from bot.domain import InUse, StartupError
from bot.storage.encryption import check, is_plain, key_pragmas
from bot.storage.engine import RESTORING, Database, open_database
from bot.storage.erasure_lines import SINCE, ErasureLine, line_of_values
from bot.storage.erasures_file import sync_folder
from bot.storage.file_faults import PRIMARY_CODE, damaged
from bot.storage.sqlite import BUSY_SECONDS, DATABASE_FILE, empty_file, private_folder

MADE: Final = "backup_made_ms"
"""Under this key a backup has the local time at which it was made, in milliseconds."""

PART: Final = ".part"
"""How the name of a backup ends until it is whole."""

FileError: Any = sqlcipher.DatabaseError  # type: ignore[attr-defined] # made in C
"""What the driver says of a file that is damaged, or that the key does not open."""

_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_Busy: Any = sqlcipher.OperationalError  # type: ignore[attr-defined]


@contextmanager
def opened_file(
    file: Path, key: str | None, *, seconds: float = BUSY_SECONDS, unchanging: bool = False
) -> Iterator[Any]:
    """A connection to a database file by the driver alone: nothing is migrated.

    Args:
        file: the database.
        key: DATA_KEY.
        seconds: how long to wait for others who have it open.
        unchanging: nobody writes to it meanwhile: it is only read, nothing is made beside it, and a log is ignored.
    """
    connect: Any = sqlcipher.connect  # type: ignore[attr-defined]
    address = f"{file.absolute().as_uri()}?mode={'ro&immutable=1' if unchanging else 'rw'}"
    with closing(connect(address, uri=True, isolation_level=None, timeout=seconds)) as connection:
        for pragma in key_pragmas(key):
            connection.execute(pragma)
        yield connection


def copy_file(file: Path, setting: str, key: str | None, part: Path, *, now_ms: int) -> None:
    """Copy a database, consistent while others write to it, and encrypted where it is.

    Args:
        file: the database.
        setting: the one that decides where it is, for faults.
        key: DATA_KEY.
        part: becomes the copy, for the bot's user alone, and durable.
        now_ms: when it is made.

    Raises:
        StartupError: there is none, it is damaged, or the key does not fit.
    """
    if is_plain(file, setting) is None:
        raise StartupError(f"{setting}: there is no database at {file} yet: the first start makes it")
    check(file, setting, key)
    empty_file(part)
    try:
        with opened_file(file, key) as connection:
            connection.execute("VACUUM INTO ?", (str(part),))
        with opened_file(part, key) as connection:
            connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (MADE, str(now_ms)))
        check_file(part, key)
    except FileError as error:
        if _primary_code(error) in _DAMAGED:
            raise damaged(file, setting, str(error)) from None
        raise StartupError(
            f"the backup can't be written to {part.parent} ({error}): see that the disk has room, and try again"
        ) from None
    sync(part)


def check_file(file: Path, key: str | None) -> None:
    """See that a file is a whole database, and that the key opens it.

    Raises:
        StartupError: it is not, or the key does not fit.
    """
    plain = is_plain(file, str(file))
    if plain is None:
        raise StartupError(f"{file} is empty or not there: name a backup")
    if plain and key is not None:
        raise StartupError(
            f"{file} is not encrypted, and DATA_KEY is set: unset it, try again, and encrypt the database afterwards"
        )
    if not plain and key is None:
        raise StartupError(f"{file} is not a backup, or is encrypted: set the DATA_KEY that it was made with")
    try:
        with opened_file(file, key, unchanging=True) as connection:
            faults = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)")]
    except FileError as error:
        if _primary_code(error) not in _DAMAGED:
            raise StartupError(
                f"{file} can't be read ({error}): copy it to a folder of the user that the bot runs as, and try again"
            ) from None
        faults = [str(error)]
    if faults != ["ok"]:
        hint = "DATA_KEY is not the one that it was made with, or it" if key is not None else "it"
        raise StartupError(f"{file} can't be used: {hint} is damaged ({faults[0]}): name another backup")


@contextmanager
def held_file(file: Path, key: str | None) -> Iterator[Any]:
    """A connection to a database that nobody else can open meanwhile, all of it in one file.

    Raises:
        InUse: somebody has it open.
    """
    with opened_file(file, key, seconds=1.0) as connection:
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            if connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0] != "delete":
                raise _Busy
            connection.execute("BEGIN EXCLUSIVE")
        except _Busy:
            raise InUse(f"{file} is in use: stop the bot and whatever else has it open, and try again") from None
        yield connection
        with suppress(FileError):
            connection.execute("ROLLBACK")


@dataclass(frozen=True, slots=True)
class Known:
    """What a database knows of erasures.

    Attributes:
        subject_key: of its installation; None where it has none.
        since_ms: from when on its lines are complete; None where it has no lines at all.
        lines: oldest first.
        asked: erasures that were asked for and are not done: user, server, channel, snowflake, and local time.
    """

    subject_key: str | None
    since_ms: int | None = None
    lines: Sequence[ErasureLine] = ()
    asked: Sequence[tuple[int | None, int | None, int | None, int | None, int]] = ()


KNOWN_SQL: Final = (
    "SELECT key, value FROM meta WHERE key IN ('subject_key', 'erasures_since')",
    "SELECT kind, at_ms, guild_id, channel_id, message_id, memory_id, subject, up_to, value FROM erasures ORDER BY seq",
    "SELECT user_id, guild_id, channel_id, up_to, asked_ms FROM requests WHERE state != 'done'",
)
"""What `known_of` is given the rows of."""


def known_of(facts: Sequence[Any], lines: Sequence[Any], asked: Sequence[Any]) -> Known:
    """What the rows of a database say, read by KNOWN_SQL."""
    values = dict(map(tuple, facts))
    since = values.get(SINCE)
    return Known(
        values.get("subject_key"),
        None if since is None else int(since),
        [line_of_values(*row) for row in lines],
        [tuple(row) for row in asked],
    )


def known_in(connection: Any) -> Known:  # noqa: ANN401 - the driver's
    """What a database file knows, of whichever version of this program it is."""
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    facts, lines, asked = KNOWN_SQL
    if "erasures" not in tables:
        return known_of(connection.execute(facts).fetchall() if "meta" in tables else (), (), ())
    return known_of(*(connection.execute(sql).fetchall() for sql in (facts, lines, asked)))


def put_in_place(prepared: Path, file: Path) -> None:
    """Let a whole database stand where another one stood; whoever looks sees either of them."""
    sync(prepared)
    for ending in ("-wal", "-shm", "-journal"):  # SQLite would take them for the new one's
        file.with_name(file.name + ending).unlink(missing_ok=True)
    prepared.replace(file)
    sync_folder(file.parent)


def restoring_folder(file: Path) -> Path:
    """Where a backup is prepared that is to stand in a database's place."""
    return file.with_name(file.name + RESTORING)


def newest_time(connection: Any) -> int:  # noqa: ANN401 - the driver's
    """When a copy was made, or where it does not say so, the newest local time in it; milliseconds."""
    made = connection.execute("SELECT value FROM meta WHERE key = ?", (MADE,)).fetchone()
    if made is not None:
        return int(made[0])
    newest = "SELECT max(ms) FROM (SELECT max(logged_ms) AS ms FROM messages UNION SELECT max(at_ms) FROM audit)"
    return connection.execute(newest).fetchone()[0] or 0


def finish(part: Path, target: Path) -> None:
    """Give a whole copy its name."""
    part.replace(target)
    sync_folder(target.parent)


@asynccontextmanager
async def new_file(folder: Path, *, key: str | None) -> AsyncIterator[tuple[Path, Database]]:
    """A database in a new folder, or the one that lies there, brought up to date; afterwards it is one closed file."""
    private_folder(folder)
    file = folder / DATABASE_FILE
    async with open_database(None, folder, key=key) as db:
        yield file, db
    await asyncio.to_thread(_without_log, file, key)


def _without_log(file: Path, key: str | None) -> None:
    """Let a file be readable where nothing may be written beside it, as a write-ahead log would have to be."""
    with opened_file(file, key) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def _primary_code(error: Exception) -> int:
    """SQLite's primary result code of an error."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & PRIMARY_CODE


def sync(path: Path) -> None:
    """See that a file is durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
