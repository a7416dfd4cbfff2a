"""What was said to a question that is found: the question holds the words that were looked for, its answer may not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain import Hit, Line
from bot.recall.query import RecallQuery
from bot.storage import messages

NEXT = 3
"""So many lines after a question belong to it,"""

LOOKED_THROUGH = 40
"""and among so many those that reply to it."""

QUESTIONS = 8
"""Questions whose answers come along, of the best hits."""

_MARKS = ("?", "？", "؟")


async def with_replies(connection: AsyncConnection, hits: Sequence[Hit], query: RecallQuery) -> list[Hit]:
    """The hits, each question in them with the replies to it and the lines after it."""
    asking = [
        (place, line) for place, hit in enumerate(hits) for line in hit.lines if any(m in line.content for m in _MARKS)
    ]
    longer = list(hits)
    for place, line in islice(asking, QUESTIONS):
        lines = await _lines_after(connection, hits[place].anchor_channel_id, line.message_id, query)
        longer[place] = _with(longer[place], lines)
    return longer


async def _lines_after(connection: AsyncConnection, channel_id: int, asked_id: int, query: RecallQuery) -> list[Line]:
    later = select(messages.c.id, messages.c.author_id, messages.c.content, messages.c.reply_to)
    later = later.where(messages.c.channel_id == channel_id, messages.c.id > asked_id).order_by(messages.c.id)
    rows = (await connection.execute(later.limit(LOOKED_THROUGH))).all()
    lines = [Line(*row) for number, row in enumerate(rows) if number < NEXT or row.reply_to == asked_id]
    return [line for line in lines if query.admits(line.message_id)]


def _with(hit: Hit, lines: Sequence[Line]) -> Hit:
    """The hit with more lines; what it says is read anew before it is shown."""
    known = {line.message_id: line for line in (*lines, *hit.lines)}
    joined = tuple(known[message_id] for message_id in sorted(known))
    return replace(
        hit,
        lines=joined,
        text="\n".join(f"<@{line.author_id}>: {line.content}" for line in joined),
        message_ids=tuple(line.message_id for line in joined),
        author_ids=tuple(dict.fromkeys(line.author_id for line in joined)),
    )
