"""A model that keeps one line of six in its own words, for counting what any model would be asked."""

from __future__ import annotations

import re
from typing import Any

LINE = re.compile(r"^(\d+) @[A-Z]{1,2}(?: to @[A-Z]{1,2})?(?:, [^:]*:\d\d)?: (.{30,240})$", re.MULTILINE)
STATEMENT = re.compile(r"^S(\d+) ", re.MULTILINE)
LINES_A_STATEMENT = 6
"""A careful reader of a busy support channel keeps about one statement of so many lines."""


def scripted(request: dict[str, Any]) -> dict[str, Any]:
    """Proposes the longest lines that are shown, as know-how, and agrees to whatever it is to judge."""
    return answer_to(request["messages"][-1]["content"])


def answer_to(prompt: str) -> dict[str, Any]:
    """The answer to either call."""
    lines, _, asked = prompt.partition("\nStatements:\n")
    if asked:
        yes = {"said": True, "lasting": True, "private": False, "relation": "new", "memory": []}
        return {"verdicts": [{"n": int(number)} | yes for number in STATEMENT.findall(asked)]}
    shown = LINE.findall(lines.rsplit("Lines:", 1)[-1])
    longest = sorted({text: int(number) for number, text in shown}.items(), key=lambda line: -len(line[0]))
    kept = sorted(longest[: 1 + len(shown) // LINES_A_STATEMENT], key=lambda line: line[1])
    return {"topics": [], "memories": [{"text": text, "kind": "answer", "lines": [number]} for text, number in kept]}
