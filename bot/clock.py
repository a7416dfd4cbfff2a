"""The local clock, injected, so that tests can move it.

It serves retention, leases and retries only; the order and time of what was said come from snowflakes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns milliseconds since 1970."""


def system_clock() -> int:
    """Milliseconds since 1970 by this machine's clock."""
    return time.time_ns() // 1_000_000
