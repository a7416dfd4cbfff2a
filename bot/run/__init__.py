"""Composition, and the life of the processes: the bot, the worker, and a replayed export.

The services are opened, wired and closed here, in order. Each shard runs in one process.
"""

from bot.run.app import App, open_app
from bot.run.life import alone, bot_runs, live
from bot.run.replay import Replay, Summary
from bot.run.running import told_to_stop
from bot.run.worker import work

__all__ = [
    "App",
    "Replay",
    "Summary",
    "alone",
    "bot_runs",
    "live",
    "open_app",
    "told_to_stop",
    "work",
]
