"""The vector index: what the database knows about memories, findable by meaning.

SQL is the truth. All of this can be lost and rebuilt from it; the outbox table says what the index has yet to learn.
"""

from bot.index.base import IndexEntry, NoIndex, Scored, VectorIndex

__all__ = ["IndexEntry", "NoIndex", "Scored", "VectorIndex"]
