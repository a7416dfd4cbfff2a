"""The composition root: enters what each package opens, in order, and leaves it in the opposite order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bot import __version__
from bot.domain import Clock, Step, Supervisor, no_step, system_clock
from bot.forget import Clerk, Erasure, LaterExports, Removing, open_forget
from bot.guilds import open_guilds
from bot.index import Follower, Indexer, Mover, Outbox, VectorIndex, open_message_vectors, open_vectors
from bot.llm import Guard, Ledger, PriceTable, open_models
from bot.memories import MemoryStore, NamedMembers, OwnMemories
from bot.observe import Directory, Intake, MessageLog, open_log
from bot.operate import Housekeeping, Matters, Metrics, Services, Status, Traffic, Troubles, open_status
from bot.recall import Recall, open_recall
from bot.remember import (
    Awaited,
    Explanations,
    Flusher,
    FlushReport,
    HeldUp,
    Rereader,
    Rereadings,
    discard_answers,
    open_flusher,
)
from bot.settings import Settings
from bot.storage import (
    Changes,
    Database,
    ErasureLines,
    ErasuresFile,
    ErasuresWriter,
    Installation,
    Store,
    open_store,
)


@dataclass(slots=True, kw_only=True)
class App:
    """The wired program.

    Attributes:
        stores: everything that keeps anything.
        index: what recall searches by meaning; a NoIndex where there is none.
        changes: brings what other processes changed; None where the database has one bot alone.
        follower: keeps to the index that is in use; None where there is none.
        mover: fills the index anew where settings or somebody ask for it; None where there is no index.
        flusher: None where no language model is in use.
        metrics: what happened since the start.
        erasures: brings what is erased into the file of erasures, in one process of all.
        traffic: what comes in and what waits, by server.
        guards: one for each use of an outside service.
        prices: what tokens cost.
        notes: one line for each thing that is done without, for people.
        supervisor: keeps running what works in the background.
        troubles: tells other processes what can't be done now.
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
    stores: tuple[Store, ...]
    erasure: Erasure
    erasures: ErasuresWriter
    later_exports: LaterExports
    intake: Intake
    flusher: Flusher | None
    rereadings: Rereadings
    rereader: Rereader | None
    ledger: Ledger
    housekeeping: Housekeeping
    clerk: Clerk
    changes: Changes | None
    services: Services
    metrics: Metrics
    traffic: Traffic
    prices: PriceTable
    guards: list[Guard]
    notes: list[str]
    supervisor: Supervisor
    troubles: Troubles


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
    explain: Explanations | None = None,
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
        explain: writes what becomes of each statement that a model proposes.

    Raises:
        StartupError: a setting, the database or the index is at fault.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        db = await enter(open_store(settings))
        if patient:
            db.check_undamaged(await db.damage())
        metrics, traffic, supervisor = Metrics(__version__), Traffic(db, clock), Supervisor()
        guilds = await open_guilds(settings, db, clock)
        models = await enter(
            open_models(settings, db, clock, metrics.called, extract=extract, answer=answer, patient=patient)
        )
        message_vectors = await open_message_vectors(settings, db, clock, leads=leads, patient=patient)
        logged = open_log(db, guilds, clock, message_vectors.changed)
        store = MemoryStore(db, logged.fulltext, clock, Outbox(clock).add)
        index = await enter(
            open_vectors(
                settings,
                db,
                logged,
                store,
                message_vectors,
                models,
                clock,
                patient=patient,
                damaged=damaged_index,
                makes=extract or patient or leads,
                step=step,
            )
        )
        forget = open_forget(settings.data_dir, db, guilds, logged, store, index.index, index.indexer, clock, step)
        troubles = Troubles(Installation(db), clock, supervisor.standings, lambda: forget.intake.unwritten)
        status = open_status(db, models, index, traffic, clock, troubles)
        flushed = _to_both(metrics, status)
        flusher = None
        if extract:
            flusher = open_flusher(settings, db, guilds, logged, store, index, models, clock, flushed, step, explain)
        rereadings = Rereadings(db)
        recall = open_recall(
            settings, db, logged, store, index, message_vectors, models, clock, metrics.recalled, guilds.zones.of
        )
        own = OwnMemories(db, store, logged.log, clock, discard_answers, announce=index.indexer.wake)
        named = NamedMembers(
            db, store, own, guilds.audit, guilds.hasher, clock, forget.posts.reword, announce=index.indexer.wake
        )
        services = Services(
            clock=clock,
            installation=Installation(db),
            guilds=guilds,
            directory=logged.directory,
            log=logged.log,
            unread=logged.unread,
            intake=forget.intake,
            store=store,
            own=own,
            named=named,
            erasure=forget.erasure,
            personal=forget.personal,
            clerk=forget.clerk,
            posts=forget.posts,
            talks=forget.talks,
            recall=recall.recall,
            answers=recall.answers,
            embeds_at_home=recall.embeds_at_home,
            catchup=recall.catchup,
            browse=recall.browse,
            upcoming=recall.upcoming,
            digest=recall.digest,
            flusher=flusher,
            rereadings=rereadings,
            awaited=Awaited(db, clock),
            status=status,
            matters=Matters(
                HeldUp(db, clock),
                logged.log,
                Removing(db, clock),
                clock,
                retention_days=settings.message_retention_days,
                reads=flusher is not None,
            ),
            supervisor=supervisor,
            flushes=settings.flush_in_bot,
            observe_channels=settings.observe_channels,
            leads=settings.leads,
            sweep_requests_per_minute=settings.sweep_requests_per_minute,
            step=step,
        )
        housekeeping = Housekeeping(
            erasure=forget.erasure,
            guilds=guilds.guilds,
            log=logged.log,
            ledger=models.ledger,
            named=named,
            clock=clock,
            retention_days=settings.message_retention_days,
        )
        changes = None
        if db.dialect == "postgresql":  # there may be several processes
            loads = [guilds.consents.load, guilds.observations.load, message_vectors.follow]
            if index.follower is not None:
                loads.append(index.follower.on_change)
            changes = Changes(db, services.installation, loads)
        stack.push_async_callback(models.ledger.flush)
        yield App(
            settings=settings,
            db=db,
            log=logged.log,
            directory=logged.directory,
            store=store,
            index=index.index,
            indexer=index.indexer,
            follower=index.follower,
            mover=index.mover,
            recall=recall.recall,
            stores=forget.stores,
            erasure=forget.erasure,
            erasures=ErasuresWriter(
                ErasureLines(db, clock),
                Installation(db),
                ErasuresFile(settings.erasures_path),
                guilds.hasher.installation,
                clock,
            ),
            later_exports=forget.later_exports,
            intake=forget.intake,
            flusher=flusher,
            rereadings=rereadings,
            rereader=None if flusher is None else Rereader(rereadings, flusher),
            ledger=models.ledger,
            housekeeping=housekeeping,
            clerk=forget.clerk,
            changes=changes,
            services=services,
            metrics=metrics,
            traffic=traffic,
            prices=models.prices,
            guards=models.guards,
            notes=models.notes,
            supervisor=supervisor,
            troubles=troubles,
        )


def _to_both(metrics: Metrics, status: Status) -> Callable[[FlushReport], None]:
    """Tells metrics and status of each flush."""

    def on_flush(report: FlushReport) -> None:
        metrics.flushed(report)
        status.flushed(report)

    return on_flush
