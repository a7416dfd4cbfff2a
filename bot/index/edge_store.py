"""Points in Qdrant Edge, the embedded default."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socketpair
from typing import Any, Final

from bot.domain import DamagedIndex, InUse, ServiceRejected, ServiceUnavailable, StartupError
from bot.index import edge_process, points
from bot.index.points import PAGE, Filters, FoundPoint, Point, other_size, packed
from bot.storage import chunks

CALL_SECONDS: Final = 120.0
"""A member of whom 100,000 vectors in 20 segments are forgotten at once takes some 10 s; longer means that it hangs."""

START_SECONDS: Final = 30.0
LOCK_SECONDS: Final = 5.0
"""How long a bot that was killed may take to let go of the folder."""

UNREADABLE: Final = frozenset({"PermissionError", "OSError", "IsADirectoryError"})
"""Errors at opening that say nothing of what is in the files."""

NOT_DECODED: Final = frozenset({"UnicodeDecodeError", "JSONDecodeError", "KeyError", "TypeError"})
"""Errors of reading our own files, whose texts say nothing to people."""

NOT_OF_THE_FILES: Final = (errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EMFILE, errno.ENOMEM)
"""The same, where the engine names them: it writes (os error 13)."""

WRITE_POINTS: Final = 500
"""Points in one message to the process: 3 MB of 1,536 numbers each."""


class EdgeProcess:
    """Starts the process that holds the shard, and speaks to it; one call at a time, from any thread."""

    def __init__(self, folder: Path, dims: int, *, fresh: bool = False) -> None:
        self._folder = folder
        self._dims = dims
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._start(fresh=fresh)

    def call(self, name: str, *arguments: object) -> Any:  # noqa: ANN401 - what the named method of Shard returns
        """Call a method of `edge_process.Shard`.

        Raises:
            ServiceUnavailable: the process died or hangs; the next call starts another.
            ServiceRejected: the call failed.
        """
        with self._turn:
            if self._pipe is None:
                self._start()
            kind, *result = self._exchange((name, *arguments), CALL_SECONDS)
        if kind == "ok":
            return result[0]
        raise ServiceRejected("qdrant", f"the embedded index failed at {name}: {' '.join(result)}")

    def close(self) -> None:
        """End the process; safe to repeat."""
        with self._turn:
            self._end()

    def _start(self, *, fresh: bool = False) -> None:
        ours, theirs = socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own script
                [sys.executable, "-P", edge_process.__file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl+C is for the bot, which then closes this
            )
        self._pipe = Connection(ours.detach())
        options = {
            "tenant": points.TENANT,
            "lookups": points.LOOKUPS,
            "bounded": points.RANGE,
            "fresh": fresh,
            "patience": LOCK_SECONDS,
        }
        kind, *result = self._exchange((str(self._folder), self._dims, options), START_SECONDS)
        if kind != "ok":
            self._end()
            raise opening_fault(self._folder, self._dims, *result)

    def _exchange(self, request: tuple[object, ...], seconds: float) -> tuple[Any, ...]:
        pipe = self._pipe
        assert pipe is not None  # noqa: S101 - callers see to it
        try:
            pipe.send(request)
            if pipe.poll(seconds):
                answer: tuple[Any, ...] = pipe.recv()
                return answer
            reason = f"no answer within {seconds:g} s"
        except (EOFError, OSError):
            reason = "its process ended"
        self._end(kill=True)
        raise ServiceUnavailable("qdrant", f"the embedded index: {reason}")

    def _end(self, *, kill: bool = False) -> None:
        pipe, self._pipe = self._pipe, None
        process, self._process = self._process, None
        if pipe is not None:
            pipe.close()  # which ends the process
        if process is not None:
            if kill:
                process.kill()
            process.wait()


class EdgeStore:
    """See PointStore.

    Args:
        folder: holds the index and nothing else.
        dims: numbers in a vector.
        fresh: throw away what the folder holds.

    Raises:
        StartupError: another process holds the folder, or its vectors are of another size, or it can't be read.
        DamagedIndex: it can be read, and what it holds can't.
    """

    def __init__(self, folder: Path, dims: int, *, fresh: bool = False) -> None:
        self._edge = EdgeProcess(folder, dims, fresh=fresh)

    def write(self, points: Sequence[Point]) -> None:
        """See PointStore."""
        for chunk in chunks(points, WRITE_POINTS):
            self._edge.call("upsert", [(point.id, point.packed, point.payload) for point in chunk])

    def remove(self, point_ids: Sequence[str]) -> None:
        """See PointStore."""
        self._edge.call("delete", list(point_ids))

    def search(self, vector: Sequence[float], filters: Filters, limit: int) -> list[FoundPoint]:
        """See PointStore."""
        rows = self._edge.call("search", packed(vector), _beyond_schema(filters), limit)
        return [FoundPoint(*row) for row in rows]

    def count(self, filters: Filters) -> int:
        """See PointStore."""
        return int(self._edge.call("count", _beyond_schema(filters)))

    def page(self, filters: Filters, after: str | None) -> tuple[list[str], str | None]:
        """See PointStore."""
        ids, following = self._edge.call("scroll", _beyond_schema(filters), after, PAGE)
        return ids, following

    def others(self) -> int:
        """See PointStore: nobody else writes into our folder."""
        return 0

    def close(self) -> None:
        """See PointStore."""
        self._edge.close()


def _beyond_schema(filters: Filters) -> Filters:
    """The filters but for the schema version, which is not indexed: nobody else writes into our folder."""
    return {name: wanted for name, wanted in filters.items() if name != "schema"}


def opening_fault(folder: Path, dims: int, kind: str, reason: str) -> StartupError:
    """The error of ours for what its process says: the kind of its error, and the reason."""
    match kind:
        case "Locked":
            return InUse(f"the index in {folder} is in use: another process of this bot is running; stop it first")
        case "WrongSize":
            return StartupError(other_size(dims, reason, f"the index in {folder}"))
        case "FileExistsError" | "NotADirectoryError":
            return StartupError(f"{folder} is no folder: move it away, and the index is made anew in its place")
        case _ if kind in UNREADABLE or any(f"(os error {number})" in reason for number in NOT_OF_THE_FILES):
            return StartupError(
                f"the index in {folder} can't be opened ({reason}): see that the bot's user may use it, and that the "
                "disk has room"
            )
        case _:
            detail = "" if kind in NOT_DECODED else f" ({reason})"
            return DamagedIndex(
                f"the index in {folder} is damaged{detail}: run `python -m bot reindex` to rebuild it, or "
                "start the bot, which does so"
            )
