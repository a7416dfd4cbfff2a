"""The store of what is remembered: statements with the messages that they stand on.

It adds, supersedes, doubts, corrects and removes memories in the transaction of its caller. Whatever changes is queued
for the vector index.
"""

from bot.memories.asker import Asker
from bot.memories.flags import FlagState, nameless_in, pass_on, unflagged
from bot.memories.kept import cited_in, doubting_in, memory_stores
from bot.memories.listing import MemoryPage
from bot.memories.named import NamedMembers
from bot.memories.own import FORGOTTEN, MAX_TEXT, NOT_FOUND, ForgetOutcome, OwnMemories
from bot.memories.rows import shown_to
from bot.memories.store import MemoryStore

__all__ = [
    "FORGOTTEN",
    "MAX_TEXT",
    "NOT_FOUND",
    "Asker",
    "FlagState",
    "ForgetOutcome",
    "MemoryPage",
    "MemoryStore",
    "NamedMembers",
    "OwnMemories",
    "cited_in",
    "doubting_in",
    "memory_stores",
    "nameless_in",
    "pass_on",
    "shown_to",
    "unflagged",
]
