"""Opens the vector index that the settings ask for, after checking that it fits the embedding model."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.domain import LostIndex, ServiceAbsent, ServiceError, ServiceRejected, ServiceUnavailable, StartupError
from bot.index.generations import FOLDER, Generation, Made
from bot.index.layout import ANY_LAYOUT, Home, Layout
from bot.index.points import COLLECTION, Filters, FoundPoint, Point, PointStore

if TYPE_CHECKING:
    from mem0.configs.base import MemoryConfig

    from bot.index.claim import ClaimNumber, Numbers
    from bot.index.mem0_index import Mem0Index
    from bot.llm import Embedder, Guard
    from bot.storage import Installation

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HybridModels:
    """What mem0's configuration names. mem0 asks neither: extraction and embedding are ours.

    Attributes:
        provider: of the language model, by mem0's name for it.
        config: what is said of the language model.
        embedder: provider of the embedding model, by mem0's name for it; None for the embedder's own.
    """

    provider: str = "ollama"
    config: Mapping[str, Any] = field(default_factory=lambda: {"model": "llama3.1:8b"})
    embedder: str | None = None


def prepare_mem0(data_dir: Path) -> None:
    """Keep mem0's files in our folder; call before mem0 is imported for the first time. `bot` has its telemetry off."""
    folder = data_dir / "mem0"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["MEM0_DIR"] = str(folder)
    logging.getLogger("mem0").setLevel(logging.ERROR)  # below that it writes texts, and what it could do with extras


def hybrid_config(data_dir: Path, embedder: Embedder, models: HybridModels, home: Home | None) -> MemoryConfig:
    """mem0's configuration: the language model, the embedder, Qdrant, no history on disk, no keys."""
    from mem0.configs.base import MemoryConfig
    from mem0.embeddings.configs import EmbedderConfig
    from mem0.llms.configs import LlmConfig
    from mem0.vector_stores.configs import VectorStoreConfig

    place: dict[str, Any] = {"path": str(data_dir / FOLDER)}
    if home is not None:
        server = home.address
        place |= {"url": server.url} if server.url else {"host": server.host, "port": server.port}
    return MemoryConfig(
        llm=LlmConfig(provider=models.provider, config=dict(models.config)),
        embedder=EmbedderConfig(
            provider=models.embedder or embedder.provider,
            config={"model": embedder.model, "embedding_dims": embedder.dims},
        ),
        vector_store=VectorStoreConfig(
            provider="qdrant",
            config={"collection_name": COLLECTION, "embedding_model_dims": embedder.dims, **place},
        ),
        history_db_path=":memory:",
    )


@asynccontextmanager
async def open_index(
    *,
    data_dir: Path,
    embedder: Embedder,
    installation: Installation,
    models: HybridModels | None = None,
    home: Home | None = None,
    generation: int = 1,
    layout: Layout = ANY_LAYOUT,
    guard: Guard | None = None,
    fresh: bool = False,
    patient: bool = False,
    makes: bool = True,
) -> AsyncIterator[Mem0Index]:
    """Open the index for the time of the block.

    Args:
        data_dir: holds the embedded index and mem0's folder.
        embedder: makes the vectors; not closed here.
        installation: remembers which model the index was made with.
        models: named in mem0's configuration.
        home: a place on a Qdrant server; None for the embedded index.
        generation: its number, of which its folder or its collection is named.
        layout: how a new collection is spread over the server's cluster.
        guard: rate, time limit, retries and breaker of the vector store.
        fresh: throw away what the index holds, to fill it again.
        patient: begin although the embedding service or the Qdrant server is down, and use them when they are back.
        makes: make the folder or the collection where it is not there.

    Raises:
        LostIndex: it does not exist, is not to be made, and the caller is not patient.
        StartupError: model, EMBEDDING_DIMS and index disagree on the size of a vector, the index was made with another
            model, the embedded index is in use or can't be read.
        ServiceError: a service is down or declines, and the caller is not patient.
    """
    prepare_mem0(data_dir)
    await _check_model(embedder, patient=patient)
    made = Made(embedder.provider, embedder.model, embedder.dims)
    which = Generation(generation, made)
    store = _Lazy(partial(_open_store, data_dir, which, home, layout, fresh=fresh, makes=makes))
    try:
        await asyncio.to_thread(store.open)
    except ServiceError as error:  # also one that declines: its key or its settings may be mended while the bot runs
        if not patient:
            raise
        log.warning("Searching by words only until the index answers: %s", error)

    from bot.index.mem0_index import Mem0Index

    index = Mem0Index(hybrid_config(data_dir, embedder, models or HybridModels(), home), embedder, store, guard)
    try:
        await _check_made_with(index, which, installation, fresh=fresh)
        yield index
    finally:
        await index.aclose()


