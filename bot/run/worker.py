"""A worker: flushes what the bots take in, without Discord; any number of them share one database and one index.

Which channel each works on is agreed through leases in the database. What a worker had in hand when it was killed is
taken over when its lease ends.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from bot.domain import Run, Step, no_step, steady_clock
from bot.remember import Flusher
from bot.run.app import App, open_app
from bot.run.running import FLUSH_SECONDS, beside, keeping_up, observed, told_to_stop, within
from bot.settings import Settings
from bot.storage import BOT_ID

log = logging.getLogger(__name__)

CHECK_SECONDS = 1.0
"""Between two looks for what is due, while nothing is."""


async def work(settings: Settings, step: Step = no_step) -> None:
    """Flush until told to stop; `step` is told each step of `bot.domain.crash_points` as it is reached.

    Raises:
        StartupError: the database or the index can't be used.
    """
    stop = told_to_stop()
    async with open_app(settings, extract=True, patient=True, clock=steady_clock(), step=step) as app:
        if app.flusher is None:
            return
        parts: dict[str, Run] = {
            "flushing": partial(_flush, app, app.flusher),
            "ledger": app.ledger.run,
            **keeping_up(app),
        }
        if app.rereader is not None:
            parts["rereading"] = app.rereader.run
        async with observed(app, None), beside(app.supervisor, parts):
            log.info("Working")
            await stop.wait()
            log.info("Stopping: as told")
            await within(2 * FLUSH_SECONDS, app.flusher.stop(FLUSH_SECONDS), "finishing what is in hand")
    log.info("Stopped")


async def _flush(app: App, flusher: Flusher) -> None:
    """Do what is due, for ever; what the database refuses is tried again."""
    waiting: str | None = None
    while True:
        try:
            bot_id = await app.services.installation.get(BOT_ID)
            flusher.bot_id = None if bot_id is None else int(bot_id)
            report = await flusher.flush_due()
        except SQLAlchemyError as error:
            log.warning("Flushing waits for the database: %s", type(error).__name__)
        else:
            if report.waiting not in (None, waiting):
                log.warning("Flushing waits: %s", report.waiting)
            waiting = report.waiting
        await asyncio.sleep(CHECK_SECONDS)
