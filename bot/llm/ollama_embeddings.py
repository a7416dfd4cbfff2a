"""Embedding models in Ollama."""

from __future__ import annotations

from bot.domain import ServiceFailed, Trouble
from bot.llm.embedding_answers import SERVICE
from bot.llm.embeddings import EMBED_SECONDS, BaseEmbedder, Embedded, Tally, most_bytes, of_embedding
from bot.llm.ollama import check_pulled, close_client, ollama_client
from bot.llm.ollama_faults import FAILURES, translated


class OllamaEmbedder(BaseEmbedder):
    """An embedding model in Ollama.

    Args:
        base_url: where Ollama listens.
        model: such as "nomic-embed-text".
        dims: EMBEDDING_DIMS.
        timeout: seconds for one request, the loading of the model included.
        tally: see Tally.
    """

    provider = "ollama"

    def __init__(
        self, base_url: str, model: str, dims: int, *, timeout: float = EMBED_SECONDS, tally: Tally | None = None
    ) -> None:
        super().__init__(model, dims, tally)
        self._client = ollama_client(base_url, timeout, most_bytes=most_bytes(dims))

    async def check_lightly(self) -> None:
        """Whether Ollama answers and has the model (/api/tags), without embedding anything. Raises as `check` does."""
        await check_pulled(self._client, SERVICE, self.model)

    async def _ask(self, texts: list[str]) -> Embedded:
        try:
            answer = await self._client.embeddings_of(self.model, texts)
        except FAILURES as error:
            raise of_embedding(translated(error, SERVICE, self.model, self._client.server)) from None
        if not isinstance(answer, dict) or "embeddings" not in answer:
            raise ServiceFailed(SERVICE, *self._client.server.words(Trouble.OTHER))
        return Embedded(answer["embeddings"], answer.get("prompt_eval_count"))

    async def aclose(self) -> None:
        """Close its connections."""
        await close_client(self._client)
