"""From pending messages to memories.

Messages are cut into segments, a model proposes statements on each, and what passes the checks is applied in one
transaction. The queue leases channels, so that the order within a channel holds and an interrupted flush is
finished later.
"""

from bot.remember.composition import open_flusher, open_queue, remember_stores
from bot.remember.explain import Explanations
from bot.remember.flusher import Flusher
from bot.remember.kept import discard_answers
from bot.remember.queue import DeadLetter, Queue
from bot.remember.refusals import Refusals
from bot.remember.report import FlushReport
from bot.remember.rereading import Rereader, Rereadings

__all__ = [
    "DeadLetter",
    "Explanations",
    "FlushReport",
    "Flusher",
    "Queue",
    "Refusals",
    "Rereader",
    "Rereadings",
    "discard_answers",
    "open_flusher",
    "open_queue",
    "remember_stores",
]
