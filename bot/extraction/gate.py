"""What may be kept: pure checks between a model's answer and the memory store."""

from __future__ import annotations


class Gate:
    """Decides, without any model, whether a proposed memory may be kept."""
