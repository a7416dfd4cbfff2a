"""A sentence for people that can still be said in another language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Self

Value = str | int | date
"""What stands in a gap: text as it is, a `Phrase`, a number, or a day."""


class Phrase(str):
    """A sentence in English, with what a catalogue needs to say it in another language.

    Services return it where members are told something, so that the command line prints it as it is, and who shows it
    to a member has it said in their language.

    Attributes:
        template: the English sentence with gaps, as in "Back in {when}"; a catalogue knows it by this.
        many: the same for other numbers than one; empty where no number decides.
        number: which decides, and fills the gap `{number}`.
        values: what stands in the gaps; text of people only where it was made safe for its place.
    """

    template: str
    many: str
    number: int
    values: Mapping[str, Value]

    def __new__(cls, template: str, /, **values: Value) -> Self:
        """A sentence with gaps, and what stands in them."""
        return cls._filled(template, "", 1, values)

    def __deepcopy__(self, _: object) -> Self:
        return self  # it never changes

    @classmethod
    def plural(cls, one: str, many: str, number: int, /, **values: Value) -> Self:
        """A sentence that a number decides, such as "{number} day" and "{number} days"."""
        return cls._filled(one, many, number, {"number": number, **values})

    @classmethod
    def joined(cls, separator: str, parts: Iterable[str]) -> Self:
        """Several sentences one after another, each of which is said in another language by itself."""
        values = {f"part{number}": part for number, part in enumerate(parts)}
        return cls._filled(separator.join(f"{{{name}}}" for name in values), "", 1, values)

    @classmethod
    def _filled(cls, template: str, many: str, number: int, values: Mapping[str, Value]) -> Self:
        chosen = many if many and number != 1 else template
        phrase = super().__new__(cls, chosen.format(**{name: _in_english(value) for name, value in values.items()}))
        phrase.template, phrase.many, phrase.number = template, many, number
        phrase.values = MappingProxyType(dict(values))
        return phrase


def _in_english(value: Value) -> str:
    match value:
        case str():
            return value
        case int():
            return f"{value:,}"
    return f"{value:%A} {value.day} {value:%B %Y}"
