"""Every command that README and docs show, read from them: it is one that there is, with options that there are."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.cli.main import COMMANDS, build, load_command
from tests.fixtures.commandline import CommandLine
from tests.loopback.discord import LoopbackDiscord
from tests.loopback.ollama import LoopbackOllama
from tests.loopback.openai import LoopbackOpenAI

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
ADA = "200000001000000007"
PLACEHOLDERS = {
    "FILE": "export.json",
    "OUT.jsonl": "out.jsonl",
    "proposals.jsonl": "out.jsonl",
    "ID": ADA,
    "N": "7",
    "…": "export.json",
}
OF_OTHERS = {
    *("git", "ollama", "openssl", "createuser", "createdb", "curl", "firewall-cmd", "ufw", "systemctl", "apt", "wsl"),
    *("mkdir", "ssh", "sqlite3", "pg_dump", "pytest", "pipx", "uvx", "systemd-run"),
}
"""Programs that are not ours and take nothing of ours."""

SHELL = {"cp", "install", "cd"}
OURS = {"python", "python3", "channel-memory", "make", "docker", "kubectl", "pip"}
NEED_MORE = {
    *("init", "run", "worker", "encrypt"),
    *("backup", "restore", "migrate-database", "new-installation", "index"),
}
"""Commands that want more than a sample chat and models: a terminal, a token, a server, a key, a backup."""

SERVE = {"web"}
"""Commands that go on until they are stopped; tried where they are tested."""

FIRST, LAST = "replay", ("erase", "restore", "encrypt")


@dataclass(frozen=True)
class Shown:
    """A command as a page shows it; `least` where it is without what may be left out."""

    page: str
    words: tuple[str, ...]
    least: bool

    @property
    def program(self) -> str:
        return self.words[0].rsplit("/", 1)[-1]

    @property
    def of_bot(self) -> list[str] | None:
        """The arguments for this program, where it is this program that is called, in a container too."""
        words = list(self.words)
        for at, word in enumerate(words):
            if word.endswith("channel-memory") and at == 0:
                return words[1:]
            if words[at : at + 3] == ["python", "-m", "bot"] and (at == 0 or self.program in {"docker", "kubectl"}):
                return words[at + 3 :]
        if self.words[:4] == ("docker", "compose", "run", "--rm") and self.words[4] in {"bot", "worker"}:
            return words[5:]
        return None


def lines_of(text: str) -> Iterator[str]:
    """What may be a command: lines of blocks, and pieces of code in sentences."""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if line.startswith("    "):
            yield re.split(r"\s{2,}#", line.strip())[0]
    for code in re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", text):
        yield " ".join(code.split())


def at_most(line: str) -> str:
    """A line with all that may be left out, and the first of several ways."""
    return re.sub(r"\](?!')", "", re.sub(r"\s*\|[^\]]*(?=\])", "", line).replace(" [", " "))


def at_least(line: str) -> str:
    """A line without what may be left out."""
    before = ""
    while before != line:
        before, line = line, re.sub(r"\s\[[^\[\]]*\]", "", line)
    return line


def words_of(line: str) -> tuple[str, ...]:
    """The words of a command, without settings before it; none for half of a diagram or a sentence."""
    try:
        words = shlex.split(line)
    except ValueError:
        return ()
    if ">" in words:  # where the shell puts what is printed
        words = words[: words.index(">")]
    while words and (words[0] in {"sudo", "…"} or re.fullmatch(r"[A-Z_]+=\S+", words[0])):
        words = words[1:]
    return tuple(words)


@cache
def shown() -> tuple[Shown, ...]:
    """All commands of all pages, each once."""
    commands: dict[tuple[str, ...], Shown] = {}
    for page in PAGES:
        for line in lines_of(page.read_text(encoding="utf-8")):
            for part in line.split(" && "):
                for read in (at_least, at_most):
                    words = words_of(read(part))
                    if len(words) > 1 and words[0].rsplit("/", 1)[-1] in OURS | SHELL | OF_OTHERS:
                        commands.setdefault(words, Shown(page.name, words, least=read is at_least))
    return tuple(commands.values())


def of_bot(*, least: bool = False) -> list[tuple[str, ...]]:
    """The calls of this program, with placeholders filled in; with `least`, without what may be left out."""
    calls = {
        tuple("7" if word.isdecimal() else PLACEHOLDERS.get(word, word) for word in args)
        for one in shown()
        if (args := one.of_bot) and (one.least or not least)
    }
    longer = {args[0] for args in calls if len(args) > 1}
    mentions = {args for args in calls if len(args) == 1 and args[0] in longer and takes_more(args[0])}
    return sorted(calls - mentions, key=lambda args: (args[0] in LAST, args[0] != FIRST, args))


@cache
def takes_more(name: str) -> bool:
    """Whether a command needs words behind its name."""
    return name in COMMANDS and any(parameter.required for parameter in load_command(name).params)


def test_commands_of_every_kind_are_read_from_the_pages() -> None:
    programs = {one.program for one in shown()}
    assert programs >= {"python", "channel-memory", "make", "docker", "kubectl", "pip", "git", "cp"}
    assert len(of_bot()) >= 20


def test_every_command_of_the_program_is_in_the_pages() -> None:
    assert {args[0] for args in of_bot()} >= set(COMMANDS) - {"demo", "policy"}


@pytest.mark.parametrize("arguments", of_bot(), ids=" ".join)
def test_the_program_takes_the_command(arguments: tuple[str, ...]) -> None:
    group: Any = build()
    from typer.main import get_command

    command: Any = get_command(group)
    rest = list(arguments)
    context = command.make_context("bot", rest)
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("target", sorted({word for one in shown() if one.program == "make" for word in one.words[1:]}))
def test_make_has_the_target(target: str) -> None:
    make = shutil.which("make")
    assert make
    done = subprocess.run([make, "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, "")


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]


@pytest.mark.parametrize(
    "one", [one for one in shown() if one.program == "docker"], ids=lambda one: " ".join(one.words)
)
def test_compose_has_the_files_services_and_profiles(one: Shown) -> None:
    words = list(one.words)
    assert words[1] == "compose"
    named = [words[at + 1] for at, word in enumerate(words) if word == "-f"] or ["compose.yaml"]
    declared = [document for name in named for document in documents(ROOT / name)]
    if named == ["compose.yaml"]:
        declared = documents(ROOT / "deploy/compose.yaml")
    services = {name for document in declared for name in document["services"]}
    common = documents(ROOT / "deploy/common.yaml")[0]["services"]
    profiles = {
        profile
        for document in (*declared, {"services": common})
        for service in document["services"].values()
        for profile in service.get("profiles", [])
    }
    assert {words[at + 1] for at, word in enumerate(words) if word == "--profile"} <= profiles
    assert {words[at + 1].split("=")[0] for at, word in enumerate(words) if word == "--scale"} <= services
    if words[2] in {"exec", "run"}:
        assert next(word for word in words[3:] if not word.startswith("-")) in services


@pytest.mark.parametrize(
    "one", [one for one in shown() if one.program == "kubectl"], ids=lambda one: " ".join(one.words)
)
@pytest.mark.matrix
def test_the_manifests_have_what_kubectl_is_told(one: Shown) -> None:
    words = list(one.words)
    if "-k" in words:
        folder = words[words.index("-k") + 1]
        assert folder == "mine" or (ROOT / folder / "kustomization.yaml").exists()
    manifests = [one for path in (ROOT / "deploy/k8s").rglob("*.yaml") for one in documents(path)]
    deployments = {one["metadata"]["name"] for one in manifests if one["kind"] == "Deployment"}
    named = {word.removeprefix("deploy/") for word in words if re.fullmatch(r"deploy/[\w-]+", word)}
    named |= {words[at + 1] for at, word in enumerate(words) if word == "deployment"}
    assert named <= deployments


@pytest.mark.parametrize(
    "one", [one for one in shown() if one.program in {"cp", "install", "pip"}], ids=lambda one: " ".join(one.words)
)
def test_what_is_copied_and_installed_is_there(one: Shown) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    for word in one.words[1:]:
        if extra := re.fullmatch(r"\.\[(\w+)\]", word):
            assert extra[1] in extras
    sources = {word for word in one.words[1:] if re.match(r"(deploy/|\.env\.example|constraints)", word)}
    assert [word for word in sources if not (ROOT / word).exists()] == []


BENCHES = [one.words for one in shown() if one.words[:2] == ("python", "-m") and one.words[2].startswith("bench.")]


@pytest.mark.slow
@pytest.mark.parametrize("words", BENCHES, ids=" ".join)
def test_benches_have_the_options(words: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", words[2], "--help"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert told.returncode == 0, told.stderr
    assert [word for word in words[3:] if word.startswith("--") and word not in told.stdout] == []


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_every_command_works_in_the_order_of_the_pages(
    command_line: CommandLine, ollama_server: LoopbackOllama, openai_server: LoopbackOpenAI
) -> None:
    folder = command_line.folder
    sample = (files("bot.cli.sample") / "chat.jsonl").read_text()
    assert ADA in sample
    (folder / "export.json").write_text(sample)
    (folder / "questions.jsonl").write_text('{"id": "1", "query": "when is the open day?"}\n')
    command_line.environment |= {
        "OLLAMA_BASE_URL": ollama_server.url,
        "OPENAI_BASE_URL": openai_server.api_url,
        "OPENAI_API_KEY": "sk-loopback",
    }
    faults = []
    async with LoopbackDiscord() as discord:
        command_line.environment["DISCORD_API_URL"] = discord.api_url
        for arguments in of_bot(least=True):
            if "-" in arguments or arguments[0] in SERVE:  # "-" prints what is no text
                continue
            ran = await command_line(*arguments)
            lines = ran.err.splitlines()
            told = [line for line in lines if line.startswith("error: ")]
            works = ran.code == 0 or (arguments[0] in NEED_MORE and told and not any("--help" in line for line in told))
            if not works or "Traceback" in ran.err + ran.out:
                faults.append((arguments, ran))
    assert faults == []
