"""The named steps of a message's way, from the gateway to the index."""

from __future__ import annotations

from collections.abc import Callable

Step = Callable[[str], None]
"""Told the name of each step as it is reached; tests interrupt the program there."""

STEPS = (
    "writing",  # messages are about to be logged
    "logged",  # and are durable
    "leased",  # a channel is this process's
    "cut",  # its pending messages are batches
    "asked",  # the model has answered
    "answered",  # the answer is stored
    "prefetched",  # its statements are embedded
    "reconciled",  # and compared with what is there
    "applying",  # memories are written, in a transaction that goes on
    "settled",  # and so are message states
    "batch applied",  # the transaction is committed
    "applied",  # all batches in hand are
    "index written",  # the index has the memories
    "outbox struck",  # and the outbox knows that
    "indexed",  # nothing waits for the index
    "released",  # the channel is anybody's
)
"""In the order in which an undisturbed flush reaches them."""

REINDEX_STEPS = (
    "copied",  # the index to come has a batch of memories
    "taken over",  # it is in use
)
"""Of filling the index anew, beside all that."""


def no_step(name: str) -> None:
    """Do nothing at any step."""