class _Lazy:
    """A PointStore that is opened when it is first needed and answers."""

    def __init__(self, opener: Callable[[], PointStore]) -> None:
        self._opener = opener
        self._store: PointStore | None = None
        self._turn = threading.Lock()

    def open(self) -> PointStore:
        """The store, opened now if it was not."""
        with self._turn:
            if self._store is None:
                self._store = self._opener()
            return self._store

    def write(self, points: Sequence[Point]) -> None:
        self._ready().write(points)

    def remove(self, point_ids: Sequence[str]) -> None:
        self._ready().remove(point_ids)

    def search(self, vector: Sequence[float], filters: Filters, limit: int) -> list[FoundPoint]:
        return self._ready().search(vector, filters, limit)

    def count(self, filters: Filters) -> int:
        return self._ready().count(filters)

    def page(self, filters: Filters, after: str | None) -> tuple[list[str], str | None]:
        return self._ready().page(filters, after)

    def others(self) -> int:
        return self._ready().others()

    def close(self) -> None:
        with self._turn:
            if self._store is not None:
                self._store.close()

    def _ready(self) -> PointStore:
        try:
            return self.open()
        except StartupError as error:  # a server that was down at the start turned out not to fit
            raise ServiceRejected("qdrant", str(error)) from None


async def remove_index(data_dir: Path, generation: Generation, home: Home | None) -> None:
    """Remove an index that nobody has open: its folder, or this program's points on the server.

    Raises:
        ServiceError: the server does not answer, or declined.
    """
    if home is None:
        await asyncio.to_thread(shutil.rmtree, data_dir / generation.folder, ignore_errors=True)
        return
    from bot.index.qdrant_store import remove_points

    await asyncio.to_thread(remove_points, home, generation.number)


async def publish_index(generation: Generation, home: Home | None) -> bool:
    """Have the alias on the server name this generation, the one in use; False where a collection of ours has its name.

    Raises:
        ServiceError: the server does not answer, or declined.
    """
    if home is None:
        return True
    from bot.index.qdrant_store import publish

    return await asyncio.to_thread(publish, home, generation.number)


async def spread_of(generation: Generation, home: Home | None) -> Layout | None:
    """How a generation's collection is spread over the cluster; None for the embedded index.

    Raises:
        ServiceError: the server does not answer, or declined.
    """
    if home is None:
        return None
    from bot.index.qdrant_store import spread

    return await asyncio.to_thread(spread, home, generation.number)


async def make_collection(generation: Generation, home: Home, layout: Layout) -> None:
    """Have a generation's collection on its server.

    Raises:
        StartupError: what is there in its place takes vectors of another size or kind.
        ServiceError: the server does not answer, or declined.
    """
    from bot.index import qdrant_store

    await asyncio.to_thread(qdrant_store.make, home, generation.number, generation.made.dims, layout)


async def numbers_on(home: Home) -> Numbers:
    """The numbers in all collections of the installation on its server.

    Raises:
        ServiceError: the server does not answer, or declined.
    """
    from bot.index import qdrant_store

    return await asyncio.to_thread(qdrant_store.numbers_on, home)


async def put_number(generation: Generation, home: Home, number: ClaimNumber, now_ms: int) -> None:
    """Leave a number in a generation's collection.

    Raises:
        ServiceError: the server does not answer, or declined.
    """
    from bot.index import qdrant_store

    await asyncio.to_thread(qdrant_store.put_number, home, generation.number, generation.made.dims, number, now_ms)


def _open_store(
    data_dir: Path, generation: Generation, home: Home | None, layout: Layout, *, fresh: bool, makes: bool
) -> PointStore:
    dims = generation.made.dims
    if home is None:
        folder = data_dir / generation.folder
        if not makes and not (folder.is_dir() and any(folder.iterdir())):
            raise LostIndex("qdrant", f"the index in {folder} is not there")
        from bot.index.edge_store import EdgeStore

        return EdgeStore(folder, dims, fresh=fresh)
    from bot.index.qdrant_store import QdrantStore

    return QdrantStore(home, generation.number, dims, layout=layout, fresh=fresh, makes=makes)


async def _check_model(embedder: Embedder, *, patient: bool) -> None:
    try:
        await embedder.check()
    except ServiceRejected as error:
        raise StartupError(str(error)) from error
    except ServiceAbsent:
        log.info("The index only forgets: nothing is embedded with these settings")
    except ServiceUnavailable as error:
        if not patient:
            raise
        log.warning("Searching by words only until the embedding service answers: %s", error)


async def _check_made_with(
    index: Mem0Index, generation: Generation, installation: Installation, *, fresh: bool
) -> None:
    """Vectors of different models can't be compared, even where they have the same size."""
    made = generation.made
    now = {"model": made.model, "dims": made.dims}
    then = json.loads(await installation.get(generation.made_with) or "null")
    if then not in (None, now) and not fresh and await _holds_something(index):
        raise StartupError(
            f"EMBEDDING_MODEL is {made.model} and EMBEDDING_DIMS {made.dims}, but the index was made with "
            f"{then['model']} and {then['dims']}: set them back, or run `python -m bot reindex` to embed all again"
        )
    if then != now:
        await installation.set(generation.made_with, json.dumps(now))


async def _holds_something(index: Mem0Index) -> bool:
    try:
        return await index.count() > 0
    except ServiceError:
        return True
