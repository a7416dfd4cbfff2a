"""`init` on a terminal: what is asked is tried against the services, and `.env` is whole or as it was."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from dotenv import dotenv_values

from bot.llm.loading import load_settings
from bot.llm.providers import PROVIDERS
from bot.settings.documents import environment_file
from bot.settings.env_file import EnvFile
from tests.fixtures.commandline import CommandLine
from tests.fixtures.terminal import Terminal
from tests.loopback.discord import LoopbackDiscord
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI

KEY = "sk-loopback-key"
TOKEN, KEY_FIELD, NUMBER, ADDRESS = "DISCORD_TOKEN (hidden", "OPENAI_API_KEY (hidden", "Number [", "Ollama listen?"

Start = Callable[..., Awaitable[Terminal]]


@pytest.fixture
async def discord_server() -> AsyncIterator[LoopbackDiscord]:
    async with LoopbackDiscord() as discord:
        yield discord


@pytest.fixture
async def start(
    command_line: CommandLine, discord_server: LoopbackDiscord, openai_server: LoopbackOpenAI
) -> AsyncIterator[Start]:
    """Starts `init` with the addresses of Discord and OpenAI, and settings given to it, in the environment."""
    openai_server.api_key = KEY
    terminals: list[Terminal] = []
    addresses = {"DISCORD_API_URL": discord_server.api_url, "OPENAI_BASE_URL": openai_server.api_url}
    own = {name: value for name, value in command_line.environment.items() if name != "OLLAMA_BASE_URL"}

    async def run(**settings: str) -> Terminal:
        environment = own | addresses | settings
        command = (sys.executable, "-m", "bot", "init")
        terminals.append(await Terminal.run(*command, folder=command_line.folder, environment=environment))
        return terminals[-1]

    yield run
    for terminal in terminals:
        print(terminal.shown)
        await terminal.close()


def written(folder: Path) -> dict[str, str]:
    """The settings in `.env` that are not blank."""
    return {name: value for name, value in dotenv_values(folder / ".env").items() if value}


async def test_a_newcomer_is_asked_for_token_and_key_and_both_are_tried(
    start: Start, command_line: CommandLine, discord_server: LoopbackDiscord, ollama_server: LoopbackOllama
) -> None:
    ollama_server.models, ollama_server.pullable = (), ("llama3.1:8b",)
    terminal = await start()
    await terminal.answers_hidden(TOKEN, "wrong-token")
    await terminal.sees("✗ the token is not accepted")
    await terminal.answers("Enter it again?", "y")
    await terminal.answers_hidden(TOKEN, discord_server.token)
    await terminal.sees("token accepted for")
    await terminal.sees("permissions=")
    await terminal.answers(NUMBER, "1")
    await terminal.answers_hidden(KEY_FIELD, "sk-of-somebody-else")
    await terminal.sees("check OPENAI_API_KEY")
    await terminal.answers("Enter it again?", "y")
    await terminal.answers_hidden(KEY_FIELD, KEY)
    await terminal.sees("text-embedding-3-small: works")
    await terminal.answers(ADDRESS, ollama_server.url)
    await terminal.sees(f"Ollama answers at {ollama_server.url}")
    await terminal.sees(".env is written")
    await terminal.answers("llama3.1:8b is missing. Pull now?", "y")
    await terminal.sees("llama3.1:8b is there")
    await terminal.sees("Ollama llama3.1:8b: works")
    assert await terminal.ends() == 0
    assert not {discord_server.token, KEY, "wrong-token"} & set(terminal.shown.split()), "hidden input"
    assert written(command_line.folder) == {
        "DISCORD_TOKEN": discord_server.token,
        "OPENAI_API_KEY": KEY,
        "OLLAMA_BASE_URL": ollama_server.url,
    }
    assert (command_line.folder / ".env").stat().st_mode & 0o777 == 0o600
    comments = [line for line in environment_file(PROVIDERS.settings_type).splitlines() if line.startswith("# ")]
    assert [
        line for line in (command_line.folder / ".env").read_text().splitlines() if line.startswith("# ")
    ] == comments


@pytest.mark.slow
async def test_all_at_home_takes_no_key_and_pulls_both_models(
    start: Start, command_line: CommandLine, discord_server: LoopbackDiscord, ollama_server: LoopbackOllama
) -> None:
    models = ("llama3.1:8b", "nomic-embed-text")
    ollama_server.models, ollama_server.embedders, ollama_server.pullable = (), (), models
    terminal = await start(OLLAMA_BASE_URL=ollama_server.url)
    await terminal.answers_hidden(TOKEN, discord_server.token)
    await terminal.answers(NUMBER, "2")
    await terminal.sees("OLLAMA_BASE_URL is set in the environment")
    await terminal.answers("llama3.1:8b and nomic-embed-text are missing. Pull now?", "y")
    await terminal.sees("nomic-embed-text is there")
    assert await terminal.ends() == 0
    assert [asked.body["model"] for asked in ollama_server.asked("/api/pull")] == list(models)
    settings = load_settings(command_line.folder / ".env")
    assert (settings.embedding_provider, settings.embedding_dims) == ("ollama", 768)
    assert written(command_line.folder).keys() == {
        *("DISCORD_TOKEN", "EMBEDDING_PROVIDER", "EMBEDDING_MODEL", "EMBEDDING_DIMS")
    }


OWN = """\
# mine
DISCORD_TOKEN=old-token
WHATEVER=1
EMBEDDING_PROVIDER=ollama
EMBEDDING_MODEL=bge-m3
EMBEDDING_DIMS=1024
"""


@pytest.mark.slow
async def test_what_is_set_already_is_replaced_only_where_that_is_agreed_to(
    start: Start, command_line: CommandLine, discord_server: LoopbackDiscord, ollama_server: LoopbackOllama
) -> None:
    (command_line.folder / ".env").write_text(OWN)
    terminal = await start(OLLAMA_BASE_URL=ollama_server.url)
    await terminal.answers("DISCORD_TOKEN is set. Replace it?", "")
    await terminal.sees("the token is not accepted")
    await terminal.sees("1  as it is set now: Memories by Ollama llama3.1:8b")
    await terminal.answers(NUMBER, "2")
    await terminal.answers("This changes EMBEDDING_PROVIDER (ollama → openai)", "n")
    await terminal.sees(".env is as it was")
    await terminal.answers("bge-m3 is missing. Pull now?", "n")
    assert await terminal.ends() == 0
    assert (command_line.folder / ".env").read_text() == OWN
    terminal = await start(OLLAMA_BASE_URL=ollama_server.url)
    await terminal.answers("DISCORD_TOKEN is set. Replace it?", "y")
    await terminal.answers_hidden(TOKEN, discord_server.token)
    await terminal.answers(NUMBER, "2")
    await terminal.answers("This changes EMBEDDING_PROVIDER (ollama → openai)", "y")
    await terminal.answers_hidden(KEY_FIELD, KEY)
    assert await terminal.ends() == 0
    changed = OWN.replace("old-token", discord_server.token).replace("=ollama", "=openai")
    changed = changed.replace("=bge-m3", "=text-embedding-3-small").replace("=1024", "=1536")
    assert (command_line.folder / ".env").read_text() == f"{changed}OPENAI_API_KEY={KEY}\n"


@pytest.mark.parametrize(
    ("keys", "before"),
    [
        pytest.param("\x03", None, id="Ctrl-C, no file"),
        pytest.param("\x03", OWN, id="Ctrl-C, a file", marks=pytest.mark.slow),
        pytest.param("\x04", OWN, id="Ctrl-D, a file", marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
async def test_leaving_it_leaves_everything_as_it_was(
    start: Start, command_line: CommandLine, discord_server: LoopbackDiscord, keys: str, before: str | None
) -> None:
    if before is not None:
        (command_line.folder / ".env").write_text(before)
    terminal = await start()
    if before is not None:
        await terminal.answers("Replace it?", "y")
    await terminal.answers_hidden(TOKEN, discord_server.token)
    await terminal.sees(NUMBER)
    terminal.types(keys)
    await terminal.sees("Nothing was written.")
    assert await terminal.ends() == 130
    assert "Traceback" not in terminal.shown
    files = {path.name: path.read_text() for path in command_line.folder.iterdir() if path.is_file()}
    assert files == ({} if before is None else {".env": before})


@pytest.mark.slow
async def test_leaving_it_while_it_pulls_leaves_the_file_as_it_was_written(
    start: Start, command_line: CommandLine, discord_server: LoopbackDiscord, ollama_server: LoopbackOllama
) -> None:
    ollama_server.models = ()
    terminal = await start(OLLAMA_BASE_URL=ollama_server.url, OPENAI_API_KEY=KEY)
    await terminal.answers_hidden(TOKEN, discord_server.token)
    await terminal.answers(NUMBER, "1")
    await terminal.sees("Pull now?")
    terminal.types("\x03")
    await terminal.sees("`python -m bot pull` fetches what is missing")
    assert await terminal.ends() == 130
    assert written(command_line.folder) == {"DISCORD_TOKEN": discord_server.token}


@pytest.mark.slow
async def test_an_ollama_that_is_away_and_a_token_that_can_be_none(
    start: Start, command_line: CommandLine, discord_server: LoopbackDiscord
) -> None:
    terminal = await start(OPENAI_API_KEY=KEY)
    await terminal.answers_hidden(TOKEN, "tökens have no such letters")
    await terminal.sees("✗ DISCORD_TOKEN: ")
    await terminal.answers_hidden(TOKEN, discord_server.token)
    await terminal.answers(NUMBER, "1")
    await terminal.answers(ADDRESS, "localhost")
    await terminal.sees("✗ OLLAMA_BASE_URL: ")
    await terminal.answers("Try again?", "y")
    await terminal.answers(ADDRESS, "http://127.0.0.1:9")
    await terminal.sees("start Ollama there")
    await terminal.answers("Try again?", "n")
    await terminal.sees("then `python -m bot pull` fetches the models")
    assert await terminal.ends() == 0
    assert written(command_line.folder)["OLLAMA_BASE_URL"] == "http://127.0.0.1:9"


async def test_without_a_terminal_it_says_what_it_needs(command_line: CommandLine) -> None:
    ran = await command_line("init")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    for name in ("terminal", ".env.example", "DISCORD_TOKEN", "OPENAI_API_KEY", "EMBEDDING_PROVIDER=ollama", "pull"):
        assert name in ran.err
    assert not (command_line.folder / ".env").exists()


# --- the file --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "A=new\n"),
        ("# A=1 is a comment on it\n#A=1\nB=2\n", "# A=1 is a comment on it\nA=new\nB=2\n"),
        ("A=1\nB=2\n\nA=3\n", "A=1\nB=2\n\nA=new\n"),
        ("export A='1\n2'\nB=2", "A=new\nB=2"),
        ("B=2", "B=2\nA=new\n"),
    ],
)
def test_a_setting_is_written_where_it_belongs(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / ".env"
    path.write_text(before)
    file = EnvFile(path, "")
    file.put("A", "new")
    file.write()
    assert path.read_text() == after
    assert dotenv_values(path)["A"] == "new"


@pytest.mark.parametrize("value", ["a#b", "it's", 'say "x"', "a b", "back\\slash", "$HOME", "ü"])
def test_a_value_is_read_as_it_was_entered(tmp_path: Path, value: str) -> None:
    file = EnvFile(tmp_path / ".env", "")
    file.put("A", value)
    file.write()
    assert file.values == {"A": value} == dotenv_values(tmp_path / ".env")


def test_a_file_that_can_not_be_written_is_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    file = EnvFile(tmp_path / ".env", "")
    file.put("A", "2")

    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        file.write()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {".env": "A=1\n"}


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "shared").write_text("A=1\n")
    (tmp_path / ".env").symlink_to(tmp_path / "shared")
    file = EnvFile(tmp_path / ".env", "")
    file.put("A", "2")
    file.write()
    assert (tmp_path / ".env").is_symlink()
    assert (tmp_path / "shared").read_text() == "A=2\n"
