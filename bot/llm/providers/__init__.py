"""Who runs models: one file for each, which says everything that the program has to know of it.

`PROVIDERS` is the list of them. Whoever adds one writes its file and names it there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.llm.providers.anthropic import AnthropicModels
from bot.llm.providers.compatible import CompatibleEmbedders, CompatibleModels
from bot.llm.providers.fastembed import FastEmbedders
from bot.llm.providers.ollama import OllamaEmbedders, OllamaModels
from bot.llm.providers.openai import OpenAIEmbedders, OpenAIModels
from bot.llm.registry import Providers
from bot.settings import Settings

PROVIDERS = Providers(
    models=(OllamaModels, OpenAIModels, AnthropicModels, CompatibleModels),
    embedders=(OpenAIEmbedders, OllamaEmbedders, FastEmbedders, CompatibleEmbedders),
)


def load_settings(env_file: Path | None = Path(".env"), **overrides: Any) -> Settings:  # noqa: ANN401 - any field's value
    """Read and check the settings of the program and of its providers; see `bot.settings.read_settings`."""
    return PROVIDERS.load_settings(env_file, **overrides)
