"""Opens embedders and generations of the vector index as the settings say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import httpx
from aiolimiter import AsyncLimiter

from bot.domain import ServiceUnavailable, host_name
from bot.index.generations import FOLDER, Generation, Generations, Made
from bot.index.layout import Layout, QdrantAddress
from bot.index.opening import HybridModels, open_index, publish_index, remove_index, spread_of
from bot.llm import (
    FAILURES_TO_OPEN,
    PROBE_SECONDS,
    AbsentEmbedder,
    Breaker,
    Embedder,
    FastEmbedEmbedder,
    Guard,
    GuardedEmbedder,
    Host,
    OllamaEmbedder,
    OpenAIEmbedder,
    Pool,
    PooledEmbedder,
    Tally,
    embedding_tally,
)
from bot.settings import EmbeddingProvider, LLMProvider, Settings

if TYPE_CHECKING:
    from bot.index.mem0_index import Mem0Index
    from bot.llm import Ledger
    from bot.storage import Installation

EMBEDDING_CALLS_A_SECOND = 8
"""Embedding requests; a tenth of what OpenAI grants a new account."""

EMBEDDING_SECONDS = 30.0
"""One embedding request of up to 2,048 texts."""

SPARE_PLACES = 3
"""Embedding calls that a host is asked beside its calls for answers: they are short, and members wait for them."""

QDRANT_CALLS_A_SECOND = 50
"""Searches and writes; far below what a Qdrant server takes, and above what one bot asks for."""

QDRANT_SECONDS = 30.0
"""One request to a Qdrant server, a write of 2,048 vectors included."""


class Vectors:
    """Opens and removes generations of the index.

    Attributes:
        generations: which of them are in use and to come.

    Args:
        settings: checked settings.
        ledger: counts embedding calls.
        installation: remembers the generations.
        guards: gets the guards of whatever is open.
        patient: begin although a service is down, and use it when it is back.
    """

    def __init__(
        self, settings: Settings, ledger: Ledger, installation: Installation, guards: list[Guard], *, patient: bool
    ) -> None:
        self.generations = Generations(installation)
        self._settings = settings
        self._ledger = ledger
        self._installation = installation
        self._guards = guards
        self._patient = patient

    @property
    def wanted(self) -> Made:
        """How the settings want the index to be."""
        settings = self._settings
        address = _address(settings)
        return Made(
            settings.embedding_provider.value,
            settings.embedding_model,
            settings.embedding_dims,
            None if address is None else address.place,
        )

    @property
    def there(self) -> bool:
        """Whether there may be an index."""
        return self._settings.uses_qdrant_server or any(self._settings.data_dir.glob(f"{FOLDER}*"))

    @property
    def unusable(self) -> str:
        """Why nothing can be embedded with these settings; empty where something can."""
        return why_not_embedding(self._settings)

    @asynccontextmanager
    async def open(self, generation: Generation, fresh: bool) -> AsyncIterator[Mem0Index]:
        """Open a generation for the time of the block; `fresh`: empty.

        Raises:
            StartupError: model, size of the vectors and index disagree, or another process holds it (InUse).
            ServiceError: a service is down, and it is not waited for.
        """
        settings, made = _as_made(self._settings, generation.made), generation.made
        guards: list[Guard] = []
        embedder: Embedder
        if why := self.unusable or _keyless(settings):
            embedder = AbsentEmbedder(made.provider, made.model, made.dims, why)
        else:
            embedder = guarded = open_embedder(settings, self._ledger)
            guards.extend(guarded.guards)
        guard = None
        if made.server is not None:
            limiter = AsyncLimiter(QDRANT_CALLS_A_SECOND, 1)
            probe = partial(qdrant_ready, made.server)
            guard = Guard("qdrant", limiter=limiter, timeout=QDRANT_SECONDS, breaker=Breaker(), probe=probe)
            guards.append(guard)
        self._guards.extend(guards)
        try:
            async with open_index(
                data_dir=settings.data_dir,
                embedder=embedder,
                installation=self._installation,
                models=_models(settings),
                server=self._server(generation),
                generation=generation.number,
                layout=layout_of(settings),
                guard=guard,
                fresh=fresh,
                patient=self._patient,
            ) as index:
                yield index
        finally:
            for one in guards:
                self._guards.remove(one)
            await embedder.aclose()

    async def remove(self, generation: Generation) -> None:
        """Remove a generation that is closed.

        Raises:
            ServiceError: its server does not answer, or declined.
        """
        await remove_index(self._settings.data_dir, generation, self._server(generation))

    async def publish(self, generation: Generation) -> bool:
        """Have the alias on its server name the generation in use; False where something else has that name.

        Raises:
            ServiceError: its server does not answer, or declined.
        """
        return await publish_index(generation, self._server(generation))

    async def spread(self, generation: Generation) -> str:
        """How a generation is spread over its cluster otherwise than the settings want; empty where it is not.

        Raises:
            ServiceError: its server does not answer, or declined.
        """
        there = await spread_of(generation, self._server(generation))
        return "" if there is None else layout_of(self._settings).differs(there)

    def _server(self, generation: Generation) -> QdrantAddress | None:
        if generation.made.server is None:
            return None
        return QdrantAddress(url=generation.made.server, api_key=_qdrant_key(self._settings))


async def qdrant_ready(place: str) -> None:
    """Qdrant's health check, which takes no key; versions that have none are taken to be there.

    Raises:
        ServiceUnavailable: it does not answer, or not all of its shards are ready.
    """
    try:
        async with httpx.AsyncClient(timeout=PROBE_SECONDS) as client:
            status = (await client.get(f"{place}/readyz")).status_code
    except httpx.HTTPError as error:
        raise ServiceUnavailable("qdrant", type(error).__name__) from None
    if httpx.codes.is_server_error(status):
        raise ServiceUnavailable("qdrant", f"HTTP {status}")


def open_embedder(settings: Settings, ledger: Ledger) -> GuardedEmbedder | PooledEmbedder:
    """The embedder of the settings, guarded and counted."""
    name, dims = settings.embedding_model, settings.embedding_dims
    tally = embedding_tally(ledger, settings.embedding_provider.value, name)
    embedder: Embedder
    match settings.embedding_provider:
        case EmbeddingProvider.OPENAI:
            key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else None
            embedder = OpenAIEmbedder(key, name, dims, base_url=settings.openai_base_url, tally=tally)
        case EmbeddingProvider.OLLAMA:
            return _on_ollama(settings, ledger, tally)
        case EmbeddingProvider.FASTEMBED:
            cache = settings.data_dir / "fastembed"
            embedder = FastEmbedEmbedder(name, dims, cache_dir=str(cache), tally=tally)
    return GuardedEmbedder(embedder, _guard(), ledger)


def _on_ollama(settings: Settings, ledger: Ledger, tally: Tally) -> GuardedEmbedder | PooledEmbedder:
    """Ollama's embedder, or one for each of its hosts."""
    urls = settings.ollama_base_url
    several = len(urls) > 1
    hosts: list[Host[Embedder]] = []
    for url in urls:
        embedder = OllamaEmbedder(url, settings.embedding_model, settings.embedding_dims, tally=tally)
        guard = _guard(probe=embedder.check_lightly, host=host_name(url) if several else None)
        if not several:
            return GuardedEmbedder(embedder, guard, ledger)
        hosts.append(Host(embedder, guard, settings.ollama_concurrency + SPARE_PLACES))
    return PooledEmbedder(Pool("embeddings", hosts), ledger)


