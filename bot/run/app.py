"""The composition root: opens every resource, wires the services, and closes all of it in order."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from aiolimiter import AsyncLimiter

from bot import __version__
from bot.domain import Clock, InUse, ServiceError, StartupError, Step, host_name, no_step, system_clock
from bot.forget import (
    Clerk,
    Erasure,
    PersonalData,
    Posts,
    Requests,
    Revisions,
    Traces,
    UnfinishedOptOuts,
    member_stores,
)
from bot.guilds import AuditTrail, Consents, Guilds, Observations, Policy, SubjectHasher, Threads
from bot.index import (
    GRACE_SECONDS,
    MOVING,
    Follower,
    Generations,
    Indexer,
    MessageVectors,
    Mover,
    NoIndex,
    Onlooker,
    Shelf,
    VectorIndex,
    Vectors,
    always_ready,
    open_embedder,
)
from bot.llm import (
    FAILURES_TO_OPEN,
    Breaker,
    FallbackModel,
    Guard,
    GuardedModel,
    Host,
    LanguageModel,
    Ledger,
    OllamaModel,
    OpenAIModel,
    Pool,
    PooledModel,
    PriceTable,
    load_prices,
)
from bot.memories import MemoryStore
from bot.observe import Directory, Intake, MessageLog
from bot.operate import (
    Activity,
    Doctor,
    GuildTraffic,
    Housekeeping,
    IndexFacts,
    Load,
    Metrics,
    Services,
    Status,
    StoreFacts,
    Traffic,
    look_at_load,
    look_into,
    waiting_for_index,
)
from bot.recall import NO_ANSWER, NO_MODEL, Answers, CatchUp, Recall
from bot.remember import (
    FIRST_WAIT_SECONDS,
    LONGEST_WAIT_SECONDS,
    PURPOSE,
    Applier,
    Chooser,
    Extractor,
    Flusher,
    FlushReport,
    Gate,
    Neighbours,
    Queue,
    Reconciler,
)
from bot.settings import EmbeddingProvider, LLMProvider, OllamaFallback, Settings
from bot.storage import Changes, Database, Installation, open_database
from bot.text import FullText

log = logging.getLogger(__name__)

MODEL_CALLS_A_SECOND = 4
"""Extraction calls to a language model; one 8B model on a gaming card answers about one every two seconds."""

MODEL_SECONDS = 180.0
"""One answer of a language model, its loading included."""


@dataclass(slots=True, kw_only=True)
class App:
    """The wired program.

    Attributes:
        index: what recall searches by meaning; a NoIndex where there is none.
        changes: brings what other processes changed; None where the database has one bot alone.
        follower: keeps to the index that is in use; None where there is none.
        mover: fills the index anew where settings or somebody ask for it; None where there is no index.
        flusher: None where no language model is in use.
        metrics: what happened since the start.
        traffic: what comes in and what waits, by server.
        guards: one for each use of an outside service.
        prices: what tokens cost.
        notes: one line for each thing that is done without, for people.
    """

    settings: Settings
    db: Database
    log: MessageLog
    directory: Directory
    store: MemoryStore
    index: VectorIndex
    indexer: Indexer
    follower: Follower | None
    mover: Mover | None
    recall: Recall
    erasure: Erasure
    intake: Intake
    flusher: Flusher | None
    ledger: Ledger
    housekeeping: Housekeeping
    clerk: Clerk
    changes: Changes | None
    services: Services
    metrics: Metrics
    traffic: Traffic
    prices: PriceTable
    guards: list[Guard]
    notes: list[str] = field(default_factory=list)


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    extract: bool,
    answer: bool = False,
    patient: bool = False,
    damaged_index: bool = False,
    leads: bool = False,
    clock: Clock = system_clock,
    step: Step = no_step,
) -> AsyncIterator[App]:
    """Open the program for the time of the block.

    Args:
        settings: checked settings.
        extract: whether memories are to be made; needs a language model.
        answer: whether questions are to be answered; needs one as well, and is done without where there is none.
        patient: what is not there now is waited for (the running bot); otherwise it is done without, with a note (the
            command line).
        damaged_index: go on where the index can't be opened, to fill it anew.
        leads: whether this process decides for all whether the index is to hold messages; others follow: workers, the
            bots without shard 0, and commands.
        clock: the local clock.
        step: told each step of `bot.domain.crash_points` as it is reached.

    Raises:
        StartupError: a setting, the database or the index is at fault.
    """
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(open_store(settings))
        app = await _wire(stack, settings, db, Ways(extract, answer, patient, damaged_index, leads), clock, step)
        stack.push_async_callback(app.ledger.flush)
        yield app


@dataclass(frozen=True, slots=True)
class Ways:
    """How the program is opened: see `open_app`."""

    extract: bool
    answer: bool
    patient: bool
    damaged_index: bool
    leads: bool


Watch = Callable[[Guard], None]
"""Told each guard, for status and metrics."""


def _nobody_watches(guard: Guard) -> None:
    """Tell nobody."""


def _to_all(metrics: Metrics, status: Status, ledger: Ledger, model: LanguageModel) -> Callable[[FlushReport], None]:
    """Tells metrics, status and ledger of each flush."""

    def told(report: FlushReport) -> None:
        metrics.flushed(report)
        status.flushed(report)
        ledger.settled(model.provider, model.model, PURPOSE, report.messages)

    return told


async def _wire(stack: AsyncExitStack, settings: Settings, db: Database, ways: Ways, clock: Clock, step: Step) -> App:
    notes: list[str] = []
    guards: list[Guard] = []
    metrics = Metrics(__version__)
    prices = load_prices(settings.prices_file)
    fulltext = FullText(db.dialect)
    hasher = await SubjectHasher.load(db)
    consents = Consents(db, hasher, clock)
    await consents.load()
    observations = Observations(db, clock)
    await observations.load()
    directory = Directory(db)
    ledger = Ledger(db, clock, metrics.called)
    installation = Installation(db)
    vectors = Vectors(settings, ledger, installation, guards, patient=ways.patient)
    message_vectors = MessageVectors(db, installation, clock)
    embed, can_embed = settings.embed_messages and settings.mem0_enabled, not vectors.unusable
    if ways.leads:
        await message_vectors.load(wanted=embed and can_embed, remove=ways.patient and not embed)
    else:
        await message_vectors.follow()
    log = MessageLog(db, fulltext, consents, clock, message_vectors.changed)
    store = MemoryStore(db, fulltext, log, clock, announce=lambda: indexer.wake())
    shelf = Shelf(vectors.open)
    stack.push_async_callback(shelf.aclose)
    found = await _index(settings, vectors, shelf, ways, notes)
    follower = found if isinstance(found, Follower) else None
    index = found.switch if isinstance(found, Follower) else found
    ready = always_ready if follower is None else follower.ready
    indexer = Indexer(db, index, store, directory, clock, message_vectors, step, ready)
    several = db.dialect == "postgresql"  # processes, perhaps
    mover = None
    if follower is not None:
        mover = Mover(
            db=db,
            generations=vectors.generations,
            wanted=vectors.wanted,
            follower=follower,
            shelf=shelf,
            remove=vectors.remove,
            publish=vectors.publish,
            indexer=indexer,
            clock=clock,
            grace_seconds=GRACE_SECONDS if several else 0,
            step=step,
        )
    traffic = Traffic(db, clock)
    status = Status(
        activity=Activity(db),
        traffic=traffic,
        ledger=ledger,
        prices=prices,
        guards=guards,
        indexer=indexer,
        clock=clock,
    )
    flusher, answers = None, Answers(None, why_not=NO_ANSWER if settings.mem0_enabled else NO_MODEL)
    wanted = ways.extract or ways.answer
    own_model = await _usable_model(stack, settings, ledger, ways, notes) if wanted else None
    if own_model is not None:
        guards.extend(own_model.guards)
        model, longest_wait = _with_fallback(stack, settings, own_model, ledger, prices, clock, guards.append)
        answers = Answers(model, at_once=answers_at_once(settings), zone=settings.zone)
        if isinstance(model, FallbackModel):
            status.fallback = model
    if own_model is not None and ways.extract:
        queue = Queue(db, clock, _owner(), lease_time=db.time, longest_wait_seconds=longest_wait)
        flusher = Flusher(
            queue=queue,
            applier=Applier(db, queue, store, consents, step),
            extractor=Extractor(model, Gate(), settings.zone),
            reconciler=Reconciler(queue, Neighbours(db, store, fulltext, index), Chooser(model)),
            indexer=indexer,
            directory=directory,
            consents=consents,
            flush_interval=settings.flush_interval_seconds,
            flush_batch_size=settings.flush_batch_size,
            concurrency=flushes_at_once(settings),
            told=_to_all(metrics, status, ledger, model),
            step=step,
        )
    posts = Posts(db, clock)
    stores = member_stores(db, store, consents, directory, index, posts)
    traces = Traces(db, settings.data_dir)
    erasure = Erasure(db, fulltext, store, indexer, hasher, clock, traces=traces, stores=stores)
    revisions = Revisions(db, fulltext, store, indexer, consents)
    intake = Intake(log, revisions, erasure, step=step)
    recall = Recall(db, fulltext, index, directory, store, clock, metrics.recalled, message_vectors, settings.zone)
    guilds = Guilds(db, clock)
    services = Services(
        clock=clock,
        installation=installation,
        guilds=guilds,
        observations=observations,
        threads=Threads(db),
        consents=consents,
        directory=directory,
        log=log,
        intake=intake,
        store=store,
        erasure=erasure,
        personal=PersonalData(erasure, stores),
        posts=posts,
        audit=AuditTrail(db, clock),
        recall=recall,
        answers=answers,
        catchup=CatchUp(db, store),
        flusher=flusher,
        policy=policy_of(settings),
        status=status,
        flushes=settings.flush_in_bot,
        zone=settings.zone,
        observe_channels=settings.observe_channels,
        leads=settings.leads,
        sweep_requests_per_minute=settings.sweep_requests_per_minute,
    )
    housekeeping = Housekeeping(
        erasure=erasure,
        guilds=guilds,
        log=log,
        ledger=ledger,
        clock=clock,
        retention_days=settings.message_retention_days,
        rules=consents.rules,
        audit=services.audit,
    )
    loads = [consents.load, observations.load, message_vectors.follow]
    if follower is not None:
        loads.append(follower.told)
    changes = Changes(db, installation, loads) if several else None
    unfinished = UnfinishedOptOuts(db, consents, services.personal)
    pending = Requests(db, clock)
    clerk = Clerk(pending, services.personal, services.audit, before=intake.drain, at_start=unfinished.finish)
    return App(
        settings=settings,
        db=db,
        log=log,
        directory=directory,
        store=store,
        index=index,
        indexer=indexer,
        follower=follower,
        mover=mover,
        recall=recall,
        erasure=erasure,
        intake=intake,
        flusher=flusher,
        ledger=ledger,
        housekeeping=housekeeping,
        clerk=clerk,
        changes=changes,
        services=services,
        metrics=metrics,
        traffic=traffic,
        prices=prices,
        guards=guards,
        notes=notes,
    )


async def _usable_model(
    stack: AsyncExitStack, settings: Settings, ledger: Ledger, ways: Ways, notes: list[str]
) -> GuardedModel | PooledModel | None:
    """The language model; None, with a note, where it does not answer and is not waited for."""
    if not settings.mem0_enabled:
        notes.append("MEM0_ENABLED=false: no memories are made, messages are searched by words")
        return None
    model = open_model(settings, ledger)
    stack.push_async_callback(model.aclose)
    if not ways.patient:
        try:
            await model.check()
        except ServiceError as error:
            without = "No memories were made" if ways.extract else "No question is answered"
            notes.append(f"{without}: {error}. Messages wait, and are searched by words")
            return None
    return model


def open_model(settings: Settings, ledger: Ledger) -> GuardedModel | PooledModel:
    """The language model of the settings, guarded and counted; on several hosts where Ollama has several."""
    if settings.mem0_llm_provider is LLMProvider.OPENAI:
        name = settings.openai_llm_model
        return guarded(OpenAIModel(_key(settings), name, base_url=settings.openai_base_url), ledger)
    models = [OllamaModel(url, settings.ollama_model) for url in settings.ollama_base_url]
    if len(models) == 1:
        return guarded(models[0], ledger)
    hosts: list[Host[LanguageModel]] = [
        Host(model, _host_guard(model, host_name(url)), settings.ollama_concurrency)
        for model, url in zip(models, settings.ollama_base_url, strict=True)
    ]
    return PooledModel(Pool(OllamaModel.provider, hosts), ledger)


def guarded(model: LanguageModel, ledger: Ledger) -> GuardedModel:
    """A model whose calls wait their turn, are retried, and are counted."""
    guard = Guard(
        model.provider,
        limiter=AsyncLimiter(MODEL_CALLS_A_SECOND, 1),
        timeout=MODEL_SECONDS,
        breaker=Breaker(),
        probe=model.check,
    )
    return GuardedModel(model, guard, ledger)


def _host_guard(model: LanguageModel, host: str) -> Guard:
    """What stands before one of several hosts: another host takes its place of a retry."""
    return Guard(
        model.provider,
        limiter=AsyncLimiter(MODEL_CALLS_A_SECOND, 1),
        timeout=MODEL_SECONDS,
        breaker=Breaker(threshold=FAILURES_TO_OPEN),
        retries=0,
        probe=model.check,
        host=host,
    )


def flushes_at_once(settings: Settings) -> int:
    """Channels that are worked on side by side: as many as the hosts of the model have places."""
    if settings.mem0_llm_provider is LLMProvider.OPENAI:
        return 1
    return len(settings.ollama_base_url) * settings.ollama_concurrency


def answers_at_once(settings: Settings) -> int:
    """Questions that are answered side by side: on hosts of Ollama as many as channels are worked on."""
    if settings.mem0_llm_provider is LLMProvider.OPENAI:
        return MODEL_CALLS_A_SECOND
    return flushes_at_once(settings)


def _with_fallback(
    stack: AsyncExitStack,
    settings: Settings,
    model: GuardedModel | PooledModel,
    ledger: Ledger,
    prices: PriceTable,
    clock: Clock,
    watch: Watch,
) -> tuple[LanguageModel, float]:
    """The model with what OLLAMA_FALLBACK puts behind it, and the longest wait between two tries of a batch.

    Raises:
        StartupError: the price of what would take over is not known, so its budget could not be kept.
    """
    if settings.mem0_llm_provider is not LLMProvider.OLLAMA or settings.ollama_fallback is OllamaFallback.QUEUE:
        return model, LONGEST_WAIT_SECONDS
    substitute = None
    if settings.may_fall_back_to_openai:
        name = settings.openai_llm_model
        if prices.cost("openai", name, 1, 1) is None:
            raise StartupError(
                f"OLLAMA_FALLBACK=openai: the price of {name} is not known, so FALLBACK_DAILY_BUDGET_USD could not be "
                "kept; name it in PRICES_FILE, or set OPENAI_LLM_MODEL to a model with a price"
            )
        substitute = guarded(OpenAIModel(_key(settings), name, base_url=settings.openai_base_url), ledger)
        stack.push_async_callback(substitute.aclose)
        watch(substitute.guard)
    fallback = FallbackModel(
        model,
        substitute,
        after_seconds=settings.fallback_after_seconds,
        daily_budget=settings.fallback_daily_budget_usd,
        ledger=ledger,
        prices=prices,
        clock=clock,
    )
    return fallback, min(LONGEST_WAIT_SECONDS, max(FIRST_WAIT_SECONDS, settings.fallback_after_seconds))


async def _index(
    settings: Settings, vectors: Vectors, shelf: Shelf, ways: Ways, notes: list[str]
) -> Follower | NoIndex:
    """What keeps the vector index; one that can't be had is done without, with a note, where it is not waited for."""
    there, why = vectors.there, vectors.unusable
    if why and settings.mem0_enabled:
        notes.append(f"Memories are searched by words alone: {why}")
    if why and (not there or not ways.patient):
        return NoIndex(why, holds_nothing=not there)
    follower = Follower(vectors.generations, vectors.wanted, shelf)
    try:
        await follower.start(damaged=ways.damaged_index)
    except InUse:
        if ways.patient:
            raise
        notes.append("The bot is running and holds the index: memories are searched by words alone")
        return NoIndex("the bot is running", holds_nothing=False)
    except StartupError as error:
        if not why:
            raise
        log.warning("What was made before waits in the index to be forgotten: %s", error)
        return NoIndex(why, holds_nothing=False)
    except ServiceError as error:
        notes.append(f"Memories are searched by words alone: {error}")
        return NoIndex(str(error), holds_nothing=False)
    return follower


