"""The providers that the program knows: what their settings are, and which of them the settings choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import Field

from bot.domain import StartupError
from bot.llm.prices import Price, PriceTable, with_own_prices
from bot.llm.provider import EmbedderProvider, ModelProvider, Provider
from bot.settings import Section, Settings, WholeSettings, read_settings, whole

QUEUE, SKIP = "queue", "skip"
"""Values of OLLAMA_FALLBACK that no provider is named by."""

WAYS_OUT = (
    "set it, or stay at home with MEM0_LLM_PROVIDER=ollama and EMBEDDING_PROVIDER=ollama (for instance "
    "EMBEDDING_MODEL=nomic-embed-text EMBEDDING_DIMS=768), or set MEM0_ENABLED=false to search messages by words alone"
)


P = TypeVar("P", bound=Provider[Any])


class ProvidedSettings(WholeSettings):
    """Settings with those of the providers.

    Attributes:
        providers: that the settings were read for.
    """

    providers: ClassVar[Providers]

    def lacking(self) -> list[str]:
        """A line for each setting that a provider in use needs and that is not set."""
        lacks = (provider.lacks for provider in self.providers.in_use(self))
        return [f"{lack}: {WAYS_OUT}" for lack in dict.fromkeys(lacks) if lack]


@dataclass(frozen=True)
class Providers:
    """All providers.

    Attributes:
        models: of language models; the first one is the default.
        embedders: of embedding models; the first one is the default.
    """

    models: tuple[type[ModelProvider[Any]], ...]
    embedders: tuple[type[EmbedderProvider[Any]], ...]

    @cached_property
    def settings_type(self) -> type[ProvidedSettings]:
        """All settings, with those of the providers."""
        sections: Sequence[type[Section]] = [provider.section for provider in (*self.models, *self.embedders)]
        priced = [provider.label for provider in self.models if provider.prices]
        made = whole(
            ProvidedSettings,
            tuple(dict.fromkeys(sections)),
            mem0_llm_provider=_choice(
                [provider.label for provider in self.models], f"Who extracts memories: {_listed(self.models)}."
            ),
            embedding_provider=_choice(
                [provider.label for provider in self.embedders], f"Who embeds memories: {_listed(self.embedders)}."
            ),
            ollama_fallback=_choice(
                [QUEUE, *priced, SKIP],
                "While Ollama does not answer: queue (messages wait), "
                f"{_or(priced)} (takes over, for money) or skip (no memories).",
            ),
        )
        made.providers = self
        return made

    def load_settings(self, env_file: Path | None = Path(".env"), **overrides: Any) -> ProvidedSettings:  # noqa: ANN401 - any field's value
        """Read and check all settings; see `read_settings`."""
        return read_settings(self.settings_type, env_file, **overrides)

    def in_use(self, settings: Settings) -> list[Provider[Any]]:
        """Those that the settings choose, what takes over included."""
        if not settings.mem0_enabled:
            return []
        chosen = (self.model(settings), self.embedder(settings), self.substitute(settings))
        return [provider for provider in chosen if provider is not None]

    def model(self, settings: Settings) -> ModelProvider[Any]:
        """Who runs the language model."""
        return _labelled(self.models, settings.mem0_llm_provider)(settings)

    def embedder(self, settings: Settings) -> EmbedderProvider[Any]:
        """Who embeds."""
        return _labelled(self.embedders, settings.embedding_provider)(settings)

    def substitute(self, settings: Settings) -> ModelProvider[Any] | None:
        """Who takes over while the language model does not answer; None where nobody does."""
        if not self.model(settings).has_fallback or settings.ollama_fallback in (QUEUE, SKIP):
            return None
        return _labelled(self.models, settings.ollama_fallback)(settings)

    def prices(self, settings: Settings) -> PriceTable:
        """What tokens cost.

        Raises:
            StartupError: PRICES_FILE is at fault.
        """
        prices: dict[str, Price] = {}
        free = set()
        for provider in (*self.models, *self.embedders):
            prices |= provider.prices
            if provider(settings).is_free:
                free.add(provider.label)
        return with_own_prices(PriceTable(models=prices, free=frozenset(free)), settings.prices_file)


def providers_of(settings: Settings) -> Providers:
    """The providers that settings were read for.

    Raises:
        TypeError: they were read for none.
    """
    if not isinstance(settings, ProvidedSettings):
        raise TypeError("the settings were read without any providers")
    return settings.providers


def _labelled(providers: Sequence[type[P]], label: str) -> type[P]:
    """The provider of a label.

    Raises:
        StartupError: there is none, as where an index was made by a version that had it.
    """
    for provider in providers:
        if provider.label == label:
            return provider
    raise StartupError(f"no provider is named {label!r}; this version knows {_or([p.label for p in providers])}")


def _choice(labels: Sequence[str], description: str) -> tuple[Any, Any]:
    """A setting that is one of some words, the first by default."""
    return (Literal[tuple(labels)], Field(labels[0], description=description))


def _listed(providers: Sequence[type[Provider[Any]]]) -> str:
    return _or([f"{p.label} ({p.about})" if p.about else p.label for p in providers])


def _or(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words)
