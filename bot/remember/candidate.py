"""What an extraction yields: candidates for memories, and why others were refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from bot.domain import MemoryKind


@dataclass(frozen=True, slots=True)
class Candidate:
    """A statement that passed the gate and may become a memory.

    Attributes:
        kind: what it is about.
        text: the statement; people appear as `<@user_id>`.
        message_ids: the messages that it stands on, oldest first; at least one.
    """

    kind: MemoryKind
    text: str
    message_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Extraction:
    """The validated outcome of extracting one segment; kept as JSON until it is applied.

    Attributes:
        candidates: what passed the gate.
        refusals: how many proposals the gate refused, by reason.
        calls: how often the model was asked (0 where nothing in the segment was worth asking about).
        prompt_tokens: tokens sent, as the service counted them; 0 where it did not say.
        completion_tokens: tokens answered, likewise.
    """

    candidates: tuple[Candidate, ...] = ()
    refusals: Mapping[str, int] = field(default_factory=dict)
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def to_json(self) -> str:
        """The extraction as compact JSON."""
        candidates = [[c.kind, c.text, [str(i) for i in c.message_ids]] for c in self.candidates]
        answer = {
            "candidates": candidates,
            "refusals": dict(self.refusals),
            "calls": self.calls,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
        }
        return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read back what `to_json` wrote."""
        answer: dict[str, Any] = json.loads(text)
        candidates = tuple(
            Candidate(MemoryKind(kind), statement, tuple(int(i) for i in ids))
            for kind, statement, ids in answer.pop("candidates")
        )
        return cls(candidates, **answer)
