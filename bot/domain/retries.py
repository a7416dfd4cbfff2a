"""When things that failed may be tried again, each after waits of its own."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.domain.clock import Clock
from bot.domain.supervision import FIRST_DELAY_SECONDS, Backoff

Key = TypeVar("Key", bound=Hashable)


@dataclass(slots=True)
class _Waiting:
    backoff: Backoff
    until_ms: int = 0


class Retries(Generic[Key]):
    """Things by a key, such as channels by their ids; what never failed may be tried at any time.

    Args:
        clock: milliseconds since 1970.
        first: seconds after the first failure, more or less; they double up to those of a back-off.
    """

    def __init__(self, clock: Clock, first: float = FIRST_DELAY_SECONDS) -> None:
        self._clock = clock
        self._first = first
        self._waiting: dict[Key, _Waiting] = {}

    def due(self, key: Key) -> bool:
        """Whether it may be tried now."""
        waiting = self._waiting.get(key)
        return waiting is None or self._clock() >= waiting.until_ms

    def failed(self, key: Key) -> None:
        """It waits, longer each time."""
        waiting = self._waiting.setdefault(key, _Waiting(Backoff(self._first)))
        waiting.until_ms = self._clock() + round(waiting.backoff.after_failure() * 1000)

    def succeeded(self, key: Key) -> None:
        """It went well, or something changed: the next failure is its first one."""
        self._waiting.pop(key, None)
