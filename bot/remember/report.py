"""What a flush did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.remember.statement import Cost


@dataclass(slots=True)
class FlushReport:
    """What a flush did.

    Attributes:
        messages: how many messages reached an end state.
        asked: how many messages the model was asked about.
        memories: how many memories are new.
        calls: calls of the language model, those with unusable answers included.
        tokens: that the usable calls took, prompts and answers.
        dead: how many messages became dead letters.
        refusals: statements that were not kept, by reason.
        seconds: wall time.
        waiting: why work is left in the queue ("ollama: ..."); None if nothing kept the flush from finishing.
    """

    messages: int = 0
    asked: int = 0
    memories: int = 0
    calls: int = 0
    tokens: int = 0
    dead: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    waiting: str | None = None

    def add(self, other: FlushReport) -> None:
        """Take another report into this one."""
        self.messages += other.messages
        self.asked += other.asked
        self.memories += other.memories
        self.calls += other.calls
        self.tokens += other.tokens
        self.dead += other.dead
        self.refusals.update(other.refusals)
        self.seconds += other.seconds
        self.waiting = other.waiting or self.waiting

    def paid(self, cost: Cost) -> None:
        """Count what answers took."""
        self.calls += cost.calls
        self.tokens += cost.prompt_tokens + cost.completion_tokens


Progress = Callable[[FlushReport], None]
"""Told what each round did."""


def tell_nobody(report: FlushReport) -> None:
    """Tell nobody."""
