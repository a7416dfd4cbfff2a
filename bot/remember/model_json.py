"""The JSON that a model is asked for, and what can be read of its answer, whatever is broken in it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

MAX_BROKEN = 20
"""Places at which an answer may break off being JSON before the rest of it is left unread."""

LOOKED_AGAIN_PART = 8
"""A statement that has not ended is looked at again when it has grown by this part: one without end takes no longer."""

_SAID = re.compile(r'"(?:topics|memories)"\s*:|"text"\s*:\s*"((?:[^"\\]|\\.)*)"')
_BETWEEN = re.compile(r"[\s,]*")


def closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Schema of an object with all of these properties and no other."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def list_of(item: Mapping[str, Any], most: int, least: int = 0) -> dict[str, Any]:
    """Schema of a list with a bound, for without one a small model goes round in it until its window is full."""
    return {"type": "array", "items": dict(item), "minItems": least, "maxItems": most}


def number_to(most: int) -> dict[str, Any]:
    """Schema of a number of a line, statement or memory."""
    return {"type": "integer", "minimum": 1, "maximum": most}


def items_of(answer: str, key: str, beside: str | None = None) -> list[Any] | None:
    """The items of a list in an answer that stand whole; None where it has no such list.

    Args:
        answer: what a model said.
        key: name of the list.
        beside: name of another list, of which nothing is taken where it comes behind this one and this one is broken.
    """
    begin = _begin(key).search(answer)
    if begin is None:
        return None
    if beside is not None and (other := _begin(beside).search(answer, begin.end())) is not None:
        answer = answer[: other.start()]
    decoder, items, at, broken = json.JSONDecoder(), list[Any](), begin.end(), 0
    while (place := _BETWEEN.match(answer, at)) and (at := place.end()) < len(answer) and answer[at] != "]":
        try:
            item, at = decoder.raw_decode(answer, at)
            items.append(item)
        except (ValueError, RecursionError):
            broken += 1
            at = answer.find("{", at + 1)
            if at < 0 or broken > MAX_BROKEN:
                break
    return items


def _begin(key: str) -> re.Pattern[str]:
    return re.compile(rf'"{re.escape(key)}"\s*:\s*\[')


def numbers_in(value: object) -> set[int]:
    """The numbers of a list, or a single one.

    Raises:
        TypeError: it is something else.
    """
    numbers = value if isinstance(value, list) else [value]
    if any(type(number) is not int for number in numbers):
        raise TypeError("not a list of numbers")
    return set(numbers)


class Repetition:
    """Whether an answer, read as it comes, says a statement again: then a small model has begun to go round."""

    def __init__(self) -> None:
        self._read = self._next = 0
        self._texts: set[str] = set()

    def __call__(self, answer: str) -> bool:
        """See `bot.llm.Enough`."""
        if len(answer) < self._next:
            return False
        for match in _SAID.finditer(answer, self._read):
            self._read = match.end()
            if match[1] is None:  # a memory may say what a topic is called, and a topic be called what a memory says
                self._texts.clear()
            elif match[1].casefold() in self._texts:
                return True
            else:
                self._texts.add(match[1].casefold())
        self._next = len(answer) + (len(answer) - self._read) // LOOKED_AGAIN_PART
        return False
