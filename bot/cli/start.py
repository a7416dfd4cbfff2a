"""What every command does first."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from bot.domain import snowflake
from bot.llm import load_settings
from bot.settings import LogFormat, LogLevel, Settings, logs, misspelt_names

log = logging.getLogger(__name__)

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Folder of the data, instead of DATA_DIR.")]
"""The option that every command on stored data has."""


def discord_id(value: str) -> int:
    """The id of Discord that an option or an argument is.

    Raises:
        typer.BadParameter: it can be none.
    """
    try:
        return snowflake.parse(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def load(data_dir: Path | None = None, *, quiet: bool = False, lists_misspelt: bool = False) -> Settings:
    """Read the settings, set up logging, and warn of names that no setting has.

    Args:
        data_dir: wins over DATA_DIR.
        quiet: only warnings, for commands whose output is for reading.
        lists_misspelt: the command itself names what is misspelt.

    Raises:
        StartupError: a setting is at fault.
    """
    settings = load_settings(**({} if data_dir is None else {"data_dir": data_dir}))
    level = LogLevel.WARNING if quiet and settings.log_level is LogLevel.INFO else settings.log_level
    logs.set_up(level=level, as_json=settings.log_format is LogFormat.JSON, secrets=settings.secrets())
    if not lists_misspelt:
        for name, setting in misspelt_names(type(settings)).items():
            todo = f"write {setting}" if setting else "see .env.example"
            log.warning("%s is not a setting of this program: %s", name, todo)
    return settings
