"""What members do with memories of theirs: keep, list, correct and forget them."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import and_, delete, insert, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import (
    PERSONAL_KINDS,
    Citation,
    Clock,
    Memory,
    MemoryKind,
    MemoryOrigin,
    Message,
    MessageState,
    NotFound,
    Phrase,
    Refused,
    is_visible,
)
from bot.memories import rows
from bot.memories.asker import Asker
from bot.memories.flags import unflagged
from bot.memories.listing import MemoryPage, is_of, newest, page_of, with_words
from bot.memories.store import MemoryStore
from bot.observe import Exclusion, MessageLog, set_state, storable
from bot.storage import (
    Database,
    ErasureLine,
    LineKind,
    corrections,
    forgotten_topics,
    hashed_id,
    memories,
    messages,
    note_lines,
    upsert,
)
from bot.text import fold

SUGGESTED_AMONG = 5_000
"""Memories that suggestions are looked for among, the newest: a moderator's choice has to come within three seconds."""

MAX_TEXT = 1000
"""Longest memory that a member may write, in characters."""

FORGOTTEN = "forgotten"
"""Reason of messages that are not extracted (again) because what they stated was forgotten on purpose."""

STATES, TELLS, SUPPORTS = "states", "topic", "supports"
"""What a message is to a memory: it states it, it is of a topic, or it holds its date or link."""

NOT_FOUND = Phrase("There is no such memory or answer here for you; run the command yourself, or look with /memories.")
"""Said to whoever asks for what is not theirs, whether or not it is there."""

NOT_TO_FORGET = Phrase(
    "That is no memory which you may forget here: write some of its words and choose it from the list that opens, or "
    "press Forget below it in /memories."
)
"""Said to whoever names what is no memory, is gone, or is not theirs."""

_REMEMBERED = uuid.UUID("5c1f7c37-6f0f-4b4e-9d0f-5b1b6a3d8a10")  # namespace of the ids of memories kept on purpose
_NOT_KEPT = MappingProxyType(
    {
        Exclusion.OPTED_OUT: Phrase("Its author does not want to be remembered, so nothing was kept."),
        Exclusion.ERASED: Phrase(
            "What was said up to then was erased, so it is not remembered; say it again to keep it."
        ),
        Exclusion.DELETED: Phrase("That message was deleted, so it is not remembered."),
    }
)


Discard = Callable[[AsyncConnection, Collection[int]], Awaitable[object]]
"""Lets stored answers of the model in these channels be asked for again, in the caller's transaction."""


class ForgetOutcome(StrEnum):
    """What forgetting did."""

    REMOVED = "removed"  # the memory is gone
    WITHDRAWN = "withdrawn"  # the asker's citation is gone; the memory stands on what others said


