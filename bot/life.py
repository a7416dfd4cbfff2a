"""The life of the running bot: start, work, and an orderly end on SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import signal
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

from bot.app import App, open_app
from bot.client import ChannelMemoryBot, give_way, stay_connected, use_proxies
from bot.clock import steady_clock
from bot.config import EmbeddingProvider, LLMProvider, Settings
from bot.errors import ChannelMemoryError, InUse
from bot.health import Readiness, serving
from bot.llm.ollama import LoadedModel, close_client, host_name, loaded_models, ollama_client
from bot.metrics import Sources, Standing, page
from bot.resilience import Guard
from bot.steps import Step, no_step
from bot.storage.engine import private_folder

log = logging.getLogger(__name__)

GATEWAY_SECONDS = 2.0
"""To say goodbye to Discord."""

FLUSH_SECONDS = 3.0
"""To finish the batch in hand; what is not done by then is returned to the queue."""

PROBE_SECONDS = 2.0
"""For Ollama to tell what it has loaded, when metrics are scraped."""

WRITE_SECONDS = 3.0
"""To write what was taken in. The three together stay below the 10 s that Docker gives a container."""

LOCK = "run.lock"
"""Held in the data folder by the bot that runs on it."""

CANCEL_SECONDS = 0.5
"""Until a cancellation is repeated."""


async def live(settings: Settings, step: Step = no_step) -> None:
    """Run the bot until it is told to stop; `step` is told each step of `bot.steps` as it is reached.

    Raises:
        StartupError: Discord does not take the token or the intents, or a part that must run has died.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    use_proxies(settings.discord_api_url, settings.discord_gateway_url)
    async with (
        alone(settings.data_dir),
        open_app(settings, extract=settings.mem0_enabled, patient=True, clock=steady_clock(), step=step) as app,
    ):
        give_way(app.intake.counts)
        token = settings.discord_token.get_secret_value() if settings.discord_token else ""
        bot = ChannelMemoryBot(app.services, gateway_url=settings.discord_gateway_url, **shards_of(settings))
        async with _observed(app, bot), _writing(app) as writer, _beside(app) as workers:
            gateway = asyncio.create_task(stay_connected(bot, token), name="gateway")
            stopped = asyncio.create_task(stop.wait(), name="stop")
            parts = {gateway, writer, *workers}
            done, _ = await asyncio.wait({*parts, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            log.info("Stopping: %s", "as told" if stop.is_set() else "a part ended by itself")
            await _within(GATEWAY_SECONDS, bot.close(), "saying goodbye to Discord")
            if app.flusher is not None:
                await app.flusher.stop(FLUSH_SECONDS)
            gateway.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await gateway
        for part in done & parts:
            part.result()
    log.info("Stopped")


def shards_of(settings: Settings) -> dict[str, Any]:
    """discord.py's options for the shards of this process; it asks Discord how many there are where none are given."""
    return {"shard_ids": list(settings.shard_ids), "shard_count": settings.shard_count} if settings.shard_ids else {}


@asynccontextmanager
async def alone(data_dir: Path) -> AsyncIterator[None]:
    """Hold the data folder for this bot alone; the lock goes with the process, however it ends.

    Raises:
        InUse: another bot runs on it.
    """
    private_folder(data_dir)
    with (data_dir / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(f"DATA_DIR: another bot runs on {data_dir}; stop it, or give this one its own folder") from None
        yield


def _observed(app: App, bot: ChannelMemoryBot) -> AbstractAsyncContextManager[object]:
    """Metrics and health where METRICS_PORT asks for them."""
    settings = app.settings
    if settings.metrics_port is None:
        return nullcontext()
    ready = Readiness(gateway=lambda: connected(bot), db=app.db, index=app.index)
    standing = standing_of(app, ready)
    app.metrics.registry.register(standing)
    scrape = partial(page, app.metrics, standing)
    hosts = partial(hosts_of, app.guards)
    return serving(settings.metrics_host, settings.metrics_port, ready=ready.parts, hosts=hosts, metrics=scrape)


def standing_of(app: App, ready: Readiness) -> Standing:
    """What reads this program's standing figures."""
    settings = app.settings
    return Standing(
        Sources(
            log=app.log,
            store=app.store,
            intake=app.intake,
            indexer=app.indexer,
            ledger=app.ledger,
            prices=app.prices,
            guards=app.guards,
            clock=app.services.clock,
            loaded=partial(_loaded, settings.ollama_base_url if _uses_ollama(settings) else ()),
            ready=ready.parts,
        )
    )


def hosts_of(guards: Sequence[Guard]) -> dict[str, str]:
    """Each of several hosts of a service, and whether it is given calls."""
    return {guard.name: guard.breaker.state.value for guard in guards if guard.host is not None}


def connected(bot: ChannelMemoryBot) -> bool:
    """Whether every shard has its gateway session."""
    return bot.is_ready() and bool(bot.shards) and not any(shard.is_closed() for shard in bot.shards.values())


def _uses_ollama(settings: Settings) -> bool:
    extracts = settings.mem0_llm_provider is LLMProvider.OLLAMA
    return settings.mem0_enabled and (extracts or settings.embedding_provider is EmbeddingProvider.OLLAMA)


async def _loaded(base_urls: Sequence[str]) -> dict[str, list[LoadedModel] | None]:
    """What each host of Ollama has in memory; None from one that does not answer."""
    found = await asyncio.gather(*map(_loaded_at, base_urls))
    return {host_name(url): models for url, models in zip(base_urls, found, strict=True)}


async def _loaded_at(base_url: str) -> list[LoadedModel] | None:
    client = ollama_client(base_url, PROBE_SECONDS)
    try:
        return await loaded_models(client)
    except ChannelMemoryError:
        return None
    finally:
        await close_client(client)


@asynccontextmanager
async def _writing(app: App) -> AsyncIterator[asyncio.Task[None]]:
    """The intake's writer; at the end everything that was taken in is written."""
    writer = asyncio.create_task(app.intake.run(), name="intake")
    try:
        yield writer
    finally:
        await _within(WRITE_SECONDS, app.intake.stop(), "writing what was taken in")
        writer.cancel()
        await asyncio.wait({writer}, timeout=CANCEL_SECONDS)


@asynccontextmanager
async def _beside(app: App) -> AsyncIterator[set[asyncio.Task[None]]]:
    """What runs beside the gateway and can be cut off at any moment."""
    workers = {
        asyncio.create_task(app.indexer.run(), name="indexer"),
        asyncio.create_task(app.housekeeping.run(), name="housekeeping"),
        asyncio.create_task(app.clerk.run(), name="clerk"),
    }
    if app.mover is not None:
        workers.add(asyncio.create_task(app.mover.run(), name="mover"))
    try:
        yield workers
    finally:
        left = workers
        while left:
            for worker in left:
                worker.cancel()
            # one that hits the database driver may come out as the driver's error and be taken for a passing fault
            _, left = await asyncio.wait(left, timeout=CANCEL_SECONDS)


async def _within(seconds: float, work: Coroutine[object, object, object], what: str) -> None:
    try:
        await asyncio.wait_for(work, seconds)
    except TimeoutError:
        log.warning("Gave up %s after %.0f s", what, seconds)
