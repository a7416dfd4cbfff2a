"""Ollama's native chat API, with a window that is sized to each call and no silent cuts.

What is known of Ollama and guarded against here:

- Its default window depends on the graphics card and is often 4,096 tokens. `num_ctx` is therefore set on every call.
  A change of it makes the server load the model again, so windows come in a few sizes and never shrink.
- A prompt over the window is cut from the front, silently, unless the request says `truncate: false`; a full window
  drops its oldest tokens while answering unless it says `shift: false`. Both are fields that the client library does
  not know, so a transport adds them. Servers before 0.12.6 ignore them; there, a prompt count at the window's edge
  gives it away.
- What a schema does not require is answered last, if at all. So everything is required, and answered in the schema's
  order, as the instructions' example shows it.
- `done_reason` "length" means that the answer was cut.
- `prompt_eval_count` may be missing: unknown, not 0.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, cast

import httpx
import ollama

from bot.domain import (
    AnswerCut,
    AnswerInvalid,
    ServiceRejected,
    Trouble,
    one_line,
)
from bot.llm.base import Completion, CompletionRequest, plausible_count
from bot.llm.manners import strict
from bot.llm.model_answers import PartialAnswer
from bot.llm.ollama_faults import FAILURES, ollama_at, translated
from bot.llm.provider import LoadedModel
from bot.llm.wire import MOST_BYTES, Wire

WINDOWS = (4096, 8192, 16384, 32768, 65536, 131_072)
"""Sizes of `num_ctx`. The smallest holds an ordinary extraction (600 + 1,000 tokens, context, answer) twice."""

TEMPLATE_TOKENS = 64
"""Room for what a chat template puts around two messages."""

TEMPERATURE = 0.1
KEEP_ALIVE = "30m"
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 180.0
"""Time for one answer, the loading of a large model included."""

THINKING_TOKENS = 2048
"""Room for the thoughts of a model that does not answer by the schema without them."""

_EDGE = 64
"""A prompt that ends so near to the window was probably cut (servers that cut keep whole blocks of tokens)."""


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
        self._silences = True

    async def complete(self, request: CompletionRequest) -> Completion:
        """See LanguageModel."""
        traits = await self._known()
        if not (traits.thinks and self._silences):
            return await self._ask(request, traits, silenced=False)
        try:
            completion = await self._ask(request, traits, silenced=True)
        except AnswerInvalid:
            pass
        except AnswerCut as error:
            if not _is_prose(error.said, request):
                raise
        else:
            if completion.whole or not _is_prose(completion.text, request):
                return completion
        # some versions drop the schema where a model is told not to think: see whether it keeps to it otherwise
        completion = await self._ask(request, traits, silenced=False)
        self._silences = False
        return completion

    async def _ask(self, request: CompletionRequest, traits: _Traits, *, silenced: bool) -> Completion:
        started = time.monotonic()
        room = request.max_tokens + (THINKING_TOKENS if traits.thinks and not silenced else 0)
        window = self._window_for(request.prompt_tokens + TEMPLATE_TOKENS + room, traits.context_length)
        if request.before is not None:
            await request.before()
        draft = PartialAnswer(request, room)
        try:
            parts = await self._client.chat(
                self.model,
                request.messages,
                stream=True,
                format=strict(request.schema) or None,
                think=False if silenced else None,
                options={"temperature": TEMPERATURE, "num_ctx": window, "num_predict": room},
                keep_alive=self._keep_alive,
            )
            await _read(parts, draft)
        except FAILURES as error:
            raise translated(error, "ollama", self.model, self._client.server) from None
        _check_prompt(draft, window)
        return draft.completion(self.provider, self.model, time.monotonic() - started)

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
                raise translated(error, "ollama", self.model, self._client.server, quotes=True) from None
        return self._traits

    def _window_for(self, needed: int, longest: int | None) -> int:
        """The window for a call: large enough, of a common size, and never smaller than the last one."""
        limit = longest or WINDOWS[-1]
        if needed > limit:
            raise AnswerCut(f"the call may need {needed} tokens and the model's window ends at {limit}")
        fitting = next(size for size in (*WINDOWS, limit) if size >= needed)
        self._window = max(self._window, min(fitting, limit))
        return self._window


async def _read(parts: AsyncIterator[ollama.ChatResponse], draft: PartialAnswer) -> None:
    """Read an answer as it comes; closing the connection before its end ends the server's work on it.

    Raises:
        AnswerInvalid: it ended without an end.
    """
    async with aclosing(cast("AsyncGenerator[ollama.ChatResponse]", parts)) as answer:
        async for part in answer:
            more = draft.add(part.message.content, part.message.thinking)
            if part.done:
                draft.prompt_tokens, draft.completion_tokens = part.prompt_eval_count, part.eval_count
                draft.ended, draft.cut = False, draft.cut or part.done_reason == "length"
                return
            if not more:
                return
    raise AnswerInvalid("the model's answer has no end")


def _is_prose(text: str, request: CompletionRequest) -> bool:
    """Whether what was said is no beginning of the JSON that was asked for."""
    return bool(request.schema and text) and "{" not in text


def _check_prompt(draft: PartialAnswer, window: int) -> None:
    """Raise AnswerCut where the prompt itself did not fit."""
    read = plausible_count(draft.prompt_tokens)
    if read is not None and not draft.ended and read > window - _EDGE:
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


class OllamaClient(ollama.AsyncClient):
    """A client that knows where it asks, and whose embeddings come as the server sent them.

    Attributes:
        server: in words for people.
    """

    def __init__(self, address: str, **options: Any) -> None:  # noqa: ANN401 - of httpx
        super().__init__(address, **options)
        self.server = ollama_at(address)

    async def embeddings_of(self, model: str, texts: Sequence[str]) -> object:
        """The answer of /api/embed, parsed; raises one of FAILURES. The library's own turns texts into numbers."""
        body = {"model": model, "input": list(texts), "keep_alive": KEEP_ALIVE}
        return (await self._request_raw("POST", "/api/embed", json=body)).json()  # type: ignore[no-untyped-call]


