"""A SQLAlchemy dialect: SQLCipher's build of SQLite under aiosqlite.

Python's own SQLite lacks FTS5's `secure-delete`, without which words of erased messages stay in the full-text index.
SQLCipher's exceptions are not those of the `sqlite3` module, so SQLAlchemy would let them through unwrapped: this
dialect tells it which ones to wrap.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import aiosqlite
from sqlalchemy.connectors.asyncio import AsyncAdapt_dbapi_connection
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


class _Outcome(NamedTuple):
    """What a statement came to, under the names of DB-API 2 (PEP 249)."""

    rows: list[Any]
    description: Any
    rowcount: int
    lastrowid: int | None


class SQLCipherCursor(AsyncAdapt_aiosqlite_cursor):
    """Runs a statement and takes its rows in one trip to the connection's thread.

    SQLAlchemy makes four (to open, execute, fetch and close), and the trips take longer than most statements.
    """

    __slots__ = ("_outcome",)

    def __init__(self, adapt_connection: AsyncAdapt_dbapi_connection) -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._outcome = _Outcome([], None, -1, None)
        self._rows = deque()

    @property
    def description(self) -> Any:  # noqa: ANN401 - the base's
        """The columns of the rows; None where there are none."""
        return self._outcome.description

    @property
    def rowcount(self) -> int:
        """Rows that were changed; -1 where none can be."""
        return self._outcome.rowcount

    @property
    def lastrowid(self) -> Any:  # noqa: ANN401 - the base's
        """The row that was inserted last."""
        return self._outcome.lastrowid

    def execute(self, operation: Any, parameters: Any = None) -> Any:  # noqa: ANN401 - the base's
        """Run a statement."""
        self._run(_execute, operation, parameters or ())

    def executemany(self, operation: Any, seq_of_parameters: Any) -> Any:  # noqa: ANN401 - the base's
        """Run a statement for each of several parameters."""
        self._run(_execute_many, operation, seq_of_parameters)

    def close(self) -> None:
        """Forget the rows; in the thread it is closed already."""
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        """Keep the rows; in the thread it is closed already."""

    def _run(self, run: Callable[..., _Outcome], operation: Any, parameters: Any) -> None:  # noqa: ANN401 - the base's
        try:
            await_(self._trip(run, operation, parameters))
        except Exception as error:  # noqa: BLE001 - SQLAlchemy's way: it raises again
            self._adapt_connection._handle_exception(error)

    async def _trip(self, run: Callable[..., _Outcome], operation: Any, parameters: Any) -> None:  # noqa: ANN401
        connection: Any = self._connection
        async with self._adapt_connection._execute_mutex:
            self._outcome = await connection._execute(run, connection._conn, operation, parameters)
        self._rows = deque(self._outcome.rows)


class SQLCipherConnection(AsyncAdapt_aiosqlite_connection):
    """A connection with such cursors."""

    __slots__ = ()

    _cursor_cls = SQLCipherCursor


def _execute(connection: sqlite3.Connection, operation: str, parameters: Any) -> _Outcome:  # noqa: ANN401 - of any kind
    cursor = connection.cursor()
    try:
        return _outcome(cursor.execute(operation, parameters))
    finally:
        cursor.close()


def _execute_many(connection: sqlite3.Connection, operation: str, parameters: Any) -> _Outcome:  # noqa: ANN401
    cursor = connection.cursor()
    try:
        return _outcome(cursor.executemany(operation, parameters))
    finally:
        cursor.close()


def _outcome(cursor: sqlite3.Cursor) -> _Outcome:
    rows = cursor.fetchall() if cursor.description else []
    return _Outcome(rows, cursor.description, cursor.rowcount, cursor.lastrowid)


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
        opened: Any = await_(_connection(*args, **options))
        return SQLCipherConnection(self, opened)


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
