"""Checks of the embedding model in Ollama, alone and beside the language model."""

from __future__ import annotations

import time
from typing import Final

from bot.domain import Finding, Verdict
from bot.llm.embeddings import FIXED_TEXT
from bot.llm.model_check import SAMPLE
from bot.llm.ollama import KEEP_ALIVE, OllamaClient, close_client, full_name, loaded_models, ollama_client
from bot.llm.ollama_check import NEEDED_CONTEXT, SAMPLE_SECONDS, lacks_capability
from bot.llm.ollama_faults import FAILURES

SUBJECT: Final = "side by side"


async def examine_embedder(url: str, model: str) -> Finding | None:
    """That a model is not made to embed; None where it is, and where Ollama does not tell or answer."""
    client = ollama_client(url, SAMPLE_SECONDS)
    try:
        finding = lacks_capability(model, await client.show(model), "embedding", "embed", "EMBEDDING_MODEL")
    except FAILURES:
        return None  # whoever embeds a text says why
    else:
        return finding
    finally:
        await close_client(client)


async def examine_side_by_side(url: str, model: str, embedder: str) -> Finding | None:
    """What an embedding between two calls of the language model costs; None where one of them does not work."""
    client = ollama_client(url, SAMPLE_SECONDS)
    try:
        await _call(client, model)
        between = await _embed(client, embedder)
        loaded = {each.name for each in await loaded_models(client)}
        alone = await _embed(client, embedder)
        after = await _call(client, model)
        again = await _call(client, model)
    except FAILURES:
        return None  # the checks of each of them say why
    finally:
        await close_client(client)
    if full_name(model) in loaded:
        return Finding(SUBJECT, Verdict.OK, f"{model} and {embedder} stay loaded; an embedding took {between:.1f} s")
    sentence = (
        f"Ollama keeps {model} or {embedder} loaded, and not both: an embedding between two calls took {between:.1f} s "
        f"instead of {alone:.1f} s, and the call after it {after:.1f} s instead of {again:.1f} s"
    )
    todo = (
        "let it keep both (OLLAMA_MAX_LOADED_MODELS=2, a smaller model where memory is short), or embed elsewhere "
        "(EMBEDDING_PROVIDER); until then searches wait for the call before them"
    )
    return Finding(SUBJECT, Verdict.WARNING, sentence, todo)


async def _call(client: OllamaClient, model: str) -> float:
    """The seconds of a call that writes one token."""
    started = time.monotonic()
    options = {"num_ctx": NEEDED_CONTEXT, "num_predict": 1, "temperature": 0}
    await client.chat(model, [{"role": "user", "content": SAMPLE}], options=options, keep_alive=KEEP_ALIVE)
    return time.monotonic() - started


async def _embed(client: OllamaClient, model: str) -> float:
    """The seconds of embedding a short text."""
    started = time.monotonic()
    await client.embeddings_of(model, [FIXED_TEXT])
    return time.monotonic() - started
