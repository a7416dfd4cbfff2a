"""What a column holds, which decides what becomes of its row when something is erased, edited or over its time.

Every column of the schema says it by its `info`, and stores act on it (`bot.storage.stores`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sqlalchemy import Column, Table

Info = dict[str, "Holds | None"]


class Holds(StrEnum):
    """What can stand in a column, of what the program has to forget, find or give."""

    USER_ID = "user_id"  # whose the row is
    USER_HASH = "user_hash"  # the same under a keyed hash; it outlives an erasure, so that the erasure lasts
    GUILD_ID = "guild_id"  # where that is
    CHANNEL_ID = "channel_id"  # where that is, more closely
    MESSAGE_ID = "message_id"  # the message that the row is made from
    SAID = "said"  # what members said, or a text made from it
    NAME = "name"  # what a member is called
    TAKEN_IN = "taken_in"  # local time in milliseconds from which retention counts


def _holding(what: Holds | None) -> Info:
    return {"holds": what}


USER_ID: Final = _holding(Holds.USER_ID)
USER_HASH: Final = _holding(Holds.USER_HASH)
GUILD_ID: Final = _holding(Holds.GUILD_ID)
CHANNEL_ID: Final = _holding(Holds.CHANNEL_ID)
MESSAGE_ID: Final = _holding(Holds.MESSAGE_ID)
SAID: Final = _holding(Holds.SAID)
NAME: Final = _holding(Holds.NAME)
TAKEN_IN: Final = _holding(Holds.TAKEN_IN)
NOTHING: Final = _holding(None)
"""Numbers, states, times, settings, and ids of what is the bot's own or only referred to."""


def holding(table: Table, *what: Holds) -> list[Column[object]]:
    """The columns of a table that hold one of these."""
    return [column for column in table.columns if column.info.get("holds") in what]