def _guard(*, probe: Callable[[], Awaitable[None]] | None = None, host: str | None = None) -> Guard:
    """What stands before an embedder. OpenAI has no health check that is free: one real call tries it again."""
    pooled = host is not None
    return Guard(
        "embeddings",
        limiter=AsyncLimiter(EMBEDDING_CALLS_A_SECOND, 1),
        timeout=EMBEDDING_SECONDS,
        breaker=Breaker(threshold=FAILURES_TO_OPEN) if pooled else Breaker(),
        retries=0 if pooled else 2,
        probe=probe,
        host=host,
    )


def _as_made(settings: Settings, made: Made) -> Settings:
    """The settings as they were when an index was made."""
    then = {
        "embedding_provider": EmbeddingProvider(made.provider),
        "embedding_model": made.model,
        "embedding_dims": made.dims,
    }
    return settings.model_copy(update=then)


def why_not_embedding(settings: Settings) -> str:
    """Why nothing can be embedded with these settings; empty where something can."""
    return _keyless(settings) if settings.mem0_enabled else "MEM0_ENABLED=false"


def _keyless(settings: Settings) -> str:
    """Why nothing can be embedded for want of a key; empty where none is wanting."""
    wants_key = settings.embedding_provider is EmbeddingProvider.OPENAI
    return "OPENAI_API_KEY is not set" if wants_key and not settings.has_openai_key else ""


def _models(settings: Settings) -> HybridModels:
    ollama = settings.mem0_llm_provider is LLMProvider.OLLAMA
    return HybridModels(
        provider=settings.mem0_llm_provider.value,
        model=settings.ollama_model if ollama else settings.openai_llm_model,
        ollama_base_url=settings.ollama_base_url[0],
    )


def layout_of(settings: Settings) -> Layout:
    """How a new collection is to be spread over a Qdrant cluster."""
    return Layout(
        settings.mem0_qdrant_shard_number,
        settings.mem0_qdrant_replication_factor,
        settings.mem0_qdrant_write_consistency_factor,
    )


def _address(settings: Settings) -> QdrantAddress | None:
    if not settings.uses_qdrant_server:
        return None
    return QdrantAddress(
        settings.mem0_qdrant_url, settings.mem0_qdrant_host, settings.mem0_qdrant_port, _qdrant_key(settings)
    )


def _qdrant_key(settings: Settings) -> str | None:
    return settings.mem0_qdrant_api_key.get_secret_value() if settings.mem0_qdrant_api_key else None
