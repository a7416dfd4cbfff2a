"""Quoting messages in an excerpt: whole where they are short, else the part that the question is about."""

from __future__ import annotations

import re

from bot.recall.question import Question
from bot.recall.ranking import count
from bot.text import terms

MOST = 700
"""Characters of one message that are quoted: a long one must not take the room of all others."""

CUT = "…"
_SPACE = re.compile(r"\s+")


def quote(content: str, question: Question) -> str:
    """`content`, or of a long one the part that holds most words of the question, cut between words."""
    if len(content) <= MOST:
        return content
    starts = [0]
    for space in _SPACE.finditer(content, 0, len(content) - MOST // 2):
        if space.end() - starts[-1] >= MOST // 3:
            starts.append(space.end())
    start = max(starts, key=lambda at: (_held(content[at : at + MOST], question), -at))
    part = content[start : start + MOST]
    if start + MOST < len(content):
        part = (part.rsplit(None, 1)[0] if _SPACE.search(part.strip()) else part) + CUT
    return (CUT if start else "") + part


def _held(text: str, question: Question) -> int:
    return sum(map(bool, count(question, terms(text))))