async def loaded_models(client: OllamaClient) -> list[LoadedModel]:
    """What is in memory now (/api/ps).

    Raises:
        ServiceError: Ollama does not answer.
    """
    try:
        running = (await client.ps()).models
        return [LoadedModel(m.model or "", m.size or 0, m.size_vram or 0, m.context_length) for m in running]
    except FAILURES as error:
        raise translated(error, "ollama", "", client.server, quotes=True) from None


async def check_pulled(client: OllamaClient, service: str, model: str) -> None:
    """Whether Ollama answers and has the model (/api/tags).

    Raises:
        ServiceError: it does not.
    """
    if full_name(model) not in await digests(client, service):
        raise ServiceRejected(service, *client.server.words(Trouble.NO_MODEL, model=model))


async def digests(client: OllamaClient, service: str = "ollama") -> dict[str, str]:
    """The models that are pulled, each with what identifies its contents.

    Raises:
        ServiceError: Ollama does not answer.
    """
    try:
        return {card.model or "": card.digest or "" for card in (await client.list()).models}
    except FAILURES as error:
        raise translated(error, service, "", client.server, quotes=True) from None


def full_name(model: str) -> str:
    """A model's name with its tag."""
    return model if ":" in model else f"{model}:latest"


async def pulling(client: OllamaClient, model: str) -> AsyncIterator[tuple[str, int, int]]:
    """Pull a model; tells the step, the bytes that are here and the bytes in all, again and again.

    Raises:
        ServiceError: Ollama does not answer, or can't get the model.
    """
    try:
        async for step in await client.pull(model, stream=True):
            yield step.status or "", step.completed or 0, step.total or 0
    except ollama.ResponseError as error:
        raise ServiceRejected("ollama", f"can't pull {model!r}: {one_line(str(error.error))}") from None
    except FAILURES as error:
        raise translated(error, "ollama", model, client.server, quotes=True) from None


def ollama_client(base_url: str, timeout: float, *, most_bytes: int = MOST_BYTES) -> OllamaClient:
    """A client of Ollama whose chats are never cut silently, with time limits; answers have `most_bytes` at most.

    A name and password in `base_url` (for a proxy before Ollama) become a header: addresses get into logs.
    """
    limits = httpx.Timeout(timeout, connect=CONNECT_SECONDS)
    address = httpx.URL(base_url)
    auth = httpx.BasicAuth(address.username, address.password) if address.userinfo else None
    return OllamaClient(
        bare_address(base_url),
        timeout=limits,
        transport=_NoSilentCuts(),
        auth=auth,
        event_hooks=Wire(httpx).bounded(most_bytes),
    )


def bare_address(url: str) -> str:
    """The address without a name and password in it."""
    return str(httpx.URL(url).copy_with(username=None, password=None))


async def close_client(client: ollama.AsyncClient) -> None:
    """Close a client's connections."""
    await client.close()  # type: ignore[no-untyped-call]
