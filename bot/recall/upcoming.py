"""Which plans lie ahead, by the days that their statements tell."""

from __future__ import annotations

from datetime import date, tzinfo

from bot.domain import Memory
from bot.text import Appointment, appointments


def days_of(memory: Memory, zone: tzinfo) -> list[Appointment]:
    """The days that a memory tells, counted from the day on which it was said there, earliest first."""
    return appointments(memory.text, memory.said_at.astimezone(zone).date())


def next_day(memory: Memory, today: date, zone: tzinfo) -> Appointment | None:
    """The first of its days that is not over."""
    return next((day for day in days_of(memory, zone) if day.last >= today), None)
