"""The settings of the program, from the environment or `.env`, and its log lines.

Every setting is checked at start: an invalid value is one line that names the setting and says what to do. Secrets
never reach a log line.
"""

from bot.settings import logs
from bot.settings.choices import LogFormat, LogLevel
from bot.settings.config import Settings
from bot.settings.documents import environment_file
from bot.settings.env_file import EnvFile
from bot.settings.fields import HttpAddress, HttpHosts, Key
from bot.settings.loading import check_for_run, check_for_worker, misspelt_names, read_settings
from bot.settings.sections import Section, WholeSettings, whole

__all__ = [
    "EnvFile",
    "HttpAddress",
    "HttpHosts",
    "Key",
    "LogFormat",
    "LogLevel",
    "Section",
    "Settings",
    "WholeSettings",
    "check_for_run",
    "check_for_worker",
    "environment_file",
    "logs",
    "misspelt_names",
    "read_settings",
    "whole",
]