class OwnMemories:
    """Carries out what members ask for, as far as the memories are theirs."""

    def __init__(
        self,
        db: Database,
        store: MemoryStore,
        log: MessageLog,
        clock: Clock,
        discard: Discard,
        *,
        announce: Callable[[], None] = lambda: None,
    ) -> None:
        """Open it; `announce` is called when a change waits for the index (`Indexer.wake`)."""
        self._discard = discard
        self._db = db
        self._store = store
        self._log = log
        self._clock = clock
        self._announce = announce

    async def remember(self, *, guild_id: int, channel_id: int, author_id: int, message_id: int, text: str) -> Memory:
        """Keep `text` on purpose; asked again for the same message, the memory that is there is returned.

        Args:
            guild_id: where it was said.
            channel_id: where it was said.
            author_id: who said it.
            message_id: the message, or the interaction's own snowflake for `/remember`.
            text: 1 to 1,000 characters.

        Raises:
            Refused: the text shows nothing or is too long, or the log would not take the message in: it was deleted or
                erased, or its author has opted out.
        """
        text = _within_bounds(text)
        memory = Memory(
            id=str(uuid.uuid5(_REMEMBERED, str(message_id))),
            guild_id=guild_id,
            kind=MemoryKind.NOTE,
            text=text,
            citations=(Citation(message_id, channel_id, author_id),),
            origin=MemoryOrigin.REMEMBERED,
        )
        async with self._db.write() as connection:
            existing = await self._store.load(connection, [memory.id])
            if existing:
                return existing[memory.id]
            message = Message(
                id=message_id, guild_id=guild_id, channel_id=channel_id, author_id=author_id, content=text
            )
            if refusal := (await self._log.refusals(connection, [message])).get(message_id):
                raise Refused(_NOT_KEPT[refusal])
            (text,) = await self._log.unmentioned(connection, [(guild_id, text)])
            memory = replace(memory, text=text)
            await self._store.add(connection, memory)
        self._announce()
        return memory

    async def forget(self, memory_id: str, asker: Asker) -> ForgetOutcome:
        """Remove a memory, or the asker's part in it.

        The sole cited author, or whoever moderates every cited channel, removes it; a cited author among several
        withdraws their own citation. Messages that stated it are not extracted again; those of a topic give no topic.

        Raises:
            NotFound: no such memory, or not the asker's to forget; neutral on purpose.
        """
        async with self._db.write() as connection:
            memory = (await self._store.load(connection, [memory_id])).get(memory_id)
            if memory is None or not asker.may_forget(memory):
                raise NotFound(NOT_FOUND)
            whole = asker.may_remove(memory)
            theirs = [c for c in memory.citations if whole or c.author_id == asker.user_id]
            await self._note(connection, memory, theirs)
            await self._take_away(connection, memory, theirs)
        self._announce()
        await self._db.scrub()
        return ForgetOutcome.REMOVED if whole else ForgetOutcome.WITHDRAWN

    async def to_forget(self, memory_id: str, asker: Asker) -> Memory:
        """A memory that the asker is about to forget, with of its citations what they can read.

        Raises:
            NotFound: no such memory, or not the asker's to forget; neutral on purpose.
        """
        memory = (await self._store.get([storable(memory_id)])).get(memory_id)
        if memory is None or not asker.may_forget(memory):
            raise NotFound(NOT_TO_FORGET)
        return memory.seen_by(asker.readable)

    async def wording(self, memory_id: str, asker: Asker) -> str:
        """The text of a memory that its only cited author is about to put right, as it is stored now.

        Raises:
            NotFound: no such memory, or not the asker's to correct; neutral on purpose.
        """
        memory = (await self._store.get([memory_id])).get(memory_id)
        if memory is None or not asker.may_correct(memory):
            raise NotFound(NOT_FOUND)
        return memory.text

    async def correct(self, memory_id: str, asker: Asker, text: str) -> Memory:
        """Give a memory the text that its only cited author wants; kept as theirs, it wins over extraction.

        Raises:
            NotFound: no such memory, or not the asker's to correct; neutral on purpose.
            Refused: the text shows nothing or is too long.
        """
        text = _within_bounds(text)
        async with self._db.write() as connection:
            memory = (await rows.load(connection, [memory_id], unflagged())).get(memory_id)
            if memory is None or not asker.may_correct(memory):
                raise NotFound(NOT_FOUND)
            (text,) = await self._log.unmentioned(connection, [(memory.guild_id, text)])
            put_right = update(memories).where(memories.c.id == memory_id)
            await connection.execute(put_right.values(origin=MemoryOrigin.CORRECTED, **rows.WITHOUT_DOUBT))
            row = {"memory_id": memory_id, "author_id": asker.user_id, "corrected_ms": self._clock()}
            await connection.execute(delete(corrections).where(corrections.c.memory_id == memory_id))
            await connection.execute(insert(corrections).values(row))
            await self._store.rewrite(connection, memory_id, text)
            await self._note(connection, memory, memory.citations)
            await self._discard(connection, memory.channel_ids)
            corrected = (await self._store.load(connection, [memory_id]))[memory_id]
        self._announce()
        await self._db.scrub()
        return corrected

    async def take_back(self, memory_id: str | None, lines: Sequence[ErasureLine]) -> None:
        """Take back in a restored database what was forgotten, or put right in words that nobody knows any more.

        Args:
            memory_id: the memory; None where there is no such one.
            lines: one for each of its messages that was taken away.
        """
        stating = [line.message_id for line in lines if line.value == STATES and line.message_id]
        of_topics = [{"message_id": line.message_id} for line in lines if line.value == TELLS]
        places = {line.channel_id for line in lines if line.channel_id}
        async with self._db.write() as connection:
            await set_state(connection, messages.c.id.in_(stating), MessageState.SKIPPED, FORGOTTEN)
            await rows.undoubt(connection, stating)
            if of_topics:
                await connection.execute(upsert(self._db.dialect, forgotten_topics).on_conflict_do_nothing(), of_topics)
            await self._discard(connection, places)
            memory = (await self._store.load(connection, [memory_id])).get(memory_id) if memory_id else None
            if memory is not None:
                await self._store.uncite(connection, memory, {line.message_id for line in lines if line.message_id})

    async def of_member(
        self,
        guild_id: int,
        user_id: int,
        *,
        readable: frozenset[int] | None,
        kind: MemoryKind | None = None,
        words: str = "",
        offset: int = 0,
        limit: int = 10,
    ) -> MemoryPage:
        """Memories that cite a member, newest first; superseded ones too, for they are kept as well.

        Args:
            guild_id: of this guild only.
            user_id: the cited author.
            readable: only memories all of whose channels are among these; None for all.
            kind: only memories of this kind.
            words: only memories with all of these words, whatever their case and accents.
            offset: how many to leave out at the start.
            limit: at most so many.
        """
        wanted = and_(memories.c.guild_id == guild_id, rows.states_author(user_id), rows.shown_to(readable))
        async with self._db.read() as connection:
            return await page_of(
                connection, and_(wanted, is_of(kind)), readable, words=words, offset=offset, limit=limit
            )

    async def quotes(self, shown: Sequence[Memory]) -> dict[str, str]:
        """What their members said, by the ids of those that paraphrase what a member said about themselves.

        As long as the log has it; what a member has put right is in their own words.
        """
        paraphrased = {
            memory.id: memory.newest.message_id
            for memory in shown
            if memory.kind in PERSONAL_KINDS and memory.origin is MemoryOrigin.EXTRACTED
        }
        messages = await self._log.get(paraphrased.values())
        return {
            name: messages[message_id].content for name, message_id in paraphrased.items() if message_id in messages
        }

    async def suggest(self, guild_id: int, asker: Asker, words: str, limit: int = 25) -> list[Memory]:
        """Memories with these words, or their beginnings, that the asker may forget, newest first (autocomplete)."""
        mine = and_(rows.states_author(asker.user_id), rows.shown_to(asker.readable))
        moderated = rows.shown_to(asker.moderated & asker.readable)
        wanted = and_(memories.c.guild_id == guild_id, or_(mine, moderated))
        async with self._db.read() as connection:
            ids = (await with_words(connection, wanted, fold(words).split(), among=SUGGESTED_AMONG))[:limit]
            return await rows.matching(connection, newest(memories.c.id.in_(ids)))

    async def _note(self, connection: AsyncConnection, memory: Memory, taken: Sequence[Citation]) -> None:
        """Note that a memory stands on these citations no more, or has another text."""
        at_ms = self._clock()
        lines = [
            ErasureLine(
                kind=LineKind.MEMORY,
                at_ms=at_ms,
                guild_id=memory.guild_id,
                memory_id=hashed_id(memory.id),
                channel_id=citation.channel_id,
                message_id=citation.message_id,
                value=_part_in(memory, citation),
            )
            for citation in taken
        ]
        await note_lines(connection, lines)

    async def _take_away(self, connection: AsyncConnection, memory: Memory, taken: Sequence[Citation]) -> None:
        await self._settle_forgotten(connection, memory, [c.message_id for c in taken if not c.supporting])
        await self._store.uncite(connection, memory, {c.message_id for c in taken})

    async def _settle_forgotten(self, connection: AsyncConnection, memory: Memory, ids: Collection[int]) -> None:
        """Let nothing be made again of what was forgotten: of these messages of a memory, stored answers included.

        Of a topic's messages only no topic: they say more than what they are about.
        """
        if memory.kind is MemoryKind.TOPIC:
            logged = [{"message_id": message_id} for message_id in await rows.logged(connection, ids)]
            if logged:
                await connection.execute(upsert(self._db.dialect, forgotten_topics).on_conflict_do_nothing(), logged)
        else:
            await set_state(connection, messages.c.id.in_(ids), MessageState.SKIPPED, FORGOTTEN)
            await rows.undoubt(connection, ids)
        await self._discard(connection, memory.channel_ids)


def _part_in(memory: Memory, citation: Citation) -> str:
    """What a message is to a memory, for lines."""
    if citation.supporting:
        return SUPPORTS
    return TELLS if memory.kind is MemoryKind.TOPIC else STATES


def _within_bounds(text: str) -> str:
    text = storable(text).strip()
    if not is_visible(text):
        raise Refused(Phrase("There is no visible text to remember; write what you want to be remembered."))
    if len(text) > MAX_TEXT:
        raise Refused(
            Phrase("That is {length} characters long; shorten it to {most}.", length=len(text), most=MAX_TEXT)
        )
    return text
