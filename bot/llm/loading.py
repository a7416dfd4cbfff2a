"""Reads the settings of the program and of all its providers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.llm.providers import PROVIDERS
from bot.settings import Settings


def load_settings(env_file: Path | None = Path(".env"), **overrides: Any) -> Settings:  # noqa: ANN401 - any field's value
    """Read and check the settings; see `bot.settings.read_settings`."""
    return PROVIDERS.load_settings(env_file, **overrides)
