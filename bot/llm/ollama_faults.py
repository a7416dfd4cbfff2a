"""What can go wrong with Ollama, as its client library raises it, in our errors and our words."""

from __future__ import annotations

import re

import httpx
import ollama

from bot.domain import (
    OLLAMA,
    AnswerCut,
    ChannelMemoryError,
    RateLimited,
    Server,
    ServiceFailed,
    ServiceRejected,
    Trouble,
)
from bot.llm.wire import ODD_ANSWERS, Wire, failed_with

_WIRE = Wire(httpx)
_NO_CHAT, _NO_EMBEDDING = "does not support chat", "does not support embed"

_SENTENCES = (
    "does not support thinking",
    "invalid JSON schema in format",
    "model runner has unexpectedly stopped",
    "llama runner process has terminated",
    "unsupported value: NaN",
    "maximum pending requests exceeded",
    "invalid options",
    "unable to load model",
)
"""Of Ollama's own: what it says beside them may hold what it was asked."""

_MEMORY = re.compile(
    r"more system memory \((?P<needed>[\d.]{1,9} [gm]ib)\) than is available \((?P<free>[\d.]{1,9} [gm]ib)\)"
)

FAILURES = (
    ollama.ResponseError,
    ollama.RequestError,
    httpx.HTTPError,
    ConnectionError,
    *ODD_ANSWERS,
)
"""What the client library raises."""


def ollama_at(address: str) -> Server:
    """An Ollama by its address, which has no name and password in it."""
    where = "OLLAMA_BASE_URL"
    return Server(OLLAMA, address.rstrip("/"), where, key=f"the name and password in {where}")


def translated(
    error: Exception, service: str, model: str, server: Server, *, quotes: bool = False
) -> ChannelMemoryError:
    """The error of ours that says what happened, without a word of what was sent or answered.

    Args:
        error: one of FAILURES.
        service: for our error.
        model: that was asked for.
        server: that was asked.
        quotes: whether all that the server said may be shown, since the request held nobody's text.
    """
    if isinstance(error, ollama.ResponseError):
        return _of_status(error, service, model, server, quotes=quotes)
    if isinstance(error, httpx.HTTPStatusError) or not isinstance(error, (httpx.HTTPError, ConnectionError)):
        return ServiceFailed(service, *server.words(Trouble.OTHER))
    return _WIRE.failure(error, service, server)


def _of_status(
    error: ollama.ResponseError, service: str, model: str, server: Server, *, quotes: bool
) -> ChannelMemoryError:
    reason, status = str(error.error), error.status_code
    quote = reason if quotes else next((own for own in _SENTENCES if own.lower() in reason.lower()), "")
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return RateLimited(service)
    if status == httpx.codes.BAD_REQUEST and "context" in reason and "exceed" in reason:
        return AnswerCut("the prompt does not fit the window")
    if (trouble := _refusal(reason.lower(), status)) is not None:
        quote = quote if trouble is Trouble.DECLINED else ""
        number = status if trouble in (Trouble.DECLINED, Trouble.BAD_KEY) else 0
        return ServiceRejected(service, *server.words(trouble, quote, model=model, status=number))
    if needed := _MEMORY.search(reason.lower()):
        sizes = f"it takes {_size(needed['needed'])}, {_size(needed['free'])} are free"
        return ServiceFailed(service, *server.words(Trouble.NO_MEMORY, sizes, model=model))
    return failed_with(service, server, status, quote)


def _refusal(reason: str, status: int) -> Trouble | None:
    """What is declined for good; None where another try may help."""
    if _NO_CHAT in reason:
        return Trouble.NO_CHAT
    if _NO_EMBEDDING in reason or status == httpx.codes.NOT_IMPLEMENTED:
        return Trouble.NO_EMBEDDING
    if status == httpx.codes.NOT_FOUND:
        return Trouble.NO_MODEL if "model" in reason else Trouble.OTHER
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return Trouble.BAD_KEY
    return Trouble.DECLINED if httpx.codes.is_client_error(status) else None


def _size(text: str) -> str:
    """A size as Ollama writes it, from its text in small letters."""
    return text.replace("ib", "iB").replace("g", "G").replace("m", "M")
