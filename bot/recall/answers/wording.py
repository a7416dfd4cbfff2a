"""What a sentence denies, where what it tells begins and ends, and whether it gives a model orders."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.text import folded, with_values

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
_LEET = str.maketrans("013457", "oieast")
"""Digits that stand for letters in words that are to be read by models alone."""


def any_of(*patterns: str) -> re.Pattern[str]:
    """What any of the patterns matches, in capitals or not."""
    return re.compile("|".join(patterns), re.IGNORECASE)


NEGATION = any_of(
    r"\b(?:not|no|never|none|cannot|without|nor|neither|nobody|nothing|nowhere|noone|hardly|barely|scarcely|seldom"
    r"|rarely|nicht|kein\w{0,2}|nie|niemals|niemand\w{0,2}|nichts|nirgends|keinesfalls|keineswegs|ohne|pas|jamais|sans"
    r"|aucune?|rien|nunca|jamás|sin|nadie|nada|ning[uú]n\w?|tampoco|não|ninguém|nenhuma?|sem|non|nessun\w?|niente"
    r"|senza|niet|niets|geen|nooit|inte|ingen|aldrig|не|нет|никогда|никто|ничего|без)\b",
    r"n['’]t\b",
    r"\b(?:dont|doesnt|didnt|cant|wont|isnt|arent|wasnt|shouldnt|couldnt)\b",
    r"\bstop(?:s|ped|ping)? \w+ing\b|\bavoid(?:s|ed|ing)?\b",
    r"\b(?:I|we|you|they|he|she|it|that|there) used to\b|\bused to be\b",
    r"ない|ません|不|没",
)
"""What turns a statement round."""

ORDER = any_of(
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,30}\b(?:instruction|prompt|rule|previous|above|system"
    r"|guideline)",
    r"\b(?:system|developer) (?:prompt|message|instruction)",
    r"^\W*(?:system|assistant|user|developer|human|ai)\s*[:›>|]",
    r"(?:^|[\s‹<|\[(/])(?:im_start|im_end|eot_id|start_header_id|begin_of_text|endoftext|start_of_turn|end_of_turn"
    r"|/?INST|SYS)[|\])›>]",
    r"\b(?:save|store|add|write|put|commit|record|keep)\b.{0,40}\b(?:to|in|into|as)\b (?:your |the "
    r"|long[- ]term )*memor(?:y|ies)\b",
    r"\byou (?:must|should|have to|need to|will)(?: now| always)? (?:remember|memori[sz]e|store|output|answer|respond"
    r"|reply|act|pretend|record)\b",
    r"\b(?:as|you are) an? (?:ai|language model|assistant|llm)\b",
    r"\bremember (?:that|this|forever|always)\b.{0,80}\b(?:instruction|everyone|everybody|fact|true|important)\b",
    r"[\"']?(?:memories|lines|kind)[\"']?\s*:\s*[\[\"{]",
    r"(?:^|\s)\d{1,3} @?[A-Z]{1,4}(?: to @?[A-Z]{1,4})?:\s",
    r"(?<![^\W_])(?:[a-z][ .*_|-]{1,2}){5,}[a-z](?![^\W_])",
    r"\b(?:ignorier\w*|vergiss)\b.{0,30}\b(?:anweisung|regel)|\b(?:ignore[zr]?|oublie[zr]?)\b.{0,30}\b(?:consigne"
    r"|instruction)|\bignora\b.{0,30}\binstruc",
)
"""Text that speaks to a model instead of to people, or imitates what a model is shown."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The words of a text that stand for where something begins or comes from, and for where it ends or goes."""

    starts: frozenset[str]
    ends: frozenset[str]

    def swaps(self, other: Ends) -> bool:
        """Whether it takes for a start what was said only as an end, or the other way round."""
        return bool(self.starts & other.ends - other.starts or self.ends & other.starts - other.ends)


def ends(text: str) -> Ends:
    """The starts and ends that a text names, values in one form; of "from rack A to rack B" a, and b."""
    plain = re.sub(r"(?<=\d):00\b|(?<=\w)\.(?!\w)", "", with_values(text.casefold()))
    starts, stops = {m[1] for m in _START.finditer(plain)}, {m[1] for m in _END.finditer(plain)}
    for match in _INSTEAD.finditer(plain):
        stops.add(match[1])
        starts.add(match[2])
    for match in _RANGE.finditer(plain.replace("-", " - ")):
        start = (match["start"] or match["de"] or match["value"]).split()
        end = match["end"].split()[: len(start) + 1]
        starts |= set(start) - set(end)
        stops |= set(end) - set(start)
    return Ends(frozenset(starts), frozenset(stops))


def is_order(text: str) -> bool:
    """Whether a text, read without accents, styles of letters and digits for letters, gives a model orders."""
    plain = folded(text)
    return bool(ORDER.search(plain) or ORDER.search(plain.translate(_LEET)))
