"""A loopback Anthropic: its Messages API, streamed and at once, with tools, and the list of models."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.loopback.http import BODY, Fault, LoopbackServer, Plan, planned, smallest
from tests.loopback.ollama import CHARACTERS_A_TOKEN, PIECE, Answer, Script

TYPES = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error", 529: "overloaded_error"}


@dataclass(slots=True)
class LoopbackAnthropic(LoopbackServer):
    """Anthropic on 127.0.0.1.

    Attributes:
        answer: says what the model says, as for LoopbackOllama; done_reason of an `Answer` is the stop_reason.
        api_key: the only key that is let in; None lets everybody in.
        models: that exist.
        context_length: tokens that a prompt may have.
        refuses: the model declines to answer.
        declines: parameters that it does not take.
        piece: characters of an answer that are sent at once.
        written: pieces of answers that went out in streams.
    """

    answer: Script | None = None
    api_key: str | None = None
    models: Sequence[str] = ("claude-haiku-4-5",)
    context_length: int = 200_000
    refuses: bool = False
    declines: Collection[str] = ()
    piece: int = PIECE
    written: int = 0

    def routes(self) -> list[web.AbstractRouteDef]:
        """Anthropic's paths."""
        return [web.get("/v1/models/{model}", self._model), web.post("/v1/messages", self._messages)]

    def error_body(self, plan: Plan) -> dict[str, object]:
        """Anthropic's errors have a type."""
        return _error(plan.status, plan.message)

    async def _model(self, request: web.Request) -> web.Response:
        name = request.match_info["model"]
        known = web.json_response({"type": "model", "id": name, "display_name": name})
        return self._stranger(request) or (known if name in self.models else _refused(404, f"model: {name}"))

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        body = request[BODY]
        refused = self._stranger(request) or self._bad(request, body)
        if refused is not None:
            return refused
        answer = await self._say(request, body)
        text, reason = answer.text, "tool_use" if body.get("tools") else "end_turn"
        if answer.done_reason != "stop":
            reason = answer.done_reason
        if _tokens(text) > body["max_tokens"]:
            text, reason = text[: body["max_tokens"] * CHARACTERS_A_TOKEN], "max_tokens"
        if self.refuses:
            text, reason = "", "refusal"
        usage = {
            "input_tokens": sum(_tokens(str(message["content"])) for message in body["messages"]),
            "output_tokens": answer.eval_count if answer.eval_count is not None else _tokens(text),
        }
        return await self._stream(request, text, reason, usage)

    async def _stream(self, request: web.Request, text: str, reason: str, usage: dict[str, int]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)

        async def send(kind: str, **event: Any) -> None:  # noqa: ANN401 - JSON
            await response.write(f"event: {kind}\ndata: {json.dumps({'type': kind, **event})}\n\n".encode())
            await asyncio.sleep(0)

        tools = request[BODY].get("tools")
        block: dict[str, Any] = {"type": "text", "text": ""}
        if tools:
            block = {"type": "tool_use", "id": "toolu_1", "name": tools[0]["name"], "input": {}}
        message: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
        await send("message_start", message=message | {"usage": usage | {"output_tokens": 1}})
        await send("ping")
        await send("content_block_start", index=0, content_block=block)
        for at in range(0, len(text), self.piece):
            part = text[at : at + self.piece]
            delta = (
                {"type": "input_json_delta", "partial_json": part} if tools else {"type": "text_delta", "text": part}
            )
            await send("content_block_delta", index=0, delta=delta)
            self.written += 1
        await send("content_block_stop", index=0)
        if planned(request, Fault.GARBAGE):
            await send("error", error={"type": "overloaded_error", "message": "Overloaded"})
            return response
        await send(
            "message_delta",
            delta={"stop_reason": reason, "stop_sequence": None},
            usage={"output_tokens": usage["output_tokens"]},
        )
        await send("message_stop")
        return response

    def _bad(self, request: web.Request, body: dict[str, Any]) -> web.Response | None:
        if "anthropic-version" not in request.headers:
            return _refused(400, "anthropic-version: header is required")
        if not isinstance(body.get("max_tokens"), int) or not body.get("messages"):
            return _refused(400, "max_tokens: Field required")
        if body["model"] not in self.models:
            return _refused(404, f"model: {body['model']}")
        if declined := [name for name in body if name in self.declines]:
            return _refused(400, f"{declined[0]}: Extra inputs are not permitted")
        if any(message["role"] not in ("user", "assistant") for message in body["messages"]):
            return _refused(400, "messages: Unexpected role")
        tokens = sum(_tokens(str(message["content"])) for message in body["messages"])
        if tokens > self.context_length:
            return _refused(400, f"prompt is too long: {tokens} tokens > {self.context_length} maximum")
        return None

    async def _say(self, request: web.Request, body: dict[str, Any]) -> Answer:
        schema = body["tools"][0]["input_schema"] if body.get("tools") else {"type": "string"}
        reply: Any = self.answer(body) if self.answer else smallest(schema)
        if inspect.isawaitable(reply):
            reply = await reply
        answer = reply if isinstance(reply, Answer) else Answer(reply if isinstance(reply, str) else json.dumps(reply))
        if planned(request, Fault.CUT):
            return Answer(answer.text[: len(answer.text) // 2], "max_tokens")
        return answer

    def _stranger(self, request: web.Request) -> web.Response | None:
        sent = request.headers.get("x-api-key", "")
        return None if self.api_key in (None, sent) else _refused(401, f"invalid x-api-key {sent}")


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_A_TOKEN)


def _error(status: int, message: str) -> dict[str, object]:
    return {"type": "error", "error": {"type": TYPES.get(status, "api_error"), "message": message}}


def _refused(status: int, message: str) -> web.Response:
    return web.json_response(_error(status, message), status=status)
