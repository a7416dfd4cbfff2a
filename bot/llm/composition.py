"""Opens the language model and the embedder of the settings, what counts their calls, and what takes over meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiolimiter import AsyncLimiter

from bot.domain import Clock, ServiceError, StartupError, host_name
from bot.llm.base import LanguageModel
from bot.llm.costs import CountedCall, Ledger
from bot.llm.embeddings import Embedder
from bot.llm.fallback import FallbackModel
from bot.llm.guarded import GuardedEmbedder, GuardedModel, embedding_tally
from bot.llm.pool import FAILURES_TO_OPEN, Host, Pool, PooledEmbedder, PooledModel
from bot.llm.prices import PriceTable
from bot.llm.provider import EmbedderProvider, ModelProvider
from bot.llm.registry import QUEUE, providers_of
from bot.llm.resilience import Breaker, Guard
from bot.llm.shared_server import GATHER_SECONDS, SharedServer, SharingEmbedder
from bot.settings import Settings
from bot.storage import Database, Store

MODEL_CALLS_A_SECOND = 4
"""Extraction calls to a language model; one 8B model on a gaming card answers about one every two seconds."""

MODEL_SECONDS = 180.0
"""One answer of a language model, its loading included."""

EMBEDDING_CALLS_A_SECOND = 8
"""Embedding requests; a tenth of what OpenAI grants a new account."""

EMBEDDING_SECONDS = 30.0
"""One embedding request of up to 2,048 texts; where it may have to wait for a call of the language model, longer."""


@dataclass(slots=True, kw_only=True)
class ModelServices:
    """The language model and what its use is counted by.

    Attributes:
        ledger: counts every call, those of embedders included.
        prices: what tokens cost.
        guards: one for each use of an outside service; whoever opens one adds its own.
        model: None where none is wanted, or none answers and it is not waited for.
        check_model: checks what the model proposes; None where the model does so itself.
        fallback: the model, where OLLAMA_FALLBACK puts something behind it.
        notes: one line for each thing that is done without, for people.
        shared: says who goes first where embeddings are made on the same server.
    """

    ledger: Ledger
    prices: PriceTable
    guards: list[Guard] = field(default_factory=list)
    model: LanguageModel | None = None
    check_model: LanguageModel | None = None
    fallback: FallbackModel | None = None
    notes: list[str] = field(default_factory=list)
    shared: SharedServer = field(default_factory=SharedServer)


@asynccontextmanager
async def open_models(
    settings: Settings,
    db: Database,
    clock: Clock,
    called: Callable[[CountedCall], None],
    *,
    extract: bool,
    answer: bool,
    patient: bool,
) -> AsyncIterator[ModelServices]:
    """Open the language model for the time of the block.

    Args:
        settings: checked settings.
        db: holds the ledger.
        clock: the local clock.
        called: told each call.
        extract: whether memories are to be made.
        answer: whether questions are to be answered.
        patient: whether a model that does not answer now is waited for.

    Raises:
        StartupError: a setting is at fault.
    """
    async with AsyncExitStack() as stack:
        prices = providers_of(settings).prices(settings)
        services = ModelServices(ledger=Ledger(db, clock, called), prices=prices)
        if extract or answer:
            without = "No memories were made" if extract else "No question is answered"
            model = await _usable_model(stack, settings, services, without, patient=patient)
            if model is not None:
                services.guards.extend(model.guards)
                _with_fallback(stack, settings, services, model, clock)
            if model is not None and settings.check_model is not None:
                services.check_model = check = open_model(
                    providers_of(settings).model(settings), services.ledger, settings.check_model
                )
                stack.push_async_callback(check.aclose)
                services.guards.extend(check.guards)
        yield services


async def _usable_model(
    stack: AsyncExitStack, settings: Settings, services: ModelServices, without: str, *, patient: bool
) -> GuardedModel | PooledModel | None:
    """The language model; None, with a note, where it does not answer and is not waited for."""
    if not settings.mem0_enabled:
        services.notes.append("MEM0_ENABLED=false: no memories are made, messages are searched by words")
        return None
    model = open_model(providers_of(settings).model(settings), services.ledger)
    stack.push_async_callback(model.aclose)
    if not patient:
        try:
            await model.check()
        except ServiceError as error:
            services.notes.append(f"{without}: {error}. Messages are searched by words meanwhile")
            return None
    return model


def open_model(provider: ModelProvider[Any], ledger: Ledger, name: str | None = None) -> GuardedModel | PooledModel:
    """A language model, guarded and counted, on all hosts of its provider.

    Args:
        provider: who runs it.
        ledger: counts calls.
        name: of the model; None for the one of the settings.
    """
    models = [(host, provider.open(name or provider.model, host)) for host in provider.hosts]
    if len(models) == 1:
        return GuardedModel(models[0][1], _model_guard(models[0][1]), ledger)
    hosts = [Host(model, _model_guard(model, host_name(host)), provider.places) for host, model in models]
    return PooledModel(Pool(provider.label, hosts), ledger)


def _model_guard(model: LanguageModel, host: str | None = None) -> Guard:
    """What stands before a model; where there are several hosts, another one takes the place of a retry."""
    return Guard(
        model.provider,
        limiter=AsyncLimiter(MODEL_CALLS_A_SECOND, 1),
        timeout=MODEL_SECONDS,
        breaker=_breaker(host),
        retries=_retries(host),
        probe=model.check,
        host=host,
    )


def open_embedder(
    settings: Settings, ledger: Ledger, shared: SharedServer | None = None
) -> GuardedEmbedder | PooledEmbedder | SharingEmbedder:
    """The embedder of the settings, guarded and counted, on all hosts of its provider.

    Args:
        settings: checked settings.
        ledger: counts calls.
        shared: says who goes first where the language model is on the same server.
    """
    provider = providers_of(settings).embedder(settings)
    embedder = _open_embedder(provider, ledger)
    return embedder if shared is None or not provider.shares_server else SharingEmbedder(embedder, shared)


def _open_embedder(provider: EmbedderProvider[Any], ledger: Ledger) -> GuardedEmbedder | PooledEmbedder:
    seconds = EMBEDDING_SECONDS + (MODEL_SECONDS if provider.shares_server else 0)
    tally = embedding_tally(ledger, provider.label, provider.model)
    embedders = [(host, provider.open(host, tally)) for host in provider.hosts]
    if len(embedders) == 1:
        embedder = embedders[0][1]
        return GuardedEmbedder(embedder, _embedder_guard(provider.probe(embedder), seconds), ledger)
    hosts: list[Host[Embedder]] = [
        Host(embedder, _embedder_guard(provider.probe(embedder), seconds, host_name(host)), provider.places)
        for host, embedder in embedders
    ]
    return PooledEmbedder(Pool("embeddings", hosts), ledger)


def _embedder_guard(probe: Callable[[], Awaitable[None]] | None, seconds: float, host: str | None = None) -> Guard:
    return Guard(
        "embeddings",
        limiter=AsyncLimiter(EMBEDDING_CALLS_A_SECOND, 1),
        timeout=seconds,
        breaker=_breaker(host),
        retries=_retries(host),
        probe=probe,
        host=host,
    )


def _breaker(host: str | None) -> Breaker:
    return Breaker() if host is None else Breaker(threshold=FAILURES_TO_OPEN)


def _retries(host: str | None) -> int:
    return 2 if host is None else 0


def gather_seconds(settings: Settings) -> float:
    """For how long what is to be embedded is gathered: on a server that may have to swap models for it."""
    return GATHER_SECONDS if providers_of(settings).embedder(settings).shares_server else 0.0


def flushes_at_once(settings: Settings) -> int:
    """Channels that are worked on side by side: as many as the hosts of the model have places."""
    provider = providers_of(settings).model(settings)
    return len(provider.hosts) * provider.places


def answers_at_once(settings: Settings) -> int:
    """Questions that are answered side by side."""
    return providers_of(settings).model(settings).questions_at_once


def _with_fallback(
    stack: AsyncExitStack, settings: Settings, services: ModelServices, model: GuardedModel | PooledModel, clock: Clock
) -> None:
    """Take the model into service, with what OLLAMA_FALLBACK puts behind it.

    Raises:
        StartupError: the price of what would take over is not known, so its budget could not be kept.
    """
    services.model = model
    providers = providers_of(settings)
    if not providers.model(settings).has_fallback or settings.ollama_fallback == QUEUE:
        return
    substitute, provider = None, providers.substitute(settings)
    if provider is not None:
        if services.prices.cost(provider.label, provider.model, 1, 1) is None:
            raise StartupError(
                f"OLLAMA_FALLBACK={provider.label}: the price of {provider.model} is not known, so "
                "FALLBACK_DAILY_BUDGET_USD could not be kept; name it in PRICES_FILE, or set "
                f"{provider.model_setting} to a model with a price"
            )
        substitute = open_model(provider, services.ledger)
        stack.push_async_callback(substitute.aclose)
        services.guards.extend(substitute.guards)
    services.model = services.fallback = FallbackModel(
        model,
        substitute,
        title="" if provider is None else provider.title,
        after_seconds=settings.fallback_after_seconds,
        daily_budget=settings.fallback_daily_budget_usd,
        ledger=services.ledger,
        prices=services.prices,
        clock=clock,
    )


def model_stores(db: Database, clock: Clock) -> tuple[Store, ...]:
    """What this package keeps."""
    return (Ledger(db, clock),)
