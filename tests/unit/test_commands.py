"""The list of commands, which is known without loading any of them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot import __version__
from bot.cli.main import COMMANDS, load_command

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("sqlalchemy", "pydantic", "discord", "openai", "ollama", "qdrant_client", "mem0", "matplotlib", "httpx")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_of_a_command_what_the_command_says_of_itself(name: str) -> None:
    command = load_command(name)
    assert " ".join(command.help.split()) == COMMANDS[name]


def test_help_loads_no_client_of_any_service() -> None:
    script = (
        "import sys\n"
        "from bot.cli.main import build\n"
        "build()(['--help'], standalone_mode=False)\n"
        f"sys.exit(', '.join(m for m in {HEAVY!r} if m in sys.modules) or None)\n"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603
    assert shown.stderr == ""
    assert all(name in shown.stdout for name in COMMANDS)


def test_the_version_is_told_by_the_command_and_by_the_package() -> None:
    command = [sys.executable, "-m", "bot", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter
    assert (told.returncode, told.stdout, told.stderr) == (0, f"channel-memory {__version__}\n", "")
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "bot.__version__"}


def test_a_command_of_its_own_starts_the_same_program() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        module, _, function = tomllib.load(file)["project"]["scripts"]["channel-memory"].partition(":")
    script = f"import sys; sys.argv = ['channel-memory', '--version']; from {module} import {function}; {function}()"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603
    assert told.stdout == f"channel-memory {__version__}\n"


def test_every_dependency_is_held_to_a_version_that_its_range_admits() -> None:
    pinned = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    held = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in pinned)}
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    extras = project["optional-dependencies"]
    wanted = [Requirement(text) for text in (*project["dependencies"], *chain.from_iterable(extras.values()))]
    outside = [
        str(each)
        for each in wanted
        if each.name != project["name"] and held.get(canonicalize_name(each.name), "0") not in each.specifier
    ]
    assert outside == []
