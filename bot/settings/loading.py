"""Reads the settings, and says in one line for each fault what to do about it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from dotenv import dotenv_values
from dotenv.parser import Original, parse_stream
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from bot.domain import StartupError
from bot.settings.config import Settings

S = TypeVar("S", bound=Settings)


def read_settings(settings_type: type[S], env_file: Path | None, **overrides: Any) -> S:  # noqa: ANN401 - any field's value
    """Read and check the settings.

    Args:
        settings_type: the type of all settings; see `bot.settings.sections`.
        env_file: file of `NAME=value` lines that the environment takes precedence over; may be absent.
        overrides: values that win over both, by field name (command line options).

    Raises:
        StartupError: one line for each fault; never a secret's value.
    """
    try:
        if env_file is not None:
            _check_file(env_file)
        return settings_type(_env_file=env_file, **overrides)
    except UnicodeDecodeError:
        raise StartupError(f"{env_file} is not text in UTF-8: save it as UTF-8") from None
    except OSError as error:
        raise StartupError(
            f"{env_file} can't be read ({error.strerror}): let the user that the bot runs as read it"
        ) from None
    except ValidationError as error:
        raise StartupError("\n".join(_fault(fault, settings_type) for fault in error.errors())) from None


def _check_file(env_file: Path) -> None:
    """See that a file can be read line by line; dotenv leaves out what it can't read, with words of its own.

    Raises:
        StartupError: one line for each of its lines that is at fault.
    """
    if env_file.is_dir():
        raise StartupError(f"{env_file} is a folder: put a file in its place, or remove it")
    if not env_file.exists():
        return
    with env_file.open(encoding="utf-8") as file:
        wrong = [_line_of(binding.original) for binding in parse_stream(file) if binding.error]
    if wrong:
        raise StartupError(
            "\n".join(f"{env_file}, line {number}: not NAME=value: mend it, or put a # before it" for number in wrong)
        )


def _line_of(original: Original) -> int:
    """The line of what dotenv could not read, which may have blank lines before it."""
    text = original.string
    return original.line + text[: len(text) - len(text.lstrip())].count("\n")


def check_for_run(settings: Settings) -> None:
    """Check what only the running bot needs.

    Raises:
        StartupError: one line for each thing that is missing.
    """
    faults = []
    if settings.discord_token is None:
        faults.append(
            "DISCORD_TOKEN is not set: `python -m bot init` asks for it, or copy it from the developer portal into .env"
        )
    faults += settings.lacking()
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
    if not settings.has_all_shards and settings.leads and settings.erasures_file is None:
        faults.append(
            "ERASURES_FILE is not set: of several processes the one with shard 0 notes what was erased; name a file on "
            "a disk that stays, which `python -m bot restore` can read"
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
    faults += settings.lacking()
    if faults:
        raise StartupError("\n".join(faults))


def _fault(fault: Any, settings_type: type[Settings]) -> str:  # noqa: ANN401 - pydantic's ErrorDetails, a TypedDict it doesn't export for use
    if not fault["loc"]:  # of several settings together: it names them
        return str(fault["msg"])
    name = str(fault["loc"][0])
    field = settings_type.model_fields[name]
    own = fault["type"] == "value_error"
    reason = str(fault["msg"]).removeprefix("Value error, ") if own else f"must be {_wanted(field)}"
    given = fault.get("input")
    hidden = _is_secret(name.upper(), field) or not isinstance(given, str | int | float)
    shown = "" if hidden else f" (it is {str(given)[:60]!r})"
    return f"{name.upper()}: {reason}{shown}. {field.description or ''}".rstrip()


def _wanted(field: FieldInfo) -> str:
    """What a setting must be, in plain words."""
    kinds = set(get_args(field.annotation)) or {field.annotation}
    limits = {
        limit: getattr(constraint, limit)
        for constraint in field.metadata
        for limit in ("ge", "gt", "le", "min_length", "max_length")
        if getattr(constraint, limit, None) is not None
    }
    words = [str(word) for word in get_args(field.annotation) if isinstance(word, str)]
    if isinstance(field.annotation, type) and issubclass(field.annotation, StrEnum):
        words = list(field.annotation)
    if words:
        return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    if get_origin(field.annotation) is tuple:
        return "a list with commas between"
    if bool in kinds:
        return "true or false"
    if int in kinds or float in kinds:
        return ("a whole number" if int in kinds else "a finite number") + _range(limits)
    if "max_length" in limits:
        return f"text of {limits['min_length']} to {limits['max_length']} characters"
    if "min_length" in limits:
        return f"text of at least {limits['min_length']} character{'s' * (limits['min_length'] > 1)}"
    return "a path" if Path in kinds else "text"


def _range(limits: Mapping[str, float]) -> str:
    if "gt" in limits:
        return f" above {limits['gt']:g}"
    return f" from {limits['ge']:g} " + (f"to {limits['le']}" if "le" in limits else "on")


def _is_secret(name: str, field: FieldInfo) -> bool:
    return "SecretStr" in str(field.annotation) or "URL" in name


def misspelt_names(
    settings_type: type[Settings],
    environment: Mapping[str, str | None] | None = None,
    env_file: Path | None = Path(".env"),
) -> dict[str, str]:
    """Names in the environment and in the file that no setting has, each with the setting that it is most like.

    Args:
        settings_type: the type of all settings.
        environment: the environment of the process unless another one is given.
        env_file: may be absent; of its names those that no setting is like are here as well, with "".
    """
    settings = [name.upper() for name in settings_type.model_fields]
    names = os.environ if environment is None else environment
    written = {} if env_file is None else dotenv_values(env_file)
    near = {
        name: "".join(get_close_matches(name.upper(), settings, 1, LIKENESS))
        for name in (*names, *written)
        if name.upper() not in settings and name not in FOREIGN_NAMES
    }
    return {name: setting for name, setting in sorted(near.items()) if setting or name in written}


LIKENESS = 0.75
"""Share of characters from which on a name is taken for a misspelt one: FLUSH_INTERVAL has 0.78."""

FOREIGN_NAMES = frozenset(
    {
        *("MEM0_TELEMETRY", "MEM0_DIR", "OLLAMA_MODELS"),
        *("CHANNEL_MEMORY_COMPOSE", "CHANNEL_MEMORY_EXTRAS", "CHANNEL_MEMORY_VERSION"),
        *("GRAFANA_PASSWORD", "POSTGRES_PASSWORD", "COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"),
    }
)
"""Names that mem0, Ollama and Docker Compose read themselves."""
