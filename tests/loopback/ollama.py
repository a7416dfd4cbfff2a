"""A loopback Ollama: the part of its HTTP API that a client of chat and embeddings needs.

It keeps the habits of a real one (0.24.0) that matter: a prompt over `num_ctx`, or a text over an embedder's window, is
cut silently unless `truncate` is false (and it is a server that knows it), then it is HTTP 400; an answer over
`num_predict` or the window ends with done_reason "length". A model that is loaded is asked at once, however many wait
for another one; a model that is not waits until one of those in its way does nothing.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.loopback.http import BODY, Declines, Fault, LoopbackServer, planned, smallest
from tests.loopback.vectors import bag_of_words

CHARACTERS_A_TOKEN = 4
PIECE = 16 * CHARACTERS_A_TOKEN
"""So many characters of an answer at once; a real server sends a token, which takes most tests too long."""
DEFAULT_WINDOW = 4096  # Ollama's own below 24 GiB of VRAM
TEMPLATE = "{{ if .System }}<|system|>{{ .System }}{{ end }}<|user|>{{ .Prompt }}<|assistant|>"
GRAMMAR_TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A scripted answer with what a server says about it; None for a count means to count."""

    text: str
    done_reason: str = "stop"
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    thoughts: str = ""


Reply = str | dict[str, Any] | list[Any] | Answer
Script = Callable[[dict[str, Any]], Reply | Awaitable[Reply]]
"""Called with the JSON of a chat request; returns text, something to say as JSON, or an `Answer`."""


