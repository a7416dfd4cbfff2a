"""The file of erasures: what must not come back with a backup, outside of the database that a backup replaces.

JSON Lines. The first line says of which installation they are, by a keyed hash, and from when on they are complete;
each further one is an erasure (`bot.storage.erasure_lines`). A line that was cut off by a crash counts as not written.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bot.domain import UserError
from bot.storage.erasure_lines import LINES_KEPT_MS, SINCE, ErasureLine, ErasureLines, LineKind

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.storage.installation import Installation

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
"""Between two looks for lines that the file lacks; one indexed read."""

COMPLETE_MS: Final = 60_000
"""Between two times that the file is said to lack nothing while nothing is erased."""

TIDY_MS: Final = 86_400_000
"""Between two times that old lines are taken out of the file."""

_FORMAT = 1
_PART = ".part"


class UnusableErasures(UserError):
    """A file of erasures can't be used: it is damaged, or another installation's."""


@dataclass(frozen=True, slots=True)
class WrittenErasures:
    """What a file of erasures says.

    Attributes:
        installation: the keyed hash of the installation whose they are.
        since_ms: from when on they are complete, in milliseconds since 1970.
        lines: oldest first.
        up_to_ms: when the file was last known to lack nothing.
    """

    installation: str
    since_ms: int
    lines: Sequence[ErasureLine]
    up_to_ms: int = 0


class ErasuresFile:
    """The file; every method waits for the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> WrittenErasures | None:
        """What it says; None where it is not there.

        Raises:
            UnusableErasures: it is damaged, or no such file.
            OSError: it can't be read.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        texts = content[: content.rfind(b"\n") + 1].splitlines()
        if not texts:
            return None  # it was being made
        number = 1
        try:
            head = json.loads(texts[0])
            if head["erasures"] != _FORMAT:
                raise UnusableErasures(
                    f"ERASURES_FILE: a newer version of this program wrote {self.path}; run that one"
                )
            lines: list[ErasureLine] = []
            for text in texts[1:]:
                number += 1
                lines.append(_line(json.loads(text)))
            up_to_ms = self.path.stat().st_mtime_ns // 1_000_000
            return WrittenErasures(str(head["installation"]), int(head["since_ms"]), lines, up_to_ms)
        except (ValueError, KeyError, TypeError):
            raise UnusableErasures(
                f"ERASURES_FILE: line {number} of {self.path} can't be read: keep a copy of the file, take that line "
                "out, and try again"
            ) from None

    def mark(self) -> tuple[int, int] | None:
        """What tells the file from another one of its name; None where there is none, or an empty one."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return (status.st_dev, status.st_ino) if status.st_size else None

    def append(self, lines: Sequence[ErasureLine]) -> None:
        """Add lines, durably."""
        handle = os.open(self.path, os.O_RDWR)
        try:
            end = _whole_end(handle)
            os.truncate(handle, end)
            os.lseek(handle, end, os.SEEK_SET)
            _write(handle, _texts(lines))
        finally:
            os.close(handle)

    def write(self, erasures: WrittenErasures) -> None:
        """Put a file in its place, whole or not at all."""
        head = {"erasures": _FORMAT, "installation": erasures.installation, "since_ms": erasures.since_ms}
        part = self.path.with_name(self.path.name + _PART)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _write(handle, json.dumps(head).encode() + b"\n" + _texts(erasures.lines))
        finally:
            os.close(handle)
        part.replace(self.path)
        sync_folder(self.path.parent)

    def is_complete(self) -> None:
        """It lacks nothing at this moment."""
        os.utime(self.path)


class ErasuresWriter:
    """Brings the lines of the database into the file; nothing waits for it.

    Args:
        lines: of the database.
        installation: says from when on they are complete.
        file: the file.
        identity: the keyed hash of this installation.
        clock: the local clock.
    """

    def __init__(
        self, lines: ErasureLines, installation: Installation, file: ErasuresFile, identity: str, clock: Clock
    ) -> None:
        self._lines = lines
        self._installation = installation
        self._file = file
        self._identity = identity
        self._clock = clock
        self._tidied_ms: int | None = None
        self._mark: tuple[int, int] | None = None
        self._complete_ms = 0

    async def run(self) -> None:
        """Write what is noted until cancelled."""
        while True:
            await self.round()
            await asyncio.sleep(LOOK_SECONDS)

    async def round(self) -> None:
        """Write what the file lacks.

        Raises:
            UnusableErasures: the file is damaged, or another installation's, and left alone.
            OSError: it can't be written.
        """
        if self._tidied_ms is None or self._clock() - self._tidied_ms > TIDY_MS or not await self._is_same():
            await self._anew()
        while lines := await self._lines.unwritten():
            await asyncio.to_thread(self._file.append, lines)
            await self._lines.are_written(lines)
            self._complete_ms = 0
        if self._clock() - self._complete_ms > COMPLETE_MS:
            await asyncio.to_thread(self._file.is_complete)
            self._complete_ms = self._clock()

    async def _is_same(self) -> bool:
        """Whether the file is the one that was written last: a disk may be mounted over it, or it may be emptied."""
        return self._mark is not None and await asyncio.to_thread(self._file.mark) == self._mark

    async def _anew(self) -> None:
        """Write the whole file: what it says already, what the database knows, and nothing that is too old."""
        known = await asyncio.to_thread(self._file.read)
        if known is not None and known.installation != self._identity:
            raise UnusableErasures(
                f"ERASURES_FILE: {self._file.path} is another installation's and left alone: name another file, or "
                "restore a backup of that one"
            )
        since_ms = int(await self._installation.get(SINCE) or self._clock())
        lines = {line.id: line for line in (known.lines if known else ())}
        noted = await self._lines.all()
        lines |= {line.id: line for line in noted}
        before_ms = self._clock() - LINES_KEPT_MS
        young = sorted((line for line in lines.values() if line.at_ms >= before_ms), key=lambda line: line.at_ms)
        since_ms = since_ms if known is None else known.since_ms
        await asyncio.to_thread(self._file.write, WrittenErasures(self._identity, since_ms, young))
        await self._lines.are_written(noted)
        self._mark = await asyncio.to_thread(self._file.mark)
        self._tidied_ms = self._clock()


def sync_folder(folder: Path) -> None:
    """See that what was renamed in a folder is durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _texts(lines: Sequence[ErasureLine]) -> bytes:
    fields = ({name: value for name, value in asdict(line).items() if value is not None} for line in lines)
    return b"".join(json.dumps(each).encode() + b"\n" for each in fields)


def _line(fields: dict[str, Any]) -> ErasureLine:
    return ErasureLine(**{**fields, "kind": LineKind(fields["kind"])})


def _write(handle: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]
    os.fsync(handle)


def _whole_end(handle: int) -> int:
    """Where the last whole line ends: a crash may have cut off what comes behind it."""
    size = os.lseek(handle, 0, os.SEEK_END)
    step = 4096
    for start in range(max(0, size - step), -step, -step):
        place = os.pread(handle, step, max(0, start)).rfind(b"\n")
        if place >= 0:
            return max(0, start) + place + 1
    return 0
