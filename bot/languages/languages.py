"""The languages that the bot speaks, from the catalogues beside this module."""

from __future__ import annotations

from collections.abc import Iterator
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from bot.languages.language import Language

ENGLISH = "en"
SUFFIX = ".po"


class Languages:
    """Every language that there is a catalogue of, and English, which needs none.

    Catalogues are read here, 0.1 s each, and compiled in memory, so that no build has to be run after a change.
    """

    def __init__(self) -> None:
        self._english = Language(Locale("en", "GB"), NullTranslations())  # days before months, as the code writes them
        self._by_code = {ENGLISH: self._english}
        for file in catalogue_files():
            code = file.name.removesuffix(SUFFIX)
            self._by_code[code] = Language(Locale(code), _compiled(file))

    def of(self, locale: object) -> Language:
        """The language of a locale as Discord writes it ("de", "es-419"); English where that is no other."""
        return self._by_code.get(str(locale).partition("-")[0], self._english)

    def __iter__(self) -> Iterator[Language]:
        return iter(self._by_code.values())


def catalogue_files() -> list[Traversable]:
    """A file for each language but English."""
    folder = files("bot.languages") / "catalogues"
    return sorted((file for file in folder.iterdir() if file.name.endswith(SUFFIX)), key=lambda file: file.name)


def _compiled(file: Traversable) -> GNUTranslations:
    compiled = BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source))
    compiled.seek(0)
    return GNUTranslations(compiled)
