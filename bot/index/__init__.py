"""The vector index: what the database knows about memories, searchable by meaning.

mem0 embeds and searches, over Qdrant Edge in a process of its own or over a Qdrant server. The outbox keeps the
index up with the database, and an index can be filled anew while another one is in use.
"""

from bot.index.base import NoIndex, VectorIndex
from bot.index.follower import Follower, Shelf
from bot.index.generations import Generations
from bot.index.indexer import PATIENCE_SECONDS, Indexer, always_ready
from bot.index.message_vectors import MessageVectors
from bot.index.mover import GRACE_SECONDS, MOVING, Mover, Onlooker
from bot.index.vectors import Vectors, open_embedder

__all__ = [
    "GRACE_SECONDS",
    "MOVING",
    "PATIENCE_SECONDS",
    "Follower",
    "Generations",
    "Indexer",
    "MessageVectors",
    "Mover",
    "NoIndex",
    "Onlooker",
    "Shelf",
    "VectorIndex",
    "Vectors",
    "always_ready",
    "open_embedder",
]
