"""What this program asks of a language model, whichever it is."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

_PIECES = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\s+|[^\sA-Za-z]")
_LETTERS_A_TOKEN = 4
_CAPITALS_A_TOKEN = 2
_UTF8_BYTES_A_TOKEN = 2

MOST_TOKENS = 2**31
"""What a service says of the tokens that it read is believed up to here; no request has as many characters."""

Before = Callable[[], Awaitable[None]]
"""Awaited before each attempt at a call; what it raises ends the call, and nothing of it is sent."""

Enough = Callable[[str], bool]
"""Asked again and again about the answer so far, which only grows; True ends the answer there."""


FIXED_PROMPT = "1 @A: The meeting begins at eight."
"""A short line of our own, which can be asked about under any instructions and any schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """What a language model is asked.

    Attributes:
        system: the constant instructions; kept constant so that the model can cache them. Empty: the model's own.
        prompt: what this call is about.
        schema: JSON schema of the answer; decoding is constrained to it where the model can. Empty: free text.
        max_tokens: upper bound of the answer.
        purpose: what the call is for, in the cost ledger ("extraction", "reconcile", "answer").
        before: sees whether the prompt may still be shown, for between a call and an attempt at it there may be
            minutes: of waiting, and of other attempts.
        enough: reads the answer as it comes. Then an answer of more than `max_tokens` is no error but not whole.
    """

    system: str
    prompt: str
    schema: Mapping[str, Any]
    max_tokens: int
    purpose: str
    before: Before | None = None
    enough: Enough | None = None

    @property
    def messages(self) -> list[dict[str, str]]:
        """Instructions and prompt as the turns of a chat."""
        instructions = [{"role": "system", "content": self.system}] if self.system else []
        return [*instructions, {"role": "user", "content": self.prompt}]

    @property
    def prompt_tokens(self) -> int:
        """Tokens of instructions and prompt, estimated on the safe side."""
        return estimate_tokens(self.system) + estimate_tokens(self.prompt)


def fixed(request: CompletionRequest) -> CompletionRequest:
    """The same request about a prompt of our own: a service that does not answer it is at fault itself."""
    enough = None if request.enough is None else _never
    return replace(request, prompt=FIXED_PROMPT, purpose="check", before=None, enough=enough)


def _never(_: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """An answer; one that was cut is an error instead, unless the caller wanted to see it come.

    Attributes:
        text: what the model said, JSON by the schema that was asked for.
        prompt_tokens: tokens of the prompt as the service counted them, or estimated where the answer was ended early;
            None where it did not tell.
        completion_tokens: tokens of the answer; None where the service did not tell.
        seconds: time from asking to the whole answer.
        provider: "ollama" or "openai".
        model: the model's name as it was asked for.
        whole: False where the answer was ended by `enough`, or by the bound of tokens under its eyes.
    """

    text: str
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float
    provider: str
    model: str
    whole: bool = True


class LanguageModel(Protocol):
    """A model that answers one prompt with JSON."""

    @property
    def provider(self) -> str:
        """Who runs it: "ollama" or "openai"."""

    @property
    def model(self) -> str:
        """Its name at the provider."""

    async def complete(self, request: CompletionRequest) -> Completion:
        """Answer a request.

        Raises:
            ServiceUnavailable: it can't answer now (RateLimited where it says how long to wait, ServiceFailed where the
                request itself may be why).
            ServiceRejected: it declined for good, whatever it is asked.
            AnswerCut: prompt or answer did not fit the window.
            AnswerDeclined: it does not answer this prompt.
            AnswerInvalid: it answered with something else than what was asked for.
        """

    async def check(self) -> None:
        """Ask whether it could answer, without making it answer.

        Raises:
            ServiceUnavailable: not now.
            ServiceRejected: never, with these settings.
        """

    async def aclose(self) -> None:
        """Close its connections."""


def estimate_tokens(text: str) -> int:
    """Estimate, on the safe side, how many tokens `text` takes in the vocabularies of common open models.

    Inside a word four letters of the Latin alphabet count as a token, of capitals two; of everything else two UTF-8
    bytes; single blanks ride on the word behind them. Against Qwen2.5's vocabulary, excerpts of 30 messages came out at
    1.05 to 1.65 times their real size. Strings of random letters take more than is estimated. Windows are sized by it;
    what does not fit all the same is noticed when the model answers.
    """
    return sum(_piece_tokens(piece) for piece in _PIECES.findall(text))


def plausible_count(tokens: object) -> int | None:
    """A number of tokens as a service tells it; None where it can't be one."""
    return tokens if type(tokens) is int and 0 <= tokens <= MOST_TOKENS else None


def _piece_tokens(piece: str) -> int:
    if piece.isspace():
        return 0 if piece == " " else 1
    if not piece[0].isascii():
        return _parts(len(piece.encode("utf-8", "surrogatepass")), _UTF8_BYTES_A_TOKEN)
    return _parts(len(piece), _CAPITALS_A_TOKEN if piece.isupper() else _LETTERS_A_TOKEN)


def _parts(length: int, size: int) -> int:
    return -(-length // size)
