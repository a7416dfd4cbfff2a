"""A server that runs the language model and the embedder, and may hold only one of them in memory at a time.

Ollama loads a model in the place of another one where both don't fit, or where it may keep only one
(OLLAMA_MAX_LOADED_MODELS=1). Until then it asks the loaded one whatever comes for it: calls for the language model that
overlap keep the embedder out for as long as they go on. So making memories lets embeddings go first, between its calls;
and embedding what is to be indexed lets searches go first, between requests of some texts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from bot.storage import chunks

if TYPE_CHECKING:
    from bot.llm.embeddings import Embedder
    from bot.llm.guarded import GuardedEmbedder
    from bot.llm.pool import PooledEmbedder
    from bot.llm.resilience import Guard

TEXTS_AT_ONCE: Final = 32
"""In a request for the index: at ten texts a second on a processor a search waits for some three seconds."""

LONGEST_SECONDS: Final = 60.0
"""For which anybody waits for others at most: memories are made, however much is searched."""

GATHER_SECONDS: Final = 30.0
"""For which messages are gathered before they are embedded, so that models are swapped once for all of them."""

_SEARCHING: ContextVar[bool] = ContextVar("searching", default=False)


@contextmanager
def searching() -> Iterator[None]:
    """What is embedded in the block is what somebody searches for, and goes first."""
    token = _SEARCHING.set(True)
    try:
        yield
    finally:
        _SEARCHING.reset(token)


class SharedServer:
    """Who goes first at a server that the language model and the embedder share."""

    def __init__(self) -> None:
        self._searches = _Underway()
        self._batches = _Underway()

    async def before_extraction(self) -> None:
        """Let what is being embedded, or is about to be, go before a call that makes memories."""
        await self._searches.over()
        await self._batches.over()

    async def embed(self, embedder: Embedder, texts: Sequence[str]) -> list[list[float]]:
        """Embed at once what is searched for, and in smaller requests what is to be indexed. Raises as `embed` does."""
        if _SEARCHING.get():
            with self._searches.another():
                return await embedder.embed(texts)
        vectors: list[list[float]] = []
        with self._batches.another():
            for chunk in chunks(texts, TEXTS_AT_ONCE):
                await self._searches.over()
                vectors += await embedder.embed(chunk)
        return vectors


class _Underway:
    """Things of one kind that are under way."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    @contextmanager
    def another(self) -> Iterator[None]:
        """One more for the time of the block."""
        self._count += 1
        self._none.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._none.set()

    async def over(self) -> None:
        """Wait until none is under way, for LONGEST_SECONDS at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_SECONDS):
                await self._none.wait()


class SharingEmbedder:
    """An embedder on a server that it shares with the language model; see Embedder."""

    def __init__(self, embedder: GuardedEmbedder | PooledEmbedder, shared: SharedServer) -> None:
        self.provider = embedder.provider
        self.model = embedder.model
        self.dims = embedder.dims
        self._embedder = embedder
        self._shared = shared

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """See Embedder."""
        return await self._shared.embed(self._embedder, texts)

    @property
    def guards(self) -> list[Guard]:
        """What stands before it, for status and metrics."""
        return self._embedder.guards

    async def check(self) -> None:
        """The embedder's own health check, straight."""
        await self._embedder.check()

    async def aclose(self) -> None:
        """Close its connections."""
        await self._embedder.aclose()
