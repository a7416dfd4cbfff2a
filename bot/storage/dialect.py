"""A SQLAlchemy dialect: SQLCipher's build of SQLite under aiosqlite.

Python's own SQLite lacks FTS5's `secure-delete`, without which words of erased messages stay in the full-text index.
SQLCipher's exceptions are not those of the `sqlite3` module, so SQLAlchemy would let them through unwrapped: this
dialect tells it which ones to wrap.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Self

import aiosqlite
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)
from sqlalchemy.util.concurrency import await_
from sqlcipher3 import dbapi2 as sqlcipher

DRIVER = "sqlite+aiosqlcipher"

_ROWS_PER_FETCH = 64  # aiosqlite's own default


class _OneVisit:
    """A cursor whose statement visits the connection's thread once; aiosqlite's does to open, execute, fetch and close.

    A recall has some seventeen statements, and on a busy machine every visit waits for its turn. It has what SQLAlchemy
    uses of aiosqlite's cursor.
    """

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - aiosqlite's, whose queue has no types
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, statement: str, parameters: Iterable[Any] = ()) -> Self:
        return await self._visit("execute", statement, parameters)

    async def executemany(self, statement: str, parameters: Iterable[Iterable[Any]]) -> Self:
        return await self._visit("executemany", statement, parameters)

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """It was closed where it was opened."""

    async def _visit(self, how: str, statement: str, parameters: Iterable[Any]) -> Self:
        await self._connection._execute(partial(self._run, how, statement, parameters))
        return self

    def _run(self, how: str, statement: str, parameters: Iterable[Any]) -> None:
        """What is done on the connection's thread."""
        cursor = self._connection._conn.cursor()
        try:
            getattr(cursor, how)(statement, parameters)
            self.description = cursor.description
            self._rows = cursor.fetchall() if cursor.description else []
            self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    __slots__ = ()

    def _make_new_cursor(self, connection: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's protocols for drivers
        return _OneVisit(connection)


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()

    _cursor_cls = _Cursor


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
        options.pop("async_creator_fn", None)
        opening: Any = _connection(*args, **options)
        return _Connection(self, await_(opening))


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
