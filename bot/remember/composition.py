"""Opens what makes memories of messages."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot import __version__
from bot.domain import Clock, Step, no_step, system_clock
from bot.guilds import GuildServices, open_guilds
from bot.index import IndexServices
from bot.llm import LanguageModel, ModelServices, flushes_at_once, judges_claims, open_models
from bot.memories import MemoryStore
from bot.observe import Directory, LogServices
from bot.remember.awaited import Awaited
from bot.remember.channel_flush import ChannelFlush
from bot.remember.check import Checker
from bot.remember.dead_letters import DeadLetters
from bot.remember.exact import contradicts
from bot.remember.explain import Explanations
from bot.remember.fitness import Call, Fitness
from bot.remember.flusher import Flusher
from bot.remember.kept import KeptAnswers
from bot.remember.neighbours import Neighbours
from bot.remember.propose import PURPOSE, Proposer
from bot.remember.queue import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, Queue
from bot.remember.reader import Reader
from bot.remember.refusals import Refusals
from bot.remember.report import FlushReport
from bot.remember.rereading import Rereadings
from bot.remember.settler import Settler
from bot.settings import Settings
from bot.storage import Database, Store, open_store
from bot.text import SecretFinder


def open_flusher(
    settings: Settings,
    db: Database,
    guilds: GuildServices,
    logged: LogServices,
    store: MemoryStore,
    index: IndexServices,
    models: ModelServices,
    clock: Clock,
    flushed: Callable[[FlushReport], None],
    step: Step = no_step,
    explain: Explanations | None = None,
) -> Flusher | None:
    """What turns pending messages into memories; None where there is no language model.

    Args:
        settings: checked settings.
        db: the database.
        guilds: what servers and members decided.
        logged: the message log and its directory.
        store: the memories.
        index: the vector index.
        models: the language model.
        clock: the local clock.
        flushed: told what each flush of a channel did.
        step: told each step that is reached.
        explain: writes what becomes of each proposal.
    """
    model = models.model
    if model is None:
        return None

    def on_flush(report: FlushReport) -> None:
        flushed(report)
        models.ledger.settled(model.provider, model.model, PURPOSE, report.messages)

    longest_wait = LONGEST_WAIT_SECONDS
    if models.fallback is not None:  # it takes over no later than the settings say
        longest_wait = min(LONGEST_WAIT_SECONDS, max(FIRST_WAIT_SECONDS, settings.fallback_after_seconds))
    makers = {
        Call.PROPOSE: (model.provider, model.model),
        Call.CHECK: ((models.check_model or model).provider, (models.check_model or model).model),
    }
    queue = Queue(db, clock, _owner(), lease_time=db.time, longest_wait_seconds=longest_wait)
    channels = ChannelFlush(
        queue=queue,
        reader=_reader(settings, guilds, logged.directory, model, models.check_model, explain),
        neighbours=Neighbours(db, store, logged.fulltext, index.index, guilds.threads),
        settler=Settler(db, queue, store, guilds.consents, contradicts, Refusals(db, clock), step),
        indexer=index.indexer,
        consents=guilds.consents,
        fitness=Fitness(clock, makers),
        batch_size=settings.flush_batch_size,
        concurrency=flushes_at_once(settings),
        step=step,
        explain=explain,
        before_call=models.shared.before_extraction,
    )
    return Flusher(
        queue,
        channels,
        index.indexer,
        DeadLetters(db, clock, basis=" ".join((__version__, *(name for maker in makers.values() for name in maker)))),
        flush_interval=settings.flush_interval_seconds,
        flush_batch_size=settings.flush_batch_size,
        concurrency=flushes_at_once(settings),
        on_flush=on_flush,
    )


async def prove_calls(settings: Settings, db: Database) -> None:
    """Have both calls made about a line of our own, with the models of the settings; nothing is kept of the answers.

    Raises:
        AnswerError: a model's answer can't be used.
        ServiceError: a model's service failed.
        StartupError: a setting is at fault.
    """
    guilds = await open_guilds(settings, db, system_clock)
    async with open_models(
        settings, db, system_clock, lambda _: None, extract=True, answer=False, patient=True
    ) as models:
        if models.model is not None:
            reader = _reader(settings, guilds, Directory(db), models.model, models.check_model, None)
            for call in Call:
                await reader.prove(call)
        await models.ledger.flush()


def _reader(
    settings: Settings,
    guilds: GuildServices,
    directory: Directory,
    model: LanguageModel,
    check_model: LanguageModel | None,
    explain: Explanations | None,
) -> Reader:
    return Reader(
        Proposer(model),
        _checker(model, check_model),
        directory,
        guilds.consents,
        SecretFinder(),
        guilds.zones.of,
        explain,
    )


def _checker(model: LanguageModel, check_model: LanguageModel | None) -> Checker:
    """Who judges: the model of the settings for it, with the first one beside it where that judges claims alone."""
    if check_model is None:
        return Checker(model)
    return Checker(model, check_model) if judges_claims(check_model.model) else Checker(check_model)


@asynccontextmanager
async def open_dead_letters(settings: Settings) -> AsyncIterator[DeadLetters]:
    """The dead letters alone, which may be opened beside a running bot.

    Raises:
        StartupError: the database can't be opened.
    """
    async with open_store(settings) as db:
        yield DeadLetters(db, system_clock)


def _owner() -> str:
    """A name for this process that no other has, for leases."""
    return f"{os.getpid()}-{secrets.token_hex(8)}"


def remember_stores(db: Database, clock: Clock) -> tuple[Store, ...]:
    """What this package keeps."""
    return (KeptAnswers(db), Rereadings(db), Awaited(db, clock), Refusals(db, clock))
