"""Opens the vector index, what fills it, and what fills another one to take over."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from bot import __version__
from bot.domain import Clock, InUse, LostIndex, ServiceError, StartupError, Step, no_step, system_clock
from bot.index.base import NoIndex, VectorIndex
from bot.index.follower import Follower, Shelf
from bot.index.generations import Generation, Generations
from bot.index.indexer import Indexer, always_ready
from bot.index.keeper import KEEPING, Keeper
from bot.index.message_vectors import MessageVectors
from bot.index.mover import GRACE_SECONDS, MOVING, Mover
from bot.index.onlooker import Onlooker
from bot.index.owner import IndexOwner
from bot.index.vectors import Vectors, why_not_embedding
from bot.llm import ModelServices, gather_seconds, providers_of
from bot.memories import MemoryStore
from bot.observe import LogServices
from bot.settings import Settings
from bot.storage import Database, Installation, open_store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexServices:
    """The vector index and its keepers.

    Attributes:
        index: what recall searches by meaning; a NoIndex where there is none.
        indexer: brings the index up to the database.
        follower: keeps to the index that is in use; None where there is none.
        mover: fills the index anew where settings or somebody ask for it; None where there is no index.
    """

    index: VectorIndex
    indexer: Indexer
    follower: Follower | None
    mover: Mover | None


async def open_message_vectors(
    settings: Settings, db: Database, clock: Clock, *, leads: bool, patient: bool
) -> MessageVectors:
    """Decide (leads) or learn whether the index is to hold messages."""
    message_vectors = MessageVectors(db, Installation(db), clock)
    if leads:
        embed = settings.embed_messages and settings.mem0_enabled
        usable = not why_not_embedding(settings)
        await message_vectors.load(wanted=embed and usable, remove=patient and not embed)
    else:
        await message_vectors.follow()
    return message_vectors


@asynccontextmanager
async def open_vectors(
    settings: Settings,
    db: Database,
    logged: LogServices,
    store: MemoryStore,
    message_vectors: MessageVectors,
    models: ModelServices,
    clock: Clock,
    *,
    patient: bool,
    damaged: bool,
    makes: bool,
    step: Step = no_step,
) -> AsyncIterator[IndexServices]:
    """Open the index for the time of the block; one that can't be had is done without, with a note in `models.notes`.

    Args:
        settings: checked settings.
        db: the database that the index follows.
        logged: the message log and its directory.
        store: the memories.
        message_vectors: which messages the index holds.
        models: gets the guards, and counts the embeddings.
        clock: the local clock.
        patient: whether what is not there now is waited for.
        damaged: go on where the index can't be opened, to fill it anew.
        makes: make the index where it is not there; what only reads makes nothing.
        step: told each step that is reached.

    Raises:
        StartupError: the index is at fault.
    """
    async with AsyncExitStack() as stack:
        vectors = Vectors(
            settings,
            db,
            models.ledger,
            models.guards,
            clock,
            patient=patient,
            makes=makes,
            shared=models.shared,
        )
        shelf = Shelf(vectors.open)
        stack.push_async_callback(shelf.aclose)

        async def make(generation: Generation) -> None:
            await vectors.make(generation)
            await shelf.close(generation)  # a collection that was lost may have had another name

        keeper = Keeper(
            db, vectors.owner, read=vectors.numbers, make=make, write=vectors.put_number, clock=clock, keeps=makes
        )
        stack.push_async_callback(keeper.aclose)
        begins = Follower(vectors.generations, vectors.wanted, shelf, keeper, vectors.is_held_by_another)
        opened = await _index(settings, vectors, begins, models.notes, patient=patient, damaged=damaged)
        follower = opened if isinstance(opened, Follower) else None
        index = opened.switch if isinstance(opened, Follower) else opened
        ready = always_ready if follower is None else follower.ready
        basis = partial(_basis, settings, follower)
        indexer = Indexer(
            db,
            index,
            store,
            logged.directory,
            clock,
            message_vectors,
            step,
            ready,
            basis,
            keeper,
            gather_seconds=gather_seconds(settings),
        )
        mover = None
        if follower is not None:
            mover = Mover(
                db=db,
                generations=vectors.generations,
                wanted=vectors.wanted,
                follower=follower,
                keeper=keeper,
                shelf=shelf,
                places=vectors,
                indexer=indexer,
                clock=clock,
                grace_seconds=GRACE_SECONDS if db.dialect == "postgresql" else 0,
                step=step,
            )
        yield IndexServices(index=index, indexer=indexer, follower=follower, mover=mover)


def _basis(settings: Settings, follower: Follower | None) -> str:
    """What indexing hangs on: this program, the index in use, and where its texts are embedded."""
    in_use = None if follower is None else follower.in_use
    parts = (__version__, in_use, providers_of(settings).embedder(settings).address)
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


async def _index(
    settings: Settings, vectors: Vectors, follower: Follower, notes: list[str], *, patient: bool, damaged: bool
) -> Follower | NoIndex:
    """What keeps the vector index; one that can't be had is done without, with a note, where it is not waited for."""
    exists, why = vectors.may_exist, vectors.unusable
    if why and settings.mem0_enabled:
        notes.append(f"Memories are searched by words alone: {why}")
    if why and (not exists or not patient):
        return NoIndex(why, holds_nothing=not exists)
    try:
        await follower.start(damaged=damaged, mends=patient and not why)
    except InUse:
        if patient:
            raise
        notes.append("The bot is running and holds the index: memories are searched by words alone")
        return NoIndex("the bot is running", holds_nothing=False)
    except StartupError as error:
        if not why:
            raise
        log.warning("What was made before waits in the index to be forgotten: %s", error)
        return NoIndex(why, holds_nothing=False)
    except LostIndex as error:
        if await vectors.generations.known() is not None:
            notes.append(f"Memories are searched by words alone: {error}, the bot makes it anew")
        return NoIndex(str(error))
    except ServiceError as error:
        notes.append(f"Memories are searched by words alone: {error}")
        return NoIndex(str(error), holds_nothing=False)
    return follower


@asynccontextmanager
async def open_generations(settings: Settings) -> AsyncIterator[Onlooker]:
    """How filling the index anew stands; may be opened beside a running bot.

    Raises:
        StartupError: the database can't be opened.
    """
    async with open_store(settings) as db:
        installation = Installation(db)
        yield Onlooker(db, Generations(installation), MessageVectors(db, installation, system_clock))


@asynccontextmanager
async def moving_alone(settings: Settings) -> AsyncIterator[bool]:
    """Keep running bots, wherever they are, from filling the index anew; False where one of them sees to that.

    Raises:
        StartupError: the database can't be opened.
    """
    async with open_store(settings) as db, db.alone(MOVING, wait=False) as held:
        yield held


async def become_new_installation(settings: Settings) -> tuple[str, str]:
    """Give the installation a new id, and so an index of its own on a Qdrant server; the old id and the new one.

    What carries the old id is left to whoever else has it. The next start fills the index anew.

    Raises:
        InUse: a process runs on this database.
        StartupError: the database can't be opened.
    """
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(open_store(settings))
        if db.shared and not await (await stack.enter_async_context(db.locks())).take(KEEPING):
            raise InUse("a process runs on this database; stop all of them first")
        return await IndexOwner(db).become_new()


async def own_installation(settings: Settings) -> str:
    """The id of this installation; may be asked beside a running bot.

    Raises:
        StartupError: the database can't be opened.
    """
    async with open_store(settings) as db:
        return (await IndexOwner(db).load()).installation
