"""Composition, and the life of the processes: the bot, the worker, and a replayed export.

The services are opened, wired and closed here, in order. Each shard runs in one process.
"""

from bot.run.app import (
    App,
    data_key,
    database_address,
    doctor_of,
    moving_alone,
    open_app,
    open_generations,
    open_queue,
    open_store,
    personal_data,
    policy_of,
)
from bot.run.life import alone, bot_runs, live
from bot.run.replay import Replay, Summary
from bot.run.worker import work

__all__ = [
    "App",
    "Replay",
    "Summary",
    "alone",
    "bot_runs",
    "data_key",
    "database_address",
    "doctor_of",
    "live",
    "moving_alone",
    "open_app",
    "open_generations",
    "open_queue",
    "open_store",
    "personal_data",
    "policy_of",
    "work",
]
