"""A language model whose answers were written by hand, line by line, as a careful reader would give them.

It speaks to both calls of extraction. A statement is proposed in the call that shows all of its lines, and replaces a
remembered one that holds certain words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LINE = re.compile(r"^(\d+) @([A-Z]{1,2})[^:\n]*(?:\d\d:\d\d)?: (.+)$", re.MULTILINE)
STATEMENT = re.compile(r"^S(\d+) \(.*?lines [\d, ]+\): (.+)$")
REMEMBERED = re.compile(r"^M(\d+): (.+)$")
NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Written:
    """A statement written by hand.

    Attributes:
        kind: topic, decision, plan, answer, link or question.
        text: with "{Name}" for people.
        lines: numbers of the messages that it stands on, from 1.
        replaces: words of what it replaces; empty for nothing.
    """

    kind: str
    text: str
    lines: tuple[int, ...]
    replaces: str = ""


class HandWritten:
    """Answers as it was written.

    Args:
        said: author and text of each message.
        statements: what is worth keeping of them.
    """

    def __init__(self, said: Sequence[tuple[str, str]], statements: Sequence[Written]) -> None:
        often = Counter(_plain(text) for _, text in said)
        self._numbers = {_plain(text): n for n, (_, text) in enumerate(said, start=1) if often[_plain(text)] == 1}
        self._authors = {number: author for number, (author, _) in enumerate(said, start=1)}
        self._statements = statements

    def __call__(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request of Ollama's protocol."""
        prompt = request["messages"][-1]["content"]
        if "verdicts" in request["format"]["properties"]:
            return {"verdicts": list(self._verdicts(prompt))}
        places: dict[int, int] = {}
        labels: dict[str, str] = {}
        for place, label, text in LINE.findall(prompt):
            number = self._numbers.get(_plain(text))
            if number is not None:
                places[number] = int(place)
                labels[self._authors[number]] = f"@{label}"
        shown = [each for each in self._statements if set(each.lines) <= places.keys()]
        rows = [
            (
                each.kind,
                {
                    "lines": [places[number] for number in each.lines],
                    "text": NAME.sub(lambda match: labels.get(match[1], match[1]), each.text),
                },
            )
            for each in shown
        ]
        return {
            "topics": [row for kind, row in rows if kind == "topic"],
            "memories": [row | {"kind": kind} for kind, row in rows if kind != "topic"],
        }

    def _verdicts(self, prompt: str) -> list[dict[str, Any]]:
        verdicts: list[dict[str, Any]] = []
        replaces = ""
        for line in prompt.split("\n"):
            if stated := STATEMENT.match(line):
                replaces = self._replaced_by(stated[2])
                verdicts.append(
                    {
                        "n": int(stated[1]),
                        "said": True,
                        "lasting": True,
                        "private": False,
                        "relation": "new",
                        "memory": [],
                    }
                )
            elif (known := REMEMBERED.match(line)) and replaces and replaces in known[2]:
                verdicts[-1] |= {"relation": "replaces", "memory": [*verdicts[-1]["memory"], int(known[1])]}
        return verdicts

    def _replaced_by(self, text: str) -> str:
        wanted = _words(text)
        return next((each.replaces for each in self._statements if _words(each.text) == wanted), "")


def _plain(text: str) -> str:
    return " ".join(text.split())


def _words(text: str) -> str:
    """The letters of a text without people, who are labels in one place; code adds years and dates to it."""
    return re.sub(r"@\w+|\{\w+\}|\([\d\w ]+\d{4}\)|[\W\d]+", "", text)
