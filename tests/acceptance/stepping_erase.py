"""`erase` of the command line, killed by itself: `python -m tests.acceptance.stepping_erase STEP USER`."""

from __future__ import annotations

import sys
from functools import partial

import bot.cli.erase
from bot.run import open_app
from tests.acceptance.stepping_bot import Deadly

if __name__ == "__main__":
    step, user = sys.argv[1:]
    bot.cli.erase.open_app = partial(open_app, step=Deadly(step, 1))  # type: ignore[attr-defined]
    bot.cli.erase.erase(int(user), yes=True)
