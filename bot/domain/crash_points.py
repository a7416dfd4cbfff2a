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
    "asked",  # the model has proposed statements
    "proposed",  # and they are stored
    "prefetched",  # and embedded
    "checked",  # the model has judged them
    "answered",  # and that is stored
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


ERASURE_STEPS = (
    "request noted",  # what is to be erased, and for whom
    "request taken",  # somebody is at it
    "erasing",  # before each portion
    "erased",  # the last portion is committed
    "proved",  # nothing of it is left
    "request done",  # the receipt stands
)
"""Of an erasure that somebody asked for."""

DIGEST_STEPS = (
    "digest taken",  # it is this process's to post
    "digest posted",  # Discord has a message that says nothing yet
    "digest noted",  # what it shows, and that it was posted
    "digest shown",  # Discord has its lines
)
"""Of a digest that is due."""

WARNING_STEPS = (
    "warning begun",  # it is noted that one is to be posted
    "warning posted",  # Discord has it
    "warning noted",  # which message it is
    "warning ended",  # the message says that it is over, which is not noted yet
)
"""Of a warning for admins."""


def no_step(name: str) -> None:
    """Do nothing at any step."""
