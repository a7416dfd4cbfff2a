"""Encryption of the embedded database at rest: SQLCipher's, with a key made from DATA_KEY."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2 as sqlcipher

from bot.domain import InUse, StartupError

_PLAIN = b"SQLite format 3\0"
_SALT = b"channel-memory database"
_COST = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}
"""16 MB and some 50 ms once at start; DATA_KEY is long and random, so that no dictionary finds it."""

ENCRYPTING = ".encrypting"
"""How the name of the file ends while it is written."""


SILENT = "PRAGMA cipher_log_level = NONE"
"""SQLCipher writes lines of its own to standard error otherwise; what is wrong is said by ours."""


def key_pragmas(data_key: str | None) -> tuple[str, ...]:
    """The statements with which every connection has to begin."""
    return () if data_key is None else (SILENT, f'PRAGMA key = "{_raw(data_key)}"')


def is_plain(file: Path, setting: str) -> bool | None:
    """Whether a database can be read without a key; None where there is none yet.

    Args:
        file: the database.
        setting: the one that decides where it is, for faults.

    Raises:
        StartupError: it is a folder, or this user may not read it.
    """
    try:
        if not file.exists() or not file.stat().st_size:
            return None
        if file.is_dir():
            raise StartupError(f"{setting}: {file} is a folder: name the file of the database")
        with file.open("rb") as opened:
            return opened.read(len(_PLAIN)) == _PLAIN
    except OSError as error:
        raise StartupError(
            f"{setting}: {file} can't be read ({error.strerror}): give it and its folder to the user that the bot runs "
            "as, or choose another place"
        ) from None


def check(file: Path, setting: str, data_key: str | None) -> None:
    """See that file and DATA_KEY agree.

    Raises:
        StartupError: they don't.
    """
    plain = is_plain(file, setting)
    if plain and data_key is not None:
        raise StartupError(
            f"DATA_KEY is set, but {file} is not encrypted: stop the bot and run `python -m bot encrypt` once"
        )
    if plain is False and data_key is None:
        raise StartupError(
            f"DATA_KEY is not set, and {file} is encrypted, damaged or no database: set the key that it was encrypted "
            "with, or restore a backup (docs/upgrades.md)"
        )


def encrypt(file: Path, data_key: str) -> None:
    """Encrypt a database in place; whole or not at all.

    Raises:
        InUse: somebody has it open.
    """
    target = file.with_name(file.name + ENCRYPTING)
    target.unlink(missing_ok=True)
    connection: Any = sqlcipher.connect(str(file), isolation_level=None, timeout=1.0)  # type: ignore[attr-defined] # made in C
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        if connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0] != "delete":
            raise sqlcipher.OperationalError  # type: ignore[attr-defined]
        target.touch(mode=0o600)
        connection.execute(f'ATTACH DATABASE ? AS encrypted KEY "{_raw(data_key)}"', (str(target),))
        connection.execute("SELECT sqlcipher_export('encrypted')")
        connection.execute("DETACH DATABASE encrypted")
        _durable(target)
        target.replace(file)
        _durable(file.parent)
    except sqlcipher.OperationalError:  # type: ignore[attr-defined]
        target.unlink(missing_ok=True)
        raise InUse(
            f"{file} is in use, or the disk is full: stop the bot, see that there is room, and try again"
        ) from None
    finally:
        connection.close()


def _raw(data_key: str) -> str:
    return f"x'{hashlib.scrypt(data_key.encode(), salt=_SALT, **_COST).hex()}'"


def _durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
