"""Models and embedders behind a guard, with every call in the cost ledger."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from bot.domain import AnswerDeclined, AnswerError, ServiceError, ServiceFailed, ServiceRejected
from bot.llm.base import Completion, CompletionRequest, LanguageModel, fixed
from bot.llm.costs import Ledger
from bot.llm.embeddings import Embedder, Tally
from bot.llm.resilience import Guard

EMBEDDING = "embedding"
"""The purpose of embedding calls in the ledger."""


class CountedModel(ABC):
    """A language model whose calls are counted, and that tells a prompt at fault from a service at fault.

    Where the service breaks over a prompt, or declines it, it is asked about a prompt of our own: if that is answered,
    the first one is declined, and whoever asked can try with parts of it.
    """

    def __init__(self, provider: str, model: str, ledger: Ledger) -> None:
        self.provider = provider
        self.model = model
        self._ledger = ledger

    async def complete(self, request: CompletionRequest) -> Completion:
        """See LanguageModel. Unusable answers are not asked for again here: the caller knows with what to try."""
        try:
            return await self._counted(request)
        except (ServiceFailed, ServiceRejected) as error:
            if not await self._answers(fixed(request)):
                raise
            raise AnswerDeclined(f"{error.service}: {error.what}; it answers another prompt") from None

    async def _counted(self, request: CompletionRequest) -> Completion:
        try:
            answer = await self._ask(request)
        except (ServiceError, AnswerError):
            self._count(request, None)
            raise
        self._count(request, answer)
        return answer

    async def _answers(self, request: CompletionRequest) -> bool:
        """Whether it answers this, however unusably."""
        try:
            await self._counted(request)
        except ServiceError:
            return False
        except AnswerError:
            return True
        return True

    @abstractmethod
    async def _ask(self, request: CompletionRequest) -> Completion:
        """Make the call."""

    def _count(self, request: CompletionRequest, answer: Completion | None) -> None:
        """Put a call into the ledger; no answer: it failed."""
        self._ledger.record(
            self.provider,
            self.model,
            request.purpose,
            prompt_tokens=answer.prompt_tokens if answer else None,
            completion_tokens=answer.completion_tokens if answer else None,
            seconds=answer.seconds if answer else 0.0,
            failed=answer is None,
        )


class GuardedModel(CountedModel):
    """A language model whose calls wait their turn, are retried, and are counted.

    Attributes:
        guard: what stands before it, for status and metrics.
    """

    def __init__(self, model: LanguageModel, guard: Guard, ledger: Ledger) -> None:
        super().__init__(model.provider, model.model, ledger)
        self._model = model
        self.guard = guard

    async def _ask(self, request: CompletionRequest) -> Completion:
        return await self.guard.call(lambda: self._model.complete(request))

    @property
    def guards(self) -> list[Guard]:
        """What stands before it, for status and metrics."""
        return [self.guard]

    async def check(self) -> None:
        """The model's own health check, straight."""
        await self._model.check()

    async def aclose(self) -> None:
        """Close its connections."""
        await self._model.aclose()


class GuardedEmbedder:
    """An embedder whose requests wait their turn and are retried; failures are counted.

    Successes are counted by the embedder's tally (`embedding_tally`), which knows the tokens of each request.

    Attributes:
        guard: what stands before it, for status and metrics.
    """

    def __init__(self, embedder: Embedder, guard: Guard, ledger: Ledger) -> None:
        self._embedder = embedder
        self.guard = guard
        self._ledger = ledger
        self.provider = embedder.provider
        self.model = embedder.model
        self.dims = embedder.dims

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """See Embedder."""
        try:
            return await self.guard.call(lambda: self._embedder.embed(texts))
        except ServiceError:
            count_failed_embedding(self._ledger, self)
            raise

    @property
    def guards(self) -> list[Guard]:
        """What stands before it, for status and metrics."""
        return [self.guard]

    async def check(self) -> None:
        """The embedder's own health check, straight."""
        await self._embedder.check()

    async def aclose(self) -> None:
        """Close its connections."""
        await self._embedder.aclose()


def count_failed_embedding(ledger: Ledger, embedder: Embedder) -> None:
    """Put an embedding call that failed into the ledger."""
    ledger.record(embedder.provider, embedder.model, EMBEDDING, prompt_tokens=None, completion_tokens=None, failed=True)


def embedding_tally(ledger: Ledger, provider: str, model: str) -> Tally:
    """A tally that puts each successful embedding request into the ledger."""

    def tally(tokens: int | None, seconds: float) -> None:
        ledger.record(provider, model, EMBEDDING, prompt_tokens=tokens, completion_tokens=0, seconds=seconds)

    return tally
