"""The settings of the program, from the environment or `.env`, and its log lines.

Every setting is checked at start: an invalid value is one line that names the setting and says what to do. Secrets
never reach a log line.
"""

from bot.settings import logs
from bot.settings.choices import EmbeddingProvider, LLMProvider, LogFormat, LogLevel, OllamaFallback
from bot.settings.config import Settings
from bot.settings.loading import check_for_run, check_for_worker, load_settings, misspelt_names

__all__ = [
    "EmbeddingProvider",
    "LLMProvider",
    "LogFormat",
    "LogLevel",
    "OllamaFallback",
    "Settings",
    "check_for_run",
    "check_for_worker",
    "load_settings",
    "logs",
    "misspelt_names",
]
