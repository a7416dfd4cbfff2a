"""What the rest of the program knows of a vector index."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from bot.domain import Memory, Message, ServiceAbsent, ServiceError
from bot.index.points import VectorQuery, point_id

LONGEST_TEXT: Final = 4_000
"""Characters that are embedded: as much as Discord's longest message, and far below what models take."""


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A memory or a message as the index takes it.

    Attributes:
        source: what is indexed; its id makes the point's id, so that writing it again replaces it.
        text: what was said, with people's names instead of references; this is what gets embedded, and it is not kept.
    """

    source: Memory | Message
    text: str

    @property
    def id(self) -> str:
        """Of its point."""
        return point_id(self.source.id) if isinstance(self.source, Message) else self.source.id

    @property
    def author_ids(self) -> Collection[int]:
        """Who said it."""
        return (self.source.author_id,) if isinstance(self.source, Message) else self.source.author_ids


@dataclass(frozen=True, slots=True)
class ScoredPoint:
    """A memory or message that a search found. `score` is the cosine similarity, larger is nearer.

    Attributes:
        said_id: the message, or of a memory the newest that it cites.
    """

    memory_id: str
    score: float
    said_id: int = 0


@dataclass(frozen=True, slots=True)
class Noise:
    """How similar texts come out that have nothing to do with each other, in the embedding model at hand.

    Models differ widely in that, so that no fixed similarity tells what is related from what is not.

    Attributes:
        mean: their cosine similarity on average.
        deviation: its standard deviation.
    """

    mean: float
    deviation: float

    def above(self, score: float) -> float:
        """How many standard deviations a similarity lies above that of unrelated texts."""
        return (score - self.mean) / max(self.deviation, 1e-6)


class VectorIndex(Protocol):
    """Finds memories, and messages where those are embedded, by meaning.

    Every method may raise ServiceUnavailable (an embedding service or the vector store is down: try later) or
    ServiceRejected (it declined for good).
    """

    async def upsert(self, entries: Sequence[IndexEntry]) -> Mapping[str, ServiceError]:
        """Write entries, durable on return; texts not prefetched are embedded in one request (per 2,048 of them).

        Returns:
            Why, by the ids of their points, for those that could not be embedded while others could: the index does
            not hold them any more.
        """

    async def prove(self, *, embeds: bool) -> None:
        """Do something of our own by the same means: write, and (`embeds`) embed a short text; it changes nothing.

        Raises:
            ServiceError: it can't be done now, whatever it is that is written.
        """

    async def delete(self, memory_ids: Collection[str]) -> None:
        """Forget memories for good: on return no file of an embedded index holds them. Unknown ids are fine."""

    async def search(self, query: VectorQuery) -> list[ScoredPoint]:
        """The memories or messages nearest in meaning to what is asked, best first."""

    async def noise(self) -> Noise:
        """What the model at hand makes of unrelated texts; one embedding request in the life of an index."""

    async def prefetch(self, texts: Sequence[str]) -> None:
        """Embed texts that are about to be searched for or written, in one request (per 2,048 of them).

        Those that can't be are left out: whoever searches for them or writes them is told.
        """

    async def count(self) -> int:
        """How many memories and messages it holds."""

    async def count_citing(self, user_id: int, guild_id: int | None) -> int:
        """How many memories and messages of a member it holds, of one guild or (None) of all."""

    async def count_said(self, guild_id: int, channel_ids: frozenset[int] | None) -> int:
        """How many memories and messages it holds of a guild's channels, or (None) of all of the guild."""

    def memory_ids(self) -> AsyncIterator[str]:
        """The ids of every memory and of every message's point that it holds, page by page."""

    async def aclose(self) -> None:
        """Release its files and connections."""


class NoIndex:
    """Stands where there is no index now: it takes nothing and finds nothing, so that the outbox keeps what is for it.

    Args:
        reason: why, as in "the bot is running and holds the index".
        holds_nothing: whether there is no index at all, so that forgetting has nothing to do.
    """

    def __init__(self, reason: str = "there is no index", *, holds_nothing: bool = True) -> None:
        self._reason = reason
        self._holds_nothing = holds_nothing

    def _absent(self) -> ServiceAbsent:
        return ServiceAbsent("embeddings", self._reason)

    async def upsert(self, entries: Sequence[IndexEntry]) -> Mapping[str, ServiceError]:
        """Decline: they are for an index to come."""
        if entries:
            raise self._absent()
        return {}

    async def prove(self, *, embeds: bool) -> None:
        """Decline."""
        raise self._absent()

    async def delete(self, memory_ids: Collection[str]) -> None:
        """Nothing to do where there is no index at all; else decline."""
        if memory_ids and not self._holds_nothing:
            raise self._absent()

    async def search(self, query: VectorQuery) -> list[ScoredPoint]:
        """Nothing is ever found."""
        return []

    async def noise(self) -> Noise:
        """None: nothing is found that would have to stand out."""
        return Noise(0.0, 0.0)

    async def prefetch(self, texts: Sequence[str]) -> None:
        """Nothing is embedded."""

    async def count(self) -> int:
        """Always 0."""
        return 0

    async def count_citing(self, user_id: int, guild_id: int | None) -> int:
        """Always 0."""
        return 0

    async def count_said(self, guild_id: int, channel_ids: frozenset[int] | None) -> int:
        """Always 0."""
        return 0

    async def memory_ids(self) -> AsyncIterator[str]:
        """Decline: what it lacks is not to be told from what waits for it."""
        raise self._absent()
        yield

    async def aclose(self) -> None:
        """Nothing is held."""
