"""A SQLAlchemy dialect: SQLCipher's build of SQLite under aiosqlite.

Python's own SQLite lacks FTS5's `secure-delete`, without which words of erased messages stay in the full-text index.
SQLCipher's exceptions are not those of the `sqlite3` module, so SQLAlchemy would let them through unwrapped: this
dialect tells it which ones to wrap.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

import aiosqlite
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)
from sqlcipher3 import dbapi2 as sqlcipher

DRIVER = "sqlite+aiosqlcipher"

_ROWS_PER_FETCH = 64  # aiosqlite's own default


class SQLCipherDbapi(AsyncAdapt_aiosqlite_dbapi):
    """What SQLAlchemy sees as the database module: aiosqlite's threads around SQLCipher's connections."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlcipher)

    def _init_dbapi_attributes(self) -> None:
        for name in (
            "Binary",
            "DatabaseError",
            "Error",
            "IntegrityError",
            "NotSupportedError",
            "OperationalError",
            "PARSE_COLNAMES",
            "PARSE_DECLTYPES",
            "ProgrammingError",
            "sqlite_version",
            "sqlite_version_info",
        ):
            setattr(self, name, getattr(sqlcipher, name))

    def connect(self, *args: Any, **options: Any) -> AsyncAdapt_aiosqlite_connection:  # noqa: ANN401 - the base's
        """Open a connection on a thread of its own."""
        return super().connect(*args, async_creator_fn=_connection, **options)


class SQLCipherDialect(SQLiteDialect_aiosqlite):
    """The dialect behind `sqlite+aiosqlcipher://`."""

    driver = "aiosqlcipher"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> SQLCipherDbapi:
        """SQLAlchemy's hook for the database module."""
        return SQLCipherDbapi()


def register() -> None:
    """Make `sqlite+aiosqlcipher://` known to SQLAlchemy."""
    registry.register(DRIVER.replace("+", "."), __name__, SQLCipherDialect.__name__)


def _connection(path: str, **options: Any) -> aiosqlite.Connection:  # noqa: ANN401 - passed through
    connect: Callable[..., sqlite3.Connection] = sqlcipher.connect  # type: ignore[attr-defined] # made in C
    connection = aiosqlite.Connection(partial(connect, path, **options), _ROWS_PER_FETCH)
    connection._thread.daemon = True  # a connection left open must not keep the process alive
    return connection
