"""Ollama's native chat API, with a window that is sized to each call and no silent cuts.

What is known of Ollama and guarded against here:

- Its default window depends on the graphics card and is often 4,096 tokens. `num_ctx` is therefore set on every call.
  A change of it makes the server load the model again, so windows come in a few sizes and never shrink.
- A prompt over the window is cut from the front, silently, unless the request says `truncate: false`; a full window
  drops its oldest tokens while answering unless it says `shift: false`. Both are fields that the client library does
  not know, so a transport adds them. Servers before 0.12.6 ignore them; there, a prompt count at the window's edge
  gives it away.
- `done_reason` "length" means that the answer was cut.
- `prompt_eval_count` may be missing: unknown, not 0.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar, cast

import httpx
import ollama

from bot.domain import AnswerCut, AnswerInvalid, ChannelMemoryError, RateLimited, ServiceRejected, ServiceUnavailable
from bot.llm.base import Completion, CompletionRequest, Enough

WINDOWS = (4096, 8192, 16384, 32768, 65536, 131_072)
"""Sizes of `num_ctx`. The smallest holds an ordinary extraction (600 + 1,000 tokens, context, answer) twice."""

TEMPLATE_TOKENS = 64
"""Room for what a chat template puts around two messages."""

TEMPERATURE = 0.1
KEEP_ALIVE = "30m"
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 180.0
"""Time for one answer, the loading of a large model included."""

_EDGE = 64
"""A prompt that ends so near to the window was probably cut (servers that cut keep whole blocks of tokens)."""

C = TypeVar("C", bound=ollama.AsyncClient)

_NOT_OURS = "its answer is not Ollama's protocol; check OLLAMA_BASE_URL"

FAILURES = (
    ollama.ResponseError,
    ollama.RequestError,
    httpx.HTTPError,
    ConnectionError,
    ValueError,
    TypeError,
    AttributeError,
)
"""What the client library raises; the last three when it trips over an answer that is not its protocol."""


class OllamaModel:
    """A language model in Ollama.

    Args:
        base_url: where Ollama listens.
        model: its name there, such as "llama3.1:8b".
        timeout: seconds for one answer.
        keep_alive: how long the model stays loaded after a call.
    """

    provider = "ollama"

    def __init__(
        self, base_url: str, model: str, *, timeout: float = ANSWER_SECONDS, keep_alive: str = KEEP_ALIVE
    ) -> None:
        self.model = model
        self._keep_alive = keep_alive
        self._client = ollama_client(base_url, timeout)
        self._window = 0
        self._traits: _Traits | None = None

    async def complete(self, request: CompletionRequest) -> Completion:
        """See LanguageModel."""
        needed = request.prompt_tokens + TEMPLATE_TOKENS + request.max_tokens
        started = time.monotonic()
        traits = await self._known()
        window = self._window_for(needed, traits.context_length)
        if request.before is not None:
            await request.before()
        try:
            parts = await self._client.chat(
                self.model,
                request.messages,
                stream=True,
                format=dict(request.schema) or None,
                think=False if traits.thinks else None,
                options={"temperature": TEMPERATURE, "num_ctx": window, "num_predict": request.max_tokens},
                keep_alive=self._keep_alive,
            )
            text, count, end = await _read(parts, request.enough)
        except FAILURES as error:
            raise translated(error, "ollama", self.model) from None
        prompt_tokens: int | None = request.prompt_tokens
        answer_tokens: int | None = count
        if end is not None:
            prompt_tokens, answer_tokens = end.prompt_eval_count, end.eval_count
            _check_end(end, window)
            if end.done_reason == "length" and request.enough is None:
                raise AnswerCut(f"the answer was cut after {answer_tokens} tokens (window {window})", text)
        if not text:
            raise AnswerInvalid("the model answered with nothing")
        return Completion(
            text=text,
            prompt_tokens=prompt_tokens,
            completion_tokens=answer_tokens,
            seconds=time.monotonic() - started,
            provider=self.provider,
            model=self.model,
            whole=end is not None and end.done_reason != "length",
        )

    async def check(self) -> None:
        """Whether Ollama answers and has the model (/api/tags)."""
        await check_pulled(self._client, "ollama", self.model)

    async def aclose(self) -> None:
        """Close its connections."""
        await close_client(self._client)

    async def _known(self) -> _Traits:
        if self._traits is None:
            try:
                self._traits = _Traits(await self._client.show(self.model))
            except FAILURES as error:
                raise translated(error, "ollama", self.model) from None
        return self._traits

    def _window_for(self, needed: int, longest: int | None) -> int:
        """The window for a call: large enough, of a common size, and never smaller than the last one."""
        limit = longest or WINDOWS[-1]
        if needed > limit:
            raise AnswerCut(f"the call may need {needed} tokens and the model's window ends at {limit}")
        fitting = next(size for size in (*WINDOWS, limit) if size >= needed)
        self._window = max(self._window, min(fitting, limit))
        return self._window


async def _read(
    parts: AsyncIterator[ollama.ChatResponse], enough: Enough | None
) -> tuple[str, int, ollama.ChatResponse | None]:
    """An answer as it comes: its text, how many parts (about a token each) it came in, and what the server says of it.

    That last is None where `enough` ended it; closing the connection ends the server's work on it.

    Raises:
        AnswerInvalid: it ended without an end.
    """
    text, count = "", 0
    async with aclosing(cast("AsyncGenerator[ollama.ChatResponse]", parts)) as answer:
        async for part in answer:
            text += part.message.content or ""
            count += 1
            if part.done:
                return text, count, part
            if enough is not None and enough(text):
                return text, count, None
    raise AnswerInvalid("the model's answer has no end")


def _check_end(end: ollama.ChatResponse, window: int) -> None:
    """Raise AnswerCut where the prompt itself did not fit."""
    read = end.prompt_eval_count
    if read is not None and read > window - _EDGE:
        raise AnswerCut(f"the prompt was probably cut: it fills {read} of the window's {window} tokens")


class _Traits:
    """What /api/show tells about a model."""

    def __init__(self, shown: ollama.ShowResponse) -> None:
        lengths = [v for key, v in (shown.modelinfo or {}).items() if key.endswith(".context_length")]
        self.context_length: int | None = next((v for v in lengths if isinstance(v, int) and v > 0), None)
        self.thinks = "thinking" in (shown.capabilities or ())


class _NoSilentCuts(httpx.AsyncBaseTransport):
    """Adds `truncate: false` and `shift: false` to chat requests on their way out."""

    def __init__(self) -> None:
        self._wire = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/api/chat"):
            body = json.loads(request.content) | {"truncate": False, "shift": False}
            headers = [(k, v) for k, v in request.headers.raw if k.lower() != b"content-length"]
            request = httpx.Request(
                request.method, request.url, headers=headers, json=body, extensions=request.extensions
            )
        return await self._wire.handle_async_request(request)

    async def aclose(self) -> None:
        await self._wire.aclose()


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that Ollama has in memory.

    Attributes:
        name: its name there.
        size: bytes that it takes in all.
        vram: bytes of them on graphics cards.
        window: tokens of context that it was loaded with; None where the server does not tell.
    """

    name: str
    size: int
    vram: int
    window: int | None


