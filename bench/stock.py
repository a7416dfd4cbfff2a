"""Stock mem0 on the same messages and questions: `add(infer=False)` for each message, `search` for each question."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.messagelog import Said


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
