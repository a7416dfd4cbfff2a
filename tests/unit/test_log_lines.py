"""What a log says of an error: its kind, where it was raised and what it came from, and nothing that somebody said."""

from __future__ import annotations

import logging
import sys

import pytest

from bot.domain import ServiceUnavailable
from bot.settings.logs import JsonFormatter, Redact, TextFormatter

CANARY = "xylophone"
NOBODY = Redact(())


def line_about(formatter: logging.Formatter, error: Exception) -> str:
    """The line of whoever logs an error that was raised while another one was dealt with."""
    try:
        try:
            int(CANARY)
        except ValueError:
            raise error  # noqa: B904 - what was being dealt with is logged as well
    except Exception:  # noqa: BLE001 - any kind
        info = sys.exc_info()
    record = logging.LogRecord("discord.ext.tasks", logging.ERROR, __file__, 1, "It failed", (), info)
    return formatter.format(record)


@pytest.mark.parametrize("formatter", [TextFormatter(NOBODY), JsonFormatter(NOBODY)])
def test_an_error_is_told_by_its_kind_and_place_and_never_by_its_text(formatter: logging.Formatter) -> None:
    line = line_about(formatter, KeyError(CANARY))
    assert CANARY not in line
    assert [word for word in ("Traceback", "KeyError", "ValueError", "in line_about") if word not in line] == []


@pytest.mark.parametrize("formatter", [TextFormatter(NOBODY), JsonFormatter(NOBODY)])
def test_what_our_own_errors_say_is_told(formatter: logging.Formatter) -> None:
    assert "ServiceUnavailable: qdrant: can't be reached" in line_about(
        formatter, ServiceUnavailable("qdrant", "can't be reached")
    )
