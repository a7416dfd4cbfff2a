"""The process that holds the embedded index: Qdrant Edge behind a pipe. Runs as a script and imports nothing of ours.

Qdrant Edge keeps Python's global lock for as long as a call takes, and taking a deleted point's bytes out of the files
means to rewrite a segment (0.2 to 0.4 s, measured): in the bot's own process that would stop every event handler. It is
run without write-ahead log, because that keeps what was deleted, so an update is durable once `flush` returned, and the
folder needs a lock of ours.

Requests are tuples (name, arguments…), answers are ("ok", result) or ("error", class name, reason). The process ends
when the pipe does, so it never outlives the bot for longer than the call at hand.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sys
import time
from array import array
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from qdrant_edge import (
    CountRequest,
    Distance,
    EdgeConfig,
    EdgeOptimizersConfig,
    EdgeShard,
    EdgeVectorParams,
    FieldCondition,
    Filter,
    HnswIndexConfig,
    IntegerIndexParams,
    KeywordIndexParams,
    MatchAny,
    MatchExcept,
    MatchValue,
    Point,
    Query,
    QueryRequest,
    RangeFloat,
    ScrollRequest,
    UpdateOperation,
)

SEGMENT_KB: Final = 30_000
"""Vectors of one segment: 5,000 of 1,536 numbers. Forgetting rewrites the segments concerned and no others."""

Payload = Mapping[str, Any]


class Locked(Exception):
    """Another process holds the folder."""


class WrongSize(Exception):
    """The folder holds vectors of another size; the message is that size."""


class Shard:
    """One folder with vectors of one size.

    Args:
        folder: made if it is not there.
        dims: numbers in a vector.
        tenant: payload field, a text, that every search compares.
        lookups: payload fields, numbers, that searches look for. Their old values must leave the files when a point is
            written again without them.
        bounded: payload field, a number, that searches bound.
        fresh: throw away what the folder holds.
        patience: seconds to wait for another process to let go of the folder.
    """

    def __init__(
        self,
        folder: str,
        dims: int,
        *,
        tenant: str,
        lookups: Sequence[str],
        bounded: str,
        fresh: bool,
        patience: float,
    ) -> None:
        root = Path(folder)
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _locked(root / "lock", patience)
        self._root, self._dims = root, dims
        self._lookups = tuple(lookups)
        self._indexes: dict[str, Any] = {field: IntegerIndexParams(lookup=True, range=False) for field in lookups}
        self._indexes[tenant] = KeywordIndexParams(is_tenant=True)
        self._indexes[bounded] = IntegerIndexParams(lookup=False, range=True)
        self._open(fresh=fresh)
        if self._is_empty():  # a crash may have come between deleting the last point and what it leaves
            self._begin_anew()

    def _open(self, *, fresh: bool) -> None:
        self._shard = _opened(self._root, self._dims, fresh=fresh)
        for field, params in self._indexes.items():  # each is some ten files a segment: none that isn't needed
            self._shard.update(UpdateOperation.create_field_index(field, params))
        self._settle()  # what a crash left undone
        self._look_at_all()

    def _look_at_all(self) -> None:
        """Search once, without help of any index: vectors that can't be read fail here, and not under a member's eyes.

        It takes 20 ms for 100,000 vectors.
        """
        first = [1.0, *([0.0] * (self._dims - 1))]
        self._shard.query(QueryRequest(limit=1, query=Query.Nearest(first)))

    def _is_empty(self) -> bool:
        return self._shard.count(CountRequest()) == 0

    def _begin_anew(self) -> None:
        """Throw the files away: a segment without any point left is never rewritten, and keeps what it held."""
        self._shard.close()
        self._open(fresh=True)

    def upsert(self, points: Sequence[tuple[str, bytes, Payload]]) -> None:
        """Write points; those that are there already are replaced."""
        replaced = {
            str(record.id): record.payload or {}
            for record in self._shard.retrieve([point_id for point_id, _, _ in points], True, False)
        }
        gone = [point_id for point_id, _, payload in points if self._loses(replaced.get(point_id), payload)]
        if gone:
            self._shard.update(UpdateOperation.delete_points(list(gone)))
        self._shard.update(
            UpdateOperation.upsert_points(
                [
                    Point(id=point_id, vector=_numbers(vector), payload=dict(payload))
                    for point_id, vector, payload in points
                ]
            )
        )
        self._settle()

    def delete(self, point_ids: Sequence[str]) -> None:
        """Take points out of the index and their bytes out of its files."""
        self._shard.update(UpdateOperation.delete_points(list(point_ids)))
        self._settle()
        if self._is_empty():
            self._begin_anew()

    def search(self, vector: bytes, filters: Payload, limit: int) -> list[tuple[str, float, Payload]]:
        """The points nearest to `vector`: id, cosine similarity, payload."""
        request = QueryRequest(
            limit=limit, query=Query.Nearest(_numbers(vector)), filter=_filter(filters), with_payload=True
        )
        return [(str(point.id), point.score, point.payload or {}) for point in self._shard.query(request)]

    def count(self, filters: Payload) -> int:
        """How many points match."""
        return self._shard.count(CountRequest(filter=_filter(filters)))

    def scroll(self, filters: Payload, offset: str | None, limit: int) -> tuple[list[str], str | None]:
        """Ids of matching points, page by page, and where the next page begins."""
        request = ScrollRequest(offset=offset, limit=limit, filter=_filter(filters), with_payload=False)
        records, following = self._shard.scroll(request)
        return [str(record.id) for record in records], None if following is None else str(following)

    def close(self) -> None:
        """Release the folder."""
        self._shard.close()
        self._lock.close()

    def _loses(self, old: Payload | None, new: Payload) -> bool:
        """Whether writing `new` in place of `old` would leave something in the files that must go.

        A point that is written again keeps its old payload's bytes until its segment is rewritten; deleting it first
        makes that happen now.
        """
        return old is not None and any(not set(_values(old, f)) <= set(_values(new, f)) for f in self._lookups)

    def _settle(self) -> None:
        """Make updates durable; rewrite segments that hold deleted points, and close those that have grown."""
        self._shard.flush()
        if self._shard.optimize():
            self._shard.flush()


def _locked(path: Path, patience: float) -> Any:  # noqa: ANN401 - an open file
    file = path.open("w")
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Locked(str(path.parent)) from None
            time.sleep(0.05)
        else:
            return file


def _opened(root: Path, dims: int, *, fresh: bool) -> EdgeShard:
    """The shard in `root`; a note beside it says which size its vectors have."""
    data, note = root / "shard", root / "index.json"
    if fresh or not note.exists():
        shutil.rmtree(data, ignore_errors=True)
        note.unlink(missing_ok=True)
        data.mkdir(mode=0o700)
        shard = EdgeShard.create(str(data), _config(dims))
        shard.flush()
        note.write_text(json.dumps({"dims": dims}), encoding="utf-8")
        return shard
    dims_before = json.loads(note.read_text(encoding="utf-8"))["dims"]
    if dims_before != dims:
        raise WrongSize(dims_before)
    shutil.rmtree(data / "temp_segments", ignore_errors=True)  # half-written copies, which a crash leaves for good
    return EdgeShard.load(str(data), _config(dims))


def _config(dims: int) -> EdgeConfig:
    """No graph (m=0): a filtered scan of 20,000 vectors takes 6 ms, building a graph for them took 61 s."""
    return EdgeConfig(
        vectors=EdgeVectorParams(size=dims, distance=Distance.Cosine),
        hnsw_config=HnswIndexConfig(m=0, payload_m=0, ef_construct=100, full_scan_threshold=10_000),
        optimizers=EdgeOptimizersConfig(
            deleted_threshold=1e-9,  # any deleted point is reason enough
            vacuum_min_vector_number=1,
            indexing_threshold=SEGMENT_KB,
            max_segment_size=SEGMENT_KB,
            default_segment_number=10_000,  # never merge
        ),
        wal_enabled=False,
    )


def _numbers(vector: bytes) -> list[float]:
    numbers = array("f")
    numbers.frombytes(vector)
    return numbers.tolist()


def _values(payload: Payload, field: str) -> list[Any]:
    value = payload.get(field, [])
    return value if isinstance(value, list) else [value]


def _filter(filters: Payload) -> Filter:
    """mem0's filters, as far as we use them: equality, in, nin, gte, lte, and $not over a list of these."""
    must_not = [_filter(part) for part in filters.get("$not", [])]
    must = [_condition(field, wanted) for field, wanted in filters.items() if field != "$not"]
    return Filter(must=list(must), must_not=list(must_not))


