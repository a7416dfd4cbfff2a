"""How a hit of recall is shown: a memory with what held before, or an excerpt with its speakers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bot.domain import Hit, Line, Memory, MemoryKind, Phrase, jump_url
from bot.languages import Language
from bot.memories import Asker
from bot.recall import Group
from cogs import texts
from cogs.rendering import ago, plain_word, safe, safe_name
from cogs.views.pages import PageItem

MAX_BEFORE = 2
BEFORE_CHARS = 100
"""How much of what held before is shown below a memory."""

TEXT_CHARS = 130
"""How much of a statement, or of the line that matched best, is shown: four lines on a phone."""

SPEAKER_CHARS = 64
"""Of each name of those who said it."""

BESIDE_CHARS = 80
"""How much is shown of what stands beside it, in small print."""

_KINDS = {
    MemoryKind.DECISION: Phrase("decision"),
    MemoryKind.PLAN: Phrase("plan"),
    MemoryKind.ANSWER: Phrase("answer"),
    MemoryKind.LINK: Phrase("link"),
    MemoryKind.QUESTION: Phrase("question"),
    MemoryKind.TOPIC: Phrase("topic"),
    MemoryKind.FACT: Phrase("fact"),
    MemoryKind.PREFERENCE: Phrase("preference"),
    MemoryKind.NOTE: Phrase("note"),
}


def hit_item(
    hit: Hit,
    names: Mapping[int, str],
    asker: Asker,
    language: Language,
    bold: Callable[[str], bool] = plain_word,
    before: Sequence[Memory] = (),
) -> PageItem:
    """One hit, ready to be shown, with the words in bold that `bold` tells, and below it what held `before`."""
    return group_item(Group((hit,)), names, asker, language, bold, before)


def group_item(
    group: Group,
    names: Mapping[int, str],
    asker: Asker,
    language: Language,
    bold: Callable[[str], bool] = plain_word,
    before: Sequence[Memory] = (),
) -> PageItem:
    """Hits that overlap as one: the statements, or the line that matched best, then a line beside it."""
    best, excerpt = group.hits[0], group.excerpt
    memories = [hit.memory for hit in group.statements if hit.memory is not None]
    lines = [safe(memory.text, names, limit=TEXT_CHARS, bold=bold) + doubt_of(memory, language) for memory in memories]
    lines += [_older(older, names, language) for older in before[:MAX_BEFORE]]
    if excerpt is not None and memories:
        lines.append(f"-# {_line(_source_of(memories, excerpt), names, BESIDE_CHARS, bold)}")
    elif excerpt is not None:
        lines += _excerpt(excerpt, names, bold)
    about = ""
    if memories:
        about = f"{kind_of(memories[0], language)} · {speakers_of(memories[0].author_ids, names, language)} · "
    at = best.created_at if best.memory is None else best.memory.said_at
    return PageItem(
        text="\n".join(lines),
        caption=f"{about}{ago(at)} · <#{best.anchor_channel_id}>",
        url=jump_url(best.guild_id, best.anchor_channel_id, best.anchor),
        memory_id=next((memory.id for memory in memories if asker.may_forget(memory)), None),
    )


def kind_of(memory: Memory, language: Language) -> str:
    """What kind of memory it is."""
    return language.translated(_KINDS[memory.kind])


def doubt_of(memory: Memory, language: Language) -> str:
    """A line on the newer message by which a memory may have changed; empty where nothing speaks against it."""
    if memory.doubt is None:
        return ""
    url = jump_url(memory.guild_id, memory.doubt.channel_id, memory.doubt.message_id)
    return f"\n-# {texts.may_have_changed(url, language)}"


def speakers_of(author_ids: Sequence[int], names: Mapping[int, str], language: Language) -> str:
    """Who said it, three names at most."""
    shown = [safe_name(names.get(author_id, ""), limit=SPEAKER_CHARS) for author_id in author_ids[:3]]
    more = len(author_ids) - len(shown)
    people = ", ".join(shown)
    return (
        language.plural("{people} and {number} other", "{people} and {number} others", more, people=people)
        if more
        else people
    )


def _older(memory: Memory, names: Mapping[int, str], language: Language) -> str:
    """A line on what held before."""
    text = safe(memory.text, names, limit=BEFORE_CHARS)
    return f"-# {language.say('before, {when}: {memory}', when=ago(memory.said_at), memory=text)}"


def _source_of(memories: Sequence[Memory], excerpt: Hit) -> Line:
    """The line of an excerpt that states the memories beside it: the best may be an older one that says otherwise."""
    cited = {citation.message_id for memory in memories for citation in memory.stating}
    return max(excerpt.lines, key=lambda line: (line.message_id in cited, line.message_id == excerpt.anchor))


def _excerpt(hit: Hit, names: Mapping[int, str], bold: Callable[[str], bool]) -> list[str]:
    """The line that matched best, and in small print the one after it, or else the one before it."""
    at = next((place for place, line in enumerate(hit.lines) if line.message_id == hit.anchor), 0)
    beside = hit.lines[at + 1 : at + 2] or hit.lines[max(0, at - 1) : at]
    small = [f"-# {_line(line, names, BESIDE_CHARS, bold)}" for line in beside]
    return [_line(hit.lines[at], names, TEXT_CHARS, bold), *small]


def _line(line: Line, names: Mapping[int, str], limit: int, bold: Callable[[str], bool]) -> str:
    speaker = safe_name(names.get(line.author_id, ""), limit=limit // 3)
    return f"**{speaker}:** {safe(line.content, names, limit=limit - len(speaker), bold=bold)}"
