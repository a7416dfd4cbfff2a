"""Chat text made harmless and comparable, without changing what it says."""

from __future__ import annotations

import re
import unicodedata

from bot.text.folding import fold
from bot.text.pasted import without_pasted

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = re.compile(
    rf"[{_BIDI}\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]"
)
"""Control characters but line feed and tabulator, lone surrogates, and characters of private use."""
_JOINERS = re.compile(r"(?<![^\x00-\u02ff])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\u02ff])")
"""Joiners carry meaning between letters of some scripts and inside emoji; next to Latin text they only hide."""
_QUOTED = re.compile(r"^[^\S\n]*>(?:>>)?\s.*$", re.MULTILINE)
_BLOCK_QUOTE = re.compile(r"^[^\S\n]*>>>\s.*\Z", re.MULTILINE | re.DOTALL)
_SPACE = re.compile(r"\s+")
_FORWARDED = re.compile(r"^\[forwarded\b.*$", re.MULTILINE | re.IGNORECASE)

URL = re.compile(r"\b(?:https?://|www\.)[^\s<>\"'`|\\^{}]+[^\s<>\"'`|\\^{}.,;:!?)\]*_]", re.IGNORECASE)
"""A web address, without the punctuation that ends its sentence."""

_STYLED = re.compile(r"(?:LATIN LETTER SMALL|(?:NEGATIVE )?(?:CIRCLED|SQUARED) LATIN) CAPITAL(?: LETTER)? ([A-Z])$")
_STYLES = (
    *(*range(0x250, 0x2B0), *range(0x1D00, 0x1D2C), *range(0x2102, 0x2139), *range(0x24B6, 0x24EA)),
    *(*range(0xA730, 0xA7B0), *range(0xFF21, 0xFF5B), *range(0x1D400, 0x1D800), *range(0x1F130, 0x1F18A)),
)
"""Where Unicode has letters for mathematics and typography, with which generators of "fonts" write Latin text."""
_TWINS = str.maketrans(
    "аАВсСԁеЕһНіІјЈкКӏМоОрРԛгѕЅтТуУѵԝхХүαΑΒεΕΗηιΙκΚΜνΝοΟρΡτΤυΥχΧωΖϲօոսհցզյ",
    "aABcCdeEhHiIjJkKlMoOpPqrsStTyYvwxXyaABeEHniIkKMvNoOpPtTuYxXwZconuhgqj",
)
"""Cyrillic, Greek and Armenian letters that look like Latin ones."""
_WORDS = re.compile(rf"{URL.pattern}|[^\W\d_]+", re.IGNORECASE)


def _plain(char: str) -> str | None:
    """The Latin letter that a character is in another style, or None."""
    plain, styled = unicodedata.normalize("NFKD", char), _STYLED.match(unicodedata.name(char, ""))
    return styled[1].lower() if styled else plain if len(plain) == 1 and plain.isascii() and plain.isalnum() else None


_STYLED_LETTERS = {code: plain for code in _STYLES if (plain := _plain(chr(code)))}


def visible(text: str) -> str:
    """`text` composed (NFC), and without what hides, reverses or disguises characters; control characters go too.

    Latin letters in another style are plain ones, and in a word that is else of Latin letters so are those of other
    scripts that look like them. Addresses stay as they are.
    """
    shown = _JOINERS.sub("", _INVISIBLE.sub("", _CONTROLS.sub("", unicodedata.normalize("NFC", text))))
    return shown if shown.isascii() else _WORDS.sub(_undisguised, shown.translate(_STYLED_LETTERS))


def _undisguised(match: re.Match[str]) -> str:
    word = match.group()
    latin = word.translate(_TWINS)
    return latin if fold(latin).isascii() and any(map(str.isascii, word)) and not URL.match(word) else word


def own_words(content: str) -> str:
    """What the author of a message said themselves: visible, without quoted, forwarded and pasted lines, on one line.

    A quote may be forged and a true one is somebody else's message, which is in the log on its own; what the bot showed
    is remembered already.
    """
    shown = _FORWARDED.sub(" ", _QUOTED.sub(" ", _BLOCK_QUOTE.sub(" ", visible(content))))
    return one_line(without_pasted(shown))


def one_line(text: str) -> str:
    """`text` with every run of white space as one blank."""
    return _SPACE.sub(" ", text).strip()


def folded(text: str) -> str:
    """`text` for comparing names and phrases: compatibility forms, case and accents folded."""
    return one_line(fold(visible(text)))
