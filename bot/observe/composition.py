"""Opens the message log and what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Clock
from bot.guilds import GuildServices
from bot.observe.barriers import Barriers
from bot.observe.directory import Directory
from bot.observe.imports import Imports
from bot.observe.kept import KeptMessages
from bot.observe.messagelog import MessageLog, Told
from bot.observe.unread import UnreadMessages
from bot.storage import Database, SetAside, Store
from bot.text import FullText


@dataclass(frozen=True, slots=True, kw_only=True)
class LogServices:
    """What was said, and by whom.

    Attributes:
        fulltext: the index by words, of memories as well.
        directory: names of speakers.
        log: the message log.
        unread: messages that are not in it because they could not be read.
        imports: what of it exports brought.
        stores: what this package keeps.
    """

    fulltext: FullText
    directory: Directory
    log: MessageLog
    unread: UnreadMessages
    imports: Imports
    stores: tuple[Store, ...]


def open_log(db: Database, guilds: GuildServices, clock: Clock, changed: Told) -> LogServices:
    """Open the message log; `changed` is told which messages came and went, in the transaction that writes them."""
    fulltext, directory = FullText(db.dialect), Directory(db)
    log = MessageLog(db, fulltext, guilds.consents, clock, changed)
    imports = Imports(db, log)
    return LogServices(
        fulltext=fulltext,
        directory=directory,
        log=log,
        unread=UnreadMessages(db, log, SetAside(db, clock)),
        imports=imports,
        stores=(Barriers(db, clock), KeptMessages(db, fulltext), imports, directory),
    )
