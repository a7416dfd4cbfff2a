"""PostgreSQL: the promises of the embedded database, kept by a server that several processes share.

Writers of all processes take turns at one advisory lock, as they do at SQLite's write lock, so that every transaction
finds what it decided on still true when it writes. Locks go with their connections, so nobody waits for the dead; and
the connection of a process that hangs, or whose machine is gone, is ended by the server after a while.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Set
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
from sqlalchemy import BigInteger, ColumnElement, Connection, Select, bindparam, cast, event, func, select, text
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from bot.domain import StartupError

log = logging.getLogger(__name__)

DRIVER = "postgresql+asyncpg"

SCHEMES = ("postgresql://", "postgres://")
"""How an address of a PostgreSQL server begins."""

PORT = 5432
"""Of a server whose address names none."""

NO_TRANSACTION = "no_transaction"
"""Execution option for the statements that a database refuses inside a transaction."""

PATIENT = "patient"
"""Execution option for transactions that wait for locks as long as it takes."""

CONNECT_SECONDS = 10.0

LOCKS = 50
"""Locks that a process may hold or wait for at once; it needs some five."""

CHANGES = "channel_memory"
"""The channel on which triggers tell of changes (migrations 0006 and 0008)."""

TURN_SECONDS = 10.0
"""How long a writer waits for the writers of other processes before it gives up, to be tried again."""

SILENT_SECONDS = 20.0
"""Who asks for nothing for so long, in a transaction or while holding a lock, hangs: the server ends its connection."""

KEEPALIVE_IDLE = 20
KEEPALIVE_INTERVAL = 10
KEEPALIVE_COUNT = 3
"""A machine that fell silent is given up, on either side, in 20 + 3 * 10 seconds instead of two hours."""

SERVER_TIME: ColumnElement[int] = cast(func.extract("epoch", func.clock_timestamp()) * 1000, BigInteger)
"""Milliseconds since 1970 at the moment of asking, by the server's clock."""

_TURN = 0x6368_6D65_6D6F_7279
"""Number of the advisory lock at which writers take turns."""

_SERVER_SETTINGS = {
    "application_name": "channel-memory",
    "jit": "off",  # compiling costs more than these short statements take
    "lock_timeout": str(round(1000 * TURN_SECONDS)),
    "idle_in_transaction_session_timeout": str(round(1000 * SILENT_SECONDS)),
    "tcp_keepalives_idle": str(KEEPALIVE_IDLE),
    "tcp_keepalives_interval": str(KEEPALIVE_INTERVAL),
    "tcp_keepalives_count": str(KEEPALIVE_COUNT),
}

_OPTIONS = frozenset({"host", "passfile", "port", "ssl", "sslmode", "target_session_attrs"})
"""What may stand behind the question mark of an address."""

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_CHOICES = {
    "ssl": _SSL_MODES,
    "sslmode": _SSL_MODES,
    "target_session_attrs": ("any", "primary", "standby", "prefer-standby", "read-write", "read-only"),
}
"""What the driver knows of these; it would say so late, or in the words of a program."""

_WITH_TEXT = "messages, message_terms, memories, memory_terms, batches, citations, members, outbox"


def is_server(url: str | None) -> bool:
    """Whether an address names a PostgreSQL server."""
    return url is not None and url.startswith(SCHEMES)


def server_address(url: str) -> URL:
    """The address with our driver in it, and libpq's `sslmode` under the name that the driver knows.

    Raises:
        StartupError: the address can't be used.
    """
    hint = "write it like postgresql://user:password@host/database"
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise StartupError(f"DATABASE_URL: not an address: {hint}") from None
    if not address.database:
        raise StartupError(f"DATABASE_URL: names no database: {hint}")
    query = dict(address.query)
    if unknown := sorted(query.keys() - _OPTIONS):
        raise StartupError(
            f"DATABASE_URL: {', '.join(unknown)} is no option of this program's driver: leave it out; there are "
            f"{', '.join(sorted(_OPTIONS))}"
        )
    for name, known in _CHOICES.items():
        if query.get(name, known[0]) not in known:
            raise StartupError(f"DATABASE_URL: {name} must be one of {', '.join(known)}, given once")
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    address = address.set(drivername=DRIVER, query=query)
    if not _has_sound_ports(address):
        raise StartupError(
            "DATABASE_URL: a port must be a number from 1 to 65535, and each of several hosts needs its own: write them"
            " like postgresql://user:password@/database?host=one:5432&host=other:5432"
        )
    return address


def _has_sound_ports(address: URL) -> bool:
    """Whether the driver is given a port that it can use, or one for each of several hosts."""
    try:
        _, options = address.get_dialect()().create_connect_args(address)
        ports = options.get("port", PORT)
        return address.port != 0 and all(
            0 < int(port) < 65536 for port in (ports if isinstance(ports, list) else [ports])
        )
    except (ArgumentError, AssertionError, ValueError):
        return False


