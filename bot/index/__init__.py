"""The vector index: what the database knows about memories, searchable by meaning.

mem0 embeds and searches, over Qdrant Edge in a process of its own or over a Qdrant server. The outbox keeps the
index up with the database, and an index can be filled anew while another one is in use.
"""

from bot.index.backlog import Backlog, WaitingChanges
from bot.index.base import LONGEST_TEXT, NoIndex, VectorIndex
from bot.index.composition import (
    IndexServices,
    become_new_installation,
    moving_alone,
    open_generations,
    open_message_vectors,
    open_vectors,
    own_installation,
)
from bot.index.follower import Follower
from bot.index.indexer import PATIENCE_SECONDS, Indexer
from bot.index.keeper import IS_COPY
from bot.index.kept import index_stores
from bot.index.known import PART, count_expected
from bot.index.layout import QdrantAddress
from bot.index.message_vectors import MessageVectors
from bot.index.mover import Mover
from bot.index.opening import prepare_mem0
from bot.index.others import OtherIndex, indexes_on, remove_index_of
from bot.index.outbox import Outbox
from bot.index.owner import ask_to_take_over
from bot.index.points import VectorQuery
from bot.index.qdrant_check import client_version, qdrant_version, too_far_apart
from bot.index.vectors import Vectors, qdrant_of

__all__ = [
    "IS_COPY",
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
    "OtherIndex",
    "Outbox",
    "QdrantAddress",
    "VectorIndex",
    "VectorQuery",
    "Vectors",
    "WaitingChanges",
    "ask_to_take_over",
    "become_new_installation",
    "client_version",
    "count_expected",
    "index_stores",
    "indexes_on",
    "moving_alone",
    "open_generations",
    "open_message_vectors",
    "open_vectors",
    "own_installation",
    "prepare_mem0",
    "qdrant_of",
    "qdrant_version",
    "remove_index_of",
    "too_far_apart",
]
