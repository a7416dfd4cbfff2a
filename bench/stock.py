"""Stock mem0 on the same messages: `add(infer=False)` and `search` for recall, `add(infer=True)` for extraction."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.observe.messagelog import Said


@dataclass(frozen=True, slots=True)
class Embeddings:
    """An embedding service that speaks OpenAI's protocol.

    Attributes:
        url: its base address, such as `http://127.0.0.1:8090/v1`.
        model: what to ask it for.
        dims: numbers in a vector.
    """

    url: str
    model: str
    dims: int


@dataclass(frozen=True, slots=True)
class Found:
    """A message that mem0 found, as a hit: it cites itself."""

    text: str
    message_ids: tuple[int, ...]


class StockMem0:
    """mem0 as its documentation sets it up, with its embedded Qdrant; a message is one memory of its channel."""

    def __init__(self, memory: Any, count: int) -> None:  # noqa: ANN401 - mem0's Memory, imported late
        self._memory = memory
        self._count = count

    def search(self, question: dict[str, Any], hits: int) -> list[Found]:
        """The first hits; where the question is asked as of an earlier time, those of later messages don't count."""
        as_of = int(question.get("as_of") or 0)
        channel = question.get("channel_id")
        scope = {"agent_id": str(question["guild_id"])} | ({} if channel is None else {"run_id": str(channel)})
        answer = self._memory.search(
            question["query"], top_k=self._count if as_of else hits, filters=scope, threshold=0
        )
        found = [Found(one["memory"], (int(one["metadata"]["message"]),)) for one in answer["results"]]
        return [one for one in found if not as_of or one.message_ids[0] <= as_of][:hits]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where mem0 is told to find its model and its embeddings.

    Attributes:
        provider: "ollama" or "openai".
        url: base address without a path; embeddings are asked for at `/v1` of it.
    """

    provider: str
    url: str
    api_key: str
    model: str
    embedding_model: str
    dims: int


@dataclass(slots=True)
class Extracted:
    """What mem0's own extraction made.

    Attributes:
        memories: text and channel of each.
        batches: how many calls of `add` there were.
        lost: batches whose answer mem0 could not use, so that nothing of their messages was kept.
        raised: those of them of which mem0 told its caller.
    """

    memories: list[tuple[str, int]] = field(default_factory=list)
    batches: int = 0
    lost: int = 0
    raised: int = 0


class _Complaints(logging.Handler):
    """Counts the answers that mem0 only logs that it can't read."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += "parsing extraction response" in record.getMessage()


def mem0_extracts(folder: Path, endpoint: Endpoint, said: Sequence[Said], size: int) -> Extracted:
    """Give mem0 these messages in batches of `size`, each with its author's name before it."""
    memory = _extracting(folder, endpoint)
    complaints = _Complaints()
    logging.getLogger("mem0").addHandler(complaints)
    outcome = Extracted()
    try:
        for batch in batches(said, size):
            outcome.batches += 1
            before = complaints.count
            first = batch[0].message
            lines = [_line(one) for one in batch]
            try:
                answer = memory.add(lines, agent_id=str(first.guild_id), run_id=str(first.channel_id), infer=True)
            except Exception:  # noqa: BLE001 - whatever it raises, its caller is told
                outcome.raised += 1
                outcome.lost += 1
                continue
            outcome.lost += complaints.count > before
            outcome.memories.extend((one["memory"], first.channel_id) for one in answer["results"])
    finally:
        logging.getLogger("mem0").removeHandler(complaints)
        memory.vector_store.client.close()
        memory.db.close()
    return outcome


def batches(said: Sequence[Said], size: int) -> Iterator[list[Said]]:
    """The messages in batches of one channel each, in order."""
    channels: dict[int, list[Said]] = {}
    for one in said:
        channels.setdefault(one.message.channel_id, []).append(one)
    for theirs in channels.values():
        for start in range(0, len(theirs), size):
            yield theirs[start : start + size]


def _line(one: Said) -> dict[str, str]:
    return {"role": "user", "name": one.author_name, "content": f"{one.author_name}: {one.message.content}"}


def _extracting(folder: Path, endpoint: Endpoint) -> Any:  # noqa: ANN401 - mem0's Memory, imported late
    os.environ |= {"MEM0_TELEMETRY": "False", "MEM0_DIR": str(folder / "mem0"), "OPENAI_API_KEY": endpoint.api_key}
    from mem0.memory.main import Memory

    at_openai = {"model": endpoint.model, "openai_base_url": f"{endpoint.url}/v1", "api_key": endpoint.api_key}
    model = {"model": endpoint.model, "ollama_base_url": endpoint.url} if endpoint.provider == "ollama" else at_openai
    embedder = {
        "model": endpoint.embedding_model,
        "embedding_dims": endpoint.dims,
        "openai_base_url": f"{endpoint.url}/v1",
        "api_key": endpoint.api_key,
    }
    store = {"collection_name": "bench", "embedding_model_dims": endpoint.dims, "path": str(folder / "qdrant")}
    return Memory.from_config(
        {
            "llm": {"provider": endpoint.provider, "config": model},
            "embedder": {"provider": "openai", "config": embedder},
            "vector_store": {"provider": "qdrant", "config": store},
            "history_db_path": str(folder / "history.db"),
        }
    )


@contextmanager
def stock_mem0(folder: Path, service: Embeddings, said: Sequence[Said]) -> Iterator[StockMem0]:
    """mem0 with these messages in it, for the time of the block."""
    os.environ |= {"MEM0_TELEMETRY": "False", "MEM0_DIR": str(folder / "mem0"), "OPENAI_API_KEY": "unused"}
    from mem0.memory.main import Memory

    store = {"collection_name": "bench", "embedding_model_dims": service.dims, "path": str(folder / "qdrant")}
    embedder = {
        "model": service.model,
        "embedding_dims": service.dims,
        "openai_base_url": service.url,
        "api_key": "unused",
    }
    memory = Memory.from_config(
        {
            "vector_store": {"provider": "qdrant", "config": store},
            "embedder": {"provider": "openai", "config": embedder},
            "history_db_path": str(folder / "history.db"),
        }
    )
    try:
        for one in said:
            message = one.message
            if message.content.strip():
                memory.add(
                    [{"role": "user", "name": one.author_name, "content": f"{one.author_name}: {message.content}"}],
                    agent_id=str(message.guild_id),
                    run_id=str(message.channel_id),
                    metadata={"message": str(message.id)},
                    infer=False,
                )
        yield StockMem0(memory, len(said))
    finally:
        memory.vector_store.client.close()
        memory.db.close()
