"""How strong each hit is beside the best one, by which it is told what is shown at once and what behind "more".

Ranks tell which hit comes first and not by how much: the tenth of ten good hits is as far down as the tenth of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.domain import Hit
from bot.recall.question import Question
from bot.recall.ranking import RankedMessage, count
from bot.text import terms


def with_strength(
    hits: Sequence[Hit], question: Question, ranked: Sequence[RankedMessage], above: Mapping[str, float]
) -> list[Hit]:
    """The hits with their strength: the best of how they compare by words, by score, and in meaning.

    Args:
        hits: what was found.
        question: what was asked.
        ranked: scored messages; a memory is as strong as the best message behind it.
        above: how near memories are in meaning, by their ids.
    """
    scores = {line.spoken.id: line.score for line in ranked}
    counts = {line.spoken.id: line.spoken.counts for line in ranked}

    def held(hit: Hit) -> float:
        """How many words of the question it holds."""
        texts = [counts[message_id] for message_id in hit.message_ids if message_id in counts]
        if hit.memory is not None or not texts:
            texts = [count(question, terms(hit.text))]
        return float(sum(map(any, zip(*texts, strict=True))))

    sides = [
        [held(hit) for hit in hits],
        [max((scores.get(message_id, 0.0) for message_id in hit.message_ids), default=0.0) for hit in hits],
        [0.0 if hit.memory is None else above.get(hit.memory.id, 0.0) for hit in hits],
    ]
    best = [max(side, default=0.0) for side in sides]
    return [
        replace(hit, strength=max((own[n] / top for own, top in zip(sides, best, strict=True) if top > 0), default=1.0))
        for n, hit in enumerate(hits)
    ]
