"""From scored messages to excerpts: stretches of conversation that fit the room there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import mul

from bot.recall.ranking import RankedMessage
from bot.text import one_line

CONSIDERED = 150  # messages that are worth choosing from: an answer shows some thirty
SKIPPED = 1  # so many messages may be left out between two lines of one excerpt
SATED = 0.6  # a question with several parts: a word counts so much less with every line that already holds it
BRIEF = 0.2  # power of the room that a message takes by which its score is held back
HEAD = 60  # characters that a message takes in any case, as an excerpt of its own or in one
LONG_ENOUGH = 40  # characters from which on a message that is said again tells nothing more
BREAK = "…"  # stands in an excerpt's text where messages are left out


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Messages of one stretch of conversation, oldest first, and which of them is the best."""

    lines: tuple[RankedMessage, ...]
    best: RankedMessage

    def breaks_before(self, number: int) -> bool:
        """Whether messages are left out between a line and the one before it."""
        return number > 0 and self.lines[number].place[1] != self.lines[number - 1].place[1] + 1


class _Choice:
    """The messages chosen so far, and the excerpts that they form."""

    def __init__(self, limit: int, room: int) -> None:
        self.chosen: dict[tuple[int, int], RankedMessage] = {}
        self._excerpts_left = limit
        self._room = room

    def add(self, line: RankedMessage, size: int) -> bool:
        """Choose a message of so many characters, unless it does not fit or would make one excerpt too many."""
        if size > self._room + len(f"{BREAK}\n"):  # fits nowhere, even where it takes the place of a break
            return False
        before, after = self._distance(line, -1), self._distance(line, 1)
        fills = bool(before and after and before + after <= SKIPPED + 1)  # a break inside one excerpt
        new = 1 - bool(before) - bool(after) + fills
        marks = (before > 1) + (after > 1) - fills
        needed = size + (1 - new) * len("\n") + marks * len(f"{BREAK}\n")
        if needed > self._room or new > self._excerpts_left:
            return False
        self._excerpts_left -= new
        self._room -= needed
        self.chosen[line.place] = line
        return True

    def _distance(self, line: RankedMessage, direction: int) -> int:
        """Steps to the nearest chosen message in the same excerpt; 0 if there is none."""
        run, position = line.place
        for step in range(1, SKIPPED + 2):
            if (run, position + direction * step) in self.chosen:
                return step
        return 0

    def excerpts(self) -> list[Excerpt]:
        stretches: list[list[RankedMessage]] = []
        for place in sorted(self.chosen):
            last = stretches[-1][-1].place if stretches else (-1, -1)
            if place[0] == last[0] and place[1] - last[1] <= SKIPPED + 1:
                stretches[-1].append(self.chosen[place])
            else:
                stretches.append([self.chosen[place]])
        return [Excerpt(tuple(lines), max(lines, key=lambda line: line.score)) for lines in stretches]


def choose(
    ranked: Sequence[RankedMessage], *, limit: int, room: int, size: Callable[[RankedMessage], int], several: bool
) -> list[Excerpt]:
    """The best excerpts, best first.

    Args:
        ranked: messages, best first.
        limit: at most so many excerpts.
        room: at most so many characters in all.
        size: characters that a message takes.
        several: the question has several parts, and each wants its share.
    """
    left = _different([line for line in ranked[:CONSIDERED] if line.score > 0])
    sizes = {line.place: size(line) for line in left}
    held_back = {place: (HEAD + chars) ** BRIEF for place, chars in sizes.items()}
    left.sort(key=lambda line: -line.score / held_back[line.place])
    choice = _Choice(limit, room)
    hunger = [1.0] * (len(left[0].by_word) if left else 0)
    while (line := next((o for o in left if choice.add(o, sizes[o.place])), None)) is not None:
        left.remove(line)
        if several:
            hunger = [h * SATED if n else h for h, n in zip(hunger, line.spoken.counts, strict=True)]
            left.sort(key=lambda line: -_worth(hunger, line) / held_back[line.place])
    return sorted(choice.excerpts(), key=lambda excerpt: -excerpt.best.score)


def _different(ranked: Sequence[RankedMessage]) -> list[RankedMessage]:
    """The messages without those that say the same, word for word, as a better one: reminders, templates and the like.

    Short ones stay, for "yes" is an answer wherever it stands.
    """
    texts: set[str] = set()
    different = []
    for line in ranked:
        words = one_line(line.spoken.content.casefold())
        if words not in texts:
            different.append(line)
        if len(words) >= LONG_ENOUGH:
            texts.add(words)
    return different


def _worth(hunger: Sequence[float], line: RankedMessage) -> float:
    """The score, with each word's share lowered by how much of it was chosen already."""
    plain = sum(line.by_word)
    return line.score * sum(map(mul, line.by_word, hunger)) / plain if plain else line.score
