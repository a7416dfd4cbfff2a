"""Opens what erases, and what gives members their own data."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.domain import Clock, Step, no_step, system_clock
from bot.forget.erasure import Erasure
from bot.forget.personal import PersonalData, member_stores
from bot.forget.public_posts import Posts
from bot.forget.requests import Clerk, Requests
from bot.forget.revisions import Revisions
from bot.forget.traces import Traces
from bot.forget.unfinished import UnfinishedOptOuts
from bot.guilds import GuildServices, open_guilds
from bot.index import Indexer, MessageVectors, NoIndex, VectorIndex
from bot.memories import MemoryStore
from bot.observe import Intake, LogServices, open_log
from bot.settings import Settings
from bot.storage import Database, Installation, open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetServices:
    """What erases, and what gives members their own data.

    Attributes:
        posts: what the bot posted for everybody.
        erasure: erases across all stores.
        personal: what is held of a member.
        intake: takes what is said, edited and deleted into the log.
        clerk: carries out the erasures that were asked for.
    """

    posts: Posts
    erasure: Erasure
    personal: PersonalData
    intake: Intake
    clerk: Clerk


def open_forget(
    settings: Settings,
    db: Database,
    guilds: GuildServices,
    logged: LogServices,
    store: MemoryStore,
    index: VectorIndex,
    indexer: Indexer,
    clock: Clock,
    step: Step = no_step,
) -> ForgetServices:
    """Open what erases."""
    posts = Posts(db, clock)
    stores = member_stores(db, store, guilds.consents, logged.directory, index, posts)
    erasure = Erasure(
        db,
        logged.fulltext,
        store,
        indexer,
        guilds.hasher,
        clock,
        traces=Traces(db, settings.data_dir),
        stores=stores,
    )
    personal = PersonalData(erasure, stores)
    revisions = Revisions(db, logged.fulltext, store, indexer, guilds.consents)
    intake = Intake(logged.log, revisions, erasure, step=step)
    unfinished = UnfinishedOptOuts(db, guilds.consents, personal)
    clerk = Clerk(Requests(db, clock), personal, guilds.audit, before=intake.drain, at_start=unfinished.finish)
    return ForgetServices(posts=posts, erasure=erasure, personal=personal, intake=intake, clerk=clerk)


@asynccontextmanager
async def personal_data(settings: Settings) -> AsyncIterator[PersonalData]:
    """What is held of members, to be given; may be opened beside a running bot.

    Raises:
        StartupError: the database can't be opened.
    """
    async with open_store(settings) as db:
        guilds = await open_guilds(settings, db, system_clock)
        message_vectors = MessageVectors(db, Installation(db), system_clock)
        logged = open_log(db, guilds, system_clock, message_vectors.changed)
        store = MemoryStore(db, logged.fulltext, system_clock)
        index = NoIndex("it is not needed", holds_nothing=False)
        indexer = Indexer(db, index, store, logged.directory, system_clock, message_vectors)
        yield open_forget(settings, db, guilds, logged, store, index, indexer, system_clock).personal
