"""What in a text has to be taken over letter by letter: links, commands, paths, names of files, hosts and settings.

What counts is its form: a slash or dot between letters, a flag, an underscore, digits behind letters, a quoted command.
Two of them are the same if they have the same letters and digits in the same order, whatever stands between.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain import snowflake
from bot.text.chat_text import URL
from bot.text.folding import fold
from bot.text.languages import STOP_WORDS

MENTION = re.compile(rf"<(?:@[!&]?|#|a?:\w{{1,32}}:){snowflake.PATTERN}>")
"""A person, role, channel or emoji as Discord writes it; what holds no snowflake is text like any other."""
_PIECE = re.compile(r"\S+")
_RUN = re.compile(r"\d+|[^\W\d_]+")
_QUOTED = re.compile(
    r"`([^`]{1,300})`|\"([^\"]{1,300})\"|“([^”]{1,300})”|„([^“”]{1,300})[“”]|«([^»]{1,300})»"
    r"|(?<![^\s(])'([^']{1,300})'(?!\w)"
)
_OPENING, _CLOSING = "([{\"'`“„«‚*_", ")]}\"'`”“»’,;:!?.*_…"
_FLAG = re.compile(r"--?[A-Za-z][\w-]*(?:=\S*)?")
_ROOTED = re.compile(r"(?<!\S)(?:/|~/|\.{1,2}/|\$(?=[A-Za-z_{])|[A-Za-z]:\\|\\\\)(?=[^\w\s]*+\w)\S*+")
_FILE = re.compile(r"(?<!\S)(?:[\w.~-]+/)+[\w-]+\.[a-z][a-z\d]{1,5}")
_DOTTED = re.compile(r"(?<!\S)[^\W_][\w-]+(?:\.[\w-]+)*\.[a-z][a-z\d]{1,5}(?:[/\\:]\S*)?")
_SNAKE = re.compile(r"(?<!\S)[^\W_]+(?:_+[^\W_]+)+")
_SETTING = re.compile(r"(?<!\S)[\w.-]+=\S+")
_NUMBERED = re.compile(r"(?!v\d)[^\W\d_]{1,20}\d[^\W_]*|(?<!\d)\d++(?![hx]\d)[^\W\d_]{1,20}\d[^\W_]*", re.IGNORECASE)
_PREFIXED = re.compile(r"![^\W\d_]\w+")
_CHANNEL = re.compile(rf"<(?:#|@&){snowflake.PATTERN}>")
_CODE = 1
"""The group of what stands between back ticks."""
_APOSTROPHES = str.maketrans("", "", "'’")
_BLANK = "¤"


@dataclass(frozen=True, slots=True)
class Identifier:
    """Something to be taken over as it stands.

    Attributes:
        text: as it stands in the text, without the punctuation around it.
        start: where it begins in the text.
        is_command: whether it is a part of a command.
    """

    text: str
    start: int
    is_command: bool


_SHOWN_LINK = re.compile(r"https?://[^\s<>\\]+", re.IGNORECASE)
"""What Discord shows as one link: whatever stands before it, and with quotes and braces in it, unlike `URL`."""
_BEHIND_LINKS = ".,:;!?…\"'”’»)]}*_~|`"


def links_of(text: str) -> list[str]:
    """The web addresses of a text, and what else Discord shows as one, as `plain_link` gives them."""
    shown = (match[0].rstrip(_BEHIND_LINKS) for match in _SHOWN_LINK.finditer(text))
    return [plain_link(link) for link in dict.fromkeys((*(match.group() for match in URL.finditer(text)), *shown))]


def plain_link(link: str) -> str:
    """A web address without what does not make it another: scheme, "www." and a slash at the end."""
    host, slash, path = re.sub(r"^(?:https?://)?(?:www\.)?", "", link, count=1, flags=re.IGNORECASE).partition("/")
    return f"{host.casefold()}{slash}{path}".rstrip("/")


def runs_of(text: str) -> str:
    """The letters and digits of a text, folded, with a blank around each run of either."""
    return f" {' '.join(_RUN.findall(fold(text)))} "


def is_in(identifier: str, text: str, runs: str) -> bool:
    """Whether an identifier stands in a text of which the runs are known."""
    own = [runs_of(part) for part in identifier.split("=")]  # "size=3" is "set the size to 3"
    return all(part in runs for part in own if part.strip()) if "".join(own).strip() else identifier in text


def identifiers_of(text: str) -> list[Identifier]:
    """The identifiers of a text but links, in no order; some may come twice."""
    plain = _blanked(_blanked(text, URL), MENTION)
    identifiers = [Identifier(match.group(), match.start(), is_command=False) for match in _CHANNEL.finditer(text)]
    for match in _QUOTED.finditer(plain):
        identifiers += _in_quotes(match)
    before = ""
    for piece in _PIECE.finditer(plain):
        identifier = _stripped(piece.group(), piece.start())
        word = identifier.text
        if before == "sudo" and word and not any(word.casefold() in words for words in STOP_WORDS.values()):
            identifiers.append(Identifier(word, identifier.start, is_command=True))
        elif _is_identifier(word):
            identifiers.append(identifier)
        before = word
    return identifiers


def without_identifiers(text: str) -> str:
    """The text with signs in place of links, identifiers and mentions, each as long as what it stands for."""
    plain = _blanked(_blanked(text, URL), MENTION)
    signs = list(plain)
    for piece in _PIECE.finditer(plain):
        identifier = _stripped(piece.group(), piece.start())
        if _is_identifier(identifier.text):
            length = len(identifier.text)
            signs[identifier.start : identifier.start + length] = _BLANK * length
    return "".join(signs)


def _blanked(text: str, pattern: re.Pattern[str]) -> str:
    return pattern.sub(lambda match: _BLANK * len(match.group()), text)


def _in_quotes(match: re.Match[str]) -> Iterator[Identifier]:
    """The parts of what is quoted that are no plain words; of code, all of it; and a sign that is quoted alone."""
    group = match.lastindex or 0
    quoted, start = match[group], match.start(group)
    for piece in _PIECE.finditer(quoted):
        identifier = _stripped(piece.group(), start + piece.start(), is_command=True)
        word = identifier.text.translate(_APOSTROPHES)
        if (group == _CODE and word) or (not word.isalpha() and any(map(str.isalpha, word))):
            yield identifier
        elif piece.group() == quoted and not any(map(str.isalnum, quoted)):
            yield Identifier(quoted, start, is_command=True)


def _stripped(piece: str, start: int, *, is_command: bool = False) -> Identifier:
    text = piece.lstrip(_OPENING)
    start += len(piece) - len(text)
    text = text.rstrip(_CLOSING)
    return Identifier(text, start, is_command or bool(_FLAG.fullmatch(text) or _PREFIXED.fullmatch(text)))


_FORMS = (_FLAG, _ROOTED, _FILE, _DOTTED, _SNAKE, _SETTING, _NUMBERED, _PREFIXED)


def _is_identifier(piece: str) -> bool:
    return any(form.fullmatch(piece) for form in _FORMS)
