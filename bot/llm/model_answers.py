"""What a language model answered: read as it comes, bounded, and the JSON in it taken from wherever it stands.

Not every server holds a model to the schema that was sent. Then the JSON may stand in a code fence, between sentences
or among what the model wrote as its thoughts.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain import AnswerCut, AnswerDeclined, AnswerInvalid
from bot.llm.base import Completion, CompletionRequest, plausible_count

CHARACTERS_A_TOKEN = 32
"""Above what any vocabulary holds on average; a server that goes on for longer does not keep to the bound of tokens."""

PARTS_A_TOKEN = 8
"""Above what any server sends, which is one."""

MOST_TRIES = 32
"""Braces at which JSON may begin and does not; each is read from there on, so that they have to be few."""


@dataclass(slots=True)
class PartialAnswer:
    """What has come of an answer, at once or in parts.

    Attributes:
        request: what was asked.
        room: tokens that it may have in all.
        text: the answer.
        thoughts: what the model wrote beside it.
        parts: how many parts came; a part is about a token.
        prompt_tokens, completion_tokens: as the service tells them, not yet believed.
        cut: it ended at its bound.
        ended: `enough` ended it.
        declined: the service says that it does not answer this.
    """

    request: CompletionRequest
    room: int
    text: str = ""
    thoughts: str = ""
    parts: int = 0
    prompt_tokens: object = None
    completion_tokens: object = None
    cut: bool = False
    ended: bool = False
    declined: bool = False

    def add(self, text: object, thoughts: object = None) -> bool:
        """Take a part; whether more of the answer is wanted."""
        self.text += text if isinstance(text, str) else ""
        self.thoughts += thoughts if isinstance(thoughts, str) else ""
        self.parts += 1
        characters = len(self.text) + len(self.thoughts)
        if characters > self.room * CHARACTERS_A_TOKEN or self.parts > self.room * PARTS_A_TOKEN:
            self.cut = True
        elif self.request.enough is not None and self.request.enough(self.text):
            self.ended = True
            self.prompt_tokens, self.completion_tokens = self.request.prompt_tokens, self.parts
        return not (self.cut or self.ended)

    def completion(self, provider: str, model: str, seconds: float) -> Completion:
        """The answer.

        Raises:
            AnswerCut: it ended at its bound, and nobody watched it come.
            AnswerDeclined: the service says so.
            AnswerInvalid: there is nothing in it of what was asked for.
        """
        prompt_tokens, completion_tokens = plausible_count(self.prompt_tokens), plausible_count(self.completion_tokens)
        whole = not (self.cut or self.ended)
        if self.cut and self.request.enough is None:
            raise AnswerCut(f"the answer was cut after {completion_tokens or 'unknown'} tokens", self._begun())
        if self.declined:
            raise AnswerDeclined("the model declined to answer")
        text = self._wanted() or self._broken() if whole else self._begun()
        if not text:
            raise AnswerInvalid("the model answered with nothing of what was asked for")
        return Completion(
            text=text,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            seconds=seconds,
            provider=provider,
            model=model,
            whole=whole,
        )

    def _wanted(self) -> str | None:
        """What was asked for."""
        return json_in((self.text, self.thoughts), self.request.schema) if self.request.schema else self.text

    def _broken(self) -> str:
        """JSON that is none, for a reader who takes what stands whole in it."""
        at = self.text.find('{"') if self.request.enough is not None and self.request.schema else -1
        return self.text[at:] if at >= 0 else ""

    def _begun(self) -> str:
        """What has come of it."""
        return self.text[max(0, self.text.find("{")) :] if self.request.schema else self.text


def json_in(texts: Iterable[str], schema: Mapping[str, Any]) -> str | None:
    """The JSON object that `schema` asks for, from the first of `texts` that has one, without what no text may hold.

    Args:
        texts: where it may stand.
        schema: of an object; one that lacks a property which it requires is not taken.
    """
    required = frozenset(schema.get("required", ()))
    for text in texts:
        if (value := _object_in(text, required)) is not None:
            return value
    return None


def _object_in(text: str, required: Collection[str]) -> str | None:
    """The last object in `text` with the properties: a draft comes before what it is a draft of."""
    value: str | None = None
    decoder = json.JSONDecoder()
    tries, at = 0, text.find("{")
    while at >= 0 and tries < MOST_TRIES:
        try:
            parsed, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            tries, end = tries + 1, at + 1
        else:
            if all(name in parsed for name in required):
                value = _storable(text[at:end], parsed)
        at = text.find("{", end)
    return value


def _storable(text: str, parsed: object) -> str:
    """JSON without characters that no database takes: NUL, and halves of a surrogate pair."""
    return json.dumps(_cleaned(parsed)) if "\\u" in text else text


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(part) for key, part in value.items()}
    return [_cleaned(part) for part in value] if isinstance(value, list) else value
