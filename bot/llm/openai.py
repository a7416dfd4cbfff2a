"""OpenAI's chat completions with structured outputs, and the same protocol elsewhere by OPENAI_BASE_URL.

Servers differ in the parameters that they take. One that declines a request is asked about a prompt of our own: where
it takes that, the request's own prompt was at fault; where it takes it without some parameter, it is asked without
that from then on.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
from openai import AsyncAPIResponse

from bot.domain import (
    AnswerCut,
    AnswerDeclined,
    ChannelMemoryError,
    RateLimited,
    Server,
    ServiceFailed,
    ServiceRejected,
    ServiceUnavailable,
    StartupError,
    Trouble,
)
from bot.llm.base import Completion, CompletionRequest, fixed
from bot.llm.manners import READ_CHARACTERS, Manner
from bot.llm.model_answers import PartialAnswer
from bot.llm.wire import MOST_BYTES, ODD_ANSWERS, Wire, failed_with, retry_after

ANSWER_SECONDS = 60.0
NO_KEY = "unset"
"""Sent where no key is needed (a local server); the client library insists on one."""

_WIRE = Wire(httpx2)
_PARAMETER = re.compile(r"[a-z_.]{1,40}")
_NOT_FITTING = re.compile(r"context.{0,40}(?:length|size|window)|too many tokens|prompt is too long", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SettingNames:
    """The settings that errors advise to look at."""

    address: str = "OPENAI_BASE_URL"
    key: str = "OPENAI_API_KEY"


OPENAI_SETTINGS = SettingNames()

_AT_OPENAI = Manner()


class OpenAIModel:
    """A language model of OpenAI, or of a server that speaks its protocol.

    Args:
        api_key: the key; None for servers without keys.
        model: its name there, such as "gpt-4o-mini".
        base_url: another server; None for OpenAI's.
        timeout: seconds for one answer.
        provider: its label.
        settings: that errors name.
        lists_models: whether the service tells of each model by its name; servers with a single one answer to any.
        manner: how it is asked at first.
    """

    def __init__(
        self,
        api_key: str | None,
        model: str,
        *,
        base_url: str | None = None,
        timeout: float = ANSWER_SECONDS,
        provider: str = "openai",
        settings: SettingNames = OPENAI_SETTINGS,
        lists_models: bool = True,
        manner: Manner = _AT_OPENAI,
    ) -> None:
        self.provider = provider
        self._lists_models = lists_models
        self.model = model
        self._client = openai_client(api_key, base_url, timeout, settings)
        self._server = openai_at(self._client, settings)
        self._manner = manner

    async def complete(self, request: CompletionRequest) -> Completion:
        """See LanguageModel."""
        started = time.monotonic()
        outcome = await self._ask(request, self._manner)
        if isinstance(outcome, _Declined):
            await self._learn(request, outcome)
            outcome = await self._ask(request, self._manner)
        if isinstance(outcome, _Declined):
            raise outcome.error
        return outcome.completion(self.provider, self.model, time.monotonic() - started)

    async def _ask(self, request: CompletionRequest, manner: Manner) -> PartialAnswer | _Declined:
        if request.before is not None:
            await request.before()
        draft = PartialAnswer(request, request.max_tokens)
        create = self._client.chat.completions.with_streaming_response.create
        try:
            async with create(model=self.model, **manner.parameters(request)) as response:
                await _read(response, draft)
        except FAILURES as error:
            ours = self._translated(error)
            if isinstance(ours, ServiceRejected) and isinstance(error, _BAD_REQUESTS):
                return _Declined(ours, error.response.text[:READ_CHARACTERS])
            raise ours from None
        return draft

    async def _learn(self, request: CompletionRequest, declined: _Declined) -> None:
        """Find out how this server takes a prompt of our own, and ask it so from then on.

        Raises:
            AnswerDeclined: it takes that as it was asked, so that the prompt was at fault.
            ServiceRejected: it takes none.
        """
        manner = await self._manner_for(fixed(request))
        if manner is None:
            raise declined.error
        if manner == self._manner:
            raise AnswerDeclined(f"{declined.error.service}: {declined.error.what}; it answers another prompt")
        self._manner = manner

    async def _manner_for(self, request: CompletionRequest) -> Manner | None:
        manner: Manner | None = self._manner
        while manner is not None:
            outcome = await self._ask(request, manner)
            if not isinstance(outcome, _Declined):
                return manner
            manner = manner.without(outcome.told)
        for plainer in self._manner.plainer():
            if not isinstance(await self._ask(request, plainer), _Declined):
                return plainer
        return None

    async def check(self) -> None:
        """Whether the key is taken, and the model exists where the service tells (/models)."""
        try:
            if self._lists_models:
                await self._client.models.retrieve(self.model)
            else:
                await self._client.models.list()
        except FAILURES as error:
            raise self._translated(error) from None

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.close()

    def _translated(self, error: Exception) -> ChannelMemoryError:
        return translated(error, self.provider, self.model, self._server)


@dataclass(frozen=True, slots=True)
class _Declined:
    """A request that was declined: as an error of ours, and in the server's own words, which nobody is shown."""

    error: ServiceRejected
    told: str


