"""What the lines of a stretch hold that a statement may take from them: figures, times, days, links and identifiers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import cached_property
from itertools import product

from bot.remember.transcript import ShownLine
from bot.text import (
    DURATIONS,
    MENTION,
    NO_SIGN,
    SIGNS_LIKE,
    Clock,
    Day,
    Meaning,
    Number,
    ToldDays,
    language_of,
    links_of,
    runs_of,
)

NEAR = 5
"""Lines before and after a cited one that may lend a whole date, a time, a link, a command or an identifier."""
_STAMP = re.compile(r"<t:(\d{1,11})(?::[tTdDfFR])?>")
_ANY = "any"


class Heard:
    """What a line holds; of one that is only near, what it may lend.

    Attributes:
        message_id: the message that the line is.
        text: what was said.
        runs: its letters and digits, as `runs_of` gives them.
        links: its web addresses.
        told: its days.
    """

    def __init__(self, line: ShownLine, languages: Sequence[str], zone: tzinfo, *, near: bool) -> None:
        self.message_id = line.message_id
        self.text = _STAMP.sub(lambda stamp: _moment(int(stamp[1]), zone), line.text)
        self.runs, self.links = runs_of(self.text), frozenset(links_of(self.text))
        self.told = ToldDays(MENTION.sub(" ", self.text), line.day, languages, figures=not near)
        self._amounts: set[tuple[Decimal | str, str, str]] = set()
        self._seconds: set[Decimal] = set()
        self._minutes: set[int] = set()
        for value in self.told.values:
            for meaning in value.meanings:
                self._hear(meaning, near=near)
        if not near:
            self._amounts.update((Decimal(year), "", NO_SIGN) for year in self.told.years)

    def _hear(self, meaning: Meaning, *, near: bool) -> None:
        if isinstance(meaning, Clock):
            self._minutes |= meaning.minutes
        if not isinstance(meaning, Number):
            self._amounts.update((Decimal(part), _ANY, NO_SIGN) for part in _parts(meaning) if not near)
        elif not near or meaning.unit in DURATIONS:
            units = (meaning.unit, _ANY)
            self._amounts.update((amount, unit, meaning.sign) for amount in meaning.amounts for unit in units)
            self._seconds |= meaning.seconds

    def holds(self, meaning: Number | Clock) -> bool:
        """Whether a figure or a time of day stands in the line; a whole hour may stand there as a bare figure."""
        if isinstance(meaning, Number):
            signs = SIGNS_LIKE[meaning.sign] if meaning.sign else SIGNS_LIKE  # "-20 %" may be told as "20 % less"
            kinds = list(product((meaning.unit or _ANY, ""), signs))
            stands = any((amount, *kind) in self._amounts for amount in meaning.amounts for kind in kinds)
            return stands or not self._seconds.isdisjoint(meaning.seconds)
        hours = (minutes // 60 for minutes in meaning.minutes if not minutes % 60)
        bare = (Decimal(number) for hour in hours for number in (hour, hour % 12, hour % 12 + 12))
        return not self._minutes.isdisjoint(meaning.minutes) or any(
            (hour, "", NO_SIGN) in self._amounts for hour in bare
        )


def _parts(meaning: Clock | Day) -> Iterator[int]:
    """The figures that a date or a time of day has in it."""
    if isinstance(meaning, Day):
        yield from (part for part in (meaning.day, meaning.month, meaning.year) if part)
    else:
        yield from (hour for minutes in meaning.minutes for hour in (minutes // 60, minutes // 60 % 12))


def _moment(stamp: int, zone: tzinfo) -> str:
    """A time that Discord shows to each in their own zone, in that of the server."""
    try:
        return f"{datetime.fromtimestamp(stamp, UTC).astimezone(zone):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return " "


class Hearing:
    """The lines of a stretch, each heard once for all statements about them: that takes a while for long ones.

    Args:
        lines: all of it, in order.
        zone: of the server, for times that Discord shows to each in their own.
    """

    def __init__(self, lines: Sequence[ShownLine], zone: tzinfo = UTC) -> None:
        self.lines, self._zone = lines, zone
        self._heard: dict[tuple[int, tuple[str, ...], bool], Heard] = {}

    @cached_property
    def language(self) -> str:
        """In which most of it is said."""
        return language_of(" ".join(line.text for line in self.lines))

    def heard(self, place: int, languages: tuple[str, ...], *, near: bool) -> Heard:
        """What the line at a place holds, or lends where it is only near."""
        key = (place, languages, near)
        if key not in self._heard:
            self._heard[key] = Heard(self.lines[place], languages, self._zone, near=near)
        return self._heard[key]


class Stretch:
    """The lines of a stretch, seen from those that a statement cites.

    Args:
        hearing: all of it.
        cited: ids of the messages that the statement cites.
        text: the statement.
        alone: whether no line near the cited ones may lend anything.

    Attributes:
        is_complete: whether every cited message is there, and there is one.
        language: of the statement.
    """

    def __init__(self, hearing: Hearing, cited: Iterable[int], text: str, *, alone: bool) -> None:
        self._hearing, self._lines, self._alone = hearing, hearing.lines, alone
        wanted = frozenset(cited)
        self._places = [place for place, line in enumerate(self._lines) if line.message_id in wanted]
        self.is_complete = bool(wanted) and wanted == {self._lines[place].message_id for place in self._places}
        own = language_of(" ".join(self._lines[place].text for place in self._places), hearing.language)
        self.language = language_of(text, own)
        self._languages = tuple(dict.fromkeys((self.language, own)))
        self.cited = [hearing.heard(place, self._languages, near=False) for place in self._places]

    def lender(self, is_in: Callable[[Sequence[Heard]], bool]) -> Heard | None:
        """The first line near the cited ones that holds something together with them."""
        near = () if self._alone else self._near()
        return next((heard for heard in near if is_in((*self.cited, heard))), None)

    def _near(self) -> Iterator[Heard]:
        """The lines that may lend: those which a cited one answers, and those around, the nearest first."""
        answered = {self._lines[place].reply_to for place in self._places} - {None}
        replied = [place for place, line in enumerate(self._lines) if line.message_id in answered]
        around = (place + step * side for step in range(1, NEAR + 1) for place in self._places for side in (-1, 1))
        for place in dict.fromkeys((*replied, *around)):
            if place in self._places or not 0 <= place < len(self._lines):
                continue
            yield self._hearing.heard(place, self._languages, near=True)
