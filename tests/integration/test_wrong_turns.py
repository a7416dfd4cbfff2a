"""What goes wrong before anything works, by what somebody did: each ends with one line that says what to do next."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import portalocker
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.cli import main as entry
from bot.run.life import LOCK
from bot.storage.sqlite import DATABASE_FILE
from tests.fixtures.commandline import CommandLine
from tests.fixtures.storage import copy_into
from tests.loopback.discord import LoopbackDiscord

ROOT = Path(__file__).parents[2]
TOKEN = "a.bots.token"
READY = {"DISCORD_TOKEN": TOKEN, "MEM0_ENABLED": "false", "DISCORD_API_URL": "http://127.0.0.1:9"}
"""Settings with which `run` would start, if Discord were there."""

QUIET = {"LOG_LEVEL": "ERROR", "OLLAMA_BASE_URL": "http://127.0.0.1:9"}
SETTINGS, FAULT = 2, 1
"""Exit codes: the program can't start so; what was asked can't be done."""

Scene = Callable[[Path], AbstractContextManager[object]]


def nothing(folder: Path) -> AbstractContextManager[object]:
    return nullcontext()


def file(name: str, content: str | bytes = "") -> Scene:
    """A file in the working folder."""

    def make(folder: Path) -> AbstractContextManager[object]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return nullcontext()

    return make


def directory(name: str) -> Scene:
    """A folder in the working folder."""

    def make(folder: Path) -> AbstractContextManager[object]:
        (folder / name).mkdir(parents=True)
        return nullcontext()

    return make


@contextmanager
def held_by_a_bot(folder: Path) -> Iterator[None]:
    (folder / "data").mkdir(mode=0o700)
    with (folder / "data" / LOCK).open("w") as lock:
        portalocker.lock(lock, portalocker.LOCK_EX | portalocker.LOCK_NB)
        yield


@contextmanager
def of_a_newer_version(folder: Path) -> Iterator[None]:
    (folder / "data").mkdir(mode=0o700)
    with closing(sqlite3.connect(folder / "data" / DATABASE_FILE)) as database, database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
    yield


@contextmanager
def taken_port(folder: Path) -> Iterator[None]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        os.environ["METRICS_PORT"] = str(listening.getsockname()[1])
        yield


@dataclass(frozen=True)
class Turn:
    """One wrong turn.

    Attributes:
        what: what somebody did.
        arguments: the command.
        line: a part of what is said.
        settings: in the environment.
        scene: what is there before.
    """

    what: str
    arguments: str
    line: str
    settings: Mapping[str, str] = field(default_factory=dict)
    code: int = SETTINGS
    scene: Scene = nothing


COMPATIBLE = {"DISCORD_TOKEN": TOKEN, "OPENAI_API_KEY": "sk-x", "MEM0_LLM_PROVIDER": "openai-compatible"}
HALF = {"SHARD_IDS": "0", "SHARD_COUNT": "2", "ERASURES_FILE": "erasures.jsonl"}
KEY = {"OPENAI_API_KEY": "sk-x"}
FASTEMBED = {"EMBEDDING_PROVIDER": "fastembed"}
COPIES = {"MEM0_QDRANT_REPLICATION_FACTOR": "2", "MEM0_QDRANT_WRITE_CONSISTENCY_FACTOR": "3"}
NOWHERE = "postgresql://bot:hunter2@127.0.0.1:9/memory"

TURNS = [
    # settings
    Turn("a number in words", "run", "EMBEDDING_DIMS: must be a whole number", {"EMBEDDING_DIMS": "many"}),
    Turn("a number out of range", "run", "FLUSH_BATCH_SIZE: must be", {"FLUSH_BATCH_SIZE": "0"}),
    Turn("a time below 0", "run", "FLUSH_INTERVAL_SECONDS: must be", {"FLUSH_INTERVAL_SECONDS": "-5"}),
    Turn("no retention", "run", "MESSAGE_RETENTION_DAYS: must be", {"MESSAGE_RETENTION_DAYS": "0"}),
    Turn("yes and no in other words", "run", "MEM0_ENABLED: must be true or false", {"MEM0_ENABLED": "maybe"}),
    Turn("an unknown provider", "run", "MEM0_LLM_PROVIDER: must be ollama", {"MEM0_LLM_PROVIDER": "claude"}),
    Turn("an unknown embedder", "run", "EMBEDDING_PROVIDER: must be openai", {"EMBEDDING_PROVIDER": "cohere"}),
    Turn("an unknown level", "run", "LOG_LEVEL: must be DEBUG", {"LOG_LEVEL": "LOUD"}),
    Turn("an address without http", "run", "OLLAMA_BASE_URL: must", {"OLLAMA_BASE_URL": "localhost:11434"}),
    Turn("a gateway with http", "run", "DISCORD_GATEWAY_URL: must", {"DISCORD_GATEWAY_URL": "https://gateway"}),
    Turn("names for ids", "run", "OBSERVE_CHANNELS: must be channel ids", {"OBSERVE_CHANNELS": "general"}),
    Turn("a town for a zone", "run", "TIME_ZONE: must be the IANA name", {"TIME_ZONE": "Europe/Bremen"}),
    Turn("an address for a host", "run", "MEM0_QDRANT_HOST: must be", {"MEM0_QDRANT_HOST": "http://localhost"}),
    Turn("a password for Qdrant", "run", "MEM0_QDRANT_API_KEY", {"MEM0_QDRANT_URL": "http://u:hunter2@qdrant"}),
    Turn("another database", "run", "DATABASE_URL: must be an address such as", {"DATABASE_URL": "mysql://db/x"}),
    Turn("a short key", "run", "DATA_KEY: must be text of at least 32 characters", {"DATA_KEY": "hunter2"}),
    Turn("shards without their count", "run", "SHARD_COUNT belong together", {"SHARD_IDS": "0"}),
    Turn("a shard too many", "run", "8 is no shard of 8", {"SHARD_IDS": "8", "SHARD_COUNT": "8"}),
    Turn("half the shards on SQLite", "run", "several processes need a PostgreSQL server", READY | HALF),
    Turn("more copies than there are", "run", "must not be above MEM0_QDRANT_REPLICATION_FACTOR", COPIES),
    Turn("no address of a server at home", "run", "COMPATIBLE_BASE_URL is not set", COMPATIBLE),
    Turn("a worker on SQLite", "worker", "a worker shares the bots' database", KEY | {"MEM0_QDRANT_HOST": "qdrant"}),
    Turn("no model to read again with", "reread", "MEM0_ENABLED=false", {"MEM0_ENABLED": "false"}, FAULT),
    Turn("fastembed not installed", "reindex", "run `pip install fastembed`", FASTEMBED, FAULT),
    # tokens and keys
    Turn("no token", "run", "DISCORD_TOKEN is not set: `python -m bot init`", {"MEM0_ENABLED": "false"}),
    Turn("no key", "run", "OPENAI_API_KEY is not set", {"DISCORD_TOKEN": TOKEN}),
    Turn("no key to fill the index", "reindex", "OPENAI_API_KEY is not set"),
    Turn("a key with a stray letter", "run", "OPENAI_API_KEY: must", {"OPENAI_API_KEY": "sk-hunter2\u00fc"}),
    Turn("questions without a terminal", "init", "needs a terminal"),
    Turn("no key to encrypt with", "encrypt", "DATA_KEY is not set", code=FAULT),
    # files
    Turn("a folder for the settings", "run", ".env is a folder", scene=directory(".env")),
    Turn("settings in another encoding", "run", ".env is not text in UTF-8", scene=file(".env", b"\xff\xfe")),
    Turn("settings with a stray line", "run", ".env, line 1: not NAME=value", scene=file(".env", "= x\n")),
    Turn("no export", "replay missing.json", "missing.json: No such file", code=FAULT),
    Turn("a folder for an export", "replay exports", "exports", code=FAULT, scene=directory("exports")),
    Turn("an export that is none", "replay x.json", "x.json", code=FAULT, scene=file("x.json", "hello")),
    Turn(
        "an export of other JSON",
        "replay x.jsonl",
        "neither JSON Lines nor",
        code=FAULT,
        scene=file("x.jsonl", "[1]\n"),
    ),
    Turn("no prices", "costs", "PRICES_FILE", {"PRICES_FILE": "missing.json"}),
    Turn("prices that are none", "costs", "PRICES_FILE", {"PRICES_FILE": "p.json"}, scene=file("p.json", "{")),
    Turn("no questions", "recall --queries missing.jsonl", "missing.jsonl can't be read", code=FAULT),
    # commands
    Turn("a misspelt command", "rum", "rum"),
    Turn("a misspelt option", "recall x --chanel 1", "--chanel"),
    Turn("no question", "recall", "Give either a question or --queries FILE", code=FAULT),
    Turn("an id that is none", f"recall x --channel {'9' * 25}", "must be a snowflake"),
    Turn("a name for an id", "export --user Ada", "must be a snowflake"),
    Turn("nobody to erase", "erase", "--user"),
    # folders
    Turn("a file for the data", "run", "can't be a folder", READY, scene=file("data")),
    Turn("data below a file", "migrate", "can't be a folder", {"DATA_DIR": "f/data"}, scene=file("f")),
    Turn("data where none can be", "migrate", "DATA_DIR: can't make", {"DATA_DIR": "/proc/none/data"}),
    Turn("a folder for a database", "migrate", "is a folder", {"DATABASE_URL": "sqlite:///d"}, scene=directory("d")),
    Turn("a folder for the lock", "run", "run.lock can't be written", READY, scene=directory(f"data/{LOCK}")),
    Turn("a second bot", "run", "another bot runs on", READY, scene=held_by_a_bot),
    # versions
    Turn("an older version on newer data", "migrate", "newer version", scene=of_a_newer_version),
    Turn("another file for the database", "migrate", "or no database", scene=file(f"data/{DATABASE_FILE}", "x" * 8192)),
    # ports
    Turn("a port that is none", "run", "METRICS_PORT: must be", {"METRICS_PORT": "99999"}),
    Turn("a port that is taken", "run", "METRICS_PORT", READY, scene=taken_port),
    Turn(
        "a host that is not here", "run", "METRICS_HOST", READY | {"METRICS_PORT": "9464", "METRICS_HOST": "192.0.2.1"}
    ),
    Turn("port 0 of Qdrant", "run", "MEM0_QDRANT_PORT: must be", {"MEM0_QDRANT_PORT": "0"}),
    Turn("no PostgreSQL at the port", "migrate", "DATABASE_URL", {"DATABASE_URL": NOWHERE}),
]


@pytest.fixture
def _own_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a command does to its process, undone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setenv("METRICS_PORT", "")  # so that what a scene sets goes with the test
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_there_are_turns_of_every_kind() -> None:
    assert len(TURNS) >= 45
    assert len({turn.what for turn in TURNS}) == len(TURNS)


@pytest.mark.usefixtures("_own_process")
@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn.what)
def test_a_wrong_turn_ends_with_one_line(
    turn: Turn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in (QUIET | dict(turn.settings)).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["bot", *turn.arguments.split()])
    with turn.scene(tmp_path), pytest.raises(SystemExit) as ended:
        entry.main()
    shown = capfd.readouterr()
    assert "Traceback" not in shown.out + shown.err
    assert "hunter2" not in shown.out + shown.err
    (line,) = shown.err.splitlines()
    assert line.startswith("error: ")
    assert turn.line in line
    assert "something went wrong" not in line
    assert ended.value.code == turn.code


@pytest.mark.parametrize(
    ("token", "privileged", "line"),
    [
        ("wrong", None, "DISCORD_TOKEN"),
        (None, 0, "Message Content Intent"),
    ],
    ids=["a wrong token", "no Message Content Intent"],
)
@pytest.mark.slow
async def test_what_discord_does_not_take_ends_with_one_line(
    command_line: CommandLine, migrated_file: Path, token: str | None, privileged: int | None, line: str
) -> None:
    copy_into(command_line.folder / "data", migrated_file)
    async with LoopbackDiscord() as discord:
        if privileged is not None:
            discord.privileged = privileged
        addresses = {"DISCORD_API_URL": discord.api_url, "DISCORD_GATEWAY_URL": discord.gateway_url}
        settings = {"DISCORD_TOKEN": token or discord.token, "MEM0_ENABLED": "false", "LOG_LEVEL": "ERROR"}
        ran = await command_line("run", **addresses, **settings)
    (said,) = ran.err.splitlines()
    assert (ran.code, line in said) == (SETTINGS, True), said


def test_an_old_python_and_a_python_without_venv_are_told_by_make(tmp_path: Path) -> None:
    make = shutil.which("make")
    assert make
    for answers, told in (("exit 1", "Python 3.11 or newer"), ('[ "$1" = -c ]', "venv module is needed")):
        python = tmp_path / "python"
        python.write_text(f"#!/bin/sh\n{answers}\n")
        python.chmod(0o755)
        command = [make, "-s", "demo", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}"]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
        first, *rest = ran.stderr.splitlines()
        assert told in first
        assert all(line.startswith("make") for line in rest)
