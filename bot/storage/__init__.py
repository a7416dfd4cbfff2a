"""The database: its tables, migrations and connections, on SQLite or PostgreSQL.

SQL is the truth, and everything else can be rebuilt from it. One writer works at a time, and deleted bytes are
overwritten.
"""

from bot.storage.changes import Changes
from bot.storage.chunks import STATEMENT_IDS, chunks
from bot.storage.columns import Holds, holding
from bot.storage.composition import data_key, database_address, open_store, storage_stores
from bot.storage.copies import (
    KNOWN_SQL,
    FileError,
    Known,
    check_file,
    copy_file,
    finish,
    held_file,
    known_in,
    known_of,
    new_file,
    newest_time,
    opened_file,
    put_in_place,
    restoring_folder,
    sync,
)
from bot.storage.copies import (
    MADE as BACKUP_MADE,
)
from bot.storage.copies import (
    PART as BACKUP_PART,
)
from bot.storage.encryption import encrypt, is_plain
from bot.storage.engine import Database, Dialect, migrations_waiting, open_database, upsert
from bot.storage.erasure_lines import (
    LINES_KEPT_MS,
    ErasureLine,
    ErasureLines,
    LineKind,
    hashed_id,
    note_lines,
    unwritten_lines,
)
from bot.storage.erasure_lines import SINCE as LINES_SINCE
from bot.storage.erasures_file import ErasuresFile, ErasuresWriter
from bot.storage.file_faults import advice_on
from bot.storage.installation import BOT_ID, Installation
from bot.storage.moving import MOVING, Progress, check_target, count_rows, fingerprint, progress_of
from bot.storage.outages import database_away, taken_back
from bot.storage.postgres import Locks, count_others, others_connected
from bot.storage.refused_data import outages_named
from bot.storage.schema import *  # noqa: F403 - every table: a new one needs no line here
from bot.storage.schema import PENDING, metadata
from bot.storage.set_aside_store import Item, SetAside, SetAsideCount
from bot.storage.sqlite import DATABASE_FILE, database_file, private_folder, setting_of
from bot.storage.stores import Edited, Erased, Expired, Portion, Record, Scope, Sections, Store, in_scope, moment
from bot.storage.streamed_files import remove_leftovers, streamed_file
from bot.storage.table_pages import clear, give_numbers_after, numbers, put_rows, rows_after

__all__ = [
    "BACKUP_MADE",
    "BACKUP_PART",
    "BOT_ID",
    "DATABASE_FILE",
    "KNOWN_SQL",
    "LINES_KEPT_MS",
    "LINES_SINCE",
    "MOVING",
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
    "FileError",
    "Holds",
    "Installation",
    "Item",
    "Known",
    "LineKind",
    "Locks",
    "Portion",
    "Progress",
    "Record",
    "Scope",
    "Sections",
    "SetAside",
    "SetAsideCount",
    "Store",
    "advice_on",
    "check_file",
    "check_target",
    "chunks",
    "clear",
    "copy_file",
    "count_others",
    "count_rows",
    "data_key",
    "database_address",
    "database_away",
    "database_file",
    "encrypt",
    "fingerprint",
    "finish",
    "give_numbers_after",
    "hashed_id",
    "held_file",
    "holding",
    "in_scope",
    "is_plain",
    "known_in",
    "known_of",
    "metadata",
    "migrations_waiting",
    "moment",
    "new_file",
    "newest_time",
    "note_lines",
    "numbers",
    "open_database",
    "open_store",
    "opened_file",
    "others_connected",
    "outages_named",
    "private_folder",
    "progress_of",
    "put_in_place",
    "put_rows",
    "remove_leftovers",
    "restoring_folder",
    "rows_after",
    "setting_of",
    "storage_stores",
    "streamed_file",
    "sync",
    "taken_back",
    "unwritten_lines",
    "upsert",
]
