"""What keeps memories, to be registered."""

from __future__ import annotations

from bot.guilds import GuildServices
from bot.memories.kept import Corrections, ForgottenTopics, KeptMemories
from bot.memories.store import MemoryStore
from bot.observe import LogServices
from bot.storage import Database, Store


def memory_stores(db: Database, guilds: GuildServices, logged: LogServices, store: MemoryStore) -> tuple[Store, ...]:
    """What this package keeps."""
    rules = guilds.consents.rules
    return (
        KeptMemories(db, store, logged.fulltext, logged.log, logged.directory, rules),
        ForgottenTopics(db),
        Corrections(db, store),
    )
