"""What becomes of an error that ends a command: one line that says what to do, and a number for what nobody foresaw."""

from __future__ import annotations

import errno
import logging
import secrets
import sys
import traceback
from contextlib import suppress

from typer import TyperException

from bot.domain import ChannelMemoryError, StartupError, UserError

log = logging.getLogger(__name__)

EXIT_FAULT = 1
"""What was asked can't be done."""

EXIT_SETTINGS = 2
"""The program can't start with these settings."""

EXIT_INTERRUPTED = 130

EXIT_UNREAD = 141
"""Who read the output went away, as `head` does: the shell's code for SIGPIPE."""

NUMBER_BYTES = 3

_ADVICE = {
    errno.ENOSPC: "the disk is full: make room, and try again",
    errno.EDQUOT: "the disk quota is used up: make room, and try again",
    errno.EROFS: "it is on a read-only file system: choose another place",
    errno.EACCES: "this user may not use it: give it to the user that the bot runs as, or choose another place",
    errno.EPERM: "this user may not use it: give it to the user that the bot runs as, or choose another place",
    errno.ENOENT: "there is no such file or folder: check the path",
    errno.EISDIR: "it is a folder: name a file",
    errno.ENOTDIR: "a part of the path is no folder: check the path",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n), and start again",
    errno.ENOMEM: "there is not enough memory: close other programs, and try again",
    errno.EIO: "the disk can't read or write it: check the disk, and restore a backup if it is damaged",
}


def explained(error: BaseException) -> tuple[list[str], int]:
    """The lines that a person is shown of an error, and the exit code of the process.

    Nothing of an error's own text is shown but of those that are written for people: it may hold what members said.
    """
    match error:
        case StartupError():
            return str(error).splitlines(), EXIT_SETTINGS
        case TyperException():
            return [_misused(error)] if error.format_message() else [], error.exit_code  # else help was shown
        case UserError() | ChannelMemoryError():
            return str(error).splitlines(), EXIT_FAULT
        case OSError() if error.errno in _ADVICE:
            place = f"{error.filename}: " if isinstance(error.filename, str) else ""
            return [f"{place}{_ADVICE[error.errno]}"], EXIT_FAULT
        case UnicodeDecodeError():
            return ["a file is not text in UTF-8: save it as UTF-8, and try again"], EXIT_FAULT
        case MemoryError():
            return ["there is not enough memory: close other programs, and try again"], EXIT_FAULT
    if (fault := _database_fault(error)) is not None:
        return [fault], EXIT_FAULT
    return [unforeseen(error)], EXIT_FAULT


def unforeseen(error: BaseException) -> str:
    """Log where an error was raised that nobody foresaw, without its text, and give the line with its number."""
    number = secrets.token_hex(NUMBER_BYTES)
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("Fault %s: %s\n%s", number, type(error).__name__, frames)
    return (
        f"something went wrong that should not ({type(error).__name__}, fault {number}): the log says where; report it"
    )


def _misused(error: TyperException) -> str:
    """What is wrong with the arguments of a command."""
    context = getattr(error, "ctx", None)
    command = f"{context.command_path} --help" if context else "--help"
    return f"{' '.join(error.format_message().split()).rstrip('.')}; see {command}"


def complain(error: BaseException) -> int:
    """Say on standard error what is wrong; the exit code."""
    lines, code = explained(error)
    with suppress(BrokenPipeError):
        for line in lines:
            print(f"error: {line}", file=sys.stderr)
    logging.shutdown()
    return code


def _database_fault(error: BaseException) -> str | None:
    """What a database failed by, without its own text, which holds what was to be written."""
    from sqlalchemy.exc import SQLAlchemyError

    from bot.storage import advice_on

    if not isinstance(error, SQLAlchemyError):
        return None
    if (advice := advice_on(error)) is not None:
        return f"the database is {advice[0]}: {advice[1]}"
    cause = getattr(error, "orig", None)
    kind = type((cause and cause.__cause__) or cause or error).__name__
    return f"the database can't be used ({kind}): see that it runs and has room, and try again"
