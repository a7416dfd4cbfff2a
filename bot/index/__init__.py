"""The vector index: what the database knows about memories, searchable by meaning.

mem0 embeds and searches, over Qdrant Edge in a process of its own or over a Qdrant server. The outbox keeps the
index up with the database, and an index can be filled anew while another one is in use.
"""

from bot.index.backlog import Backlog, WaitingChanges
from bot.index.base import LONGEST_TEXT, NoIndex, VectorIndex
from bot.index.comparison import PART
from bot.index.composition import IndexServices, moving_alone, open_generations, open_message_vectors, open_vectors
from bot.index.follower import Follower
from bot.index.indexer import PATIENCE_SECONDS, Indexer
from bot.index.kept import index_stores
from bot.index.layout import QdrantAddress
from bot.index.message_vectors import MessageVectors
from bot.index.mover import Mover
from bot.index.outbox import Outbox
from bot.index.points import VectorQuery
from bot.index.qdrant_check import client_version, qdrant_version, too_far_apart
from bot.index.vectors import Vectors, qdrant_of

__all__ = [
    "LONGEST_TEXT",
    "PART",
    "PATIENCE_SECONDS",
    "Backlog",
    "Follower",
    "IndexServices",
    "Indexer",
    "MessageVectors",
    "Mover",
    "NoIndex",
    "Outbox",
    "QdrantAddress",
    "VectorIndex",
    "VectorQuery",
    "Vectors",
    "WaitingChanges",
    "client_version",
    "index_stores",
    "moving_alone",
    "open_generations",
    "open_message_vectors",
    "open_vectors",
    "qdrant_of",
    "qdrant_version",
    "too_far_apart",
]
