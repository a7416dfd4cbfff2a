"""Anthropic's Messages API: an answer by a schema is the input of a tool that the model has to use.

See https://docs.anthropic.com/en/api/messages and https://docs.anthropic.com/en/docs/build-with-claude/tool-use.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import httpx
from pydantic import Field

from bot.domain import (
    AnswerCut,
    AnswerDeclined,
    ChannelMemoryError,
    RateLimited,
    Server,
    ServiceFailed,
    ServiceRejected,
    ServiceUnavailable,
    Trouble,
    is_at_home,
)
from bot.llm.base import Completion, CompletionRequest, LanguageModel, fixed
from bot.llm.model_answers import PartialAnswer
from bot.llm.prices import Price
from bot.llm.provider import ModelProvider
from bot.llm.wire import ODD_ANSWERS, Wire, failed_with, retry_after
from bot.settings import HttpAddress, Key, Section

LABEL = "anthropic"
VERSION = "2023-06-01"
"""Of the API; it has no other."""

TEMPERATURE = 0.1
TOOL = "answer"
ANSWER_SECONDS = 120.0
CONNECT_SECONDS = 10.0
QUESTIONS_AT_ONCE = 4
"""As many as a guard lets through in a second."""

OVERLOADED = 529
"""The status of a service that has too much to do."""

FAILURES = (httpx.HTTPError, *ODD_ANSWERS)

_WIRE = Wire(httpx)


class AnthropicSettings(Section):
    """The key, the address and the language model."""

    anthropic_api_key: Key = Field(None, description="Key for MEM0_LLM_PROVIDER=anthropic.")
    anthropic_base_url: HttpAddress = Field(
        "https://api.anthropic.com", description="Where Anthropic's API is, or a gateway with its protocol."
    )
    anthropic_model: str = Field("claude-haiku-4-5", min_length=1, description="Model that extracts memories there.")


class AnthropicModels(ModelProvider[AnthropicSettings]):
    """Anthropic's language models; it has no embedding models."""

    label = LABEL
    section = AnthropicSettings
    mem0_name = "anthropic"
    title = "Anthropic"
    is_free = False
    model_setting = "ANTHROPIC_MODEL"
    # https://www.anthropic.com/pricing, without batch or cache discounts
    prices = MappingProxyType(
        {
            "claude-haiku-4-5": Price(1.00, 5.00),
            "claude-sonnet-4-5": Price(3.00, 15.00),
            "claude-opus-4-5": Price(5.00, 25.00),
            "claude-3-5-haiku": Price(0.80, 4.00),
        }
    )

    @property
    def model(self) -> str:
        """ANTHROPIC_MODEL."""
        return self.settings.anthropic_model

    @property
    def is_outside(self) -> bool:
        """Whether its address is not one of the operator's own."""
        return not is_at_home(self.settings.anthropic_base_url, self.all.own_hosts)

    @property
    def lacks(self) -> str:
        """The key."""
        return "" if self.settings.anthropic_api_key else "ANTHROPIC_API_KEY is not set"

    @property
    def questions_at_once(self) -> int:
        """As many as its guard lets through in a second."""
        return QUESTIONS_AT_ONCE

    def open(self, model: str, host: str, *, timeout: float | None = None) -> LanguageModel:
        """The client of a model."""
        key = self.settings.anthropic_api_key
        return AnthropicModel(
            key.get_secret_value() if key else "",
            model,
            self.settings.anthropic_base_url,
            timeout=ANSWER_SECONDS if timeout is None else timeout,
        )


