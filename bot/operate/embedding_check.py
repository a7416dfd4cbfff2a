"""Whether the embedding service does what the work asks: one text, many at once, and the longest that may come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.index import LONGEST_TEXT
from bot.llm import FIXED_TEXT, Sifter

if TYPE_CHECKING:
    from bot.llm import Embedder

AT_ONCE: Final = 16
"""Texts in one request, at least: a flush embeds about so many."""

NUMBERED: Final = [f"The train to platform {number} is late." for number in range(AT_ONCE)]
LONGEST: Final = ("The train to the coast leaves at seven in the morning. " * LONGEST_TEXT)[:LONGEST_TEXT]


@dataclass(frozen=True, slots=True)
class EmbeddingFacts:
    """What an embedding service takes.

    Attributes:
        at_once: texts in one request, AT_ONCE at most.
        longest: characters of a long text that it reads; None where it reads the longest that may come.
    """

    at_once: int = AT_ONCE
    longest: int | None = None


async def examine_embedder(embedder: Embedder) -> EmbeddingFacts:
    """Embed what the work may ask for.

    Raises:
        ServiceError: it embeds nothing, or not what the work asks for.
    """
    await embedder.embed([FIXED_TEXT])
    sifter = Sifter(embedder)
    for texts in (NUMBERED, [LONGEST]):
        for refusal in (await sifter.embed(texts)).refused.values():
            raise refusal
    return EmbeddingFacts(sifter.most_texts or AT_ONCE, sifter.read_of(LONGEST))
