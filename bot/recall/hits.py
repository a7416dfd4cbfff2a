"""Looking again at what recall found, before it is shown once more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain import Hit, HitKind, Line, Memory, Message

if TYPE_CHECKING:
    from bot.memories import MemoryStore
    from bot.observe import MessageLog


def memory_hit(memory: Memory, score: float = 0.0) -> Hit:
    """A memory as a hit."""
    return Hit(
        kind=HitKind.MEMORY,
        text=memory.text,
        score=score,
        guild_id=memory.guild_id,
        channel_ids=memory.channel_ids,
        message_ids=tuple(citation.message_id for citation in memory.citations),
        author_ids=memory.author_ids,
        anchor=memory.anchor.message_id,
        anchor_channel_id=memory.anchor.channel_id,
        memory=memory,
    )


def message_hit(message: Message) -> Hit:
    """A single message as a hit."""
    return Hit(
        kind=HitKind.MESSAGE,
        text=f"<@{message.author_id}>: {message.content}",
        score=0.0,
        guild_id=message.guild_id,
        channel_ids=frozenset({message.channel_id}),
        message_ids=(message.id,),
        author_ids=(message.author_id,),
        anchor=message.id,
        anchor_channel_id=message.channel_id,
        lines=(Line(message.id, message.author_id, message.content),),
    )


class Hits:
    """Brings hits up to date: what was edited shows its new text, and what was deleted is not shown."""

    def __init__(self, log: MessageLog, store: MemoryStore) -> None:
        self._log = log
        self._store = store

    async def fresh(self, hits: Sequence[Hit], channel_ids: frozenset[int]) -> list[Hit]:
        """Those of `hits` that are still there and lie in `channel_ids` altogether, as they are now."""
        stored = await self._store.get({hit.memory.id for hit in hits if hit.memory is not None})
        memories = {memory_id: memory.seen_by(channel_ids) for memory_id, memory in stored.items()}
        messages = await self._log.get({line.message_id for hit in hits for line in hit.lines})
        current = (_of_memory(hit, memories) if hit.memory else _of_messages(hit, messages) for hit in hits)
        return [hit for hit in current if hit is not None and hit.channel_ids <= channel_ids]


def _of_memory(hit: Hit, memories: Mapping[str, Memory]) -> Hit | None:
    memory = memories.get(hit.memory.id) if hit.memory is not None else None
    if memory is None:
        return None
    return replace(
        hit,
        text=memory.text,
        memory=memory,
        channel_ids=memory.channel_ids,
        message_ids=tuple(citation.message_id for citation in memory.citations),
        author_ids=memory.author_ids,
        anchor=memory.anchor.message_id,
        anchor_channel_id=memory.anchor.channel_id,
    )


def _of_messages(hit: Hit, messages: Mapping[int, Message]) -> Hit | None:
    logged = [messages[line.message_id] for line in hit.lines if line.message_id in messages]
    if not logged:
        return None
    lines = tuple(Line(message.id, message.author_id, message.content, message.reply_to) for message in logged)
    anchor = messages.get(hit.anchor, logged[0])
    return replace(
        hit,
        text="\n".join(f"<@{line.author_id}>: {line.content}" for line in lines),
        lines=lines,
        channel_ids=frozenset(message.channel_id for message in logged),
        message_ids=tuple(message.id for message in logged),
        author_ids=_distinct(message.author_id for message in logged),
        anchor=anchor.id,
        anchor_channel_id=anchor.channel_id,
    )


def _distinct(ids: Iterable[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(ids))
