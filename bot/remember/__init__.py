"""From pending messages to memories.

Messages are cut into segments, a model proposes statements on each, and what passes the checks is applied in one
transaction. The queue leases channels, so that the order within a channel holds and an interrupted flush is
finished later.
"""

from bot.remember import lexicon
from bot.remember.applier import Applier
from bot.remember.choice import Chooser
from bot.remember.extractor import PURPOSE, Extractor
from bot.remember.flusher import Flusher, FlushReport
from bot.remember.gate import Gate
from bot.remember.lexicon import NEGATION
from bot.remember.neighbours import Neighbours
from bot.remember.orders import is_order
from bot.remember.queue import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, DeadLetter, Queue, drop_empty_batches
from bot.remember.ranges import ends
from bot.remember.reconciler import Reconciler

__all__ = [
    "FIRST_WAIT_SECONDS",
    "LONGEST_WAIT_SECONDS",
    "NEGATION",
    "PURPOSE",
    "Applier",
    "Chooser",
    "DeadLetter",
    "Extractor",
    "FlushReport",
    "Flusher",
    "Gate",
    "Neighbours",
    "Queue",
    "Reconciler",
    "drop_empty_batches",
    "ends",
    "is_order",
    "lexicon",
]
