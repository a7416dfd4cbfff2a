"""A loopback OpenAI: embeddings, chat completions with structured outputs, the list of models."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.loopback.http import BODY, Declines, Fault, LoopbackServer, Plan, planned, smallest
from tests.loopback.ollama import CHARACTERS_A_TOKEN, PIECE, Answer, Script
from tests.loopback.vectors import bag_of_words

NATIVE_DIMS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
MAX_TEXTS = 2048  # of one embedding request


@dataclass(slots=True)
class LoopbackOpenAI(LoopbackServer):
    """OpenAI on 127.0.0.1; point clients at `api_url`.

    Attributes:
        answer: says what the chat model says, as for LoopbackOllama; done_reason of an `Answer` is the finish_reason.
        api_key: the only key that is let in; None lets everybody in. A wrong key is repeated in the error, as bad
            proxies do.
        chat_models: models that exist.
        dims: native size of embedding models that OpenAI doesn't have.
        refusal: what the chat model says instead of answering.
        streams: False for servers that answer at once whatever they are asked for.
        piece: characters of an answer that are sent at once.
        written: pieces of answers that went out in streams.
        declines: says which texts are not embedded.
        parameters: optional parameters of embedding requests that are taken; others are declined without a name.
        spoil: makes of the vectors of an answer what is sent instead.
        tokens: what it says of the tokens that it read; None to count.
        chat_declines: parameters that it does not take; of `response_format` the types "json_schema" and "json_object".
        chat_ignores: bounds of the answer that it takes without a word and heeds not.
        names_declined: False where its error does not say which.
        poison: a prompt with this in it ends the model's runner.
        filtered: a prompt with this in it is stopped by a content filter.
        filter_tells: what the filter says instead of its code.
        reasoning: what the chat model says beside its answer.
    """

    answer: Script | None = None
    api_key: str | None = None
    chat_models: Sequence[str] = ("gpt-4o-mini",)
    context_length: int = 128_000
    dims: int = 1536
    refusal: str | None = None
    streams: bool = True
    piece: int = PIECE
    written: int = 0
    declines: Declines | None = None
    parameters: frozenset[str] = frozenset({"encoding_format", "dimensions"})
    spoil: Callable[[list[dict[str, Any]]], object] | None = None
    tokens: object = None
    chat_declines: Collection[str] = ()
    chat_ignores: Collection[str] = ()
    names_declined: bool = True
    poison: str | None = None
    filtered: str | None = None
    filter_tells: str | None = None
    reasoning: str | None = None

    @property
    def api_url(self) -> str:
        """What OPENAI_BASE_URL would be."""
        return f"{self.url}/v1"

    def routes(self) -> list[web.AbstractRouteDef]:
        """OpenAI's paths."""
        return [
            web.get("/v1/models", self._models),
            web.get("/v1/models/{model}", self._model),
            web.post("/v1/embeddings", self._embeddings),
            web.post("/v1/chat/completions", self._chat),
        ]

    def error_body(self, plan: Plan) -> dict[str, object]:
        """OpenAI's errors are objects."""
        kind = "insufficient_quota" if plan.message == "insufficient_quota" else None
        return {"error": {"message": plan.message, "type": kind or "server_error", "param": None, "code": kind}}

    async def _models(self, request: web.Request) -> web.Response:
        cards = [_card(name) for name in (*self.chat_models, *NATIVE_DIMS)]
        return self._stranger(request) or web.json_response({"object": "list", "data": cards})

    async def _model(self, request: web.Request) -> web.Response:
        name = request.match_info["model"]
        known = name in self.chat_models or name in NATIVE_DIMS
        return self._stranger(request) or (web.json_response(_card(name)) if known else _no_model(name))

    async def _embeddings(self, request: web.Request) -> web.Response:
        body = request[BODY]
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        refused = self._stranger(request) or self._bad_embedding(body, texts)
        if refused is not None:
            return refused
        dims = body.get("dimensions") or NATIVE_DIMS.get(body["model"], self.dims)
        if planned(request, Fault.GARBAGE):
            dims -= 1
        in_base64 = body.get("encoding_format") == "base64"
        vectors = [bag_of_words(text, dims) for text in texts]
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": base64.b64encode(vector.tobytes()).decode() if in_base64 else list(vector),
            }
            for index, vector in enumerate(vectors)
        ]
        tokens = sum(_tokens(text) for text in texts) if self.tokens is None else self.tokens
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        sent = data if self.spoil is None else self.spoil(data)
        return web.json_response({"object": "list", "data": sent, "model": body["model"], "usage": usage})

    def _bad_embedding(self, body: dict[str, Any], texts: Sequence[str]) -> web.Response | None:
        if not 1 <= len(texts) <= MAX_TEXTS or not all(texts):
            return _refused(400, "'$.input' is invalid.", param="input")
        if "dimensions" in body and body["model"] == "text-embedding-ada-002":
            return _refused(400, "This model does not support specifying dimensions.", param="dimensions")
        if body.keys() - {"model", "input"} - self.parameters:
            return _refused(400, "Extra inputs are not permitted")
        declined = self.declines(texts) if self.declines is not None else None
        return None if declined is None else _refused(*declined)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = request[BODY]
        prompt_tokens = sum(_tokens(message["content"]) for message in body["messages"])
        refused = self._stranger(request) or self._bad_chat(body, prompt_tokens)
        if refused is not None:
            return refused
        answer = await self._say(request, body)
        bounds = {"max_completion_tokens", "max_tokens"} - set(self.chat_ignores)
        room = next((body[name] for name in bounds if body.get(name)), None) or self.context_length
        text, reason = answer.text, answer.done_reason
        if _tokens(text) > room:
            text, reason = text[: room * CHARACTERS_A_TOKEN], "length"
        completion_tokens = answer.eval_count if answer.eval_count is not None else _tokens(text)
        usage = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        }
        base = {"id": "chatcmpl-1", "created": 1_795_305_600, "model": body["model"]}
        if body.get("stream") and self.streams:
            return await self._stream(request, base, text, reason, usage)
        message = {"role": "assistant", "content": None if self.refusal else text, "refusal": self.refusal}
        message |= {} if self.reasoning is None else {"reasoning_content": self.reasoning}
        choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
        return web.json_response(base | {"object": "chat.completion", "choices": [choice], "usage": usage})

    async def _stream(
        self, request: web.Request, base: dict[str, Any], text: str, reason: str, usage: dict[str, int]
    ) -> web.StreamResponse:
        """The answer as server-sent events, a token each; the count of tokens only where it was asked for."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)

        async def send(choices: list[dict[str, Any]], counted: dict[str, int] | None = None) -> None:
            chunk = base | {"object": "chat.completion.chunk", "choices": choices, "usage": counted}
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
            await asyncio.sleep(0)

        deltas: list[dict[str, Any]] = [
            {"content": text[at : at + self.piece]} for at in range(0, len(text), self.piece)
        ]
        for delta in [{"refusal": self.refusal}] if self.refusal else deltas:
            await send([{"index": 0, "delta": delta, "finish_reason": None}])
            self.written += 1
        await send([{"index": 0, "delta": {}, "finish_reason": reason}])
        if (request[BODY].get("stream_options") or {}).get("include_usage"):
            await send([], usage)
        await response.write(b"data: [DONE]\n\n")
        return response

    def _bad_chat(self, body: dict[str, Any], prompt_tokens: int) -> web.Response | None:
        if body["model"] not in self.chat_models:
            return _no_model(body["model"])
        if prompt_tokens > self.context_length:
            return _refused(400, "maximum context length exceeded", param="messages", code="context_length_exceeded")
        text = body["messages"][-1]["content"]
        if self.poison is not None and self.poison in text:
            return _refused(500, "The server had an error while processing your request.")
        if self.filtered is not None and self.filtered in text:
            code = None if self.filter_tells else "content_filter"
            told = self.filter_tells or "The prompt triggered the content management policy."
            return _refused(400, told, code=code)
        asked = body.get("response_format") or {}
        declined = [name for name in body if name in self.chat_declines]
        declined += ["response_format"] if asked.get("type") in self.chat_declines else []
        if declined:
            told = f"Unsupported parameter: '{declined[0]}' is not supported with this model."
            return _refused(400, told if self.names_declined else "Bad request.")
        if asked.get("type") == "json_schema" and not _strict(asked["json_schema"]["schema"]):
            return _refused(400, "Invalid schema for response_format", param="response_format")
        return None

    async def _say(self, request: web.Request, body: dict[str, Any]) -> Answer:
        if planned(request, Fault.GARBAGE):
            return Answer("Sure! Here is what I found: {{{ memories: none")
        schema = ((body.get("response_format") or {}).get("json_schema") or {}).get("schema") or {"type": "object"}
        reply: Any = self.answer(body) if self.answer else smallest(schema)
        if inspect.isawaitable(reply):
            reply = await reply
        answer = reply if isinstance(reply, Answer) else Answer(reply if isinstance(reply, str) else json.dumps(reply))
        if planned(request, Fault.CUT):
            return Answer(answer.text[: len(answer.text) // 2], "length")
        return answer

    def _stranger(self, request: web.Request) -> web.Response | None:
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.api_key is None or sent == self.api_key:
            return None
        return _refused(401, f"Incorrect API key provided: {sent}", code="invalid_api_key")


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_A_TOKEN)


def _strict(schema: object) -> bool:
    """Whether every object of `schema` closes itself and requires all it has, as strict mode demands."""
    if isinstance(schema, list):
        return all(_strict(part) for part in schema)
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object":
        closed = schema.get("additionalProperties") is False
        if not closed or set(schema.get("required", ())) != set(schema.get("properties", {})):
            return False
    return all(_strict(part) for part in schema.values())


def _refused(status: int, message: str, *, param: str | None = None, code: str | None = None) -> web.Response:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return web.json_response({"error": error}, status=status)


def _no_model(name: str) -> web.Response:
    return _refused(404, f"The model `{name}` does not exist", code="model_not_found")


def _card(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1_795_305_600, "owned_by": "loopback"}
