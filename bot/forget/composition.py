"""Opens what erases, and what gives members their own data."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.domain import Clock, Step, no_step, system_clock
from bot.forget.clerk import Clerk
from bot.forget.erasure import Erasure
from bot.forget.later_exports import LaterExports
from bot.forget.personal import PersonalData
from bot.forget.public_posts import Posts
from bot.forget.requests import Requests
from bot.forget.revisions import Revisions
from bot.forget.traces import Traces
from bot.forget.unfinished import UnfinishedOptOuts
from bot.guilds import GuildServices, open_guilds
from bot.index import Indexer, MessageVectors, NoIndex, Outbox, VectorIndex, index_stores
from bot.llm import model_stores
from bot.memories import MemoryStore, memory_stores
from bot.observe import Intake, LogServices, open_log
from bot.recall import Talks
from bot.remember import remember_stores
from bot.settings import Settings
from bot.storage import Database, Installation, Store, open_store, storage_stores


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetServices:
    """What erases, and what gives members their own data.

    Attributes:
        stores: everything that keeps anything.
        posts: what the bot posted for everybody.
        talks: what was asked in the last minutes.
        erasure: erases across all stores.
        personal: what is held of a member.
        intake: takes what is said, edited and deleted into the log.
        clerk: carries out the erasures that were asked for.
        later_exports: takes over what a later export shows.
    """

    stores: tuple[Store, ...]
    posts: Posts
    talks: Talks
    erasure: Erasure
    personal: PersonalData
    intake: Intake
    clerk: Clerk
    later_exports: LaterExports


def open_forget(
    data_dir: Path,
    db: Database,
    guilds: GuildServices,
    logged: LogServices,
    store: MemoryStore,
    index: VectorIndex,
    indexer: Indexer,
    clock: Clock,
    step: Step = no_step,
) -> ForgetServices:
    """Open what erases, with every store of the program registered.

    Stores are told of what goes in the order of the packages: each after those that its own rows are made from.
    """
    posts, pending = Posts(db, clock), Requests(db, clock)
    talks = Talks(db, clock, guilds.consents.left_out)
    stores: tuple[Store, ...] = (
        *storage_stores(db, clock),
        *model_stores(db, clock),
        *guilds.stores,
        *logged.stores,
        *memory_stores(db, guilds, logged, store),
        *index_stores(db, index, indexer.messages),
        *remember_stores(db, clock),
        posts,
        pending,
        talks,
    )
    erasure = Erasure(db, stores, indexer, guilds.hasher, clock, Traces(db, data_dir), step)
    personal = PersonalData(erasure, stores)
    revisions = Revisions(db, stores, indexer, guilds.consents)
    intake = Intake(logged.log, revisions, erasure, set_aside=logged.unread.add, step=step)
    unfinished = UnfinishedOptOuts(db, guilds.consents, personal)
    clerk = Clerk(
        db,
        pending,
        erasure,
        personal,
        guilds.audit,
        guilds.hasher,
        before=intake.drain,
        at_start=unfinished.finish,
        step=step,
    )
    return ForgetServices(
        stores=stores,
        posts=posts,
        talks=talks,
        erasure=erasure,
        personal=personal,
        intake=intake,
        clerk=clerk,
        later_exports=LaterExports(logged.imports, revisions, erasure),
    )


@asynccontextmanager
async def personal_data(settings: Settings) -> AsyncIterator[PersonalData]:
    """What is held of members, to be given; may be opened beside a running bot.

    Raises:
        StartupError: the database can't be opened.
    """
    async with open_store(settings) as db:
        yield (await open_without_index(settings, settings.data_dir, db, system_clock)).forget.personal


@dataclass(frozen=True, slots=True)
class WithoutIndex:
    """What erasing and giving need, over a database alone; its index learns of everything later."""

    guilds: GuildServices
    logged: LogServices
    store: MemoryStore
    forget: ForgetServices


async def open_without_index(settings: Settings, folder: Path, db: Database, clock: Clock) -> WithoutIndex:
    """Open them over a database that lies in a folder."""
    guilds = await open_guilds(settings, db, clock)
    message_vectors = MessageVectors(db, Installation(db), clock)
    logged = open_log(db, guilds, clock, message_vectors.changed)
    store = MemoryStore(db, logged.fulltext, clock, Outbox(clock).add)
    index = NoIndex("it is not needed now", holds_nothing=False)
    indexer = Indexer(db, index, store, logged.directory, clock, message_vectors)
    forget = open_forget(folder, db, guilds, logged, store, index, indexer, clock)
    return WithoutIndex(guilds, logged, store, forget)
