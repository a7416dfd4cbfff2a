"""Text to terms, the same for what is stored and for what is asked, on every database.

Words are folded (NFKC, lower case), stemmed by Snowball (https://snowballstem.org) in the language that the text seems
to be written in, and stripped of accents. Scripts without spaces between words become overlapping pairs of characters,
as Lucene's CJK analyzer does it. Terms hold letters and digits only, so that no text can forge the index's own tokens,
which all contain an underscore.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

import Stemmer

from bot.text.languages import IRREGULAR, STOP_WORDS

ENGLISH = "english"
SCRIPT_LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        "CYRILLIC": "russian",
        "GREEK": "greek",
        "ARABIC": "arabic",
        "DEVANAGARI": "hindi",
        "ARMENIAN": "armenian",
        "TAMIL": "tamil",
    }
)
"""Scripts whose words are stemmed by one language, whatever the rest of the text is."""

MAX_TERM = 64  # longer runs are keys, hashes or noise; their beginning tells them apart well enough
SHORT_TEXT = 8  # words: with no function word in it, the language of so short a text is anybody's guess

_STEMMERS: Mapping[str, Stemmer.Stemmer] = MappingProxyType(
    {name: Stemmer.Stemmer(name, 0) for name in (*STOP_WORDS, *SCRIPT_LANGUAGES.values())}
)
_LANGUAGES_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        word: tuple(name for name, stops in STOP_WORDS.items() if word in stops)
        for word in frozenset().union(*STOP_WORDS.values())
    }
)

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u1100-\u11ff\uac00-\ud7af"  # Hangul: spaced, but its words carry their particles with them
    "\u3040-\u30ff\u31f0-\u31ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"  # Han
)
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
_LETTER = rf"[^\W_{_UNSPACED}]"
_WORD = re.compile(rf"(?P<run>[{_UNSPACED}]+)|{_LETTER}(?:{_LETTER}|[{_MARKS}])*+")
_REFERENCE = re.compile(r"<(?:@[!&]?|#|t:)[^>\s]{1,40}>|<a?:(\w{1,32}):\d{1,20}>|\bhttps?://(?:www\.)?")
_THOUSANDS = re.compile(r"(?<=\d)[,\u00a0\u202f'’](?=\d{3}(?!\d))")
_CLITIC = re.compile(
    r"n['’]t\b|(?<=[^\W\d_])['’](?:s|t|d|m|re|ve|ll)\b|\b(?:[cdjlmnst]|qu|un|dell|all|nell|sull|dall)['’](?=[^\W\d_])"
)
_UNDECOMPOSED = str.maketrans("łøđı", "lodi")
_ORDINAL = re.compile(r"(?<!\d)(\d+)(?:st|nd|rd|th)")


def terms(text: str) -> list[str]:
    """The terms under which `text` is found, in order, repeated as often as they occur.

    Function words of the text's language are left out. A text in another language than English also stands under
    its English stems, and a short text whose language can't be told under those of several, because the question
    may be read differently from the text.
    """
    return [term for word in question_terms(text) for term in word]


def question_terms(text: str) -> list[tuple[str, ...]]:
    """The words of a text, each with the terms that it stands under; one of them in another text is a match."""
    words = _words(text)
    reading = _read(words)
    return [stems for word in words if (stems := _stems(word, reading))]


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", _REFERENCE.sub(r" \1 ", text)).casefold()
    folded = _CLITIC.sub("", _THOUSANDS.sub("", folded))
    words: list[str] = []
    for match in _WORD.finditer(folded):
        words.extend(_pairs(match[0]) if match["run"] else [match[0][:MAX_TERM]])
    return words


def _pairs(run: str) -> list[str]:
    return [first + second for first, second in pairwise(run)] or [run]


class _Reading(NamedTuple):
    """In which languages a text is read.

    Attributes:
        languages: in Latin script, English among them.
        sure: those of them whose function words are left out.
    """

    languages: tuple[str, ...]
    sure: frozenset[str]


_AS_ENGLISH = _Reading((ENGLISH,), frozenset({ENGLISH}))


def _read(words: list[str]) -> _Reading:
    """Tell the languages of a text by its function words.

    A single one that English does not know makes no language sure: it may be a name, as Ben is ("I" in Turkish).
    """
    counts = Counter(name for word in words for name in _LANGUAGES_OF.get(word, ()))
    if not counts:
        return _Reading(tuple(STOP_WORDS), frozenset()) if len(words) <= SHORT_TEXT else _AS_ENGLISH
    most = max(counts.values())
    if counts[ENGLISH] == most:
        return _AS_ENGLISH
    languages = (ENGLISH, *(name for name, count in counts.items() if count == most))
    return _Reading(languages, frozenset(languages if most > 1 else languages[:1]))


def _stems(word: str, reading: _Reading) -> tuple[str, ...]:
    if any(name in reading.sure for name in _LANGUAGES_OF.get(word, ())):
        return ()
    if not word[0].isalpha() or len(word) < 2:
        return (_ORDINAL.sub(r"\1", word),)
    script = "LATIN" if word.isascii() else _script(word)
    if script != "LATIN":
        own = SCRIPT_LANGUAGES.get(script)
        return (_bare(_STEMMERS[own].stemWord(word) if own else word, script),)
    return tuple(dict.fromkeys(_bare(_stem(word, name), script) for name in reading.languages))


def _stem(word: str, language: str) -> str:
    if language == ENGLISH:
        word = IRREGULAR.get(word, word)
    return str(_STEMMERS[language].stemWord(word))


def _script(word: str) -> str:
    return unicodedata.name(word[0], "UNKNOWN").split(" ", 1)[0]


def _bare(term: str, script: str) -> str:
    """`term` without accents, where people also write without them (elsewhere combining marks are vowels)."""
    if term.isascii() or script not in {"LATIN", "CYRILLIC", "GREEK", "ARABIC"}:
        return term
    return "".join(
        c for c in unicodedata.normalize("NFD", term.translate(_UNDECOMPOSED)) if not unicodedata.combining(c)
    )
