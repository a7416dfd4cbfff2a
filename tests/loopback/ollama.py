"""A loopback Ollama: the part of its HTTP API that a client of chat and embeddings needs.

It keeps Ollama's habits that matter: a prompt over `num_ctx` is cut silently unless `truncate` is false (and it is a
server that knows it), then it is HTTP 400; an answer over `num_predict` or the window ends with done_reason "length".
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.loopback.http import BODY, Declines, Fault, LoopbackServer, planned, smallest
from tests.loopback.vectors import bag_of_words

CHARACTERS_A_TOKEN = 4
PIECE = 16 * CHARACTERS_A_TOKEN
"""So many characters of an answer at once; a real server sends a token, which takes most tests too long."""
DEFAULT_WINDOW = 4096  # Ollama's own below 24 GiB of VRAM


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
        context_length: of the models.
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
    context_length: int = 131_072
    dims: int = 768
    version: str = "0.12.6"
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
        running = {"expires_at": "2318-01-01T00:00:00Z", "size_vram": self.size_vram, "context_length": window}
        return web.json_response({"models": [_card(name) | running for name in self.models[:1]]})

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
        capabilities = self.capabilities if _pulled(name, self.models) else ("embedding",)
        info = {
            "general.architecture": "llama",
            "llama.context_length": self.context_length,
            "llama.embedding_length": self.dims,
        }
        return web.json_response(
            {"details": _card(name)["details"], "model_info": info, "capabilities": list(capabilities)}
        )

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = request[BODY]
        if not _pulled(body["model"], self.models):
            return _unknown(body["model"])
        if body.get("think") and "thinking" not in self.capabilities:
            return web.json_response({"error": f'"{body["model"]}" does not support thinking'}, status=400)
        if self.poison is not None and any(self.poison in message["content"] for message in body["messages"]):
            return web.json_response({"error": "model runner has unexpectedly stopped"}, status=500)
        options = body.get("options") or {}
        window = options.get("num_ctx", DEFAULT_WINDOW)
        prompt_tokens = sum(_tokens(message["content"]) for message in body["messages"])
        if prompt_tokens > window:
            if self.knows_truncate and body.get("truncate") is False:
                return _too_long(prompt_tokens, window)
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
        if not _pulled(body["model"], self.embedders):
            return _unknown(body["model"])
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        if self.declines is not None and (declined := self.declines(texts)) is not None:
            status, error = declined
            return web.json_response({"error": error}, status=status)
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


def _pulled(name: str, models: Sequence[str]) -> bool:
    return (name if ":" in name else f"{name}:latest") in {m if ":" in m else f"{m}:latest" for m in models}


def _unknown(name: str) -> web.Response:
    return web.json_response({"error": f"model '{name}' not found"}, status=404)


def _too_long(prompt_tokens: int, window: int) -> web.Response:
    error = {
        "code": 400,
        "message": "the request exceeds the available context size, try increasing it",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": prompt_tokens,
        "n_ctx": window,
    }
    return web.json_response({"error": error}, status=400)


def _card(name: str) -> dict[str, Any]:
    details = {"format": "gguf", "family": "llama", "parameter_size": "8B", "quantization_level": "Q4_K_M"}
    return {"name": name, "model": name, "size": 4_900_000_000, "digest": "0" * 64, "details": details}
