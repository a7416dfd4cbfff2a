"""The exact checks of a proposed statement against the lines that it cites; what it means, the model decides.

Whatever a model answers, nobody is in a memory who was not in the talk, and no figure, date, time, link, command or
identifier that nobody gave. All of it takes linear time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import partial
from unicodedata import east_asian_width

from bot.domain import people_in
from bot.remember.evidence import Heard, Hearing, Stretch
from bot.remember.sensitive import is_sensitive
from bot.text import (
    CURRENCIES,
    DURATIONS,
    REDACTED,
    SIZES,
    URL,
    Clock,
    Day,
    Meaning,
    Number,
    SecretFinder,
    Value,
    identifiers_of,
    is_in,
    language_of,
    links_of,
    occurrences,
    one_line,
    relative_times_of,
    tells,
    values_of,
    visible,
    with_written_dates,
    without_identifiers,
)

LONGEST = 400
"""Characters of a statement with its dates written out: the model is told 300, and may count badly."""
FEWEST_WORDS = 3
MOST_COMPARED = 100
"""Values of a text that are compared with those of another."""
_WORD = re.compile(r"[^\W_]+")
_SOME_DAY = date(2024, 1, 1)


class Refusal(StrEnum):
    """Why a statement is not kept."""

    LINES = "no such lines"
    LENGTH = "length"
    PERSON = "unknown person"
    BOT = "about the bot"
    SECRET = "secret"  # noqa: S105
    SENSITIVE = "sensitive"
    FIGURE = "figure not said"
    TIME = "time not said"
    DATE = "date not said"
    LINK = "link not said"
    COMMAND = "command not said"
    IDENTIFIER = "identifier not said"


VALUE_REFUSALS = frozenset(
    {Refusal.FIGURE, Refusal.TIME, Refusal.DATE, Refusal.LINK, Refusal.COMMAND, Refusal.IDENTIFIER}
)
"""Those for a value that was not said: the statement may be right otherwise, and tell that something changed."""


@dataclass(frozen=True, slots=True)
class Exact:
    """A statement that passed.

    Attributes:
        text: with its dates written out.
        supporting: ids of messages that it does not cite, and that hold a date, time, link, command or identifier of
            it, oldest first.
    """

    text: str
    supporting: tuple[int, ...] = ()


def check(
    text: str,
    cited: Sequence[int],
    hearing: Hearing,
    people: Collection[int],
    *,
    personal: bool = False,
    topic: bool = False,
    bot_id: int | None = None,
    secrets: SecretFinder | None = None,
) -> Exact | Refusal:
    """Whether what is exact in a statement was said.

    Args:
        text: the statement; people as `<@user_id>`.
        cited: ids of the messages that state it.
        hearing: all lines of the stretch in their order, those for context included.
        people: who may be in it.
        personal: whether it is a fact or preference, which stands on its cited lines alone.
        topic: whether it only says what a conversation is about, which a word may.
        bot_id: this bot, about which nothing is kept.
        secrets: the finder of secrets, if there is one already.

    Returns:
        The statement with its dates written out, or why it is refused.
    """
    text = one_line(visible(text))
    if not topic and _is_short(text):
        return Refusal.LENGTH
    if refusal := _unfit(text, people, bot_id, secrets or SecretFinder()):
        return refusal
    stretch = Stretch(hearing, cited, text, alone=personal)
    if not stretch.is_complete:
        return Refusal.LINES
    if personal and any(is_sensitive(words) for words in (text, *(heard.text for heard in stretch.cited))):
        return Refusal.SENSITIVE
    lenders: dict[int, Heard] = {}
    for need in needs_of(text, stretch.language):
        if need.is_in(stretch.cited):
            continue
        lender = stretch.lender(need.is_in) if need.lendable else None
        if lender is None:
            return need.refusal
        lenders[lender.message_id] = lender
    heard = (*reversed(stretch.cited), *lenders.values())
    text = with_written_dates(text, [line.told for line in heard], stretch.language)
    return Exact(text, tuple(sorted(lenders))) if len(text) <= LONGEST else Refusal.LENGTH


def _is_short(text: str) -> bool:
    """Whether a text has too few words to tell anything."""
    wide = sum(east_asian_width(char) in "WF" for char in text)  # two of them say about as much as a word
    return len(_WORD.findall(text)) + wide // 2 < FEWEST_WORDS and not URL.search(text)


def _unfit(text: str, people: Collection[int], bot_id: int | None, secrets: SecretFinder) -> Refusal | None:
    """Why a text is not kept, whatever was said."""
    if len(text) > LONGEST:
        return Refusal.LENGTH
    mentioned = people_in([text])
    if bot_id in mentioned:
        return Refusal.BOT
    if not mentioned.issubset(people):
        return Refusal.PERSON
    return Refusal.SECRET if REDACTED in text or secrets.find(text) else None


@dataclass(frozen=True, slots=True)
class Need:
    """Something exact in a statement.

    Attributes:
        refusal: why the statement is refused where nobody said it.
        is_in: whether lines hold it.
        lendable: whether a line near the cited ones may hold it.
        value: the figure, time or day that it is; None for anything else.
        words: the link, identifier or relative time that it is, as it stands in the statement.
    """

    refusal: Refusal
    is_in: Callable[[Sequence[Heard]], bool]
    lendable: bool = True
    value: Value | None = None
    words: str = ""


def needs_of(text: str, language: str) -> Iterator[Need]:
    """What is exact in a statement, and has to be said."""
    for link in links_of(text):
        yield Need(Refusal.LINK, partial(_has_link, link), words=link)
    for identifier in identifiers_of(text):
        refusal = Refusal.COMMAND if identifier.is_command else Refusal.IDENTIFIER
        is_sign = not any(map(str.isalnum, identifier.text))
        yield Need(refusal, partial(_has_identifier, identifier.text), not is_sign, words=identifier.text)
    plain = without_identifiers(text)
    for value in values_of(plain, (language,)):
        lendable = any(not isinstance(m, Number) or m.unit in DURATIONS for m in value.meanings)
        yield Need(_REFUSALS[type(value.meanings[0])], partial(_has_value, value.meanings), lendable, value)
    for phrase in dict.fromkeys(time.phrase for time in relative_times_of(plain, _SOME_DAY, (language,))):
        yield Need(Refusal.DATE, partial(_has_time, phrase, language), words=phrase)


_REFUSALS = {Number: Refusal.FIGURE, Clock: Refusal.TIME, Day: Refusal.DATE}


def _has_link(link: str, lines: Sequence[Heard]) -> bool:
    return any(link in line.links for line in lines)


def _has_identifier(identifier: str, lines: Sequence[Heard]) -> bool:
    return any(is_in(identifier, line.text, line.runs) for line in lines)


def _has_value(meanings: Sequence[Meaning], lines: Sequence[Heard]) -> bool:
    days = [meaning for meaning in meanings if isinstance(meaning, Day)]
    others = [meaning for meaning in meanings if not isinstance(meaning, Day)]
    held = any(line.holds(meaning) for meaning in others for line in lines)
    return held or any(tells([line.told for line in lines], day) for day in days)


def _has_time(phrase: str, language: str, lines: Sequence[Heard]) -> bool:
    """Whether a relative time means a day of a line, or the present of one."""
    for told in (line.told for line in lines):
        if any(other.phrase == phrase for other in told.relative):
            return True
        for time in relative_times_of(phrase, told.said, (language,)):
            if time.first <= told.said <= time.last or not told.dates.isdisjoint(time.days):
                return True
            if time.month and tells([told], time.month):
                return True
    return False


def contradicts(statement: str, other: str) -> bool:
    """Whether each of two statements has a figure, date, time or link that the other has another for.

    What only one of them tells is no contradiction: "at 8pm" and "on Friday at 8pm" may be the same.
    """
    links, others = set(links_of(statement)), set(links_of(other))
    if links - others and others - links:
        return True
    language = language_of(f"{statement} {other}")
    values, against = _compared(statement, language), _compared(other, language)
    left = [value for value in values if not any(_agree(value, each) for each in against)]
    right = [value for value in against if not any(_agree(value, each) for each in values)]
    return any(_tell_alike(value, each) for value in left for each in right)


def _compared(text: str, language: str) -> list[Value]:
    return values_of(without_identifiers(text), (language,))[:MOST_COMPARED]


def _agree(value: Value, other: Value) -> bool:
    return any(_is_same(meaning, another) for meaning in value.meanings for another in other.meanings)


def _is_same(meaning: Meaning, other: Meaning) -> bool:
    if isinstance(meaning, Day) and isinstance(other, Day):
        pairs = _shared(meaning, other)
        return bool(pairs) and all(part == another for part, another in pairs)
    if isinstance(meaning, Clock) and isinstance(other, Clock):
        return meaning.agrees(other)
    if isinstance(meaning, Number) and isinstance(other, Number):
        return meaning.agrees(other)
    bare = _figures(meaning) & _figures(other)  # "at 8" and "8pm", "the 22nd" and "22"
    return bool(bare) and Number in (type(meaning), type(other))


def _figures(meaning: Meaning) -> frozenset[Decimal | str]:
    """The figures as which a value may stand alone."""
    if isinstance(meaning, Number):
        return frozenset() if meaning.unit else meaning.amounts
    if isinstance(meaning, Day):
        return frozenset() if meaning.day is None else frozenset({Decimal(meaning.day)})
    hours = {minutes // 60 for minutes in meaning.minutes if not minutes % 60}
    return frozenset(Decimal(number) for hour in hours for number in (hour, hour % 12))


def _tell_alike(value: Value, other: Value) -> bool:
    """Whether two values tell the same kind of thing, so that they contradict each other where they differ."""
    return _are_alike(value.meanings[0], other.meanings[0]) or (_is_duration(value) and _is_duration(other))


def _is_duration(value: Value) -> bool:
    return any(isinstance(meaning, Number) and meaning.unit in DURATIONS for meaning in value.meanings)


def _are_alike(meaning: Meaning, other: Meaning) -> bool:
    if isinstance(meaning, Number) and isinstance(other, Number):
        units = {meaning.unit, other.unit}
        return len(units) == 1 or "" in units or units <= CURRENCIES or units <= SIZES
    if isinstance(meaning, Day) and isinstance(other, Day):
        return bool(_shared(meaning, other))
    return isinstance(meaning, Clock) and isinstance(other, Clock)


def _shared(day: Day, other: Day) -> list[tuple[int, int]]:
    """The parts that both days tell."""
    parts = zip(_day_parts(day), _day_parts(other), strict=True)
    return [(part, another) for part, another in parts if part is not None and another is not None]


def _day_parts(day: Day) -> tuple[int | None, ...]:
    dates = occurrences(day, date(day.year, 1, 1)) if day.year and day.month and day.day else []
    weekday = dates[0].weekday() if day.weekday is None and dates else day.weekday
    return day.year, day.month, day.day, None if day.day and not day.month else weekday
