"""Faults of files, settings and services at start: one line that names the setting and says what to do."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from bot.cli import main as entry
from bot.cli.faults import EXIT_FAULT, EXIT_SETTINGS, explained
from bot.cli.start import load
from bot.domain import InUse, ServiceUnavailable, StartupError, Verdict
from bot.index.qdrant_store import spread
from bot.llm.loading import load_settings
from bot.llm.ollama_check import examine_ollama
from bot.operate.discord_check import examine_discord
from bot.operate.health import serving
from bot.run.life import LOCK, alone
from bot.storage.encryption import check
from bot.storage.engine import migrations_waiting, open_database
from bot.storage.schema import usage
from bot.storage.sqlite import DATABASE_FILE
from tests.fixtures.index import home_on

NOBODY = 65_534
KEY, OTHER_KEY = "k" * 32, "o" * 32


@contextmanager
def of_another_user(folder: Path) -> Iterator[None]:
    """For the time of the block this process may not use a folder, root's not either."""
    mode, is_root = folder.stat().st_mode, os.geteuid() == 0
    folder.chmod(0)
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(mode)


def line(raised: pytest.ExceptionInfo[StartupError]) -> str:
    """What is said of a fault: one line, with the exit code of settings."""
    lines, code = explained(raised.value)
    assert (len(lines), code) == (1, EXIT_SETTINGS)
    return lines[0]


# --- files -----------------------------------------------------------------------------------------------------------


async def _open(data_dir: Path) -> None:
    async with open_database(None, data_dir):
        pass


async def _look(data_dir: Path) -> None:
    await migrations_waiting(None, data_dir)


async def _hold(data_dir: Path) -> None:
    async with alone(load_settings(None, data_dir=data_dir)):
        pass


@pytest.mark.parametrize("use", [_open, _look, _hold])
@pytest.mark.parametrize("used_before", [True, False])
@pytest.mark.matrix
async def test_a_data_folder_of_another_user(
    data_dir: Path, use: Callable[[Path], Awaitable[None]], used_before: bool
) -> None:
    data_dir.mkdir()
    if used_before:
        await _open(data_dir)
    with of_another_user(data_dir), pytest.raises(StartupError) as raised:
        await use(data_dir)
    assert line(raised).startswith("DATA_DIR: ")
    assert "to the user that the bot runs as" in line(raised)


async def test_a_lock_file_that_is_none(data_dir: Path) -> None:
    (data_dir / LOCK).mkdir(parents=True)
    with pytest.raises(StartupError) as raised:
        await _hold(data_dir)
    assert f"{LOCK} can't be written (Is a directory)" in line(raised)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