async def _read(response: AsyncAPIResponse[Any], draft: PartialAnswer) -> None:
    """Read an answer as it comes; servers that don't know `stream` send it whole. May raise any of FAILURES."""
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        async for part in await response.parse():
            _count(part.usage, draft)
            for choice in part.choices[:1]:
                more = draft.add(choice.delta.content, getattr(choice.delta, "reasoning_content", None))
                _end(choice.finish_reason, choice.delta.refusal, draft)
                if choice.finish_reason is not None:
                    draft.ended = False
                elif not more:
                    return
        return
    whole: Any = await response.json()  # a page of a proxy comes as text
    choice, usage = whole["choices"][0], whole.get("usage")
    message = choice["message"]
    draft.add(message.get("content"), message.get("reasoning_content"))
    draft.ended = False
    _end(choice.get("finish_reason"), message.get("refusal"), draft)
    if isinstance(usage, Mapping):
        draft.prompt_tokens, draft.completion_tokens = usage.get("prompt_tokens"), usage.get("completion_tokens")


def _count(usage: object, draft: PartialAnswer) -> None:
    if usage is not None:
        draft.prompt_tokens = getattr(usage, "prompt_tokens", None)
        draft.completion_tokens = getattr(usage, "completion_tokens", None)


def _end(reason: object, refusal: object, draft: PartialAnswer) -> None:
    draft.cut |= reason == "length"
    draft.declined |= bool(refusal) or reason == "content_filter"


def openai_client(
    api_key: str | None,
    base_url: str | None,
    timeout: float,
    settings: SettingNames = OPENAI_SETTINGS,
    *,
    most_bytes: int = MOST_BYTES,
) -> openai.AsyncOpenAI:
    """A client that leaves retries to us.

    Raises:
        StartupError: a name or password in `base_url`; addresses get into logs.
    """
    if base_url and "@" in urlsplit(base_url).netloc:
        raise StartupError(f"{settings.address}: holds a name or password; put the key into {settings.key} alone")
    http = openai.DefaultAsyncHttpxClient(event_hooks=_WIRE.bounded(most_bytes))
    return openai.AsyncOpenAI(
        api_key=api_key or NO_KEY, base_url=base_url, timeout=timeout, max_retries=0, http_client=http
    )


FAILURES = (openai.OpenAIError, httpx2.HTTPError, *ODD_ANSWERS)
"""What the client library raises."""

_BAD_REQUESTS = (openai.BadRequestError, openai.UnprocessableEntityError)


def openai_at(client: openai.AsyncOpenAI, settings: SettingNames = OPENAI_SETTINGS) -> Server:
    """The server of a client, in words for people."""
    place = str(client.base_url).rstrip("/")
    title = "OpenAI" if urlsplit(place).hostname == "api.openai.com" else "a server with OpenAI's protocol"
    return Server(title, place, settings.address, settings.key)


def translated(error: Exception, service: str, model: str, server: Server) -> ChannelMemoryError:
    """The error of ours that says what happened, without a word of what was sent or answered, and without the key."""
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, service, model, server)
    if isinstance(error, (openai.APIConnectionError, httpx2.HTTPError)):
        return _WIRE.failure(
            error.__cause__ if isinstance(error, openai.APIConnectionError) else error, service, server
        )
    if type(error) is openai.APIError:
        return failed_with(service, server, -1)
    return ServiceFailed(service, *server.words(Trouble.OTHER))


def _of_status(error: openai.APIStatusError, service: str, model: str, server: Server) -> ChannelMemoryError:
    status = error.status_code
    if error.code == "insufficient_quota":
        return ServiceUnavailable(service, *server.words(Trouble.NO_CREDIT))
    if isinstance(error, openai.RateLimitError):
        return RateLimited(service, retry_after(error.response.headers))
    if (trouble := _refusal(error)) is not None:
        return ServiceRejected(service, *server.words(trouble, model=model))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return failed_with(service, server, status)
    if error.code == "content_filter":
        return AnswerDeclined("the service's content filter does not let the prompt through")
    if _is_too_long(error):
        return AnswerCut("the prompt does not fit the model's window")
    if status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT):
        return ServiceUnavailable(service, *server.words(Trouble.BROKEN, status=status))
    about = f"it was asked for model {model!r}{_parameter(error)}"
    return ServiceRejected(service, *server.words(Trouble.DECLINED, about, status=status))


def _refusal(error: openai.APIStatusError) -> Trouble | None:
    """What is declined for good, whatever is asked."""
    if isinstance(error, (openai.AuthenticationError, openai.PermissionDeniedError)):
        return Trouble.BAD_KEY
    if isinstance(error, openai.NotFoundError):
        return Trouble.NO_MODEL
    return Trouble.NO_EMBEDDING if error.status_code == HTTPStatus.NOT_IMPLEMENTED else None


def _is_too_long(error: openai.APIStatusError) -> bool:
    if error.code == "context_length_exceeded" or error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return True
    return _NOT_FITTING.search(error.response.text[:READ_CHARACTERS].lower()) is not None


def _parameter(error: openai.APIStatusError) -> str:
    """The parameter that was not liked; only if it looks like a name, for it is the server's text."""
    return f", parameter {error.param}" if isinstance(error.param, str) and _PARAMETER.fullmatch(error.param) else ""
