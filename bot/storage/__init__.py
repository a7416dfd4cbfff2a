"""The database: its tables, migrations and connections, on SQLite or PostgreSQL.

SQL is the truth, and everything else can be rebuilt from it. One writer works at a time, and deleted bytes are
overwritten.
"""

from bot.storage.changes import Changes
from bot.storage.chunks import STATEMENT_IDS, chunks
from bot.storage.composition import data_key, database_address, open_store, storage_stores
from bot.storage.encryption import encrypt, is_plain
from bot.storage.engine import Database, Dialect, migrations_waiting, upsert
from bot.storage.erasure_lines import ErasureLine, ErasureLines, LineKind, hashed_id, note_lines, unwritten_lines
from bot.storage.erasures_file import ErasuresFile, ErasuresWriter
from bot.storage.file_faults import advice_on
from bot.storage.installation import BOT_ID, Installation
from bot.storage.outages import database_away, taken_back
from bot.storage.postgres import Locks
from bot.storage.refused_data import outages_named
from bot.storage.schema import *  # noqa: F403 - every table: a new one needs no line here
from bot.storage.schema import PENDING, metadata
from bot.storage.set_aside_store import Item, SetAside, SetAsideCount
from bot.storage.sqlite import database_file, private_folder, setting_of
from bot.storage.stores import Edited, Erased, Expired, Portion, Record, Scope, Sections, Store, in_scope, moment

__all__ = [
    "BOT_ID",
    "PENDING",
    "STATEMENT_IDS",
    "Changes",
    "Database",
    "Dialect",
    "Edited",
    "Erased",
    "ErasureLine",
    "ErasureLines",
    "ErasuresFile",
    "ErasuresWriter",
    "Expired",
    "Installation",
    "Item",
    "LineKind",
    "Locks",
    "Portion",
    "Record",
    "Scope",
    "Sections",
    "SetAside",
    "SetAsideCount",
    "Store",
    "advice_on",
    "chunks",
    "data_key",
    "database_address",
    "database_away",
    "database_file",
    "encrypt",
    "hashed_id",
    "in_scope",
    "is_plain",
    "metadata",
    "migrations_waiting",
    "moment",
    "note_lines",
    "open_store",
    "outages_named",
    "private_folder",
    "setting_of",
    "storage_stores",
    "taken_back",
    "unwritten_lines",
    "upsert",
]
