"""What of OpenAI's protocol a server takes: parameters that it declines are replaced or left out."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.llm.base import CompletionRequest

TEMPERATURE = 0.1

READ_CHARACTERS = 4_000
"""Of an error, in which the names of parameters are looked for."""

_FORMS = (
    ("stream_options", "stream", ""),
    ("temperature", ""),
    ("max_completion_tokens", "max_tokens", ""),
    ("json_schema", "json_object", ""),
)
"""For each optional parameter what is sent, and what in its place where that is declined; last nothing."""

_FORMS_ELSEWHERE = tuple(
    ("max_tokens", "max_completion_tokens", "") if "max_tokens" in forms else forms for forms in _FORMS
)
"""The older name of the bound comes first: Ollama (0.24) takes the newer one without a word and heeds it not."""

_SENT_AS = {"json_schema": "response_format", "json_object": "response_format"}

_BY_SCHEMA = "\n\nAnswer with one JSON object, and nothing else, that follows this JSON schema:\n"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a server is asked.

    Attributes:
        forms: for each optional parameter what is sent of it now, and then what is left to try.
    """

    forms: tuple[tuple[str, ...], ...] = _FORMS

    @classmethod
    def elsewhere(cls) -> Manner:
        """How a server is asked at first that is not OpenAI's own."""
        return cls(_FORMS_ELSEWHERE)

    def parameters(self, request: CompletionRequest) -> dict[str, Any]:
        """The parameters of a request, its messages among them."""
        sent = {forms[0] for forms in self.forms}
        parameters: dict[str, Any] = {"messages": request.messages}
        if "temperature" in sent:
            parameters["temperature"] = TEMPERATURE
        if request.schema:
            parameters |= self._by_schema(request, sent)
        if request.enough is not None and sent & {"stream", "stream_options"}:
            parameters["stream"] = True
            if "stream_options" in sent:
                parameters["stream_options"] = {"include_usage": True}
        return parameters | dict.fromkeys(sent & {"max_completion_tokens", "max_tokens"}, request.max_tokens)

    @staticmethod
    def _by_schema(request: CompletionRequest, sent: Collection[str]) -> dict[str, Any]:
        if "json_schema" in sent:
            named = {"name": request.purpose, "schema": strict(request.schema), "strict": True}
            return {"response_format": {"type": "json_schema", "json_schema": named}}
        spelled = f"{request.system}{_BY_SCHEMA}{json.dumps(request.schema)}".lstrip()
        parameters: dict[str, Any] = {"messages": replace(request, system=spelled).messages}
        if "json_object" in sent:
            parameters["response_format"] = {"type": "json_object"}
        return parameters

    def without(self, error: str) -> Manner | None:
        """How to ask a server that answered so: what it names first gives way; None where it names no parameter."""
        for word in re.findall(r"[a-z_]{1,40}", error[:READ_CHARACTERS]):
            for place, forms in enumerate(self.forms):
                if len(forms) > 1 and word == _SENT_AS.get(forms[0], forms[0]):
                    return self._giving_way(place)
        return None

    def plainer(self) -> Iterator[Manner]:
        """How to ask a server that does not say what it declines: each parameter alone gives way, then all of them."""
        for place, forms in enumerate(self.forms):
            manner = self
            for _ in forms[1:]:
                manner = manner._giving_way(place)
                yield manner
        yield replace(self, forms=tuple(forms[-1:] for forms in self.forms))

    def _giving_way(self, place: int) -> Manner:
        return Manner((*self.forms[:place], self.forms[place][1:], *self.forms[place + 1 :]))


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`schema` as strict mode wants it: every object closed, and everything it has required.

    What is not required a server's grammar puts behind what is, or leaves out.
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
