"""What the bot and a worker have in common while they run: being told to stop, figures for operators, parts beside."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial

from bot.domain import Run, Supervisor, cut_off
from bot.llm import Guard, LoadedModel, providers_of
from bot.operate import ProcessStanding, Readiness, Sources, page, serving
from bot.run.app import App
from bot.settings import Settings

log = logging.getLogger(__name__)

FLUSH_SECONDS = 3.0
"""To finish the batch in hand; what is not done by then is returned to the queue."""

END_SECONDS = 9.5
"""For the whole end: Docker kills a container that takes 10 s, and says nothing."""

EXIT_LATE = 1


def told_to_stop() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set from here on; END_SECONDS later the process is over, in order or not."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop_once() -> None:
        if not stop.is_set():
            stop.set()
            loop.call_later(END_SECONDS, _leave)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_once)
    return stop


def _leave() -> None:
    """End as a crash would, which loses nothing that is durable: a database that hangs lets nobody end in order."""
    log.error("Gave up ending in order after %g s", END_SECONDS)
    logging.shutdown()
    os._exit(EXIT_LATE)


async def unless(stop: asyncio.Event, work: Coroutine[object, object, None]) -> bool:
    """Await `work` unless told to stop before; whether it was done."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not working.done():
        working.cancel()
        await asyncio.wait({working})
        return False
    working.result()
    return True


def observed(app: App, gateway: Callable[[], bool] | None) -> AbstractAsyncContextManager[object]:
    """Metrics and health where METRICS_PORT asks for them.

    Args:
        app: the program.
        gateway: tells whether Discord is there; None where it is not needed.
    """
    settings = app.settings
    if settings.metrics_port is None:
        return nullcontext()
    ready = Readiness(gateway=gateway, db=app.db, index=app.index)
    standing = standing_of(app, ready)
    app.metrics.registry.register(standing)
    scrape = partial(page, app.metrics, standing)
    hosts = partial(hosts_of, app.guards)
    return serving(
        settings.metrics_host,
        settings.metrics_port,
        ready=ready.parts,
        why=lambda: ready.why,
        hosts=hosts,
        metrics=scrape,
    )


def standing_of(app: App, ready: Readiness) -> ProcessStanding:
    """What reads this program's standing figures."""
    settings = app.settings
    return ProcessStanding(
        Sources(
            log=app.log,
            store=app.store,
            traffic=app.traffic,
            intake=app.intake,
            indexer=app.indexer,
            ledger=app.ledger,
            prices=app.prices,
            guards=app.guards,
            clock=app.services.clock,
            loaded=partial(_loaded, settings),
            ready=ready.parts,
        )
    )


def hosts_of(guards: Sequence[Guard]) -> dict[str, str]:
    """Each of several hosts of a service, and whether it is given calls."""
    return {guard.name: guard.breaker.state.value for guard in guards if guard.host is not None}


def keeping_up(app: App) -> dict[str, Run]:
    """What brings the index up to the database, this process up to what others changed, and them to its troubles."""
    parts: dict[str, Run] = {"indexer": app.indexer.run, "report of troubles": app.troubles.run}
    if app.changes is not None:
        parts["changes"] = app.changes.run
    if app.follower is not None:
        parts["follower"] = app.follower.run
    return parts


@asynccontextmanager
async def beside(supervisor: Supervisor, parts: Mapping[str, Run]) -> AsyncIterator[None]:
    """Parts, by name, that are kept running for the time of the block and can be cut off at any moment."""
    workers = {asyncio.create_task(supervisor.keep(name, run), name=name) for name, run in parts.items()}
    try:
        yield
    finally:
        await cut_off(workers)


async def within(seconds: float, work: Coroutine[object, object, object], what: str) -> None:
    """Await `work` for so long at most."""
    try:
        await asyncio.wait_for(work, seconds)
    except TimeoutError:
        log.warning("Gave up %s after %.0f s", what, seconds)


async def _loaded(settings: Settings) -> dict[str, Sequence[LoadedModel] | None]:
    """What hosts of models have in memory, as far as they tell; None from one that does not answer."""
    loaded: dict[str, Sequence[LoadedModel] | None] = {}
    for provider in {provider.label: provider for provider in providers_of(settings).in_use(settings)}.values():
        loaded |= await provider.loaded()
    return loaded