def server_engines(address: URL, readers: int) -> tuple[AsyncEngine, AsyncEngine]:
    """Connections for reading, each in one consistent state, and one for writing."""
    reader = _engine(address, readers).execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    writer = _engine(address, 1)

    @event.listens_for(writer.sync_engine, "begin")
    def take_turn(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get(PATIENT):
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        if not options.get(NO_TRANSACTION):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TURN})")

    return reader, writer


async def listen(address: URL, notify: Callable[[], None]) -> None:
    """Call `told` at once, and again at each change, until the connection is lost or this is cancelled."""
    engine = create_async_engine(address, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=_CONNECTING)
    try:
        async with engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            if driver is None:
                return
            lost = asyncio.Event()
            driver.add_termination_listener(lambda _: lost.set())
            await driver.add_listener(CHANGES, lambda *_: notify())
            notify()
            await lost.wait()
    finally:
        await engine.dispose()


async def others_connected(url: str) -> int:
    """How many connections other processes of this program have to a server's database.

    Raises:
        StartupError: the server can't be used.
    """
    engine = create_async_engine(server_address(url), poolclass=NullPool, connect_args=_CONNECTING)
    try:
        async with engine.connect() as connection:
            return await count_others(connection, own=())
    except DBAPIError as error:
        raise unusable(error) from None
    finally:
        await engine.dispose()


async def count_others(connection: AsyncConnection, own: Collection[int]) -> int:
    """How many connections of this program there are besides this one and those that the server knows as `own`."""
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND application_name = :name AND pid NOT IN :own"
    ).bindparams(bindparam("own", sorted(own), expanding=True))
    count: int = (await connection.execute(others, {"name": _SERVER_SETTINGS["application_name"]})).scalar_one()
    return count


