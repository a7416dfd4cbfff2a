"""A reverse proxy that measures what programs ask of a model, whichever client library they use.

Chat calls of Ollama (`/api/chat`) and of OpenAI (`/v1/chat/completions`) are counted with their tokens and seconds, as
the server tells them. Given a folder, it keeps the answers there and gives them again to the same request: so a change
behind the model's answer is measured without asking the model again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from bot.llm.base import estimate_tokens
from bot.remember.stretches import REAL_SHARE

CHATS = ("/api/chat", "/v1/chat/completions")
EMBEDDINGS = "/v1/embeddings"
PASSED = ("Authorization", "Content-Type")
PATIENCE = aiohttp.ClientTimeout(total=1800)
"""A small model on a processor takes minutes for a prompt of 8,000 tokens."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A chat call.

    Attributes:
        status: of HTTP.
        text: what the model said.
        prompt_tokens: as the server counted them; 0 where it did not tell.
        completion_tokens: likewise.
        seconds: until the whole answer was there; of the first time, where it was kept since.
    """

    status: int
    text: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float

    @property
    def tokens(self) -> int:
        """Prompt and answer."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(slots=True)
class Meter:
    """Listens on a free port of 127.0.0.1 for the time of `async with`.

    Attributes:
        upstream: the model's server, without a path.
        embeddings: the server of `/v1/embeddings`, without a path.
        answers: folder of kept answers; None keeps none.
        calls: every chat call since `take`.
    """

    upstream: str
    embeddings: str
    answers: Path | None = None
    calls: list[Measured] = field(default_factory=list)
    _client: aiohttp.ClientSession | None = None
    _runner: web.AppRunner | None = None
    _port: int = 0

    @property
    def url(self) -> str:
        """What OLLAMA_BASE_URL is set to."""
        return f"http://127.0.0.1:{self._port}"

    def take(self) -> list[Measured]:
        """The calls until now, which are forgotten."""
        taken, self.calls = self.calls, []
        return taken

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession(timeout=PATIENCE)
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._client is not None:
            await self._client.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if request.path not in CHATS:
            return await self._pass_on(request, body, bytearray())
        kept = self._kept(request.path, body)
        if kept is not None and kept.exists():
            told = json.loads(kept.read_text(encoding="utf-8"))
            self.calls.append(Measured(**told["measured"]))
            return web.Response(
                status=told["measured"]["status"], body=told["body"].encode(), content_type=told["content type"]
            )
        started, said = time.monotonic(), bytearray()
        try:
            response = await self._pass_on(request, body, said)
        except (ConnectionError, asyncio.CancelledError):  # whoever asked has heard enough
            self.calls.append(measure(web.HTTPOk.status_code, bytes(said), time.monotonic() - started, body))
            raise
        measured = measure(response.status, bytes(said), time.monotonic() - started)
        self.calls.append(measured)
        if kept is not None and response.status == web.HTTPOk.status_code:
            answer = {"measured": asdict(measured), "body": said.decode(), "content type": response.content_type}
            kept.write_text(json.dumps(answer), encoding="utf-8")
        return response

    async def _pass_on(self, request: web.Request, body: bytes, said: bytearray) -> web.StreamResponse:
        """Ask the server, and answer as it does, part by part; `said` takes the whole of it."""
        if self._client is None:
            raise RuntimeError("the meter is not open")
        base = self.embeddings if request.path == EMBEDDINGS else self.upstream
        headers = {name: request.headers[name] for name in PASSED if name in request.headers}
        async with self._client.request(request.method, f"{base}{request.path_qs}", data=body, headers=headers) as got:
            response = web.StreamResponse(status=got.status, headers={"Content-Type": got.content_type})
            await response.prepare(request)
            async for part in got.content.iter_any():
                said += part
                await response.write(part)
            await response.write_eof()
            return response

    def _kept(self, path: str, body: bytes) -> Path | None:
        if self.answers is None:
            return None
        self.answers.mkdir(parents=True, exist_ok=True)
        return self.answers / f"{hashlib.sha256(path.encode() + body).hexdigest()[:32]}.json"


def measure(status: int, answer: bytes, seconds: float, asked: bytes = b"") -> Measured:
    """A chat call by its answer, in either protocol, whole or in parts.

    An answer that was not heard to its end has no count: a part of it is about a token, and the tokens of what was
    `asked` are estimated.
    """
    text, prompt, answered, parts = "", 0, 0, 0
    for part in filter(None, map(_part, answer.splitlines())):
        usage = part.get("usage") or {}
        prompt = part.get("prompt_eval_count") or usage.get("prompt_tokens") or prompt
        answered = part.get("eval_count") or usage.get("completion_tokens") or answered
        choice: dict[str, Any] = next(iter(part.get("choices") or ()), {})
        message = part.get("message") or choice.get("message") or choice.get("delta") or {}
        text += message.get("content") or ""
        parts += 1
    if asked and not answered:
        prompt, answered = round(REAL_SHARE * estimate_tokens(asked.decode(errors="replace"))), parts
    return Measured(status, text, prompt, answered, seconds)


def _part(line: bytes) -> dict[str, Any] | None:
    """A part of an answer, or all of it."""
    try:
        told = json.loads(line.removeprefix(b"data:"))
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def tokens_of(calls: Sequence[Measured]) -> int:
    """Prompts and answers of several calls."""
    return sum(call.tokens for call in calls)
