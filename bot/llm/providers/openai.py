"""OpenAI, or another service that speaks its protocol under OPENAI_BASE_URL."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import Field

from bot.domain import is_at_home
from bot.llm.prices import Price
from bot.llm.provider import EmbedderProvider, ModelProvider, Provider
from bot.settings import HttpAddress, Key, Section

if TYPE_CHECKING:
    from bot.llm.base import LanguageModel
    from bot.llm.embeddings import Embedder, Tally

QUESTIONS_AT_ONCE = 4
"""As many as a guard lets through in a second."""


class OpenAISettings(Section):
    """The key, the address and the language model of OpenAI."""

    openai_api_key: Key = Field(
        None, description="Key for embeddings (and for extraction where MEM0_LLM_PROVIDER=openai)."
    )
    openai_base_url: HttpAddress | None = Field(None, description="Another server that speaks OpenAI's protocol.")
    openai_llm_model: str = Field("gpt-4o-mini", min_length=1, description="Model that extracts memories in OpenAI.")


class _OpenAI(Provider[OpenAISettings]):
    """What its language models and embedders have in common."""

    label = "openai"
    section = OpenAISettings
    is_free = False

    @property
    def title(self) -> str:
        """OpenAI, with the host where it is another's."""
        url = self.settings.openai_base_url
        return "OpenAI" if url is None else "a server with OpenAI's protocol"

    @property
    def is_outside(self) -> bool:
        """Whether what it is sent leaves the operator's machines: always, but for an OPENAI_BASE_URL at home."""
        url = self.settings.openai_base_url
        return url is None or not is_at_home(url, self.all.own_hosts)

    @property
    def lacks(self) -> str:
        """The key."""
        return "" if self.settings.openai_api_key else "OPENAI_API_KEY is not set"

    @property
    def key(self) -> str | None:
        """The key, to be sent."""
        key = self.settings.openai_api_key
        return key.get_secret_value() if key else None


class OpenAIModels(_OpenAI, ModelProvider[OpenAISettings]):
    """Language models of OpenAI."""

    model_setting = "OPENAI_LLM_MODEL"
    # https://openai.com/api/pricing, without batch or cache discounts
    prices = MappingProxyType(
        {
            "gpt-4o-mini": Price(0.15, 0.60),
            "gpt-4o": Price(2.50, 10.00),
            "gpt-4.1": Price(2.00, 8.00),
            "gpt-4.1-mini": Price(0.40, 1.60),
            "gpt-4.1-nano": Price(0.10, 0.40),
        }
    )

    @property
    def model(self) -> str:
        """OPENAI_LLM_MODEL."""
        return self.settings.openai_llm_model

    @property
    def questions_at_once(self) -> int:
        """As many as its guard lets through in a second."""
        return QUESTIONS_AT_ONCE

    def open(self, model: str, host: str, *, timeout: float | None = None) -> LanguageModel:
        """The client of a model."""
        from bot.llm.openai import ANSWER_SECONDS, OpenAIModel

        url = self.settings.openai_base_url
        return OpenAIModel(self.key, model, base_url=url, timeout=ANSWER_SECONDS if timeout is None else timeout)


class OpenAIEmbedders(_OpenAI, EmbedderProvider[OpenAISettings]):
    """Embedding models of OpenAI."""

    prices = MappingProxyType(
        {
            "text-embedding-3-small": Price(0.02, 0.0),
            "text-embedding-3-large": Price(0.13, 0.0),
            "text-embedding-ada-002": Price(0.10, 0.0),
        }
    )

    @property
    def address(self) -> str:
        """OPENAI_BASE_URL; empty for OpenAI's own."""
        return self.settings.openai_base_url or ""

    def open(self, host: str, tally: Tally) -> Embedder:
        """The client of EMBEDDING_MODEL."""
        from bot.llm.openai_embeddings import OpenAIEmbedder

        url = self.settings.openai_base_url
        return OpenAIEmbedder(self.key, self.model, self.all.embedding_dims, base_url=url, tally=tally)