def _condition(field: str, wanted: Any) -> FieldCondition:  # noqa: ANN401 - JSON
    if not isinstance(wanted, Mapping):
        return FieldCondition(key=field, match=MatchValue(wanted))
    if wanted.keys() == {"in"}:
        return FieldCondition(key=field, match=MatchAny(wanted["in"]))
    if wanted.keys() == {"nin"}:
        return FieldCondition(key=field, match=MatchExcept(wanted["nin"]))
    if wanted and wanted.keys() <= {"gte", "lte"}:
        return FieldCondition(key=field, range=RangeFloat(**wanted))
    raise ValueError(f"filter on {field!r}: {sorted(wanted)} is not supported")


def _answer(shard: Shard, request: tuple[Any, ...]) -> tuple[Any, ...]:
    name, *arguments = request
    try:
        return "ok", getattr(shard, name)(*arguments)
    except Exception as error:  # noqa: BLE001 - the other end decides what it means
        return "error", type(error).__name__, getattr(error, "strerror", None) or str(error)


def serve(connection: Connection) -> None:
    """Open the shard that the first message describes, then answer until the pipe ends."""
    folder, dims, options = connection.recv()
    try:
        shard = Shard(folder, dims, **options)
    except BaseException as error:  # noqa: BLE001 - told to the other end; a panic of Rust is no Exception
        connection.send(("error", type(error).__name__, getattr(error, "strerror", None) or str(error)))
        return
    connection.send(("ok", None))
    try:
        while True:
            connection.send(_answer(shard, connection.recv()))
    except (EOFError, OSError):
        shard.close()  # the bot is gone, or done


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the bot ends first, and then this does
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.umask(0o077)
    serve(Connection(int(sys.argv[1])))