def backends_of(*engines: AsyncEngine) -> Set[int]:
    """The numbers by which the server knows the connections of engines, those that are yet to be made included."""
    numbers: set[int] = set()

    def connected(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        numbers.add(connection.driver_connection.get_server_pid())

    for engine in engines:
        event.listen(engine.sync_engine, "connect", connected)
    return numbers


def locking_engine(address: URL) -> AsyncEngine:
    """Connections that hold locks for as long as something takes."""
    return create_async_engine(
        address,
        max_overflow=LOCKS,
        pool_pre_ping=True,
        isolation_level="AUTOCOMMIT",
        connect_args=_CONNECTING | {"server_settings": _SERVER_SETTINGS | {"lock_timeout": "0"}},
    )


@asynccontextmanager
async def alone(engine: AsyncEngine, number: int, *, wait: bool) -> AsyncIterator[bool]:
    """Hold a lock of the server, by its number, for the time of the block; False: another process has it.

    The lock goes with its connection: what a process that dies held is free at once, and what one that hangs held after
    SILENT_SECONDS. A block whose own connection breaks goes on, and then keeps nobody out any more.
    """
    async with engine.connect() as connection:
        await connection.execute(_end_when_silent(SILENT_SECONDS))
        if wait:
            await connection.execute(select(func.pg_advisory_lock(number)))
        held = wait or bool(await connection.scalar(select(func.pg_try_advisory_lock(number))))
        over = asyncio.Event()
        heard = asyncio.create_task(_be_heard(connection, over))
        try:
            yield held
        finally:
            over.set()
            try:
                await heard
                if held:
                    await connection.execute(select(func.pg_advisory_unlock(number)))
                await connection.execute(_end_when_silent(0))
            except SQLAlchemyError as error:
                log.warning("A lock was lost with its connection: %s", type(error).__name__)
                await connection.invalidate()


async def _be_heard(connection: AsyncConnection, over: asyncio.Event) -> None:
    """Ask for something often enough for the server to see that this process is there."""
    while not over.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(SILENT_SECONDS / 4):
                await over.wait()
            return
        await connection.execute(select(1))


def _end_when_silent(seconds: float) -> Select[str]:
    """Has the server end the connection it comes by when nothing is asked for so long; 0: never."""
    return select(func.set_config("idle_session_timeout", str(round(1000 * seconds)), False))


class Locks:
    """Locks of the server that one connection holds until they are given back or it ends."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take(self, number: int, *, shared: bool = False) -> bool:
        """Take a lock at once, alone or together with others who share it; False: somebody is in the way."""
        take = func.pg_try_advisory_lock_shared if shared else func.pg_try_advisory_lock
        return bool(await self._connection.scalar(select(take(number))))

    async def give_back(self, number: int, *, shared: bool = False) -> None:
        """Give a lock back."""
        give_back = func.pg_advisory_unlock_shared if shared else func.pg_advisory_unlock
        await self._connection.execute(select(give_back(number)))

    async def look(self) -> None:
        """See that the connection is there; raises SQLAlchemy's error where it is lost, and the locks with it."""
        await self._connection.execute(select(1))


@asynccontextmanager
async def locks_of(engine: AsyncEngine) -> AsyncIterator[Locks]:
    """Hold locks of the server for the time of the block, in which `look` is to be called every few seconds.

    What a process that hangs held is free after SILENT_SECONDS, as in `alone`.
    """
    async with engine.connect() as connection:
        await connection.execute(_end_when_silent(SILENT_SECONDS))
        try:
            yield Locks(connection)
        finally:
            try:
                await connection.execute(select(func.pg_advisory_unlock_all()))
                await connection.execute(_end_when_silent(0))
            except SQLAlchemyError:  # those of a lost connection are gone
                await connection.invalidate()


async def vacuum(connection: AsyncConnection) -> None:
    """Take erased rows out of the tables' pages and the indexes; nobody waits for it."""
    await connection.exec_driver_sql(f"VACUUM (SKIP_LOCKED) {_WITH_TEXT}")


def unusable(error: DBAPIError) -> StartupError:
    """What a person is told of a server that can't be used at start."""
    driver = error.orig.__cause__ if isinstance(error.orig, AsyncAdapt_asyncpg_dbapi.Error) else error.orig
    match driver:
        case asyncpg.ProtocolViolationError() as refusal:
            what = f"a pooler before PostgreSQL refuses what this program sets for its connections ({refusal})"
            todo = "give the address of PostgreSQL itself, for the program's locks and notifications need it"
        case asyncpg.TooManyConnectionsError():
            what = "the PostgreSQL server takes no more connections"
            todo = "end others, or raise max_connections there, and the limits of the database and of its user"
        case asyncpg.ReadOnlySQLTransactionError():
            what = "the PostgreSQL server takes no writes"
            todo = "give the address of the primary server, and see that the database is not set to read only"
        case asyncpg.UntranslatableCharacterError():
            what = "the database does not keep every character"
            todo = "make it anew with ENCODING 'UTF8'"
        case asyncpg.PostgresError() as refusal:
            what = f"the PostgreSQL server can't be used ({refusal.args[0]})"
            todo = "see that the name, password and database are right, and that the user may create tables there"
        case ssl.SSLError() as failure:
            what = f"no encrypted connection to PostgreSQL can be made ({failure.reason})"
            todo = "see that its certificate is good for that host, and that sslmode is what it should be"
        case OSError() | asyncpg.InterfaceError() as failure:
            what = f"no PostgreSQL server answers there ({_reason(failure)})"
            todo = "see that it runs, and that host and port are its own"
        case failure:
            what = f"the PostgreSQL server can't be used ({failure})"
            todo = "see that it runs, and that its address is right"
    return StartupError(f"DATABASE_URL: {what}: {todo}")


def _reason(failure: OSError | asyncpg.InterfaceError) -> str:
    """Why nothing could be had of a server, in plain words."""
    match failure:
        case TimeoutError():
            return f"no answer within {CONNECT_SECONDS:g} s"
        case OSError(errno=int(number)) if number > 0:
            return os.strerror(number).lower()
        case OSError(strerror=str(words)):  # of a host's name
            return words.lower()
        case OSError():
            return "the connection was lost"
    return str(failure)


def _engine(address: URL, connections: int) -> AsyncEngine:
    return create_async_engine(
        address,
        pool_size=connections,
        max_overflow=connections,
        pool_pre_ping=True,  # a server that was restarted is found again
        connect_args=_CONNECTING,
    )


async def _connect(*args: Any, **options: Any) -> asyncpg.Connection:  # noqa: ANN401 - the driver's
    """Connect, with what fails told as SQLAlchemy tells it: the driver lets errors of the network through."""
    try:
        connection: asyncpg.Connection = await asyncpg.connect(*args, **options)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise OperationalError("connect", None, error) from error
    _notice_silence(connection._transport.get_extra_info("socket"))  # the driver has no option for it
    return connection


def _notice_silence(wire: socket.socket) -> None:
    """Let what waits for a server whose machine is gone fail, as the server does with ours."""
    if wire.family == socket.AF_UNIX:
        return
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {  # in seconds, and the last in milliseconds
        "TCP_KEEPIDLE": KEEPALIVE_IDLE,
        "TCP_KEEPINTVL": KEEPALIVE_INTERVAL,
        "TCP_KEEPCNT": KEEPALIVE_COUNT,
        "TCP_USER_TIMEOUT": 1000 * (KEEPALIVE_IDLE + KEEPALIVE_COUNT * KEEPALIVE_INTERVAL),
    }
    for option, value in options.items():
        if hasattr(socket, option):  # not every system has each of them
            wire.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


_CONNECTING: dict[str, Any] = {
    "async_creator_fn": _connect,
    "timeout": CONNECT_SECONDS,
    "server_settings": _SERVER_SETTINGS,
}
