"""OpenAI's chat completions with structured outputs, and the same protocol elsewhere by OPENAI_BASE_URL."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import openai
from openai import AsyncAPIResponse
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion
from openai.types.shared_params import ResponseFormatJSONSchema

from bot.domain import (
    AnswerCut,
    AnswerInvalid,
    ChannelMemoryError,
    RateLimited,
    ServiceRejected,
    ServiceUnavailable,
    StartupError,
)
from bot.llm.base import Completion, CompletionRequest, Enough

TEMPERATURE = 0.1
ANSWER_SECONDS = 60.0
NO_KEY = "unset"
"""Sent where no key is needed (a local server); the client library insists on one."""

_NOT_OURS = "its answer is not OpenAI's protocol; check OPENAI_BASE_URL"
_PARAMETER = re.compile(r"[a-z_.]{1,40}")


class OpenAIModel:
    """A language model of OpenAI, or of a server that speaks its protocol.

    Args:
        api_key: the key; None for servers without keys.
        model: its name there, such as "gpt-4o-mini".
        base_url: another server; None for OpenAI's.
        timeout: seconds for one answer.
    """

    provider = "openai"

    def __init__(
        self, api_key: str | None, model: str, *, base_url: str | None = None, timeout: float = ANSWER_SECONDS
    ) -> None:
        self.model = model
        self._client = openai_client(api_key, base_url, timeout)

    async def complete(self, request: CompletionRequest) -> Completion:
        """See LanguageModel."""
        started = time.monotonic()
        answer_format: ResponseFormatJSONSchema = {
            "type": "json_schema",
            "json_schema": {"name": request.purpose, "schema": strict(request.schema), "strict": True},
        }
        options: dict[str, Any] = {"messages": request.messages}
        if request.schema:
            options["response_format"] = answer_format
        if request.enough:
            options |= {"stream": True, "stream_options": {"include_usage": True}}
        if request.before is not None:
            await request.before()
        try:
            async with self._client.chat.completions.with_streaming_response.create(
                model=self.model,
                temperature=TEMPERATURE,
                max_completion_tokens=request.max_tokens,
                **options,
            ) as response:
                answer = await _read(response, request.enough)
        except FAILURES as error:
            raise translated(error, "openai", self.model) from None
        if answer.ended:
            answer.prompt_tokens = request.prompt_tokens
        return self._complete(answer, request.enough is not None, time.monotonic() - started)

    def _complete(self, answer: _Answer, in_view: bool, seconds: float) -> Completion:
        cut = answer.finish_reason == "length"
        if cut and not in_view:
            tokens = answer.completion_tokens or "unknown"
            raise AnswerCut(f"the answer was cut after {tokens} tokens", answer.text)
        if answer.declined or answer.finish_reason == "content_filter":
            raise AnswerInvalid("the model declined to answer")
        if not answer.text:
            raise AnswerInvalid("the model answered with nothing")
        return Completion(
            text=answer.text,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            seconds=seconds,
            provider=self.provider,
            model=self.model,
            whole=not (cut or answer.ended),
        )

    async def check(self) -> None:
        """Whether the key is taken and the model exists (/models/NAME)."""
        try:
            await self._client.models.retrieve(self.model)
        except FAILURES as error:
            raise translated(error, "openai", self.model) from None

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.close()


@dataclass(slots=True)
class _Answer:
    """What came of a call, at once or in parts; `ended` by the reader before its end."""

    text: str = ""
    finish_reason: str | None = None
    declined: bool = False
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    ended: bool = False

    def count(self, usage: CompletionUsage | None) -> None:
        if usage is not None:
            self.prompt_tokens, self.completion_tokens = usage.prompt_tokens, usage.completion_tokens


async def _read(response: AsyncAPIResponse[Any], enough: Enough | None) -> _Answer:
    """An answer as it comes; servers that don't know `stream` send it whole.

    Raises:
        ServiceUnavailable: it is not this protocol.
    """
    answer = _Answer()
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        parts = 0
        async for part in await response.parse():
            answer.count(part.usage)
            for choice in part.choices[:1]:
                answer.text += choice.delta.content or ""
                answer.declined |= bool(choice.delta.refusal)
                answer.finish_reason = choice.finish_reason or answer.finish_reason
                parts += 1
            if enough is not None and answer.finish_reason is None and enough(answer.text):
                answer.ended, answer.completion_tokens = True, parts  # a part is about a token
                break
        return answer
    value = await response.json()
    whole = ChatCompletion.construct(**value) if isinstance(value, dict) else None
    if whole is None or not whole.choices:  # a page of a proxy comes as text
        raise ServiceUnavailable("openai", _NOT_OURS)
    answer.count(whole.usage)
    choice = whole.choices[0]
    answer.text, answer.finish_reason = choice.message.content or "", choice.finish_reason
    answer.declined = bool(choice.message.refusal)
    return answer


def openai_client(api_key: str | None, base_url: str | None, timeout: float) -> openai.AsyncOpenAI:
    """A client that leaves retries to us.

    Raises:
        StartupError: a name or password in `base_url`; addresses get into logs.
    """
    if base_url and "@" in urlsplit(base_url).netloc:
        raise StartupError("OPENAI_BASE_URL: holds a name or password; put the key into OPENAI_API_KEY alone")
    return openai.AsyncOpenAI(api_key=api_key or NO_KEY, base_url=base_url, timeout=timeout, max_retries=0)


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`schema` as strict mode wants it: every object closed, and everything it has required.

    See https://platform.openai.com/docs/guides/structured-outputs#supported-schemas.
    """
    closed: dict[str, Any] = {key: _strict_part(value) for key, value in schema.items()}
    if closed.get("type") == "object":
        closed["additionalProperties"] = False
        closed["required"] = list(closed.get("properties", {}))
    return closed


