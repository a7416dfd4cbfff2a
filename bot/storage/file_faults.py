"""What is wrong with an embedded database that can't be used, and what to do about it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.domain import StartupError

RESTORE = (
    "stop the bot, keep a copy of the file, and restore a backup (docs/upgrades.md), or recover what can be "
    "read with sqlite3's .recover"
)

_GIVE = "give the file and its folder to the user that the bot runs as"
_ADVICE = {
    sqlite3.SQLITE_CORRUPT: ("damaged", RESTORE),
    sqlite3.SQLITE_NOTADB: ("damaged, or no database", RESTORE),
    sqlite3.SQLITE_FULL: ("on a full disk", "make room, and try again"),
    sqlite3.SQLITE_BUSY: ("held by another process", "end that one, or wait for it, and try again"),
    sqlite3.SQLITE_LOCKED: ("held by another process", "end that one, or wait for it, and try again"),
    sqlite3.SQLITE_READONLY: ("not to be written by this user", _GIVE),
    sqlite3.SQLITE_PERM: ("not to be used by this user", _GIVE),
    sqlite3.SQLITE_CANTOPEN: ("not to be opened by this user", f"{_GIVE}, and see that the disk has room"),
    sqlite3.SQLITE_IOERR: (
        "on a disk that can't read or write it",
        "check the disk and its room, and restore a backup if it is damaged",
    ),
}
"""By SQLite's primary result code: what the file is, and what to do."""

PRIMARY_CODE = 0xFF
"""The bits of an extended result code that hold the primary one (https://sqlite.org/rescode.html)."""


def advice_on(error: SQLAlchemyError) -> tuple[str, str] | None:
    """What the file of a database is by an error of SQLite, and what to do; None for any other error."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return None if code is None else _ADVICE.get(code & PRIMARY_CODE)


def damaged(file: Path, setting: str, what: str) -> StartupError:
    """The fault of a file with a damaged page."""
    return StartupError(f"{setting}: {file} is damaged ({what}): {RESTORE}")


def file_unusable(file: Path, setting: str, key: str | None, error: DBAPIError) -> StartupError:
    """The fault of a file that can't be opened.

    Args:
        file: the database.
        setting: the one that decides where it is.
        key: DATA_KEY, which may not fit.
        error: SQLite's.
    """
    code = getattr(error.orig, "sqlite_errorcode", 0) & PRIMARY_CODE
    if key is not None and code == sqlite3.SQLITE_NOTADB:
        return StartupError(
            f"DATA_KEY: it does not open {file}: set the key that it was encrypted with; if it is that one, the file "
            "is damaged, and the way out is to restore a backup (docs/upgrades.md)"
        )
    what, todo = _ADVICE.get(
        code, ("not to be used", "see that it is a database of this program, and that the disk has room")
    )
    return StartupError(f"{setting}: {file} is {what} ({error.orig}): {todo}")
