"""Reads the settings, and says in one line for each fault what to do about it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bot.domain import StartupError
from bot.settings.config import Settings


def load_settings(env_file: Path | None = Path(".env"), **overrides: Any) -> Settings:  # noqa: ANN401 - any field's value
    """Read and check the settings.

    Args:
        env_file: file of `NAME=value` lines that the environment takes precedence over; may be absent.
        overrides: values that win over both, by field name (command line options).

    Raises:
        StartupError: one line for each fault; never a secret's value.
    """
    try:
        return Settings(_env_file=env_file, **overrides)
    except UnicodeDecodeError:
        raise StartupError(f"{env_file} is not text in UTF-8: save it as UTF-8") from None
    except ValidationError as error:
        raise StartupError("\n".join(_fault(fault) for fault in error.errors())) from None


def check_for_run(settings: Settings) -> None:
    """Check what only the running bot needs.

    Raises:
        StartupError: one line for each thing that is missing.
    """
    faults = []
    if settings.discord_token is None:
        faults.append("DISCORD_TOKEN is not set: copy the bot's token from the Discord developer portal into .env")
    if settings.needs_openai_key and not settings.has_openai_key:
        faults.append(settings.missing_key_error())
    faults += _not_to_be_shared(settings)
    if faults:
        raise StartupError("\n".join(faults))


def _not_to_be_shared(settings: Settings) -> list[str]:
    """What keeps several processes from working together."""
    faults = []
    if not settings.has_all_shards and not settings.uses_database_server:
        faults.append(
            "SHARD_IDS: several processes need a PostgreSQL server in DATABASE_URL; without one, unset SHARD_IDS and "
            "SHARD_COUNT, and this process has all shards"
        )
    if not settings.has_all_shards and settings.mem0_enabled and not settings.uses_qdrant_server:
        faults.append(
            "SHARD_IDS: several processes need a Qdrant server in MEM0_QDRANT_URL, for the embedded index belongs to "
            "one process (or MEM0_ENABLED=false)"
        )
    return faults


def check_for_worker(settings: Settings) -> None:
    """Check what a worker needs: servers that it shares with the bots.

    Raises:
        StartupError: one line for each thing that is missing.
    """
    faults = []
    if not settings.uses_database_server:
        faults.append(
            "DATABASE_URL is not a PostgreSQL server: a worker shares the bots' database; one process alone needs no "
            "worker, for `run` flushes as well"
        )
    if not settings.mem0_enabled:
        faults.append("MEM0_ENABLED=false: no memories are made, so there is nothing for a worker to do")
    elif not settings.uses_qdrant_server:
        faults.append("MEM0_QDRANT_URL (or MEM0_QDRANT_HOST) is not set: a worker shares the bots' Qdrant server")
    if settings.needs_openai_key and not settings.has_openai_key:
        faults.append(settings.missing_key_error())
    if faults:
        raise StartupError("\n".join(faults))


def _fault(fault: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails, a TypedDict it doesn't export for use
    if not fault["loc"]:  # of several settings together: it names them
        return str(fault["msg"])
    name = "_".join(str(part) for part in fault["loc"][:1]).upper()
    reason = str(fault["msg"]).removeprefix("Value error, ")
    description = Settings.model_fields[name.lower()].description if name.lower() in Settings.model_fields else ""
    given = fault.get("input")
    shown = "" if _is_secret(name) or not isinstance(given, str | int | float) else f" (it is {str(given)[:60]!r})"
    return f"{name}: {reason[:1].lower()}{reason[1:]}{shown}. {description}".rstrip()


def _is_secret(name: str) -> bool:
    field = Settings.model_fields.get(name.lower())
    return field is None or "SecretStr" in str(field.annotation) or "URL" in name


def unknown_names(environment: dict[str, str] | None = None) -> list[str]:
    """Names in the environment that look like a misspelt setting of this program."""
    known = {name.upper() for name in Settings.model_fields}
    prefixes = (
        "MEM0_",
        "OLLAMA_BASE",
        "OLLAMA_CONCURRENCY",
        "OLLAMA_MODEL",
        "OLLAMA_FALLBACK",
        "FALLBACK_",
        "SWEEP_",
        "EMBEDDING_",
        "FLUSH_",
        "OBSERVE_",
        "MESSAGE_RETENTION",
        "METRICS_",
        "PRICES_",
        "SHARD_",
    )
    names = environment if environment is not None else dict(os.environ)
    return sorted(name for name in names if name.startswith(prefixes) and name not in known and name not in MEM0_OWN)


MEM0_OWN = frozenset({"MEM0_TELEMETRY", "MEM0_DIR"})
"""Names that mem0 itself reads; set by this program."""
