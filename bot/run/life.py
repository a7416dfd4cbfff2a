"""The life of the running bot: start, work, and an orderly end on SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import portalocker

from bot.domain import CANCEL_SECONDS, InUse, Run, StartupError, Step, no_step, steady_clock
from bot.languages import Languages
from bot.operate import Shards, services_in_use
from bot.run.app import App, open_app
from bot.run.gateway import Gateway
from bot.run.running import FLUSH_SECONDS, beside, keeping_up, observed, told_to_stop, unless, within
from bot.run.shards import LAYOUT, ShardClaim
from bot.run.web_page import web_page
from bot.settings import Settings
from bot.storage import (
    database_address,
    database_file,
    open_store,
    private_folder,
    remove_leftovers,
    setting_of,
)
from cogs.client import ChannelMemoryBot
from cogs.connection import give_way, use_proxies

log = logging.getLogger(__name__)

RETURN_SECONDS = 0.5
"""To return to the queue what is not finished in FLUSH_SECONDS."""

WRITE_SECONDS = 3.0
"""To write what was taken in. All of these, and CLOSE_SECONDS, together stay below END_SECONDS."""

LOCK = "run.lock"
"""Held in the data folder, and with its name before it beside the database, by the bot that runs on them."""


async def live(settings: Settings, step: Step = no_step) -> None:
    """Run the bot until it is told to stop; `step` is told each step of `bot.domain.crash_points` as it is reached.

    Raises:
        StartupError: Discord does not take the token or the intents, or another process has a shard of this one.
    """
    stop = told_to_stop()
    use_proxies(settings.discord_api_url, settings.discord_gateway_url)
    async with (
        alone(settings),
        open_app(
            settings,
            extract=settings.mem0_enabled,
            patient=True,
            leads=settings.leads,
            clock=steady_clock(),
            step=step,
        ) as app,
        ShardClaim(app.db, app.services.installation, settings.shard_ids, settings.shard_count) as shards,
    ):
        if not await unless(stop, shards.take()):
            return
        log.info(services_in_use(settings))
        give_way()
        token = settings.discord_token.get_secret_value() if settings.discord_token else ""
        gateway = Gateway(partial(_bot, app, Languages()), token)
        app.metrics.registry.register(Shards(gateway.shards_up))
        keep = app.supervisor.keep
        async with observed(app, gateway.connected), web_page(app), _writing(app), beside(app.supervisor, _parts(app)):
            connection = asyncio.create_task(
                keep("gateway", gateway.run, may_end=True, fatal=(StartupError,)), name="gateway"
            )
            claim = asyncio.create_task(keep("shards", shards.keep, fatal=(InUse,)), name="shards")
            stopped = asyncio.create_task(stop.wait(), name="stop")
            done, _ = await asyncio.wait({connection, claim, stopped}, return_when=asyncio.FIRST_COMPLETED)
            log.info("Stopping: %s", "as told" if stop.is_set() else "Discord or another process does not let it go on")
            if app.flusher is not None:  # before the cogs go, and what flushes on time with them
                finished = app.flusher.stop(FLUSH_SECONDS)
                await within(FLUSH_SECONDS + RETURN_SECONDS, finished, "finishing what is in hand")
            await gateway.close()
            for task in (connection, claim, stopped):
                task.cancel()
            await asyncio.wait({connection, claim, stopped})
        for part in done - {stopped}:
            part.result()
    log.info("Stopped")


def _bot(app: App, languages: Languages) -> ChannelMemoryBot:
    settings = app.settings
    address = settings.discord_gateway_url
    return ChannelMemoryBot(app.services, languages, gateway_url=address, **shards_of(settings))


def shards_of(settings: Settings) -> dict[str, Any]:
    """discord.py's options for the shards of this process; it asks Discord how many there are where none are given."""
    return {"shard_ids": list(settings.shard_ids), "shard_count": settings.shard_count} if settings.shard_ids else {}


@asynccontextmanager
async def alone(settings: Settings) -> AsyncIterator[None]:
    """Hold the data folder, and an embedded database that is elsewhere, for this bot alone.

    The locks go with the process, however it ends.

    Raises:
        InUse: another bot runs on one of them.
    """
    folder = settings.data_dir
    private_folder(folder)
    held = f"another bot runs on {folder}; stop it, or give this one its own folder"
    with _held(folder / LOCK, "DATA_DIR", held):
        await asyncio.to_thread(remove_leftovers, folder)
        if settings.uses_database_server:
            yield
            return
        address = database_address(settings)
        file = database_file(address, folder).resolve()
        private_folder(file.parent, setting_of(address))
        held = f"another bot runs on {file}; stop it, or give this one its own, or both a PostgreSQL server"
        with _held(file.with_name(f"{file.name}.{LOCK}"), setting_of(address), held):
            yield


async def bot_runs(settings: Settings) -> bool:
    """Whether a bot runs on the data of these settings, on this machine or on another one."""
    try:
        async with alone(settings):
            pass
    except InUse:
        return True
    if not settings.uses_database_server:
        return False
    async with open_store(settings) as db, db.alone(LAYOUT, wait=False) as free:
        return not free


@contextmanager
def _held(lock: Path, setting: str, otherwise: str) -> Iterator[None]:
    """Hold a file, placed by a setting, for this process.

    Raises:
        InUse: another process holds it, as `otherwise` says.
        StartupError: it can't be held at all.
    """
    try:
        file = open(lock, "w", opener=partial(os.open, mode=0o600))  # noqa: SIM115 - closed below; for us alone
    except OSError as error:
        raise StartupError(
            f"{setting}: {lock} can't be written ({error.strerror}): give it and its folder to the user that the bot "
            "runs as"
        ) from None
    with file:
        try:
            portalocker.lock(file, portalocker.LOCK_EX | portalocker.LOCK_NB)
        except portalocker.AlreadyLocked:
            raise InUse(f"{setting}: {otherwise}") from None
        except portalocker.LockException:
            raise StartupError(
                f"{setting}: the file system of {lock.parent} has no locks: choose a folder on a local disk"
            ) from None
        yield


def _parts(app: App) -> dict[str, Run]:
    """What runs beside the gateway."""
    parts: dict[str, Run] = {"housekeeping": app.housekeeping.run, "clerk": app.clerk.run, **keeping_up(app)}
    if app.rereader is not None and app.settings.flush_in_bot:
        parts["rereading"] = app.rereader.run
    if app.settings.leads:
        parts["file of erasures"] = app.erasures.run
    if app.mover is not None and app.settings.leads:  # one of several processes fills the index anew
        parts["mover"] = app.mover.run
    return parts


@asynccontextmanager
async def _writing(app: App) -> AsyncIterator[None]:
    """The intake's writer; at the end everything that was taken in is written."""
    writer = asyncio.create_task(app.supervisor.keep("intake", app.intake.run, may_end=True), name="intake")
    try:
        yield
    finally:
        await within(WRITE_SECONDS, app.intake.stop(), "writing what was taken in")
        writer.cancel()
        await asyncio.wait({writer}, timeout=CANCEL_SECONDS)
