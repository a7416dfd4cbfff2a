"""PostgreSQL as a server: what it promises in place of SQLite's file."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from bot.domain.errors import StartupError
from bot.guilds.consent import SubjectHasher
from bot.storage import migrate, postgres
from bot.storage.engine import Database, migrations_waiting, open_database, upsert
from bot.storage.postgres import server_address
from bot.storage.schema import meta, metadata
from bot.text.fulltext import FullText, FullTextEntry
from tests.fixtures.postgres import PostgresServer, server_programs
from tests.fixtures.storage import CHANNEL, GUILD

FULL_TEXT = ("message_terms", "memory_terms")

if server_programs() is not None:

    @pytest.fixture
    async def url(postgres_server: PostgresServer) -> AsyncIterator[str]:
        async with postgres_server.database() as address:
            yield address

    @pytest.fixture
    async def server(url: str, data_dir: Path) -> AsyncIterator[Database]:
        async with open_database(url, data_dir) as opened:
            yield opened

    async def test_writers_of_all_processes_take_turns(server: Database, url: str, data_dir: Path) -> None:
        async with open_database(url, data_dir) as beside:
            await asyncio.gather(*(_add_one(each) for _ in range(10) for each in (server, beside)))
        async with server.read() as connection:
            assert await connection.scalar(select(meta.c.value)) == "20"

    async def test_a_write_that_is_cancelled_leaves_nothing_and_frees_the_turn(server: Database) -> None:
        written = asyncio.Event()

        async def write_for_ever() -> None:
            async with server.write() as connection:
                await connection.execute(insert(meta).values(key="undone", value="v"))
                written.set()
                await connection.execute(text("SELECT pg_sleep(60)"))

        task = asyncio.create_task(write_for_ever())
        await written.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with server.write() as connection:
            await connection.execute(insert(meta).values(key="next", value="v"))
        async with server.read() as connection:
            assert list(await connection.scalars(select(meta.c.key))) == ["next"]

    async def test_a_connection_that_was_cut_is_made_anew(server: Database) -> None:
        async with server.read() as connection:
            sessions = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
            await connection.execute(text("SELECT pg_terminate_backend(pid) " + sessions))
        async with server.write() as connection:
            await connection.execute(insert(meta).values(key="k", value="v"))

    async def test_migrations_build_the_schema_that_the_program_uses(server: Database) -> None:
        def differences(connection: Connection) -> list[object]:
            context = MigrationContext.configure(
                connection,
                opts={"include_name": lambda name, kind, _: kind != "table" or name not in FULL_TEXT},
            )
            return list(compare_metadata(context, metadata))

        async with server.read() as connection:
            assert await connection.run_sync(differences) == []
            assert await connection.run_sync(migrate.pending) == []

    @pytest.mark.parametrize(
        ("statement", "as_poor", "what"),
        [
            ("ALTER DATABASE {0} SET default_transaction_read_only = on", False, "takes no writes"),
            ("ALTER DATABASE {0} CONNECTION LIMIT 0", True, "takes no more connections"),
            ("REVOKE ALL ON DATABASE {0} FROM PUBLIC", True, "can't be used (permission denied for database \""),
            ("GRANT ALL ON DATABASE {0} TO {1}", True, "can't be used (permission denied for schema public)"),
        ],
    )
    async def test_what_a_server_refuses_is_one_line_that_fits(
        postgres_server: PostgresServer, data_dir: Path, statement: str, as_poor: bool, what: str
    ) -> None:
        async with postgres_server.empty_database() as url:
            address = server_address(url)
            poor = f"poor_of_{address.database}"
            await _execute_all(url, f"CREATE ROLE {poor} LOGIN", statement.format(address.database, poor))
            if as_poor:
                url = url.replace(f"//{address.username}@", f"//{poor}@")
            with pytest.raises(
                StartupError, match=rf"^DATABASE_URL: the PostgreSQL server {re.escape(what)}"
            ) as raised:
                async with open_database(url, data_dir):
                    pass
            assert "\n" not in str(raised.value)

    async def _execute_all(url: str, *statements: str) -> None:
        engine = create_async_engine(server_address(url), isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))
        await engine.dispose()

    async def test_data_of_the_first_version_survives_the_upgrade(
        postgres_server: PostgresServer, data_dir: Path
    ) -> None:
        async with postgres_server.empty_database() as url:
            assert await migrations_waiting(url, data_dir) is None
            engine = create_async_engine(server_address(url))
            async with engine.begin() as connection:
                await connection.run_sync(migrate.upgrade, "0001")
                await connection.execute(text("INSERT INTO consents VALUES (7, 'out', true, false, 5)"))
            await engine.dispose()
            assert (await migrations_waiting(url, data_dir) or [])[:1] == ["0002"]
            async with open_database(url, data_dir) as upgraded, upgraded.read() as connection:
                kept = (await connection.execute(text("SELECT opted_out, opted_in, facts FROM consents"))).one()
                assert tuple(kept) == (True, False, False)

    async def test_processes_that_start_together_migrate_once(postgres_server: PostgresServer, tmp_path: Path) -> None:
        async def start(url: str) -> None:
            async with open_database(url, tmp_path):
                pass

        async with postgres_server.empty_database() as url:
            await asyncio.gather(*(start(url) for _ in range(3)))
            assert await migrations_waiting(url, tmp_path) == []

    @pytest.mark.parametrize("new", [True, False])
    async def test_a_start_waits_for_its_turn_to_write_however_long_it_takes(
        postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new: bool
    ) -> None:
        monkeypatch.setitem(postgres._SERVER_SETTINGS, "lock_timeout", "200")

        async def start(url: str) -> None:
            async with open_database(url, tmp_path) as database:
                await SubjectHasher.load(database)

        async with postgres_server.empty_database() if new else postgres_server.database() as url:
            engine = create_async_engine(server_address(url))
            async with engine.begin() as held:
                await held.execute(text(f"SELECT pg_advisory_xact_lock({postgres._TURN})"))
                starting = asyncio.create_task(start(url))
                await asyncio.sleep(1.5)
                assert not starting.done()
            await engine.dispose()
            await asyncio.wait_for(starting, 20)
            async with open_database(url, tmp_path) as one, open_database(url, tmp_path) as other, one.write():
                with pytest.raises(DBAPIError, match="lock timeout"):
                    await _add_one(other)

    async def test_no_index_holds_a_word(server: Database) -> None:
        async with server.write() as connection:
            await FullText(server.dialect).add(
                connection, "messages", [FullTextEntry(5, GUILD, CHANNEL, (1,), "xqvkzjwp")]
            )
        async with server.read() as connection:
            rows = await connection.execute(
                text("SELECT indexdef FROM pg_indexes WHERE tablename IN ('message_terms', 'memory_terms')")
            )
            assert not [row for (row,) in rows if "terms)" in row]

    async def test_a_sweep_takes_erased_rows_out_of_the_pages(server: Database) -> None:
        async with server.write() as connection:
            await connection.execute(text("CREATE EXTENSION IF NOT EXISTS pgstattuple"))
            fulltext = FullText(server.dialect)
            await fulltext.add(connection, "messages", [FullTextEntry(5, GUILD, CHANNEL, (1,), "xqvkzjwp")])
        async with server.write() as connection:
            await fulltext.remove(connection, "messages", [5])
        await server.scrub()
        await server.sweep()
        async with server.read() as connection:
            dead = await connection.scalar(text("SELECT dead_tuple_count FROM pgstattuple('message_terms')"))
        assert dead == 0


if server_programs() is not None and sys.platform == "linux":

    async def test_a_server_whose_machine_is_gone_is_waited_for_less_than_a_minute(url: str, data_dir: Path) -> None:
        async with _by_tcp(url) as address, open_database(address, data_dir) as far, far.read() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            wire = driver._transport.get_extra_info("socket")
            assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            idle, interval, count = (
                wire.getsockopt(socket.IPPROTO_TCP, option)
                for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            )
            assert idle + interval * count < 60
            assert 0 < wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) < 60_000


async def test_a_server_that_does_not_answer_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"^DATABASE_URL: no PostgreSQL server answers there") as raised:
        async with open_database("postgresql://bot:secret@127.0.0.1:9/nothing", tmp_path / "data"):
            pass
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)


async def test_an_address_without_a_database_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="names no database"):
        async with open_database("postgresql://bot@127.0.0.1", tmp_path / "data"):
            pass


async def test_an_option_that_the_driver_does_not_know_is_one_clear_line(tmp_path: Path) -> None:
    """As hosting services put into the addresses that they give out."""
    with pytest.raises(StartupError, match="DATABASE_URL: channel_binding is no option") as raised:
        async with open_database("postgresql://bot:pw@127.0.0.1/n?sslmode=require&channel_binding=require", tmp_path):
            pass
    assert "sslmode" in str(raised.value)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("127.0.0.1/n?port=abc", "a port must be a number from 1 to 65535"),
        ("127.0.0.1:99999/n", "a port must be a number from 1 to 65535"),
        ("127.0.0.1:0/n", "a port must be a number from 1 to 65535"),
        ("/n?host=a:1&host=b", "each of several hosts needs its own"),
        ("/n?host=a,b", "each of several hosts needs its own"),
        ("/n?host=a:1&host=b:99999", "a port must be a number from 1 to 65535"),
        ("127.0.0.1/n?target_session_attrs=bogus", "must be one of any, primary, "),
        ("127.0.0.1/n?sslmode=on", "sslmode must be one of disable, allow, "),
        ("127.0.0.1/n?ssl=require&ssl=allow", "ssl must be one of disable, allow, .*given once"),
    ],
)
async def test_an_address_that_the_driver_would_choke_on_is_one_clear_line(
    address: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(StartupError, match=rf"^DATABASE_URL: .*{told}") as raised:
        async with open_database(f"postgresql://bot:zqxvkw@{address}", tmp_path):
            pass
    assert "\n" not in str(raised.value)
    assert "zqxvkw" not in str(raised.value)


@pytest.mark.parametrize(
    "address",
    ["h/n", "h:6/n?sslmode=require", "[::1]:6/n", "/n?host=/run/pg", "/n?host=a:6&host=b:7", "/n?host=a,b&port=6,7"],
)
def test_an_address_that_the_driver_takes_is_taken(address: str) -> None:
    assert server_address(f"postgresql://bot:pw@{address}").database == "n"


async def _add_one(database: Database) -> None:
    async with database.write() as connection:
        value = await connection.scalar(select(meta.c.value).where(meta.c.key == "n"))
        await asyncio.sleep(0)
        row = upsert(database.dialect, meta).values(key="n", value=str(int(value or 0) + 1))
        higher = row.on_conflict_do_update(index_elements=["key"], set_={"value": row.excluded.value})
        await connection.execute(higher)


@asynccontextmanager
async def _by_tcp(url: str) -> AsyncIterator[str]:
    """The address of a database that is reached over the network instead of by its file."""
    folder = make_url(url).query["host"]

    async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            target.write(data)
        target.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")
        await asyncio.gather(pass_on(reader, server_writer), pass_on(server_reader, writer))

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        address = make_url(url).set(host="127.0.0.1", port=port, query={"ssl": "disable"})
        yield address.render_as_string(hide_password=False)
