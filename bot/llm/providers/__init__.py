"""Who runs models: one file for each, which says everything that the program has to know of it.

`PROVIDERS` is the list of them. Whoever adds one writes its file and names it there.
"""

from __future__ import annotations

from bot.llm.providers.anthropic import AnthropicModels
from bot.llm.providers.compatible import CompatibleEmbedders, CompatibleModels
from bot.llm.providers.fastembed import FastEmbedders
from bot.llm.providers.ollama import OllamaEmbedders, OllamaModels
from bot.llm.providers.openai import OpenAIEmbedders, OpenAIModels
from bot.llm.registry import Providers

PROVIDERS = Providers(
    models=(OllamaModels, OpenAIModels, AnthropicModels, CompatibleModels),
    embedders=(OpenAIEmbedders, OllamaEmbedders, FastEmbedders, CompatibleEmbedders),
)
