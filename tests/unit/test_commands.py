"""The list of commands, which is known without loading any of them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bot.cli.main import COMMANDS, load_command

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
