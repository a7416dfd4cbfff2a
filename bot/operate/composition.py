"""Opens what operators see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

from bot.domain import Clock, LostIndex, system_clock
from bot.guilds import Guilds
from bot.index import Backlog, IndexServices, MessageVectors, Vectors, count_expected
from bot.llm import Ledger, ModelServices, open_embedder
from bot.operate.activity import Activity
from bot.operate.capacity import Load, look_at_load
from bot.operate.doctor import Doctor, StoreFacts, look_into, waiting_for_index
from bot.operate.embedding_check import EmbeddingFacts, examine_embedder
from bot.operate.index_check import IndexFacts
from bot.operate.status import Status
from bot.operate.traffic import GuildTraffic, Traffic
from bot.operate.troubles import Troubles
from bot.operate.waiting import Delays, delay_report
from bot.remember import Refusals, prove_calls
from bot.settings import Settings
from bot.storage import Database, Installation, open_store


def open_status(
    db: Database,
    models: ModelServices,
    index: IndexServices,
    traffic: Traffic,
    clock: Clock,
    troubles: Troubles,
) -> Status:
    """What an admin is shown of costs, services and the last thirty days; `troubles` are the background parts'."""
    status = Status(
        activity=Activity(db),
        traffic=traffic,
        ledger=models.ledger,
        prices=models.prices,
        guards=models.guards,
        indexer=index.indexer,
        delays=delay_report(db, clock, index.indexer.changes, troubles),
        refusals=Refusals(db, clock),
        clock=clock,
    )
    status.fallback = models.fallback
    return status


def doctor_of(settings: Settings, bot_runs: Callable[[], Awaitable[bool]]) -> Doctor:
    """A doctor whose checks open the real things, one at a time; `bot_runs` takes the lock for a moment."""

    async def store() -> StoreFacts:
        async with open_store(settings) as db:
            return await look_into(db, settings.data_dir)

    async def load() -> Load:
        async with open_store(settings) as db:
            return await look_at_load(db, settings.data_dir, system_clock)

    async def traffic() -> tuple[list[GuildTraffic], dict[int, str]]:
        async with open_store(settings) as db:
            return await Traffic(db, system_clock).by_guild(), await Guilds(db, system_clock).names()

    async def index() -> IndexFacts:
        async with AsyncExitStack() as stack:
            db = await stack.enter_async_context(open_store(settings))
            ledger = Ledger(db, system_clock)
            vectors = Vectors(settings, db, ledger, [], system_clock, patient=False, makes=False)
            state = await vectors.generations.load(vectors.wanted)
            try:
                held = await stack.enter_async_context(vectors.open(state.in_use, False))
            except LostIndex:
                if await vectors.is_copy(state.in_use):  # its original filled the index anew
                    return IndexFacts(0, 0, 0, 0, is_copy=True, others=await vectors.others(state.in_use))
                if await vectors.generations.known() is not None:
                    raise
                return IndexFacts(0, 0, 0, 0)  # nothing has made one yet
            spread = await vectors.spread(state.in_use)
            expected = await count_expected(db, MessageVectors(db, Installation(db), system_clock))
            return IndexFacts(
                await held.count(),
                expected,
                await held.strangers(),
                await waiting_for_index(db),
                spread,
                await vectors.is_copy(state.in_use),
                await vectors.others(state.in_use),
            )

    async def embed() -> EmbeddingFacts:
        async with open_store(settings) as db:
            embedder = open_embedder(settings, Ledger(db, system_clock))
            try:
                return await examine_embedder(embedder)
            finally:
                await embedder.aclose()

    async def prove() -> None:
        async with open_store(settings) as db:
            await prove_calls(settings, db)

    return Doctor(
        settings,
        store=store,
        load=load,
        traffic=traffic,
        index=index,
        embed=embed,
        prove=prove,
        bot_runs=bot_runs,
        delays=partial(look_for_delays, settings),
    )


async def look_for_delays(settings: Settings) -> Delays:
    """What is not done, though it was tried; may be asked beside a running bot.

    Raises:
        StartupError: the database can't be opened.
    """
    async with open_store(settings) as db:
        return await delay_report(db, system_clock, Backlog(db, system_clock)).look()
