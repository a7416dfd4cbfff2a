"""What can be swapped: the ends of ranges and changes ("from June 23 to July 1"), and what is told of two things."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.domain import MENTION
from bot.text import function_words, is_english, with_values

_WORD = r"[^\s,;!?()]+"
_VALUE = r"(?:weekday|month)?\d[\d:/.]*"
_TO = r"to|until|till|through|bis|nach|auf|hasta|à|au|jusqu['’](?:à|au)|naar|tot"
_RANGE = re.compile(
    rf"(?:\b(?:from|vo[nm]|aus|van) +(?P<start>(?:{_WORD} +){{1,4}}?)(?:{_TO})"
    rf"|\b(?:de|du|del|do|desde|depuis|da|dal) +(?P<de>(?:{_WORD} +){{1,4}}?)(?:{_TO}|a[ol]?|para(?: [oa])?)"
    rf"(?! +(?:{_TO}|a) )"
    rf"|(?<!\S)(?P<value>{_VALUE}) *(?:\b(?:{_TO})\b|[-–—])) +(?=(?P<end>{_WORD}(?: +{_WORD}){{0,3}}))"
)
_INSTEAD = re.compile(
    rf"(?<![^\s,;!?()])({_WORD}) +(?:instead of|rather than|(?:an)?statt|au lieu d[eu]|en vez de) +({_WORD})"
)
_ARTICLES = r"(?:(?:the|den|die|das|dem|der|el|la|les?) +)?"
_START = re.compile(rf"\b(?:from|since|ab|seit|vo[nm]|desde|depuis) +{_ARTICLES}({_WORD})")
_END = re.compile(rf"\b(?:{_TO}) +{_ARTICLES}({_WORD})")
_TOKEN = re.compile(r"\w(?:[\w/:.'’-]*\w)?")
_DIGITS = re.compile(r"\d+")


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
    for match in _INSTEAD.finditer(plain):
        stops.add(match[1])
        starts.add(match[2])
    for match in _RANGE.finditer(plain.replace("-", " - ")):
        one = (match["start"] or match["de"] or match["value"]).split()
        other = match["end"].split()[: len(one) + 1]
        starts |= set(one) - set(other)
        stops |= set(other) - set(one)
    return Ends(frozenset(starts), frozenset(stops))


def reordered(text: str, said: str) -> bool:
    """Whether two values of one sort, or two names, changed places around a word that stands where it stood.

    Of "raid on Friday, picnic on Sunday" so does "raid on Sunday, picnic on Friday", and not "picnic on Sunday, raid on
    Friday". Names count in English alone, as word order is freer in other languages.
    """
    functional = function_words(said)
    words, others = (
        [word for word in _TOKEN.findall(with_values(MENTION.sub(" ", one))) if word.casefold() not in functional]
        for one in (said, text)
    )
    capitals = {word.casefold() for one in (words, others) for word in one[1:] if word[0].isupper()}
    folded = [[word.casefold() for word in one] for one in (words, others)]
    before, after = ([w for w in one if folded[0].count(w) == folded[1].count(w) == 1] for one in folded)
    moved = [i for i, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]
    if len(moved) != 2 or moved[1] - moved[0] == 1:
        return False
    one, other = (before[i] for i in moved)
    named = {one, other} <= capitals and is_english(said)
    return named or _sort(one) == _sort(other) != ""


def _sort(token: str) -> str:
    """What two values must share to be of one sort; "" for what is none."""
    return _DIGITS.sub("0", token) if re.fullmatch(_VALUE, token) else ""
