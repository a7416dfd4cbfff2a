"""What passes between the steps of remembering, and how a batch keeps it until it is applied.

A batch's answer is kept twice: the proposals that passed the exact checks before the model is asked to check them, and
the judged statements before they are applied. Whatever is interrupted goes on from there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.domain import MemoryKind

VERSION = 2
"""Of the form in which answers are kept; those of another version are asked for again."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence that may become a memory.

    Attributes:
        kind: what it is about.
        text: the sentence; people as `<@user_id>`, dates written out.
        message_ids: the messages that state it, oldest first; at least one. Their authors are who said it.
        supporting: messages that only hold a date, link, command or identifier of it, oldest first.
    """

    kind: MemoryKind
    text: str
    message_ids: tuple[int, ...]
    supporting: tuple[int, ...] = ()


class Relation(StrEnum):
    """What a statement is to memories that are near it."""

    NEW = "new"
    SAME = "same"
    REPLACES = "replaces"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the model says about one statement.

    Attributes:
        said: whether its lines say it, with these people and values.
        lasting: whether somebody will want it in three months.
        private: whether it is a private matter, or was asked to be kept secret.
        relation: what it is to the related memories.
        related: ids of memories, or the ids that earlier statements of the same stretch are going to have.
    """

    said: bool
    lasting: bool
    private: bool
    relation: Relation = Relation.NEW
    related: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cost:
    """What the model's answers took.

    Attributes:
        calls: how often the model was asked.
        prompt_tokens: tokens sent, as the service counted them; 0 where it did not say.
        completion_tokens: tokens answered, likewise.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


@dataclass(frozen=True, slots=True)
class Proposed:
    """What the model proposed, after the exact checks.

    Attributes:
        statements: what passed them, in the order of the lines.
        doubtful: what an exact check of its values refused: never kept, but it may say that something changed.
        refusals: how many proposals were refused, by reason.
        cost: of the calls.
    """

    statements: tuple[Statement, ...] = ()
    doubtful: tuple[Statement, ...] = ()
    refusals: Mapping[str, int] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)

    def to_json(self) -> str:
        """The proposals as compact JSON."""
        return _dump(
            {
                "v": VERSION,
                "proposed": list(map(_written, self.statements)),
                "doubtful": list(map(_written, self.doubtful)),
                "refusals": dict(self.refusals),
                "cost": _numbers(self.cost),
            }
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """What is applied once: every statement of a stretch with its judgement.

    Attributes:
        statements: what may be kept, in the order of the lines.
        refused: what is not kept and replaces a memory all the same, which is doubted from then on; without its text.
        refusals: how many proposals were refused, by reason.
        cost: of all calls.
    """

    statements: tuple[tuple[Statement, Judgement], ...] = ()
    refused: tuple[tuple[Statement, Judgement], ...] = ()
    refusals: Mapping[str, int] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)

    def to_json(self) -> str:
        """The judged statements as compact JSON."""
        return _dump(
            {
                "v": VERSION,
                "judged": [[_written(s), _verdict(j)] for s, j in self.statements],
                "refused": [[_written(s), _verdict(j)] for s, j in self.refused],
                "refusals": dict(self.refusals),
                "cost": _numbers(self.cost),
            }
        )


def read_answer(text: str) -> Proposed | Judged | None:
    """Read back what `to_json` wrote; None for an answer of another version, which is to be asked for again."""
    try:
        answer: dict[str, Any] = json.loads(text)
        if answer.get("v") != VERSION:
            return None
        refusals = {str(reason): int(count) for reason, count in answer["refusals"].items()}
        cost = Cost(*answer["cost"])
        if "judged" in answer:
            return Judged(_pairs(answer["judged"]), _pairs(answer["refused"]), refusals, cost)
        return Proposed(
            tuple(map(_statement, answer["proposed"])), tuple(map(_statement, answer["doubtful"])), refusals, cost
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _numbers(cost: Cost) -> list[int]:
    return [cost.calls, cost.prompt_tokens, cost.completion_tokens]


def _written(statement: Statement) -> list[Any]:
    return [statement.kind, statement.text, list(statement.message_ids), list(statement.supporting)]


def _statement(row: list[Any]) -> Statement:
    kind, text, message_ids, supporting = row
    return Statement(MemoryKind(kind), str(text), tuple(map(int, message_ids)), tuple(map(int, supporting)))


def _verdict(judgement: Judgement) -> list[Any]:
    return [judgement.said, judgement.lasting, judgement.private, judgement.relation, list(judgement.related)]


def _judgement(row: list[Any]) -> Judgement:
    said, lasting, private, relation, related = row
    return Judgement(bool(said), bool(lasting), bool(private), Relation(relation), tuple(map(str, related)))


def _pairs(rows: list[list[Any]]) -> tuple[tuple[Statement, Judgement], ...]:
    return tuple((_statement(statement), _judgement(judgement)) for statement, judgement in rows)
