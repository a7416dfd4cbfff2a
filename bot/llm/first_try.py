"""A first try of the services that the settings choose: keys, addresses and models, by one small call each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from bot.domain import AnswerError, ServiceError, ServiceUnavailable, StartupError
from bot.llm.provider import EmbedderProvider, ModelProvider, Provider
from bot.llm.registry import providers_of

if TYPE_CHECKING:
    from bot.llm.base import LanguageModel
    from bot.llm.embeddings import Embedder
    from bot.settings import Settings


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one try.

    Attributes:
        service: the provider's label.
        subject: the service and the model, for people.
        error: None where all is well.
    """

    service: str
    subject: str
    error: ServiceError | AnswerError | StartupError | None = None

    @property
    def is_away(self) -> bool:
        """Whether nothing usable answers there, so that the model could not even be asked for."""
        return isinstance(self.error, ServiceUnavailable)


async def try_services(settings: Settings) -> AsyncIterator[Trial]:
    """Try each language model, which is only looked up, and the embedding model, which embeds a text of our own."""
    for provider in providers_of(settings).in_use(settings):
        host = provider.hosts[0]
        if isinstance(provider, ModelProvider):
            for model in provider.models:
                yield await _try(provider, model, partial(provider.open, model, host))
        elif isinstance(provider, EmbedderProvider):
            yield await _try(provider, provider.model, partial(provider.open, host, lambda tokens, seconds: None))


async def _try(provider: Provider[Any], model: str, open_client: Callable[[], LanguageModel | Embedder]) -> Trial:
    subject = f"{provider.title} {model}"
    if provider.lacks:
        return Trial(provider.label, subject, StartupError(provider.lacks))
    try:
        client = open_client()
    except StartupError as error:
        return Trial(provider.label, subject, error)
    try:
        await client.check()
    except (ServiceError, AnswerError, StartupError) as error:
        return Trial(provider.label, subject, error)
    finally:
        await client.aclose()
    return Trial(provider.label, subject)
