"""`python -m bot`."""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once: nothing is in hand yet."""
    sys.exit(0)


def start() -> None:
    """Run the command line; the `channel-memory` command is this, too."""
    os.umask(0o077)  # whatever is written here is for this user alone, files of libraries included
    # Before the imports, which take seconds: a container's first process ignores signals that it does not handle.
    signal.signal(signal.SIGTERM, _leave)
    gc.set_threshold(20_000, 20, 20)  # nothing that is imported is garbage: looking for it takes a fifth of the start
    from bot.cli.main import main

    main()


if __name__ == "__main__":
    start()
