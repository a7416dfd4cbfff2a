"""How a hit of recall is shown: a memory with what held before, or an excerpt with its speakers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bot.domain import Hit, Memory, jump_url
from bot.memories import Asker
from cogs import texts
from cogs.rendering import ago, plain_word, safe, safe_name
from cogs.views.pages import ITEM_CHARS, PageItem

MAX_BEFORE = 2
BEFORE_CHARS = 100
"""How much of what held before is shown below a memory."""

LEAST_CHARS = 120
"""So much of a memory is shown, whatever stands below it; five of these stay below Discord's 4,000 characters."""

MAX_LINES = 5
"""Lines of an excerpt that are shown, around the one that matched best."""


def hit_item(
    hit: Hit,
    names: Mapping[int, str],
    asker: Asker,
    bold: Callable[[str], bool] = plain_word,
    before: Sequence[Memory] = (),
) -> PageItem:
    """One hit, ready to be shown, with the words in bold that `bold` tells, and below it what held `before`."""
    memory = hit.memory
    if memory is None:
        text = _excerpt(hit, names, bold)
        caption = f"{ago(hit.created_at)} · <#{hit.anchor_channel_id}> · score {hit.score:.2f}"
    else:
        below = doubt_of(memory) + "".join(_older(older, names) for older in before[:MAX_BEFORE])
        text = safe(hit.text, names, limit=max(LEAST_CHARS, ITEM_CHARS - len(below)), bold=bold) + below
        speakers = speakers_of(memory.author_ids, names)
        caption = f"{memory.kind} · {speakers} · {ago(memory.said_at)} · <#{memory.channel_id}> · score {hit.score:.2f}"
    return PageItem(
        text=text,
        caption=caption,
        url=jump_url(hit.guild_id, hit.anchor_channel_id, hit.anchor),
        memory_id=memory.id if memory is not None and asker.may_forget(memory) else None,
    )


def doubt_of(memory: Memory) -> str:
    """A line on the newer message by which a memory may have changed; empty where nothing speaks against it."""
    if memory.doubt is None:
        return ""
    url = jump_url(memory.guild_id, memory.doubt.channel_id, memory.doubt.message_id)
    return f"\n-# {texts.MAY_HAVE_CHANGED}: [newer message]({url})"


def speakers_of(author_ids: Sequence[int], names: Mapping[int, str]) -> str:
    """Who said it, three names at most."""
    shown = [safe_name(names.get(author_id, ""))[:64] for author_id in author_ids[:3]]
    more = len(author_ids) - len(shown)
    return ", ".join(shown) + (f" and {texts.count(more, 'other')}" if more else "")


def _older(memory: Memory, names: Mapping[int, str]) -> str:
    """A line on what held before."""
    return f"\n-# before, {ago(memory.said_at)}: {safe(memory.text, names, limit=BEFORE_CHARS)}"


def _excerpt(hit: Hit, names: Mapping[int, str], bold: Callable[[str], bool]) -> str:
    shown = hit.around_anchor(MAX_LINES)
    budget = ITEM_CHARS // len(shown)
    return "\n".join(_line(line.author_id, line.content, names, budget, bold) for line in shown)


def _line(author_id: int, content: str, names: Mapping[int, str], budget: int, bold: Callable[[str], bool]) -> str:
    speaker = safe_name(names.get(author_id, ""))[: max(12, budget // 3)]
    return f"**{speaker}:** {safe(content, names, limit=max(20, budget - len(speaker) - 7), bold=bold)}"
