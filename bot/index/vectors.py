"""Opens embedders and generations of the vector index as the settings say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import httpx
from aiolimiter import AsyncLimiter

from bot.domain import ServiceRejected, ServiceUnavailable, StartupError, Trouble
from bot.index.claim import Standing
from bot.index.generations import FOLDER, Generation, Generations, Made
from bot.index.keeper import IS_ANOTHERS
from bot.index.known import known_points
from bot.index.layout import Home, Layout, QdrantAddress
from bot.index.opening import (
    HybridModels,
    make_collection,
    numbers_on,
    open_index,
    publish_index,
    put_number,
    remove_index,
    spread_of,
)
from bot.index.others import OtherIndex, indexes_on
from bot.index.owner import IndexOwner
from bot.llm import PROBE_SECONDS, AbsentEmbedder, Breaker, Embedder, Guard, Wire, open_embedder, providers_of
from bot.settings import Settings
from bot.storage import Installation

if TYPE_CHECKING:
    from bot.domain import Clock
    from bot.index.claim import ClaimNumber, Numbers
    from bot.index.generations import GenerationState
    from bot.index.mem0_index import Mem0Index
    from bot.llm import Ledger, SharedServer
    from bot.storage import Database

log = logging.getLogger(__name__)

QDRANT_CALLS_A_SECOND = 50
"""Searches and writes; far below what a Qdrant server takes, and above what one bot asks for."""

QDRANT_SECONDS = 30.0
"""One request to a Qdrant server, a write of 2,048 vectors included."""


class Vectors:
    """Opens and removes generations of the index.

    Attributes:
        generations: which of them are in use and to come.
        owner: whose they are on a Qdrant server.

    Args:
        settings: checked settings.
        db: remembers the generations, and whose they are.
        ledger: counts embedding calls.
        guards: gets the guards of whatever is open.
        clock: the local clock.
        shared: says who goes first where the language model embeds on the same server.
        patient: begin although a service is down, and use it when it is back.
        makes: make the embedded index where it does not exist; not where it is only read.
    """

    def __init__(
        self,
        settings: Settings,
        db: Database,
        ledger: Ledger,
        guards: list[Guard],
        clock: Clock,
        *,
        patient: bool,
        makes: bool,
        shared: SharedServer | None = None,
    ) -> None:
        self._installation = Installation(db)
        self.generations = Generations(self._installation)
        self.owner = IndexOwner(db)
        self._settings = settings
        self._db = db
        self._ledger = ledger
        self._clock = clock
        self._guards = guards
        self._patient = patient
        self._makes = makes
        self._shared = shared

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
    def may_exist(self) -> bool:
        """Whether there may be an index."""
        return self._settings.uses_qdrant_server or any(self._settings.data_dir.glob(f"{FOLDER}*"))

    @property
    def unusable(self) -> str:
        """Why nothing can be embedded with these settings; empty where something can."""
        return why_not_embedding(self._settings)

    @asynccontextmanager
    async def open(self, generation: Generation, fresh: bool) -> AsyncIterator[Mem0Index]:
        """Open a generation for the time of the block; `fresh`: empty, and made where it does not exist.

        Else a collection is made by the keeper alone, once it is this database's (see `make`).

        Raises:
            StartupError: model, size of the vectors and index disagree, or another process holds it (InUse).
            ServiceError: a service is down, and it is not waited for; or another database holds what is to be emptied.
        """
        if fresh and await self.is_held_by_another(generation):
            raise ServiceRejected("qdrant", f"index {generation.number} on the server is not emptied: {IS_ANOTHERS}")
        settings, made = _as_made(self._settings, generation.made), generation.made
        guards: list[Guard] = []
        embedder: Embedder
        if why := self.unusable or why_not_embedding(settings):
            embedder = AbsentEmbedder(made.provider, made.model, made.dims, why)
        else:
            embedder = guarded = open_embedder(settings, self._ledger, self._shared)
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
                home=await self._home(generation),
                generation=generation.number,
                layout=layout_of(settings),
                guard=guard,
                fresh=fresh,
                patient=self._patient,
                makes=fresh or (self._makes and made.server is None),
            ) as index:
                yield index
        finally:
            for guard in guards:
                self._guards.remove(guard)
            await embedder.aclose()

    async def remove(self, generation: Generation) -> None:
        """Remove a generation that is closed; one that another database with the same id holds is left to that.

        Raises:
            ServiceError: its server does not answer, or declined.
        """
        if await self.is_held_by_another(generation):
            log.warning("Index %d in %s is not removed: %s", generation.number, generation.made.server, IS_ANOTHERS)
            return
        await remove_index(self._settings.data_dir, generation, await self._home(generation))

    async def publish(self, generation: Generation) -> bool:
        """Have the alias on its server name the generation in use; False where something else has that name.

        Raises:
            ServiceError: its server does not answer, or declined.
        """
        return await publish_index(generation, await self._home(generation))

    async def spread(self, generation: Generation) -> str:
        """How a generation is spread over its cluster otherwise than the settings want; empty where it is not.

        Raises:
            ServiceError: its server does not answer, or declined.
        """
        spread = await spread_of(generation, await self._home(generation))
        return "" if spread is None else layout_of(self._settings).differs(spread)

    async def is_copy(self, generation: Generation) -> bool:
        """Whether another database with the same id holds a generation, as its keeper last found it."""
        return generation.made.server is not None and (await self.owner.load()).standing is Standing.COPY

    async def others(self, generation: Generation) -> list[OtherIndex]:
        """What other installations have on a generation's server.

        Raises:
            ServiceError: its server does not answer, or declined.
        """
        home = await self._home(generation)
        if home is None:
            return []
        return [index for owner, index in (await indexes_on(home.address)).items() if owner != home.owner]

    async def numbers(self, generation: Generation) -> Numbers:
        """The numbers in all collections of the installation on a generation's server; none without a server.

        Raises:
            ServiceError: its server does not answer, or declined.
        """
        home = await self._home(generation)
        return {} if home is None else await numbers_on(home)

    async def make(self, generation: Generation) -> None:
        """Have a generation's collection on its server, laid out as this version wants it.

        Raises:
            StartupError: what is there in its place takes vectors of another size or kind.
            ServiceError: its server does not answer, or declined.
        """
        if (home := await self._home(generation)) is not None:
            await make_collection(generation, home, layout_of(self._settings))

    async def put_number(self, generation: Generation, number: ClaimNumber) -> None:
        """Leave a number in a generation's collection, where it has one.

        Raises:
            ServiceError: its server does not answer, or declined.
        """
        if (home := await self._home(generation)) is not None:
            await put_number(generation, home, number, self._clock())

    async def is_held_by_another(self, generation: Generation) -> bool:
        """Whether the number in a generation's collection is one that this database does not know.

        Raises:
            ServiceError: its server does not answer, or declined.
        """
        return await self._is_strange((await self.numbers(generation)).get(generation.number))

    async def following(self, state: GenerationState) -> Generation:
        """The generation that comes next; its number is no other collection's of this installation on the server.

        Raises:
            ServiceError: the server does not answer, or declined.
        """
        to_come = state.following(self.wanted)
        newest = max(await self.numbers(to_come), default=0)
        return replace(to_come, number=max(to_come.number, newest + 1))

    async def strays(self, state: GenerationState) -> tuple[Generation, ...]:
        """What the installation has on the server of its index and the database does not know, and nobody holds.

        An older database that was restored, or a snapshot of the server, leaves such collections behind: with what was
        erased since.

        Raises:
            ServiceError: the server does not answer, or declined.
        """
        made = state.in_use.made
        known = {generation.number for generation in state.all if generation.made.server == made.server}
        numbers = await self.numbers(state.in_use)
        unknown = [number for number in sorted(numbers) if number not in known]
        return tuple([Generation(number, made) for number in unknown if not await self._is_strange(numbers[number])])

    async def _is_strange(self, number: ClaimNumber | None) -> bool:
        return number is not None and not await self.owner.knows(number)

    async def _home(self, generation: Generation) -> Home | None:
        if generation.made.server is None:
            return None
        loop = asyncio.get_running_loop()

        def knows(ids: Sequence[str]) -> set[str]:
            return asyncio.run_coroutine_threadsafe(known_points(self._db, ids), loop).result()

        address = QdrantAddress(url=generation.made.server, api_key=_qdrant_key(self._settings))
        return Home(address, (await self.owner.load()).installation, knows)


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