def doctor_of(settings: Settings) -> Doctor:
    """A doctor whose checks open the real things, one at a time."""

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
            vectors = Vectors(settings, Ledger(db, system_clock), Installation(db), [], patient=False)
            state = await vectors.generations.load(vectors.wanted)
            held = await stack.enter_async_context(vectors.open(state.in_use, False))
            spread = await vectors.spread(state.in_use)
            return IndexFacts(await held.count(), await held.strangers(), await waiting_for_index(db), spread)

    async def embed() -> None:
        async with open_store(settings) as db:
            embedder = open_embedder(settings, Ledger(db, system_clock))
            try:
                await embedder.check()
            finally:
                await embedder.aclose()

    return Doctor(settings, store=store, load=load, traffic=traffic, index=index, embed=embed)


@asynccontextmanager
async def open_queue(settings: Settings) -> AsyncIterator[Queue]:
    """The work queue alone, which may be opened beside a running bot.

    Raises:
        StartupError: the database can't be opened.
    """
    async with open_store(settings) as db:
        yield Queue(db, system_clock, _owner(), lease_time=db.time)


@asynccontextmanager
async def open_generations(settings: Settings) -> AsyncIterator[Onlooker]:
    """How filling the index anew stands; may be opened beside a running bot.

    Raises:
        StartupError: the database can't be opened.
    """
    async with open_store(settings) as db:
        yield Onlooker(db, Generations(Installation(db)))


