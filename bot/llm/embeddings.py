"""Text to vectors, one request for many texts: what all embedders have in common."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain import (
    AnswerCut,
    AnswerDeclined,
    ChannelMemoryError,
    ServiceAbsent,
    ServiceFailed,
    ServiceRejected,
    TextTooLong,
)
from bot.llm.base import estimate_tokens, plausible_count
from bot.llm.embedding_answers import SERVICE, check_vectors
from bot.llm.wire import MOST_BYTES, ODD_ANSWERS

EMBED_SECONDS = 30.0

FIXED_TEXT = "check"
"""A short text of our own: a service that does not embed it is at fault itself, whatever else it was asked for."""

MAX_TEXTS = 2048
MAX_TOKENS = 250_000
"""Of one request. OpenAI takes 2,048 texts and 300,000 tokens
(https://platform.openai.com/docs/api-reference/embeddings/create)."""

NUMBER_BYTES = 32
"""Of a number of a vector as JSON; 25 at most are needed, with what stands around it."""

_BLANK = "-"
"""Stands for a text without a word in it; OpenAI declines empty texts."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """One request's answer as it came, not yet checked."""

    vectors: object
    tokens: object = None


Tally = Callable[[int | None, float], None]
"""Told the tokens and the seconds of each request that succeeded."""


class Embedder(Protocol):
    """Turns texts into vectors of one size."""

    @property
    def provider(self) -> str:
        """Who computes them: "openai", "ollama" or "fastembed"."""

    @property
    def model(self) -> str:
        """The model's name at the provider."""

    @property
    def dims(self) -> int:
        """Numbers in each vector."""

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of `texts`, in their order; one request up to 2,048 texts.

        Raises:
            ServiceUnavailable: not now (RateLimited where it says how long to wait).
            ServiceRejected: declined for good, or what came are not vectors of the size that the settings name
                (TextTooLong where it says that a text is).
        """

    async def check(self) -> None:
        """Embed one word: whether the service answers, with vectors of the right size. Raises as `embed` does."""

    async def aclose(self) -> None:
        """Close its connections."""


class BaseEmbedder(ABC):
    """What all embedders do: requests of a size that is taken, vectors of the size that is expected."""

    provider: str

    def __init__(self, model: str, dims: int, tally: Tally | None) -> None:
        self.model = model
        self.dims = dims
        self._tally = tally

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """See Embedder."""
        vectors: list[list[float]] = []
        for group in _groups([text if text.strip() else _BLANK for text in texts]):
            started = time.monotonic()
            try:
                embedded = await self._ask(group)
            except ODD_ANSWERS:
                raise ServiceFailed(
                    SERVICE, "its answer can't be read", "see the log of the embedding service"
                ) from None
            if self._tally is not None:
                self._tally(plausible_count(embedded.tokens), time.monotonic() - started)
            vectors += check_vectors(embedded.vectors, len(group), self.dims, self.model)
        return vectors

    async def check(self) -> None:
        """See Embedder."""
        await self.embed([FIXED_TEXT])

    @abstractmethod
    async def _ask(self, texts: list[str]) -> Embedded:
        """One request."""


class AbsentEmbedder:
    """Stands where nothing may be embedded, so that what was embedded before can still be forgotten.

    Args:
        provider: that the settings name.
        model: that the settings name.
        dims: EMBEDDING_DIMS.
        reason: why nothing is embedded.
    """

    def __init__(self, provider: str, model: str, dims: int, reason: str) -> None:
        self.provider = provider
        self.model = model
        self.dims = dims
        self._reason = reason

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Decline what there is to embed."""
        if texts:
            raise ServiceAbsent(SERVICE, self._reason)
        return []

    async def check(self) -> None:
        """Decline."""
        raise ServiceAbsent(SERVICE, self._reason)

    async def aclose(self) -> None:
        """Nothing is held."""


def most_bytes(dims: int) -> int:
    """Of one answer."""
    return MOST_BYTES + MAX_TEXTS * dims * NUMBER_BYTES


def of_embedding(error: ChannelMemoryError) -> ChannelMemoryError:
    """A prompt that does not fit is a text that is too long; one that is declined is a request that is."""
    if isinstance(error, AnswerCut):
        return TextTooLong(SERVICE, "a text is longer than the model's window")
    return ServiceRejected(SERVICE, str(error)) if isinstance(error, AnswerDeclined) else error


def _groups(texts: Sequence[str]) -> Iterator[list[str]]:
    group: list[str] = []
    tokens = 0
    for text in texts:
        size = estimate_tokens(text)
        if group and (len(group) == MAX_TEXTS or tokens + size > MAX_TOKENS):
            yield group
            group, tokens = [], 0
        group.append(text)
        tokens += size
    if group:
        yield group
