"""Any server that speaks OpenAI's protocol, under a name of its own: llama.cpp, LM Studio, vLLM, LiteLLM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from bot.domain import is_at_home
from bot.llm.provider import EmbedderProvider, ModelProvider, Provider
from bot.settings import HttpAddress, Key, Section

if TYPE_CHECKING:
    from bot.llm.base import LanguageModel
    from bot.llm.embeddings import Embedder, Tally

ANSWER_SECONDS = 180.0
"""For one answer; a server at home may have to load the model first."""

LABEL = "openai-compatible"


class CompatibleSettings(Section):
    """Where the server is, and what it runs."""

    compatible_base_url: HttpAddress | None = Field(
        None,
        description="Where the server of `openai-compatible` listens: http://localhost:8080/v1 for llama.cpp, "
        "http://localhost:1234/v1 for LM Studio, http://localhost:8000/v1 for vLLM.",
    )
    compatible_api_key: Key = Field(None, description="Key of that server, where it wants one.")
    compatible_name: str = Field(
        "a server with OpenAI's protocol",
        min_length=1,
        max_length=60,
        description="What members are told that it is, such as LM Studio.",
    )
    compatible_model: str = Field("default", min_length=1, description="Model that extracts memories there.")
    compatible_concurrency: int = Field(1, ge=1, le=64, description="Calls that it works on at once.")


class _Compatible(Provider[CompatibleSettings]):
    """What its language models and embedders have in common."""

    label = LABEL
    section = CompatibleSettings
    about = "llama.cpp, LM Studio, vLLM and others"

    @property
    def title(self) -> str:
        """COMPATIBLE_NAME."""
        return self.settings.compatible_name

    @property
    def is_outside(self) -> bool:
        """Whether its address is not one of the operator's own."""
        return not is_at_home(self.url, self.all.own_hosts)

    @property
    def lacks(self) -> str:
        """The address."""
        return "" if self.url else "COMPATIBLE_BASE_URL is not set"

    @property
    def url(self) -> str:
        """COMPATIBLE_BASE_URL; empty where it is not set."""
        return self.settings.compatible_base_url or ""

    @property
    def key(self) -> str | None:
        """The key, to be sent."""
        key = self.settings.compatible_api_key
        return key.get_secret_value() if key else None

    @property
    def places(self) -> int:
        """COMPATIBLE_CONCURRENCY."""
        return self.settings.compatible_concurrency


class CompatibleModels(_Compatible, ModelProvider[CompatibleSettings]):
    """Language models of such a server."""

    model_setting = "COMPATIBLE_MODEL"

    @property
    def model(self) -> str:
        """COMPATIBLE_MODEL."""
        return self.settings.compatible_model

    def open(self, model: str, host: str, *, timeout: float | None = None) -> LanguageModel:
        """The client of a model."""
        from bot.llm.manners import Manner
        from bot.llm.openai import OpenAIModel, SettingNames

        return OpenAIModel(
            self.key,
            model,
            base_url=self.url,
            timeout=ANSWER_SECONDS if timeout is None else timeout,
            provider=self.label,
            settings=SettingNames("COMPATIBLE_BASE_URL", "COMPATIBLE_API_KEY"),
            lists_models=False,
            manner=Manner.elsewhere(),
        )


class CompatibleEmbedders(_Compatible, EmbedderProvider[CompatibleSettings]):
    """Embedding models of such a server."""

    @property
    def address(self) -> str:
        """COMPATIBLE_BASE_URL."""
        return self.url

    @property
    def shares_server(self) -> bool:
        """Whether a server of the operator's own runs the language model as well."""
        return self.all.mem0_enabled and self.all.mem0_llm_provider == self.label and not self.is_outside

    def open(self, host: str, tally: Tally) -> Embedder:
        """The client of EMBEDDING_MODEL."""
        from bot.llm.openai import SettingNames
        from bot.llm.openai_embeddings import OpenAIEmbedder

        return OpenAIEmbedder(
            self.key,
            self.model,
            self.all.embedding_dims,
            base_url=self.url,
            tally=tally,
            provider=self.label,
            settings=SettingNames("COMPATIBLE_BASE_URL", "COMPATIBLE_API_KEY"),
        )