@asynccontextmanager
async def moving_alone(settings: Settings) -> AsyncIterator[bool]:
    """Keep running bots, wherever they are, from filling the index anew; False where one of them sees to that.

    Raises:
        StartupError: the database can't be opened.
    """
    async with open_store(settings) as db, db.alone(MOVING, wait=False) as held:
        yield held


@asynccontextmanager
async def personal_data(settings: Settings) -> AsyncIterator[PersonalData]:
    """What is held of members, to be given; may be opened beside a running bot.

    Raises:
        StartupError: the database can't be opened.
    """
    async with open_store(settings) as db:
        fulltext, hasher = FullText(db.dialect), await SubjectHasher.load(db)
        consents = Consents(db, hasher, system_clock)
        await consents.load()
        directory, index = Directory(db), NoIndex("it is not needed", holds_nothing=False)
        store = MemoryStore(db, fulltext, MessageLog(db, fulltext, consents, system_clock), system_clock)
        message_vectors = MessageVectors(db, Installation(db), system_clock)
        indexer = Indexer(db, index, store, directory, system_clock, message_vectors)
        stores = member_stores(db, store, consents, directory, index, Posts(db, system_clock))
        traces = Traces(db, settings.data_dir)
        erasure = Erasure(db, fulltext, store, indexer, hasher, system_clock, traces=traces, stores=stores)
        yield PersonalData(erasure, stores)


