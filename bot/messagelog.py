"""The message log: what was said, as it was said, until retention or erasure takes it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.model import Message


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it comes in.

    Attributes:
        author_name: display name of its author at that time.
    """

    message: Message
    author_name: str
