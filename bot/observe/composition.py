"""Opens the message log and what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Clock
from bot.guilds import GuildServices
from bot.observe.directory import Directory
from bot.observe.messagelog import MessageLog, Told
from bot.storage import Database
from bot.text import FullText


@dataclass(frozen=True, slots=True, kw_only=True)
class LogServices:
    """What was said, and by whom.

    Attributes:
        fulltext: the index by words, of memories as well.
        directory: names of speakers.
        log: the message log.
    """

    fulltext: FullText
    directory: Directory
    log: MessageLog


def open_log(db: Database, guilds: GuildServices, clock: Clock, changed: Told) -> LogServices:
    """Open the message log; `changed` is told which messages came and went, in the transaction that writes them."""
    fulltext = FullText(db.dialect)
    return LogServices(
        fulltext=fulltext, directory=Directory(db), log=MessageLog(db, fulltext, guilds.consents, clock, changed)
    )