def _key(settings: Settings) -> str | None:
    return settings.openai_api_key.get_secret_value() if settings.openai_api_key else None


def database_address(settings: Settings) -> str | None:
    """DATABASE_URL as it is given, its password included; None for the default."""
    return settings.database_url.get_secret_value() if settings.database_url else None


def data_key(settings: Settings) -> str | None:
    """DATA_KEY, for whoever opens the database."""
    return settings.data_key.get_secret_value() if settings.data_key else None


def open_store(settings: Settings) -> AbstractAsyncContextManager[Database]:
    """The database of the settings, for the time of a block; see `open_database`."""
    return open_database(database_address(settings), settings.data_dir, key=data_key(settings))


def _owner() -> str:
    """A name for this process that no other has, for leases."""
    return f"{os.getpid()}-{secrets.token_hex(8)}"


PROVIDER_NAMES = {
    EmbeddingProvider.OPENAI: "OpenAI",
    EmbeddingProvider.OLLAMA: "Ollama",
    EmbeddingProvider.FASTEMBED: "FastEmbed",
}


def policy_of(settings: Settings) -> Policy:
    """What members are told, from the settings in force."""
    outside = settings.openai_base_url is None
    ollama = settings.mem0_llm_provider is LLMProvider.OLLAMA
    model = settings.ollama_model if ollama else settings.openai_llm_model
    language_model = f"{'Ollama' if ollama else 'OpenAI'}, {model}"
    substitute = settings.may_fall_back_to_openai
    if substitute:
        language_model += f", or OpenAI, {settings.openai_llm_model}, while that does not answer"
    return Policy(
        retention_days=settings.message_retention_days,
        remembers=settings.mem0_enabled,
        language_model=language_model,
        language_model_outside=(not ollama or substitute) and outside,
        embeddings=f"{PROVIDER_NAMES[settings.embedding_provider]}, {settings.embedding_model}",
        embeddings_outside=settings.embedding_provider is EmbeddingProvider.OPENAI and outside,
        embeds_messages=settings.embed_messages,
        encrypted=settings.data_key is not None,
    )
