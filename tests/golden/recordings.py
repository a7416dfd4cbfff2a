"""What a real model answered to the golden chats, and what was kept of it.

A recording does not hang on the prompt's wording: an answer is found again by the messages that were asked about, in
the order and with the labels in which the model saw them. So it still fits where only the instructions have changed
(the prompt's hash is noted), and no longer where segments, lines or labels have.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from bot.domain.model import MemoryState
from bot.remember.prompt import SYSTEM
from tests.golden.play import Call, Played
from tests.loopback.ollama import Answer

FOLDER = Path(__file__).parent / "recorded"
AGAIN = "record again: python -m tests.golden.record --base-url http://localhost:11434 --model MODEL --only {name!r}"
APPROVE = "if that is right: python -m tests.golden.record --approve, and look at what git shows"


class NotRecorded(AssertionError):
    """A call that the recorded model was never asked."""

    def __init__(self, name: str, key: str) -> None:
        super().__init__(f"{name!r} now asks something else than was recorded ({key}); {AGAIN.format(name=name)}")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came from the model, and what it answered."""

    asked: str
    answer: str
    done_reason: str
    prompt_eval_count: int | None
    eval_count: int | None

    def again(self) -> Answer:
        """The answer for the loopback server to give."""
        return Answer(self.answer, self.done_reason, self.prompt_eval_count, self.eval_count)


@dataclass(slots=True)
class Recording:
    """One chat with one model.

    Attributes:
        prompt: hash of the instructions that the model had.
        replies: its answers, in order.
        kept: what was kept of them: kind, text, cited message numbers, state.
        refused: how many statements were not, by reason.
        dead: numbers of the messages that it gave no usable answer about.
    """

    prompt: str
    replies: list[Reply]
    kept: list[list[Any]] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    dead: list[int] = field(default_factory=list)

    def outcome(self, played: Played) -> None:
        """Take over what came of it."""
        self.kept, self.refused, self.dead = kept_of(played), refused_of(played.refusals), played.dead


class Replay:
    """Answers as the model did."""

    def __init__(self, name: str, recording: Recording) -> None:
        self._name = name
        self.left = list(recording.replies)

    def __call__(self, call: Call) -> Answer:
        found = next((reply for reply in self.left if reply.asked == call.key), None)
        if found is None:
            raise NotRecorded(self._name, call.key)
        self.left.remove(found)
        return found.again()


def kept_of(played: Played) -> list[list[Any]]:
    """What was kept, as it is recorded."""
    states = {MemoryState.CURRENT: "current", MemoryState.SUPERSEDED: "superseded"}
    return [[m.kind.value, m.text, list(played.cited(m)), states[m.state]] for m in played.memories]


def refused_of(refusals: Mapping[str, int]) -> dict[str, int]:
    """Refusals as they are recorded."""
    return dict(sorted(Counter(refusals).items()))


def prompt_hash() -> str:
    """Hash of the constant instructions."""
    return hashlib.sha256(SYSTEM.encode()).hexdigest()[:12]


def file_of(model: str) -> Path:
    """Where a model's answers are."""
    return FOLDER / f"{model.replace(':', '-').replace('/', '-')}.json"


@cache
def all_recordings() -> dict[str, dict[str, Recording]]:
    """Every recording, by model and chat."""
    return {told["model"]: read(told) for told in map(_told, sorted(FOLDER.glob("*.json")))}


def read(told: Mapping[str, Any]) -> dict[str, Recording]:
    """The recordings of one file by chat."""
    return {
        name: Recording(**(one | {"replies": [Reply(**reply) for reply in one["replies"]]}))
        for name, one in told["chats"].items()
    }


def write(model: str, recordings: Mapping[str, Recording], names: Iterable[str]) -> None:
    """Write a model's recordings of the chats that there are."""
    chats = [f"{_compact(name)}: {_lines(recordings[name])}" for name in sorted(names) if name in recordings]
    text = f'{{"model": {_compact(model)}, "chats": {{\n' + ",\n".join(chats) + "\n}}\n"
    FOLDER.mkdir(exist_ok=True)
    file_of(model).write_text(text, encoding="utf-8")


def _lines(recording: Recording) -> str:
    """A recording as JSON with a line for each answer and each memory, so that a change is easy to see."""
    parts = []
    for key, value in asdict(recording).items():
        many = isinstance(value, list) and value and not isinstance(value[0], int)
        shown = "[\n   " + ",\n   ".join(map(_compact, value)) + "]" if many else _compact(value)
        parts.append(f"{_compact(key)}: {shown}")
    return "{\n  " + ",\n  ".join(parts) + "}"


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _told(file: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return told
