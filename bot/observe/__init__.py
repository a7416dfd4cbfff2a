"""From what is said in Discord, or stands in an export, to the message log.

The intake takes messages without waiting and writes them in groups. The log keeps them until retention or erasure,
and the directory knows the names of their authors.
"""

from bot.observe.composition import LogServices, open_log
from bot.observe.directory import Directory
from bot.observe.exports import Export, Exported, Survey, open_export
from bot.observe.imports import Imports
from bot.observe.intake import Intake
from bot.observe.kept import left_in_words, mentioning, mentions, said_in
from bot.observe.message_rows import READ_AGAIN, insert_messages, message_from_row, set_batch, set_state
from bot.observe.messagelog import Exclusion, MessageLog, Said, Unread, storable
from bot.observe.unread import UnreadMessages

__all__ = [
    "READ_AGAIN",
    "Directory",
    "Exclusion",
    "Export",
    "Exported",
    "Imports",
    "Intake",
    "LogServices",
    "MessageLog",
    "Said",
    "Survey",
    "Unread",
    "UnreadMessages",
    "insert_messages",
    "left_in_words",
    "mentioning",
    "mentions",
    "message_from_row",
    "open_export",
    "open_log",
    "said_in",
    "set_batch",
    "set_state",
    "storable",
]
