"""The two ways in to a real Ollama: its own protocol, and OpenAI's at its `/v1`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from bot.llm.loading import load_settings
from bot.llm.providers import PROVIDERS
from tests.fixtures.index import DIMS
from tests.real.servers import RealServer, given

if TYPE_CHECKING:
    from bot.llm.base import LanguageModel
    from bot.llm.embeddings import Embedder

OWN, OPENAI = WAYS = "ollama", "openai-compatible"
SECONDS = 300.0
"""For one answer of a small model on a busy processor."""


@dataclass(frozen=True)
class Way:
    """A way in to a real Ollama.

    Attributes:
        label: of the provider.
    """

    server: RealServer
    label: str

    def settings(self, *, embeds: bool = True) -> dict[str, str]:
        """The environment of a bot that takes this way, for its answers and, where it `embeds`, its vectors."""
        settings = {"MEM0_LLM_PROVIDER": self.label} | {
            OWN: {"OLLAMA_BASE_URL": self.server.url, "OLLAMA_MODEL": given("REAL_OLLAMA_MODEL")},
            OPENAI: {"COMPATIBLE_BASE_URL": f"{self.server.url}/v1", "COMPATIBLE_MODEL": given("REAL_OLLAMA_MODEL")},
        }[self.label]
        if embeds:
            model = given("REAL_EMBEDDING_MODEL")
            settings |= {"EMBEDDING_PROVIDER": self.label, "EMBEDDING_MODEL": model}
            settings["EMBEDDING_DIMS"] = str(self.length("embedding_length", model))
        return settings

    def length(self, name: str, model: str) -> int:
        """What the server tells of a model: its `context_length` or `embedding_length`."""
        told = httpx.post(f"{self.server.url}/api/show", json={"model": model}, timeout=30).raise_for_status().json()
        return next(int(value) for key, value in told["model_info"].items() if key.endswith(f".{name}"))

    @asynccontextmanager
    async def model(self, name: str | None = None) -> AsyncIterator[LanguageModel]:
        """The client of a chat model, without guards before it."""
        changes = {key.lower(): value for key, value in self.settings(embeds=False).items()}
        provider = PROVIDERS.model(load_settings(None, embedding_dims=DIMS, **changes))
        model = provider.open(name or provider.model, provider.hosts[0], timeout=SECONDS)
        try:
            yield model
        finally:
            await model.aclose()

    @asynccontextmanager
    async def embedder(self) -> AsyncIterator[Embedder]:
        """The client of the embedding model."""
        settings = self.settings()
        provider = PROVIDERS.embedder(load_settings(None, **{key.lower(): value for key, value in settings.items()}))
        embedder = provider.open(provider.hosts[0], lambda *_: None)
        try:
            yield embedder
        finally:
            await embedder.aclose()


@contextmanager
def copy_of_the_model(server: RealServer, name: str = "channel-memory-tests") -> Iterator[str]:
    """A copy of the chat model under a name of ours, removed with the block if it is still there."""
    source = given("REAL_OLLAMA_MODEL")
    known = {model["name"] for model in httpx.get(f"{server.url}/api/tags", timeout=30).json()["models"]}
    if f"{name}:latest" in known:
        raise PermissionError(f"Ollama has a model {name} already")
    httpx.post(f"{server.url}/api/copy", json={"source": source, "destination": name}, timeout=30).raise_for_status()
    try:
        yield name
    finally:
        remove_model(server, name)


def remove_model(server: RealServer, name: str) -> None:
    """Remove a copy that was made here."""
    httpx.request("DELETE", f"{server.url}/api/delete", json={"model": name}, timeout=30)
