"""Texts that have nothing to do with each other, to learn from an embedding model what that looks like in its vectors.

With all-MiniLM-L6-v2 their pairs have a cosine similarity of 0.059 on average, with a standard deviation of 0.069; of
nonsense questions against some thousand chat messages it is 0.044 to 0.056 and 0.066 to 0.069.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import combinations
from operator import mul

from bot.index.base import Noise

UNRELATED = (
    "The train to the coast leaves at seven in the morning.",
    "I planted tomatoes behind the shed last week.",
    "The compiler complains about a missing semicolon.",
    "Our goalkeeper broke his wrist in the second half.",
    "She borrowed three novels from the library.",
    "Please send the invoice before the end of the month.",
    "The volcano has been quiet for two hundred years.",
    "He plays the cello in a string quartet.",
    "Add a pinch of salt and let the dough rest.",
    "The dentist said that the tooth can be saved.",
    "Who won the chess tournament?",
    "How do I reset my password?",
    "What colour is the new sofa?",
    "When does the museum open on Sundays?",
    "Why did the bridge have to be closed?",
    "Where can I buy cheap winter tyres?",
)


def noise_of(vectors: Sequence[Sequence[float]]) -> Noise:
    """Mean and deviation of the cosine similarities of all pairs of vectors."""
    similar = [_cosine(vector, other) for vector, other in combinations(vectors, 2)]
    return Noise(statistics.fmean(similar), statistics.pstdev(similar))


def _cosine(vector: Sequence[float], other: Sequence[float]) -> float:
    lengths = math.hypot(*vector) * math.hypot(*other)
    return sum(map(mul, vector, other)) / lengths if lengths else 0.0
