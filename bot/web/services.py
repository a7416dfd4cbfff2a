"""What the pages read and change, over the database alone, so that they work beside a running bot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from bot.domain import Clock, system_clock
from bot.forget import Requests, open_without_index
from bot.guilds import Guilds
from bot.index import Backlog
from bot.memories import MemoryStore, OwnMemories
from bot.observe import Directory, MessageLog
from bot.operate import Activity, DelayReport, Traffic, delay_report
from bot.recall import Browse
from bot.remember import DeadLetters, Refusals, discard_answers
from bot.settings import Settings
from bot.storage import Database, open_store
from bot.web.figures import Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class PageServices:
    """The services behind the pages."""

    clock: Clock
    guilds: Guilds
    directory: Directory
    log: MessageLog
    store: MemoryStore
    own: OwnMemories
    browse: Browse
    figures: Figures
    activity: Activity
    traffic: Traffic
    delays: DelayReport
    dead: DeadLetters
    refusals: Refusals
    requests: Requests


OpenServices = Callable[[], AbstractAsyncContextManager[PageServices]]
"""Gives the services for one request."""


def page_services(
    db: Database,
    clock: Clock,
    *,
    guilds: Guilds,
    directory: Directory,
    log: MessageLog,
    store: MemoryStore,
    own: OwnMemories,
    browse: Browse,
) -> PageServices:
    """The services over a database, with those that the caller has already."""
    return PageServices(
        clock=clock,
        guilds=guilds,
        directory=directory,
        log=log,
        store=store,
        own=own,
        browse=browse,
        figures=Figures(db),
        activity=Activity(db),
        traffic=Traffic(db, clock),
        delays=delay_report(db, clock, Backlog(db, clock)),
        dead=DeadLetters(db, clock),
        refusals=Refusals(db, clock),
        requests=Requests(db, clock),
    )


@asynccontextmanager
async def open_page_services(settings: Settings, clock: Clock = system_clock) -> AsyncIterator[PageServices]:
    """Open them for one request, beside a running bot or without one.

    Nothing is held between requests: what the bot decided meanwhile counts, and the database can be restored, moved or
    encrypted while the page is served. A running bot brings what was changed to the index and to its public posts; else
    that waits for the next start.

    Raises:
        StartupError: the database can't be opened.
    """
    async with open_store(settings) as db:
        opened = await open_without_index(settings, settings.data_dir, db, clock)
        logged, store = opened.logged, opened.store
        yield page_services(
            db,
            clock,
            guilds=opened.guilds.guilds,
            directory=logged.directory,
            log=logged.log,
            store=store,
            own=OwnMemories(db, store, logged.log, clock, discard_answers),
            browse=Browse(db, store, logged.fulltext),
        )
