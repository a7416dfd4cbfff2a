"""Opens the message log and what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Clock
from bot.guilds import GuildServices
from bot.observe.barriers import Barriers
from bot.observe.directory import Directory
from bot.observe.kept import KeptMessages
from bot.observe.messagelog import MessageLog, Told
from bot.storage import Database, Store
from bot.text import FullText


@dataclass(frozen=True, slots=True, kw_only=True)
class LogServices:
    """What was said, and by whom.

    Attributes:
        fulltext: the index by words, of memories as well.
        directory: names of speakers.
        log: the message log.
        stores: what this package keeps.
    """

    fulltext: FullText
    directory: Directory
    log: MessageLog
    stores: tuple[Store, ...]


def open_log(db: Database, guilds: GuildServices, clock: Clock, changed: Told) -> LogServices:
    """Open the message log; `changed` is told which messages came and went, in the transaction that writes them."""
    fulltext, directory = FullText(db.dialect), Directory(db)
    return LogServices(
        fulltext=fulltext,
        directory=directory,
        log=MessageLog(db, fulltext, guilds.consents, clock, changed),
        stores=(Barriers(db, clock), KeptMessages(db, fulltext), directory),
    )