async def loaded_models(client: ollama.AsyncClient) -> list[LoadedModel]:
    """What is in memory now (/api/ps).

    Raises:
        ServiceError: Ollama does not answer.
    """
    try:
        running = (await client.ps()).models
        return [LoadedModel(m.model or "", m.size or 0, m.size_vram or 0, m.context_length) for m in running]
    except FAILURES as error:
        raise translated(error, "ollama", "") from None


async def check_pulled(client: ollama.AsyncClient, service: str, model: str) -> None:
    """Whether Ollama answers and has the model (/api/tags).

    Raises:
        ServiceError: it does not.
    """
    if full_name(model) not in await digests(client, service):
        raise not_pulled(service, model)


async def digests(client: ollama.AsyncClient, service: str = "ollama") -> dict[str, str]:
    """The models that are pulled, each with what identifies its contents.

    Raises:
        ServiceError: Ollama does not answer.
    """
    try:
        return {card.model or "": card.digest or "" for card in (await client.list()).models}
    except FAILURES as error:
        raise translated(error, service, "") from None


def full_name(model: str) -> str:
    """A model's name with its tag."""
    return model if ":" in model else f"{model}:latest"


async def pulling(client: ollama.AsyncClient, model: str) -> AsyncIterator[tuple[str, int, int]]:
    """Pull a model; tells the step, the bytes that are here and the bytes in all, again and again.

    Raises:
        ServiceError: Ollama does not answer, or can't get the model.
    """
    try:
        async for step in await client.pull(model, stream=True):
            yield step.status or "", step.completed or 0, step.total or 0
    except ollama.ResponseError as error:
        raise ServiceRejected("ollama", f"can't pull {model!r}: {str(error.error)[:200]}") from None
    except FAILURES as error:
        raise translated(error, "ollama", model) from None


