"""Opens what makes memories of messages."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.domain import Clock, Step, no_step, system_clock
from bot.guilds import GuildServices
from bot.index import IndexServices
from bot.llm import ModelServices, flushes_at_once
from bot.memories import MemoryStore
from bot.observe import LogServices
from bot.remember.applier import Applier
from bot.remember.choice import Chooser
from bot.remember.extractor import PURPOSE, Extractor
from bot.remember.flusher import Flusher, FlushReport
from bot.remember.gate import Gate
from bot.remember.kept import KeptAnswers
from bot.remember.neighbours import Neighbours
from bot.remember.queue import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, Queue
from bot.remember.reconciler import Reconciler
from bot.remember.rereading import Rereadings
from bot.settings import Settings
from bot.storage import Database, Store, open_store


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
    queue = Queue(db, clock, _owner(), lease_time=db.time, longest_wait_seconds=longest_wait)
    neighbours = Neighbours(db, store, logged.fulltext, index.index, guilds.threads)
    return Flusher(
        queue=queue,
        applier=Applier(db, queue, store, guilds.consents, step),
        extractor=Extractor(model, Gate(), settings.zone),
        reconciler=Reconciler(queue, neighbours, Chooser(model)),
        indexer=index.indexer,
        directory=logged.directory,
        consents=guilds.consents,
        flush_interval=settings.flush_interval_seconds,
        flush_batch_size=settings.flush_batch_size,
        concurrency=flushes_at_once(settings),
        told=on_flush,
        step=step,
    )


@asynccontextmanager
async def open_queue(settings: Settings) -> AsyncIterator[Queue]:
    """The work queue alone, which may be opened beside a running bot.

    Raises:
        StartupError: the database can't be opened.
    """
    async with open_store(settings) as db:
        yield Queue(db, system_clock, _owner(), lease_time=db.time)


def _owner() -> str:
    """A name for this process that no other has, for leases."""
    return f"{os.getpid()}-{secrets.token_hex(8)}"


def remember_stores(db: Database) -> tuple[Store, ...]:
    """What this package keeps."""
    return (KeptAnswers(db), Rereadings(db))
