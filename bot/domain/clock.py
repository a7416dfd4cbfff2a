"""The local clock, injected, so that tests can move it.

It serves retention, leases and retries only; the order and time of what was said come from snowflakes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns milliseconds since 1970."""


FAR_MS = 86_400_000
"""No wait is set further ahead than a day: what waits for longer was set before the clock was put back."""


def steady_clock() -> Clock:
    """A clock that is set by this machine's now and then runs by itself: a jump of the machine's changes nothing.

    It goes on while the machine sleeps. The next start sets it anew.
    """
    running = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # macOS' monotonic clock counts sleep by itself
    offset = time.time_ns() - time.clock_gettime_ns(running)

    def now() -> int:
        return (time.clock_gettime_ns(running) + offset) // 1_000_000

    return now


def system_clock() -> int:
    """Milliseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1_000_000
