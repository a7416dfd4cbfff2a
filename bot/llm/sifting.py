"""Embeds all texts but those that the model can't embed, and learns what a service takes.

Whether a text or the service is at fault is found out by a short text of our own: where the service embeds that while
it declines the others, these are halved until the text is found that it declines, and all others are embedded. Where
it declines that as well, nothing is said against any text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bot.domain import RateLimited, ServiceAbsent, ServiceError, ServiceRejected, TextTooLong
from bot.llm.base import estimate_tokens
from bot.llm.embeddings import FIXED_TEXT
from bot.storage import chunks

if TYPE_CHECKING:
    from bot.llm.embeddings import Embedder

FIXED_WORD: Final = "word "
"""Of one token; so many of them show whether a text of so many tokens is too long."""

SMALLEST_WINDOW: Final = 512
"""Characters that every embedding model takes, whatever they are: the smallest windows have 256 tokens. A shorter text
is declined for its length only where one of our own is as well, or the service says so."""

SHORTEST_PART: Final = 16
"""Characters of a text below which it is not shortened: what is left would not say what it says."""

FEWEST_TEXTS: Final = 16
"""In a request, where a service fails with more of them without saying that it takes no more."""


@dataclass(slots=True)
class Sifted:
    """What came of some texts.

    Attributes:
        vectors: of the texts that were embedded, whole or (too long ones) by their start.
        shortened: those that were embedded by their start.
        refused: why the service could not embed the others.
    """

    vectors: dict[str, list[float]] = field(default_factory=dict)
    shortened: set[str] = field(default_factory=set)
    refused: dict[str, ServiceError] = field(default_factory=dict)


class Sifter:
    """Embeds through an embedder; keeps what it has learned of the model for as long as it lives."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._most_texts: int | None = None
        self._longest_taken = 0
        self._shortest_refused: int | None = None

    async def embed(self, texts: Sequence[str]) -> Sifted:
        """Embed every text that can be.

        Raises:
            ServiceError: the service embeds nothing now.
        """
        sifted = Sifted()
        await self._sift(list(dict.fromkeys(texts)), sifted)
        return sifted

    @property
    def most_texts(self) -> int | None:
        """Texts that a request may have, as far as was learned; None where nothing was."""
        return self._most_texts

    def read_of(self, text: str) -> int | None:
        """How many of a text's first characters would be embedded; None for all of it, as far as was learned."""
        cut = self._cut(text)
        return None if cut == text else len(cut)

    async def _sift(self, texts: Sequence[str], sifted: Sifted) -> None:
        for group in chunks(texts, self._most_texts or len(texts)):
            await self._sift_request(group, sifted)

    async def _sift_request(self, texts: Sequence[str], sifted: Sifted) -> None:
        try:
            vectors = await self._ask([self._cut(text) for text in texts])
        except _Refused as refusal:
            if len(texts) == 1:
                await self._embed_alone(texts[0], refusal.error, sifted)
                return
            middle = len(texts) // 2
            await self._sift(texts[:middle], sifted)
            await self._sift(texts[middle:], sifted)
            if sifted.shortened.union(sifted.refused).isdisjoint(texts):
                self._learn_most(len(texts) - middle, refusal.error)
            return
        sifted.vectors.update(zip(texts, vectors, strict=True))
        self._longest_taken = max(self._longest_taken, *(estimate_tokens(self._cut(text)) for text in texts))

    async def _ask(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed all of them.

        Raises:
            _Refused: the service can't embed these, while it can embed another text.
            ServiceError: it embeds nothing now.
        """
        try:
            return await self._embedder.embed(texts)
        except (RateLimited, ServiceAbsent):
            raise
        except ServiceError as error:
            await self._prove(error)
            raise _Refused(error) from None

    async def _prove(self, error: ServiceError) -> None:
        """Raise where the service can't embed a short text either: why it can't, as the first error said."""
        try:
            await self._embedder.embed([FIXED_TEXT])
        except (RateLimited, ServiceAbsent, ServiceRejected):
            raise
        except ServiceError:
            raise error from None

    async def _embed_alone(self, text: str, error: ServiceError, sifted: Sifted) -> None:
        """Embed a text that failed: once more where that may have been chance, then shorter."""
        if not isinstance(error, ServiceRejected):
            try:
                (sifted.vectors[text],) = await self._ask([self._cut(text)])
            except _Refused as refusal:
                error = refusal.error
            else:
                return
        await self._shorten(text, error, sifted)

    async def _shorten(self, text: str, error: ServiceError, sifted: Sifted) -> None:
        """Embed as much of the start of a text as the model takes, or note that it takes none of it."""
        sent, vector = self._cut(text), None
        accepted, refused = 0, len(sent)
        for_sure = isinstance(error, TextTooLong) or await self._declines_length(estimate_tokens(sent))
        least = SHORTEST_PART if for_sure else SMALLEST_WINDOW
        while refused - accepted > max(SHORTEST_PART, refused // 8) and refused > least:
            middle = (accepted + refused) // 2
            try:
                (vector,) = await self._ask([sent[:middle]])
                accepted = middle
            except _Refused as refusal:
                error, refused = refusal.error, middle
        if vector is None:
            sifted.refused[text] = error
            return
        sifted.vectors[text] = vector
        sifted.shortened.add(text)
        self._longest_taken = max(self._longest_taken, estimate_tokens(sent[:accepted]))
        await self._learn_longest(estimate_tokens(sent[:refused]))

    def _cut(self, text: str) -> str:
        """A text as it is sent: cut where texts of its length were declined, and none as long was ever taken."""
        tokens = estimate_tokens(text)
        if self._shortest_refused is None or tokens < max(self._shortest_refused, self._longest_taken + 1):
            return text
        while tokens > self._longest_taken:
            text = text[: min(len(text) - 1, len(text) * self._longest_taken // tokens)]
            tokens = estimate_tokens(text)
        return text

    async def _learn_longest(self, tokens: int) -> None:
        """The length of a text may have been why it was declined: see by a text of our own that is as long."""
        if tokens <= self._longest_taken or tokens >= (self._shortest_refused or tokens + 1):
            return
        if await self._declines_length(tokens):
            self._shortest_refused = tokens
        else:
            self._longest_taken = tokens

    async def _declines_length(self, tokens: int) -> bool:
        """Whether a text of our own is declined that has so many tokens: then it is for its length."""
        try:
            await self._ask([FIXED_WORD * tokens])
        except _Refused:
            return True
        return False

    def _learn_most(self, texts: int, error: ServiceError) -> None:
        """Each half of a request was taken, and the whole was not."""
        fewest = texts if isinstance(error, ServiceRejected) else max(texts, FEWEST_TEXTS)
        self._most_texts = min(fewest, self._most_texts or fewest)


class _Refused(Exception):
    """The service declined texts while it embeds others."""

    def __init__(self, error: ServiceError) -> None:
        self.error = error
