"""What a person is told of an error that ends a command."""

from __future__ import annotations

import errno
import logging

import pytest
from sqlalchemy.exc import OperationalError

from bot.cli.faults import EXIT_FAULT, EXIT_SETTINGS, explained
from bot.domain import InUse, Refused, ServiceUnavailable

SECRET = "zqxvkw-what-a-member-wrote"


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InUse("DATA_DIR: another bot runs on data; stop it"), EXIT_SETTINGS, "another bot runs"),
        (Refused("That can't be done; do this."), EXIT_FAULT, "do this"),
        (ServiceUnavailable("qdrant", "no answer"), EXIT_FAULT, "qdrant: no answer"),
        (OSError(errno.ENOSPC, SECRET, "/data/x"), EXIT_FAULT, "/data/x: the disk is full"),
        (PermissionError(errno.EACCES, SECRET, "/data/x"), EXIT_FAULT, "/data/x: this user may not use it"),
        (FileNotFoundError(errno.ENOENT, SECRET, "/chat.json"), EXIT_FAULT, "/chat.json: there is no such file"),
        (UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, "x"), EXIT_FAULT, "save it as UTF-8"),
        (MemoryError(), EXIT_FAULT, "not enough memory"),
        (OperationalError(SECRET, {}, Exception(SECRET)), EXIT_FAULT, "the database can't be used"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_kind_of_error_is_one_line_that_says_what_to_do(error: Exception, code: int, line: str) -> None:
    lines, given = explained(error)
    assert given == code
    assert len(lines) == 1
    assert line in lines[0]
    assert SECRET not in lines[0]


def test_what_nobody_foresaw_has_a_number_by_which_the_log_tells_where_it_was(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> None:
        raise ZeroDivisionError(SECRET)

    caplog.set_level(logging.ERROR)
    with pytest.raises(ZeroDivisionError) as raised:
        fails()
    (line,), code = explained(raised.value)
    number = line.partition("fault ")[2].partition(")")[0]
    assert code == EXIT_FAULT
    assert number in caplog.text
    assert "in fails" in caplog.text
    assert SECRET not in line + caplog.text
