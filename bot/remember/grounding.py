"""Which lines a text really stands on.

A model points near the right line more often than at it. The lines that it names are kept as far as they carry words of
the text; where another line alone carries nearly all of it, and more than they do, that one is taken instead. So the
speaker of a memory is who said its words.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.remember.prompt import Line
from bot.text import question_terms

CARRIES_ALONE = 0.75
"""Share of the text's words that a line must carry to be taken instead of the named ones."""
ADDS = 2
"""Words that a further line must add to be cited beside better ones; one in common is chance."""


def grounded(text: str, named: Sequence[Line], lines: Collection[Line]) -> tuple[Line, ...]:
    """The lines, oldest first, that `text` stands on: of the `named` ones, or a better one of all `lines`."""
    words = [frozenset(stems) for stems in question_terms(text)]
    carried = {line.number: _carried(words, line) for line in lines}
    chosen = _fewest(named, carried)
    covered = frozenset[int]().union(*(carried[line.number] for line in chosen))
    best = max(lines, key=lambda line: len(carried[line.number]))
    if len(carried[best.number]) > max(len(covered), CARRIES_ALONE * len(words)):
        chosen = [best]
    return tuple(sorted(chosen, key=lambda line: line.message.id))


def _carried(words: Sequence[frozenset[str]], line: Line) -> frozenset[int]:
    return frozenset(i for i, stems in enumerate(words) if not line.terms.isdisjoint(stems))


def _fewest(named: Sequence[Line], carried: dict[int, frozenset[int]]) -> list[Line]:
    """The named lines by what they add, until the next would add next to nothing."""
    left, chosen, covered = list(named), list[Line](), frozenset[int]()
    while left:
        best = max(left, key=lambda line: len(carried[line.number] - covered))
        if chosen and len(carried[best.number] - covered) < ADDS:
            break
        left.remove(best)
        chosen.append(best)
        covered |= carried[best.number]
    return chosen
