"""The bot, killed by itself when it reaches a step: `python -m tests.acceptance.stepping_bot STEP COUNT`.

It dies by SIGKILL when it reaches STEP for the COUNTth time: no handler runs, nothing is given back.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from bot.cli.start import load
from bot.run.life import live
from bot.settings.loading import check_for_run


class Deadly:
    """A step hook that ends the process."""

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._left = count

    def __call__(self, name: str) -> None:
        self._left -= name == self._name
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


def main(step: str, count: str) -> None:
    """Run the bot until it dies."""
    settings = load()
    check_for_run(settings)
    asyncio.run(live(settings, Deadly(step, int(count))))


if __name__ == "__main__":
    main(*sys.argv[1:])
