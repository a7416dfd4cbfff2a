"""Opens embedders and generations of the vector index as the settings say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import httpx
from aiolimiter import AsyncLimiter

from bot.domain import ServiceUnavailable, StartupError, Trouble
from bot.index.generations import FOLDER, Generation, Generations, Made
from bot.index.layout import Layout, QdrantAddress
from bot.index.opening import HybridModels, open_index, publish_index, remove_index, spread_of
from bot.llm import PROBE_SECONDS, AbsentEmbedder, Breaker, Embedder, Guard, Wire, open_embedder, providers_of
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.index.mem0_index import Mem0Index
    from bot.llm import Ledger
    from bot.storage import Installation

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
        self,
        settings: Settings,
        ledger: Ledger,
        installation: Installation,
        guards: list[Guard],
        *,
        patient: bool,
        makes: bool,
    ) -> None:
        self.generations = Generations(installation)
        self._settings = settings
        self._ledger = ledger
        self._installation = installation
        self._guards = guards
        self._patient = patient
        self._makes = makes

    @property
    def wanted(self) -> Made:
        """How the settings want the index to be."""
        settings = self._settings
        address = qdrant_of(settings)
        return Made(
            settings.embedding_provider,
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
        if why := self.unusable or why_not_embedding(settings):
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
                makes=self._makes,
            ) as index:
                yield index
        finally:
            for guard in guards:
                self._guards.remove(guard)
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
        spread = await spread_of(generation, self._server(generation))
        return "" if spread is None else layout_of(self._settings).differs(spread)

    def _server(self, generation: Generation) -> QdrantAddress | None:
        if generation.made.server is None:
            return None
        return QdrantAddress(url=generation.made.server, api_key=_qdrant_key(self._settings))


async def qdrant_ready(place: str) -> None:
    """Qdrant's health check, which takes no key; versions that have none are taken to be there.

    Raises:
        ServiceUnavailable: it does not answer, or not all of its shards are ready.
    """
    server = QdrantAddress(url=place).server
    try:
        async with httpx.AsyncClient(timeout=PROBE_SECONDS) as client:
            status = (await client.get(f"{place}/readyz")).status_code
    except httpx.HTTPError as error:
        failure = Wire(httpx).failure(error, "qdrant", server)
        raise ServiceUnavailable("qdrant", failure.what, failure.todo) from None
    if httpx.codes.is_server_error(status):
        raise ServiceUnavailable("qdrant", *server.words(Trouble.BUSY, status=status))


def _as_made(settings: Settings, made: Made) -> Settings:
    """The settings as they were when an index was made."""
    then = {"embedding_provider": made.provider, "embedding_model": made.model, "embedding_dims": made.dims}
    return settings.model_copy(update=then)


def why_not_embedding(settings: Settings) -> str:
    """Why nothing can be embedded with these settings; empty where something can."""
    if not settings.mem0_enabled:
        return "MEM0_ENABLED=false"
    try:
        return providers_of(settings).embedder(settings).lacks
    except StartupError as error:  # of an index that another version made
        return str(error)


def _models(settings: Settings) -> HybridModels:
    providers = providers_of(settings)
    model, label = providers.model(settings), settings.embedding_provider
    names = {embedder.label: embedder.mem0_name for embedder in providers.embedders}
    return HybridModels(model.mem0_name, model.mem0_config, names.get(label, label))


def layout_of(settings: Settings) -> Layout:
    """How a new collection is to be spread over a Qdrant cluster."""
    return Layout(
        settings.mem0_qdrant_shard_number,
        settings.mem0_qdrant_replication_factor,
        settings.mem0_qdrant_write_consistency_factor,
    )


def qdrant_of(settings: Settings) -> QdrantAddress | None:
    """The Qdrant server of the settings; None for the embedded index."""
    if not settings.uses_qdrant_server:
        return None
    return QdrantAddress(
        settings.mem0_qdrant_url, settings.mem0_qdrant_host, settings.mem0_qdrant_port, _qdrant_key(settings)
    )


def _qdrant_key(settings: Settings) -> str | None:
    return settings.mem0_qdrant_api_key.get_secret_value() if settings.mem0_qdrant_api_key else None
