"""From pending messages to memories.

Messages are cut into segments, a model proposes statements on each, and what passes the checks is applied in one
transaction. The queue leases channels, so that the order within a channel holds and an interrupted flush is
finished later.
"""

from bot.remember.awaited import Awaited
from bot.remember.composition import open_dead_letters, open_flusher, prove_calls, remember_stores
from bot.remember.dead_letters import READING, DeadLetter, DeadLetters
from bot.remember.evidence import Heard, Hearing, Stretch
from bot.remember.exact import LONGEST, Need, Refusal, needs_of
from bot.remember.explain import Explanations
from bot.remember.flusher import Flusher
from bot.remember.held_up import HeldUp, Waits
from bot.remember.kept import discard_answers
from bot.remember.model_json import closed, items_of, list_of, number_to, numbers_in
from bot.remember.refusals import Refusals
from bot.remember.report import FlushReport
from bot.remember.rereading import Rereader, Rereadings
from bot.remember.transcript import ShownLine, Transcript

__all__ = [
    "LONGEST",
    "READING",
    "Awaited",
    "DeadLetter",
    "DeadLetters",
    "Explanations",
    "FlushReport",
    "Flusher",
    "Heard",
    "Hearing",
    "HeldUp",
    "Need",
    "Refusal",
    "Refusals",
    "Rereader",
    "Rereadings",
    "ShownLine",
    "Stretch",
    "Transcript",
    "Waits",
    "closed",
    "discard_answers",
    "items_of",
    "list_of",
    "needs_of",
    "number_to",
    "numbers_in",
    "open_dead_letters",
    "open_flusher",
    "prove_calls",
    "remember_stores",
]
