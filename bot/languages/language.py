"""One language: sentences from its catalogue, and numbers and days as they are written in it."""

from __future__ import annotations

from datetime import date
from gettext import NullTranslations

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal

from bot.domain import Phrase, Value


class Language:
    """Says things in one language.

    Args:
        locale: how numbers and days are written.
        catalogue: the sentences; what it lacks is said in English.
    """

    def __init__(self, locale: Locale, catalogue: NullTranslations) -> None:
        self._locale = locale
        self._catalogue = catalogue

    @property
    def code(self) -> str:
        """The language, as in "de"."""
        return self._locale.language

    def say(self, template: str, /, **values: Value) -> str:
        """An English sentence with gaps, in this language; arguments as of `Phrase`."""
        return self.translated(Phrase(template, **values))

    def plural(self, one: str, many: str, number: int, /, **values: Value) -> str:
        """The same for a sentence that a number decides; arguments as of `Phrase.plural`."""
        return self.translated(Phrase.plural(one, many, number, **values))

    def translated(self, text: str) -> str:
        """A `Phrase` in this language; other text as it is."""
        if not (isinstance(text, Phrase) and text.template):
            return text
        if text.many:
            template = self._catalogue.ngettext(text.template, text.many, text.number)
        else:
            template = self._catalogue.gettext(text.template)
        return template.format(**{name: self._written(value) for name, value in text.values.items()})

    def number(self, number: int) -> str:
        """A number with its thousands apart."""
        return str(format_decimal(number, locale=self._locale))

    def day(self, day: date) -> str:
        """A day of this year or the next: "Sun 21 Jun"."""
        return str(format_skeleton("MMMEd", day, locale=self._locale))

    def _written(self, value: Value) -> str:
        match value:
            case str():
                return self.translated(value)
            case int():
                return self.number(value)
        weekday, day = (str(format_date(value, part, locale=self._locale)) for part in ("EEEE", "long"))
        return self.say("{weekday} {day}", weekday=weekday, day=day)