class AnthropicModel:
    """A language model of Anthropic; see LanguageModel.

    Args:
        api_key: the key.
        model: its name, such as "claude-haiku-4-5".
        base_url: of the API, without "/v1".
        timeout: seconds for one answer.
    """

    provider = LABEL

    def __init__(self, api_key: str, model: str, base_url: str, *, timeout: float = ANSWER_SECONDS) -> None:
        self.model = model
        self._server = Server("Anthropic", base_url.rstrip("/"), "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY")
        self._takes_temperature = True
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={"x-api-key": api_key, "anthropic-version": VERSION},
            timeout=httpx.Timeout(timeout, connect=CONNECT_SECONDS),
            event_hooks=_WIRE.bounded(),
        )

    async def complete(self, request: CompletionRequest) -> Completion:
        """See LanguageModel."""
        started = time.monotonic()
        try:
            draft = await self._ask(request)
        except ServiceRejected:
            if not self._takes_temperature or not await self._is_taken_without_temperature(fixed(request)):
                raise
            draft = await self._ask(request)
        return draft.completion(self.provider, self.model, time.monotonic() - started)

    async def check(self) -> None:
        """Whether the key is taken and the model exists (/v1/models/NAME)."""
        try:
            response = await self._client.get(f"/v1/models/{self.model}")
            await self._refuse(response)
        except FAILURES as error:
            raise self._translated(error) from None

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def _is_taken_without_temperature(self, request: CompletionRequest) -> bool:
        """Whether a prompt of our own, which is declined as well, is taken without it; from then on it is left out."""
        for taken in (True, False):
            self._takes_temperature = taken
            try:
                await self._ask(request)
            except ServiceRejected:
                continue
            return not taken
        self._takes_temperature = True
        return False

    async def _ask(self, request: CompletionRequest) -> PartialAnswer:
        if request.before is not None:
            await request.before()
        draft = PartialAnswer(request, request.max_tokens)
        try:
            async with self._client.stream("POST", "/v1/messages", json=self._body(request)) as response:
                await self._refuse(response)
                async for event in _events(response):
                    if not _take(event, draft, self._server):
                        break
        except FAILURES as error:
            raise self._translated(error) from None
        return draft

    def _body(self, request: CompletionRequest) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "max_tokens": request.max_tokens,
            "messages": [{"role": "user", "content": request.prompt}],
            "stream": True,
        }
        if request.system:
            body["system"] = request.system
        if self._takes_temperature:
            body["temperature"] = TEMPERATURE
        if request.schema:
            about = "Gives the answer that was asked for."
            body["tools"] = [{"name": TOOL, "description": about, "input_schema": dict(request.schema)}]
            body["tool_choice"] = {"type": "tool", "name": TOOL}
        return body

    async def _refuse(self, response: httpx.Response) -> None:
        """Raise what an answer other than 200 means."""
        status = response.status_code
        if status == HTTPStatus.OK:
            return
        await response.aread()
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise RateLimited(LABEL, retry_after(response.headers))
        if status == OVERLOADED:
            raise ServiceUnavailable(LABEL, *self._server.words(Trouble.BUSY, status=status))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise failed_with(LABEL, self._server, status)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise ServiceRejected(LABEL, *self._server.words(Trouble.BAD_KEY, status=status))
        if status == HTTPStatus.NOT_FOUND:
            raise ServiceRejected(LABEL, *self._server.words(Trouble.NO_MODEL, model=self.model))
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or "prompt is too long" in _message(response):
            raise AnswerCut("the prompt does not fit the model's window")
        if "credit balance" in _message(response):
            raise ServiceUnavailable(LABEL, *self._server.words(Trouble.NO_CREDIT))
        about = f"it was asked for model {self.model!r}"
        raise ServiceRejected(LABEL, *self._server.words(Trouble.DECLINED, about, status=status))

    def _translated(self, error: Exception) -> ChannelMemoryError:
        if isinstance(error, httpx.HTTPError):
            return _WIRE.failure(error, LABEL, self._server)
        return ServiceFailed(LABEL, *self._server.words(Trouble.OTHER))


async def _events(response: httpx.Response) -> AsyncIterator[Mapping[str, Any]]:
    """The server-sent events of an answer; raises ValueError where it is something else."""
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        raise ValueError
    async for line in response.aiter_lines():
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))


def _take(event: Mapping[str, Any], draft: PartialAnswer, server: Server) -> bool:
    """Take an event into an answer; whether more of it is wanted.

    Raises:
        AnswerDeclined: the model does not answer this.
        ServiceUnavailable: the service broke off its answer.
    """
    match event["type"]:
        case "error":
            raise failed_with(LABEL, server, -1)
        case "message_start":
            draft.prompt_tokens = event["message"]["usage"].get("input_tokens")
        case "content_block_delta":
            delta = event["delta"]
            return draft.add(delta.get("partial_json") or delta.get("text"), delta.get("thinking"))
        case "message_delta":
            reason = event["delta"].get("stop_reason")
            if reason == "refusal":
                raise AnswerDeclined("the model declined to answer")
            draft.cut |= reason == "max_tokens"
            draft.completion_tokens = event["usage"].get("output_tokens")
    return True


def _message(response: httpx.Response) -> str:
    """What an error says, to be read by this program alone."""
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return ""
