"""Text to vectors: OpenAI, Ollama, or fastembed inside this process. One request for many texts."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from openai import BadRequestError, UnprocessableEntityError

from bot.domain import (
    AnswerCut,
    AnswerDeclined,
    ChannelMemoryError,
    ServiceAbsent,
    ServiceFailed,
    ServiceRejected,
    ServiceUnavailable,
    StartupError,
    TextTooLong,
)
from bot.llm import ollama, openai
from bot.llm.base import estimate_tokens, plausible_count
from bot.llm.embedding_answers import SERVICE, check_vectors, embeddings_in
from bot.llm.wire import MOST_BYTES

EMBED_SECONDS = 30.0

FIXED_TEXT = "check"
"""A short text of our own: a service that does not embed it is at fault itself, whatever else it was asked for."""

ODD_ANSWERS = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RuntimeError)
"""What is raised by whoever trips over an answer that nobody thought of."""

MAX_TEXTS = 2048
MAX_TOKENS = 250_000
"""Of one request. OpenAI takes 2,048 texts and 300,000 tokens
(https://platform.openai.com/docs/api-reference/embeddings/create)."""

NATIVE_DIMS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
"""OpenAI's models, with the size that they give unless asked for less."""

SHORTENABLE = frozenset({"text-embedding-3-small", "text-embedding-3-large"})
"""Those that take `dimensions`."""

NUMBER_BYTES = 32
"""Of a number of a vector as JSON; 25 at most are needed, with what stands around it."""

_BLANK = "-"
"""Stands for a text without a word in it; OpenAI declines empty texts."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """One request's answer as it came, not yet checked."""

    vectors: object
    tokens: object = None


Tally = Callable[[int | None, float], None]
"""Told the tokens and the seconds of each request that succeeded."""


class Embedder(Protocol):
    """Turns texts into vectors of one size."""

    @property
    def provider(self) -> str:
        """Who computes them: "openai", "ollama" or "fastembed"."""

    @property
    def model(self) -> str:
        """The model's name at the provider."""

    @property
    def dims(self) -> int:
        """Numbers in each vector."""

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of `texts`, in their order; one request up to 2,048 texts.

        Raises:
            ServiceUnavailable: not now (RateLimited where it says how long to wait).
            ServiceRejected: declined for good, or what came are not vectors of the size that the settings name
                (TextTooLong where it says that a text is).
        """

    async def check(self) -> None:
        """Embed one word: whether the service answers, with vectors of the right size. Raises as `embed` does."""

    async def aclose(self) -> None:
        """Close its connections."""


class _BaseEmbedder(ABC):
    """What all embedders do: requests of a size that is taken, vectors of the size that is expected."""

    provider: str

    def __init__(self, model: str, dims: int, tally: Tally | None) -> None:
        self.model = model
        self.dims = dims
        self._tally = tally

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """See Embedder."""
        vectors: list[list[float]] = []
        for group in _groups([text if text.strip() else _BLANK for text in texts]):
            started = time.monotonic()
            try:
                embedded = await self._ask(group)
            except ODD_ANSWERS as error:
                raise ServiceFailed(SERVICE, f"its answer can't be read ({type(error).__name__})") from None
            if self._tally is not None:
                self._tally(plausible_count(embedded.tokens), time.monotonic() - started)
            vectors += check_vectors(embedded.vectors, len(group), self.dims, self.model)
        return vectors

    async def check(self) -> None:
        """See Embedder."""
        await self.embed([FIXED_TEXT])

    @abstractmethod
    async def _ask(self, texts: list[str]) -> Embedded:
        """One request."""


class OpenAIEmbedder(_BaseEmbedder):
    """OpenAI's embeddings, or another server's that speaks its protocol.

    Args:
        api_key: the key; None for servers without keys.
        model: such as "text-embedding-3-small".
        dims: EMBEDDING_DIMS; asked for only where it differs from what the model gives by itself.
        base_url: another server; None for OpenAI's.
        timeout: seconds for one request.
        tally: see Tally.

    Raises:
        StartupError: the model can't give vectors of that size.
    """

    provider = "openai"

    def __init__(
        self,
        api_key: str | None,
        model: str,
        dims: int,
        *,
        base_url: str | None = None,
        timeout: float = EMBED_SECONDS,
        tally: Tally | None = None,
    ) -> None:
        super().__init__(model, dims, tally)
        self._optional: dict[str, object] = {"encoding_format": "base64", **_dimensions(model, dims)}
        self._client = openai.openai_client(api_key, base_url, timeout, most_bytes=_most_bytes(dims))

    async def _ask(self, texts: list[str]) -> Embedded:
        try:
            body = await self._with_what_is_taken(texts)
        except openai.FAILURES as error:
            raise _of_embedding(openai.translated(error, SERVICE, self.model)) from None
        usage = body.get("usage") if isinstance(body, dict) else None
        tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
        return Embedded(embeddings_in(body, len(texts)), tokens)

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


class OllamaEmbedder(_BaseEmbedder):
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
        self._client = ollama.embedding_client(base_url, timeout, most_bytes=_most_bytes(dims))

    async def check_lightly(self) -> None:
        """Whether Ollama answers and has the model (/api/tags), without embedding anything. Raises as `check` does."""
        await ollama.check_pulled(self._client, SERVICE, self.model)

    async def _ask(self, texts: list[str]) -> Embedded:
        try:
            answer = await self._client.embeddings_of(self.model, texts)
        except ollama.FAILURES as error:
            raise _of_embedding(ollama.translated(error, SERVICE, self.model)) from None
        if not isinstance(answer, dict):
            raise ServiceFailed(SERVICE, "its answer is not Ollama's protocol; check OLLAMA_BASE_URL")
        return Embedded(answer.get("embeddings"), answer.get("prompt_eval_count"))

    async def aclose(self) -> None:
        """Close its connections."""
        await ollama.close_client(self._client)


class FastEmbedEmbedder(_BaseEmbedder):
    """fastembed: a model inside this process; nothing leaves the machine once the model was fetched.

    Args:
        model: such as "BAAI/bge-small-en-v1.5".
        dims: EMBEDDING_DIMS.
        cache_dir: where the model's files are kept.
        tally: see Tally.

    Raises:
        StartupError: fastembed is not installed.
    """

    provider = "fastembed"

    def __init__(self, model: str, dims: int, *, cache_dir: str | None = None, tally: Tally | None = None) -> None:
        if importlib.util.find_spec("fastembed") is None:
            raise StartupError("EMBEDDING_PROVIDER=fastembed: not installed; run `pip install fastembed`")
        super().__init__(model, dims, tally)
        self._cache_dir = cache_dir
        self._loading = asyncio.Lock()
        self._engine: Any = None

    async def _ask(self, texts: list[str]) -> Embedded:
        engine = await self._loaded()
        vectors = await asyncio.to_thread(lambda: [vector.tolist() for vector in engine.embed(texts)])
        return Embedded(vectors)

    async def aclose(self) -> None:
        """Let the model go."""
        self._engine = None

    async def _loaded(self) -> Any:  # noqa: ANN401 - fastembed is optional, so its types are not at hand
        async with self._loading:
            if self._engine is None:
                self._engine = await asyncio.to_thread(self._load)
        return self._engine

    def _load(self) -> Any:  # noqa: ANN401
        module = importlib.import_module("fastembed")
        try:
            return module.TextEmbedding(self.model, cache_dir=self._cache_dir)
        except (ValueError, OSError) as error:  # fastembed raises ValueError both for a wrong name and for no network
            if "not supported" in str(error):
                raise ServiceRejected(
                    SERVICE, f"fastembed has no model {self.model!r}; check EMBEDDING_MODEL"
                ) from None
            raise ServiceUnavailable(
                SERVICE, f"the files of {self.model!r} can't be fetched now; they are needed once, in {self._cache_dir}"
            ) from None


class AbsentEmbedder:
    """Stands where nothing may be embedded, so that what was embedded before can still be forgotten.

    Args:
        provider: that the settings name.
        model: that the settings name.
        dims: EMBEDDING_DIMS.
        reason: why nothing is embedded.
    """

    def __init__(self, provider: str, model: str, dims: int, reason: str) -> None:
        self.provider = provider
        self.model = model
        self.dims = dims
        self._reason = reason

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Decline what there is to embed."""
        if texts:
            raise ServiceAbsent(SERVICE, self._reason)
        return []

    async def check(self) -> None:
        """Decline."""
        raise ServiceAbsent(SERVICE, self._reason)

    async def aclose(self) -> None:
        """Nothing is held."""


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


def _most_bytes(dims: int) -> int:
    """Of one answer."""
    return MOST_BYTES + MAX_TEXTS * dims * NUMBER_BYTES


def _of_embedding(error: ChannelMemoryError) -> ChannelMemoryError:
    """A prompt that does not fit is a text that is too long; one that is declined is a request that is."""
    if isinstance(error, AnswerCut):
        return TextTooLong(SERVICE, "a text is longer than the model's window")
    return ServiceRejected(SERVICE, str(error)) if isinstance(error, AnswerDeclined) else error


def _groups(texts: Sequence[str]) -> Iterator[list[str]]:
    group: list[str] = []
    tokens = 0
    for text in texts:
        size = estimate_tokens(text)
        if group and (len(group) == MAX_TEXTS or tokens + size > MAX_TOKENS):
            yield group
            group, tokens = [], 0
        group.append(text)
        tokens += size
    if group:
        yield group
