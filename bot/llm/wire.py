"""What all clients of models share about HTTP: answers come uncompressed and not without end, and faults have a name.

OpenAI's client library stands on httpx2, the others on httpx, which it was forked from.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import ModuleType
from typing import Any

from bot.domain import (
    Server,
    ServiceFailed,
    ServiceUnavailable,
    Trouble,
    trouble_connecting,
    trouble_reading,
)

ODD_ANSWERS = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RuntimeError)
"""What a client library raises when it trips over an answer that nobody thought of."""

MOST_BYTES = 32 * 1024 * 1024
"""Of one answer. A stream of 30,000 tokens takes 8 MB, with what servers put around each of them."""

Hooks = dict[str, list[Callable[..., Awaitable[Any]]]]


class Wire:
    """The HTTP of one library.

    Args:
        library: httpx, or a fork of it.
    """

    def __init__(self, library: ModuleType) -> None:
        self._library: Any = library

    def bounded(self, most_bytes: int = MOST_BYTES) -> Hooks:
        """Event hooks for a client that break off answers of more than `most_bytes`.

        Answers are asked for uncompressed, and refused where they are not: a few bytes can unfold to any number.
        """
        too_much = self._library.DecodingError

        class Bounded(self._library.AsyncByteStream):  # type: ignore[misc, name-defined]
            """A stream that ends in an error after so many bytes."""

            def __init__(self, stream: Any) -> None:  # noqa: ANN401 - of either library
                self._stream = stream
                self._left = most_bytes

            async def __aiter__(self) -> AsyncIterator[bytes]:
                async for part in self._stream:
                    self._left -= len(part)
                    if self._left < 0:
                        raise too_much("the answer is too long")
                    yield part

            async def aclose(self) -> None:
                await self._stream.aclose()

        async def ask_plainly(request: Any) -> None:  # noqa: ANN401 - of either library
            request.headers["Accept-Encoding"] = "identity"

        async def bound(response: Any) -> None:  # noqa: ANN401 - of either library
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise too_much("the answer is compressed, though that was not asked for")
            response.stream = Bounded(response.stream)

        return {"request": [ask_plainly], "response": [bound]}

    def failure(self, error: BaseException | None, service: str, server: Server) -> ServiceUnavailable:
        """The error of ours for a call that failed: ServiceFailed where it was under way, and may itself be why."""
        library = self._library
        if isinstance(error, library.DecodingError):
            return ServiceFailed(service, *server.words(Trouble.UNREADABLE, str(error)))
        if isinstance(error, (library.ReadTimeout, library.WriteTimeout)):
            return ServiceFailed(service, *server.words(Trouble.LATE))
        if isinstance(error, (library.ReadError, library.WriteError, library.RemoteProtocolError)):
            return ServiceFailed(service, *server.words(trouble_reading(error)))
        return ServiceUnavailable(
            service, *server.words(Trouble.UNREACHED if error is None else trouble_connecting(error))
        )


def failed_with(service: str, server: Server, status: int, quote: str = "") -> ServiceUnavailable:
    """The error of ours for an HTTP status of 500 or above, or (-1) for an error in the middle of an answer."""
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return ServiceUnavailable(service, *server.words(Trouble.BUSY, quote, status=status))
    if status < 0:
        return ServiceFailed(service, *server.words(Trouble.BROKEN_OFF, quote))
    return ServiceFailed(service, *server.words(Trouble.BROKEN, quote, status=status))


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
    except (ValueError, OverflowError):
        return None


def _seconds(value: str, now: float) -> float:
    try:
        return float(value)
    except ValueError:
        return parsedate_to_datetime(value).timestamp() - now
