"""What happened, put together for reading: in sections, the most important first, and in pages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from operator import itemgetter

from bot.domain import Hit, Memory
from bot.recall.catchup import Concerning, Happened, by_weight
from bot.recall.hits import memory_hit, message_hit

FIRST_LOOK = 2
"""So many entries of each section at least come before the rest of any."""


class Part(StrEnum):
    """What an entry is."""

    REPLY = "reply"
    MENTION = "mention"
    ASKED = "asked"
    PROMISED = "promised"
    TOPIC = "topic"
    DECISION = "decision"
    PLAN = "plan"
    QUESTION = "question"


@dataclass(frozen=True, slots=True)
class Entry:
    """A thing that happened."""

    part: Part
    hit: Hit


@dataclass(frozen=True, slots=True)
class OverviewSection:
    """Entries that belong together, the most important first.

    Attributes:
        part: what all of them are; None for what concerns the reader, and for all of a channel.
        channel_id: where all of it was said; None for one kind of several channels.
        left: how many entries come on later pages.
    """

    entries: tuple[Entry, ...]
    part: Part | None = None
    channel_id: int | None = None
    left: int = 0


def by_kind(happened: Happened, concerning: Concerning) -> list[OverviewSection]:
    """What concerns the reader, then what happened, kind by kind."""
    theirs = _concerning(concerning)
    known = _ids(theirs)
    kinds = (
        (Part.TOPIC, happened.topics),
        (Part.DECISION, happened.decisions),
        (Part.PLAN, happened.plans),
        (Part.QUESTION, happened.questions),
    )
    sections = [OverviewSection(tuple(_entries(part, memories, known)), part) for part, memories in kinds]
    return [section for section in (OverviewSection(tuple(theirs)), *sections) if section.entries]


def by_channel(happened: Happened, concerning: Concerning) -> list[OverviewSection]:
    """What concerns the reader, then what happened, channel by channel, the most important first."""
    theirs = _concerning(concerning)
    known = _ids(theirs)
    parts = {m.id: Part(m.kind.value) for m in happened.memories}
    channels: dict[int, list[Entry]] = {}
    for memory in by_weight(happened.memories, happened.topics):
        channels.setdefault(memory.channel_id, []).extend(_entries(parts[memory.id], [memory], known))
    sections = (OverviewSection(tuple(entries), channel_id=channel_id) for channel_id, entries in channels.items())
    return [section for section in (OverviewSection(tuple(theirs)), *sections) if section.entries]


def without(sections: Iterable[OverviewSection], message_ids: Collection[int]) -> list[OverviewSection]:
    """The sections without what stands on one of these messages."""
    remaining = (
        replace(section, entries=tuple(e for e in section.entries if not set(message_ids) & set(e.hit.message_ids)))
        for section in sections
    )
    return [section for section in remaining if section.entries]


def pages(sections: Sequence[OverviewSection], lines: int) -> list[list[OverviewSection]]:
    """The sections in pages of so many entries: the best of each first, and then what is left of them."""
    shares = [min(FIRST_LOOK, len(section.entries)) for section in sections]
    room = lines - sum(shares)
    while room > 0 and any(share < len(s.entries) for share, s in zip(shares, sections, strict=True)):
        for number, section in enumerate(sections):
            if room > 0 and shares[number] < len(section.entries):
                shares[number] += 1
                room -= 1
    first = [replace(s, entries=s.entries[:share]) for s, share in zip(sections, shares, strict=True)]
    rest = [replace(s, entries=s.entries[share:]) for s, share in zip(sections, shares, strict=True)]
    left = {_key(section): len(section.entries) for section in sections}
    shown = [*_cut(first, lines), *_cut(rest, lines)]
    for page in shown:
        for place, section in enumerate(page):
            left[_key(section)] -= len(section.entries)
            page[place] = replace(section, left=left[_key(section)])
    return shown


def _key(section: OverviewSection) -> tuple[Part | None, int | None]:
    return section.part, section.channel_id


def _cut(sections: Sequence[OverviewSection], lines: int) -> list[list[OverviewSection]]:
    """The sections, cut after so many entries."""
    flat = [(number, entry) for number, section in enumerate(sections) for entry in section.entries]
    cut: list[list[OverviewSection]] = []
    for start in range(0, len(flat), lines):
        parts = groupby(flat[start : start + lines], key=itemgetter(0))
        cut.append([replace(sections[number], entries=tuple(e for _, e in part)) for number, part in parts])
    return cut


def _concerning(concerning: Concerning) -> list[Entry]:
    """What concerns the reader; a message that stands behind something asked of them is not told besides."""
    asked = [memory_hit(memory) for memory in concerning.asked]
    behind = {message_id for hit in asked for message_id in hit.message_ids}
    by_part = ((Part.REPLY, concerning.replies), (Part.MENTION, concerning.mentions))
    return [
        *(Entry(Part.ASKED, hit) for hit in asked),
        *(Entry(part, message_hit(m)) for part, messages in by_part for m in messages if m.id not in behind),
        *(Entry(Part.PROMISED, memory_hit(memory)) for memory in concerning.promised),
    ]


def _ids(entries: Iterable[Entry]) -> set[str]:
    return {entry.hit.memory.id for entry in entries if entry.hit.memory is not None}


def _entries(part: Part, memories: Iterable[Memory], known: Collection[str]) -> list[Entry]:
    return [Entry(part, memory_hit(memory)) for memory in memories if memory.id not in known]