@dataclass(slots=True)
class LoopbackOllama(LoopbackServer):
    """Ollama on 127.0.0.1.

    Attributes:
        answer: says what the model says; without it, the smallest value that follows the schema asked for.
        models: what is pulled, for chat.
        embedders: what is pulled, for embedding.
        capabilities: of the chat models, as /api/show tells them.
        embedder_capabilities: of the embedders; none at all for servers that don't tell.
        template: of the chat models.
        modelfile: of the chat models.
        context_length: of the models.
        embedding_window: tokens that an embedder reads of a text.
        chat_models_embed: whether a chat model's engine embeds as well; else it is 501.
        max_loaded: OLLAMA_MAX_LOADED_MODELS; None for as many as there are.
        max_queue: OLLAMA_MAX_QUEUE: requests that may wait for a model to be loaded; None for any number.
        loaded: the models in memory.
        loads: each model that was loaded, in order; every one but the first is a swap where max_loaded is 1.
        dims: size of the embeddings.
        knows_truncate: False for servers before 0.12.6, which cut and shift silently whatever they are told.
        size_vram: bytes of a loaded model on the graphics card, of its 4.9 GB.
        tokens_a_second: how fast it writes, as it says.
        pullable: models that can be pulled, besides those that are.
        digest: of every model's contents.
        counts_prompt: False for servers that leave prompt_eval_count out.
        ends_streams: False for servers whose connection ends before the answer does.
        piece: characters of an answer that are sent at once.
        written: pieces of answers that went out in streams.
        declines: says which texts are not embedded.
        spoil: makes of the vectors of an answer what is sent instead.
        poison: a prompt with this in it ends the model's runner.
        heeds_format: False for versions that drop the schema where a model is told not to think; then it answers in
            prose, without the JSON.
    """

    answer: Script | None = None
    models: Sequence[str] = ("llama3.1:8b",)
    embedders: Sequence[str] = ("nomic-embed-text:latest",)
    capabilities: Sequence[str] = ("completion", "tools")
    embedder_capabilities: Sequence[str] = ("embedding",)
    template: str = TEMPLATE
    modelfile: str = "FROM llama3.1:8b"
    context_length: int = 131_072
    embedding_window: int = 2048
    chat_models_embed: bool = False
    max_loaded: int | None = None
    max_queue: int | None = None
    loaded: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    dims: int = 768
    version: str = "0.24.0"
    knows_truncate: bool = True
    counts_prompt: bool = True
    size_vram: int = 4_900_000_000
    tokens_a_second: float = 80.0
    pullable: Sequence[str] = ()
    digest: str = "0" * 64
    ends_streams: bool = True
    piece: int = PIECE
    written: int = 0
    declines: Declines | None = None
    spoil: Callable[[list[list[float]]], object] | None = None
    poison: str | None = None
    heeds_format: bool = True
    _calls: Counter[str] = field(default_factory=Counter, init=False)
    _waiting: int = field(default=0, init=False)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition, init=False)

    def routes(self) -> list[web.AbstractRouteDef]:
        """Ollama's paths."""
        return [
            web.get("/", self._root),
            web.get("/api/version", self._version),
            web.get("/api/tags", self._tags),
            web.get("/api/ps", self._ps),
            web.post("/api/show", self._show),
            web.post("/api/pull", self._pull),
            web.post("/api/chat", self._chat),
            web.post("/api/embed", self._embed),
        ]

    @property
    def windows(self) -> list[int]:
        """num_ctx of each chat request, in order; a change makes the real server load the model again."""
        return [(r.body.get("options") or {}).get("num_ctx", DEFAULT_WINDOW) for r in self.asked("/api/chat")]

    async def _root(self, _: web.Request) -> web.Response:
        return web.Response(text="Ollama is running")

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response({"version": self.version})

    async def _tags(self, _: web.Request) -> web.Response:
        return web.json_response(
            {"models": [_card(name) | {"digest": self.digest} for name in (*self.models, *self.embedders)]}
        )

    async def _ps(self, _: web.Request) -> web.Response:
        window = self.windows[-1] if self.windows else DEFAULT_WINDOW
        running = {"expires_at": "2318-01-01T00:00:00Z", "size_vram": self.size_vram}
        windows = {name: window if _pulled(name, self.models) else self.embedding_window for name in self.loaded}
        return web.json_response(
            {"models": [_card(name) | running | {"context_length": length} for name, length in windows.items()]}
        )

    @asynccontextmanager
    async def _in_memory(self, name: str) -> AsyncIterator[None]:
        """A model in memory for the time of the block."""
        name = _full(name)
        async with self._changed:
            self._waiting += 1
            try:
                await self._changed.wait_for(lambda: name in self.loaded or self._has_room())
            finally:
                self._waiting -= 1
            if name not in self.loaded:
                self._load(name)
            self._calls[name] += 1
        try:
            yield
        finally:
            async with self._changed:
                self._calls[name] -= 1
                self._changed.notify_all()

    def _has_room(self) -> bool:
        full = self.max_loaded is not None and len(self.loaded) >= self.max_loaded
        return not full or any(not self._calls[name] for name in self.loaded)

    def _load(self, name: str) -> None:
        if self.max_loaded is not None and len(self.loaded) >= self.max_loaded:
            self.loaded.remove(next(idle for idle in self.loaded if not self._calls[idle]))
        self.loaded.append(name)
        self.loads.append(name)

    def _too_busy(self) -> web.Response | None:
        if self.max_queue is None or self._waiting < self.max_queue:
            return None
        return _error(503, "server busy, please try again.  maximum pending requests exceeded")

    async def _pull(self, request: web.Request) -> web.StreamResponse:
        name = request[BODY]["model"]
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        if name not in (*self.models, *self.embedders, *self.pullable):
            await response.write(json.dumps({"error": "pull model manifest: file does not exist"}).encode() + b"\n")
            return response
        total = 4_900_000_000
        for step in (
            {"status": "pulling manifest"},
            {"status": "pulling 6a0746a1ec1a", "total": total, "completed": total // 2},
            {"status": "pulling 6a0746a1ec1a", "total": total, "completed": total},
            {"status": "success"},
        ):
            await response.write(json.dumps(step).encode() + b"\n")
        if name not in (*self.models, *self.embedders):
            self.models = (*self.models, name)
        return response

    async def _show(self, request: web.Request) -> web.Response:
        name = request[BODY]["model"]
        if not _pulled(name, (*self.models, *self.embedders)):
            return _unknown(name)
        chats = _pulled(name, self.models)
        capabilities = self.capabilities if chats else self.embedder_capabilities
        info = {
            "general.architecture": "llama",
            "llama.context_length": self.context_length,
            "llama.embedding_length": self.dims,
        }
        shown = {"details": _card(name)["details"], "model_info": info}
        shown |= {"template": self.template if chats else "{{ .Prompt }}", "modelfile": self.modelfile}
        return web.json_response(shown | ({"capabilities": list(capabilities)} if capabilities else {}))

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = request[BODY]
        if (refused := self._bad_chat(body) or self._too_busy()) is not None:
            return refused
        async with self._in_memory(body["model"]):
            return await self._chat_with(request, body)

    def _bad_chat(self, body: dict[str, Any]) -> web.Response | None:
        name = body["model"]
        if not _pulled(name, (*self.models, *self.embedders)):
            return _unknown(name)
        if not _pulled(name, self.models) or "completion" not in (self.capabilities or ("completion",)):
            return _error(400, f'"{name}" does not support chat')
        if body.get("think") and "thinking" not in self.capabilities:
            return _error(400, f'"{name}" does not support thinking')
        if isinstance(body.get("format"), dict) and not all(map(_has_grammar, _parts(body["format"]))):
            return _error(500, "invalid JSON schema in format")
        if self.poison is not None and any(self.poison in message["content"] for message in body["messages"]):
            return _error(500, "model runner has unexpectedly stopped, this may be due to resource limitations")
        return None

    async def _chat_with(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        options = body.get("options") or {}
        window = options.get("num_ctx", DEFAULT_WINDOW)
        prompt_tokens = sum(_tokens(message["content"]) for message in body["messages"])
        if prompt_tokens > window:
            if self.knows_truncate and body.get("truncate") is False:
                return _error(400, "the input length exceeds the context length")
            prompt_tokens = window
        answer = await self._say(request, body)
        ends = self.knows_truncate and body.get("shift") is False
        room = min(options.get("num_predict", window), window - prompt_tokens if ends else window)
        end = self._told(body["model"], _fit(answer, max(0, room)), prompt_tokens)
        if body.get("stream") is False:
            return web.json_response(end)
        return await self._stream(request, end)

    async def _stream(self, request: web.Request, end: dict[str, Any]) -> web.StreamResponse:
        """The answer in pieces; a client that leaves is written nothing more."""
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        text = end["message"]["content"]
        start = {key: end[key] for key in ("model", "created_at")}
        for at in range(0, len(text), self.piece):
            message = {"role": "assistant", "content": text[at : at + self.piece]}
            await response.write(json.dumps(start | {"message": message, "done": False}).encode() + b"\n")
            await asyncio.sleep(0)
            self.written += 1
        if end["message"].get("thinking"):
            message = {"role": "assistant", "content": "", "thinking": end["message"]["thinking"]}
            await response.write(json.dumps(start | {"message": message, "done": False}).encode() + b"\n")
        if self.ends_streams:
            await response.write(json.dumps(end | {"message": {"role": "assistant", "content": ""}}).encode() + b"\n")
        return response

    async def _say(self, request: web.Request, body: dict[str, Any]) -> Answer:
        if planned(request, Fault.GARBAGE):
            return Answer("Sure! Here is what I found: {{{ memories: none")
        if body.get("think") is False and not self.heeds_format:
            return Answer("Here is what matters in these lines: nothing at all.")
        reply: Any = self.answer(body) if self.answer else smallest(body.get("format") or {"type": "object"})
        if inspect.isawaitable(reply):
            reply = await reply
        answer = reply if isinstance(reply, Answer) else Answer(reply if isinstance(reply, str) else json.dumps(reply))
        if planned(request, Fault.CUT):
            return Answer(answer.text[: len(answer.text) // 2], "length")
        return answer

    def _told(self, model: str, answer: Answer, prompt_tokens: int) -> dict[str, Any]:
        written = answer.eval_count if answer.eval_count is not None else _tokens(answer.text)
        told = {
            "model": model,
            "created_at": "2026-11-22T00:00:00Z",
            "message": {"role": "assistant", "content": answer.text, "thinking": answer.thoughts},
            "done": True,
            "done_reason": answer.done_reason,
            "total_duration": 1_000_000,
            "load_duration": 2_000_000_000,
            "eval_count": written,
            "eval_duration": round(written / self.tokens_a_second * 1e9),
        }
        if self.counts_prompt:
            told["prompt_eval_count"] = prompt_tokens if answer.prompt_eval_count is None else answer.prompt_eval_count
        return told

    async def _embed(self, request: web.Request) -> web.Response:
        body = request[BODY]
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        if (refused := self._bad_embedding(body, texts) or self._too_busy()) is not None:
            return refused
        async with self._in_memory(body["model"]):
            return self._vectors(request, body, [text[: self.embedding_window * CHARACTERS_A_TOKEN] for text in texts])

    def _bad_embedding(self, body: dict[str, Any], texts: Sequence[str]) -> web.Response | None:
        name = body["model"]
        if not _pulled(name, (*self.models, *self.embedders)):
            return _error(404, f'model "{name}" not found, try pulling it first')
        if not _pulled(name, self.embedders) and not self.chat_models_embed:
            return _error(501, "this model does not support embeddings")
        if self.declines is not None and (declined := self.declines(texts)) is not None:
            return _error(*declined)
        if body.get("truncate") is False and any(_tokens(text) > self.embedding_window for text in texts):
            return _error(400, "the input length exceeds the context length")
        return None

    def _vectors(self, request: web.Request, body: dict[str, Any], texts: Sequence[str]) -> web.Response:
        dims = body.get("dimensions") or self.dims
        if planned(request, Fault.GARBAGE):
            dims -= 1
        vectors = [list(bag_of_words(text, dims)) for text in texts]
        return web.json_response(
            {
                "model": body["model"],
                "embeddings": vectors if self.spoil is None else self.spoil(vectors),
                "total_duration": 1_000_000,
                "prompt_eval_count": sum(_tokens(text) for text in texts),
            }
        )


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_A_TOKEN)


def _fit(answer: Answer, room: int) -> Answer:
    if _tokens(answer.text) <= room:
        return answer
    return Answer(answer.text[: room * CHARACTERS_A_TOKEN], "length", answer.prompt_eval_count, room, answer.thoughts)


def _full(name: str) -> str:
    return name if ":" in name else f"{name}:latest"


def _pulled(name: str, models: Sequence[str]) -> bool:
    return _full(name) in map(_full, models)


def _unknown(name: str) -> web.Response:
    return _error(404, f"model '{name}' not found")


def _error(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)


def _parts(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A schema and those inside it."""
    yield schema
    inner = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    for part in inner:
        yield from _parts(part)


def _has_grammar(schema: Mapping[str, Any]) -> bool:
    return "$ref" not in schema and schema.get("type", "object") in GRAMMAR_TYPES


def _card(name: str) -> dict[str, Any]:
    details = {"format": "gguf", "family": "llama", "parameter_size": "8B", "quantization_level": "Q4_K_M"}
    return {"name": name, "model": name, "size": 4_900_000_000, "digest": "0" * 64, "details": details}
