"""fastembed: an embedding model inside this process."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
from typing import Any

from bot.domain import ServiceRejected, ServiceUnavailable, StartupError
from bot.llm.embedding_answers import SERVICE
from bot.llm.embeddings import BaseEmbedder, Embedded, Embedder, Tally
from bot.llm.provider import EmbedderProvider
from bot.settings import Section


class FastEmbedders(EmbedderProvider[Section]):
    """Models that fastembed has; nothing leaves the machine once the files were fetched."""

    label = "fastembed"
    section = Section
    about = "inside this process"
    mem0_name = "fastembed"
    title = "FastEmbed"
    is_outside = False

    def open(self, host: str, tally: Tally) -> Embedder:
        """EMBEDDING_MODEL, with its files in DATA_DIR."""
        cache = self.all.data_dir / "fastembed"
        return FastEmbedEmbedder(self.model, self.all.embedding_dims, cache_dir=str(cache), tally=tally)


class FastEmbedEmbedder(BaseEmbedder):
    """fastembed: a model inside this process; nothing leaves the machine once the model was fetched.

    Args:
        model: such as "BAAI/bge-small-en-v1.5".
        dims: EMBEDDING_DIMS.
        cache_dir: where the model's files are kept.
        tally: see Tally.

    Raises:
        StartupError: fastembed is not installed.
    """

    provider = "fastembed"

    def __init__(self, model: str, dims: int, *, cache_dir: str | None = None, tally: Tally | None = None) -> None:
        if importlib.util.find_spec("fastembed") is None:
            raise StartupError(
                "EMBEDDING_PROVIDER=fastembed: not installed; run `pip install fastembed`, or build the image with "
                "EXTRAS=fastembed"
            )
        super().__init__(model, dims, tally)
        self._cache_dir = cache_dir
        self._loading = asyncio.Lock()
        self._engine: Any = None

    async def _ask(self, texts: list[str]) -> Embedded:
        engine = await self._loaded()
        vectors = await asyncio.to_thread(lambda: [vector.tolist() for vector in engine.embed(texts)])
        return Embedded(vectors)

    async def aclose(self) -> None:
        """Let the model go."""
        self._engine = None

    async def _loaded(self) -> Any:  # noqa: ANN401 - fastembed is optional, so its types are not at hand
        async with self._loading:
            if self._engine is None:
                self._engine = await asyncio.to_thread(self._load)
        return self._engine

    def _load(self) -> Any:  # noqa: ANN401
        module = importlib.import_module("fastembed")
        try:
            return module.TextEmbedding(self.model, cache_dir=self._cache_dir)
        except (ValueError, OSError) as error:  # fastembed raises ValueError both for a wrong name and for no network
            if "not supported" in str(error):
                raise ServiceRejected(
                    SERVICE, f"fastembed has no model {self.model!r}; check EMBEDDING_MODEL"
                ) from None
            raise ServiceUnavailable(
                SERVICE, f"the files of {self.model!r} can't be fetched now; they are needed once, in {self._cache_dir}"
            ) from None
