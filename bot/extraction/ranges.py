"""Ranges and changes ("from June 23 to July 1", "von Berlin nach Graz"): which of their ends a text names as which."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.extraction.values import with_values

_WORD = r"[^\s,;!?()]+"
_VALUE = r"(?:weekday|month)?\d[\d:/.]*"
_TO = r"to|until|till|bis|nach|auf|hasta|à|au|jusqu['’](?:à|au)|naar|tot"
_RANGE = re.compile(
    rf"(?:\b(?:from|vo[nm]|aus|van) +(?P<start>(?:{_WORD} +){{1,4}}?)(?:{_TO})"
    rf"|\b(?:de|du|del|desde|depuis|da|dal) +(?P<de>(?:{_WORD} +){{1,4}}?)(?:{_TO}|a[ol]?)(?! +(?:{_TO}|a) )"
    rf"|(?<!\S)(?P<value>{_VALUE}) *(?:\b(?:{_TO})\b|[-–—])) +(?=(?P<end>{_WORD}(?: +{_WORD}){{0,3}}))"
)
_ARTICLES = r"(?:(?:the|den|die|das|dem|der|el|la|les?) +)?"
_START = re.compile(rf"\b(?:from|since|ab|seit|vo[nm]|desde|depuis) +{_ARTICLES}({_WORD})")
_END = re.compile(rf"\b(?:{_TO}) +{_ARTICLES}({_WORD})")


@dataclass(frozen=True, slots=True)
class Ends:
    """The words of a text that stand for where something begins or comes from, and for where it ends or goes."""

    starts: frozenset[str]
    ends: frozenset[str]

    def swaps(self, said: Ends) -> bool:
        """Whether it takes for a start what was said only as an end, or the other way round."""
        return bool(self.starts & said.ends - said.starts or self.ends & said.starts - said.ends)


def ends(text: str) -> Ends:
    """The starts and ends that a text names, values in one form; of "from rack A to rack B" a, and b."""
    plain = re.sub(r"(?<=\d):00\b|(?<=\w)\.(?!\w)", "", with_values(text.casefold()))
    starts, stops = {m[1] for m in _START.finditer(plain)}, {m[1] for m in _END.finditer(plain)}
    for match in _RANGE.finditer(plain.replace("-", " - ")):
        one = (match["start"] or match["de"] or match["value"]).split()
        other = match["end"].split()[: len(one) + 1]
        starts |= set(one) - set(other)
        stops |= set(other) - set(one)
    return Ends(frozenset(starts), frozenset(stops))
