"""The store of what is remembered: statements with the messages that they stand on.

It adds, supersedes, corrects and removes memories in the transaction of its caller. Whatever changes is queued for
the vector index.
"""

from bot.memories.store import MAX_TEXT, NOT_FOUND, Asker, ForgetOutcome, MemoryStore, Page, discard_answers

__all__ = [
    "MAX_TEXT",
    "NOT_FOUND",
    "Asker",
    "ForgetOutcome",
    "MemoryStore",
    "Page",
    "discard_answers",
]
