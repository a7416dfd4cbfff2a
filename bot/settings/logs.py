"""Log lines: for people by default, as JSON with LOG_FORMAT=json; never a secret, never message content above DEBUG."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from types import TracebackType

from bot.domain import ChannelMemoryError

_Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

SHORTEST_SECRET = 6
"""Shorter values are not looked for: they would blank out ordinary words."""

QUIET = (
    "aiosqlite",
    "alembic",
    "discord.client",
    "discord.gateway",
    "discord.http",
    "httpcore",
    "httpx",
    "httpx2",
    "mem0",
    "ollama",
    "openai",
)
"""Libraries whose DEBUG lines hold content or headers, and whose INFO lines say nothing to an operator."""


class Redact:
    """Blanks out known secrets, wherever in a line or a traceback they turn up."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted((s for s in secrets if len(s) >= SHORTEST_SECRET), key=len, reverse=True)

    def clean(self, text: str) -> str:
        """The text without any of the secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return text


class WordlessFormatter(logging.Formatter):
    """Tells of an error its kind and its place; its text, which may hold what somebody said, only where it is ours.

    Whoever logs an error, discord.py as well, goes through here.
    """

    def formatException(self, ei: _Raised) -> str:  # noqa: N802 - logging's name
        """The frames and the kind of an error, and of what it came from, the last one first."""
        return "\nwhich came from:\n".join(map(_wordless, _chain(ei[1])))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _wordless(error: BaseException) -> str:
    text = f": {error}" if isinstance(error, ChannelMemoryError) else ""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"Traceback (most recent call last):\n{frames}{type(error).__name__}{text}"


class TextFormatter(WordlessFormatter):
    """`2026-05-04T17:02:00Z WARNING bot.remember.flusher: ...`."""

    def __init__(self, redact: Redact) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._redact = redact

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        """The time in UTC."""
        return _time(record)

    def format(self, record: logging.LogRecord) -> str:
        """The whole record as text, a traceback included, without secrets."""
        return self._redact.clean(super().format(record))


class JsonFormatter(WordlessFormatter):
    """One JSON object a line: time, level, logger, message, and what the caller added by `extra`."""

    def __init__(self, redact: Redact) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """The whole record as one JSON line, without secrets."""
        fields: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return self._redact.clean(json.dumps(fields, ensure_ascii=False, default=str))


_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def set_up(*, level: str, as_json: bool, secrets: Iterable[str]) -> None:
    """Send log lines to standard error.

    Args:
        level: the lowest level to show of this program.
        as_json: JSON instead of text.
        secrets: values that must never be shown.
    """
    redact = Redact(secrets)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(redact) if as_json else TextFormatter(redact))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
