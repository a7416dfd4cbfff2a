"""The figures, times of day and days in a text, by value: "8 pm" is 20:00, "22 sept" is the 22nd of September.

A text is cut into numbers, words and signs once, and read from left to right with a look at the next few of them, so
that reading takes linear time whatever the text is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from bot.text.calendar_words import (
    AMBIGUOUS_NUMBERS,
    CURRENCIES,
    MONTHS,
    NAMED_HOURS,
    NUMBERS,
    ORDINALS,
    SHORT_MONTHS,
    SHORT_WEEKDAYS,
    UNITS,
    WEEKDAYS,
    value_of,
)
from bot.text.languages import STOP_WORDS
from bot.text.meanings import YEARS, Clock, Day, Meaning, Number, Value, clock_of, date_of, day_of, figure_of, number_of
from bot.text.number_words import counted
from bot.text.signs import sign_before, signed
from bot.text.tokens import Tokens

_JOINING = frozenset(".,:/'’")
_DASHES = frozenset("-–—")
_CLOSING = frozenset(".,;:!?)]…")
_ORDINAL_MARKS = frozenset({"st", "nd", "rd", "th", "er", "ere", "e", "eme"})
_LONGEST_MARK = 3  # letters
_DOT = frozenset(".")
_OF = frozenset({"of", "de", "d", "'", "’"})
_MARKED_ARTICLES = frozenset({"the", "am", "den", "dem", "zum", "vom"})
ARTICLES = _MARKED_ARTICLES | {"le", "au", "du", "el", "al", "del", "dia"}
"""What stands before the number of a day; the number behind some of them is marked as ordinal, or is none of a day."""
_LISTING = frozenset({"and", "or", "of", "und", "oder"})
"""After an ordinal number they make it one of several things, or a part of one."""
_TO = frozenset({"and", "to", "und", "bis", "et", "au", "y", "al"})
"""Between two days of one month."""
_OFTEN_WORDS = frozenset({"may", "march", "mars"})


Read = tuple[list[Value], int]
"""Values, and the place of the token after them."""


def values_of(text: str, languages: Sequence[str], *, heard: bool = False) -> list[Value]:
    """The values of a text, in order.

    Args:
        text: what is read.
        languages: in which number words and short names of days and months are read; full names are in all.
        heard: whether words count that only may be a value ("sun", "may", "first", "one"), as is right for what was
            said in a chat, and wrong for what has to be proved.
    """
    return _FigureReader(Tokens(text), tuple(languages), heard=heard).read()


class _FigureReader:
    def __init__(self, tokens: Tokens, languages: tuple[str, ...], *, heard: bool) -> None:
        self._tokens, self._languages, self._heard = tokens, languages, heard

    def read(self) -> list[Value]:
        values: list[Value] = []
        place = 0
        while place < len(self._tokens):
            is_number = self._tokens.is_number(place)
            read, after = self._number(place) if is_number else self._word(place)
            values += signed(read, sign_before(self._tokens, place))
            place = after
        return values

    def _value(self, start: int, after: int, *meanings: Meaning) -> Value:
        return Value(self._tokens.at(start).start, self._tokens.at(after - 1).end, meanings)

    # what begins with a number

    def _number(self, place: int) -> Read:
        if iso := self._iso_date(place):
            return iso
        tokens, after, signs = self._tokens, place + 1, ""
        while tokens.is_glued(after, _JOINING) and tokens.is_glued_number(after + 1):
            if signs[:1] not in ("", tokens.text(after)):  # "10.0.0.5:80"
                break
            signs += tokens.text(after)
            after += 2
        if not signs:
            return self._whole(place)
        parts = [tokens.text(part) for part in range(place, after, 2)]
        for read in (self._clock, self._date, self._decimal, self._fraction):
            if result := read(place, after, parts, signs):
                return result
        return self._each(place, after), after

    def _each(self, place: int, after: int, *meanings: Meaning) -> list[Value]:
        parts = range(place, after, 2)
        return [self._value(part, part + 1, number_of(self._tokens.text(part)), *meanings) for part in parts]

    def _iso_date(self, place: int) -> Read | None:
        tokens = [self._tokens.at(part) for part in range(place, place + 5)]
        glued = all(token.glued for token in tokens[1:])
        if not glued or [token.text for token in tokens[1::2]] != ["-", "-"]:
            return None
        year, month, day = (token.text for token in tokens[::2])
        date = date_of(day, month, year) if all(token.kind == "number" for token in tokens[::2]) else None
        return ([self._value(place, place + 5, date)], place + 5) if date and len(year) == 4 else None

    def _clock(self, place: int, after: int, parts: list[str], signs: str) -> Read | None:
        """A time with a colon, or with a dot and a mark behind it: "7:30", "19.30 Uhr"."""
        if signs not in (":", "::", "."):
            return None
        half, end = self._half(after)
        clock = clock_of(parts[0], parts[1], half)
        return ([self._value(place, end, clock)], end) if clock and (signs != "." or end > after) else None

    def _date(self, place: int, after: int, parts: list[str], signs: str) -> Read | None:
        """A date in figures: "3.9.2026", "3/9/26", and "3.9." with its dot."""
        if signs in ("..", "//") and len(parts[2]) in (2, 4):
            year = parts[2] if len(parts[2]) == 4 else f"20{parts[2]}"
            days = (date_of(parts[0], parts[1], year), date_of(parts[1], parts[0], year) if signs == "//" else None)
            meanings: list[Meaning] = [day for day in days if day]
            if meanings and signs == ".." and len(parts[2]) == 2:
                meanings.insert(0, figure_of(parts, "."))
            return ([self._value(place, after, *meanings)], after) if meanings else None
        if signs == "." and self._tokens.is_glued(after, _DOT) and (day := date_of(*parts)):
            before = place - 1 - (self._tokens.text(place - 1) == ",")
            of_day = self._tokens.text(before) in ARTICLES or self._weekday(before, dated=True) is not None
            both = (day, figure_of(parts, ".")) if of_day else (figure_of(parts, "."), day)
            return [self._value(place, after + of_day, *both)], after + of_day
        return None

    def _decimal(self, place: int, after: int, parts: list[str], signs: str) -> Read | None:
        listed = len(parts) > 2 and signs[0] == "," and any(len(part) != 3 for part in parts[1:])
        if len(set(signs)) > 1 or signs[0] in ":/" or listed:
            return None
        thousands = self._tokens.is_glued(after, frozenset("k"))
        unit, end = self._unit(place, after + thousands)
        meanings: list[Meaning] = [replace(figure_of(parts, signs[0]).times(1_000 if thousands else 1), unit=unit)]
        if self._heard and signs == "." and not unit:
            meanings += [meaning for meaning in (clock_of(parts[0], parts[1], ""), date_of(*parts[:2])) if meaning]
        parted = self._each(place, after) if self._heard and signs == "," else []
        return [self._value(place, end, *meanings), *parted], end

    def _fraction(self, place: int, after: int, parts: list[str], signs: str) -> Read | None:
        """Two numbers, which may be a day and a month as well: 3/9."""
        days = [day for day in (date_of(*parts), date_of(*reversed(parts))) if day] if signs == "/" else []
        return (self._each(place, after, *days), after) if signs == "/" else None

    def _whole(self, place: int) -> Read:
        """A whole number with what belongs to it."""
        tokens, figure, after = self._tokens, self._tokens.text(place), place + 1
        for read in (self._day_of_month, self._hour):
            if result := read(place):
                return result
        number = number_of(figure)
        if not self._heard and self._is_name(after):
            return [], after
        if tokens.is_glued(after, frozenset("k")):
            number, after = number.times(1_000), after + 1
        unit, end = self._unit(place, after)
        if unit:
            return [self._value(place, end, replace(number, unit=unit))], end
        if day := self._day_alone(place):
            end = self._past_mark(after, alone=True)
            return [self._value(place, end, day, number)], end
        end += tokens.is_glued(end, _ORDINAL_MARKS)
        return [self._value(place, end, number)], end

    def _is_name(self, place: int) -> bool:
        """Whether the letters behind a number make it a part of a name ("0xdave"), and no figure."""
        token = self._tokens.at(place)
        return token.glued and token.kind == "word" and len(token.text) > _LONGEST_MARK and token.text not in UNITS

    def _day_of_month(self, place: int) -> Read | None:
        """A day with its month behind it, whatever stands between: "12th of Sept", "25 de mayo", "14-16 Oct"."""
        after, figure = place + 1, self._tokens.text(place)
        last = self._past_mark(after)
        listed = self._tokens.text(last) in _TO and self._tokens.is_number(last + 1)
        last = last + 2 if listed else self._past_range(after)
        month_place = self._past_mark(last)
        month_place += next(
            count for count in range(4) if self._tokens.text(month_place + count) not in _OF or count == 3
        )
        month = self._month(month_place, dated=True)
        if month is None or not (day := date_of(figure, str(month))):
            return None
        year, end = self._year(month_place + 1)
        if last != after:  # the first of two days: the second one is read for itself
            end = after
        return [self._value(place, end, replace(day, year=year))], end

    def _hour(self, place: int) -> Read | None:
        """A whole hour with its mark, or with minutes behind an "h": "8pm", "20 Uhr", "9h58"."""
        tokens, after, figure = self._tokens, place + 1, self._tokens.text(place)
        if self._has_minutes(after):
            clock = clock_of(figure, tokens.text(after + 1), "")
            return ([self._value(place, after + 2, clock)], after + 2) if clock else None
        last = self._past_range(after)
        half, end = self._half(last)
        long = half and len(figure) > 2  # "630pm"
        clock = clock_of(figure[:-2], figure[-2:], half) if long else clock_of(figure, "00", half)
        if clock is None or end == last:
            return None
        hours = UNITS.get(tokens.text(end - 1)) == "hour"
        end = end if last == after else after
        return [self._value(place, end, clock, *([replace(number_of(figure), unit="hour")] if hours else []))], end

    def _has_minutes(self, place: int) -> bool:
        """Whether an "h" stands at a place and minutes behind it: "9h58", and in French "9 h 58"."""
        hour, minutes = self._tokens.at(place), self._tokens.at(place + 1)
        if minutes.kind != "number" or hour.text != "h":
            return False
        return (hour.glued and minutes.glued) or (
            "french" in self._languages and len(minutes.text) == 2 and minutes.text < "60"
        )

    def _half(self, place: int) -> tuple[str, int]:
        """Which half of the day is told ("a", "p" or "" for either), and the place after the mark of a time."""
        words = [self._tokens.text(part) for part in range(place, place + 4)]
        german = "german" in self._languages and not self._tokens.at(place).glued  # "um 8 am Montag"
        if words[0] == "pm" or (words[0] == "am" and not german):
            return words[0][0], place + 1
        if words[0] in ("a", "p") and words[1:3] == [".", "m"]:
            return words[0], place + 3 + self._tokens.is_glued(place + 3, _DOT)
        if words[0] == "uhr" or UNITS.get(words[0]) == "hour":
            return "", place + 1
        return "", place + 3 * (words[0] == "o" and words[2] == "clock")

    def _unit(self, place: int, after: int) -> tuple[str, int]:
        """The unit of the number at a place, and the place after it."""
        last = self._past_range(after)
        if unit := UNITS.get(self._tokens.text(last)):
            return unit, after + (last == after)
        before = self._tokens.text(place - 1)
        return (before if before in CURRENCIES and self._tokens.at(place).glued else ""), after

    def _past_range(self, after: int) -> int:
        """The place after the second number of "2-3" and "2.–3.", or `after` itself."""
        dash = after + self._tokens.is_glued(after, _DOT)
        ranged = self._tokens.is_glued(dash, _DASHES) and self._tokens.is_glued_number(dash + 1)
        return dash + 2 if ranged else after

    def _past_mark(self, after: int, *, alone: bool = False) -> int:
        """The place after the mark of an ordinal number, or `after` itself; `alone` where no month follows."""
        dotted = not alone or "german" in self._languages  # else a dot ends the sentence
        return after + self._tokens.is_glued(after, _ORDINAL_MARKS | _DOT if dotted else _ORDINAL_MARKS)

    def _day_alone(self, place: int) -> Day | None:
        """The day of a month that is not told: "the 25th", "am 25.", "le 25"; no third strike, and no 12 of them."""
        article, end = self._tokens.text(place - 1), self._past_mark(place + 1, alone=True)
        marked = end > place + 1
        if article not in ARTICLES or (article in _MARKED_ARTICLES and not marked):
            return None
        token = self._tokens.at(end)
        if token.text in _CLOSING or token.kind == "" or self._is_timed(end):
            return day_of(self._tokens.text(place))
        known = any(token.text in STOP_WORDS[language] for language in self._languages)
        known = known or self._tokens.text(end - 1) == "."  # "am 25. verschoben"; what it counts has a capital letter
        ends = marked and known and not token.capital and (self._heard or token.text not in _LISTING)
        return day_of(self._tokens.text(place)) if ends else None

    def _is_timed(self, place: int) -> bool:
        """Whether a number follows soon, as in "le 25 à 18h" and "el 25 a las 8"."""
        words = range(place, place + 3)
        number = next((part for part in words if self._tokens.at(part).kind != "word"), place)
        return number > place and self._tokens.is_number(number)

    # what begins with a word

    def _word(self, place: int) -> Read:
        if self._tokens.at(place).kind == "word":
            for read in (self._from_weekday, self._from_month, self._from_hour, self._from_count):
                if result := read(place):
                    return result
        return [], place + 1

    def _from_weekday(self, place: int) -> Read | None:
        """A weekday, with the date behind it where there is one."""
        tokens, after = self._tokens, place + 1
        after += tokens.text(after) in (".", ",")
        after += tokens.text(after) in ARTICLES
        weekday = self._weekday(place, dated=tokens.is_number(after))
        if weekday is None:
            return None
        named = self._value(place, place + 1, Day(weekday=weekday))
        read, end = self._number(after) if tokens.is_number(after) else self._from_month(after) or ([], after)
        first, day = (read[0], read[0].day) if read else (named, None)
        if day and day.month and day.day:
            both = [replace(m, weekday=weekday) if isinstance(m, Day) else m for m in first.meanings]
            return [replace(first, start=named.start, meanings=tuple(both)), *read[1:]], end
        alone = day_of(tokens.text(after)) if tokens.is_number(after) else None
        if alone and len(read) == 1 and Number(frozenset({Decimal(tokens.text(after))})) in first.meanings:
            marked = tokens.is_glued(after + 1, _ORDINAL_MARKS)
            return [named, replace(first, meanings=(replace(alone, weekday=weekday), *first.meanings[marked:]))], end
        return [named], place + 1

    def _from_month(self, place: int) -> Read | None:
        """A month, with day and year behind it where they are told: "oct 14", "October 2026"."""
        tokens = self._tokens
        month = self._month(place, dated=tokens.is_number(place + 1))
        if month is None:
            return None
        before_day = "english" in self._languages and tokens.is_number(place + 1)  # "ab Mai 14 Euro" is no date
        if before_day and not self._hour(place + 1) and not tokens.is_glued(place + 2, frozenset(":")):
            year, end = self._year(place + 2 + tokens.is_glued(place + 2, _ORDINAL_MARKS))
            if day := date_of(tokens.text(place + 1), str(month)):
                return [self._value(place, end, replace(day, year=year))], end
        year, end = self._year(place + 1)
        count = value_of(NUMBERS, tokens.text(place), self._languages)  # "sept" is seven in French
        counts = [Number(frozenset({Decimal(count)}))] if count and not year else []
        return [self._value(place, end, Day(year=year, month=month), *counts)], end

    def _year(self, place: int) -> tuple[int | None, int]:
        """The year at a place, behind a comma or "of", and the place after it."""
        token = self._tokens.at(place + (self._tokens.text(place) in (",", "de", "del", "of")))
        year = int(token.text) if token.kind == "number" and len(token.text) == 4 else 0
        after = place + 1 + (token is not self._tokens.at(place))
        return (year, after) if year in YEARS else (None, place)

    def _weekday(self, place: int, *, dated: bool) -> int | None:
        word = self._tokens.text(place)
        for form in (word, word.removesuffix("s")):  # "on Tuesdays"
            if (weekday := value_of(WEEKDAYS, form)) is not None:
                return weekday
        if self._may_be_name(place, dated=dated) and (word != "so" or dated):
            weekday = value_of(SHORT_WEEKDAYS, word, self._languages)
            if weekday is not None:
                return weekday
        names = WEEKDAYS["german"].items() if "german" in self._languages else ()  # "Samstagabend"
        return next((day for name, day in names if word.startswith(name)), None)

    def _month(self, place: int, *, dated: bool) -> int | None:
        word = self._tokens.text(place)
        if word not in _OFTEN_WORDS and (month := value_of(MONTHS, word)):
            return month
        tables = (MONTHS, SHORT_MONTHS) if self._may_be_name(place, dated=dated) else ()
        months = (value_of(table, word, self._languages) for table in tables)
        return next((month for month in months if month), None)

    def _may_be_name(self, place: int, *, dated: bool) -> bool:
        """Whether a word that may be something else is to be read as a day or a month."""
        token, before = self._tokens.at(place), self._tokens.at(place - 1)
        often = token.text in _OFTEN_WORDS and before.kind == "word"  # "in May"; "Jun uses" may be a person
        return self._heard or dated or (token.capital and often)

    def _from_hour(self, place: int) -> Read | None:
        """Noon, midnight, and half hours in words."""
        tokens, word = self._tokens, self._tokens.text(place)
        if self._heard and word in NAMED_HOURS:
            return [self._value(place, place + 1, Clock(frozenset({60 * NAMED_HOURS[word]})))], place + 1
        past = word == "half" and tokens.text(place + 1) == "past"
        if not past and word != "halb":
            return None
        hour, end = counted(self._tokens, self._languages, place + 1 + past)
        if hour is None and tokens.is_number(place + 1 + past) and len(tokens.text(end - 1)) <= 2:
            hour = int(tokens.text(end - 1))
        clock = clock_of(str(hour if past else hour - 1), "30", "") if hour else None
        return ([self._value(place, end, clock)], end) if clock else None

    def _from_count(self, place: int) -> Read | None:
        """A number in words, with its unit."""
        amount, after = counted(self._tokens, self._languages, place)
        if self._heard and amount is None:
            amount = value_of(ORDINALS, self._tokens.text(place), self._languages)
        if amount is None or (self._tokens.text(place) in AMBIGUOUS_NUMBERS and not self._heard):
            return None
        half, end = self._half(after)
        clock = clock_of(str(amount), "00", half) if end > after else None
        unit = UNITS.get(self._tokens.text(after), "")
        end = max(end, after + bool(unit))
        number = Number(frozenset({Decimal(amount)}), unit)
        return [self._value(place, end, number, *([clock] if clock else []))], end
