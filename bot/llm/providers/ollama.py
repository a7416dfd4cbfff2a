"""Ollama: models on the operator's own machines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import Field

from bot.domain import ChannelMemoryError, Finding, host_name, is_at_home
from bot.llm.provider import Download, EmbedderProvider, LoadedModel, ModelProvider, Provider
from bot.settings import HttpHosts, Section

if TYPE_CHECKING:
    from bot.llm.base import LanguageModel
    from bot.llm.embeddings import Embedder, Tally
    from bot.llm.ollama_embeddings import OllamaEmbedder

PULL_SECONDS = 120.0
"""Without a word from Ollama while it pulls; it tells its progress several times a second."""

PROBE_SECONDS = 2.0
"""For Ollama to tell what it has loaded, when metrics are scraped."""

LIST_SECONDS = 15.0
"""For Ollama to list its models."""

SPARE_PLACES = 3
"""Embedding calls that a host is asked beside its calls for answers: they are short, and members wait for them."""


class OllamaSettings(Section):
    """Where Ollama is, and its language model."""

    ollama_base_url: HttpHosts = Field(
        ("http://localhost:11434",),
        description="Where Ollama listens. Several hosts, with commas between and the same models, share the work.",
    )
    ollama_concurrency: int = Field(
        1, ge=1, le=64, description="Calls that each Ollama host works on at once (its own OLLAMA_NUM_PARALLEL)."
    )
    ollama_model: str = Field("llama3.1:8b", min_length=1, description="Model that extracts memories in Ollama.")


class _Ollama(Provider[OllamaSettings]):
    """What its language models and embedders have in common."""

    label = "ollama"
    section = OllamaSettings
    about = "your own machine"
    mem0_name = "ollama"
    title = "Ollama"
    is_free = True

    @property
    def is_outside(self) -> bool:
        """Whether it is on the internet, or one of its models only stands for one there."""
        at_home = all(is_at_home(url, self.all.own_hosts) for url in self.hosts)
        return not at_home or self.model.endswith("cloud")

    @property
    def hosts(self) -> Sequence[str]:
        """OLLAMA_BASE_URL."""
        return self.settings.ollama_base_url

    @property
    def mem0_config(self) -> Mapping[str, Any]:
        """What mem0's configuration says of the model."""
        return {"model": self.model, "ollama_base_url": self.hosts[0]}

    async def loaded(self) -> Mapping[str, Sequence[LoadedModel] | None]:
        """The models that each host has in memory."""
        answers = await asyncio.gather(*map(_loaded_at, self.hosts))
        return {host_name(url): models for url, models in zip(self.hosts, answers, strict=True)}

    def downloads(self) -> Sequence[Download]:
        """The model, at each host; what is there already is only compared."""
        return [_download(url, self.model) for url in self.hosts]


class OllamaModels(_Ollama, ModelProvider[OllamaSettings]):
    """Language models in Ollama."""

    has_fallback = True
    model_setting = "OLLAMA_MODEL"

    @property
    def model(self) -> str:
        """OLLAMA_MODEL."""
        return self.settings.ollama_model

    @property
    def places(self) -> int:
        """OLLAMA_CONCURRENCY."""
        return self.settings.ollama_concurrency

    def open(self, model: str, host: str, *, timeout: float | None = None) -> LanguageModel:
        """The client of a model at one of the hosts."""
        from bot.llm.ollama import ANSWER_SECONDS, OllamaModel

        return OllamaModel(host, model, timeout=ANSWER_SECONDS if timeout is None else timeout)

    def downloads(self) -> Sequence[Download]:
        """OLLAMA_MODEL and CHECK_MODEL, at each host."""
        return [_download(url, model) for url in self.hosts for model in self.models]

    async def examine(self, models: Mapping[str, str]) -> AsyncIterator[Finding]:
        """What is found of the models at each host, and whether the hosts have the same ones."""
        from bot.llm.ollama_check import compare_hosts, examine_ollama

        for model, setting in models.items():
            async for finding in examine_ollama(self.hosts, model, setting):
                yield finding
        if len(self.hosts) > 1:
            yield await compare_hosts(self.hosts, list(models))


class OllamaEmbedders(_Ollama, EmbedderProvider[OllamaSettings]):
    """Embedding models in Ollama."""

    @property
    def places(self) -> int:
        """OLLAMA_CONCURRENCY, and more."""
        return self.settings.ollama_concurrency + SPARE_PLACES

    @property
    def shares_server(self) -> bool:
        """Whether Ollama runs the language model as well."""
        return self.all.mem0_enabled and self.all.mem0_llm_provider == self.label

    def open(self, host: str, tally: Tally) -> OllamaEmbedder:
        """The client of EMBEDDING_MODEL at one of the hosts."""
        from bot.llm.embeddings import EMBED_SECONDS
        from bot.llm.ollama import ANSWER_SECONDS
        from bot.llm.ollama_embeddings import OllamaEmbedder

        seconds = EMBED_SECONDS + (ANSWER_SECONDS if self.shares_server else 0)
        return OllamaEmbedder(host, self.model, self.all.embedding_dims, timeout=seconds, tally=tally)

    def probe(self, embedder: Embedder) -> Callable[[], Awaitable[None]] | None:
        """Whether Ollama answers and has the model."""
        from bot.llm.ollama_embeddings import OllamaEmbedder

        return embedder.check_lightly if isinstance(embedder, OllamaEmbedder) else None

    async def examine(self) -> AsyncIterator[Finding]:
        """Whether the model is made to embed, what it costs beside the language model, and whether the hosts agree."""
        from bot.llm.ollama_check import compare_hosts
        from bot.llm.ollama_embedder_check import examine_embedder, examine_side_by_side

        for host in self.hosts:
            subject = f" ({host_name(host)})" if len(self.hosts) > 1 else ""
            findings = [await examine_embedder(host, self.model)]
            if self.shares_server:
                findings.append(await examine_side_by_side(host, self.settings.ollama_model, self.model))
            for finding in filter(None, findings):
                yield replace(finding, subject=f"{finding.subject}{subject}")
        if len(self.hosts) > 1:
            yield await compare_hosts(self.hosts, [self.model])


async def _loaded_at(url: str) -> Sequence[LoadedModel] | None:
    from bot.llm.ollama import close_client, loaded_models, ollama_client

    client = ollama_client(url, PROBE_SECONDS)
    try:
        return await loaded_models(client)
    except ChannelMemoryError:
        return None
    finally:
        await close_client(client)


def _download(url: str, model: str) -> Download:
    return Download(model, host_name(url), partial(_pulled, url, model), partial(_is_there, url, model))


async def _is_there(url: str, model: str) -> bool:
    from bot.llm.ollama import close_client, digests, full_name, ollama_client

    client = ollama_client(url, LIST_SECONDS)
    try:
        return full_name(model) in await digests(client)
    finally:
        await close_client(client)


async def _pulled(url: str, model: str) -> AsyncIterator[tuple[int, int]]:
    from bot.llm.ollama import close_client, ollama_client, pulling

    client = ollama_client(url, PULL_SECONDS)
    try:
        async for _, done, total in pulling(client, model):
            yield done, total
    finally:
        await close_client(client)