class EmbeddingClient(ollama.AsyncClient):
    """A client whose embeddings come as the server sent them: the library's own turn texts into numbers."""

    async def embeddings_of(self, model: str, texts: Sequence[str]) -> object:
        """The answer of /api/embed, parsed; raises one of FAILURES."""
        body = {"model": model, "input": list(texts), "keep_alive": KEEP_ALIVE}
        return (await self._request_raw("POST", "/api/embed", json=body)).json()  # type: ignore[no-untyped-call]


def embedding_client(base_url: str, timeout: float) -> EmbeddingClient:
    """As `ollama_client`, for embeddings."""
    return _client(EmbeddingClient, base_url, timeout)


def ollama_client(base_url: str, timeout: float) -> ollama.AsyncClient:
    """A client of Ollama whose chats are never cut silently, with time limits.

    A name and password in `base_url` (for a proxy before Ollama) become a header: addresses get into logs.
    """
    return _client(ollama.AsyncClient, base_url, timeout)


def _client(kind: type[C], base_url: str, timeout: float) -> C:
    limits = httpx.Timeout(timeout, connect=CONNECT_SECONDS)
    address = httpx.URL(base_url)
    auth = httpx.BasicAuth(address.username, address.password) if address.userinfo else None
    bare = str(address.copy_with(username=None, password=None))
    return kind(bare, timeout=limits, transport=_NoSilentCuts(), auth=auth)


async def close_client(client: ollama.AsyncClient) -> None:
    """Close a client's connections."""
    await client.close()  # type: ignore[no-untyped-call]


def translated(error: Exception, service: str, model: str) -> ChannelMemoryError:
    """The error of ours that says what happened, without a word of what was sent or answered."""
    if isinstance(error, ollama.ResponseError):
        return _of_status(error, service, model)
    if isinstance(error, httpx.TimeoutException):
        return ServiceUnavailable(service, f"no answer in time ({type(error).__name__})")
    if isinstance(error, (httpx.HTTPError, ConnectionError)):
        return ServiceUnavailable(service, "can't be reached; is Ollama running, and OLLAMA_BASE_URL right?")
    return ServiceUnavailable(service, _NOT_OURS)


def not_pulled(service: str, model: str) -> ServiceRejected:
    """The error for a model that Ollama does not have."""
    return ServiceRejected(service, f"Ollama has no model {model!r}; run: ollama pull {model}")


def _of_status(error: ollama.ResponseError, service: str, model: str) -> ChannelMemoryError:
    reason = str(error.error).lower()
    if error.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return RateLimited(service)
    if error.status_code == httpx.codes.NOT_FOUND:
        return not_pulled(service, model) if "model" in reason else ServiceRejected(service, _NOT_OURS)
    if error.status_code == httpx.codes.BAD_REQUEST and "context" in reason and "exceed" in reason:
        return AnswerCut("the prompt does not fit the window")
    if httpx.codes.is_client_error(error.status_code):
        return ServiceRejected(service, f"HTTP {error.status_code} for model {model!r}; is this Ollama 0.5 or newer?")
    return ServiceUnavailable(service, f"HTTP {error.status_code}")