async def test_a_file_system_without_locks(data_dir: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(file: object, flags: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("portalocker.portalocker.LOCKER", refuse)
    with pytest.raises(StartupError) as raised:
        await _hold(data_dir)
    assert not isinstance(raised.value, InUse)
    assert "has no locks: choose a folder on a local disk" in line(raised)


def test_a_file_of_settings_that_can_not_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "settings"
    folder.mkdir()
    file = folder / ".env"
    file.write_text("OLLAMA_MODEL=m\n")
    with of_another_user(folder), pytest.raises(StartupError) as raised:
        load_settings(file)
    assert line(raised).startswith(f"{file} can't be read (Permission denied): ")


def test_a_file_of_settings_that_is_a_folder(tmp_path: Path) -> None:
    """As Docker makes one where a file to mount is missing."""
    with pytest.raises(StartupError) as raised:
        load_settings(tmp_path)
    assert line(raised).startswith(f"{tmp_path} is a folder: ")


async def test_a_key_that_does_not_fit(data_dir: Path) -> None:
    async with open_database(None, data_dir, key=KEY):
        pass
    with pytest.raises(StartupError) as raised:
        async with open_database(None, data_dir, key=OTHER_KEY):
            pass
    assert line(raised).startswith("DATA_KEY: it does not open ")
    with pytest.raises(StartupError) as raised:
        await migrations_waiting(None, data_dir, key=OTHER_KEY)
    assert line(raised).startswith("DATA_KEY: it does not open ")


def test_windows(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == EXIT_SETTINGS
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "WSL 2 or Docker" in said
    assert "docs/windows.md" in said


@pytest.fixture
def _own_logging() -> Iterator[None]:
    """A command sets up logging for its process; here that is the tests'."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


@pytest.mark.usefixtures("_own_logging")
def test_misspelt_names_are_said_by_every_command_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".env").write_text("FLUSH_INTERVALL=5\nWHATEVER=1\n")
    monkeypatch.chdir(tmp_path)
    load(quiet=True)
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("FLUSH_INTERVALL is not a setting of this program: write FLUSH_INTERVAL_SECONDS")
    assert second.endswith("WHATEVER is not a setting of this program: see .env.example")


# --- a place of the database that can be none ------------------------------------------------------------------------


async def _open_at(url: str, data_dir: Path) -> None:
    async with open_database(url, data_dir):
        pass


async def _start_at(url: str, data_dir: Path) -> None:
    async with alone(load_settings(None, data_dir=data_dir, database_url=url)), open_database(url, data_dir):
        pass


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite:///{0}/file/memory.db", "{0}/file can't be a folder, because it, or a part of its path, is a file"),
        ("sqlite:///{0}/file/deeper/memory.db", "{0}/file/deeper can't be a folder"),
        ("sqlite:///{0}/folder", "{0}/folder is a folder: name the file of the database"),
        ("sqlite:////proc/none/memory.db", "can't make /proc/none (No such file or directory)"),
    ],
)
@pytest.mark.parametrize("use", [_open_at, _start_at])
async def test_a_place_that_can_be_none_is_blamed_on_its_own_setting(
    tmp_path: Path, url: str, reason: str, use: Callable[[str, Path], Awaitable[None]]
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    data_dir, url = tmp_path / "data", url.format(tmp_path)
    with pytest.raises(StartupError) as raised:
        await use(url, data_dir)
    assert line(raised).startswith(f"DATABASE_URL: {reason.format(tmp_path)}")


@pytest.mark.parametrize("use", [_open, _hold])
async def test_a_data_folder_that_is_a_file(tmp_path: Path, use: Callable[[Path], Awaitable[None]]) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StartupError) as raised:
        await use(tmp_path / "data")
    assert line(raised).startswith(f"DATA_DIR: {tmp_path / 'data'} can't be a folder, because it, or")


# --- a damaged database ----------------------------------------------------------------------------------------------

PAGE = 4096


def damage(file: Path, page: int) -> None:
    """Overwrite a page, all but the header of the first."""
    begin = max(100, page * PAGE)
    with file.open("r+b") as opened:
        opened.seek(begin)
        opened.write(b"\xa5" * ((page + 1) * PAGE - begin))


@pytest.mark.slow
@pytest.mark.parametrize("key", [None, KEY])
async def test_a_damaged_page_that_opening_reads_is_told_from_a_wrong_setting(data_dir: Path, key: str | None) -> None:
    async with open_database(None, data_dir, key=key):
        pass
    file = data_dir / DATABASE_FILE
    sound = file.read_bytes()
    refused = 0
    for page in range(len(sound) // PAGE):
        file.write_bytes(sound)
        damage(file, page)
        try:
            async with open_database(None, data_dir, key=key) as database:
                assert await database.damage()
        except StartupError as error:
            refused += 1
            (said,), code = explained(error)
            assert code == EXIT_SETTINGS
            assert "restore a backup (docs/upgrades.md)" in said
            assert said.startswith(f"DATA_DIR: {file} is damaged" if key is None or page else "DATA_KEY: it does not")
    assert refused > 1


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.matrix
async def test_a_damaged_page_that_a_command_comes_upon_is_said_so(data_dir: Path, key: str | None) -> None:
    async with open_database(None, data_dir, key=key) as database, database.read() as connection:
        number = await connection.scalar(text("SELECT rootpage FROM sqlite_schema WHERE name = 'usage'"))
    damage(data_dir / DATABASE_FILE, number - 1)
    with pytest.raises(DBAPIError) as raised:
        async with open_database(None, data_dir, key=key) as database, database.read() as connection:
            await connection.execute(select(usage))
    (said,), code = explained(raised.value)
    assert code == EXIT_FAULT
    assert said.startswith("the database is damaged: stop the bot, keep a copy of the file, and restore a backup")


def test_a_start_of_a_file_that_is_no_database(data_dir: Path) -> None:
    file = data_dir / DATABASE_FILE
    data_dir.mkdir()
    file.write_bytes(b"\xa5" * PAGE)
    with pytest.raises(StartupError) as raised:
        check(file, "DATA_DIR", None)
    assert "encrypted, damaged or no database" in line(raised)


# --- what answers where PostgreSQL should ----------------------------------------------------------------------------

SSL_REQUEST = 80_877_103
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def pooler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """PgBouncer, which declines what it does not know of a connection's start."""
    while True:
        (size,) = struct.unpack("!I", await reader.readexactly(4))
        body = await reader.readexactly(size - 4)
        if struct.unpack("!I", body[:4])[0] != SSL_REQUEST:
            break
        writer.write(b"N")
    refusal = b"SFATAL\0C08P01\0Munsupported startup parameter: jit\0\0"
    writer.write(b"E" + struct.pack("!I", len(refusal) + 4) + refusal)


async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes at once."""


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    """A server for the time of the block; its port."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        writer.close()

    async with await asyncio.start_server(once, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("serve", "what", "todo"),
    [
        (pooler, "a pooler before PostgreSQL refuses", "give the address of PostgreSQL itself"),
        (web, "no PostgreSQL server answers there", "host and port are its own"),
        (nothing, "no PostgreSQL server answers there", "host and port are its own"),
    ],
)
async def test_what_is_no_postgresql(data_dir: Path, serve: Serve, what: str, todo: str) -> None:
    async with listening(serve) as port:
        with pytest.raises(StartupError) as raised:
            async with open_database(f"postgresql://bot:secret@127.0.0.1:{port}/memory", data_dir):
                pass
    assert line(raised).startswith(f"DATABASE_URL: {what}")
    assert todo in line(raised)
    assert "secret" not in line(raised)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1:9/memory", "(connection refused)"),
        ("no.such.host.invalid/memory", "(name or service not known)"),
        ("/memory?host=/nowhere", "(no such file or directory)"),
    ],
)
async def test_where_no_postgresql_listens(data_dir: Path, address: str, reason: str) -> None:
    with pytest.raises(StartupError) as raised:
        await migrations_waiting(f"postgresql://bot:secret@{address}", data_dir)
    assert line(raised).startswith(f"DATABASE_URL: no PostgreSQL server answers there {reason}")


@pytest.mark.parametrize(
    ("host", "expected"),
    [("not a host", "METRICS_HOST: not a host is no address"), ("203.0.113.7", "METRICS_HOST: 203.0.113.7 is no")],
)
async def test_an_address_for_metrics_that_is_none(host: str, expected: str) -> None:
    async def nobody() -> dict[str, bool]:
        return {}

    async def page() -> bytes:
        return b""

    with pytest.raises(StartupError) as raised:
        async with serving(host, 9797, ready=nobody, metrics=page):
            pass
    assert line(raised).startswith(expected)


# --- what answers where Ollama should --------------------------------------------------------------------------------


def http(body: bytes, status: bytes = b"200 OK") -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        writer.write(head % (status, len(body)) + body)

    return serve


async def cache(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"-ERR unknown command\r\n")


async def grpc(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The first frames of HTTP/2, as a gRPC port sends them: SETTINGS, then GOAWAY."""
    await reader.readuntil(b"\r\n\r\n")
    settings = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00" + b"\x00\x05\x00\x00\x40\x00"
    writer.write(settings + b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + bytes(7) + b"\x01")


@pytest.mark.parametrize(
    ("serve", "what"),
    [
        (http(b'{"hello": 1}'), "what answers at {} is not Ollama"),
        (http(b"<html>", b"404 Not Found"), "what answers at {} is not Ollama"),
        (http(b"qdrant - vector search engine", b"404 Not Found"), "what answers at {} is not Ollama: it is Qdrant"),
        (grpc, "what listens at {} does not speak HTTP"),
        (cache, "the connection to Ollama at {} was lost before the answer was there"),
        (nothing, "the connection to Ollama at {} was lost before the answer was there"),
    ],
)
async def test_what_is_no_ollama(serve: Serve, what: str) -> None:
    async with listening(serve) as port:
        findings = [finding async for finding in examine_ollama([f"http://127.0.0.1:{port}"], "llama3.1:8b")]
    (fault,) = findings
    assert fault.found == what.format(f"http://127.0.0.1:{port}")
    assert "OLLAMA_BASE_URL" in fault.todo


async def test_a_model_that_is_too_large_is_not_blamed_on_the_address() -> None:
    reason = b'{"error": "model requires more system memory (5.6 GiB) than is available (3.1 GiB)"}'

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        body = b'{"version": "0.24.0"}' if b"/api/version" in request else reason
        status = b"200 OK" if b"/api/version" in request else b"500 Internal Server Error"
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body)

    async with listening(serve) as port:
        url = f"http://127.0.0.1:{port}"
        fault = [finding async for finding in examine_ollama([url], "llama3.1:8b")][-1]
    assert "needs more memory than is free: it takes 5.6 GiB, 3.1 GiB are free" in fault.found
    assert fault.todo.startswith("choose a smaller model")


async def test_an_ollama_that_does_not_run_is_to_be_started() -> None:
    (fault,) = [finding async for finding in examine_ollama(["http://127.0.0.1:9"], "llama3.1:8b")]
    assert fault.todo.startswith("start Ollama")


# --- what answers where Discord should -------------------------------------------------------------------------------


async def banner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")


@pytest.mark.parametrize(
    ("serve", "what"),
    [
        (http(b"<html>Welcome!</html>"), "does not speak Discord's protocol"),
        (http(b"[1, 2]"), "does not speak Discord's protocol"),
        (http(b'{"hello": 1}'), "does not speak Discord's protocol"),
        (http(b"\xff\xfe"), "does not speak Discord's protocol"),
        (http(b"<html>", b"502 Bad Gateway"), "answers with HTTP 502"),
        (banner, "does not speak Discord's protocol"),
        (nothing, "can't be reached"),
    ],
)
async def test_what_is_no_discord(serve: Serve, what: str) -> None:
    async with listening(serve) as port:
        settings = load_settings(None, discord_token="t", discord_api_url=f"http://127.0.0.1:{port}")
        fault = await examine_discord(settings)
    assert fault.verdict is Verdict.FAULT
    assert what in fault.found
    assert "DISCORD_API_URL" in fault.todo


async def test_an_address_of_discord_where_nobody_listens() -> None:
    fault = await examine_discord(load_settings(None, discord_token="t", discord_api_url="http://127.0.0.1:9"))
    assert (fault.verdict, fault.found) == (Verdict.FAULT, "can't be reached")


# --- what answers where Qdrant should --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("serve", "what"),
    [
        (http(b"<html>Welcome!</html>"), "what answers at {} is not Qdrant"),
        (http(b'{"hello": 1}'), "what answers at {} is not Qdrant"),
        (grpc, "what listens at {} does not speak HTTP"),
        (banner, "the connection to Qdrant at {} was lost before the answer was there"),
        (nothing, "the connection to Qdrant at {} was lost before the answer was there"),
        (None, "nothing listens at {}"),
    ],
)
async def test_what_is_no_qdrant(serve: Serve | None, what: str) -> None:
    async with listening(serve or nothing) as port:
        address = f"http://127.0.0.1:{port if serve else 9}"
        with pytest.raises(ServiceUnavailable) as raised:
            await asyncio.to_thread(spread, home_on(address), 1)
    assert raised.value.what == what.format(address)
    assert "MEM0_QDRANT" in raised.value.todo
