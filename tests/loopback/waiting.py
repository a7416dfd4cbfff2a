"""Waiting for something to become true, without guessing how long it takes."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

T = TypeVar("T")


async def eventually(
    look: Callable[[], T | Awaitable[T | None] | None], *, within: float = 5.0, what: str = "what was waited for"
) -> T:
    """Look again and again until there is something truthy to see, and return it.

    Raises:
        TimeoutError: it did not come within that many seconds.
    """
    deadline = time.monotonic() + within
    while True:
        looked = look()
        seen = cast(T, await looked if inspect.isawaitable(looked) else looked)
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {within:g} s")
        await asyncio.sleep(0.01)
