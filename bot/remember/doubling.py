"""Statements that may say again, in other words, what was made of the same messages when they were read before.

Whether they do is a matter of meaning. A model errs in one verdict of some, so before a second memory is made of the
same messages it is asked again, with nothing beside the statement but the memory that it may double.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain import Memory, MemoryKind, MemoryState
from bot.remember.check import Candidate, refusal
from bot.remember.statement import Judgement, Relation


def maybe_doubled(
    candidates: Sequence[Candidate], judgements: Sequence[Judgement | None], memories: Sequence[Memory]
) -> dict[int, Candidate]:
    """The candidates to be asked about again, by their place, each with the memories that it may double.

    A memory that another statement repeats or replaces has its counterpart, and is doubled by none.

    Args:
        candidates: the statements of a stretch.
        judgements: on each of them.
        memories: those that are kept already, of all that is near a candidate.
    """
    settled = {i for judgement in judgements if judgement is not None for i in judgement.related}
    open_ones = {m.id for m in memories if m.state is MemoryState.CURRENT and m.id not in settled}
    asked: dict[int, Candidate] = {}
    for place, (candidate, judgement) in enumerate(zip(candidates, judgements, strict=True)):
        if judgement is None or judgement.relation is not Relation.NEW or refusal(candidate, judgement):
            continue
        twins = [m for m in candidate.near if m.id in open_ones and _share_messages(candidate, m)]
        if candidate.keepable and candidate.statement.kind is not MemoryKind.TOPIC and twins:
            asked[place] = replace(candidate, near=twins)
    return asked


def with_relation(first: Judgement | None, again: Judgement | None) -> Judgement | None:
    """A judgement with what a second look says that the statement is to memories, if it says anything."""
    if first is None or again is None:
        return first or again
    return first if again.relation is Relation.NEW else replace(first, relation=again.relation, related=again.related)


def _share_messages(candidate: Candidate, memory: Memory) -> bool:
    """Whether all that states one of both states the other."""
    own, ids = set(candidate.statement.message_ids), {citation.message_id for citation in memory.stating}
    return own <= ids or ids <= own
