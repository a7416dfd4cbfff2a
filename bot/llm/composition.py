"""Opens the language model of the settings, what counts its calls, and what takes over while it is away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from aiolimiter import AsyncLimiter

from bot.domain import Clock, ServiceError, StartupError, host_name
from bot.llm.base import LanguageModel
from bot.llm.costs import Call, Ledger, PriceTable, load_prices
from bot.llm.fallback import FallbackModel
from bot.llm.guarded import GuardedModel
from bot.llm.ollama import OllamaModel
from bot.llm.openai import OpenAIModel
from bot.llm.pool import FAILURES_TO_OPEN, Host, Pool, PooledModel
from bot.llm.resilience import Breaker, Guard
from bot.settings import LLMProvider, OllamaFallback, Settings
from bot.storage import Database, Store

MODEL_CALLS_A_SECOND = 4
"""Extraction calls to a language model; one 8B model on a gaming card answers about one every two seconds."""

MODEL_SECONDS = 180.0
"""One answer of a language model, its loading included."""


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
    """

    ledger: Ledger
    prices: PriceTable
    guards: list[Guard] = field(default_factory=list)
    model: LanguageModel | None = None
    check_model: LanguageModel | None = None
    fallback: FallbackModel | None = None
    notes: list[str] = field(default_factory=list)


@asynccontextmanager
async def open_models(
    settings: Settings,
    db: Database,
    clock: Clock,
    called: Callable[[Call], None],
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
        services = ModelServices(ledger=Ledger(db, clock, called), prices=load_prices(settings.prices_file))
        if extract or answer:
            without = "No memories were made" if extract else "No question is answered"
            model = await _usable_model(stack, settings, services, without, patient=patient)
            if model is not None:
                services.guards.extend(model.guards)
                _with_fallback(stack, settings, services, model, clock)
            if model is not None and settings.check_model is not None:
                services.check_model = check = open_model(settings, services.ledger, settings.check_model)
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
    model = open_model(settings, services.ledger)
    stack.push_async_callback(model.aclose)
    if not patient:
        try:
            await model.check()
        except ServiceError as error:
            services.notes.append(f"{without}: {error}. Messages wait, and are searched by words")
            return None
    return model


def open_model(settings: Settings, ledger: Ledger, name: str | None = None) -> GuardedModel | PooledModel:
    """The language model of the settings, or another of its provider, guarded and counted; on all hosts of Ollama."""
    if settings.mem0_llm_provider is LLMProvider.OPENAI:
        name = name or settings.openai_llm_model
        return guarded(OpenAIModel(_key(settings), name, base_url=settings.openai_base_url), ledger)
    models = [OllamaModel(url, name or settings.ollama_model) for url in settings.ollama_base_url]
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
    stack: AsyncExitStack, settings: Settings, services: ModelServices, model: GuardedModel | PooledModel, clock: Clock
) -> None:
    """Take the model into service, with what OLLAMA_FALLBACK puts behind it.

    Raises:
        StartupError: the price of what would take over is not known, so its budget could not be kept.
    """
    services.model = model
    if settings.mem0_llm_provider is not LLMProvider.OLLAMA or settings.ollama_fallback is OllamaFallback.QUEUE:
        return
    substitute = None
    if settings.may_fall_back_to_openai:
        name = settings.openai_llm_model
        if services.prices.cost("openai", name, 1, 1) is None:
            raise StartupError(
                f"OLLAMA_FALLBACK=openai: the price of {name} is not known, so FALLBACK_DAILY_BUDGET_USD could not be "
                "kept; name it in PRICES_FILE, or set OPENAI_LLM_MODEL to a model with a price"
            )
        substitute = guarded(OpenAIModel(_key(settings), name, base_url=settings.openai_base_url), services.ledger)
        stack.push_async_callback(substitute.aclose)
        services.guards.append(substitute.guard)
    services.model = services.fallback = FallbackModel(
        model,
        substitute,
        after_seconds=settings.fallback_after_seconds,
        daily_budget=settings.fallback_daily_budget_usd,
        ledger=services.ledger,
        prices=services.prices,
        clock=clock,
    )


def _key(settings: Settings) -> str | None:
    return settings.openai_api_key.get_secret_value() if settings.openai_api_key else None


def model_stores(db: Database, clock: Clock) -> tuple[Store, ...]:
    """What this package keeps."""
    return (Ledger(db, clock),)
