"""Recall: from a question to what was said about it, and nothing that the asker may not read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.lexical.analysis import question_terms
from bot.lexical.fulltext import FullText, channel_token, guild_token
from bot.model import Hit, HitKind, Line

if TYPE_CHECKING:
    from bot.directory import Directory
    from bot.index import VectorIndex
    from bot.memories import MemoryStore
    from bot.messagelog import MessageLog
    from bot.storage.engine import Database

DEFAULT_LIMIT = 10
DEFAULT_CHARS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallQuery:
    """A question, who asks, and where to look.

    Attributes:
        guild_id: only what was said there.
        text: the question in the asker's own words; people as names or `<@user_id>`.
        channel_ids: the channels that the asker may read now; None is unrestricted, for the command line alone.
        asker_id: who "I" and "my" are.
        author_id: only what this member said.
        since: only messages with this snowflake or a newer one.
        until: only messages with this snowflake or an older one.
        limit: at most so many hits.
        max_chars: at most so many characters of hits in all, as they are stored.
    """

    guild_id: int
    text: str
    channel_ids: frozenset[int] | None
    asker_id: int | None = None
    author_id: int | None = None
    since: int | None = None
    until: int | None = None
    limit: int = DEFAULT_LIMIT
    max_chars: int = DEFAULT_CHARS


@dataclass(frozen=True, slots=True)
class RecallResult:
    """What was found, best first.

    Attributes:
        hits: memories and excerpts.
        notes: one line for each thing that recall had to do without, to be shown beside the hits.
    """

    hits: tuple[Hit, ...]
    notes: tuple[str, ...] = ()


class Recall:
    """Finds what answers a question among memories and messages."""

    def __init__(
        self,
        db: Database,
        fulltext: FullText,
        index: VectorIndex,
        directory: Directory,
        log: MessageLog,
        store: MemoryStore,
    ) -> None:
        self._db = db
        self._fulltext = fulltext
        self._index = index
        self._directory = directory
        self._log = log
        self._store = store

    async def search(self, query: RecallQuery) -> RecallResult:
        """Answer `query` with hits in order of rank; a service that is down costs a note, never an exception."""
        words = [term for word in question_terms(query.text) for term in word]
        if not words or query.channel_ids == frozenset():
            return RecallResult(())
        groups = [[guild_token(query.guild_id)], words]
        if query.channel_ids is not None:
            groups.append([channel_token(channel_id) for channel_id in query.channel_ids])
        async with self._db.read() as connection:
            found = await self._fulltext.search(connection, "messages", groups, query.limit)
        messages = await self._log.get([document.rowid for document in found])
        hits = []
        for rank, message in enumerate(messages[document.rowid] for document in found if document.rowid in messages):
            if query.channel_ids is not None and message.channel_id not in query.channel_ids:
                continue
            hits.append(
                Hit(
                    kind=HitKind.MESSAGE,
                    text=f"<@{message.author_id}>: {message.content}",
                    score=1 / (1 + rank),
                    guild_id=message.guild_id,
                    channel_ids=frozenset({message.channel_id}),
                    message_ids=(message.id,),
                    author_ids=(message.author_id,),
                    anchor=message.id,
                    anchor_channel_id=message.channel_id,
                    lines=(Line(message.id, message.author_id, message.content),),
                )
            )
        return RecallResult(tuple(hits))
