"""Hits that overlap are shown as one: statements with the conversation in which they were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain import Hit, MemoryKind

MOST_STATEMENTS = 2
"""Memories of one group; more would be no shorter than two groups."""

WEAK = 0.5
"""Share of the best hit's strength below which a group is shown only to whoever wants more."""


@dataclass(frozen=True, slots=True)
class Group:
    """Hits that stand on the same messages, best first: memories, and one excerpt at most."""

    hits: tuple[Hit, ...]

    @property
    def statements(self) -> tuple[Hit, ...]:
        """The memories among them."""
        return tuple(hit for hit in self.hits if hit.memory is not None)

    @property
    def excerpt(self) -> Hit | None:
        """The excerpt among them."""
        return next((hit for hit in self.hits if hit.memory is None), None)

    @property
    def is_weak(self) -> bool:
        """Whether all of it is much weaker than the best hit."""
        return max(hit.strength for hit in self.hits) < WEAK

    def overlaps(self, hit: Hit) -> bool:
        """Whether a hit stands on a message that one of these stands on."""
        return any(not set(hit.message_ids).isdisjoint(own.message_ids) for own in self.hits)

    def joined(self, hit: Hit) -> Group | None:
        """The group with a hit that overlaps it; None where it does not, has no room, or tells newer things."""
        if not self.overlaps(hit) or any(_tells_newer(own, hit) or _tells_newer(hit, own) for own in self.hits):
            return None
        has_room = self.excerpt is None if hit.memory is None else len(self.statements) < MOST_STATEMENTS
        return Group((*self.hits, hit)) if has_room else None


def _tells_newer(excerpt: Hit, statement: Hit) -> bool:
    """Whether the line of an excerpt that matched best was said after all that a statement stands on."""
    if excerpt.memory is not None or statement.memory is None:
        return False
    return excerpt.anchor > max(statement.message_ids)


def grouped(hits: Sequence[Hit]) -> list[Group]:
    """The hits in groups, best first, what is weak last.

    A topic that overlaps something else is left out, for it says less; what it overlaps comes in its place.
    """
    topics = [(place, hit) for place, hit in enumerate(hits) if hit.memory and hit.memory.kind is MemoryKind.TOPIC]
    of_topics = {place for place, _ in topics}
    groups: list[Group] = []
    places: list[int] = []
    for place, hit in enumerate(hits):
        if place not in of_topics and not _join(groups, hit):
            groups.append(Group((hit,)))
            places.append(place)
    for place, topic in topics:
        overlapping = next((number for number, group in enumerate(groups) if group.overlaps(topic)), None)
        if overlapping is None:
            groups.append(Group((topic,)))
            places.append(place)
        else:
            places[overlapping] = min(place, places[overlapping])
    ordered = sorted(zip(groups, places, strict=True), key=lambda pair: (pair[0].is_weak, pair[1]))
    return [group for group, _ in ordered]


def _join(groups: list[Group], hit: Hit) -> bool:
    for place, group in enumerate(groups):
        if (joined := group.joined(hit)) is not None:
            groups[place] = joined
            return True
    return False


@dataclass(frozen=True, slots=True)
class GroupPage:
    """A page of groups; what is weak begins on a page of its own.

    Attributes:
        number: counts from 0.
        pages: how many there are, without those of weak groups until one of them is looked at.
        weaker: how many weak groups come after it, where it is the last page of the others.
    """

    groups: tuple[Group, ...] = ()
    number: int = 0
    pages: int = 0
    weaker: int = 0


def page_of(groups: Sequence[Group], number: int, size: int) -> GroupPage:
    """The page with this number, or the last one where there are fewer."""
    strong = [group for group in groups if not group.is_weak]
    weak = [group for group in groups if group.is_weak]
    pages = [part[start : start + size] for part in (strong, weak) for start in range(0, len(part), size)]
    if not pages:
        return GroupPage()
    first_weak = -(-len(strong) // size)
    number = max(0, min(number, len(pages) - 1))
    shown = first_weak if number < first_weak else len(pages)
    weaker = len(weak) if number == first_weak - 1 else 0
    return GroupPage(tuple(pages[number]), number, shown, weaker)
