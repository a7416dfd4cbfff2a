"""Cuts one channel's pending messages into stretches, each of which a model reads at once.

A stretch is a run of messages in the order in which they were said. Runs of up to 60 kept more gold reply links of a
busy channel together than conversations that were told apart first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, log

from bot.domain import Message, snowflake
from bot.llm import estimate_tokens
from bot.text import own_words

MAX_TOKENS = 1500
MAX_MESSAGES = 60
REAL_SHARE = 0.75
"""Tokens that chat really takes, by the safe estimate (0.65 to 0.83 in Qwen2.5's vocabulary, on three kinds)."""
LINE_TOKENS = 4
"""What line number, speaker and line break cost beside a message's text."""

_Plan = tuple[int, float, int]
"""How many stretches end here at least, how little silence lies at their cuts, and where the last one begins."""


def stretches(
    messages: Sequence[Message], *, max_tokens: int = MAX_TOKENS, max_messages: int = MAX_MESSAGES
) -> list[list[Message]]:
    """Cut `messages`, oldest first, into as few stretches as there must be, at the longest silences.

    A message of more than `max_tokens` is a stretch of its own.
    """
    costs = [likely_tokens(message) for message in messages]
    gaps = [0.0] + [_cut_cost(a, b) for a, b in pairwise(messages)]
    plans: list[_Plan] = [(0, 0.0, 0)]
    for end in range(1, len(messages) + 1):
        room, begins = max_tokens, list[_Plan]()
        for begin in range(end - 1, max(-1, end - 1 - max_messages), -1):
            room -= costs[begin]
            if room < 0 and begins:
                break
            count, cost, _ = plans[begin]
            begins.append((count + 1, cost + gaps[begin], begin))
        plans.append(min(begins))
    cut: list[list[Message]] = []
    end = len(messages)
    while end:
        begin = plans[end][2]
        cut.append(list(messages[begin:end]))
        end = begin
    return cut[::-1]


def likely_tokens(message: Message) -> int:
    """How many tokens a message likely takes as a line of the prompt; the window is sized by a safer estimate."""
    return ceil(REAL_SHARE * estimate_tokens(own_words(message.content))) + LINE_TOKENS


def _cut_cost(before: Message, after: Message) -> float:
    """The less silence there was between two messages, the more it costs to read them apart."""
    return -log(1 + max(0, snowflake.to_ms(after.id) - snowflake.to_ms(before.id)) / 1000)
