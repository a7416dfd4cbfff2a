"""OpenAI's embeddings, and the same protocol elsewhere."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from openai import BadRequestError, UnprocessableEntityError

from bot.domain import StartupError
from bot.llm.embedding_answers import SERVICE, embeddings_in
from bot.llm.embeddings import EMBED_SECONDS, FIXED_TEXT, BaseEmbedder, Embedded, Tally, most_bytes, of_embedding
from bot.llm.openai import FAILURES, OPENAI_SETTINGS, SettingNames, openai_at, openai_client, translated

NATIVE_DIMS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
"""OpenAI's models, with the size that they give unless asked for less."""

SHORTENABLE = frozenset({"text-embedding-3-small", "text-embedding-3-large"})
"""Those that take `dimensions`."""


class OpenAIEmbedder(BaseEmbedder):
    """OpenAI's embeddings, or another server's that speaks its protocol.

    Args:
        api_key: the key; None for servers without keys.
        model: such as "text-embedding-3-small".
        dims: EMBEDDING_DIMS; asked for only where it differs from what the model gives by itself.
        base_url: another server; None for OpenAI's.
        timeout: seconds for one request.
        tally: see Tally.
        provider: its label.
        settings: that errors name.

    Raises:
        StartupError: the model can't give vectors of that size.
    """

    def __init__(
        self,
        api_key: str | None,
        model: str,
        dims: int,
        *,
        base_url: str | None = None,
        timeout: float = EMBED_SECONDS,
        tally: Tally | None = None,
        provider: str = "openai",
        settings: SettingNames = OPENAI_SETTINGS,
    ) -> None:
        super().__init__(model, dims, tally)
        self.provider = provider
        self._optional: dict[str, object] = {"encoding_format": "base64", **_dimensions(model, dims)}
        self._client = openai_client(api_key, base_url, timeout, settings, most_bytes=most_bytes(dims))
        self._server = openai_at(self._client, settings)

    async def _ask(self, texts: list[str]) -> Embedded:
        try:
            body = await self._with_what_is_taken(texts)
        except FAILURES as error:
            raise of_embedding(translated(error, SERVICE, self.model, self._server)) from None
        usage = body.get("usage") if isinstance(body, dict) else None
        tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
        return Embedded(embeddings_in(body, len(texts), self._server), tokens)

    async def _with_what_is_taken(self, texts: list[str]) -> object:
        """The answer to a request with as many of the optional parameters as the server takes.

        It need not say which of them it declines: one that does not take a short text of our own with them, and takes
        it with fewer, does without the others from then on.
        """
        try:
            return await self._post(texts, self._optional)
        except (BadRequestError, UnprocessableEntityError):
            if not self._optional or (texts != [FIXED_TEXT] and await self._takes(self._optional)):
                raise
            for taken in _fewer(self._optional):
                if await self._takes(taken):
                    self._optional = taken
                    return await self._post(texts, taken)
            raise

    async def _takes(self, optional: dict[str, object]) -> bool:
        try:
            await self._post([FIXED_TEXT], optional)
        except (BadRequestError, UnprocessableEntityError):
            return False
        return True

    async def _post(self, texts: list[str], optional: dict[str, object]) -> object:
        """The body of an answer; not by the library's own method, which sends parameters that were not asked for."""
        body = {"model": self.model, "input": texts, **optional}
        return await self._client.post("/embeddings", cast_to=object, body=body)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.close()


def _dimensions(model: str, dims: int) -> dict[str, object]:
    """What to ask for: nothing where the model gives that size by itself, or where it is not OpenAI's."""
    native = NATIVE_DIMS.get(model)
    if native is None or native == dims:
        return {}
    if model not in SHORTENABLE or dims > native:
        raise StartupError(f"EMBEDDING_DIMS={dims}: {model} gives {native} numbers; set EMBEDDING_DIMS={native}")
    return {"dimensions": dims}


def _fewer(optional: dict[str, object]) -> Iterator[dict[str, object]]:
    """Every choice of fewer of the parameters, more of them first."""
    for count in reversed(range(len(optional))):
        yield from map(dict, itertools.combinations(optional.items(), count))
