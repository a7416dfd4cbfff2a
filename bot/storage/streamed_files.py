"""Backups that pass through the data folder on their way to or from a stream, and what killed programs left of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import portalocker

from bot.domain import StartupError
from bot.storage.engine import RESTORING
from bot.storage.sqlite import DATABASE_FILE, private_folder

_PREFIX: Final = "backup-on-its-way-"
_LOCK: Final = "backup.lock"
"""Shared by whoever streams: what lies in the data folder is left over where nobody does."""


@contextmanager
def streamed_file(data_dir: Path) -> Iterator[Path]:
    """A file to be made in a new folder within the data folder, and removed at the end of the block.

    Raises:
        StartupError: the data folder can't be used.
    """
    private_folder(data_dir)
    _remove_streamed(data_dir)
    with _locked(data_dir, portalocker.LOCK_SH):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=data_dir))
        try:
            yield folder / "backup.db"
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(data_dir: Path) -> None:
    """Remove what killed backups and restores left in the data folder, which nothing but them may use now.

    Raises:
        StartupError: the data folder can't be used.
    """
    _remove_streamed(data_dir)
    shutil.rmtree(data_dir / f"{DATABASE_FILE}{RESTORING}", ignore_errors=True)


def _remove_streamed(data_dir: Path) -> None:
    """Remove what nobody streams any more; while anybody does, it stays until the next time."""
    leftovers = list(data_dir.glob(f"{_PREFIX}*"))
    if not leftovers:
        return
    try:
        with _locked(data_dir, portalocker.LOCK_EX | portalocker.LOCK_NB):
            for folder in leftovers:
                shutil.rmtree(folder, ignore_errors=True)
    except portalocker.AlreadyLocked:
        return


@contextmanager
def _locked(data_dir: Path, flags: portalocker.LockFlags) -> Iterator[None]:
    lock = data_dir / _LOCK
    try:
        file = open(lock, "w", opener=partial(os.open, mode=0o600))  # noqa: SIM115 - closed below; for us alone
    except OSError as error:
        raise StartupError(
            f"DATA_DIR: {lock} can't be written ({error.strerror}): give it and its folder to the user that the bot "
            "runs as"
        ) from None
    with file:
        try:
            portalocker.lock(file, flags)
        except portalocker.AlreadyLocked:
            raise
        except portalocker.LockException:
            raise StartupError(
                f"DATA_DIR: the file system of {data_dir} has no locks: choose a folder on a local disk"
            ) from None
        yield
