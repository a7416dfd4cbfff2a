"""From stored text to what Discord shows: no pings, no formatting outside its place, no tricks with direction.

Stored text is data. Everything that could format, ping or forge a line is escaped; people appear by the names that
they have now.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime

import discord

from bot.domain import SOMEBODY, is_visible, with_names
from bot.languages import Language

ELLIPSIS = "…"

NAME_CHARS = 100
"""Of a name, escapes included; Discord allows 32 without them."""

_EMOJI = re.compile(r"<a?(:\w{1,32}:)\d{1,20}>")
_CHANNEL = re.compile(r"<#(\d{1,20})>")
_TOKENS = re.compile(
    r"(?P<url>https?://[^\s<>\\]*[^\s<>\\.,:;\"'\])*_~|`])|(?P<special>[\\`*_~|>#\[\]()<@:+-])|(?P<word>[^\W_]+)|.",
    re.S,
)
_LIST_NUMBER = re.compile(r"^(\d+)\.(?=\s)")
_BIDI_AND_INVISIBLE = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0x200E, 0x200F, 0x061C, 0xFEFF, 0x2060}
_FIRST_STRONG, _POP = "\u2068", "\u2069"


def plain_word(word: str) -> bool:
    """No word is shown in bold."""
    return False


def safe_name(name: str, *, limit: int = NAME_CHARS) -> str:
    """A display name that formats nothing, pings nobody and stays on its line; as `safe` it has its limit.

    One that shows nothing is not told apart from one that is not known.
    """
    return _fitted(_one_line(name), limit) if is_visible(name) else SOMEBODY


def safe(text: str, names: Mapping[int, str], *, limit: int, bold: Callable[[str], bool] = plain_word) -> str:
    """Stored text as one line of Discord Markdown, at most `limit` characters, cut at a word.

    Args:
        text: as it is stored; people appear as `<@user_id>`.
        names: display names by user id.
        limit: length of what comes out, escapes included.
        bold: tells of each word whether it is shown in bold.
    """
    return _fitted(_one_line(_named(text, names)), limit, bold)


def _fitted(plain: str, limit: int, bold: Callable[[str], bool] = plain_word) -> str:
    """As much of a line as has room once it is escaped, whole escapes and isolates alone."""
    budget = limit
    while True:
        shown = _isolated(_escape(shorten(plain, budget), bold))
        if len(shown) <= limit:
            return shown
        budget = min(budget - 1, budget * limit // len(shown))


def shorten(text: str, limit: int) -> str:
    """`text` cut at a word so that it has at most `limit` characters, the ellipsis included."""
    if len(text) <= limit:
        return text
    if limit <= len(ELLIPSIS):
        return ELLIPSIS[: max(0, limit)]
    head = text[: limit - len(ELLIPSIS)]
    cut = head.rsplit(None, 1)[0] if text[len(head)] != " " and " " in head else head
    return (cut if len(cut) * 2 >= len(head) else head).rstrip() + ELLIPSIS


def plain_line(text: str, names: Mapping[int, str], *, limit: int) -> str:
    """Stored text for places without Markdown, such as autocomplete choices and modal fields."""
    return shorten(_one_line(_named(text, names)), limit)


def ago(moment: datetime) -> str:
    """A relative time that Discord keeps current."""
    return discord.utils.format_dt(moment, "R")


def day_label(language: Language, first: date, last: date, minutes: int = -1) -> str:
    """A day, or the first and the last one of a week, with the time where one is told: "Sun 21 Jun, 14:00"."""
    written = [language.day(day) for day in dict.fromkeys((first, last))]
    clock = f", {minutes // 60:02}:{minutes % 60:02}" if minutes >= 0 else ""
    return " – ".join(written) + clock


def _named(text: str, names: Mapping[int, str]) -> str:
    return with_names(_CHANNEL.sub(r"#\1", _EMOJI.sub(r"\1", text)), names)


def _one_line(text: str) -> str:
    lines = (
        char
        for char in text
        if ord(char) not in _BIDI_AND_INVISIBLE and (char.isspace() or unicodedata.category(char) != "Cc")
    )
    return " ".join("".join(lines).split())


def _escape(text: str, bold: Callable[[str], bool] = plain_word) -> str:
    """Put a backslash before whatever Discord could read as Markdown or a mention; addresses stay whole."""

    def escaped(match: re.Match[str]) -> str:
        if match["special"] is not None:
            return "\\" + match["special"] + ("\u200b" if match["special"] == "@" else "")
        if match["word"] is not None and bold(match["word"]):
            return f"**{match[0]}**"
        return match[0]

    return _LIST_NUMBER.sub(r"\1\\.", _TOKENS.sub(escaped, text))


def _isolated(text: str) -> str:
    """Right-to-left text in an isolate, so that it does not turn what stands beside it."""
    if any(unicodedata.bidirectional(char) in ("R", "AL") for char in text):
        return f"{_FIRST_STRONG}{text}{_POP}"
    return text