def _strict_part(part: object) -> object:
    if isinstance(part, Mapping):
        return strict(part)
    return [_strict_part(item) for item in part] if isinstance(part, list) else part


FAILURES = (openai.OpenAIError, ValueError, TypeError, AttributeError)
"""What the client library raises; the last three when it trips over an answer that is not its protocol."""


def translated(error: Exception, service: str, model: str) -> ChannelMemoryError:
    """The error of ours that says what happened, without a word of what was sent or answered, and without the key."""
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, service, model)
    if isinstance(error, openai.APITimeoutError):
        return ServiceUnavailable(service, "no answer in time")
    if isinstance(error, openai.APIConnectionError):
        return ServiceUnavailable(service, "can't be reached; check the network and OPENAI_BASE_URL")
    return ServiceUnavailable(service, _NOT_OURS)


def _of_status(error: openai.APIStatusError, service: str, model: str) -> ChannelMemoryError:
    if error.code == "insufficient_quota":
        return ServiceUnavailable(service, "the account has no credit left; add some at platform.openai.com")
    if isinstance(error, openai.RateLimitError):
        return RateLimited(service, retry_after(error.response.headers))
    if isinstance(error, (openai.AuthenticationError, openai.PermissionDeniedError)):
        return ServiceRejected(service, f"HTTP {error.status_code}: the key was not accepted; check OPENAI_API_KEY")
    if isinstance(error, openai.NotFoundError):
        return ServiceRejected(service, f"no model {model!r} there; check its name and OPENAI_BASE_URL")
    if error.code == "context_length_exceeded":
        return AnswerCut("the prompt does not fit the model's window")
    if error.status_code < 500 and error.status_code not in (408, 409):
        return ServiceRejected(service, f"HTTP {error.status_code} for model {model!r}{_parameter(error)}")
    return ServiceUnavailable(service, f"HTTP {error.status_code}")


def _parameter(error: openai.APIStatusError) -> str:
    """The parameter that was not liked; only if it looks like a name, for it is the server's text."""
    return f", parameter {error.param}" if error.param and _PARAMETER.fullmatch(error.param) else ""


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds to wait by `retry-after-ms` or `Retry-After` (seconds or a date); None where it does not say.

    Args:
        headers: of the response, keys without regard to case.
        now: seconds since 1970, for tests.
    """
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return max(0.0, float(milliseconds) / 1000)
        value = headers.get("retry-after")
        return None if value is None else max(0.0, _seconds(value, time.time() if now is None else now))
    except ValueError:
        return None


def _seconds(value: str, now: float) -> float:
    try:
        return float(value)
    except ValueError:
        return parsedate_to_datetime(value).timestamp() - now
