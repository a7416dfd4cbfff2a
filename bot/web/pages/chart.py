"""Figures by day, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.operate import DayActivity

HEIGHT = 100


@dataclass(frozen=True, slots=True)
class DayBar:
    """One day: its figures, and the heights of its bars out of HEIGHT.

    Attributes:
        x: place of the bars, from 0 on.
    """

    x: int
    day: DayActivity
    messages: int
    memories: int


def bars(days: Sequence[DayActivity]) -> list[DayBar]:
    """A bar for each day, the highest as high as the chart; what is there is never too small to be seen."""
    highest = max((max(day.messages, day.memories) for day in days), default=0) or 1

    def height(value: int) -> int:
        return min(HEIGHT, max(2, round(HEIGHT * value / highest))) if value else 0

    return [DayBar(place, day, height(day.messages), height(day.memories)) for place, day in enumerate(days)]
